// Texts of the two live regions.
class Announcements {
  polite = $state('');
  assertive = $state('');
}

export const announcements = new Announcements();

export function announce(text: string, how: 'polite' | 'assertive' = 'polite'): void {
  announcements[how] = text;
}

// What jsdom lacks of a browser, as far as the page asks for it.
import { vi } from 'vitest';

// For tests that bring a server of their own.
export const real_fetch = globalThis.fetch;

if (typeof window !== 'undefined') {
  window.matchMedia ??= ((query: string) => ({ matches: false, media: query, addEventListener: () => {}, removeEventListener: () => {} })) as unknown as typeof window.matchMedia;
  globalThis.fetch = vi.fn(() => Promise.reject(new Error('no network in this test')));
}

// Light, dark, or as the system has it; and whether single keys do something (WCAG 2.1.4). Kept in this browser.
import { flushSync } from 'svelte';

export type Theme = 'system' | 'light' | 'dark';

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // It then holds until the page is closed.
  }
}

const system_is_dark = typeof matchMedia === 'function' ? matchMedia('(prefers-color-scheme: dark)') : null;

class Look {
  theme = $state<Theme>((read('sluice-theme') as Theme | null) ?? 'system');
  keys_on = $state(read('sluice-keys') !== 'off');
  #system_dark = $state(system_is_dark?.matches ?? false);
  printing = $state(false);
  // Paper is light.
  is_dark = $derived(this.printing ? false : this.theme === 'system' ? this.#system_dark : this.theme === 'dark');

  constructor() {
    system_is_dark?.addEventListener('change', (event) => {
      this.#system_dark = event.matches;
      this.show();
    });
    this.show();
    // The browser takes the page as it is when its event has been heard.
    for (const [event, printing] of [['beforeprint', true], ['afterprint', false]] as const) {
      globalThis.addEventListener?.(event, () => {
        flushSync(() => {
          this.printing = printing;
          this.show();
        });
      });
    }
  }

  next(): void {
    this.theme = this.theme === 'system' ? 'light' : this.theme === 'light' ? 'dark' : 'system';
    write('sluice-theme', this.theme);
    this.show();
  }

  // At once, and not when effects run: a chart that is drawn anew for another look reads its colours from the page.
  private show(): void {
    document.documentElement.dataset['theme'] = this.is_dark ? 'dark' : 'light';
  }

  set_keys(on: boolean): void {
    this.keys_on = on;
    write('sluice-keys', on ? 'on' : 'off');
  }
}

export const look = new Look();

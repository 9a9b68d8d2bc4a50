// What jsdom lacks of a browser, as far as the page asks for it.
import { configure } from '@testing-library/svelte';
import { vi } from 'vitest';

// The machine may be busy with other things; nothing here is about its speed.
configure({ asyncUtilTimeout: 20_000 });

// For tests that bring a server of their own.
export const real_fetch = globalThis.fetch;

if (typeof window !== 'undefined') {
  window.matchMedia ??= ((query: string) => ({ matches: false, media: query, addEventListener: () => {}, removeEventListener: () => {} })) as unknown as typeof window.matchMedia;
  globalThis.fetch = vi.fn(() => Promise.reject(new Error('no network in this test')));
}

// Locks of all windows of one origin; a test's windows are all in this one.
if (typeof navigator !== 'undefined' && !navigator.locks) {
  const held = new Set<string>();
  const locks = {
    async request(name: string, _options: LockOptions, granted: (lock: object | null) => unknown): Promise<unknown> {
      await Promise.resolve();
      if (held.has(name)) return granted(null);
      held.add(name);
      try {
        return await granted({ name });
      } finally {
        held.delete(name);
      }
    },
  };
  Object.defineProperty(navigator, 'locks', { value: locks, configurable: true });
}

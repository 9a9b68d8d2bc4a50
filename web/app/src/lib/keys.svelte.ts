// Keys of the page. They never fire in a field, in a dialog, or with Ctrl, Alt or Meta. Those that are a letter or a sign can be turned off; arrows
// and Escape stay: speech input says no arrows by accident.
import { look } from './theme.svelte';

// What the screen at hand offers to the keys that depend on it.
export interface ListKeys {
  move(by: number): void;
  // How many stand side by side, where it is no single column.
  across?(): number;
}

class Keys {
  list: ListKeys | null = null;
  screen: Record<string, () => void> = {};
}

export const keys = new Keys();

export interface KeyMap {
  single: Record<string, () => void>;
  after_g: Record<string, () => void>;
}

function is_typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'SELECT', 'TEXTAREA'].includes(target.tagName));
}

export function listen_to_keys(map: KeyMap): () => void {
  let g_until = 0;
  function pressed(event: KeyboardEvent) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!look.keys_on && event.key.length === 1) return;
    if (is_typing(event.target) || document.querySelector('dialog[open]')) return;
    // What scrolls, scrolls; arrows are for the list where there is one.
    if (event.key.startsWith('Arrow') && (!keys.list || (event.target instanceof Element && event.target.closest('.scroll')))) return;
    if ((event.key === 'ArrowLeft' || event.key === 'ArrowRight') && !keys.list?.across && !keys.screen[event.key]) return;
    const now = Date.now();
    if (now < g_until) {
      g_until = 0;
      const go = map.after_g[event.key];
      if (go) {
        event.preventDefault();
        go();
      }
      return;
    }
    if (event.key === 'g') {
      g_until = now + 1500;
      return;
    }
    const act = keys.screen[event.key] ?? map.single[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
  addEventListener('keydown', pressed);
  return () => removeEventListener('keydown', pressed);
}

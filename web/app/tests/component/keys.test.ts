import { fireEvent } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keys, listen_to_keys } from '../../src/lib/keys.svelte';
import { look } from '../../src/lib/theme.svelte';

describe('single keys that are turned off', () => {
  let done: string[] = [];
  let stop = () => {};
  beforeEach(() => {
    done = [];
    const note = (what: string) => () => done.push(what);
    keys.screen = { Escape: note('Escape'), a: note('a'), '+': note('+') };
    keys.list = { move: (by) => done.push(`move ${by}`) };
    stop = listen_to_keys({ single: { d: note('d'), ArrowDown: () => keys.list?.move(1) }, after_g: { t: note('g t') } });
  });
  afterEach(() => {
    stop();
    keys.screen = {};
    keys.list = null;
    look.set_keys(true);
  });
  const press = async () => {
    for (const key of ['a', 'd', '+', 'g', 't', 'Escape', 'ArrowDown']) await fireEvent.keyDown(document.body, { key });
    return done;
  };
  it('are the letters and signs; Escape still closes, and arrows still move', async () => {
    look.set_keys(false);
    expect(await press()).toEqual(['Escape', 'move 1']);
  });
  it('all do something when they are on', async () => {
    expect(await press()).toEqual(['a', 'd', '+', 'g t', 'Escape', 'move 1']);
  });
});

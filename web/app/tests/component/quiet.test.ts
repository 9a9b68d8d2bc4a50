import { expect, it } from 'vitest';
import { clock } from '../../src/lib/clock.svelte';
import { quiet } from '../../src/lib/quiet';

it('what is asked for while a hand moves something is done once when the last one lets go', () => {
  let done = 0;
  const act = () => (done += 1);
  quiet.then(act);
  expect(done).toBe(1);
  const [first, second] = [quiet.begin(), quiet.begin()];
  quiet.then(act);
  quiet.then(act);
  first();
  first();
  expect(done).toBe(1);
  second();
  expect(done).toBe(2);
  expect(quiet.is).toBe(false);
});

it('the time that is shown stands still meanwhile, and is right afterwards', () => {
  clock.learn('2026-01-01T12:00:00.000Z', Date.now(), 0);
  const before = clock.now;
  const end = quiet.begin();
  clock.learn('2026-01-01T12:00:30.000Z', Date.now(), 0);
  clock.tick();
  expect(clock.now).toBe(before);
  end();
  expect(clock.now - before).toBeGreaterThan(25_000);
});

import { expect, it } from 'vitest';
import { matches, ordered, terms_of, worst_first } from '../../src/lib/order';
import { podinfo_at } from './samples';

it('the worst stands first, and among equals who fails for longest', () => {
  const failing = { ...podinfo_at(108), name: 'b', since: '2026-01-01T12:01:00.000Z' };
  const older = { ...failing, name: 'c', since: '2026-01-01T12:00:00.000Z' };
  const fine = { ...podinfo_at(0), name: 'a' };
  const newer = { ...fine, name: 'd', since: '2026-01-01T13:00:00.000Z' };
  const going = { ...podinfo_at(30), name: 'e' };
  expect([fine, going, failing, newer, older].sort(worst_first).map((one) => one.name)).toEqual(['c', 'b', 'e', 'd', 'a']);
});

it('a column orders them, either way, and one that there is not leaves them as they are', () => {
  const one = { ...podinfo_at(108), name: 'b' };
  const other = { ...podinfo_at(0), name: 'a' };
  const names = (by: string) => ordered([one, other], by).map((release) => release.name);
  expect(names('name')).toEqual(['a', 'b']);
  expect(names('-name')).toEqual(['b', 'a']);
  expect(names('-weight')).toEqual(['b', 'a']);
  expect(names('next')).toEqual(['b', 'a']);
  expect(names('nothing')).toEqual(['b', 'a']);
});

it('a search finds by name, namespace, image and status, and every word must be there', () => {
  const release = podinfo_at(108);
  for (const text of ['podinfo', 'TEST/podinfo', '6.2.0', 'progressing', 'podinfo 6.1.0', '']) expect(matches(release, terms_of(text))).toBe(true);
  for (const text of ['podinfo 9.9', 'shop']) expect(matches(release, terms_of(text))).toBe(false);
});

it('a search takes whole names, what must not be there, and single fields', () => {
  const release = podinfo_at(108);
  for (const text of ['"podinfo"', 'ns:test', '!shop', 'status:failing', 'version:6.2.0,ns:test', 'kind:canary name:pod', '!status:failed', '"6.1.0"']) expect(matches(release, terms_of(text)), text).toBe(true);
  for (const text of ['"podinf"', 'ns:podinfo', '!podinfo', 'status:failed', 'name:test', '!ns:test', 'version:"6.2"']) expect(matches(release, terms_of(text)), text).toBe(false);
});

import { describe, expect, it } from 'vitest';
import * as format from '../../src/lib/format';

describe('numbers', () => {
  it('what is unknown is a dash and never 0', () => {
    for (const show of [format.rate, format.ratio, format.percent, format.millis, format.count]) {
      expect(show(null)).toBe('–');
      expect(show(undefined)).toBe('–');
      expect(show(Number.NaN)).toBe('–');
      expect(show(Number.POSITIVE_INFINITY)).toBe('–');
    }
  });
  it('a ratio that is not whole is not shown as 100 %', () => {
    expect(format.ratio(0.99999)).toBe('99.99 %');
    expect(format.ratio(0.9999, 1)).toBe('99.9 %');
    expect(format.ratio(1)).toBe('100 %');
    expect(format.ratio(0)).toBe('0 %');
    expect(format.ratio(0.932)).toBe('93.20 %');
  });
  it.each([
    [0, '0 rps'],
    [0.4, '0.4 rps'],
    [12, '12.0 rps'],
    [120.4, '120 rps'],
    [4200, '4.2k rps'],
  ])('a rate of %s is %s', (value, text) => expect(format.rate(value)).toBe(text));
  it.each([
    [0, '0 ms'],
    [8.13, '8.1 ms'],
    [612, '612 ms'],
    [1543, '1.54 s'],
  ])('a latency of %s ms is %s', (value, text) => expect(format.millis(value)).toBe(text));
  it('a bound has its unit', () => {
    expect(format.bound(99, null, '%')).toBe('≥ 99 %');
    expect(format.bound(null, 500, 'ms')).toBe('≤ 500 ms');
    expect(format.bound(1, 2, null)).toBe('≥ 1, ≤ 2');
    expect(format.bound(null, null, null)).toBe('any');
  });
});

describe('times', () => {
  it('a countdown is never early', () => {
    const now = Date.parse('2026-01-01T12:00:00.000Z');
    expect(format.countdown('2026-01-01T12:00:11.200Z', now)).toBe('in 12 s');
    expect(format.countdown('2026-01-01T12:00:00.000Z', now)).toBe('now');
    expect(format.countdown('2026-01-01T11:59:00.000Z', now)).toBe('now');
    expect(format.countdown('2026-01-01T12:02:05.000Z', now)).toBe('in 2 min 5 s');
    expect(format.countdown(null, now)).toBeNull();
    expect(format.countdown('no time', now)).toBeNull();
  });
  it.each([
    [59, '59 s'],
    [60, '1 min'],
    [125, '2 min 5 s'],
    [3600, '1 h'],
    [7320, '2 h 2 min'],
    [200_000, '2 d'],
  ])('%s seconds are %s', (value, text) => expect(format.span(value)).toBe(text));
});

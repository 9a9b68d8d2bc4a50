import { describe, expect, it } from 'vitest';
import { sorted } from '../../src/lib/sort';

const items = [
  { name: 'b', rps: 2 },
  { name: 'a', rps: null },
  { name: 'c', rps: 9 },
  { name: 'd', rps: 2 },
];
const columns = { name: (one: (typeof items)[0]) => one.name, rps: (one: (typeof items)[0]) => one.rps };
const names = (by: string) => sorted(items, columns, by).map((one) => one.name).join('');

describe('rows in the order of a column', () => {
  it('go up, or down with a minus', () => {
    expect(names('name')).toBe('abcd');
    expect(names('-name')).toBe('dcba');
  });
  it('have what is unknown last, whichever way round, and equals as they were', () => {
    expect(names('rps')).toBe('bdca');
    expect(names('-rps')).toBe('cbda');
  });
  it('stay as they are for a column that is not there', () => {
    expect(names('nothing')).toBe('bacd');
    expect(names('')).toBe('bacd');
  });
});

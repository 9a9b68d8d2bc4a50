import { describe, expect, it } from 'vitest';
import { folded } from '../../src/lib/diff';

const alike = (count: number) => Array.from({ length: count }, (_, i) => ({ op: 'same' as const, text: `line ${i}` }));

describe('a difference', () => {
  it('keeps three lines around what has changed, and counts what it leaves out', () => {
    const lines = [...alike(10), { op: 'removed' as const, text: 'a' }, { op: 'added' as const, text: 'b' }, ...alike(10)];
    const shown = folded(lines);
    expect(shown.map((line) => (line.left_out ? `(${line.left_out})` : line.op[0])).join(' ')).toBe('(7) s s s r a s s s (7)');
    expect(shown.reduce((sum, line) => sum + (line.left_out || 1), 0)).toBe(lines.length);
  });
  it('leaves out no single line', () => {
    const lines = [{ op: 'added' as const, text: 'a' }, ...alike(7), { op: 'added' as const, text: 'b' }, ...alike(4)];
    expect(folded(lines).every((line) => line.left_out === 0)).toBe(true);
  });
  it('of nothing is nothing', () => {
    expect(folded([])).toEqual([]);
    expect(folded(alike(5)).map((line) => line.left_out)).toEqual([5]);
  });
});

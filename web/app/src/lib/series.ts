// What a chart takes, out of an answer's grid.
import type { Series } from '../api/types';

export function times_of(grid: { from: number; to: number; step: number }): number[] {
  const count = Math.max(0, Math.floor((grid.to - grid.from) / grid.step + 1e-6) + 1);
  return Array.from({ length: count }, (_, i) => grid.from + i * grid.step);
}

// A grid says how long its lists are; one that is shorter ends in a gap.
export function fitted(values: (number | null)[], length: number): (number | null)[] {
  const fit = values.slice(0, length);
  while (fit.length < length) fit.push(null);
  return fit;
}

export function has_any(values: (number | null)[]): boolean {
  return values.some((value) => value !== null && value > 0);
}

// Sum of all classes; a gap where none is known.
export function total_rate(series: Series): (number | null)[] {
  const lists = [series.rate['2xx'], series.rate['4xx'], series.rate['5xx'], series.rate.other];
  const length = Math.max(...lists.map((list) => list.length));
  return Array.from({ length }, (_, i) => {
    const known = lists.map((list) => list[i]).filter((value): value is number => value !== null && value !== undefined);
    return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
  });
}

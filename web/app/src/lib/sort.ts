// Rows in the order of a column; what is unknown comes last, whichever way round.
import type { Health, LevelCounts } from '../api/types';

export type Order<T> = (item: T) => string | number | null;
export type Columns<T> = Record<string, Order<T>>;

// A column of a list; without `by` it orders nothing. `down`: the largest first when it is chosen.
export interface Column<T> {
  id: string;
  name: string;
  by?: Order<T>;
  down?: boolean;
}

// What has a place in a list with its health.
export interface Listed {
  namespace: string;
  name: string;
  health: Health;
}

const ranks: Record<string, number> = { failure: 0, degraded: 1, notReady: 2, healthy: 3, unknown: 4 };
export const worst_health = (item: Listed): number => ranks[item.health.status] ?? 5;
export const worst_findings = (counts: LevelCounts): number => counts.error * 1e6 + counts.warning * 1e3 + counts.info;

export function sorted<T>(items: T[], columns: Columns<T>, by: string): T[] {
  const value = columns[by.replace(/^-/, '')];
  if (!value) return items;
  const sign = by.startsWith('-') ? -1 : 1;
  return items.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    return x < y ? -sign : x > y ? sign : 0;
  });
}

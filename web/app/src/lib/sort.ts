// Rows in the order of a column; what is unknown comes last, whichever way round.
export type Columns<T> = Record<string, (item: T) => string | number | null>;

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

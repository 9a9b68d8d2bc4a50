// Worst first: the order of the contract, kept while the stream changes single releases.
import type { Release, Severity } from '../api/types';

const ranks: Record<Severity, number> = { failure: 0, warning: 1, waiting: 2, progress: 3, ok: 4 };

export function key_of(release: { kind: string; namespace: string; name: string }): string {
  return `${release.kind.toLowerCase()}/${release.namespace}/${release.name}`;
}

function text_order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function worst_first(a: Release, b: Release): number {
  const by_severity = (ranks[a.severity] ?? 4) - (ranks[b.severity] ?? 4);
  if (by_severity !== 0) return by_severity;
  const by_since = text_order(a.since, b.since);
  if (by_since !== 0) return a.severity === 'ok' ? -by_since : by_since;
  return text_order(key_of(a), key_of(b));
}

// How a person may order them instead: by a column, `-` before it for the other way round.
const columns: Record<string, (release: Release) => string | number> = {
  name: (release) => `${release.name}/${release.namespace}`,
  weight: (release) => release.weight.desired,
  failed: (release) => release.checks.failed,
  since: (release) => Date.parse(release.since),
  next: (release) => (release.outlook.notBefore ? Date.parse(release.outlook.notBefore) : Number.POSITIVE_INFINITY),
};

export function ordered(releases: Release[], by: string): Release[] {
  const value = columns[by.replace(/^-/, '')];
  if (!value) return releases;
  const sign = by.startsWith('-') ? -1 : 1;
  return releases.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    return x < y ? -sign : x > y ? sign : worst_first(a, b);
  });
}

export function matches(release: Release, words: string[]): boolean {
  if (words.length === 0) return true;
  const text = [
    `${release.namespace}/${release.name}`,
    release.status,
    ...release.revisions.stable.images,
    ...release.revisions.canary.images,
  ]
    .join(' ')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

export function words_of(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

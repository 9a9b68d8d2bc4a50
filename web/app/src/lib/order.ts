// Worst first: the order of the contract, kept while the stream changes single releases.
import type { Release, Severity } from '../api/types';
import { mark_of } from './words';

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

// What releases are looked for by: all of the terms have to hold. "…" is a whole word or name, !… must not be there, and name:, ns:, kind:, status: and
// version: ask that alone.
export interface Term {
  text: string;
  of: string | null;
  whole: boolean;
  not: boolean;
}

export function terms_of(text: string): Term[] {
  const all = text.toLowerCase().matchAll(/(!)?(?:(name|ns|kind|status|version):)?(?:"([^"]*)"|([^\s",]+))/g);
  return [...all].map(([, not, of, whole, part]) => ({ text: whole ?? part ?? '', of: of ?? null, whole: whole !== undefined, not: not !== undefined }));
}

export function matches(release: Release, terms: Term[]): boolean {
  if (terms.length === 0) return true;
  const { stable, canary } = release.revisions;
  const fields: Record<string, string[]> = {
    name: [release.name],
    ns: [release.namespace],
    kind: [release.kind],
    status: [release.status, mark_of(release).word],
    version: [stable.version ?? '', canary.version ?? ''],
  };
  const anywhere = [`${release.namespace}/${release.name}`, release.name, release.namespace, ...(fields['status'] ?? []), ...(fields['version'] ?? []), ...stable.images, ...canary.images];
  return terms.every(({ text, of, whole, not }) => {
    const looked_in = (of === null ? anywhere : (fields[of] ?? [])).map((one) => one.toLowerCase());
    const is_there = whole ? looked_in.includes(text) : looked_in.some((one) => one.includes(text));
    return is_there !== not;
  });
}

export function words_of(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

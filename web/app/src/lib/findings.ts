// What lint finds, in order: a finding's columns, and its rows by object.
import type { Validation } from '../api/types';
import { gateway_href, release_href, service_href, workload_href } from './route.svelte';
import { sorted, type Column } from './sort';

const ranks = { error: 0, warning: 1, info: 2 };
const object_of = ({ object }: Validation) => `${object.namespace}/${object.name} ${object.kind}`;

export const columns: Column<Validation>[] = [
  { id: 'level', name: 'Level', by: (item) => ranks[item.level] },
  { id: 'code', name: 'Code', by: (item) => item.code || null },
  { id: 'object', name: 'Object', by: object_of },
  { id: 'message', name: 'Message', by: (item) => item.message.toLowerCase() },
  // The newest first: what was changed lately is what a person looks for.
  { id: 'since', name: 'Since', by: (item) => (item.since ? Date.parse(item.since) : null), down: true },
];
const orders = Object.fromEntries(columns.flatMap(({ id, by }) => (by ? [[id, by]] : [])));

export function in_order(items: Validation[], by: string): Validation[] {
  const usual = sorted(sorted(sorted(items, { path: (item) => item.path }, 'path'), orders, 'object'), orders, 'level');
  return by ? sorted(usual, orders, by) : usual;
}

// A row is a finding, or the head of those of one object.
export type Row = { of: Validation; head: Validation[] | null };

// Objects come as their first finding does.
export function by_object(items: Validation[], with_heads: boolean): Row[] {
  const groups = new Map<string, Validation[]>();
  for (const item of items) {
    const group = groups.get(object_of(item));
    if (group) group.push(item);
    else groups.set(object_of(item), [item]);
  }
  return [...groups.values()].flatMap((group): Row[] => {
    const rows: Row[] = group.map((of) => ({ of, head: null }));
    return with_heads && group[0] ? [{ of: group[0], head: group }, ...rows] : rows;
  });
}

export function key_of_row({ of, head }: Row): string {
  return head ? `of ${object_of(of)}` : of.id;
}

// The page of the object itself, where it has one.
export function page_of({ object: { kind, namespace, name } }: Validation): string | null {
  if (kind === 'Canary' || kind === 'Rollout') return release_href(kind, namespace, name);
  if (kind === 'Service') return service_href(namespace, name);
  if (kind === 'Deployment' || kind === 'DaemonSet') return workload_href(kind, namespace, name);
  return kind === 'IstioMeshGateway' ? gateway_href(namespace, name) : null;
}

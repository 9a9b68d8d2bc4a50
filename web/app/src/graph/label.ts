// What an edge says.
import type { Edge, Node } from '../api/types';
import { millis, percent, rate, ratio, unknown } from '../lib/format';

export const labels = {
  all: 'rate, success, p99',
  rps: 'rate',
  share: 'share',
  success: 'success',
  p50: 'p50',
  p95: 'p95',
  p99: 'p99',
  throughput: 'throughput',
  mtls: 'mTLS',
} as const;
export type Label = keyof typeof labels;

export function bytes(value: number | null): string {
  if (value === null) return unknown;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} MB/s`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)} kB/s`;
  return `${value.toFixed(0)} B/s`;
}

// Both ways together.
export function throughput_of(edge: Edge): string {
  return bytes(edge.throughput && edge.throughput.in + edge.throughput.out);
}

// What there is to count: requests, or of TCP bytes.
export function traffic_of(edge: Edge): string {
  return edge.protocol === 'tcp' ? throughput_of(edge) : rate(edge.rps);
}

// Of few requests the hundredths tell: a canary's first share.
function fine_rate(value: number): string {
  return value > 0 && value < 100 ? `${value.toFixed(2)} rps` : rate(value);
}

export function label_of(edge: Edge, label: Label): string {
  const traffic = traffic_of(edge);
  switch (label) {
    case 'all':
      if (edge.rps === null) return unknown;
      if (edge.rps === 0 || edge.protocol === 'tcp') return edge.rps === 0 ? 'idle' : traffic;
      return `${traffic} · ${ratio(edge.success, 1)} · ${millis(edge.p99)}`;
    case 'rps':
      return edge.protocol === 'tcp' || edge.rps === null ? traffic : fine_rate(edge.rps);
    case 'share':
      return percent(edge.share === null ? null : Math.round(edge.share * 1000) / 10);
    case 'success':
      return ratio(edge.success);
    case 'p50':
    case 'p95':
    case 'p99':
      return millis(edge[label]);
    case 'throughput':
      return throughput_of(edge);
    case 'mtls':
      return edge.mtls === null ? unknown : edge.mtls >= 0.99 ? 'mTLS' : edge.mtls > 0 ? `${Math.round(edge.mtls * 100)} % mTLS` : 'plain';
  }
}

// Versions of one app are told apart.
export function name_of(node: Node): string {
  return node.id.includes('@') && node.version ? `${node.name} ${node.version}` : node.name;
}

// The second line of a node, as the page and the saved picture have it: what it is to its release, or where it is.
export function line_of(node: Node): { strong: string | null; text: string } {
  if (node.kind === 'namespace') return { strong: null, text: `${node.workloads ?? 0} workloads` };
  const release = node.release;
  if (release && release.role !== 'group') return { strong: release.role, text: release.version ?? node.version ?? '' };
  // Of both versions the new one's share is what changes.
  if (release?.weight) return { strong: `canary ${release.weight} %`, text: `· ${node.namespace ?? ''}` };
  const where = node.namespace ?? (node.kind === 'unknown' ? 'from outside' : node.kind);
  return { strong: null, text: node.id.includes('@') && node.version ? `${node.version} · ${where}` : where };
}

// Namespaces are told apart by a tint beside their names, as far as there are tints; where all is of one, nothing has to be told apart.
export const tints = 6;
export function tints_of(nodes: Node[]): Map<string, number> {
  const names = [...new Set(nodes.flatMap((node) => (node.namespace && node.kind !== 'namespace' ? [node.namespace] : [])))].sort();
  return new Map(names.length > 1 ? names.map((name, i) => [name, (i % tints) + 1]) : []);
}

// What was not there before; of a picture that is all new, and of the first one, nothing is.
export function fresh_of(before: Iterable<string>, now: Iterable<string>): Set<string> {
  const known = new Set(before);
  const ids = [...now];
  return new Set(ids.some((id) => known.has(id)) ? ids.filter((id) => !known.has(id)) : []);
}

export function lock_of(mtls: number): 'lock' | 'halfLock' | 'unlock' {
  return mtls >= 0.99 ? 'lock' : mtls > 0 ? 'halfLock' : 'unlock';
}

// Many labels hide the picture: of many edges only those that fail are told.
const labels_max = 80;
export function is_labelled(edge: Edge, edges: number): boolean {
  return edges <= labels_max || (edge.health.status === 'failure' && (edge.rps ?? 0) > 0);
}

// A hundred times the traffic is twice the width.
export function width_of(edge: Edge): number {
  if (edge.rps === null || edge.rps <= 0) return 1.2;
  const per_second = edge.protocol === 'tcp' ? edge.rps / 1000 : edge.rps;
  return Math.min(6, 1.6 + Math.log10(1 + per_second) * 1.5);
}

export function tone_of(edge: Edge): string {
  if (edge.rps === null || edge.rps === 0) return 'idle';
  if (edge.protocol === 'tcp') return 'busy';
  if (edge.health.status === 'failure') return 'fail';
  if (edge.health.status === 'degraded') return 'warn';
  return edge.health.status === 'healthy' ? 'ok' : 'idle';
}

// What a person types into the search of the topology: words, and terms as `ns=test`, `health=failure`, `5xx>1`, `success<99`, `p99>500`.
import type { Edge, Node } from '../api/types';

type Test = (node: Node, edges: Edge[]) => boolean;

function refused_of(edge: Edge): number {
  if (!edge.rps || edge.protocol === 'tcp') return 0;
  const refused = Object.entries(edge.codes).reduce((sum, [code, value]) => (code.startsWith('4') ? sum + value : sum), 0);
  return (refused / edge.rps) * 100;
}

function number_of(node: Node, edges: Edge[], what: string): number {
  const mine = edges.filter((edge) => edge.target === node.id || edge.source === node.id);
  if (what === 'rps') return Math.max(node.in.rps ?? 0, node.out.rps ?? 0);
  if (what === 'p99') return Math.max(0, ...mine.map((edge) => edge.p99 ?? 0));
  if (what === '4xx') return Math.max(0, ...mine.map(refused_of));
  // In percent, of the worst edge. Who answers nobody has no success, whatever it is held against.
  const success = mine.flatMap((edge) => (edge.success === null ? [] : [edge.success * 100]));
  if (what === 'success') return success.length ? Math.min(...success) : Number.NaN;
  return Math.max(0, ...success.map((one) => 100 - one));
}

function test_of(term: string): Test {
  const compared = /^(rps|p99|4xx|5xx|success)([<>])([\d.]+)$/.exec(term);
  if (compared) {
    const [, what = '', sign, limit = '0'] = compared;
    return (node, edges) => (sign === '>' ? number_of(node, edges, what) > Number(limit) : number_of(node, edges, what) < Number(limit));
  }
  const equal = /^(name|ns|health|kind)=(.*)$/.exec(term);
  if (equal) {
    const [, what, wanted = ''] = equal;
    return (node) => {
      const value = what === 'name' ? node.name : what === 'ns' ? (node.namespace ?? '') : what === 'kind' ? node.kind : node.health.status;
      return what === 'name' ? value.toLowerCase().includes(wanted) : value.toLowerCase() === wanted;
    };
  }
  return (node) => `${node.namespace ?? ''}/${node.name} ${node.app ?? ''} ${node.version ?? ''}`.toLowerCase().includes(term);
}

// Ids of what matches; null where nothing was typed.
export function found(nodes: Node[], edges: Edge[], text: string): Set<string> | null {
  const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map(test_of);
  if (tests.length === 0) return null;
  return new Set(nodes.filter((node) => tests.every((test) => test(node, edges))).map((node) => node.id));
}

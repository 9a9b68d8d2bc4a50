import type { Edge, Node, Release } from '../../src/api/types';
// @ts-expect-error The fake server is plain JavaScript.
import { World } from '../../dev/world.mjs';

interface Fake {
  find(kind: string, ns: string, name: string): Release | null;
  detailed(release: Release): Release;
  topology(parameters: URLSearchParams): { nodes: Node[]; edges: Edge[] };
}

// podinfo as it is at a second of the story.
export function podinfo_at(t: number, mode = 'story'): Release {
  const world = new World({ mode, t, frozen: true }) as Fake;
  const release = world.find('canary', 'test', 'podinfo');
  if (!release) throw new Error('the story has no podinfo');
  return world.detailed(release);
}

export function topology_at(t: number, mode = 'story', ns = '', type = 'workload'): { nodes: Node[]; edges: Edge[] } {
  return (new World({ mode, t, frozen: true }) as Fake).topology(new URLSearchParams({ ...(ns ? { ns } : {}), type }));
}

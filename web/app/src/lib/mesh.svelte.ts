// The topology of one question, kept up to date by the stream.
import type { Topology, TopologyPatch } from '../api/types';
import { listen } from './listen.svelte';
import { Resource } from './resource.svelte';

function patched<T extends { id: string }>(items: T[], change: { upsert: T[]; remove: string[] }): T[] {
  const by_id = new Map(items.map((item) => [item.id, item]));
  for (const id of change.remove) by_id.delete(id);
  for (const item of change.upsert) by_id.set(item.id, item);
  return [...by_id.values()];
}

// Must be called while a component is set up.
export function watch_topology(path: () => string | null): { answer: Resource<Topology>; moving: (is: boolean) => void } {
  const answer = new Resource<Topology>(() => null).follow(path);
  // What comes while a hand moves the picture waits for it: three hundred nodes redrawn in the middle of a move are a jerk.
  let held: TopologyPatch[] = [];
  let is_moving = false;
  function patch(change: TopologyPatch) {
    if (is_moving) {
      held.push(change);
      return;
    }
    answer.change((before) =>
      before.topic === change.topic ? { ...before, now: change.now, at: change.at, problems: change.problems, nodes: patched(before.nodes, change.patch.nodes), edges: patched(before.edges, change.patch.edges) } : before,
    );
  }
  listen(
    () => answer.data?.topic ?? null,
    (event, data) => {
      if (event === 'topology') patch(JSON.parse(data) as TopologyPatch);
    },
    answer.again,
  );
  function moving(is: boolean) {
    is_moving = is;
    if (!is) for (const change of held.splice(0)) patch(change);
  }
  return { answer, moving };
}

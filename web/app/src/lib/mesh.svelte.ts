// The topology of one question, kept up to date by the stream.
import type { Topology, TopologyPatch } from '../api/types';
import { listen } from './listen.svelte';
import { quiet } from './quiet';
import { Resource } from './resource.svelte';

function patched<T extends { id: string }>(items: T[], change: { upsert: T[]; remove: string[] }): T[] {
  const by_id = new Map(items.map((item) => [item.id, item]));
  for (const id of change.remove) by_id.delete(id);
  for (const item of change.upsert) by_id.set(item.id, item);
  return [...by_id.values()];
}

export interface Watching {
  answer: Resource<Topology>;
  // Takes what the stream tells, or waits until the hand that moves the picture lets go.
  heard(change: TopologyPatch): void;
}

// Must be called while a component is set up. `every`: seconds between two questions in place of the stream, Infinity for one question alone.
export function watch_topology(path: () => string | null, every: () => number | null = () => null): Watching {
  const answer: Resource<Topology> = new Resource<Topology>(() => {
    const seconds = every();
    return seconds !== null && Number.isFinite(seconds) ? seconds : null;
  }).follow(() => {
    void every();
    return path();
  });
  const held: TopologyPatch[] = [];
  function take() {
    for (const change of held.splice(0)) {
      answer.change((before) =>
        before.topic === change.topic ? { ...before, now: change.now, at: change.at, problems: change.problems, nodes: patched(before.nodes, change.patch.nodes), edges: patched(before.edges, change.patch.edges) } : before,
      );
    }
  }
  function heard(change: TopologyPatch) {
    held.push(change);
    quiet.then(take);
  }
  listen(
    () => (every() === null ? (answer.data?.topic ?? null) : null),
    (event, data) => {
      if (event === 'topology') heard(JSON.parse(data) as TopologyPatch);
    },
    answer.again,
  );
  return { answer, heard };
}

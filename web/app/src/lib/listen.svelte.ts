// A topic of the stream that a screen listens to while it is shown. `again` asks anew for what may have been missed.
import { live } from './live.svelte';

// Must be called while a component is set up.
export function listen(topic: () => string | null, heard: (event: string, data: string) => void, again: () => unknown): void {
  // Each answer names the topic anew, and an answer comes with each beginning of the stream: only another topic may begin another.
  const wanted = $derived(topic());
  $effect(() => {
    if (wanted) return live.feed.join({ topics: [wanted], heard, again });
  });
}

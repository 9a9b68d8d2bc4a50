// A topic of the stream that a screen listens to while it is shown. `again` asks anew for what may have been missed.
import { Stream } from '../api/stream';
import { live } from './live.svelte';

// Must be called while a component is set up.
export function listen(topic: () => string | null, heard: (event: string, data: string) => void, again: () => void): void {
  // Each answer names the topic anew, and an answer comes with each beginning of the stream: only another topic may begin another.
  const wanted = $derived(topic());
  $effect(() => {
    if (!wanted || !live.listening) return;
    const stream = new Stream([wanted], {
      message: ({ event, data }) => {
        if (event === 'hello' || event === 'reset' || event === 'dropped') again();
        else heard(event, data);
      },
      alive: () => {},
      lost: () => {},
    });
    return () => stream.close();
  });
}

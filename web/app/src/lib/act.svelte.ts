// A verb that a person is about to carry out: asked once more, sent, and what came of it.
import { ApiError, post, release_path } from '../api/client';
import type { ActionAccepted, Release, Verb } from '../api/types';
import { announce } from './announce.svelte';
import { live } from './live.svelte';

export const verbs: Verb[] = ['abort', 'step', 'promote', 'pause', 'resume', 'retry'];

class Acting {
  release = $state.raw<Release | null>(null);
  verb = $state<Verb>('abort');
  sending = $state(false);
  refused = $state<string | null>(null);
  done = $state<string | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  ask(release: Release, verb: Verb): void {
    this.release = release;
    this.verb = verb;
    this.refused = null;
  }

  cancel = (): void => {
    if (!this.sending) this.release = null;
  };

  async send(reason: string): Promise<void> {
    const release = this.release;
    if (!release || this.sending) return;
    this.sending = true;
    this.refused = null;
    try {
      const { text } = await this.#post(release, reason);
      this.release = null;
      this.#tell(text);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'changed') {
        const now = error.body?.release;
        // What it is now is what the next press is about.
        if (now) this.release = now;
        this.refused = `It changed while you looked: ${error.message}`;
      } else {
        this.refused = error instanceof Error ? error.message : String(error);
      }
      announce(`Refused: ${this.refused}`, 'assertive');
    } finally {
      this.sending = false;
    }
  }

  async #post(release: Release, reason: string): Promise<ActionAccepted> {
    const path = `${release_path(release.kind, release.namespace, release.name)}/actions/${this.verb}`;
    const body = { seen: { uid: release.uid, revision: release.revision, phase: release.status }, ...(reason ? { reason } : {}) };
    try {
      return await post<ActionAccepted>(path, live.session?.csrf ?? '', body);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'csrf') throw error;
      // The server was started anew since: it has another one.
      await live.session_again();
      return post<ActionAccepted>(path, live.session?.csrf ?? '', body);
    }
  }

  #tell(text: string): void {
    this.done = text;
    announce(text);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.done = null), 8000);
  }
}

export const acting = new Acting();

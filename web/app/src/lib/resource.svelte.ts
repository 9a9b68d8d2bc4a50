// One GET that follows its address: asked when it changes, again after `refresh` seconds, and by hand.
// What was there stays visible while the next answer is on its way.
import { ApiError, get } from '../api/client';
import { clock } from './clock.svelte';
import { quiet } from './quiet';

export class Resource<T extends { now: string }> {
  data = $state.raw<T | null>(null);
  error = $state.raw<ApiError | null>(null);
  // Since when there is none but errors.
  failed_at = $state<number | null>(null);
  // True once an answer lets itself be waited for: a skeleton that only flashes is worse than none.
  slow = $state(false);
  #path: string | null = null;
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told: ((data: T) => T)[] = [];

  constructor(private readonly refresh: (data: T) => number | null = () => null) {}

  // Must be called while a component is set up.
  follow(path: () => string | null, is_same: (before: string, after: string) => boolean = () => true): this {
    $effect(() => {
      const next = path();
      if (this.#path !== null && next !== null && !is_same(this.#path, next)) this.data = null;
      this.#path = next;
      if (next === null) this.stop();
      else void this.load();
      return () => this.stop();
    });
    return this;
  }

  again = (): Promise<void> => this.load();

  // What the stream tells. A GET that is under way may answer what was before it, so it is laid over that answer, too.
  change(by: (data: T) => T): void {
    if (this.#abort) this.#told.push(by);
    if (this.data) this.data = by(this.data);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
  }

  // Nobody looks at a hidden tab, and under a hand that moves a picture nothing is drawn.
  private wait(ms: number): void {
    this.#timer = setTimeout(() => (document.hidden || quiet.is ? this.wait(ms) : void this.load()), ms);
  }

  private async load(): Promise<void> {
    this.stop();
    const path = this.#path;
    if (path === null) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#told = [];
    const slow = setTimeout(() => (this.slow = true), 150);
    let wait: number | null = null;
    try {
      const { body, sent_at, took } = await get<T>(path, abort.signal);
      if (abort.signal.aborted) return;
      clock.learn(body.now, sent_at, took);
      this.data = this.#told.reduce((data, by) => by(data), body);
      this.error = null;
      this.failed_at = null;
      wait = this.refresh(body);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.failed_at ??= Math.floor(clock.now / 1000);
      this.error = error instanceof ApiError ? error : new ApiError(0, 'page', String(error));
      wait = this.error.status === 0 || this.error.status >= 500 ? 5 : null;
    } finally {
      clearTimeout(slow);
      if (this.#abort === abort) {
        this.slow = false;
        this.#abort = null;
      }
    }
    if (wait !== null && this.#path === path) this.wait(wait * 1000);
  }
}

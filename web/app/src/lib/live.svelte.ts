// What every screen shares: the session, all releases, the overview, and whether the stream is alive.
import { ApiError, get, query, set_token } from '../api/client';
import { Stream, type Message } from '../api/stream';
import type { Deleted, Overview, Release, ReleaseList, Session, ValidationChange } from '../api/types';
import { announce } from './announce.svelte';
import { clock } from './clock.svelte';
import { key_of, worst_first } from './order';

export type Connection = 'connecting' | 'live' | 'lost' | 'paused';

const hidden_ms = 30_000;
const batch_ms = 120;

class Live {
  session = $state.raw<Session | null>(null);
  overview = $state.raw<Overview | null>(null);
  releases = $state.raw<Release[]>([]);
  problems = $state.raw<ReleaseList['problems']>([]);
  ready = $state(false);
  error = $state.raw<ApiError | null>(null);
  connection = $state<Connection>('connecting');
  // When anything was heard last, by this machine's clock.
  heard_at = $state(Date.now());
  needs_token = $state(false);
  // A tab that nobody has looked at for a while asks nothing.
  asleep = $state(false);
  listening = $derived(this.connection !== 'paused' && !this.asleep);

  failing = $derived(this.releases.filter((release) => release.severity === 'failure').length);

  #stream: Stream | null = null;
  #epoch: string | null = null;
  #pending = new Map<string, Release | null>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;

  start(): void {
    this.open();
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#hidden);
      if (document.hidden) {
        this.#hidden = setTimeout(() => {
          this.asleep = true;
          this.close();
        }, hidden_ms);
      } else if (this.asleep) {
        this.asleep = false;
        if (this.connection !== 'paused') this.open();
      }
    });
  }

  toggle_pause(): void {
    if (this.connection === 'paused') {
      this.connection = 'connecting';
      this.open();
    } else {
      this.close();
      this.connection = 'paused';
    }
  }

  retry(): void {
    if (this.#stream) this.#stream.retry_now();
    else this.open();
    if (!this.ready) void this.refetch();
  }

  use_token(token: string): void {
    set_token(token);
    this.needs_token = false;
    this.close();
    this.open();
  }

  async session_again(): Promise<void> {
    const { body, sent_at, took } = await get<Session>('session');
    clock.learn(body.now, sent_at, took);
    this.session = body;
  }

  private close(): void {
    this.#stream?.close();
    this.#stream = null;
    this.#epoch = null;
  }

  private open(): void {
    this.close();
    this.#stream = new Stream(['overview', 'releases', 'validations'], {
      message: (message) => this.take(message),
      alive: () => {
        this.heard_at = Date.now();
        if (this.connection !== 'paused') this.connection = 'live';
      },
      lost: (error) => {
        if (error instanceof ApiError && error.status === 401) this.needs_token = true;
        this.connection = 'lost';
        if (!this.ready) void this.refetch();
      },
    });
  }

  private async refetch(): Promise<void> {
    try {
      const [, overview, releases] = await Promise.all([this.session_again(), get<Overview>('overview'), this.all_releases()]);
      clock.learn(overview.body.now, overview.sent_at, overview.took);
      this.overview = overview.body;
      this.problems = releases.problems;
      this.releases = releases.items.sort(worst_first);
      this.ready = true;
      this.error = null;
      this.needs_token = false;
    } catch (error) {
      this.error = error instanceof ApiError ? error : new ApiError(0, 'page', String(error));
      if (this.error.status === 401) this.needs_token = true;
    }
  }

  private async all_releases(): Promise<{ items: Release[]; problems: ReleaseList['problems'] }> {
    const items = new Map<string, Release>();
    let problems: ReleaseList['problems'] = [];
    let next: string | null = null;
    do {
      const { body }: { body: ReleaseList } = await get<ReleaseList>(`releases${query({ limit: 1000, continue: next })}`);
      for (const item of body.items) items.set(key_of(item), item);
      problems = body.problems;
      next = body.continue;
    } while (next);
    return { items: [...items.values()], problems };
  }

  private take(message: Message): void {
    switch (message.event) {
      case 'hello': {
        const { now, epoch } = JSON.parse(message.data) as { now: string; epoch: string };
        // The time on the way is unknown here, so it counts for little.
        clock.learn(now, Date.now(), 400);
        // What is asked from now on is at least as new as what the stream begins with.
        const is_new = this.#epoch !== epoch;
        this.#epoch = epoch;
        if (is_new || this.error) void this.refetch();
        return;
      }
      case 'reset':
      case 'dropped':
        void this.refetch();
        return;
      case 'overview':
        this.overview = JSON.parse(message.data) as Overview;
        return;
      case 'release': {
        const release = JSON.parse(message.data) as Release;
        this.#pending.set(key_of(release), release);
        this.#timer ??= setTimeout(() => this.flush(), batch_ms);
        return;
      }
      case 'release-deleted': {
        this.#pending.set(key_of(JSON.parse(message.data) as Deleted), null);
        this.#timer ??= setTimeout(() => this.flush(), batch_ms);
        return;
      }
      case 'validation': {
        const { counts } = JSON.parse(message.data) as ValidationChange;
        if (this.overview) this.overview = { ...this.overview, mesh: { ...this.overview.mesh, validations: counts } };
        return;
      }
    }
  }

  private flush(): void {
    this.#timer = undefined;
    const left = new Map(this.#pending);
    this.#pending.clear();
    const next: Release[] = [];
    for (const release of this.releases) {
      const key = key_of(release);
      const changed = left.get(key);
      left.delete(key);
      if (changed === undefined) next.push(release);
      else if (changed !== null) {
        tell(release, changed);
        next.push(changed);
      }
    }
    for (const release of left.values()) if (release) next.push(release);
    this.releases = next.sort(worst_first);
  }
}

// For those who don't see the page: a phase politely, a failure at once.
function tell(before: Release, after: Release): void {
  const name = `${after.name} in ${after.namespace}`;
  const is_worse = after.severity === 'failure' && (before.severity !== 'failure' || after.checks.failed > before.checks.failed);
  if (is_worse) announce(`${name}: ${after.attention?.sentence ?? after.message}`, 'assertive');
  else if (before.status !== after.status) announce(`${name}: ${after.status}`, 'polite');
}

export const live = new Live();

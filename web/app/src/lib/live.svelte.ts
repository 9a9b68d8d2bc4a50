// What every screen shares: the session, all releases, the overview, and whether the stream is alive.
import { ApiError, get, query, set_token } from '../api/client';
import type { Deleted, Hello, Overview, Release, ReleaseList, Session, ValidationChange } from '../api/types';
import { announce } from './announce.svelte';
import { clock } from './clock.svelte';
import { Feed } from './feed';
import { key_of, worst_first } from './order';
import { quiet } from './quiet';

export type Connection = 'connecting' | 'live' | 'polling' | 'lost' | 'paused';

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
  // One was given, and is none.
  token_refused = $state(false);
  #given = false;
  // A tab that nobody has looked at for a while asks nothing.
  asleep = $state(false);
  // A rollback is told of for an hour (the server says how long), then it is history.
  failing = $derived(this.releases.filter((release) => release.severity === 'failure' && (release.status !== 'Failed' || release.attention)).length);

  feed = new Feed(
    { topics: ['overview', 'releases', 'validations'], heard: (event, data) => this.take(event, data), again: () => this.refetch() },
    {
      hello: (data) => {
        // The time on the way is unknown here, so it counts for little.
        clock.learn((JSON.parse(data) as Hello).now, Date.now(), 400);
        if (this.error) void this.refetch();
      },
      alive: () => {
        this.heard_at = Date.now();
        this.#polls = false;
        this.connection = 'live';
      },
      lost: (error) => {
        this.connection = 'lost';
        if (error instanceof ApiError && error.status === 401) this.wait_for_token();
        else if (!this.ready) void this.refetch();
      },
      polls: () => {
        this.#polls = true;
        if (this.connection !== 'lost') this.connection = 'polling';
      },
    },
  );
  #polls = false;
  #pending = new Map<string, Release | null>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;
  // How often everything was asked for, and what was told since it was the last time.
  #asked = 0;
  #told = new Map<string, Release | null>();
  #told_overview: Overview | null = null;
  #told_findings: ValidationChange['counts'] | null = null;

  start(): () => void {
    const looked_at = () => {
      clearTimeout(this.#hidden);
      if (document.hidden) {
        this.#hidden = setTimeout(() => {
          this.asleep = true;
          this.feed.close();
        }, hidden_ms);
      } else if (this.asleep) {
        this.asleep = false;
        if (this.connection !== 'paused') this.feed.open();
      }
    };
    this.feed.open();
    document.addEventListener('visibilitychange', looked_at);
    return () => {
      document.removeEventListener('visibilitychange', looked_at);
      clearTimeout(this.#hidden);
      this.feed.close();
    };
  }

  toggle_pause(): void {
    if (this.connection === 'paused') {
      this.connection = 'connecting';
      this.feed.open();
    } else {
      this.feed.close();
      this.connection = 'paused';
    }
  }

  retry(): void {
    this.feed.retry_now();
    if (!this.ready) void this.refetch();
  }

  // Until there is one, every question would be refused.
  private wait_for_token(): void {
    this.token_refused = this.#given;
    this.needs_token = true;
    this.feed.close();
  }

  use_token(token: string): void {
    set_token(token);
    this.#given = true;
    this.needs_token = false;
    this.feed.open();
  }

  async session_again(): Promise<void> {
    this.session = await learned<Session>('session');
  }

  private async refetch(): Promise<void> {
    const mine = ++this.#asked;
    this.flush();
    this.#told.clear();
    this.#told_overview = null;
    this.#told_findings = null;
    try {
      const [session, overview, releases] = await Promise.all([learned<Session>('session'), learned<Overview>('overview'), this.all_releases()]);
      // A newer question has the newer answer.
      if (mine !== this.#asked) return;
      this.session = session;
      this.overview = with_counts(this.#told_overview ?? overview, this.#told_findings);
      this.problems = releases.problems;
      this.show(changed(releases.items, this.#told));
      this.ready = true;
      this.error = null;
      this.needs_token = false;
      if (this.#polls && this.connection !== 'paused') {
        this.heard_at = Date.now();
        this.connection = 'polling';
      }
    } catch (error) {
      if (mine !== this.#asked) return;
      this.error = error instanceof ApiError ? error : new ApiError(0, 'page', String(error));
      if (this.error.status === 401) this.wait_for_token();
      if (this.#polls && this.connection !== 'paused') this.connection = 'lost';
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

  private take(event: string, data: string): void {
    switch (event) {
      case 'overview':
        this.overview = this.#told_overview = JSON.parse(data) as Overview;
        this.#told_findings = null;
        return;
      case 'release': {
        const release = JSON.parse(data) as Release;
        this.#pending.set(key_of(release), release);
        this.#timer ??= setTimeout(() => this.flush(), batch_ms);
        return;
      }
      case 'release-deleted':
        this.#pending.set(key_of(JSON.parse(data) as Deleted), null);
        this.#timer ??= setTimeout(() => this.flush(), batch_ms);
        return;
      case 'validation':
        this.#told_findings = (JSON.parse(data) as ValidationChange).counts;
        if (this.overview) this.overview = with_counts(this.overview, this.#told_findings);
        return;
    }
  }

  private flush = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (quiet.is) return quiet.then(this.flush);
    if (this.#pending.size === 0) return;
    for (const [key, release] of this.#pending) this.#told.set(key, release);
    this.show(changed(this.releases, this.#pending));
    this.#pending.clear();
  };

  private show(releases: Release[]): void {
    const before = new Map(this.releases.map((release) => [key_of(release), release]));
    for (const release of releases) {
      const was = before.get(key_of(release));
      if (was && was !== release) tell(was, release);
    }
    this.releases = releases.sort(worst_first);
  }
}

async function learned<T extends { now: string }>(path: string): Promise<T> {
  const { body, sent_at, took } = await get<T>(path);
  clock.learn(body.now, sent_at, took);
  return body;
}

function changed(releases: Release[], by: Map<string, Release | null>): Release[] {
  const all = new Map(releases.map((release) => [key_of(release), release]));
  for (const [key, release] of by) {
    if (release) all.set(key, release);
    else all.delete(key);
  }
  return [...all.values()];
}

function with_counts(overview: Overview, validations: ValidationChange['counts'] | null): Overview {
  return validations ? { ...overview, mesh: { ...overview.mesh, validations } } : overview;
}

// For those who don't see the page: a phase politely, a failure at once.
function tell(before: Release, after: Release): void {
  const name = `${after.name} in ${after.namespace}`;
  const is_worse = after.severity === 'failure' && (before.severity !== 'failure' || after.checks.failed > before.checks.failed);
  if (is_worse) announce(`${name}: ${after.attention?.sentence ?? after.message}`, 'assertive');
  else if (before.status !== after.status) announce(`${name}: ${after.status}`, 'polite');
}

export const live = new Live();

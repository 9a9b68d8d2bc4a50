// What is told to this window, over one stream: the topics of all its parts are asked for together, and each event goes to who asked for its
// topic. Where other windows hold the streams, the parts ask again every few seconds instead.
import { ApiError } from '../api/client';
import { Stream, type Message } from '../api/stream';
import type { Deleted, Release, Reset } from '../api/types';
import { key_of } from './order';
import { take_place } from './place';

export interface Part {
  topics: string[];
  heard(event: string, data: string): void;
  // Asks anew for what may have been missed.
  again(): unknown;
}

export interface FeedHandlers {
  hello(data: string): void;
  // Bytes came, be it only the keep-alive.
  alive(): void;
  lost(error: unknown): void;
  // There is no stream for this window; its parts are about to ask.
  polls(): void;
}

export interface FeedTimes {
  // A change of screen takes topics and brings others: they make one new beginning. What nobody wants any more may wait for the next one.
  more_ms: number;
  fewer_ms: number;
  poll_ms: number;
}

export const poll_s = 5;
const usual: FeedTimes = { more_ms: 50, fewer_ms: 5000, poll_ms: poll_s * 1000 };

export class Feed {
  #parts = new Set<Part>();
  // Those who miss nothing: the stream has begun with their topics, and they have asked since.
  #joined = new Set<Part>();
  #topics: string[] = [];
  #refused = new Set<string>();
  #stream: Stream | null = null;
  #leave: (() => void) | null = null;
  #begun = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: ReturnType<typeof setTimeout> | undefined;
  #to_ask = new Set<Part>();

  // The base is what the window needs whatever its screen.
  constructor(
    private readonly base: Part,
    private readonly handlers: FeedHandlers,
    private readonly times: FeedTimes = usual,
  ) {
    this.#parts.add(base);
  }

  open(): void {
    this.close();
    void this.#begin();
  }

  close(): void {
    this.#begun += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#asking);
    this.#asking = undefined;
    this.#to_ask.clear();
    this.#stream?.close();
    this.#stream = null;
    this.#leave?.();
    this.#leave = null;
    this.#joined.clear();
    this.#refused.clear();
  }

  retry_now(): void {
    if (this.#stream) this.#stream.retry_now();
    else this.open();
  }

  join(part: Part): () => void {
    this.#parts.add(part);
    // The stream has its topic still, of the screen before: what was told while nobody listened to it is in a new answer.
    if (this.#stream && part.topics.every((topic) => this.#topics.includes(topic))) this.#ask([part]);
    this.#settle();
    return () => {
      this.#parts.delete(part);
      this.#joined.delete(part);
      for (const topic of part.topics) this.#refused.delete(topic);
      this.#settle();
    };
  }

  async #begin(): Promise<void> {
    const begun = ++this.#begun;
    const leave = await take_place(() => this.open());
    if (begun !== this.#begun) leave?.();
    else if (!leave) await this.#poll();
    else {
      this.#leave = leave;
      this.#topics = this.#wanted();
      this.#stream = new Stream(this.#topics, { message: (message) => this.#take(message), alive: () => this.handlers.alive(), lost: (error) => this.#lost(error) });
    }
  }

  async #poll(): Promise<void> {
    const begun = this.#begun;
    this.handlers.polls();
    await Promise.allSettled([...this.#parts].map((part) => part.again()));
    if (begun === this.#begun) this.#timer = setTimeout(() => void this.#begin(), this.times.poll_ms);
  }

  #wanted(): string[] {
    return [...new Set([...this.#parts].flatMap((part) => part.topics))].filter((topic) => !this.#refused.has(topic));
  }

  #settle(more_ms = this.times.more_ms): void {
    if (!this.#stream) return;
    clearTimeout(this.#timer);
    const wanted = this.#wanted();
    const is_more = wanted.some((topic) => !this.#topics.includes(topic));
    if (!is_more && wanted.length === this.#topics.length) return;
    this.#timer = setTimeout(
      () => {
        this.#topics = this.#wanted();
        this.#stream?.turn_to(this.#topics);
      },
      is_more ? more_ms : this.times.fewer_ms,
    );
  }

  #lost(error: unknown): void {
    const status = error instanceof ApiError ? error.status : 0;
    if (status === 429) {
      // As many as the server has: this window is one of those without.
      this.close();
      void this.#poll();
      return;
    }
    const more = this.#topics.filter((topic) => !this.base.topics.includes(topic));
    if ((status === 400 || status === 403) && more.length > 0) {
      // What a screen asks for may be none, or not for this person: that takes nothing from the rest of the window.
      for (const topic of more) this.#refused.add(topic);
      this.#topics = this.#wanted();
      this.#stream?.turn_to(this.#topics);
      this.#stream?.retry_now();
      return;
    }
    this.handlers.lost(error);
  }

  #take({ event, data }: Message): void {
    if (event === 'hello') {
      this.handlers.hello(data);
      const fresh = [...this.#parts].filter((part) => !this.#joined.has(part) && part.topics.every((topic) => this.#topics.includes(topic)));
      for (const part of fresh) this.#joined.add(part);
      this.#ask(fresh);
      return;
    }
    if (event === 'reset') {
      this.#ask([...this.#parts]);
      if ((JSON.parse(data) as Reset).reason !== 'topic_gone') return;
      // The answers name their topics anew; then the stream can have them.
      this.#topics = this.#topics.filter((topic) => !/^(topology|tap):/.test(topic));
      for (const part of this.#joined) if (!part.topics.every((topic) => this.#topics.includes(topic))) this.#joined.delete(part);
      this.#settle(this.times.poll_ms);
      return;
    }
    const topics = this.#topics_of(event, data).filter((topic) => this.#topics.includes(topic));
    const parts = [...this.#parts].filter((part) => part.topics.some((topic) => topics.includes(topic)));
    if (event === 'dropped') this.#ask(parts);
    else for (const part of parts) part.heard(event, data);
  }

  #topics_of(event: string, data: string): string[] {
    switch (event) {
      case 'release':
        return ['releases'];
      case 'release-detail':
        return [`release:${key_of(JSON.parse(data) as Release)}`];
      case 'release-deleted':
        return ['releases', `release:${key_of(JSON.parse(data) as Deleted)}`];
      case 'event':
        return ['events'];
      case 'validation':
        return ['validations'];
      case 'topology':
      case 'dropped':
        return [(JSON.parse(data) as { topic: string }).topic];
      case 'tap':
        // Its rows don't say of which question they are.
        return this.#topics.filter((topic) => topic.startsWith('tap:'));
      default:
        return [event];
    }
  }

  // A beginning and a reset come together, and are one question.
  #ask(parts: Part[]): void {
    for (const part of parts) this.#to_ask.add(part);
    this.#asking ??= setTimeout(() => {
      this.#asking = undefined;
      const asked = [...this.#to_ask].filter((part) => this.#parts.has(part));
      this.#to_ask.clear();
      for (const part of asked) void part.again();
    });
  }
}

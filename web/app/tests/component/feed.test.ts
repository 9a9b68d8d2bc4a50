// The one stream of a window, and the windows beside each other.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Feed, type Part } from '../../src/lib/feed';

interface Opened {
  topics: string[];
  last: string | null;
  is_open: boolean;
  say(event: string, data: unknown, id?: string): void;
}
let opened: Opened[] = [];
let answer: (topics: string[]) => number = () => 200;
let feeds: Feed[] = [];

beforeEach(() => {
  opened = [];
  answer = () => 200;
  globalThis.fetch = ((url: string, init: RequestInit) => {
    const topics = (/topics=([^&]*)/.exec(url)?.[1] ?? '').split(',').map(decodeURIComponent);
    const status = answer(topics);
    if (status !== 200) return Promise.resolve(new Response('{}', { status }));
    const one: Opened = { topics, last: new Headers(init.headers).get('Last-Event-ID'), is_open: true, say: () => {} };
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        one.say = (event, data, id) => {
          if (one.is_open) controller.enqueue(new TextEncoder().encode(`event: ${event}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`));
        };
        init.signal?.addEventListener('abort', () => {
          if (one.is_open) controller.error(new Error('aborted'));
          one.is_open = false;
        });
      },
    });
    opened.push(one);
    return Promise.resolve(new Response(body));
  }) as typeof fetch;
});
afterEach(() => {
  for (const feed of feeds) feed.close();
  feeds = [];
});

const times = { more_ms: 5, fewer_ms: 30, poll_ms: 20 };
const hello = { now: '2026-01-01T00:00:00.000Z', epoch: 'e', version: '1' };

function part(...topics: string[]) {
  const heard: [string, unknown][] = [];
  const made = { topics, heard: (event: string, data: string) => void heard.push([event, JSON.parse(data)]), again: vi.fn(), told: heard };
  return made satisfies Part;
}
function window_of(base = part('overview', 'releases', 'validations')) {
  const said: string[] = [];
  const feed = new Feed(base, { hello: () => {}, alive: () => said.push('live'), lost: () => said.push('lost'), polls: () => said.push('polls') }, times);
  feeds.push(feed);
  return { feed, base, said, state: () => said.at(-1) };
}
const open_now = () => opened.filter((one) => one.is_open);
const newest = () => opened[opened.length - 1] as Opened;
const quiet = (ms = 60) => new Promise((done) => setTimeout(done, ms));

describe('the stream of a window', () => {
  it('is one, whatever its screen listens to, and goes on from where it was', async () => {
    const { feed } = window_of();
    feed.open();
    await vi.waitFor(() => expect(opened.length).toBe(1));
    newest().say('hello', hello, 'e-7');
    newest().say('overview', {}, 'e-8');
    await quiet(10);
    feed.join(part('release:canary/test/podinfo'));
    await vi.waitFor(() => expect(opened.length).toBe(2));
    expect(open_now().length).toBe(1);
    expect(newest().topics).toEqual(['overview', 'releases', 'validations', 'release:canary/test/podinfo']);
    expect(newest().last).toBe('e-8');
  });

  it('is opened anew once for a change of screen, and not for a screen that is left and entered again', async () => {
    const { feed } = window_of();
    feed.open();
    const leave = feed.join(part('events'));
    await vi.waitFor(() => expect(opened.length).toBe(1));
    expect(newest().topics).toContain('events');
    leave();
    const leave_lab = feed.join(part('lab'));
    await vi.waitFor(() => expect(opened.length).toBe(2));
    expect(newest().topics).toEqual(['overview', 'releases', 'validations', 'lab']);
    leave_lab();
    const again = part('lab');
    feed.join(again);
    await quiet();
    expect(opened.length).toBe(2);
    // What was told while nobody listened is in the answer.
    expect(again.again).toHaveBeenCalled();
  });

  it('no longer has a topic that nobody wants', async () => {
    const { feed } = window_of();
    feed.open();
    const leave = feed.join(part('events'));
    await vi.waitFor(() => expect(opened.length).toBe(1));
    leave();
    await vi.waitFor(() => expect(newest().topics).toEqual(['overview', 'releases', 'validations']));
  });

  it('hands each event to who asked for its topic', async () => {
    const { feed, base } = window_of();
    const one = part('release:canary/test/podinfo');
    const other = part('release:canary/test/other');
    const tap = part('tap:a');
    const events = part('events');
    const mesh = part('topology:x');
    for (const each of [one, other, tap, events, mesh]) feed.join(each);
    feed.open();
    await vi.waitFor(() => expect(opened.length).toBe(1));
    newest().say('hello', hello, 'e-1');
    newest().say('release-detail', { kind: 'Canary', namespace: 'test', name: 'podinfo' });
    newest().say('release-deleted', { kind: 'Canary', namespace: 'test', name: 'other' });
    newest().say('release', { kind: 'Canary', namespace: 'test', name: 'podinfo' });
    newest().say('tap', [1]);
    newest().say('event', {});
    newest().say('topology', { topic: 'topology:x' });
    newest().say('topology', { topic: 'topology:y' });
    await vi.waitFor(() => expect(mesh.told.length).toBe(1));
    await quiet(10);
    const names = (of: { told: [string, unknown][] }) => of.told.map(([event]) => event);
    expect([names(one), names(other), names(tap), names(events), names(mesh), names(base)]).toEqual([['release-detail'], ['release-deleted'], ['tap'], ['event'], ['topology'], ['release-deleted', 'release']]);
  });

  it('makes everybody ask once where something is missing, else only who is new', async () => {
    const { feed, base } = window_of();
    feed.open();
    await vi.waitFor(() => expect(opened.length).toBe(1));
    newest().say('hello', hello, 'e-1');
    await vi.waitFor(() => expect(base.again).toHaveBeenCalledTimes(1));
    const events = part('events');
    feed.join(events);
    await vi.waitFor(() => expect(opened.length).toBe(2));
    newest().say('hello', hello, 'e-2');
    await vi.waitFor(() => expect(events.again).toHaveBeenCalledTimes(1));
    expect(base.again).toHaveBeenCalledTimes(1);
    newest().say('reset', { now: hello.now, reason: 'gap' }, 'e-2');
    await vi.waitFor(() => expect(events.again).toHaveBeenCalledTimes(2));
    expect(base.again).toHaveBeenCalledTimes(2);
    newest().say('dropped', { topic: 'events', count: 3 }, 'e-3');
    await vi.waitFor(() => expect(events.again).toHaveBeenCalledTimes(3));
    await quiet(10);
    expect(base.again).toHaveBeenCalledTimes(2);
  });

  it('takes a topic along that the server had forgotten, once the answer has named it anew', async () => {
    const { feed } = window_of();
    const mesh = part('topology:x');
    feed.join(mesh);
    feed.open();
    await vi.waitFor(() => expect(opened.length).toBe(1));
    newest().say('hello', hello, 'e-1');
    newest().say('reset', { now: hello.now, reason: 'topic_gone' }, 'e-1');
    await vi.waitFor(() => expect(opened.length).toBe(2));
    expect(newest().topics).toContain('topology:x');
    const before = mesh.again.mock.calls.length;
    newest().say('hello', hello, 'e-1');
    await vi.waitFor(() => expect(mesh.again.mock.calls.length).toBe(before + 1));
    newest().say('topology', { topic: 'topology:x' });
    await vi.waitFor(() => expect(mesh.told.length).toBe(1));
  });

  it('stays for the rest of the window where what its screen asks for is refused', async () => {
    const { feed, base, said } = window_of();
    answer = (topics) => (topics.includes('release:canary/secret/x') ? 403 : 200);
    feed.join(part('release:canary/secret/x'));
    feed.open();
    await vi.waitFor(() => expect(open_now().length).toBe(1));
    newest().say('hello', hello, 'e-1');
    await vi.waitFor(() => expect(base.again).toHaveBeenCalled());
    await quiet();
    expect(said).not.toContain('lost');
    expect(open_now().length).toBe(1);
  });

  it('that is cut while it catches up misses nothing', async () => {
    const { feed } = window_of();
    feed.open();
    await vi.waitFor(() => expect(opened.length).toBe(1));
    newest().say('hello', hello, 'e-3');
    await quiet(10);
    feed.join(part('events'));
    await vi.waitFor(() => expect(opened.length).toBe(2));
    newest().say('hello', hello, 'e-9');
    await quiet(10);
    feed.join(part('lab'));
    await vi.waitFor(() => expect(opened.length).toBe(3));
    expect(newest().last).toBe('e-3');
  });
});

describe('windows side by side', () => {
  it('have four streams together; the others ask, and take one as soon as it is free', async () => {
    const windows = Array.from({ length: 6 }, () => window_of());
    for (const { feed } of windows) feed.open();
    await vi.waitFor(() => expect(opened.length).toBe(4));
    for (const one of opened) one.say('hello', hello, 'e-1');
    await vi.waitFor(() => expect(windows.map(({ state }) => state()).sort()).toEqual(['live', 'live', 'live', 'live', 'polls', 'polls']));
    const without = windows.filter(({ state }) => state() === 'polls');
    const screen = part('events');
    without[0]?.feed.join(screen);
    await vi.waitFor(() => {
      for (const { base } of without) expect(base.again.mock.calls.length).toBeGreaterThanOrEqual(3);
      expect(screen.again).toHaveBeenCalled();
    });
    expect(opened.length).toBe(4);
    windows.find(({ state }) => state() === 'live')?.feed.close();
    await vi.waitFor(() => expect(opened.length).toBe(5));
    expect(open_now().length).toBe(4);
  });

  it('ask one question at a time, however long an answer takes', async () => {
    const held = Array.from({ length: 4 }, () => window_of());
    for (const { feed } of held) feed.open();
    await vi.waitFor(() => expect(opened.length).toBe(4));
    let done = () => {};
    const slow = { ...part('overview'), again: vi.fn(() => new Promise<void>((end) => (done = end))) };
    const feed = new Feed(slow, { hello: () => {}, alive: () => {}, lost: () => {}, polls: () => {} }, times);
    feeds.push(feed);
    feed.open();
    await quiet(100);
    expect(slow.again).toHaveBeenCalledTimes(1);
    done();
    await vi.waitFor(() => expect(slow.again).toHaveBeenCalledTimes(2));
  });

  it('ask where the server has no stream to give', async () => {
    answer = () => 429;
    const { feed, base, said } = window_of();
    feed.open();
    await vi.waitFor(() => expect(base.again.mock.calls.length).toBeGreaterThanOrEqual(2));
    expect(said).not.toContain('lost');
    answer = () => 200;
    await vi.waitFor(() => expect(opened.length).toBe(1));
  });

  it('give the stream to the one at hand where a browser has no locks', async () => {
    const locks = navigator.locks;
    Object.defineProperty(navigator, 'locks', { value: undefined, configurable: true });
    const has_focus = vi.spyOn(document, 'hasFocus').mockReturnValue(false);
    try {
      const { feed, state } = window_of();
      feed.open();
      await vi.waitFor(() => expect(state()).toBe('polls'));
      has_focus.mockReturnValue(true);
      await vi.waitFor(() => expect(opened.length).toBe(1));
      has_focus.mockReturnValue(false);
      dispatchEvent(new Event('blur'));
      await vi.waitFor(() => expect(open_now().length).toBe(0));
      await quiet();
      expect(opened.length).toBe(1);
    } finally {
      has_focus.mockRestore();
      Object.defineProperty(navigator, 'locks', { value: locks, configurable: true });
    }
  });
});

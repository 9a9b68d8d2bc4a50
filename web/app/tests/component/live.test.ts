// What every screen shares, while answers and the stream come in any order.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Overview, Release } from '../../src/api/types';
import { live } from '../../src/lib/live.svelte';
import { podinfo_at } from './samples';

const podinfo = podinfo_at(20);
const release_of = (name: string, status: Release['status']): Release => ({ ...podinfo, namespace: 'test', name, status });

let stream: ((event: string, data: unknown) => void) | null = null;
let opened = 0;
let closed = 0;
let answers: { path: string; answer(body: unknown): void }[] = [];
let stop = () => {};

beforeEach(() => {
  stream = null;
  answers = [];
  opened = closed = 0;
  globalThis.fetch = ((url: string, init: RequestInit) => {
    const path = url.replace(/^.*\/api\/ui\/v1\//, '');
    if (!path.startsWith('stream')) {
      return new Promise((resolve) => answers.push({ path, answer: (body) => resolve(new Response(JSON.stringify(body))) }));
    }
    opened += 1;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        stream = (event, data) => controller.enqueue(new TextEncoder().encode(`event: ${event}\nid: e-1\ndata: ${JSON.stringify(data)}\n\n`));
        init.signal?.addEventListener('abort', () => {
          closed += 1;
          controller.error(new Error('aborted'));
        });
      },
    });
    return Promise.resolve(new Response(body));
  }) as typeof fetch;
  stop = live.start();
});
afterEach(() => stop());

const now = '2026-01-01T00:00:00.000Z';
const overview = (errors: number) => ({ now, mesh: { validations: { error: errors, warning: 0, info: 0 } } }) as unknown as Overview;
const say = (event: string, data: unknown) => stream?.(event, data);
async function begun() {
  await vi.waitFor(() => expect(stream).not.toBeNull());
  say('hello', { now, epoch: 'e', version: '1' });
}
// Those of one question, in the order in which they were asked.
async function asked() {
  await vi.waitFor(() => expect(answers.filter(({ path }) => path.startsWith('releases')).length).toBe(1));
  const all = answers.splice(0);
  return (releases: Release[], errors = 0) => {
    for (const { path, answer } of all) {
      if (path === 'session') answer({ now, csrf: 'c' });
      else if (path === 'overview') answer(overview(errors));
      else answer({ now, items: releases, problems: [], continue: null });
    }
  };
}
const shown = () => live.releases.map(({ name, status }) => `${name} ${status}`);

describe('what every screen shares', () => {
  it('keeps what was told while the answer was on its way', async () => {
    await begun();
    const answer = await asked();
    say('release', release_of('web', 'Failed'));
    say('release', release_of('new', 'Progressing'));
    say('release-deleted', { kind: 'Canary', namespace: 'test', name: 'old', uid: '', at: now });
    say('overview', overview(3));
    say('validation', { now, upsert: [], remove: [], counts: { error: 5, warning: 0, info: 0 } });
    await vi.waitFor(() => expect(live.releases.map(({ name }) => name)).toContain('new'));
    answer([release_of('web', 'Progressing'), release_of('old', 'Succeeded')], 1);
    await vi.waitFor(() => expect(live.session?.csrf).toBe('c'));
    await vi.waitFor(() => expect(shown().sort()).toEqual(['new Progressing', 'web Failed']));
    expect(live.overview?.mesh.validations.error).toBe(5);
  });

  it('is that of the newest question, whichever answer comes last', async () => {
    await begun();
    const first = await asked();
    say('reset', { now, reason: 'gap' });
    const second = await asked();
    second([release_of('web', 'Succeeded')], 2);
    await vi.waitFor(() => expect(shown()).toEqual(['web Succeeded']));
    first([release_of('web', 'Progressing')], 1);
    await new Promise((done) => setTimeout(done, 50));
    expect(shown()).toEqual(['web Succeeded']);
    expect(live.overview?.mesh.validations.error).toBe(2);
  });

  it('does not bring back what was told before a question whose answer knows more', async () => {
    await begun();
    (await asked())([release_of('web', 'Initialized')]);
    await vi.waitFor(() => expect(shown()).toEqual(['web Initialized']));
    say('release', release_of('web', 'Progressing'));
    say('reset', { now, reason: 'gap' });
    (await asked())([release_of('web', 'Failed')]);
    await vi.waitFor(() => expect(shown()).toEqual(['web Failed']));
    await new Promise((done) => setTimeout(done, 200));
    expect(shown()).toEqual(['web Failed']);
  });
  it('counts no rollback as failing that is history', async () => {
    await begun();
    await vi.waitFor(() => expect(answers.length).toBe(3));
    const failed = { ...podinfo_at(150), namespace: 'test' };
    const items = [{ ...failed, name: 'now' }, { ...failed, name: 'yesterday', attention: null }, { ...podinfo_at(108), name: 'at-it', attention: null }];
    for (const { path, answer } of answers) answer(path.startsWith('releases') ? { now, items, continue: null, problems: [] } : path.startsWith('overview') ? overview(0) : { now, namespaces: [] });
    await vi.waitFor(() => expect(live.releases.length).toBe(3));
    expect(live.failing).toBe(2);
  });
});

describe('a tab that nobody looks at', () => {
  const look = (away: boolean) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => away });
    document.dispatchEvent(new Event('visibilitychange'));
  };
  afterEach(() => {
    vi.useRealTimers();
    look(false);
  });

  it('closes its stream after 30 s, and on return opens one and asks anew', async () => {
    await begun();
    (await asked())([release_of('web', 'Progressing')]);
    await vi.waitFor(() => expect(shown()).toEqual(['web Progressing']));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    look(true);
    vi.advanceTimersByTime(29_999);
    expect([opened, closed]).toEqual([1, 0]);
    vi.advanceTimersByTime(1);
    expect([opened, closed]).toEqual([1, 1]);
    expect(answers).toEqual([]);
    vi.useRealTimers();
    stream = null;
    look(false);
    await begun();
    (await asked())([release_of('web', 'Succeeded')]);
    await vi.waitFor(() => expect(shown()).toEqual(['web Succeeded']));
    expect([opened, closed]).toEqual([2, 1]);
  });

  it('keeps its stream when it is looked at again before', async () => {
    await begun();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    look(true);
    vi.advanceTimersByTime(29_000);
    look(false);
    vi.advanceTimersByTime(120_000);
    expect([opened, closed]).toEqual([1, 0]);
  });
});

// The lists, the mesh and the lab as they are drawn from the fake server's answers; what needs a browser (colours, widths, dialogs) is in
// tests/browser.
import axe from 'axe-core';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
// @ts-expect-error The fake server is plain JavaScript.
import { start } from '../../dev/server.mjs';
import { route } from '../../src/lib/route.svelte';
import { live } from '../../src/lib/live.svelte';
import { ApiError } from '../../src/api/client';
import Manifest from '../../src/parts/Manifest.svelte';
import Old from '../../src/parts/Old.svelte';
import Events from '../../src/screens/Events.svelte';
import GatewayPage from '../../src/screens/GatewayPage.svelte';
import Gateways from '../../src/screens/Gateways.svelte';
import Lab from '../../src/screens/Lab.svelte';
import Mesh from '../../src/screens/Mesh.svelte';
import Overview from '../../src/screens/Overview.svelte';
import Release from '../../src/screens/Release.svelte';
import ServicePage from '../../src/screens/ServicePage.svelte';
import Services from '../../src/screens/Services.svelte';
import Tap from '../../src/screens/Tap.svelte';
import Validations from '../../src/screens/Validations.svelte';
import WorkloadPage from '../../src/screens/WorkloadPage.svelte';
import Workloads from '../../src/screens/Workloads.svelte';
import { podinfo_at } from './samples';
import { real_fetch } from './setup';

interface Server {
  url: string;
  stop(): Promise<void>;
}
let server: Server;
// The streams that were opened since `at`, closed ones, too.
let streams = 0;

async function at(mode: string, path: string, frozen = true) {
  server = await (start as (options: object) => Promise<Server>)({ mode, t: 108, frozen });
  streams = 0;
  // Node's fetch takes no signal of jsdom's; the server's end ends what is still open.
  globalThis.fetch = ((url: string, init: RequestInit = {}) => {
    const { method, headers, body } = init;
    if (url.includes('/stream?')) streams += 1;
    return real_fetch(server.url + url, { ...(method ? { method } : {}), ...(headers ? { headers } : {}), ...(body ? { body } : {}) });
  }) as typeof fetch;
  route.go(`/ui/${path}`);
  await live.session_again();
}
// As `at`, with the window's stream.
async function live_at(mode: string, path: string, frozen = true) {
  await at(mode, path, frozen);
  stop = live.start();
}
let stop = () => {};
const set = (wanted: object) => real_fetch(`${server.url}/dev/set`, { method: 'POST', body: JSON.stringify(wanted) });
const rows = () => [...document.querySelectorAll('tr[data-row]')].map((row) => (row.textContent ?? '').replace(/\s+/g, ' ').trim());
const text = () => (document.body.textContent ?? '').replace(/\s+/g, ' ');

beforeEach(() => {
  // What jsdom has no drawing for.
  HTMLDialogElement.prototype.showModal = function () { this.open = true; };
  HTMLDialogElement.prototype.close = function () { this.open = false; };
  HTMLCanvasElement.prototype.getContext = (() => null) as typeof HTMLCanvasElement.prototype.getContext;
});
afterEach(async () => {
  cleanup();
  stop();
  stop = () => {};
  await server.stop();
});

describe('workloads', () => {
  it('say how their numbers are computed, with what Prometheus is asked', async () => {
    await at('story', 'workloads');
    render(Workloads);
    await waitFor(() => expect(rows().length).toBeGreaterThan(3));
    await fireEvent.click(screen.getByRole('button', { name: 'How computed' }));
    await waitFor(() => expect(text()).toMatch(/Requests and success of workloads.*over 1 min\s*sum\(rate\(istio_requests_total/));
    expect(screen.getAllByRole('button').some((button) => /^Copy\s*: Requests and success of workloads/.test(button.textContent ?? ''))).toBe(true);
  });
  it('come in the order of a column that the address holds, and are found by words', async () => {
    await at('story', 'workloads');
    render(Workloads);
    await screen.findByRole('table');
    await fireEvent.click(screen.getByRole('button', { name: 'Health' }));
    await waitFor(() => expect(rows().slice(0, 2).every((row) => row.startsWith('Failing'))).toBe(true));
    expect(rows().at(-1)).not.toMatch(/Failing/);
    expect(location.search).toContain('sort=health');
    route.set({ q: 'checkout' });
    await waitFor(() => expect(rows().every((row) => row.includes('checkout'))).toBe(true));
    expect(rows().length).toBeGreaterThan(0);
    route.set({ q: 'nobody' });
    await screen.findByText(/No workload matches/);
  });
  it('say which need a restart for their sidecar, and why', async () => {
    await at('story', 'workloads?q=emails');
    render(Workloads);
    await screen.findByText('Restart');
    expect(document.querySelector('[title="2 of 2 pods have no sidecar"]')).not.toBeNull();
  });
  it('show dashes with the reason while Prometheus is away', async () => {
    await at('prometheus-away', 'workloads?q=podinfo-primary');
    render(Workloads);
    await waitFor(() => expect(rows()[0]).toMatch(/2\/2\s*–\s*–\s*–/));
    expect(document.querySelector('td[title="Prometheus does not answer"]')).not.toBeNull();
  });
  it('that are old say why, since when, and can be asked for again at once', async () => {
    await at('story', 'workloads');
    let again = 0;
    const old = { error: new ApiError(504, 'prometheus_timeout', 'Prometheus did not answer in 5 s'), failed_at: 1767269050, again: () => Promise.resolve(void (again += 1)) };
    render(Old, { of: old });
    expect(text()).toMatch(/Prometheus did not answer in 5 s \(since \d\d:04:10\)\. Shown is what was known before/);
    await fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(again).toBe(1);
  });
  it('are shown one by one with pods, findings, release and Services', async () => {
    await at('story', 'workloads/test/deployment/podinfo');
    render(WorkloadPage, { ns: 'test', kind: 'deployment', name: 'podinfo' });
    await waitFor(() => expect(document.querySelector('.facts')).not.toBeNull());
    for (const part of [/canary at 20 %/, /podinfo-7d9f6c-a0/, /SLU0004/, /version=6\.2\.0/, /cp-v112x/]) expect(text()).toMatch(part);
    expect(screen.getByRole('link', { name: 'test/podinfo' }).getAttribute('href')).toMatch(/services\/test\/podinfo/);
  });
  it('that are not there say so', async () => {
    await at('story', 'workloads/test/deployment/nobody');
    render(WorkloadPage, { ns: 'test', kind: 'deployment', name: 'nobody' });
    await screen.findByText('There is no Deployment test/nobody');
  });
});

describe('releases', () => {
  const names = () => [...document.querySelectorAll('.release-cards h3')].map((head) => (head.textContent ?? '').trim());
  it('are shown as cards with what a row tells and what may be done', async () => {
    await live_at('story', 'releases?view=grid');
    render(Overview, { list_only: true });
    await waitFor(() => expect(names()[0]).toBe('podinfo test'));
    const card = document.querySelector('.release-cards li')?.textContent?.replace(/\s+/g, ' ') ?? '';
    for (const part of [/Failing/, /6\.1\.0\s*6\.2\.0/, /Canary, by weight, since/, /Weight\s?20 %\s?measured [12]\d\.\d % of \d+/, /Step\s?1 of 7/, /Failed checks.*1 of 3/, /request-success-rate\s?93\.20 % Fail/, /Next\s?check in 6 s; if it passes, weight 40/, /Abort podinfo/]) expect(card).toMatch(part);
    expect(document.querySelector('table.releases')).toBeNull();
    route.set({ view: null });
    await waitFor(() => expect(document.querySelector('table.releases')).not.toBeNull());
  });
  it('are fewer by phase, by need and by terms, each in the address', async () => {
    await live_at('story', 'releases?view=grid');
    render(Overview, { list_only: true });
    await waitFor(() => expect(names().length).toBeGreaterThan(5));
    await fireEvent.click(screen.getByRole('checkbox', { name: /Needs attention/ }));
    expect(location.search).toContain('attention=1');
    await waitFor(() => expect(names()).toContain('auth platform'));
    expect(names()).not.toContain('cart shop');
    await fireEvent.change(screen.getByRole('combobox', { name: /Phase/ }), { target: { value: 'WaitingPromotion' } });
    expect(location.search).toContain('status=WaitingPromotion');
    await waitFor(() => expect(names()).toEqual(['checkout shop']));
    route.set({ status: null, attention: null, q: 'ns:shop !checkout' });
    await waitFor(() => expect(names().every((name) => name.endsWith(' shop'))).toBe(true));
    expect(names()).not.toContain('checkout shop');
    route.set({ q: 'status:nothing' });
    await screen.findByText(/matches “status:nothing”/);
  });
  it('are drawn some at a time where there are many', async () => {
    await live_at('thousand', 'releases?view=grid');
    render(Overview, { list_only: true });
    await waitFor(() => expect(names().length).toBe(48));
    await fireEvent.click(screen.getByRole('button', { name: 'Show more' }));
    await waitFor(() => expect(names().length).toBe(96));
  });
});

describe('Services', () => {
  it('come by their rate with what is unknown last', async () => {
    await at('story', 'services');
    render(Services);
    await screen.findByRole('table');
    await fireEvent.click(screen.getByRole('button', { name: 'Requests' }));
    await waitFor(() => expect(document.querySelector('th[aria-sort="descending"]')).not.toBeNull());
    const rates = [...document.querySelectorAll('td[data-head="Requests"]')].map((cell) => Number.parseFloat(cell.textContent ?? ''));
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
  });
  it('are shown one by one with routes and workloads', async () => {
    await at('story', 'services/test/podinfo');
    render(ServicePage, { ns: 'test', name: 'podinfo' });
    await waitFor(() => expect(document.querySelector('.facts')).not.toBeNull());
    for (const part of [/http 9898 → 9898/, /podinfo-primary/, /test\/podinfo-canary/, /app=podinfo/]) expect(text()).toMatch(part);
  });
});

describe('events', () => {
  it('are those of the chosen namespaces, only warnings where that is wanted', async () => {
    await at('story', 'events?ns=test&type=Warning');
    render(Events);
    await screen.findByText(/Halt podinfo.test advancement success rate 93.20%/);
    const items = [...document.querySelectorAll<HTMLElement>('.events li')];
    expect(items.every((item) => item.dataset['tone'] === 'warn' && item.textContent?.includes('test'))).toBe(true);
    await fireEvent.click(screen.getByLabelText('only warnings'));
    await waitFor(() => expect(document.querySelectorAll('.events li').length).toBeGreaterThan(items.length));
  });
});

describe('findings', () => {
  const messages = () => [...document.querySelectorAll('tr[data-row] th[scope="row"]')].map((cell) => cell.textContent?.trim() ?? '');
  const objects = () => [...document.querySelectorAll('td[data-head="Of"]')].map((cell) => (cell.textContent ?? '').replace(/\s+/g, ' ').trim());
  it('are a table, worst first, in the order of a column that the address holds', async () => {
    await at('story', 'validations');
    render(Validations);
    await waitFor(() => expect(rows()).toHaveLength(7));
    expect(rows()[0]).toMatch(/^Error ?SLU0001 ?auth Canary in platform ?Gateway platform\/partners selects no running gateway pod ?2[0-9] min$/);
    await fireEvent.click(screen.getByRole('button', { name: 'Code' }));
    expect(location.search).toContain('sort=code');
    expect(screen.getByRole('columnheader', { name: 'Code' }).getAttribute('aria-sort')).toBe('ascending');
    expect(rows()[0]).toMatch(/IST0101/);
    await fireEvent.click(screen.getByRole('button', { name: 'Code' }));
    expect(screen.getByRole('columnheader', { name: 'Code' }).getAttribute('aria-sort')).toBe('descending');
    expect(rows()[0]).toMatch(/SLU0012/);
  });
  it('are fewer by level, code, namespace and words, each in the address', async () => {
    await at('story', 'validations?ns=test');
    render(Validations);
    await waitFor(() => expect(rows()).toHaveLength(3));
    const tiles = screen.getByRole('navigation', { name: 'Findings by level' });
    expect(tiles.textContent?.replace(/\s+/g, '')).toBe('0Errors2Warnings1Info');
    expect(tiles.querySelectorAll('a')[1]?.getAttribute('href')).toMatch(/ns=test&level=warning/);
    route.go('/ui/validations?ns=test&level=warning');
    await waitFor(() => expect(rows()).toHaveLength(2));
    await fireEvent.change(screen.getByLabelText('Code'), { target: { value: 'SLU0007' } });
    await waitFor(() => expect(messages()).toEqual(['the mesh tries again what failed: users see fewer failures than request-success-rate counts']));
    expect(location.search).toBe('?ns=test&level=warning&code=SLU0007');
    route.go('/ui/validations?q=grpc-api%20nothing');
    await screen.findByText(/No finding matches/);
  });
  it('stand by object where that is wanted, the worst one first', async () => {
    await at('story', 'validations');
    render(Validations);
    await waitFor(() => expect(rows()).toHaveLength(7));
    await fireEvent.click(screen.getByLabelText('By object'));
    expect(location.search).toContain('group=object');
    const heads = [...document.querySelectorAll('tr.head')].map((row) => (row.textContent ?? '').replace(/\s+/g, ' ').trim());
    expect(heads).toHaveLength(5);
    expect(heads[0]).toMatch(/^auth Canary in platform/);
    expect(heads.find((head) => head.startsWith('podinfo'))).toMatch(/^podinfo Canary in test 2 1$/);
    expect(objects().slice(3, 6)).toEqual(['spec.analysis.metrics[0]', 'spec.service.retries', 'spec.service.gateways']);
    expect(document.querySelector('tr.head a')?.getAttribute('href')).toMatch(/releases\/canary\/platform\/auth/);
  });
  it('open with what to do about them, by an address that can be shared', async () => {
    await at('story', 'validations');
    render(Validations);
    await fireEvent.click(await screen.findByRole('button', { name: /Referenced host not found/ }));
    expect(location.search).toBe('?sel=1');
    const dialog = await screen.findByRole('dialog');
    expect(dialog.textContent?.replace(/\s+/g, ' ')).toMatch(/VirtualService shop\/frontend.*spec\.http\[0\].*What to do ?create Service shop\/frontend-beta, or remove the destination/);
    await fireEvent.click(screen.getByRole('button', { name: 'Close' }));
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
    route.go('/ui/validations?sel=long-gone');
    await screen.findByText(/not there any more/);
  });
  it('are all asked for where there are thousands, and drawn some at a time', async () => {
    await at('thousand', 'validations');
    render(Validations);
    await screen.findByText('2407 findings');
    expect(rows().length).toBeLessThan(100);
  });
  it('of other namespaces are not told where some are chosen', async () => {
    await live_at('story', 'validations?ns=billing', false);
    render(Validations);
    await waitFor(() => expect(rows()).toHaveLength(2));
    // What is found changes: the stream tells all of it anew, of all namespaces.
    await new Promise((done) => setTimeout(done, 1500));
    await set({ mode: 'thousand' });
    await waitFor(() => expect(live.overview?.mesh.validations.warning).toBeGreaterThan(1000));
    await new Promise((done) => setTimeout(done, 1500));
    expect(objects().every((name) => name.endsWith('in billing'))).toBe(true);
    expect(rows()).toHaveLength(2);
  });
});

describe('single requests', () => {
  it('are those that the address asks for', async () => {
    await at('story', 'tap?code=5xx');
    render(Tap);
    await waitFor(() => expect(rows().length).toBeGreaterThan(0));
    expect([...document.querySelectorAll('td[data-head="Code"]')].every((cell) => cell.textContent?.startsWith('5'))).toBe(true);
    await fireEvent.input(screen.getByLabelText('Code'), { target: { value: '' } });
    await fireEvent.input(screen.getByLabelText('Method'), { target: { value: 'POST' } });
    await waitFor(() => expect(rows().length > 0 && rows().every((row) => row.includes('POST /echo'))).toBe(true));
    expect(location.search).toContain('method=POST');
  });
  it('are those of one direction, and with a header, and a secret is not searched by its value', async () => {
    await at('story', 'tap?workload=podinfo-primary&dir=in&header=user-agent:hey');
    render(Tap);
    await waitFor(() => expect(rows().length > 0 && rows().every((row) => row.includes('test/podinfo-primary'))).toBe(true));
    expect((screen.getByLabelText('Direction') as HTMLSelectElement).value).toBe('in');
    await fireEvent.change(screen.getByLabelText('Direction'), { target: { value: 'out' } });
    await screen.findByText(/No request since this page was opened/);
    expect(location.search).toMatch(/dir=out/);
    await fireEvent.change(screen.getByLabelText('Direction'), { target: { value: '' } });
    await waitFor(() => expect(rows().length).toBeGreaterThan(0));
    await fireEvent.input(screen.getByLabelText('Header'), { target: { value: 'authorization:Bearer' } });
    await screen.findByText(/the value of "authorization" is told to nobody/);
    expect(rows()).toEqual([]);
    await fireEvent.input(screen.getByLabelText('Header'), { target: { value: 'authorization' } });
    await waitFor(() => expect(rows().length).toBeGreaterThan(0));
    expect(screen.queryByText(/is told to nobody/)).toBeNull();
  });
  it('come by themselves, until they are paused', async () => {
    await live_at('story', 'tap', false);
    render(Tap);
    const said = () => Number.parseInt(document.querySelector('.heading .dim')?.textContent ?? '0', 10);
    await waitFor(() => expect(said()).toBeGreaterThan(0));
    const first = said();
    await waitFor(() => expect(said()).toBeGreaterThan(first), { timeout: 20_000 });
    // Once for the window and once more with the topic. Each answer names the topic again; that is no other topic.
    expect(streams).toBeLessThanOrEqual(2);
    await fireEvent.click(screen.getByRole('button', { name: 'Pause' }));
    const held = said();
    await new Promise((done) => setTimeout(done, 1200));
    expect(said()).toBe(held);
    await fireEvent.click(screen.getByRole('button', { name: 'Resume' }));
    await waitFor(() => expect(said()).toBeGreaterThan(held), { timeout: 20_000 });
  });
  it('are not made up where none are seen', async () => {
    await at('idle', 'tap');
    render(Tap);
    await screen.findByText(/not available without an access-log service/);
  });
});

// Charts need a browser: without Prometheus there are none.
describe('a release', () => {
  const shown = { kind: 'canary', ns: 'test', name: 'podinfo' };
  it('that is deleted and made again has its buttons again', async () => {
    await live_at('prometheus-away', 'releases/canary/test/podinfo');
    render(Release, shown);
    await screen.findByRole('button', { name: 'Abort podinfo' });
    await set({ delete: 'canary/test/podinfo' });
    await screen.findByText(/This release was deleted/);
    expect(screen.queryByRole('button', { name: 'Abort podinfo' })).toBeNull();
    await set({ restore: 'canary/test/podinfo' });
    await screen.findByRole('button', { name: 'Abort podinfo' });
    expect(screen.queryByText(/This release was deleted/)).toBeNull();
  });
  it('is not taken for gone because of an answer about the one that was shown before', async () => {
    await at('prometheus-away', 'releases/canary/test/podinfo');
    const through = globalThis.fetch;
    let refuse = () => {};
    globalThis.fetch = ((url: string, init: RequestInit) => {
      if (!url.endsWith('/nobody')) return through(url, init);
      return new Promise((resolve) => (refuse = () => resolve(new Response(JSON.stringify({ error: { code: 'not_found', message: 'There is no canary test/nobody', requestId: 'r', deletedAt: '2026-01-01T00:00:00Z' } }), { status: 404 }))));
    }) as typeof fetch;
    const { rerender } = render(Release, { ...shown, name: 'nobody' });
    await rerender(shown);
    await screen.findByRole('button', { name: 'Abort podinfo' });
    refuse();
    await new Promise((done) => setTimeout(done, 100));
    expect(screen.queryByText(/was deleted/)).toBeNull();
    await screen.findByRole('button', { name: 'Abort podinfo' });
  });
  it('shows its conditions and the phases that it went through', async () => {
    await at('prometheus-away', 'releases/canary/test/podinfo?tab=conditions');
    render(Release, shown);
    const table = await screen.findByRole('region', { name: 'Conditions, table' });
    const { conditions, detail } = podinfo_at(108, 'prometheus-away');
    for (const one of conditions ?? []) expect(table.textContent).toContain(one.message || one.reason);
    expect(conditions?.length).toBeGreaterThan(0);
    await screen.findByRole('heading', { name: 'Phases' });
    expect(document.querySelector('.panel .events')?.textContent).toContain(detail?.history[0]?.phase);
  });
  it('says who else writes what its controller writes', async () => {
    await at('prometheus-away', 'releases/canary/test/podinfo');
    const through = globalThis.fetch;
    globalThis.fetch = (async (url: string, init: RequestInit) => {
      const answer = await through(url, init);
      if (!url.endsWith('canary/test/podinfo')) return answer;
      const contested = { type: 'Contested', status: 'True', reason: 'Contested', message: 'helm writes metadata.labels.team, too', at: null };
      const shown_release = (await answer.json()) as { conditions: unknown[] };
      return new Response(JSON.stringify({ ...shown_release, conditions: [...shown_release.conditions, contested] }), { status: 200, headers: answer.headers });
    }) as typeof fetch;
    render(Release, shown);
    await screen.findByText('helm writes metadata.labels.team, too');
  });
  it('keeps what was told while an older answer was on its way', async () => {
    await live_at('prometheus-away', 'releases/canary/test/podinfo');
    render(Release, shown);
    await screen.findByRole('button', { name: 'Abort podinfo' });
    const through = globalThis.fetch;
    let answer: (() => void) | null = null;
    globalThis.fetch = ((url: string, init: RequestInit) => {
      if (!url.endsWith('canary/test/podinfo')) return through(url, init);
      return through(url, init).then((response) => new Promise((resolve) => (answer = () => resolve(response))));
    }) as typeof fetch;
    // The window comes back: it asks again, and is answered late.
    live.toggle_pause();
    live.toggle_pause();
    await waitFor(() => expect(answer).not.toBeNull());
    await set({ t: 140 });
    await waitFor(() => expect(text()).toMatch(/6\.2\.0 was rolled back/));
    (answer as unknown as () => void)();
    await new Promise((done) => setTimeout(done, 100));
    expect(text()).toMatch(/6\.2\.0 was rolled back/);
  });
});

describe('what is told', () => {
  it('is laid over the answer that was on its way meanwhile', async () => {
    await live_at('story', 'events');
    const answers: (() => void)[] = [];
    const through = globalThis.fetch;
    globalThis.fetch = ((url: string, init: RequestInit) => {
      if (!url.includes('/events?')) return through(url, init);
      return through(url, init).then((response) => new Promise((resolve) => answers.push(() => resolve(response))));
    }) as typeof fetch;
    render(Events);
    // Once by itself, once since the stream has begun.
    await waitFor(() => expect(answers.length).toBe(2));
    await set({ t: 140 });
    await waitFor(() => expect(live.releases.find(({ name, namespace }) => name === 'podinfo' && namespace === 'test')?.status).toBe('Failed'));
    for (const answer of answers) answer();
    await screen.findByText(/Canary failed! Scaling down podinfo.test/);
  });
});

describe('the YAML of a release', () => {
  it('marks what the new revision changes, folds the rest, and is copied', async () => {
    await at('story', 'releases/canary/test/podinfo?tab=yaml');
    const copied: string[] = [];
    Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText: async (of: string) => void copied.push(of) } });
    render(Manifest, { release: podinfo_at(108) });
    const changes = await screen.findByRole('region', { name: 'What the new revision changes' });
    const removed = changes.querySelector('[data-op="removed"]')?.textContent;
    const added = changes.querySelector('[data-op="added"]')?.textContent;
    expect(removed).toMatch(/removed: +image: .*6\.1\.0/);
    expect(added).toMatch(/added: +image: .*6\.2\.0/);
    expect(changes.textContent).toMatch(/\d+ lines alike/);
    expect(changes.textContent).not.toMatch(/labels:/);
    await fireEvent.click(screen.getByRole('checkbox', { name: 'all lines' }));
    expect(changes.textContent).toMatch(/labels:/);
    expect(changes.textContent).toMatch(/•••/);
    await fireEvent.click(screen.getByRole('button', { name: /Copy *: the object/ }));
    expect(copied[0]).toMatch(/^apiVersion: flagger\.app/);
    await waitFor(() => screen.getByRole('button', { name: /Copied *: the object/ }));
    await fireEvent.click(screen.getByRole('button', { name: /Copy *: the difference/ }));
    expect(copied[1]).toMatch(/^--- podinfo-primary\n\+\+\+ podinfo\n/);
    expect(copied[1]).toMatch(/\n- +image: .*\n\+ +image: /);
    // Over plain http from elsewhere a browser has no clipboard: that is said where it was pressed.
    Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined });
    await fireEvent.click(screen.getByRole('button', { name: /Cop(y|ied) *: the difference/ }));
    await waitFor(() => screen.getByRole('button', { name: /Not copied *: the difference/ }));
  });
});

describe('the mesh', () => {
  it('says what it is made of, and what is wrong with its sidecars', async () => {
    await at('story', 'mesh');
    render(Mesh);
    await screen.findByRole('heading', { name: /cp-v112x/ });
    for (const part of [/1\.12\.9/, /shop, test/, /shop\/search-primary/, /platform\/emails-primary/, /STRICT mTLS only, by shop\/default/, /Scrape interval ?1 s/]) expect(text()).toMatch(part);
  });
  it('says since when Prometheus is away', async () => {
    await at('prometheus-away', 'mesh');
    render(Mesh);
    await screen.findByText(/no answer in 5 s/);
  });
});

describe('the lab', () => {
  it('sends test load, stops it, and says why it is refused', async () => {
    await at('story', 'lab');
    render(Lab);
    await screen.findByRole('option', { name: 'test/test-imgw' });
    await fireEvent.change(screen.getByLabelText('Through'), { target: { value: 'test/test-imgw' } });
    await fireEvent.click(screen.getByRole('button', { name: 'Send' }));
    const loads = () => [...screen.getByRole('region', { name: 'Test load, table' }).querySelectorAll('tbody tr')];
    await screen.findByText('Running');
    expect(text()).toMatch(/test\/test-imgw.*20 rps ?240 ?238 ?2 ?the answer was 503/);
    await fireEvent.click(screen.getByRole('button', { name: /^Stop/ }));
    await screen.findByText('Stopped');
    for (let i = 0; i < 4; ++i) {
      await fireEvent.click(screen.getByRole('button', { name: 'Send' }));
      await waitFor(() => expect(loads().length).toBe(i + 2));
    }
    await fireEvent.click(screen.getByRole('button', { name: 'Send' }));
    await screen.findByText(/4 runs of test load are under way/);
  });
  it('offers no load to who may only read', async () => {
    await at('read-only', 'lab');
    render(Lab);
    await screen.findByText(/None sent yet/);
    expect(screen.queryByRole('button', { name: 'Send' })).toBeNull();
    await screen.findByText('smm-system/flagger-7c8d5');
    expect(screen.queryByRole('button', { name: /Crash/ })).toBeNull();
    expect(screen.queryByRole('button', { name: /Fault/ })).toBeNull();
  });
  const pod_row = () => document.querySelector<HTMLElement>('tr[data-pod^="test/podinfo-primary"]') as HTMLElement;
  const turn = (word: RegExp) => [...pod_row().querySelectorAll('button')].find((button) => word.test(button.textContent ?? '')) as HTMLElement;
  it('says what runs, with a dash for what is not known', async () => {
    await at('story', 'lab');
    render(Lab);
    await waitFor(() => expect(pod_row()).not.toBeNull());
    await screen.findByRole('option', { name: 'test/test-imgw' });
    for (const part of [/sluice lab, pid 4711 ?96 MiB, 12 s of CPU/, /prometheus, pid 4712/, /20\.1 rps, 4,021 so far/, /812/, /runs the app podinfo/, /exact shares/, /127\.64\.0\.\d+:9898/, /hey -z 30m -q 10 -c 2 http:\/\/127\.112/]) expect(text()).toMatch(part);
  });
  it('lets a pod hang until it is started again, and start slowly', async () => {
    await at('story', 'lab');
    render(Lab);
    await waitFor(() => expect(pod_row()).not.toBeNull());
    await fireEvent.click(turn(/Fault/));
    await fireEvent.input(screen.getByLabelText(/Slow start/), { target: { value: '601' } });
    const form = screen.getByRole('button', { name: 'Set', hidden: true }).closest('form') as HTMLFormElement;
    await fireEvent.submit(form);
    await screen.findByText('slowStart is not in 0..600');
    await fireEvent.input(screen.getByLabelText(/Slow start/), { target: { value: '30' } });
    await fireEvent.click(screen.getByLabelText(/^Hang/));
    await fireEvent.submit(form);
    await waitFor(() => expect(pod_row().textContent).toMatch(/hangs, starts in 30 s/));
    await fireEvent.click(turn(/Crash/));
    await waitFor(() => expect(pod_row().textContent).toMatch(/starts in 30 s/));
    await waitFor(() => expect(pod_row().textContent).not.toMatch(/hangs/));
    // The dialog opens with what there is.
    await fireEvent.click(turn(/Fault/));
    expect((screen.getByLabelText(/Slow start/) as HTMLInputElement).value).toBe('30');
    expect((screen.getByLabelText(/^Hang/) as HTMLInputElement).checked).toBe(false);
  });
  it('offers no fault of a pod that can have none, and says why', async () => {
    await at('story', 'lab');
    render(Lab);
    await waitFor(() => expect(document.querySelector('[data-pod^="test/test-imgw-"]')?.textContent).toMatch(/a gateway: the lab's proxy answers in its place.*takes none/));
    const fault = [...document.querySelectorAll<HTMLElement>('[data-pod^="test/test-imgw-"] button')].find((one) => /Fault/.test(one.textContent ?? '')) as HTMLElement;
    expect(fault.getAttribute('aria-disabled')).toBe('true');
    expect(document.getElementById(fault.getAttribute('aria-describedby') ?? '')?.textContent).toMatch(/Takes no fault: a gateway/);
    await fireEvent.click(fault);
    expect(screen.queryByRole('dialog')).toBeNull();
  });
  it('sets a fault of a pod, says why it is refused, and ends it', async () => {
    await at('story', 'lab');
    render(Lab);
    await waitFor(() => expect(pod_row()).not.toBeNull());
    await fireEvent.click(turn(/Fault/));
    await fireEvent.input(screen.getByLabelText(/p50/), { target: { value: '70000' } });
    await fireEvent.submit(screen.getByRole('button', { name: 'Set', hidden: true }).closest('form') as HTMLFormElement);
    await screen.findByText('latencyMs.p50 is not in 0..60000');
    await fireEvent.input(screen.getByLabelText(/p50/), { target: { value: '300' } });
    await fireEvent.input(screen.getByLabelText(/are a 500/), { target: { value: '5' } });
    await fireEvent.submit(screen.getByRole('button', { name: 'Set', hidden: true }).closest('form') as HTMLFormElement);
    await waitFor(() => expect(pod_row().textContent).toMatch(/\+300 ms, 5\.0 % errors/));
    expect(document.querySelector('dialog')).toBeNull();
    await fireEvent.click(turn(/Fault/));
    await fireEvent.click(screen.getByRole('button', { name: 'End it', hidden: true }));
    await waitFor(() => expect(pod_row().textContent).toMatch(/none/));
  });
  it('has the end of its log, as text, of each container, to copy and to ask for again', async () => {
    await at('story', 'lab');
    render(Lab);
    await waitFor(() => expect(pod_row()).not.toBeNull());
    const name = pod_row().getAttribute('data-pod') as string;
    await fireEvent.click(turn(/^Log/));
    const log = () => screen.getByRole('region', { name: 'Log', hidden: true });
    await waitFor(() => expect(log().textContent).toMatch(/"msg":"<b>line 3<\/b>"/));
    expect(log().querySelector('b')).toBeNull();
    expect(text()).toMatch(/The last 3 lines/);
    expect(screen.getByRole('button', { name: new RegExp(`^Copy *: log of ${name}$`), hidden: true })).not.toBeNull();
    await fireEvent.click(turn(/Crash/));
    await waitFor(() => expect(pod_row().querySelector('td.num')?.textContent).toBe('1'));
    await fireEvent.click(screen.getByRole('button', { name: 'Refresh', hidden: true }));
    await waitFor(() => expect(log().textContent).toMatch(/line 4/));
  });
  it('ends a container, which is counted', async () => {
    await at('story', 'lab');
    render(Lab);
    await waitFor(() => expect(pod_row()).not.toBeNull());
    await fireEvent.click(turn(/Crash/));
    await waitFor(() => expect(pod_row().querySelector('td.num')?.textContent).toBe('1'));
  });
});

describe('gateways', () => {
  const send = () => fireEvent.submit(screen.getByLabelText('Path').closest('form') as HTMLFormElement);
  it('are tried with one request, which shows its answer and its route', async () => {
    await at('story', 'gateways');
    render(Gateways);
    await fireEvent.click(await screen.findByRole('button', { name: 'Try test/test-imgw' }));
    await fireEvent.input(screen.getByLabelText('Path'), { target: { value: '/version' } });
    await send();
    await waitFor(() => expect(text()).toMatch(/GET http:\/\/127\.112\.0\.1\/version Host: podinfo\.example\.org/));
    for (const part of [/200 after 3\.4 ms/, /Route ?test\/podinfo#0/, /Went to ?test\/podinfo-primary/, /"version": "6\.0\.0"/]) expect(text()).toMatch(part);
    await fireEvent.input(screen.getByLabelText('Path'), { target: { value: '/delay/60' } });
    await send();
    await screen.findByText(/No answer after 10\.00 s: timed out after 10s/);
    expect(text()).not.toMatch(/Went to/);
  });
  it('have a page each, with what comes in, its routes, its pods and what it sent on', async () => {
    await at('story', 'gateways');
    render(Gateways);
    const link = await screen.findByRole('link', { name: 'shop-gw' });
    expect(link.getAttribute('href')).toMatch(/^\/ui\/gateways\/shop\/shop-gw/);
    cleanup();
    // Charts stay on their way for ever: jsdom draws none.
    const asked: string[] = [];
    const to_server = globalThis.fetch;
    globalThis.fetch = ((url: string, init: RequestInit) => (url.includes('/metrics/') ? (asked.push(url), new Promise(() => {})) : to_server(url, init))) as typeof fetch;
    render(GatewayPage, { ns: 'shop', name: 'shop-gw' });
    await screen.findByRole('heading', { name: 'Pods' });
    for (const part of [/127\.112\.0\.2/, /IstioMeshGateway, IstioMeshGateway as YAML, ingress, of istio-system\/cp-v112x/, /443 → 8443 https not listening/, /shop\/shop-cert expires in 12 days for shop\.example\.org/, /shop\/shop, Gateway as YAML ?80 HTTP for shop\.example\.org, www\.shop\.example\.org/, /shop\/frontend, VirtualService as YAML ?shop\/checkout/, /shop-gw-7d9f6c-a0/, /Referenced host not found: "frontend-beta"/, /port 443 is not listening/]) expect(text()).toMatch(part);
    expect(asked.some((url) => url.includes('metrics/node/w%2Fshop%2Fshop-gw?'))).toBe(true);
    expect(screen.getByRole('button', { name: 'Try shop/shop-gw' })).not.toBeNull();
    cleanup();
    render(GatewayPage, { ns: 'shop', name: 'gone' });
    await screen.findByText(/no gateway shop\/gone/);
  });
  it('are a table in the order of a column where that is wanted, and lead to their pages', async () => {
    await at('story', 'gateways');
    render(Gateways);
    await fireEvent.click(await screen.findByRole('button', { name: 'Table' }));
    expect(location.search).toBe('?view=table');
    expect(rows()[0]).toMatch(/^Available ?shop-gw shop ?127\.112\.0\.2 ?80 → 8080, 443 → 8443 \(not listening\)/);
    await fireEvent.click(screen.getByRole('button', { name: 'Requests' }));
    expect(screen.getByRole('columnheader', { name: 'Requests' }).getAttribute('aria-sort')).toBe('descending');
    expect(rows().map((row) => /(shop-gw|test-imgw|partners-gw)/.exec(row)?.[1])).toEqual(['shop-gw', 'test-imgw', 'partners-gw']);
    await fireEvent.click(screen.getByRole('button', { name: 'Requests' }));
    expect(rows().map((row) => /(shop-gw|test-imgw|partners-gw)/.exec(row)?.[1])).toEqual(['partners-gw', 'test-imgw', 'shop-gw']);
    expect(screen.getByRole('link', { name: /test-imgw/ }).getAttribute('href')).toMatch(/^\/ui\/gateways\/test\/test-imgw\?|^\/ui\/gateways\/test\/test-imgw$/);
  });
  it('are not tried without an address, or by who may only read', async () => {
    await at('story', 'gateways');
    render(Gateways);
    await screen.findByRole('button', { name: 'Try test/test-imgw' });
    expect(screen.queryByRole('button', { name: 'Try platform/partners-gw' })).toBeNull();
    cleanup();
    await server.stop();
    await at('read-only', 'gateways');
    render(Gateways);
    await screen.findByRole('heading', { name: /test-imgw/ });
    expect(screen.queryByRole('button', { name: /^Try/ })).toBeNull();
  });
});

describe('axe finds nothing, as far as it needs no colours', () => {
  const all: [string, Parameters<typeof render>[0], Record<string, string>, string][] = [
    ['workloads', Workloads, {}, 'tr[data-row]'],
    ['workloads/test/deployment/podinfo', WorkloadPage, { ns: 'test', kind: 'deployment', name: 'podinfo' }, '.facts'],
    ['services', Services, {}, 'tr[data-row]'],
    ['services/test/podinfo', ServicePage, { ns: 'test', name: 'podinfo' }, '.facts'],
    ['events', Events, {}, '.events li'],
    ['tap', Tap, {}, 'tr[data-row]'],
    ['mesh', Mesh, {}, 'article'],
    ['lab', Lab, {}, 'tr[data-pod]'],
    ['gateways', Gateways, {}, 'article'],
    ['gateways/test/test-imgw', GatewayPage, { ns: 'test', name: 'test-imgw' }, '.facts'],
  ];
  it.each(all)('on %s', async (path, what, props, ready) => {
    await at('story', path);
    const { container } = render(what, props);
    await waitFor(() => expect(document.querySelector(ready)).not.toBeNull());
    const { violations } = await axe.run(container, { rules: { 'color-contrast': { enabled: false }, region: { enabled: false } } });
    expect(violations.map((one) => `${one.id} ${one.nodes[0]?.html}`)).toEqual([]);
  });
});

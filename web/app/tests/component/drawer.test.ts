import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import Drawer from '../../src/parts/Drawer.svelte';
import type { Edge, Node } from '../../src/api/types';
import { topology_at } from './samples';

const { nodes, edges } = topology_at(108, 'story', 'test');
const node_of = (id: string) => nodes.find((node) => node.id === id) as Node;
const edge_of = (id: string) => edges.find((edge) => edge.id === id) as Edge;
const gateway = node_of('w/test/test-imgw');
const to_primary = edge_of('e/w/test/test-imgw>w/test/podinfo-primary/http');
const text = () => (document.body.textContent ?? '').replace(/\s+/g, ' ');
const asked = () => vi.mocked(globalThis.fetch).mock.calls.map(([url]) => String(url)).filter((url) => url.includes('/metrics/'));
const show = (node: Node | null, edge: Edge | null, all = edges) => render(Drawer, { node, edge, nodes: new Map(nodes.map((one) => [one.id, one])), edges: all, window: 60, close: () => {}, select: () => {} });

// Charts that are asked for are on their way for ever: jsdom draws none, and knows no modal dialog.
beforeEach(() => {
  HTMLDialogElement.prototype.showModal = function () { this.open = true; };
  HTMLDialogElement.prototype.close = function () { this.open = false; };
  globalThis.fetch = vi.fn(() => new Promise<Response>(() => {}));
});
afterEach(cleanup);

describe('what was chosen on the topology', () => {
  it('has the charts of a gateway where nobody counts what arrives, too, and its page', () => {
    show(gateway, null, edges.filter((edge) => edge.target !== gateway.id));
    expect(asked()).toHaveLength(1);
    expect(asked()[0]).toMatch(/metrics\/node\/w%2Ftest%2Ftest-imgw/);
    expect(screen.getByRole('link', { name: 'Gateway page' }).getAttribute('href')).toMatch(/^\/ui\/gateways\/test\/test-imgw/);
  });
  it('has its charts where there are some', () => {
    show(node_of('w/test/podinfo'), null);
    show(null, to_primary);
    expect(asked()).toHaveLength(2);
  });
  it('says how many requests its numbers stand on', () => {
    show(null, { ...to_primary, rps: 16, share: 0.8 });
    expect(text()).toMatch(/16\.0 rps, 80\.0 % of what leaves test-imgw ?about 960 requests in 1 min/);
  });
  it('says what each flag of the proxy means, and tells one that is not known as it is', () => {
    show(null, { ...to_primary, flags: { '-': 15, 'UF,URX': 0.5, DC: 0.2, NFCF: 0.1 } });
    expect(text()).toMatch(/UF,URX 0\.5 rps the connection to the pod failed, all retries were used up/);
    expect(text()).toMatch(/DC 0\.2 rps who asked did not wait for the answer/);
    expect(text()).toMatch(/NFCF 0\.1 rps(?! [a-z])/);
  });
  it('says as whom both ends showed themselves, where that is known', () => {
    show(null, to_primary);
    expect(screen.queryByText('Principals')).toBeNull();
    cleanup();
    show(null, { ...to_primary, principals: [{ source: 'spiffe://cluster.local/ns/test/sa/gw', destination: null }] });
    expect(screen.getByText('Principals').nextElementSibling?.textContent).toMatch(/sa\/gw → not known/);
  });
  it('shows no lock where nobody says whether it is encrypted', () => {
    show(null, { ...to_primary, mtls: null });
    const row = screen.getByText('Encryption').nextElementSibling as HTMLElement;
    expect(row.textContent).toMatch(/not known/);
    expect(row.querySelector('svg')).toBeNull();
  });
  it('shows a route as YAML when its name is pressed, and asks for it only then', async () => {
    const workload = node_of('w/test/podinfo');
    const answer = { now: '2026-01-01T00:00:00.000Z', labels: {}, services: [], virtualServices: ['test/podinfo'], destinationRules: [], ports: [] };
    const yaml = { now: '2026-01-01T00:00:00.000Z', yaml: 'kind: VirtualService\n<b>not markup</b>\n' };
    const answers: [string, unknown][] = [['/objects/virtualservice/test/podinfo/yaml', yaml], ['/workloads/test/deployment/podinfo', answer]];
    globalThis.fetch = vi.fn((url) => {
      const known = answers.find(([path]) => String(url).includes(path));
      return known ? Promise.resolve(new Response(JSON.stringify(known[1]))) : new Promise<Response>(() => {});
    }) as typeof fetch;
    show(workload, null);
    const name = await screen.findByText('test/podinfo');
    expect(name.textContent).toBe('test/podinfo, VirtualService as YAML');
    const asked_for = () => vi.mocked(globalThis.fetch).mock.calls.filter(([url]) => String(url).includes('/objects/')).length;
    expect(asked_for()).toBe(0);
    await fireEvent.click(name);
    const region = await screen.findByRole('region', { name: 'The object as YAML' });
    expect(region.textContent).toBe(yaml.yaml);
    expect(region.querySelector('b')).toBeNull();
    expect(asked_for()).toBe(1);
  });
  it('leads to the page of a workload, and shows what is configured about it', async () => {
    const workload = node_of('w/test/podinfo');
    const answer = { now: '2026-01-01T00:00:00.000Z', labels: { app: 'podinfo' }, services: ['test/podinfo'], virtualServices: ['test/podinfo'], destinationRules: ['test/podinfo-canary'], ports: [{ name: 'http', containerPort: 9898, protocol: 'TCP' }] };
    globalThis.fetch = vi.fn((url) => (String(url).includes('/workloads/test/deployment/podinfo') ? Promise.resolve(new Response(JSON.stringify(answer))) : new Promise<Response>(() => {}))) as typeof fetch;
    show(workload, null);
    expect(screen.getByRole('link', { name: 'Workload page' }).getAttribute('href')).toMatch(/^\/ui\/workloads\/test\/deployment\/podinfo/);
    await screen.findByText('app=podinfo');
    expect(text()).toMatch(/Ports ?9898 http, TCP ?Services ?test\/podinfo ?VirtualServices ?test\/podinfo, VirtualService as YAML ?DestinationRules ?test\/podinfo-canary, /);
  });
  it('leads to each member of an app, and to what only the metrics know on the picture', () => {
    const app = topology_at(108, 'story', 'test', 'app').nodes.find((node) => node.members.length > 0 && node.kind === 'app') as Node;
    show({ ...app, members: ['w/test/web', 'w/test/agent', 'w/test/gone'], memberKinds: ['Deployment', 'DaemonSet', null] }, null);
    const to = (name: string) => screen.getByRole('link', { name }).getAttribute('href');
    expect(to('web')).toMatch(/^\/ui\/workloads\/test\/deployment\/web(\?|$)/);
    expect(to('agent')).toMatch(/^\/ui\/workloads\/test\/daemonset\/agent(\?|$)/);
    expect(to('gone')).toMatch(/\?(.*&)?sel=w\/test\/gone/);
    cleanup();
    show({ ...app, kind: 'gateway', members: ['w/test/gw'], memberKinds: ['Deployment'] }, null);
    expect(to('gw')).toMatch(/^\/ui\/gateways\/test\/gw(\?|$)/);
  });
  it('says why its configuration is not shown', async () => {
    const refusal = { error: { code: 'forbidden', message: 'You may not look into namespace test' } };
    globalThis.fetch = vi.fn((url) => (String(url).includes('/metrics/') ? new Promise<Response>(() => {}) : Promise.resolve(new Response(JSON.stringify(refusal), { status: 403 })))) as typeof fetch;
    show(node_of('w/test/podinfo'), null);
    await screen.findByText('You may not look into namespace test');
    expect(text()).toMatch(/Not allowed/);
  });
  it('says which Host copies carry, where that is known', async () => {
    const mesh = (mirrorHost: string | null) => {
      globalThis.fetch = vi.fn((url) => (String(url).endsWith('/mesh') ? Promise.resolve(new Response(JSON.stringify({ now: '2026-01-01T00:00:00.000Z', mirrorHost }))) : new Promise<Response>(() => {}))) as typeof fetch;
      show(null, { ...to_primary, mirror: true });
    };
    mesh('shadow');
    await screen.findByText('…-shadow');
    expect(text()).toMatch(/mirrored copies; copies carry Host …-shadow/);
    cleanup();
    mesh('plain');
    await screen.findByText(/copies carry the Host of their request/);
    cleanup();
    mesh(null);
    await vi.waitFor(() => expect(vi.mocked(globalThis.fetch).mock.calls.some(([url]) => String(url).endsWith('/mesh'))).toBe(true));
    await new Promise((done) => setTimeout(done, 20));
    expect(text()).toMatch(/mirrored copies(?!;)/);
  });
});

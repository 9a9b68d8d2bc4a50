import { describe, expect, it } from 'vitest';
import type { Edge } from '../../src/api/types';
import { found } from '../../src/graph/find';
import { fresh_of, label_of, line_of, lock_of, name_of, tints, tints_of, tone_of, width_of } from '../../src/graph/label';
import { lay_out, neighbour, node_width, shape_of } from '../../src/graph/layout';
import { health_of_edge } from '../../src/lib/words';
import { topology_at } from './samples';

describe('the layout', () => {
  it('has room for the labels of both versions beside each other, where it goes from top to bottom', () => {
    const { nodes, edges } = topology_at(108, 'story', 'test');
    const [one, other] = lay_out(nodes, edges, true).lines.sort((a, b) => a.label_x - b.label_x);
    if (!one || !other) throw new Error('both versions have an edge');
    // About six pixels a letter, with a lock and the ends.
    const width = (edge: Edge) => label_of(edge, 'all').length * 6 + 30;
    expect(other.label_x - one.label_x).toBeGreaterThan((width(one.edge) + width(other.edge)) / 2);
  });
  it('is the same for the same nodes and edges, in whatever order they come', () => {
    const { nodes, edges } = topology_at(108);
    const one = lay_out(nodes, edges);
    const other = lay_out([...nodes].reverse(), [...edges].reverse());
    for (const [id, place] of one.places) expect(other.places.get(id)).toMatchObject({ x: place.x, y: place.y });
  });
  it('is not asked for again when only numbers change', () => {
    const before = topology_at(104);
    const after = topology_at(108);
    expect(shape_of(after.nodes, after.edges)).toBe(shape_of(before.nodes, before.edges));
  });
  it.each([['story', false], ['story', true], ['idle', false], ['mesh300', false]])('lays no node over another (%s, from top to bottom: %s)', (mode, down) => {
    const { nodes, edges } = topology_at(108, mode);
    const layout = lay_out(nodes, edges, down);
    expect(layout.places.size).toBe(nodes.length);
    const places = [...layout.places.values()];
    const over = places.flatMap((a, i) =>
      places
        .slice(i + 1)
        .filter((b) => Math.abs(a.x - b.x) < node_width && Math.abs(a.y - b.y) < layout.node_height)
        .map((b) => `${a.node.id} and ${b.node.id}`),
    );
    expect(over).toEqual([]);
  });
  it.each(['service', 'app', 'versionedApp'])('lays no node over another, and both versions of a release into one box (%s)', (type) => {
    const { nodes, edges } = topology_at(108, 'story', '', type);
    const layout = lay_out(nodes, edges);
    const places = [...layout.places.values()];
    expect(places).toHaveLength(nodes.length);
    for (const a of places) for (const b of places) if (a !== b) expect(Math.abs(a.x - b.x) >= node_width || Math.abs(a.y - b.y) >= layout.node_height).toBe(true);
    const box = layout.boxes.find((one) => one.name === 'podinfo');
    const inside = places.filter(({ x, y }) => box && x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height).sort((a, b) => a.y - b.y);
    expect(inside.map(({ node }) => node.release?.role)).toEqual(['primary', 'canary']);
  });
  it('puts both versions of a release into one box, the primary above', () => {
    const { nodes, edges } = topology_at(108, 'story', 'test');
    const layout = lay_out(nodes, edges);
    const box = layout.boxes.find((one) => one.name === 'podinfo');
    const primary = layout.places.get('w/test/podinfo-primary');
    const canary = layout.places.get('w/test/podinfo');
    if (!box || !primary || !canary) throw new Error('missing');
    for (const member of [primary, canary]) {
      expect(member.x).toBeGreaterThanOrEqual(box.x);
      expect(member.x + node_width).toBeLessThanOrEqual(box.x + box.width);
      expect(member.y + layout.node_height).toBeLessThanOrEqual(box.y + box.height);
    }
    expect(primary.y).toBeLessThan(canary.y);
  });
  it('goes from top to bottom where the window is high, versions side by side with what is said of them below', () => {
    const { nodes, edges } = topology_at(108, 'story', 'test');
    const layout = lay_out(nodes, edges, true);
    const at = (id: string) => layout.places.get(id) ?? { x: Number.NaN, y: Number.NaN };
    const [gateway, primary, canary] = [at('w/test/test-imgw'), at('w/test/podinfo-primary'), at('w/test/podinfo')];
    expect([gateway.y < primary.y, primary.y === canary.y, primary.x + node_width <= canary.x]).toEqual([true, true, true]);
    const box = layout.boxes[0];
    expect((box?.y ?? 0) + (box?.height ?? 0) - (primary.y + layout.node_height)).toBeGreaterThan(110);
    expect(layout.width).toBeLessThan(lay_out(nodes, edges).width);
    expect(neighbour(layout, 'w/test/test-imgw', 'ArrowDown')).toMatch(/^w.test.podinfo/);
    expect(neighbour(layout, 'w/test/podinfo', 'ArrowUp')).toBe('w/test/test-imgw');
    expect(neighbour(layout, 'w/test/podinfo-primary', 'ArrowRight')).toBe('w/test/podinfo');
  });
  it('of what calls nobody is no tower', () => {
    const { nodes } = topology_at(108, 'idle');
    const { places, width, height } = lay_out(nodes, []);
    expect(places.size).toBe(nodes.length);
    expect(width).toBeGreaterThan(height * 0.6);
    expect(new Set([...places.values()].map((place) => place.x)).size).toBeGreaterThan(2);
    for (const place of places.values()) {
      expect(place.x).toBeGreaterThanOrEqual(0);
      expect(place.x + node_width).toBeLessThanOrEqual(width);
      expect(place.y).toBeLessThan(height);
    }
  });
  it('of nothing is nothing', () => expect(lay_out([], [])).toMatchObject({ boxes: [], lines: [] }));
  it('goes from left to right', () => {
    const { nodes, edges } = topology_at(108, 'story', 'test');
    const { places } = lay_out(nodes, edges);
    expect(places.get('w/test/test-imgw')?.x).toBeLessThan(places.get('w/test/podinfo')?.x ?? 0);
  });
  it('is walked by arrows: along edges, and within a layer', () => {
    const { nodes, edges } = topology_at(108, 'story', 'test');
    const layout = lay_out(nodes, edges);
    expect(neighbour(layout, 'w/test/test-imgw', 'ArrowRight')).toMatch(/^w.test.podinfo/);
    expect(neighbour(layout, 'w/test/podinfo', 'ArrowLeft')).toBe('w/test/test-imgw');
    expect(neighbour(layout, 'w/test/podinfo-primary', 'ArrowDown')).toBe('w/test/podinfo');
    expect(neighbour(layout, 'w/test/podinfo', 'ArrowUp')).toBe('w/test/podinfo-primary');
    expect(neighbour(layout, 'w/test/podinfo', 'ArrowRight')).toBeNull();
  });
  it.each([false, true])('draws two protocols between the same ends side by side, each with its label (from top to bottom: %s)', (down) => {
    const { nodes, edges } = topology_at(108, 'story', 'test');
    const edge = edges.find((one) => one.target === 'w/test/podinfo');
    if (!edge) throw new Error('no edge');
    const tcp: Edge = { ...edge, id: edge.id.replace(/http$/, 'tcp'), protocol: 'tcp' };
    const alone = lay_out(nodes, edges, down).lines.find((one) => one.edge === edge);
    const both = lay_out(nodes, [...edges, tcp], down).lines.filter((one) => one.edge.source === edge.source && one.edge.target === edge.target);
    expect(both.map((one) => one.edge.protocol)).toEqual(['http', 'tcp']);
    const [http, other] = both;
    if (!http || !other || !alone) throw new Error('missing');
    expect(http.path).not.toBe(other.path);
    // A label is 22 high.
    expect(Math.abs(http.label_y - other.label_y)).toBeGreaterThanOrEqual(22);
    expect((http.label_y + other.label_y) / 2).toBeCloseTo(alone.label_y, 5);
  });
  it('survives a node that calls itself, a circle, and an edge to nowhere', () => {
    const { nodes, edges } = topology_at(108, 'story', 'test');
    const edge = edges[0];
    if (!edge) throw new Error('no edge');
    const more = [...edges, { ...edge, id: 'self', source: 'w/test/test-imgw', target: 'w/test/test-imgw' }, { ...edge, id: 'back', source: 'w/test/podinfo', target: 'w/test/test-imgw' }, { ...edge, id: 'nowhere', target: 'w/gone/gone' }];
    const layout = lay_out(nodes, more);
    expect(layout.lines.map((line) => line.edge.id)).toEqual(expect.arrayContaining(['self', 'back']));
    expect(layout.lines.map((line) => line.edge.id)).not.toContain('nowhere');
    for (const line of layout.lines) expect(line.path).not.toMatch(/NaN/);
  });
});

describe('an edge', () => {
  const { edges } = topology_at(108, 'story', 'test');
  const canary = edges.find((edge) => edge.target === 'w/test/podinfo');
  if (!canary) throw new Error('no edge to the canary');
  it('says its requests, its success and its p99', () => {
    expect(label_of({ ...canary, rps: 4, success: 0.932, p99: 357 }, 'all')).toBe('4.0 rps · 93.2 % · 357 ms');
    expect(label_of({ ...canary, rps: null }, 'all')).toBe('–');
    expect([0.04, 12.345, 99.99, 123.4, 2500, 0].map((rps) => label_of({ ...canary, rps }, 'rps'))).toEqual(['0.04 rps', '12.35 rps', '99.99 rps', '123 rps', '2.5k rps', '0 rps']);
    expect(label_of({ ...canary, rps: null }, 'rps')).toBe('–');
    expect(label_of({ ...canary, share: 0.2 }, 'share')).toBe('20 %');
    expect(label_of({ ...canary, mtls: 0.5 }, 'mtls')).toBe('50 % mTLS');
    const tcp = { ...canary, protocol: 'tcp' as const, rps: 42_000, throughput: { in: 2_000, out: 40_000 } };
    expect(label_of(tcp, 'all')).toBe('42.0 kB/s');
    expect(label_of(tcp, 'rps')).toBe('42.0 kB/s');
  });
  it('says its bytes of whatever protocol, both ways together, and that they are not known where they are not', () => {
    expect(label_of({ ...canary, throughput: { in: 400, out: 12_000 } }, 'throughput')).toBe('12.4 kB/s');
    expect(label_of({ ...canary, throughput: { in: 0, out: 0 } }, 'throughput')).toBe('0 B/s');
    expect(label_of({ ...canary, throughput: null }, 'throughput')).toBe('–');
  });
  it('of TCP is not judged, and only without traffic has none', () => {
    const tcp: Edge = { ...canary, protocol: 'tcp', rps: 42_000, health: { status: 'unknown', reasons: [] } };
    expect(health_of_edge(tcp).word).toBe('Not judged');
    expect(health_of_edge({ ...tcp, rps: null }).word).toBe('No traffic');
    expect(health_of_edge(canary).word).toBe('Failing');
  });
  it('is locked from 99 % of mutual TLS on, and open where there is none', () => {
    expect([1, 0.99, 0.98, 0.01, 0].map(lock_of)).toEqual(['lock', 'lock', 'halfLock', 'halfLock', 'unlock']);
  });
  it('fails by the threshold of its release', () => expect(tone_of(canary)).toBe('fail'));
  it('is wider the more it carries, and never wider than can be drawn', () => {
    expect(width_of({ ...canary, rps: 100 })).toBeGreaterThan(width_of({ ...canary, rps: 1 }));
    expect(width_of({ ...canary, rps: 1e9 })).toBeLessThanOrEqual(6);
    expect(width_of({ ...canary, rps: null })).toBeGreaterThan(0);
  });
});

describe('the second line of a node', () => {
  const line = (id: string, type: string) => {
    const node = topology_at(108, 'story', '', type).nodes.find((one) => one.id === id);
    if (!node) throw new Error(`no node ${id}`);
    return { ...line_of(node), name: name_of(node) };
  };
  it('is what it is to its release, where it stands for one side', () => {
    expect(line('w/test/podinfo', 'workload')).toEqual({ strong: 'canary', text: '6.2.0', name: 'podinfo' });
    expect(line('s/test/podinfo-canary', 'service').strong).toBe('canary');
    expect(line('a/test/podinfo@6.2.0', 'versionedApp')).toEqual({ strong: 'canary', text: '6.2.0', name: 'podinfo 6.2.0' });
  });
  it("is the canary's share, where it stands for both", () => {
    expect(line('a/shop/checkout', 'app').strong).toBe('canary 50 %');
    expect(line('s/test/podinfo', 'service')).toEqual({ strong: 'canary 20 %', text: '· test', name: 'podinfo' });
  });
  it('is else where it is, and of which version', () => {
    expect(line('a/shop/frontend@1', 'versionedApp').text).toBe('1 · shop');
    const [node] = topology_at(108, 'story').nodes;
    if (!node) throw new Error('no node');
    expect(line_of({ ...node, id: 'unknown', kind: 'unknown', namespace: null, version: null, release: null }).text).toBe('from outside');
  });
});

describe('finding in the topology', () => {
  const { nodes, edges } = topology_at(108);
  const ids = (text: string) => [...(found(nodes, edges, text) ?? [])];
  it('by name, by namespace, by health', () => {
    expect(ids('name=podinfo')).toEqual(expect.arrayContaining(['w/test/podinfo', 'w/test/podinfo-primary']));
    expect(ids('ns=test health=failure')).toEqual(['w/test/podinfo']);
    expect(ids('kind=gateway')).toHaveLength(2);
  });
  it('by what is refused, and by success, which is unknown of who answers nobody', () => {
    const [edge] = edges;
    if (!edge) throw new Error('no edge');
    const of = (facts: Partial<Edge>, text: string) => found(nodes, [{ ...edge, ...facts }], text)?.size;
    expect(of({ rps: 10, codes: { 200: 9, 404: 0.6, 429: 0.4 } }, '4xx>9')).toBe(2);
    expect(of({ rps: 10, codes: { 200: 9, 404: 0.6, 429: 0.4 } }, '4xx>11')).toBe(0);
    expect(of({ success: 0.985 }, 'success<99')).toBe(2);
    expect(of({ success: 0.985 }, 'success>99')).toBe(0);
    expect(of({ success: null }, 'success<99')).toBe(0);
    expect(ids('success<99')).toContain('w/test/podinfo');
  });
  it('by errors and latency', () => {
    expect(ids('5xx>5')).toContain('w/test/podinfo');
    expect(ids('p99>100000')).toEqual([]);
  });
  it('finds everything where nothing is typed', () => expect(found(nodes, edges, '  ')).toBeNull());
});

describe('what is told apart and what is new', () => {
  it('has a tint for each namespace, the same whatever stands in them, and none where all is of one', () => {
    const { nodes } = topology_at(108);
    const tinted = tints_of(nodes);
    expect([...tinted.keys()]).toEqual([...new Set(nodes.map((node) => node.namespace).filter((name) => name !== null))].sort());
    expect(new Set(tinted.values()).size).toBe(Math.min(tints, tinted.size));
    expect([...tints_of([...nodes].reverse())]).toEqual([...tinted]);
    expect(tints_of(nodes.filter((node) => node.namespace === 'test' || node.namespace === null)).size).toBe(0);
    // Nodes that are namespaces say by their names what they are.
    expect(tints_of(nodes.map((node) => ({ ...node, kind: 'namespace' as const }))).size).toBe(0);
  });
  it('is what was not there before, but not all of a picture that is another one', () => {
    expect(fresh_of([], ['a', 'b']).size).toBe(0);
    expect([...fresh_of(['a', 'b'], ['a', 'b', 'c'])]).toEqual(['c']);
    expect(fresh_of(['a', 'b'], ['a']).size).toBe(0);
    expect(fresh_of(['w/test/web'], ['a/test/web', 'a/test/other']).size).toBe(0);
  });
});

// The topology as a picture that stands for itself.
import { describe, expect, it } from 'vitest';
import type { Release } from '../../src/api/types';
import { lay_out } from '../../src/graph/layout';
import { svg_of } from '../../src/graph/picture';
import { podinfo_at, topology_at } from './samples';

const palette = (token: string) => `rgb(${token.length} 0 0)`;

function drawn(mode = 'story', ns = 'test', rename = (name: string) => name, type = 'workload') {
  const topology = topology_at(108, mode, ns, type);
  const nodes = topology.nodes.map((node) => ({ ...node, name: rename(node.name) }));
  const releases = new Map<string, Release>([['canary/test/podinfo', podinfo_at(108)]]);
  const layout = lay_out(nodes, topology.edges);
  const svg = svg_of({ layout, nodes, edges: topology.edges, releases, label: 'all', title: 'Topology of test', footer: '2026-01-01T12:01:48Z' }, palette);
  const document = new DOMParser().parseFromString(svg, 'image/svg+xml');
  return { svg, document, nodes, edges: topology.edges, layout };
}

describe('the picture that is saved', () => {
  it('has each node, each edge with what it says, and the release with its share', () => {
    const { document, nodes, edges } = drawn();
    expect(document.querySelector('parsererror')).toBeNull();
    const texts = [...document.querySelectorAll('text')].map((one) => one.textContent ?? '');
    for (const node of nodes) expect(texts).toContain(node.name);
    expect(document.querySelectorAll('path[marker-end]')).toHaveLength(edges.length);
    expect(texts.filter((text) => / rps · /.test(text))).toHaveLength(edges.length);
    for (const wanted of ['Topology of test', '2026-01-01T12:01:48Z', 'Failing', '6.1.0 → 6.2.0', '80 % primary', '20 % canary', '1 of 3 checks failed']) expect(texts).toContain(wanted);
  });
  it.each(['service', 'app', 'versionedApp'])('has the same of each type (%s)', (type) => {
    const { document, nodes, edges } = drawn('story', '', undefined, type);
    const texts = [...document.querySelectorAll('text')].map((one) => one.textContent ?? '');
    for (const node of nodes) expect(texts.some((text) => text === node.name || text.endsWith('…'))).toBe(true);
    expect(document.querySelectorAll('path[marker-end]')).toHaveLength(edges.length);
    // Both versions of a release are in its box, or one node has the canary's share.
    for (const wanted of ['Failing', '80 % primary']) expect(texts).toContain(wanted);
    if (type === 'app') expect(texts).toContain('canary 50 % · shop · 8/8');
  });
  it('has the lock of each edge of which it is known whether it is encrypted', () => {
    const { document, edges } = drawn('story', '');
    const locks = [...document.querySelectorAll('g > title')].map((one) => one.textContent ?? '').filter((title) => /^(mTLS|plain|\d+ % mTLS)$/.test(title));
    const known = edges.filter((edge) => edge.mtls !== null);
    expect(known.length).toBeGreaterThan(2);
    expect(locks).toHaveLength(known.length);
    expect(new Set(locks)).toEqual(new Set(['mTLS', 'plain']));
  });
  it('tells namespaces apart where there are several', () => {
    const tinted = (ns: string) => drawn('story', ns).svg.match(/<rect x="1" y="8" width="4"/g)?.length ?? 0;
    expect(tinted('')).toBe(drawn('story', '').nodes.filter((node) => node.namespace).length);
    expect(tinted('test')).toBe(0);
  });
  it('needs nothing from elsewhere: no style sheet, no link, no script, no HTML in it', () => {
    const { svg } = drawn();
    expect(svg).not.toMatch(/var\(|class=|href|<style|<script|foreignObject/);
    expect(svg.match(/https?:[^"]*/g)).toEqual(['http://www.w3.org/2000/svg']);
  });
  it('takes names of the cluster as text', () => {
    const { document } = drawn('story', 'test', (name) => `${name}<script>"&'\u0001`);
    expect(document.querySelector('parsererror')).toBeNull();
    expect(document.querySelector('script')).toBeNull();
    expect(document.documentElement.textContent).toContain('<script>"&\'');
  });
  it('has room for all of it', () => {
    const { document, layout } = drawn('mesh300', '');
    const [, , width, height] = (document.documentElement.getAttribute('viewBox') ?? '').split(' ').map(Number);
    expect(width).toBeGreaterThanOrEqual(layout.width);
    expect(height).toBeGreaterThanOrEqual(layout.height);
    // Of many edges only those that fail have a label.
    expect([...document.querySelectorAll('text')].filter((one) => / rps · /.test(one.textContent ?? '')).length).toBeLessThan(layout.lines.length / 2);
  });
});

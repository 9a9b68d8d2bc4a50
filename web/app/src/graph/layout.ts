// Where each node stands: layers from left to right. A release is one box for the layout, and its versions stand in it one
// above the other, so that the split is seen at one place. The same nodes and edges give the same picture.
import dagre from '@dagrejs/dagre';
import type { Edge, Node } from '../api/types';

export const node_width = 236;
const usual_height = 60;
export const head_height = 126;
const pad = 12;
const gap = 14;
const margin = 24;
const between = 26;
const few_edges = 80;
const compact_from = 120;
const compact_height = 36;

export interface Placed {
  node: Node;
  x: number;
  y: number;
}

export interface Box {
  key: string;
  kind: string;
  namespace: string;
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Line {
  edge: Edge;
  path: string;
  label_x: number;
  label_y: number;
}

export interface Layout {
  // From top to bottom, for a window that is higher than wide: versions side by side, what is said of the release below them.
  down: boolean;
  // So many nodes that each has one line.
  compact: boolean;
  node_height: number;
  width: number;
  height: number;
  places: Map<string, Placed>;
  boxes: Box[];
  lines: Line[];
}

interface Point {
  x: number;
  y: number;
}

// What the picture depends on; numbers that change leave everything in its place.
export function shape_of(nodes: Node[], edges: Edge[]): string {
  const parts = nodes.map((node) => `${node.id}|${box_of(node) ?? ''}`).sort();
  parts.push(...edges.map((edge) => edge.id).sort());
  return parts.join('\n');
}

export function box_of(node: Node): string | null {
  const release = node.release;
  if (!release || release.role === 'group' || !['workload', 'app', 'service'].includes(node.kind)) return null;
  return `${release.kind.toLowerCase()}/${release.namespace}/${release.name}`;
}

const role_order: Record<string, number> = { primary: 0, stable: 0, canary: 1, preview: 1 };

export function lay_out(nodes: Node[], edges: Edge[], down = false): Layout {
  const graph = new dagre.graphlib.Graph({ multigraph: false });
  const has_labels = edges.length <= few_edges;
  const compact = nodes.length > compact_from;
  const node_height = compact ? compact_height : usual_height;
  graph.setGraph({ rankdir: down ? 'TB' : 'LR', nodesep: compact ? 10 : 26, ranksep: has_labels ? 64 : 110, edgesep: compact ? 6 : 14, marginx: margin, marginy: margin, ranker: compact ? 'longest-path' : 'network-simplex' });
  graph.setDefaultEdgeLabel(() => ({}));

  const sorted = [...nodes].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const boxes = new Map<string, Node[]>();
  const place_of = new Map<string, string>();
  for (const node of sorted) {
    const box = box_of(node);
    place_of.set(node.id, box ?? node.id);
    if (box) boxes.set(box, [...(boxes.get(box) ?? []), node]);
    else graph.setNode(node.id, { width: node_width, height: node_height });
  }
  for (const [key, members] of boxes) {
    members.sort((a, b) => (role_order[a.release?.role ?? ''] ?? 2) - (role_order[b.release?.role ?? ''] ?? 2));
    const [along, across] = [members.length * ((down ? node_width : node_height) + gap) - gap, down ? node_height : node_width];
    graph.setNode(key, down ? { width: along + 2 * pad, height: pad + across + head_height } : { width: across + 2 * pad, height: head_height + along + pad });
  }
  for (const edge of [...edges].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const from = place_of.get(edge.source);
    const to = place_of.get(edge.target);
    if (!from || !to || from === to || graph.hasEdge(from, to)) continue;
    graph.setEdge(from, to, has_labels ? { width: 150, height: 18, labelpos: 'c' } : {});
  }
  // What has no edge would all stand in one column.
  const alone = graph.nodes().filter((id) => (graph.nodeEdges(id) ?? []).length === 0);
  const alone_sizes = alone.map((id) => ({ id, width: graph.node(id).width, height: graph.node(id).height }));
  for (const id of alone) graph.removeNode(id);
  if (graph.nodeCount() > 0) dagre.layout(graph);
  const size = in_rows(graph, alone_sizes);

  const places = new Map<string, Placed>();
  const placed_boxes: Box[] = [];
  for (const node of sorted) {
    if (box_of(node)) continue;
    const at = graph.node(node.id);
    places.set(node.id, { node, x: at.x - node_width / 2, y: at.y - node_height / 2 });
  }
  for (const [key, members] of boxes) {
    const at = graph.node(key);
    const release = members[0]?.release;
    if (!release) continue;
    const x = at.x - at.width / 2;
    const y = at.y - at.height / 2;
    placed_boxes.push({ key, kind: release.kind, namespace: release.namespace, name: release.name, x, y, width: at.width, height: at.height });
    members.forEach((node, i) => places.set(node.id, down ? { node, x: x + pad + i * (node_width + gap), y: y + pad } : { node, x: x + pad, y: y + head_height + i * (node_height + gap) }));
  }

  // Two protocols between the same ends are two lines, one beside the other.
  const beside = new Map<string, Edge[]>();
  for (const edge of [...edges].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    const ends = `${edge.source}>${edge.target}`;
    beside.set(ends, [...(beside.get(ends) ?? []), edge]);
  }
  const lines: Line[] = [];
  for (const edge of edges) {
    const from = places.get(edge.source);
    const to = places.get(edge.target);
    if (!from || !to) continue;
    const a = place_of.get(edge.source) ?? '';
    const b = place_of.get(edge.target) ?? '';
    const route = a === b ? null : (graph.edge(a, b) as { points?: Point[] } | undefined);
    const same = beside.get(`${edge.source}>${edge.target}`) ?? [];
    const off = (same.indexOf(edge) - (same.length - 1) / 2) * (compact ? 10 : 26);
    lines.push({ edge, ...(down ? line_down : line_between)(from, to, route?.points ?? [], node_height, off) });
  }
  return { down, compact, node_height, ...size, places, boxes: placed_boxes, lines };
}

// Below the graph, in rows about as wide as it, those of one height together.
function in_rows(graph: InstanceType<typeof dagre.graphlib.Graph>, alone: { id: string; width: number; height: number }[]): { width: number; height: number } {
  const is_empty = graph.nodeCount() === 0;
  const { width: graph_width = 0, height: graph_height = 0 } = is_empty ? {} : (graph.graph() as { width?: number; height?: number });
  const wanted = Math.max(graph_width, margin + Math.ceil(Math.sqrt(alone.length * 1.5)) * (node_width + 2 * pad + between));
  let x = margin;
  let y = is_empty ? margin : graph_height + between;
  let row_height = 0;
  let width = graph_width;
  for (const one of [...alone].sort((a, b) => b.height - a.height || (a.id < b.id ? -1 : 1))) {
    if (x > margin && (x + one.width > wanted || one.height < row_height)) {
      x = margin;
      y += row_height + between;
      row_height = 0;
    }
    graph.setNode(one.id, { width: one.width, height: one.height, x: x + one.width / 2, y: y + one.height / 2 });
    x += one.width + between;
    row_height = Math.max(row_height, one.height);
    width = Math.max(width, x - between + margin);
  }
  return { width, height: alone.length ? y + row_height + margin : graph_height };
}

// From the right side of one to the left side of the other, by way of the bends that keep it off what lies between.
function line_between(from: Placed, to: Placed, points: Point[], node_height: number, off: number): Pick<Line, 'path' | 'label_x' | 'label_y'> {
  const is_back = from.x > to.x;
  const begin = { x: from.x + (is_back ? 0 : node_width), y: from.y + node_height / 2 + off };
  const end = { x: to.x + (is_back ? node_width : 0), y: to.y + node_height / 2 + off };
  if (from.node.id === to.node.id) {
    const top = from.y - 26;
    return { path: `M${begin.x - 40} ${from.y}C${begin.x - 40} ${top} ${begin.x - 90} ${top} ${begin.x - 90} ${from.y}`, label_x: begin.x - 65, label_y: top };
  }
  // Of a short edge only the ends count: dagre's own bend is about its label.
  const bends = points.length > 5 ? points.slice(1, -1).map(({ x, y }) => ({ x, y: y + off })) : [];
  const stops = [begin, ...bends, end];
  let path = `M${n(begin.x)} ${n(begin.y)}`;
  for (let i = 1; i < stops.length; ++i) {
    const a = stops[i - 1] as Point;
    const b = stops[i] as Point;
    const middle = (a.x + b.x) / 2;
    path += `C${n(middle)} ${n(a.y)} ${n(middle)} ${n(b.y)} ${n(b.x)} ${n(b.y)}`;
  }
  // Near its end, where the edges of one source have parted.
  const last = stops.at(-2) as Point;
  const t = bends.length ? 0.5 : 0.56;
  return { path, label_x: bezier(last.x, end.x, t), label_y: bezier_y(last.y, end.y, t) };
}

// The same from the foot of one to the head of the other.
function line_down(from: Placed, to: Placed, points: Point[], node_height: number, off: number): Pick<Line, 'path' | 'label_x' | 'label_y'> {
  const is_back = from.y > to.y;
  const begin = { x: from.x + node_width / 2 + off, y: from.y + (is_back ? 0 : node_height) };
  const end = { x: to.x + node_width / 2 + off, y: to.y + (is_back ? node_height : 0) };
  if (from.node.id === to.node.id) return line_between(from, to, points, node_height, off);
  const stops = [begin, ...(points.length > 5 ? points.slice(1, -1).map(({ x, y }) => ({ x: x + off, y })) : []), end];
  let path = `M${n(begin.x)} ${n(begin.y)}`;
  for (let i = 1; i < stops.length; ++i) {
    const a = stops[i - 1] as Point;
    const b = stops[i] as Point;
    const middle = (a.y + b.y) / 2;
    path += `C${n(a.x)} ${n(middle)} ${n(b.x)} ${n(middle)} ${n(b.x)} ${n(b.y)}`;
  }
  const last = stops.at(-2) as Point;
  // Where versions that stand side by side have parted so far that their labels have room beside each other.
  const t = 0.8;
  return { path, label_x: bezier_y(last.x, end.x, t), label_y: bezier(last.y, end.y, t) + off };
}

function n(value: number): string {
  return value.toFixed(1);
}

function bezier(a: number, b: number, t: number): number {
  const middle = (a + b) / 2;
  return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * middle + 3 * (1 - t) * t ** 2 * middle + t ** 3 * b;
}

function bezier_y(a: number, b: number, t: number): number {
  return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * a + 3 * (1 - t) * t ** 2 * b + t ** 3 * b;
}

// The node to the side of another: along an edge to the left and right, within the layer up and down.
export function neighbour(layout: Layout, id: string, key: string): string | null {
  const here = layout.places.get(id);
  if (!here) return null;
  // Across the edges: down the layer, or along it where the edges go down.
  const across = layout.down ? 'x' : 'y';
  const along = layout.down ? 'y' : 'x';
  const nearest = (candidates: (Placed | undefined)[]) =>
    candidates
      .filter((place): place is Placed => place !== undefined && place.node.id !== id)
      .sort((a, b) => Math.abs(a[across] - here[across]) - Math.abs(b[across] - here[across]))[0]?.node.id ?? null;
  const turned: Record<string, string> = { ArrowDown: 'ArrowRight', ArrowUp: 'ArrowLeft', ArrowRight: 'ArrowDown', ArrowLeft: 'ArrowUp' };
  if (layout.down) key = turned[key] ?? key;
  if (key === 'ArrowRight') return nearest(layout.lines.filter(({ edge }) => edge.source === id).map(({ edge }) => layout.places.get(edge.target)));
  if (key === 'ArrowLeft') return nearest(layout.lines.filter(({ edge }) => edge.target === id).map(({ edge }) => layout.places.get(edge.source)));
  const layer = [...layout.places.values()].filter((place) => Math.abs(place[along] - here[along]) < (layout.down ? layout.node_height : node_width) / 2);
  if (key === 'ArrowDown') return nearest(layer.filter((place) => place[across] > here[across]));
  if (key === 'ArrowUp') return nearest(layer.filter((place) => place[across] < here[across]));
  return null;
}

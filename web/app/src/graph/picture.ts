// The topology as a picture of its own: an SVG that needs no style sheet, in the colours that the page has at the moment.
import type { Edge, Node, Release } from '../api/types';
import { shapes } from '../lib/shapes';
import { drawn_badges, badges, health_of, mark_of, versions } from '../lib/words';
import { is_labelled, label_of, line_of, lock_of, tints_of, tone_of, width_of, type Label } from './label';
import { node_width, type Layout } from './layout';

// A token of the style sheet as it is now: `--fail`.
export type Palette = (token: string) => string;

export interface Drawn {
  layout: Layout;
  nodes: Node[];
  edges: Edge[];
  releases: Map<string, Release>;
  label: Label;
  // What the picture is of, and when.
  title: string;
  footer: string;
}

const head = 44;
const foot = 34;
const lock_room = 14;

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd');
}

// About so many letters fit: a picture measures no text.
function cut(text: string, room: number, size: number): string {
  const most = Math.max(1, Math.floor(room / (size * 0.56)));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

const tones: Record<string, string> = { ok: '--ok', warn: '--warn', fail: '--fail', idle: '--idle', busy: '--busy', wait: '--wait' };

export function svg_of({ layout, nodes, edges, releases, label, title, footer }: Drawn, palette: Palette): string {
  const of_tone = (tone: string) => palette(tones[tone] ?? '--idle');
  const width = Math.max(320, Math.ceil(layout.width));
  const height = Math.ceil(layout.height) + head + foot;
  const text = (x: number, y: number, what: string, size: number, fill: string, more = '') => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${fill}"${more}>${escaped(what)}</text>`;
  const icon = (name: string, x: number, y: number, size: number, stroke: string, fill = 'none', stroke_width = 1.5) => `<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${size / 16})"><path d="${shapes[name] ?? shapes['none']}" fill="${fill}" stroke="${stroke}" stroke-width="${stroke_width}" stroke-linecap="round" stroke-linejoin="round"/></g>`;
  const [ink, dim, surface, line] = [palette('--text'), palette('--dim'), palette('--surface'), palette('--line-strong')];
  const out: string[] = [];
  out.push(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', 'DejaVu Sans', sans-serif">`);
  out.push(`<title>${escaped(title)}</title><desc>${escaped(footer)}</desc>`);
  out.push('<defs>');
  for (const tone of ['ok', 'warn', 'fail', 'idle', 'busy']) out.push(`<marker id="arrow-${tone}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" fill="${of_tone(tone)}"/></marker>`);
  out.push(`</defs><rect width="${width}" height="${height}" fill="${palette('--bg')}"/>`);
  out.push(text(24, 28, title, 16, ink, ' font-weight="650"'));
  out.push(`<g transform="translate(0 ${head})">`);

  for (const box of layout.boxes) {
    const release = releases.get(box.key);
    const mark = release ? mark_of(release) : null;
    const tone = of_tone(mark?.tone ?? 'idle');
    out.push(`<rect x="${box.x.toFixed(1)}" y="${box.y.toFixed(1)}" width="${box.width.toFixed(1)}" height="${box.height.toFixed(1)}" rx="12" fill="${palette(`--${mark?.tone ?? 'idle'}-wash`)}" stroke="${tone}" stroke-width="1.5"/>`);
    if (!release || !mark) continue;
    // What is said of the release stands above its versions, or below them where they stand side by side.
    const top = layout.down ? box.y + box.height - 116 : box.y;
    const right = box.x + box.width - 12;
    const version = versions(release);
    out.push(icon(mark.icon, box.x + 12, top + 12, 14, tone));
    out.push(text(box.x + 32, top + 24, cut(release.name, box.width - 130, 14), 14, ink, ' font-weight="650"'));
    out.push(text(right, top + 24, mark.word, 13, tone, ' font-weight="650" text-anchor="end"'));
    out.push(text(box.x + 12, top + 46, cut(version.to ? `${version.from} → ${version.to}` : version.from, box.width - 24, 12), 12, ink, " font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\""));
    const share = Math.min(100, Math.max(0, release.weight.desired));
    const [from, room] = [box.x + 12, box.width - 24];
    out.push(`<rect x="${from.toFixed(1)}" y="${(top + 58).toFixed(1)}" width="${room.toFixed(1)}" height="8" rx="2" fill="${palette('--old')}"/>`);
    out.push(`<rect x="${(from + (room * (100 - share)) / 100).toFixed(1)}" y="${(top + 58).toFixed(1)}" width="${((room * share) / 100).toFixed(1)}" height="8" rx="2" fill="${mark.tone === 'fail' ? palette('--fail-fill') : palette('--new')}"/>`);
    out.push(text(from, top + 84, `${100 - share} % primary`, 12, dim) + text(right, top + 84, `${share} % canary`, 12, ink, ' font-weight="650" text-anchor="end"'));
    if (release.checks.failed > 0) out.push(text(from, top + 104, `${release.checks.failed} of ${release.checks.threshold} checks failed`, 12, tone));
  }

  const edge_now = new Map(edges.map((edge) => [edge.id, edge]));
  const said: string[] = [];
  for (const drawn of layout.lines) {
    const edge = edge_now.get(drawn.edge.id) ?? drawn.edge;
    const tone = tone_of(edge);
    const dash = edge.mirror ? ' stroke-dasharray="8 5"' : tone === 'idle' ? ' stroke-dasharray="2 4"' : '';
    out.push(`<path d="${drawn.path}" fill="none" stroke="${of_tone(tone)}" stroke-width="${width_of(edge).toFixed(2)}" stroke-opacity="0.85"${dash} marker-end="url(#arrow-${tone})"/>`);
    if (!is_labelled(edge, edges.length)) continue;
    const words = label_of(edge, label);
    const lock = edge.mtls !== null && (label === 'all' || label === 'mtls') ? lock_of(edge.mtls) : null;
    const room = words.length * 6.2 + 14 + (lock ? lock_room : 0);
    const is_bad = tone === 'fail';
    said.push(`<rect x="${(drawn.label_x - room / 2).toFixed(1)}" y="${(drawn.label_y - 10).toFixed(1)}" width="${room.toFixed(1)}" height="20" rx="10" fill="${is_bad ? palette('--fail-fill') : surface}" stroke="${is_bad ? palette('--fail-fill') : palette('--line')}"/>`);
    const colour = is_bad ? '#ffffff' : of_tone(tone);
    if (lock) said.push(`<g><title>${escaped(label_of(edge, 'mtls'))}</title>${icon(lock, drawn.label_x - room / 2 + 6, drawn.label_y - 6, 12, colour)}</g>`);
    said.push(text(drawn.label_x + (lock ? lock_room / 2 : 0), drawn.label_y + 4, words, 11.5, colour, ' text-anchor="middle"'));
  }
  out.push(...said);

  const node_now = new Map(nodes.map((node) => [node.id, node]));
  const tall = layout.node_height;
  const tints = tints_of(nodes);
  for (const [id, place] of layout.places) {
    const node = node_now.get(id) ?? place.node;
    const mark = health_of(node.health, node.replicas);
    const is_bad = mark.tone === 'fail' || mark.tone === 'warn';
    out.push(`<g transform="translate(${place.x.toFixed(1)} ${place.y.toFixed(1)})"><title>${escaped(`${node.kind} ${node.namespace ? `${node.namespace}/` : ''}${node.name}: ${mark.word}`)}</title>`);
    out.push(`<rect width="${node_width}" height="${tall}" rx="10" fill="${surface}" stroke="${is_bad ? of_tone(mark.tone) : line}" stroke-width="1.5"${node.outside || node.kind === 'unknown' ? ' stroke-dasharray="4 3"' : ''}/>`);
    const tint = tints.get(node.namespace ?? '');
    if (tint) out.push(`<rect x="1" y="8" width="4" height="${tall - 16}" rx="2" fill="${palette(`--tint-${tint}`)}"/>`);
    const size = layout.compact ? 20 : 30;
    out.push(icon(node.kind, 10, (tall - size) / 2, size, of_tone(mark.tone), palette(`--${mark.tone}-wash`), 1.3));
    const left = 20 + size;
    const room = node_width - left - (is_bad ? 32 : 12);
    const { strong, text: rest } = line_of(node);
    const parts = [[strong, rest].filter(Boolean).join(' '), node.replicas ? `${node.replicas.ready}/${node.replicas.desired}${strong ? '' : ' pods'}` : ''];
    out.push(text(left, layout.compact ? tall / 2 + 5 : 26, cut(node.name, room, 14), layout.compact ? 13 : 14, ink, ' font-weight="650"'));
    if (!layout.compact) out.push(text(left, 44, cut(parts.filter(Boolean).join(' · '), room, 12), 12, dim));
    if (is_bad) out.push(icon(mark.icon, node_width - 26, (tall - 16) / 2, 16, of_tone(mark.tone)));
    node.badges.filter((badge) => drawn_badges.has(badge)).forEach((badge, i) => out.push(`<g><title>${escaped(badges[badge].word)}</title>${icon(badges[badge].icon, node_width - 24 - i * 16, -7, 13, dim, surface)}</g>`));
    out.push('</g>');
  }
  out.push('</g>');
  out.push(text(24, height - 12, footer, 12, dim), '</svg>');
  return out.join('\n');
}

// Twice as fine, as far as a browser draws at all.
const side_max = 8192;

export async function png_of(svg: string): Promise<Blob> {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  const scale = Math.min(2, side_max / picture.width, side_max / picture.height);
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error('the browser makes no picture of this size'))), 'image/png'));
}

export function save(what: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(what);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A PNG of the browser (8 bits, RGB or RGBA, not interlaced) with at most 256 colours: a third of its bytes, and a page looks the same.
import { crc32, deflateSync, inflateSync } from 'node:zlib';

function chunks_of(png) {
  const chunks = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}

// The pixels as numbers 0xRRGGBB.
function pixels_of(raw, width, height, channels) {
  const stride = width * channels;
  const pixels = new Uint32Array(width * height);
  let above = Buffer.alloc(stride);
  for (let y = 0; y < height; ++y) {
    const filter = raw[y * (stride + 1)];
    const line = Buffer.from(raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    for (let x = 0; x < stride; ++x) {
      const a = x >= channels ? line[x - channels] : 0;
      const b = above[x];
      const c = x >= channels ? above[x - channels] : 0;
      let guess = 0;
      if (filter === 1) guess = a;
      else if (filter === 2) guess = b;
      else if (filter === 3) guess = (a + b) >> 1;
      else if (filter === 4) {
        const p = a + b - c;
        const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
        guess = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      }
      line[x] = (line[x] + guess) & 255;
    }
    for (let x = 0; x < width; ++x) pixels[y * width + x] = (line[x * channels] << 16) | (line[x * channels + 1] << 8) | line[x * channels + 2];
    above = line;
  }
  return pixels;
}

// The commonest colours, none too near to another that is taken; what is left over goes to the nearest.
function palette_of(pixels) {
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const common = [...counts].sort((a, b) => b[1] - a[1]).map(([colour]) => colour);
  if (common.length <= 256) return common;
  for (let apart = 6; ; apart += 4) {
    const taken = [];
    for (const colour of common) {
      if (taken.length > 256) break;
      if (!taken.some((other) => distance(colour, other) < apart * apart)) taken.push(colour);
    }
    if (taken.length <= 256) return taken;
  }
}

function distance(a, b) {
  const [r, g, blue] = [(a >> 16) - (b >> 16), ((a >> 8) & 255) - ((b >> 8) & 255), (a & 255) - (b & 255)];
  return r * r + g * g + blue * blue;
}

export function with_few_colours(png) {
  const chunks = chunks_of(png);
  const header = chunks[0].data;
  const [width, height, depth, kind] = [header.readUInt32BE(0), header.readUInt32BE(4), header[8], header[9]];
  if (depth !== 8 || (kind !== 2 && kind !== 6) || header[12] !== 0) return png;
  const raw = inflateSync(Buffer.concat(chunks.filter((one) => one.type === 'IDAT').map((one) => one.data)));
  const pixels = pixels_of(raw, width, height, kind === 2 ? 3 : 4);
  const palette = palette_of(pixels);
  const index_of = new Map(palette.map((colour, i) => [colour, i]));
  const lines = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x) {
      const pixel = pixels[y * width + x];
      let index = index_of.get(pixel);
      if (index === undefined) {
        index = 0;
        for (let i = 1; i < palette.length; ++i) if (distance(pixel, palette[i]) < distance(pixel, palette[index])) index = i;
        index_of.set(pixel, index);
      }
      lines[y * (width + 1) + 1 + x] = index;
    }
  }
  const new_header = Buffer.from(header);
  new_header[9] = 3;
  const colours = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([png.subarray(0, 8), chunk('IHDR', new_header), chunk('PLTE', colours), chunk('IDAT', deflateSync(lines, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

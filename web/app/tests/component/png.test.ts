// @vitest-environment node
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
// @ts-expect-error It is plain JavaScript.
import { with_few_colours } from '../../dev/png.mjs';

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const ends = Buffer.alloc(4);
  const begins = Buffer.alloc(4);
  begins.writeUInt32BE(data.length);
  ends.writeUInt32BE(crc32(body));
  return Buffer.concat([begins, body, ends]);
}
// Three pixels by two, each line with another filter.
const header = Buffer.from([0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0]);
const lines = Buffer.from([1, 10, 20, 30, 0, 0, 0, 245, 235, 225, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))]);

describe('a picture with few colours', () => {
  it('shows each pixel as it was where they were few before', () => {
    const small = (with_few_colours as (png: Buffer) => Buffer)(png);
    const part = (type: string) => {
      const at = small.indexOf(type, 8, 'latin1');
      return small.subarray(at + 4, at + 4 + small.readUInt32BE(at - 4));
    };
    const palette = part('PLTE');
    const indices = inflateSync(part('IDAT'));
    const pixel = (x: number, y: number) => [...palette.subarray(3 * (indices[y * 4 + 1 + x] ?? 0)).subarray(0, 3)];
    expect(part('IHDR')[9]).toBe(3);
    expect([pixel(0, 0), pixel(1, 0), pixel(2, 0)]).toEqual([[10, 20, 30], [10, 20, 30], [255, 255, 255]]);
    expect([pixel(0, 1), pixel(1, 1), pixel(2, 1)]).toEqual([[10, 20, 30], [10, 20, 30], [0, 0, 0]]);
  });
});

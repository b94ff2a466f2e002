// Makes a screenshot a small PNG: 16 colours, which is enough for pages of text. It reads what Chromium writes: 8 bits, RGB, not interlaced.

import assert from 'node:assert/strict';
import { deflateSync, inflateSync } from 'node:zlib';

const COLOURS = 16;
// Colours that are nearer than this (the sum of squares) look the same beside each other.
const APART = 600;

function chunks(png) {
  const found = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    found.push([png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + length)]);
    at += 12 + length;
  }
  return found;
}

// The checksum of a chunk; the one of `node:zlib` is not in every Node that we support.
function crc32(bytes) {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

// The predictor of the PNG specification, section 9.4.
function paeth(left, up, corner) {
  const [a, b, c] = [left, up, corner].map((one) => Math.abs(left + up - corner - one));
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

// The rows of pixels, each a number 0xRRGGBB.
function pixels(png) {
  const all = chunks(png);
  const [, header] = all.find(([type]) => type === 'IHDR');
  assert.deepEqual([...header.subarray(8)], [8, 2, 0, 0, 0], 'another kind of PNG');
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const data = inflateSync(Buffer.concat(all.filter(([type]) => type === 'IDAT').map(([, part]) => part)));
  const rows = [];
  let above = Buffer.alloc(width * 3);
  for (let y = 0; y < height; y += 1) {
    const filter = data[y * (width * 3 + 1)];
    const row = Buffer.from(data.subarray(y * (width * 3 + 1) + 1, (y + 1) * (width * 3 + 1)));
    for (let x = 0; x < row.length; x += 1) {
      const [left, up, corner] = [x < 3 ? 0 : row[x - 3], above[x], x < 3 ? 0 : above[x - 3]];
      row[x] += [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
    }
    rows.push(Array.from({ length: width }, (_, x) => row.readUIntBE(x * 3, 3)));
    above = row;
  }
  return rows;
}

const apart = (one, other) => [16, 8, 0].reduce((sum, shift) => sum + (((one >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0);

export function small(png) {
  const rows = pixels(png);
  const counts = new Map();
  for (const pixel of rows.flat()) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const palette = [];
  for (const [colour] of [...counts].sort(([, a], [, b]) => b - a)) {
    if (palette.length < COLOURS && palette.every((one) => apart(one, colour) > APART)) palette.push(colour);
  }
  const nearest = new Map([...counts.keys()].map((colour) => [colour, palette.reduce((best, one, index) =>
    (apart(one, colour) < apart(palette[best], colour) ? index : best), 0)]));
  // Two pixels in a byte, after the number of the filter: none.
  const lines = rows.map((row) => {
    const line = Buffer.alloc(1 + Math.ceil(row.length / 2));
    row.forEach((pixel, x) => { line[1 + (x >> 1)] |= nearest.get(pixel) << (x % 2 ? 0 : 4); });
    return line;
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(rows[0].length, 0);
  header.writeUInt32BE(rows.length, 4);
  header.set([4, 3, 0, 0, 0], 8);
  const colours = Buffer.alloc(palette.length * 3);
  palette.forEach((colour, index) => colours.writeUIntBE(colour, index * 3, 3));
  return Buffer.concat([
    png.subarray(0, 8), chunk('IHDR', header), chunk('PLTE', colours), chunk('IDAT', deflateSync(Buffer.concat(lines), { level: 9 })), chunk('IEND', Buffer.alloc(0)),
  ]);
}

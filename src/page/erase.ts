/**
 * Takes printed lines off a page without breaking what is written across them: a line goes where nothing but the line is, and
 * where ink touches it from one side only; where ink comes to it from both sides, the stroke that crosses it stays.
 */
import type { Bitmap } from "./bitmap.ts";
import { middleAt, type Track } from "./tracks.ts";

/** A run of ink around a line is the line alone up to so many times its thickness. */
const ALONE = 1.6;

/** The ink without lines. @param across lines along x  @param down lines along y, whose x and y have changed places */
export function withoutLines(ink: Bitmap, across: readonly Track[], down: readonly Track[]): Bitmap {
  const { data, width, height } = ink;
  /** How many lines run through a pixel. */
  const lines = new Uint8Array(data.length);
  const bands = [
    ...across.map((track) => bandOf(data, track, width, height, width, 1)),
    ...down.map((track) => bandOf(data, track, height, width, 1, width)),
  ];
  for (const band of bands) eachPixel(band, (at) => lines[at]++);
  const out = data.slice();
  for (const band of bands) eachPixel(band, (at) => (out[at] = 0));
  for (const band of bands) keepCrossing(band, data, lines, out);
  return { data: out, width, height };
}

/** The pixels of a line: for each place along it, from which pixel to which across it. */
interface Band {
  readonly track: Track;
  readonly start: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** How far apart pixels are in memory across the line and along it, and how many there are across the picture. */
  readonly across: number;
  readonly along: number;
  readonly size: number;
}

function bandOf(data: Uint8Array, track: Track, length: number, size: number, across: number, along: number): Band {
  const start = Math.max(0, track.start);
  const end = Math.min(length - 1, track.end);
  const from = new Int32Array(Math.max(0, end - start + 1));
  const to = new Int32Array(from.length);
  for (let k = 0; k < from.length; k++) {
    const middle = middleAt(track, start + k);
    const row = (start + k) * along;
    let top = Math.max(0, Math.round(middle - track.thickness / 2));
    let bottom = Math.min(size - 1, Math.round(middle + track.thickness / 2));
    while (top <= bottom && data[top * across + row] === 0) top++;
    while (bottom >= top && data[bottom * across + row] === 0) bottom--;
    if (top <= bottom) {
      const most = ALONE * track.thickness + 1;
      let [first, last] = [top, bottom];
      while (first > 0 && last - first < most && data[(first - 1) * across + row] === 1) first--;
      while (last < size - 1 && last - first < most && data[(last + 1) * across + row] === 1) last++;
      if (last - first < most) [top, bottom] = [first, last];
    }
    from[k] = top;
    to[k] = bottom + 1;
  }
  return { track, start, from, to, across, along, size };
}

function eachPixel({ start, from, to, across, along }: Band, visit: (at: number) => void): void {
  for (let k = 0; k < from.length; k++) {
    for (let y = from[k]; y < to[k]; y++) visit(y * across + (start + k) * along);
  }
}

/** Puts back the pixels of a line to which ink of no line comes from both sides. */
function keepCrossing(band: Band, data: Uint8Array, lines: Uint8Array, out: Uint8Array): void {
  const { track, start, from, to, across, along, size } = band;
  const reach = Math.ceil(track.thickness / 2) + 1;
  const isInk = (y: number, k: number): boolean => {
    if (y < 0 || y >= size) return false;
    const at = y * across + (start + k) * along;
    return data[at] === 1 && lines[at] === 0;
  };
  const above = near(from.length, reach, (k) => isInk(from[k] - 1, k));
  const below = near(from.length, reach, (k) => isInk(to[k], k));
  for (let k = 0; k < from.length; k++) {
    if (above[k] === 0 || below[k] === 0) continue;
    for (let y = from[k]; y < to[k]; y++) {
      const at = y * across + (start + k) * along;
      if (lines[at] === 1 && data[at] === 1) out[at] = 1;
    }
  }
}

/** 1 within `reach` of the places where something is so. */
function near(length: number, reach: number, isSo: (k: number) => boolean): Uint8Array {
  const out = new Uint8Array(length);
  for (let k = 0; k < length; k++) {
    if (isSo(k)) out.fill(1, Math.max(0, k - reach), Math.min(length, k + reach + 1));
  }
  return out;
}

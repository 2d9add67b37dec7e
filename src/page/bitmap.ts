/** Black and white pictures: 1 is ink. What the finders of rules and of pieces work on. */
import type { Box } from "../picture/regions.ts";

/** Pixels that are 0 or 1, row by row. */
export interface Bitmap {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Whether any pixel of a box is 1; its sides are whole numbers, all included, and may lie outside. */
export function hasInk(
  { data, width, height }: Bitmap,
  left: number,
  top: number,
  right: number,
  bottom: number,
): boolean {
  const [first, last] = [Math.max(0, left), Math.min(width - 1, right)];
  for (let y = Math.max(0, top); y <= Math.min(height - 1, bottom); y++) {
    for (let x = first, i = y * width + first; x <= last; x++, i++) if (data[i] === 1) return true;
  }
  return false;
}

/** A part of a picture, which lies in it. */
export function cut({ data, width }: Bitmap, { left, top, right, bottom }: Box): Bitmap {
  const size = { width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
  const out = new Uint8Array(size.width * size.height);
  for (let y = 0; y < size.height; y++) {
    const from = (top + y) * width + left;
    out.set(data.subarray(from, from + size.width), y * size.width);
  }
  return { ...size, data: out };
}

/** A picture, of any kind, whose rows and columns have changed places. */
export function transposed({ data, width, height }: Bitmap): Bitmap {
  const out = new Uint8Array(data.length);
  // In squares, so that both sides stay in the cache.
  const side = 32;
  for (let top = 0; top < height; top += side) {
    const bottom = Math.min(height, top + side);
    for (let left = 0; left < width; left += side) {
      const right = Math.min(width, left + side);
      for (let y = top; y < bottom; y++) {
        for (let x = left, from = y * width + left; x < right; x++, from++) out[x * height + y] = data[from];
      }
    }
  }
  return { data: out, width: height, height: width };
}

/**
 * Lines that are too faint for ink: printed in a pale gray, or blurred until little is left of them. What a single pixel does not
 * show, the means over some strokes' widths to its left and to its right do: both are darker than the paper above and below.
 */
import type { Bitmap } from "./bitmap.ts";

/** Means are taken over so many stroke widths on each side, and compared with those so many above and below. */
const ALONG = 2.5;
const BESIDE = 1.5;
/** A mean that is so much darker, of 255, is a line. */
const LEAST = 6;

/**
 * The ink, and faint lines along x.
 * @param darkness of each pixel, 0 … 255
 */
export function withFaintLines(ink: Bitmap, darkness: Uint8Array, stroke: number): Bitmap {
  const { width, height } = ink;
  const along = Math.max(3, Math.round(ALONG * stroke));
  const beside = Math.max(2, Math.round(BESIDE * stroke));
  const near = Math.max(1, Math.round(stroke / 3));
  const data = ink.data.slice();
  // Of as many rows as are compared: the mean of the nearest pixels, and sums from the left to take means of any length.
  const rows = 2 * beside + 1;
  const own = new Uint8Array(width * rows);
  const sums = new Int32Array((width + 1) * rows);
  for (let y = 0; y < height; y++) {
    const row = (y % rows) * width;
    const sum = (y % rows) * (width + 1);
    for (let x = 0, i = y * width; x < width; x++, i++) sums[sum + x + 1] = sums[sum + x] + darkness[i];
    for (let x = 0; x < width; x++) {
      const from = x > near ? x - near : 0;
      const to = x + near + 1 < width ? x + near + 1 : width;
      own[row + x] = (sums[sum + to] - sums[sum + from]) / (to - from);
    }
    if (y < 2 * beside) continue;
    const middle = ((y - beside) % rows) * width;
    const above = ((y - 2 * beside) % rows) * width;
    const from = ((y - beside) % rows) * (width + 1);
    for (let x = 0, i = (y - beside) * width; x < width; x++, i++) {
      const limit = (own[above + x] > own[row + x] ? own[above + x] : own[row + x]) + LEAST;
      if (own[middle + x] < limit || data[i] === 1) continue;
      const left = x > along ? x - along : 0;
      const right = x + along + 1 < width ? x + along + 1 : width;
      const before = sums[from + x + 1] - sums[from + left];
      const behind = sums[from + right] - sums[from + x];
      if (before >= limit * (x + 1 - left) && behind >= limit * (right - x)) data[i] = 1;
    }
  }
  return { data, width, height };
}

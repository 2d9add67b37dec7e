/**
 * A known sample as other pens, scanners and hands would have made it: coarser, thicker, thinner, slanted. So that what is fitted to one
 * data set does not take the digits of another for strangers.
 */
import type { Random } from "../../engine/random.ts";
import { resize } from "../../picture/resize.ts";
import { NOVELTY_SIDE as SIDE } from "../../task/classify/novelty.ts";

type Change = (pixels: Float32Array, random: Random) => Float32Array;

/** The largest (or smallest, by `pick`) of each pixel and its four neighbors, mixed with the pixel. */
const grown =
  (pick: (...values: number[]) => number): Change =>
  (pixels, random) => {
    const part = random.between(0.3, 1);
    return pixels.map((value, i) => {
      const x = i % SIDE;
      const y = (i - x) / SIDE;
      if (x === 0 || y === 0 || x === SIDE - 1 || y === SIDE - 1) return value;
      const around = pick(value, pixels[i - 1], pixels[i + 1], pixels[i - SIDE], pixels[i + SIDE]);
      return value + part * (around - value);
    });
  };

/** As it was scanned by so few pixels a side. */
const COARSEST = 8;
const FINEST = 18;
/** Columns by which the top leans, in parts of the height. */
const SLANT = 0.25;

const CHANGES: readonly Change[] = [
  (pixels) => pixels,
  grown(Math.max),
  grown(Math.min),
  (pixels, random) => {
    const side = COARSEST + random.integer(FINEST - COARSEST + 1);
    const small = resize(pixels, SIDE, SIDE, 1, side, side);
    let most = 1;
    for (const value of small) most = Math.max(most, value);
    return resize(small, side, side, 1, SIDE, SIDE).map((value) => Math.min(255, (value * 255) / most));
  },
  (pixels, random) => {
    const slope = random.between(-SLANT, SLANT);
    return pixels.map((_, i) => {
      const x = i % SIDE;
      const y = (i - x) / SIDE;
      const from = x + slope * (y - SIDE / 2);
      const left = Math.floor(from);
      const [a, b] = [left, left + 1].map((at) => (at >= 0 && at < SIDE ? pixels[y * SIDE + at] : 0));
      return a + (from - left) * (b - a);
    });
  },
];

/** @param pixels of a picture as the novelty network gets it, as bytes */
export function alike(pixels: Uint8Array, random: Random): Uint8Array {
  const change = CHANGES[random.integer(CHANGES.length)];
  return Uint8Array.from(change(Float32Array.from(pixels), random), (value) => Math.round(value));
}

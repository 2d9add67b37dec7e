/**
 * Finds the ink in a picture: which side of the ground it is on, how bright the ground is (it may be shaded, as in a
 * scan or a photograph), and where the ink is. Second step of the preprocessing, between grey values and the model's
 * input; the thresholds come from the picture's own noise, so that a clean 28×28 picture passes untouched.
 */
import { borderOf, groundOf, isShaded, median, withoutShades } from "./ground.ts";

/** Whether the ink is brighter than the ground or darker. */
export type InkSide = "light-on-dark" | "dark-on-light";

/** How much every pixel differs from the ground, in the direction of the ink; never negative. */
export interface Ink {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
  /** Differences up to this are noise. */
  readonly threshold: number;
}

/** A rectangle of pixels; `right` and `bottom` are one past the last. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** From this side on a picture may be a scan: shaded, noisy, with dust. Below it every pixel counts. */
const SCAN_SIDE = 64;
const NOISE_SIGMAS = 4;
/** In a scan, what is fainter than this part of the darkest ink is shadow, show-through or JPEG ringing. */
const FAINTEST_INK = 0.15;
/** In a scan, a speck with less than this part of the largest piece's ink is dust. */
const SMALLEST_PIECE = 0.02;
/** In a small picture, what differs less than this is one ground. */
const EVEN_GROUND = 16;
/** Paper is taken to be at least so bright, of 255, where it is shaded. */
const DARKEST_PAPER = 32;
/** The least difference of ink and ground, of 255, that is taken for ink. */
export const LEAST_CONTRAST = 12;

/**
 * The side of the ground on which the ink is. The ground is what the border shows or, where that is shaded, what lies around
 * each pixel; ink differs from it more than noise does, hence the cubes.
 * @param grey [height, width]
 */
export function findInkSide(grey: Float32Array, width: number, height: number): InkSide {
  const ground = median(borderOf(grey, width, height));
  const shaded = isScan(width, height) && isShaded(grey, width, height);
  let balance = 0;
  if (shaded) for (const difference of withoutShades(grey, width, height)) balance += difference ** 3;
  else for (const value of grey) balance += (value - ground) ** 3;
  // A picture that is all border, without a difference, is blank; either answer will do.
  return balance > 0 ? "light-on-dark" : "dark-on-light";
}

/** Takes the ground away from a picture whose ink is on a known side. */
export function findInk(grey: Float32Array, width: number, height: number, side: InkSide): Ink {
  const sign = side === "light-on-dark" ? 1 : -1;
  const difference = isScan(width, height) ? fromGround(grey, width, height, side) : new Float32Array(grey.length);
  if (!isScan(width, height)) {
    const ground = croppedGround(grey, width, height, sign);
    for (let i = 0; i < grey.length; i++) difference[i] = sign * (grey[i] - ground);
  }
  const noise = NOISE_SIGMAS * groundNoise(difference);
  const darkest = inkLevel(difference, noise);
  const threshold = isScan(width, height) ? Math.max(noise, FAINTEST_INK * darkest) : noise;
  for (let i = 0; i < difference.length; i++) if (difference[i] <= threshold) difference[i] = 0;
  return { width, height, data: difference, threshold };
}

const isScan = (width: number, height: number): boolean => Math.min(width, height) >= SCAN_SIDE;

/** The differences of a scan, as if light fell evenly on it: a shadow dims paper and ink, and so their difference, by one factor. */
function fromGround(grey: Float32Array, width: number, height: number, side: InkSide): Float32Array {
  const ground = groundOf(grey, width, height, side);
  const isDark = side === "dark-on-light";
  const paper = median(ground.slice());
  const difference = ground.map((level, i) =>
    isDark ? ((level - grey[i]) * paper) / Math.max(level, DARKEST_PAPER) : grey[i] - level,
  );
  // The brightest of noisy paper is brighter than paper is.
  const step = Math.max(1, Math.floor(difference.length / 20_000));
  const bias = median(difference.filter((_, i) => i % step === 0));
  return difference.map((value) => value - bias);
}

/**
 * The smallest box around the ink, without the dust of a scan; undefined where there is no ink.
 * Dust is also erased from `ink.data`.
 */
export function cropToInk(ink: Ink): Box | undefined {
  const { width, height, data, threshold } = ink;
  if (inkLevel(data, threshold) < LEAST_CONTRAST) return undefined;
  if (isScan(width, height) && !eraseDust(data, width, height)) return undefined;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (data[i] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = y + 1;
    }
  }
  return right > left ? { left, top, right, bottom } : undefined;
}

/** The difference that solid ink has: the ninth decile of everything above half of the largest, or 0 without ink. */
export function inkLevel(data: Float32Array, threshold = 0): number {
  let largest = 0;
  for (const value of data) if (value > largest) largest = value;
  if (largest <= threshold) return 0;
  const solid = data.filter((value) => value > largest / 2 && value > threshold).sort();
  return solid[Math.floor(0.9 * (solid.length - 1))];
}

/** Mean width of the strokes in pixels: twice their area by the length of their outline. */
export function strokeWidth(data: Float32Array, width: number, height: number): number {
  const half = inkLevel(data) / 2;
  let area = 0;
  let outline = 0;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (data[i] <= half) continue;
      area++;
      if (x === 0 || data[i - 1] <= half) outline++;
      if (x === width - 1 || data[i + 1] <= half) outline++;
      if (y === 0 || data[i - width] <= half) outline++;
      if (y === height - 1 || data[i + width] <= half) outline++;
    }
  }
  return outline === 0 ? 0 : (2 * area) / outline;
}

/**
 * The ground of a small picture, which may be cropped so tightly (USPS) that ink covers most of its border: where the
 * border is not even, its outermost decile on the side where no ink is.
 */
function croppedGround(grey: Float32Array, width: number, height: number, sign: number): number {
  const border = borderOf(grey, width, height);
  const middle = median(border);
  const decile = border[Math.round((sign > 0 ? 0.1 : 0.9) * (border.length - 1))];
  return Math.abs(middle - decile) > EVEN_GROUND ? decile : middle;
}

/** Standard deviation of the ground, from the side of it where no ink is (median of absolute values, scaled). */
function groundNoise(difference: Float32Array): number {
  const step = Math.max(1, Math.floor(difference.length / 20_000));
  const below: number[] = [];
  for (let i = 0; i < difference.length; i += step) if (difference[i] <= 0) below.push(-difference[i]);
  return 1.4826 * median(below);
}

/** Erases pieces (connected over sides and corners) with little ink; false when even the largest is only dust. */
function eraseDust(data: Float32Array, width: number, height: number): boolean {
  const pieces: { pixels: Int32Array; mass: number }[] = [];
  const seen = new Uint8Array(data.length);
  const stack = new Int32Array(data.length);
  for (let seed = 0; seed < data.length; seed++) {
    if (data[seed] === 0 || seen[seed] === 1) continue;
    let count = 1;
    let mass = 0;
    stack[0] = seed;
    seen[seed] = 1;
    // The stack is never popped: what is behind `next` is the piece itself.
    for (let next = 0; next < count; next++) {
      const at = stack[next];
      mass += data[at];
      const x = at % width;
      const y = (at - x) / width;
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const neighbour = v * width + u;
          if (data[neighbour] === 0 || seen[neighbour] === 1) continue;
          seen[neighbour] = 1;
          stack[count++] = neighbour;
        }
      }
    }
    pieces.push({ pixels: stack.slice(0, count), mass });
  }
  const largest = pieces.reduce((max, piece) => Math.max(max, piece.mass), 0);
  const main = pieces.find((piece) => piece.mass === largest);
  if (main === undefined || main.pixels.length < Math.max(width, height) / 16) return false;
  for (const { pixels, mass } of pieces) {
    if (mass < SMALLEST_PIECE * largest) for (const at of pixels) data[at] = 0;
  }
  return true;
}

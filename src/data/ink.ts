/**
 * Finds the ink in a picture: which side of the ground it is on, how bright the ground is (it may be shaded, as in a
 * scan or a photograph), and where the ink is. Second step of the preprocessing, between grey values and the model's
 * input; the thresholds come from the picture's own noise, so that a clean 28×28 picture passes untouched.
 */

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
 * The side of the ground on which the ink is. The ground is what the border shows; ink differs from it more than
 * shading does, hence the cubes.
 * @param grey [height, width]
 */
export function findInkSide(grey: Float32Array, width: number, height: number): InkSide {
  const ground = borderMedian(grey, width, height);
  let balance = 0;
  for (const value of grey) balance += (value - ground) ** 3;
  // A picture that is all border, without a difference, is blank; either answer will do.
  return balance > 0 ? "light-on-dark" : "dark-on-light";
}

/** Takes the ground away from a picture whose ink is on a known side. */
export function findInk(grey: Float32Array, width: number, height: number, side: InkSide): Ink {
  const sign = side === "light-on-dark" ? 1 : -1;
  const isScan = Math.min(width, height) >= SCAN_SIDE;
  const paper = isScan ? borderMedian(grey, width, height) : croppedGround(grey, width, height, sign);
  const surface = isScan ? fitGround(grey, width, height, sign, paper) : [paper, 0, 0, 0, 0, 0];

  const difference = new Float32Array(grey.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const ground = evaluate(surface, x / width, y / height);
      // A shadow dims paper and ink by the same factor, and so their difference.
      const light = isScan && side === "dark-on-light" ? paper / Math.max(ground, DARKEST_PAPER) : 1;
      difference[i] = sign * (grey[i] - ground) * light;
    }
  }
  const noise = NOISE_SIGMAS * groundNoise(difference);
  const darkest = inkLevel(difference, noise);
  const threshold = isScan ? Math.max(noise, FAINTEST_INK * darkest) : noise;
  for (let i = 0; i < difference.length; i++) if (difference[i] <= threshold) difference[i] = 0;
  return { width, height, data: difference, threshold };
}

/**
 * The smallest box around the ink, without the dust of a scan; undefined where there is no ink.
 * Dust is also erased from `ink.data`.
 */
export function cropToInk(ink: Ink): Box | undefined {
  const { width, height, data, threshold } = ink;
  if (inkLevel(data, threshold) < LEAST_CONTRAST) return undefined;
  const isScan = Math.min(width, height) >= SCAN_SIDE;
  if (isScan && !eraseDust(data, width, height)) return undefined;
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

/** Thickens strokes by `radius` pixels on every side: the maximum over a square, one axis after the other. */
export function thicken(data: Float32Array, width: number, height: number, radius: number): Float32Array {
  const rows = slidingMax(data, height, width, width, 1, radius);
  return slidingMax(rows, width, height, 1, width, radius);
}

function slidingMax(
  data: Float32Array,
  lines: number,
  length: number,
  lineStride: number,
  stride: number,
  radius: number,
): Float32Array {
  const out = new Float32Array(data.length);
  for (let line = 0; line < lines; line++) {
    const start = line * lineStride;
    for (let i = 0; i < length; i++) {
      let largest = 0;
      const last = Math.min(length - 1, i + radius);
      for (let k = Math.max(0, i - radius); k <= last; k++) largest = Math.max(largest, data[start + k * stride]);
      out[start + i * stride] = largest;
    }
  }
  return out;
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

function borderMedian(grey: Float32Array, width: number, height: number): number {
  return median(borderOf(grey, width, height));
}

function borderOf(grey: Float32Array, width: number, height: number): number[] {
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(grey[x], grey[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) border.push(grey[y * width], grey[y * width + width - 1]);
  return border;
}

/** Sorts the values. */
function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values.length === 0 ? 0 : values[values.length >> 1];
}

/** Standard deviation of the ground, from the side of it where no ink is (median of absolute values, scaled). */
function groundNoise(difference: Float32Array): number {
  const step = Math.max(1, Math.floor(difference.length / 20_000));
  const below: number[] = [];
  for (let i = 0; i < difference.length; i += step) if (difference[i] <= 0) below.push(-difference[i]);
  return 1.4826 * median(below);
}

/**
 * Least-squares fit of a quadratic surface (1, x, y, x², xy, y²; x and y in 0 … 1) to the ground of a scan. Points on
 * the ink's side that stick out are left out and the fit repeated; six coefficients cannot follow a stroke.
 */
function fitGround(grey: Float32Array, width: number, height: number, sign: number, start: number): number[] {
  const step = Math.max(1, Math.floor(Math.max(width, height) / SCAN_SIDE));
  const points: { terms: number[]; value: number }[] = [];
  for (let y = step >> 1; y < height; y += step) {
    for (let x = step >> 1; x < width; x += step) {
      points.push({ terms: surfaceTerms(x / width, y / height), value: grey[y * width + x] });
    }
  }
  let surface = [start, 0, 0, 0, 0, 0];
  for (let round = 0; round < 8; round++) {
    const residuals = points.map((p) => sign * (p.value - dot(p.terms, surface)));
    const spread = 1.4826 * median(residuals.map(Math.abs));
    const limit = Math.max(3, 2.5 * spread);
    const kept = points.filter((_, i) => residuals[i] < limit && residuals[i] > -3 * limit);
    const next = kept.length < points.length / 8 ? undefined : leastSquares(kept);
    if (next === undefined) break;
    surface = next;
  }
  return surface;
}

function surfaceTerms(x: number, y: number): number[] {
  return [1, x, y, x * x, x * y, y * y];
}

function evaluate(surface: readonly number[], x: number, y: number): number {
  return surface[0] + (surface[1] + surface[3] * x + surface[4] * y) * x + (surface[2] + surface[5] * y) * y;
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Solves the normal equations by Gauss–Jordan elimination with pivoting; undefined where they are singular. */
function leastSquares(points: readonly { terms: number[]; value: number }[]): number[] | undefined {
  const n = 6;
  const rows = Array.from({ length: n }, () => new Array<number>(n + 1).fill(0));
  for (const { terms, value } of points) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) rows[i][j] += terms[i] * terms[j];
      rows[i][n] += terms[i] * value;
    }
  }
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let k = i + 1; k < n; k++) if (Math.abs(rows[k][i]) > Math.abs(rows[pivot][i])) pivot = k;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    if (Math.abs(rows[i][i]) < 1e-9) return undefined;
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const factor = rows[k][i] / rows[i][i];
      for (let j = i; j <= n; j++) rows[k][j] -= factor * rows[i][j];
    }
  }
  return rows.map((row, i) => row[n] / row[i]);
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

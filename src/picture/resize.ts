/**
 * Our own resize, so that Node and the browser turn the same picture into the same input: every output pixel is a
 * weighted mean of input pixels, separably. Shrinking takes the exact area average (each input pixel counts by the part
 * of it that is covered), enlarging the Catmull–Rom cubic (Keys 1981, a = −1/2), clamped to the range of its neighbors.
 */
import { ShapeError } from "../engine/errors.ts";

/** One axis of a resize: output i is the sum over k of weights[i·taps + k] · input[first[i] + k]. */
interface AxisPlan {
  readonly taps: number;
  readonly first: Int32Array;
  readonly weights: Float64Array;
}

/**
 * Resizes a picture of interleaved channels.
 * @param source [height, width, channels], row by row
 * @returns [toHeight, toWidth, channels], unrounded
 * @throws ShapeError when a size is not a positive integer or does not describe `source`
 */
export function resize(
  source: ArrayLike<number>,
  height: number,
  width: number,
  channels: number,
  toHeight: number,
  toWidth: number,
): Float32Array {
  for (const size of [height, width, channels, toHeight, toWidth]) {
    if (!Number.isInteger(size) || size < 1) throw new ShapeError(`resize: ${size} is not a size in pixels`);
  }
  if (source.length !== height * width * channels) {
    throw new ShapeError(`resize: ${source.length} values are not ${height}×${width}×${channels}`);
  }
  const columns = planAxis(width, toWidth);
  const narrow = new Float32Array(height * toWidth * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < toWidth; x++) {
      for (let c = 0; c < channels; c++) {
        const from = (y * width + columns.first[x]) * channels + c;
        narrow[(y * toWidth + x) * channels + c] = weigh(source, from, channels, columns, x);
      }
    }
  }
  const rows = planAxis(height, toHeight);
  const stride = toWidth * channels;
  const out = new Float32Array(toHeight * stride);
  for (let y = 0; y < toHeight; y++) {
    for (let i = 0; i < stride; i++) out[y * stride + i] = weigh(narrow, rows.first[y] * stride + i, stride, rows, y);
  }
  return out;
}

/** One weighted mean, kept within the values it was made from: a cubic would otherwise ring beside an edge. */
function weigh(source: ArrayLike<number>, from: number, stride: number, plan: AxisPlan, index: number): number {
  let sum = 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < plan.taps; k++) {
    const weight = plan.weights[index * plan.taps + k];
    if (weight === 0) continue;
    const value = source[from + k * stride];
    sum += weight * value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return Math.min(high, Math.max(low, sum));
}

function planAxis(size: number, toSize: number): AxisPlan {
  return toSize <= size ? planArea(size, toSize) : planCubic(size, toSize);
}

/** Output i covers input [i·s, (i+1)·s) with s = size / toSize ≥ 1. */
function planArea(size: number, toSize: number): AxisPlan {
  const scale = size / toSize;
  const taps = Math.min(size, Math.ceil(scale) + 1);
  const first = new Int32Array(toSize);
  const weights = new Float64Array(toSize * taps);
  for (let i = 0; i < toSize; i++) {
    const from = (i * size) / toSize;
    const to = ((i + 1) * size) / toSize;
    // The window is moved back inside the picture at its end; taps out of [from, to) weigh nothing.
    first[i] = Math.min(Math.floor(from), size - taps);
    for (let k = 0; k < taps; k++) {
      const left = first[i] + k;
      weights[i * taps + k] = Math.max(0, Math.min(left + 1, to) - Math.max(left, from)) / scale;
    }
  }
  return { taps, first, weights };
}

/** Four neighbors by Keys' kernel; beyond the edge the last pixel repeats. */
function planCubic(size: number, toSize: number): AxisPlan {
  const taps = Math.min(4, size);
  const first = new Int32Array(toSize);
  const weights = new Float64Array(toSize * taps);
  for (let i = 0; i < toSize; i++) {
    const center = ((i + 0.5) * size) / toSize - 0.5;
    const base = Math.floor(center);
    first[i] = Math.max(0, Math.min(base - 1, size - taps));
    for (let k = -1; k <= 2; k++) {
      const neighbor = Math.max(0, Math.min(size - 1, base + k));
      weights[i * taps + neighbor - first[i]] += cubic(center - (base + k));
    }
  }
  return { taps, first, weights };
}

function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

/**
 * The gray copy of a photograph on which everything in this folder works: small enough that a page of 12 megapixels costs a
 * fraction of a second, large enough that its smallest writing stays legible. First step from a page to its numbers.
 */
import { checkPicture, flattenAlpha, type Picture } from "../picture/picture.ts";

/** A gray picture, row by row, 0 … 255. */
export interface Gray {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The longer side of the copy, in pixels: digits 3 mm high on an A4 page are 20 pixels high. */
export const LONGEST_SIDE = 2048;
/** The side of the ink is found on a copy of this size. */
const POLARITY_SIDE = 256;

/** A gray copy with dark ink, and how many of its pixels one pixel of the picture is wide and high; at most 1. */
export interface GrayCopy extends Gray {
  readonly scaleX: number;
  readonly scaleY: number;
}

/**
 * The gray copy of a picture, by area means. White writing on a dark ground becomes dark on white.
 * @param longest the most pixels that its longer side gets; smaller pictures keep their size
 * @throws DataError when the picture's bytes do not fit its size
 */
export function grayCopy(picture: Picture, longest = LONGEST_SIDE): GrayCopy {
  checkPicture(picture);
  const flat = flattenAlpha(picture, "auto");
  const scale = Math.min(1, longest / Math.max(flat.width, flat.height));
  const width = Math.max(1, Math.round(flat.width * scale));
  const height = Math.max(1, Math.round(flat.height * scale));
  const data = shrinkToGray(flat, width, height);
  const gray = { data, width, height };
  if (isLightOnDark(gray)) for (let i = 0; i < data.length; i++) data[i] = 255 - data[i];
  return { ...gray, scaleX: width / flat.width, scaleY: height / flat.height };
}

/** Writing differs from what lies around it more than noise and shades do, hence the cubes. */
function isLightOnDark(gray: Gray): boolean {
  const scale = Math.min(1, POLARITY_SIDE / Math.max(gray.width, gray.height));
  const width = Math.max(1, Math.round(gray.width * scale));
  const height = Math.max(1, Math.round(gray.height * scale));
  const small = shrinkToGray({ ...gray, channels: 1 }, width, height);
  const radius = Math.ceil(POLARITY_SIDE / 40);
  const around = meansAround(small, width, height, radius);
  let balance = 0;
  for (let i = 0; i < small.length; i++) balance += (small[i] / Math.max(16, around[i]) - 1) ** 3;
  return balance > 0;
}

/** Which two output pixels an input pixel counts towards, and with which part of it. */
function shares(size: number, toSize: number): { readonly index: Int32Array; readonly part: Float32Array } {
  const index = new Int32Array(size);
  const part = new Float32Array(size);
  const scale = toSize / size;
  for (let i = 0; i < size; i++) {
    const at = Math.min(toSize - 1, Math.floor(i * scale + 1e-9));
    index[i] = at;
    part[i] = Math.min(1, (at + 1 - i * scale) / scale);
  }
  return { index, part };
}

/**
 * Area means of a picture without transparency, in gray (Rec. 601 luma); it must not grow.
 * @returns [height, width]
 */
export function shrinkToGray(picture: Picture, width: number, height: number): Uint8Array {
  const { data, channels } = picture;
  const columns = shares(picture.width, width);
  const rows = shares(picture.height, height);
  // One more than the row has, for what the last pixel does not share.
  const line = new Float32Array(width + 1);
  let sums = new Float32Array(width);
  let next = new Float32Array(width);
  const out = new Uint8Array(width * height);
  const unit = (width * height) / (picture.width * picture.height);
  const flush = (row: number): void => {
    for (let x = 0, to = row * width; x < width; x++, to++) out[to] = sums[x] * unit + 0.5;
    [sums, next] = [next, sums];
    next.fill(0);
  };
  let row = 0;
  for (let y = 0, from = 0; y < picture.height; y++) {
    line.fill(0);
    for (let x = 0; x < picture.width; x++, from += channels) {
      const value = channels === 1 ? data[from] : 0.299 * data[from] + 0.587 * data[from + 1] + 0.114 * data[from + 2];
      const at = columns.index[x];
      const part = columns.part[x] * value;
      line[at] += part;
      line[at + 1] += value - part;
    }
    if (rows.index[y] > row) {
      flush(row);
      row = rows.index[y];
    }
    const part = rows.part[y];
    for (let x = 0; x < width; x++) {
      sums[x] += part * line[x];
      next[x] += (1 - part) * line[x];
    }
  }
  flush(row);
  return out;
}

/** The mean in a square of 2·radius + 1 pixels around each, cut at the border; by a table of sums. */
export function meansAround(data: ArrayLike<number>, width: number, height: number, radius: number): Float32Array {
  const stride = width + 1;
  const sums = new Float64Array(stride * (height + 1));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, row = 0; x < width; x++, i++) {
      row += data[i];
      sums[(y + 1) * stride + x + 1] = sums[y * stride + x + 1] + row;
    }
  }
  const out = new Float32Array(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    const top = Math.max(0, y - radius) * stride;
    const bottom = Math.min(height, y + radius + 1) * stride;
    for (let x = 0; x < width; x++, i++) {
      const left = Math.max(0, x - radius);
      const right = Math.min(width, x + radius + 1);
      const sum = sums[bottom + right] - sums[bottom + left] - sums[top + right] + sums[top + left];
      out[i] = (sum * stride) / ((bottom - top) * (right - left));
    }
  }
  return out;
}

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

/** For each output pixel along one axis: its first and last input pixel, and which parts of these count towards it. */
function spans(size: number, toSize: number) {
  const first = new Int32Array(toSize);
  const last = new Int32Array(toSize);
  const head = new Float32Array(toSize);
  const tail = new Float32Array(toSize);
  const scale = size / toSize;
  for (let i = 0; i < toSize; i++) {
    const [from, to] = [i * scale, Math.min(size, (i + 1) * scale)];
    first[i] = Math.min(size - 1, Math.floor(from + 1e-6));
    last[i] = Math.min(size - 1, Math.max(first[i], Math.ceil(to - 1e-6) - 1));
    head[i] = first[i] === last[i] ? to - from : first[i] + 1 - from;
    tail[i] = first[i] === last[i] ? 0 : to - last[i];
  }
  return { first, last, head, tail };
}

/** Rec. 601 luma of each pixel of a row, in 256ths. */
function lumaOfRow({ data, width, channels }: Picture, y: number, out: Int32Array): void {
  let at = y * width * channels;
  if (channels === 1) for (let x = 0; x < width; x++) out[x] = data[at++] << 8;
  else for (let x = 0; x < width; x++, at += channels) out[x] = 77 * data[at] + 150 * data[at + 1] + 29 * data[at + 2];
}

/**
 * Area means of a picture without transparency, in gray; it must not grow.
 * @returns [height, width]
 */
export function shrinkToGray(picture: Picture, width: number, height: number): Uint8Array {
  const columns = spans(picture.width, width);
  const rows = spans(picture.height, height);
  const luma = new Int32Array(picture.width);
  const line = new Float32Array(width);
  const sums = new Float32Array(width);
  const out = new Uint8Array(width * height);
  const unit = (width * height) / (picture.width * picture.height * 256);
  let known = -1;
  for (let row = 0, to = 0; row < height; row++) {
    sums.fill(0);
    for (let y = rows.first[row]; y <= rows.last[row]; y++) {
      // A row that two rows share is summed once.
      if (y !== known) {
        lumaOfRow(picture, y, luma);
        sumsOfLine(luma, columns, line);
        known = y;
      }
      const part = y === rows.first[row] ? rows.head[row] : y === rows.last[row] ? rows.tail[row] : 1;
      for (let x = 0; x < width; x++) sums[x] += part * line[x];
    }
    for (let x = 0; x < width; x++) out[to++] = sums[x] * unit + 0.5;
  }
  return out;
}

function sumsOfLine(luma: Int32Array, { first, last, head, tail }: ReturnType<typeof spans>, out: Float32Array): void {
  for (let x = 0; x < out.length; x++) {
    const [from, to] = [first[x], last[x]];
    let sum = 0;
    for (let i = from + 1; i < to; i++) sum += luma[i];
    out[x] = sum + head[x] * luma[from] + tail[x] * luma[to];
  }
}

/** The mean in a square of 2·radius + 1 pixels around each, cut at the border; sums of columns move down row by row. */
export function meansAround(data: ArrayLike<number>, width: number, height: number, radius: number): Float32Array {
  const columns = new Float64Array(width);
  const out = new Float32Array(width * height);
  for (let y = -radius; y < height; y++) {
    const [added, dropped] = [y + radius, y - radius - 1];
    if (added < height) for (let x = 0, i = added * width; x < width; x++, i++) columns[x] += data[i];
    if (dropped >= 0) for (let x = 0, i = dropped * width; x < width; x++, i++) columns[x] -= data[i];
    if (y < 0) continue;
    const rows = Math.min(height, added + 1) - Math.max(0, y - radius);
    let sum = 0;
    for (let x = 0; x < Math.min(width, radius); x++) sum += columns[x];
    for (let x = 0, i = y * width; x < width; x++, i++) {
      if (x + radius < width) sum += columns[x + radius];
      if (x > radius) sum -= columns[x - radius - 1];
      out[i] = sum / (rows * (Math.min(width, x + radius + 1) - Math.max(0, x - radius)));
    }
  }
  return out;
}

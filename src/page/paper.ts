/**
 * Takes paper, shadows and shading away from a page: how much darker than the paper around it every pixel is, which of them
 * are ink, and how wide the pen's strokes are. What follows, from rules to lines of writing, measures in stroke widths.
 */
import { largestAround } from "../picture/ground.ts";
import { dropAside } from "./aside.ts";
import { type Gray, shrinkToGray } from "./gray.ts";

/** What is known of a page's ink. */
export interface PageInk {
  readonly width: number;
  readonly height: number;
  /** By how much of 255 each pixel is darker than its paper, as if light fell evenly. */
  readonly darkness: Uint8Array;
  /** 1 where there is ink. */
  readonly mask: Uint8Array;
  /** The usual width of strokes in pixels, at least 1. */
  readonly stroke: number;
  /** The usual darkness of the middle of strokes. */
  readonly level: number;
}

/** Strokes are narrower than this part of the longer side, before their width is known … */
const WIDEST_STROKE = 1 / 24;
/** … and then than so many usual widths; broader dark areas are shading, a bar, a picture. */
const BROADEST = 8;
/** Of the darkest within about a stroke's width, ink has at least this part: so blurred strokes keep their width. */
const HALF = 0.45;
/** Pages with more pixels than this on the longer side are first looked at in half of their size. */
const ROUGH_SIDE = 1200;
/** Noise is measured in squares of this part of the longer side. */
const TILE = 1 / 16;
/** Ink is so many times darker than the paper's median, which is 0.8 standard deviations below its brighter half. */
const ABOVE_NOISE = 6;
/** What is less dark than this, of 255, is no ink; above the noise it is ink from this part of the usual ink's darkness on. */
const FAINTEST = 14;
const CERTAIN = 0.35;
/** The darkest of a page are what this part of it is not. */
const DARKEST = 0.998;
/** Paper is taken to be at least so bright, of 255. */
const DARKEST_PAPER = 24;

/** The ink of a page with dark ink. Time and memory grow with its pixels alone. */
export function inkOfPage(gray: Gray): PageInk {
  const { width, height } = gray;
  const longest = Math.max(width, height);
  const wide = roughStroke(gray);
  const darkness = darknessOf(gray, Math.max(8, Math.min(longest * WIDEST_STROKE, BROADEST * wide)));
  const mask = maskOf(darkness, gray, wide / 2, leastOf(darkness, gray));
  dropAside(gray, darkness, mask, levelOf(darkness, mask));
  return {
    width,
    height,
    darkness,
    mask,
    stroke: strokeWidthOf(mask, darkness, width),
    level: levelOf(darkness, mask),
  };
}

/** A first estimate of the width of strokes, by any ink, on a copy of half the size where there are pixels enough. */
function roughStroke(gray: Gray): number {
  const times = Math.max(gray.width, gray.height) > ROUGH_SIDE ? 2 : 1;
  const [width, height] = [gray.width, gray.height].map((side) => Math.ceil(side / times));
  const small = {
    width,
    height,
    data: times === 1 ? gray.data : shrinkToGray({ ...gray, channels: 1 }, width, height),
  };
  const longest = Math.max(width, height);
  const darkness = darknessOf(small, Math.max(8, longest * WIDEST_STROKE));
  return times * strokeWidthOf(maskOf(darkness, small, longest / 800, leastOf(darkness, small)), darkness, width);
}

/** A value for every block of size×size pixels. */
interface Blocks {
  readonly data: Float32Array;
  readonly columns: number;
  readonly rows: number;
  readonly size: number;
}

/**
 * Darkness by a coarse copy of the paper: the mean of the brighter pixels of each block, then a gray-scale closing, which fills
 * what is narrower than the window and leaves the edges of shadows where they are. Paper and ink in the shade are dimmed by
 * one factor, so the ratio counts.
 */
function darknessOf(gray: Gray, window: number): Uint8Array {
  const size = Math.max(2, Math.round(window / 7));
  const paper = closed(brighterMeans(gray, size), 3);
  const { width, height, data } = gray;
  const out = new Uint8Array(data.length);
  const columns = between(width, size, paper.columns);
  for (let y = 0, i = 0; y < height; y++) {
    const v = Math.min(paper.rows - 1, Math.max(0, (y + 0.5) / size - 0.5));
    const [top, down] = [Math.floor(v), v - Math.floor(v)];
    const upper = top * paper.columns;
    const lower = Math.min(paper.rows - 1, top + 1) * paper.columns;
    for (let x = 0; x < width; x++, i++) {
      const at = columns.index[x];
      const to = columns.next[x];
      const part = columns.part[x];
      const above = paper.data[upper + at] * (1 - part) + paper.data[upper + to] * part;
      const below = paper.data[lower + at] * (1 - part) + paper.data[lower + to] * part;
      const level = above * (1 - down) + below * down;
      const value = 255 - (255 * data[i]) / (level > DARKEST_PAPER ? level : DARKEST_PAPER);
      out[i] = value > 0 ? value : 0;
    }
  }
  return out;
}

/** For every pixel of a row, the blocks before and behind it and how far it is between them. */
function between(width: number, size: number, columns: number) {
  const index = new Int32Array(width);
  const next = new Int32Array(width);
  const part = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const u = Math.min(columns - 1, Math.max(0, (x + 0.5) / size - 0.5));
    index[x] = Math.floor(u);
    next[x] = Math.min(columns - 1, index[x] + 1);
    part[x] = u - index[x];
  }
  return { index, next, part };
}

function brighterMeans({ data, width, height }: Gray, size: number): Blocks {
  const columns = Math.ceil(width / size);
  const rows = Math.ceil(height / size);
  const out = new Float32Array(columns * rows);
  for (let row = 0, k = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, k++) {
      const [left, top] = [column * size, row * size];
      const [right, bottom] = [Math.min(width, left + size), Math.min(height, top + size)];
      let sum = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += data[y * width + x];
      const mean = sum / ((right - left) * (bottom - top));
      let [bright, count] = [0, 0];
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const value = data[y * width + x];
          if (value < mean) continue;
          bright += value;
          count++;
        }
      }
      // Rounding may leave an even block without a pixel above its mean.
      out[k] = count > 0 ? bright / count : mean;
    }
  }
  return { data: out, columns, rows, size };
}

/**
 * The largest, then the smallest value within `radius` blocks; the smallest within one more, as a block at the edge of a shadow is bright
 * and its dark pixels are no ink.
 */
function closed(blocks: Blocks, radius: number): Blocks {
  const { data, columns, rows } = blocks;
  return { ...blocks, data: least(largestAround(data, columns, rows, radius), blocks, radius + 1) };
}

/** The smallest value within `radius` blocks. */
const least = (data: Float32Array, { columns, rows }: Blocks, radius: number): Float32Array =>
  largestAround(
    data.map((value) => -value),
    columns,
    rows,
    radius,
  ).map((value) => -value);

/** How dark ink is at least, for every tile of the page. */
function leastOf(darkness: Uint8Array, { width, height }: Gray): Blocks {
  const size = Math.max(16, Math.ceil(Math.max(width, height) * TILE));
  const columns = Math.ceil(width / size);
  const rows = Math.ceil(height / size);
  const counts = new Int32Array(columns * rows * 256);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(y / size) * columns;
    for (let x = 0; x < width; x++, i++) counts[(row + Math.floor(x / size)) * 256 + darkness[i]]++;
  }
  const medians = new Float32Array(columns * rows);
  for (let k = 0; k < medians.length; k++) medians[k] = quantile(counts.subarray(k * 256, k * 256 + 256), 0.5);
  // A tile that is full of writing takes the noise of those around it.
  const blocks = { data: medians, columns, rows, size };
  const noise = largestAround(least(medians, blocks, 1), columns, rows, 1);
  const all = new Int32Array(256);
  for (let i = 0; i < counts.length; i++) all[i & 255] += counts[i];
  const certain = CERTAIN * darkestOf(all);
  return { ...blocks, data: noise.map((value) => Math.max(FAINTEST, Math.min(ABOVE_NOISE * value, certain))) };
}

/** The value that a share of the counted ones does not exceed, between whole numbers. */
function quantile(counts: Int32Array, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  for (let value = 0; value < counts.length; value++) {
    sum += counts[value];
    if (sum >= share * total && sum > 0) return value + 1 - (sum - share * total) / counts[value];
  }
  return 0;
}

/** The median of what is darker than half of the darkest, of which there are few where a page is small in its picture. */
function darkestOf(counts: Int32Array): number {
  const half = quantile(counts, DARKEST) / 2;
  return quantile(
    counts.map((count, value) => (value > half ? count : 0)),
    0.5,
  );
}

/** 1 where a pixel is darker than `faintest` and than nearly half of the darkest in the `reach` pixels around it. */
function maskOf(darkness: Uint8Array, { width, height }: Gray, reach: number, faintest: Blocks): Uint8Array {
  const size = Math.max(1, Math.round(reach));
  const columns = Math.ceil(width / size);
  const rows = Math.ceil(height / size);
  const peaks = new Float32Array(columns * rows);
  const column = new Int32Array(width);
  for (let x = 0; x < width; x++) column[x] = Math.floor(x / size);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(y / size) * columns;
    for (let x = 0; x < width; x++, i++) {
      const at = row + column[x];
      if (darkness[i] > peaks[at]) peaks[at] = darkness[i];
    }
  }
  const around = largestAround(peaks, columns, rows, 1);
  for (let row = 0, k = 0; row < rows; row++) {
    const limits = Math.floor((row * size) / faintest.size) * faintest.columns;
    for (let at = 0; at < columns; at++, k++) {
      const limit = faintest.data[limits + Math.floor((at * size) / faintest.size)];
      around[k] = Math.max(limit, HALF * around[k]);
    }
  }
  const mask = new Uint8Array(darkness.length);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor(y / size) * columns;
    for (let x = 0; x < width; x++, i++) if (darkness[i] > around[row + column[x]]) mask[i] = 1;
  }
  return mask;
}

const QUARTERS = [0.25, 0.5, 0.75];

/**
 * The usual width of strokes: the median of the lengths of vertical runs of ink, or of the shortest horizontal one through the
 * quarters of each where that is shorter: another stroke may cross one of them. Darker ones count more, so noise does not. At least 1.
 */
function strokeWidthOf(mask: Uint8Array, darkness: Uint8Array, width: number): number {
  const height = mask.length / width;
  const counts = new Float64Array(256);
  const down = new Uint16Array(width);
  for (let y = 0, i = 0; y <= height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (y < height && mask[i] === 1) {
        down[x]++;
        continue;
      }
      const length = down[x];
      if (length === 0) continue;
      down[x] = 0;
      let across = length;
      for (const quarter of QUARTERS) {
        const at = i - width * Math.ceil(length * quarter);
        const start = at - (at % width);
        let run = 1;
        for (let left = at - 1; left >= start && mask[left] === 1 && run < across; left--) run++;
        for (let right = at + 1; right < start + width && mask[right] === 1 && run < across; right++) run++;
        across = run;
      }
      const middle = i - width * Math.ceil(length / 2);
      counts[Math.min(255, across)] += darkness[middle] ** 2 * across;
    }
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  for (let length = 1; length < 256; length++) {
    sum += counts[length];
    if (sum > total / 2) return length;
  }
  return 1;
}

/** The darkness that a tenth of the ink exceeds. */
function levelOf(darkness: Uint8Array, mask: Uint8Array): number {
  const counts = new Float64Array(256);
  let total = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    counts[darkness[i]]++;
    total++;
  }
  let sum = 0;
  for (let value = 255; value > 0; value--) {
    sum += counts[value];
    if (sum > total / 10) return value;
  }
  return 0;
}

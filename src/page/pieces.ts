/**
 * Connected pieces of ink on a page, over sides and corners: runs of each row are joined with those they touch in the row
 * above (union-find). Time grows with the pixels, memory with the runs, whatever the page shows.
 */
import type { Box } from "../picture/regions.ts";
import type { Bitmap } from "./bitmap.ts";

/** A connected piece of ink. */
export interface Piece extends Box {
  /** Its number in {@link Pieces.labels}. */
  readonly label: number;
  /** How many pixels it has. */
  readonly area: number;
}

/** All pieces of a bitmap, and which piece each pixel is of. */
export interface Pieces {
  readonly all: readonly Piece[];
  /** Of each pixel the number of its piece, from 1; 0 where there is no ink. */
  readonly labels: Int32Array;
}

/** @param least pieces of fewer pixels are dropped */
export function piecesOf({ data, width, height }: Bitmap, least = 1): Pieces {
  const labels = new Int32Array(data.length);
  // A row of n pixels has at most (n + 1) / 2 runs.
  let parents = new Int32Array(1024);
  let count = 1;
  const root = (label: number): number => {
    let at = label;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]];
      at = parents[at];
    }
    return at;
  };
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) {
      if (data[row + x] === 0) continue;
      const start = x;
      while (x < width && data[row + x] === 1) x++;
      let label = 0;
      if (y > 0) {
        const above = row - width;
        for (let u = Math.max(0, start - 1); u <= Math.min(width - 1, x); u++) {
          const other = labels[above + u];
          if (other === 0) continue;
          const found = root(other);
          if (label === 0) label = found;
          else if (label !== found) {
            const [low, high] = label < found ? [label, found] : [found, label];
            parents[high] = low;
            label = low;
          }
        }
      }
      if (label === 0) {
        if (count === parents.length) {
          const larger = new Int32Array(2 * count);
          larger.set(parents);
          parents = larger;
        }
        label = count++;
        parents[label] = label;
      }
      labels.fill(label, row + start, row + x);
    }
  }
  return measured(labels, width, height, parents, count, least);
}

/** Numbers the pieces that are large enough, and measures them. */
function measured(
  labels: Int32Array,
  width: number,
  height: number,
  parents: Int32Array,
  count: number,
  least: number,
): Pieces {
  // A parent's number is smaller than its children's.
  for (let label = 1; label < count; label++) parents[label] = parents[parents[label]];
  const area = new Int32Array(count);
  const left = new Int32Array(count).fill(width);
  const right = new Int32Array(count);
  const top = new Int32Array(count).fill(height);
  const bottom = new Int32Array(count);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (labels[i] === 0) continue;
      const label = parents[labels[i]];
      labels[i] = label;
      area[label]++;
      if (x < left[label]) left[label] = x;
      if (x >= right[label]) right[label] = x + 1;
      if (y < top[label]) top[label] = y;
      if (y >= bottom[label]) bottom[label] = y + 1;
    }
  }
  const numbers = new Int32Array(count);
  const all: Piece[] = [];
  for (let label = 1; label < count; label++) {
    if (area[label] < least) continue;
    all.push({
      label: all.length + 1,
      area: area[label],
      left: left[label],
      top: top[label],
      right: right[label],
      bottom: bottom[label],
    });
    numbers[label] = all.length;
  }
  for (let i = 0; i < labels.length; i++) if (labels[i] !== 0) labels[i] = numbers[labels[i]];
  return { all, labels };
}

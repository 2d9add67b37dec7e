/**
 * Cuts a region out of a page for a reader: upright, without perspective, on white paper, with its own ink alone; and says where
 * each of its pixels comes from.
 */
import type { Box } from "../picture/regions.ts";
import {
  boxOf,
  composed,
  type Homography,
  inverse,
  isInside,
  project,
  type Quad,
  rectangleTo,
  sizeOf,
} from "./geometry.ts";
import type { Gray } from "./gray.ts";
import type { PageInk } from "./paper.ts";
import type { Piece, Pieces } from "./pieces.ts";

/** A region's own picture. */
export interface Crop extends Gray {
  /** Paper is 255, the darkest ink near 0. */
  readonly data: Uint8Array;
  /** The smallest box around the ink in it; undefined where there is none. */
  readonly ink: Box | undefined;
  /** Takes a place in the crop to the page's bitmap, in pixels. */
  readonly toPage: Homography;
}

/** Crops are at most so many pixels high; more says nothing about a character. */
const HIGHEST = 96;
/** Wider than so many pixels is no crop for a reader. */
const WIDEST = 4096;
/** Faint ink is made so dark, of 255, but no more than so many times darker. */
const DARK = 235;
const MOST_GAIN = 4;

/** What ink is a region's. */
export interface Owned {
  /** Pieces that are its own. */
  readonly own: readonly Piece[];
  /** Pieces that belong to several regions: each has what lies in its quadrilateral. */
  readonly shared: readonly Piece[];
}

/**
 * @param pieces the page's ink without lines
 * @param quad of the region; the crop is larger where its own ink goes on beyond it
 * @param margin paper around the quadrilateral, in heights of it
 */
export function cropOf(ink: PageInk, pieces: Pieces, quad: Quad, { own, shared }: Owned, margin: number): Crop {
  const size = sizeOf(quad);
  const scale = Math.min(1, HIGHEST / Math.max(1, size.height), WIDEST / Math.max(1, size.width));
  const [width, height] = [Math.max(1, size.width * scale), Math.max(1, size.height * scale)];
  const fromQuad = rectangleTo(quad, width, height);
  const frame = frameOf(own, inverse(fromQuad), width, height, Math.max(margin * height, margin > 0 ? 2 : 0));
  const toPage = composed(fromQuad, [1, 0, frame.left, 0, 1, frame.top, 0, 0, 1]);
  const crop = { width: frame.right - frame.left, height: frame.bottom - frame.top };
  const patch = patchOf(ink, pieces, quad, own, shared);
  const darkness = new Float32Array(crop.width * crop.height);
  const steps = Math.min(4, Math.ceil(1 / scale - 0.25));
  for (let y = 0, i = 0; y < crop.height; y++) {
    for (let x = 0; x < crop.width; x++, i++) {
      let sum = 0;
      for (let v = 0; v < steps; v++) {
        for (let u = 0; u < steps; u++) {
          const [px, py] = [x + (u + 0.5) / steps, y + (v + 0.5) / steps];
          const w = toPage[6] * px + toPage[7] * py + toPage[8];
          sum += sample(
            patch,
            (toPage[0] * px + toPage[1] * py + toPage[2]) / w - 0.5,
            (toPage[3] * px + toPage[4] * py + toPage[5]) / w - 0.5,
          );
        }
      }
      darkness[i] = sum / (steps * steps);
    }
  }
  return { ...crop, ...toPaper(darkness, crop.width), toPage };
}

/** A part of a page with the ink of one region. */
interface Patch extends Gray {
  readonly left: number;
  readonly top: number;
}

/** The ink of a region and its soft edges; what other ink and lines leave is paper. */
function patchOf(ink: PageInk, pieces: Pieces, quad: Quad, own: readonly Piece[], shared: readonly Piece[]): Patch {
  const soft = Math.max(1, Math.round(ink.stroke / 4));
  const boxes = [...own, ...(shared.length > 0 ? [boxOf(quad)] : [])];
  const left = Math.max(0, Math.floor(Math.min(...boxes.map((box) => box.left))) - soft);
  const top = Math.max(0, Math.floor(Math.min(...boxes.map((box) => box.top))) - soft);
  const right = Math.min(ink.width, Math.ceil(Math.max(...boxes.map((box) => box.right))) + soft);
  const bottom = Math.min(ink.height, Math.ceil(Math.max(...boxes.map((box) => box.bottom))) + soft);
  if (boxes.length === 0 || right <= left || bottom <= top) {
    return { data: new Uint8Array(1), width: 1, height: 1, left: 0, top: 0 };
  }
  const [width, height] = [right - left, bottom - top];
  const isOwn = new Set(own.map(({ label }) => label));
  const isShared = new Set(shared.map(({ label }) => label));
  const kept = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = (top + y) * ink.width + left; x < width; x++, i++, at++) {
      const label = pieces.labels[at];
      if (label === 0) continue;
      if (isOwn.has(label) || (isShared.has(label) && isInside(quad, { x: left + x + 0.5, y: top + y + 0.5 })))
        kept[i] = 1;
    }
  }
  const near = grown(kept, width, height, soft);
  const data = new Uint8Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = (top + y) * ink.width + left; x < width; x++, i++, at++) {
      if (kept[i] === 1 || (near[i] === 1 && ink.mask[at] === 0)) data[i] = ink.darkness[at];
    }
  }
  return { data, width, height, left, top };
}

/** 1 within `radius` pixels, along rows or columns, of a 1. */
function grown(data: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  const out = data.slice();
  for (let step = 0; step < radius; step++) {
    const from = out.slice();
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        if (from[i] === 0) continue;
        if (x > 0) out[i - 1] = 1;
        if (x < width - 1) out[i + 1] = 1;
        if (y > 0) out[i - width] = 1;
        if (y < height - 1) out[i + width] = 1;
      }
    }
  }
  return out;
}

/** Between four pixels; 0 outside. */
function sample({ data, width, height, left, top }: Patch, x: number, y: number): number {
  const [u, v] = [Math.floor(x) - left, Math.floor(y) - top];
  if (u < -1 || v < -1 || u >= width || v >= height) return 0;
  const [fx, fy] = [x - left - u, y - top - v];
  const at = v * width + u;
  const [isLeft, isRight, isTop, isBottom] = [u >= 0, u < width - 1, v >= 0, v < height - 1];
  const a = isLeft && isTop ? data[at] : 0;
  const b = isRight && isTop ? data[at + 1] : 0;
  const c = isLeft && isBottom ? data[at + width] : 0;
  const d = isRight && isBottom ? data[at + width + 1] : 0;
  return (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy;
}

/** Makes the ink of a crop dark on white paper, and finds it. */
function toPaper(darkness: Float32Array, width: number): { readonly data: Uint8Array; readonly ink: Box | undefined } {
  const counts = new Int32Array(256);
  for (let i = 0; i < darkness.length; i++) counts[Math.round(darkness[i])]++;
  const inked = darkness.length - counts[0];
  let level = 255;
  for (let above = 0; level > 1 && above + counts[level] <= inked / 10; level--) above += counts[level];
  const gain = Math.max(1, Math.min(MOST_GAIN, DARK / Math.max(1, level)));
  const data = new Uint8Array(darkness.length);
  const least = level / 3;
  let [left, top, right, bottom] = [width, Number.POSITIVE_INFINITY, 0, 0];
  for (let i = 0; i < data.length; i++) {
    data[i] = 255 - Math.min(255, Math.round(darkness[i] * gain));
    if (darkness[i] <= least) continue;
    const x = i % width;
    const y = (i - x) / width;
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  }
  return { data, ink: right > left ? { left, top, right, bottom } : undefined };
}

/** Which part of the quadrilateral's plane is cut out, in whole pixels: all of it, and its own ink. */
function frameOf(own: readonly Piece[], back: Homography, width: number, height: number, margin: number): Box {
  let [left, top, right, bottom] = [-margin, -margin, width + margin, height + margin];
  for (const piece of own) {
    for (const x of [piece.left, piece.right]) {
      for (const y of [piece.top, piece.bottom]) {
        const at = project(back, { x, y });
        // Ink that leaves its box leaves it by less than a height.
        left = Math.max(-height, Math.min(left, at.x - 1));
        right = Math.min(width + height, Math.max(right, at.x + 1));
        top = Math.max(-height, Math.min(top, at.y - 1));
        bottom = Math.min(2 * height, Math.max(bottom, at.y + 1));
      }
    }
  }
  return { left: Math.floor(left), top: Math.floor(top), right: Math.ceil(right), bottom: Math.ceil(bottom) };
}

/**
 * From a crop of any size that shows a line of writing, such as one number, to what a reader of lines sees: its ink alone, light on
 * black, all of one height, as wide as it then is. The ground, its shades and the side of the ink are found as for single characters
 * (ink.ts). What lies to the left and to the right is paper, so a network may be given more of it without reading anything else.
 */

import { cut } from "./cut.ts";
import { largestAround } from "./ground.ts";
import { findInk, findInkSide, type InkSide, inkLevel, LEAST_CONTRAST, pageOf } from "./ink.ts";
import { checkPicture, type Picture, toGray } from "./picture.ts";
import { resize } from "./resize.ts";

/** Where a line stands in a sample; stored in the model file. */
export interface LineFrame {
  /** Rows of a sample. */
  readonly height: number;
  /** Rows that the ink takes, from the highest to the lowest. */
  readonly ink: number;
  /** Columns of paper before the ink, and those after it that count. */
  readonly before: number;
  readonly after: number;
  /**
   * Columns of paper behind those that count: as many as a frame of the network may see, so that what follows changes nothing; and a
   * few more, as frames are computed two by two and round together, so that it changes no bit.
   */
  readonly margin: number;
  readonly polarity: "auto" | InkSide;
}

/** That of the readers that come with Ductus. */
export const LINE: LineFrame = { height: 28, ink: 24, before: 4, after: 4, margin: 24, polarity: "auto" };

/** A line as a network gets it. */
export interface Line {
  /** Column after column from the left, light ink on black: [columns, height]. */
  readonly pixels: Uint8Array;
  /** Columns that count. */
  readonly columns: number;
  /** Where the sample lies in the picture: a column of it times `scale`, plus `left`, is one of the picture. */
  readonly left: number;
  readonly scale: number;
}

/** Where a column of a line lies in a picture of some width, in its pixels from the left: 0 to `width`. */
export function columnInPicture({ left, scale }: Line, column: number, width: number): number {
  return Math.max(0, Math.min(width, left + column * scale));
}

/** In crops of fewer rows light falls evenly: every pixel counts. */
const EVEN = 64;
/** Larger crops are reduced to so many rows first. */
const MOST_ROWS = 96;
/** A longer line is squeezed. */
export const MOST_COLUMNS = 2048;
/** Rows at the upper and lower edge with less than this part of all ink are tips of strokes, or dirt: no part of the height. */
const TIPS = 0.006;
/** What is paler than this part of the darkest ink says nothing of where a line ends. */
const EDGE = 0.35;
/** What is lower than this, in widths of its strokes, is no digit: a minus, a point. */
const FLAT = 1.8;
/** Strokes of these become so wide at most, in pixels of the sample: a minus alone is not as high as a digit. */
const WIDEST_STROKE = 4.2;
/** Thinner ones are thickened first: they would vanish where much is reduced. */
const THINNEST_STROKE = 1.8;

/** @returns an empty line where there is no ink. @throws DataError when bytes do not fit the size */
export function lineOf(p: LineFrame, picture: Picture): Line {
  checkPicture(picture);
  const reduction = Math.min(1, MOST_ROWS / picture.height);
  const height = Math.max(1, Math.round(picture.height * reduction));
  const width = Math.max(1, Math.round(picture.width * reduction));
  let gray = toGray(picture, "auto");
  if (reduction < 1) gray = resize(gray, picture.height, picture.width, 1, height, width);
  const page = pageOf(gray, width, height, EVEN);
  const { data, threshold } = findInk(page, p.polarity === "auto" ? findInkSide(page) : p.polarity);
  const darkest = inkLevel(data, threshold);
  const found = darkest < LEAST_CONTRAST ? undefined : extentOf(data, width, height, EDGE * darkest);
  if (found === undefined) {
    const columns = p.before + p.after;
    return { pixels: new Uint8Array(columns * p.height), columns, left: 0, scale: 1 / reduction };
  }

  const { top, bottom, left, right, stroke } = found;
  const isFlat = bottom - top + 1 < FLAT * stroke;
  const scale = Math.min(
    p.ink / (bottom - top + 1),
    isFlat ? WIDEST_STROKE / stroke : Number.POSITIVE_INFINITY,
    (MOST_COLUMNS - p.before - p.after) / (right - left + 1),
  );
  const thicker = Math.max(0, Math.round((THINNEST_STROKE / scale - stroke) / 2));
  const ink = thicker === 0 ? data : largestAround(data, width, height, thicker);
  // The whole sample as a rectangle of the picture: its middle is that of the ink, its left edge lies before it.
  const rows = Math.max(1, Math.round(p.height / scale));
  const firstRow = Math.round((top + bottom + 1) / 2 - rows / 2);
  const columns = Math.max(1, Math.round((right - left + 1) * scale));
  const small = resize(
    cut(ink, width, height, { left, top: firstRow, width: right - left + 1, height: rows }),
    rows,
    right - left + 1,
    1,
    p.height,
    columns,
  );
  const gain = 255 / Math.max(1, inkLevel(small));
  const all = p.before + columns + p.after;
  const pixels = new Uint8Array(all * p.height);
  for (let y = 0, i = 0; y < p.height; y++) {
    for (let x = 0; x < columns; x++, i++) {
      pixels[(p.before + x) * p.height + y] = Math.min(255, Math.round(small[i] * gain));
    }
  }
  const step = (right - left + 1) / columns / reduction;
  return { pixels, columns: all, left: left / reduction - p.before * step, scale: step };
}

interface Extent {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  /** Mean width of the strokes. */
  readonly stroke: number;
}

/** Where the ink lies, and how wide its strokes are: twice their area by the length of their outline. */
function extentOf(data: Float32Array, width: number, height: number, level: number): Extent | undefined {
  const rows = new Float64Array(height);
  let [left, right, area, outline, sum] = [width, -1, 0, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!(data[i] > level)) continue;
      rows[y] += data[i];
      sum += data[i];
      area++;
      if (x < left) left = x;
      if (x > right) right = x;
      if (x === 0 || !(data[i - 1] > level)) outline++;
      if (x === width - 1 || !(data[i + 1] > level)) outline++;
      if (y === 0 || !(data[i - width] > level)) outline++;
      if (y === height - 1 || !(data[i + width] > level)) outline++;
    }
  }
  if (area === 0) return undefined;
  let top = 0;
  for (let seen = rows[0]; seen <= TIPS * sum; seen += rows[top]) top++;
  let bottom = height - 1;
  for (let seen = rows[bottom]; seen <= TIPS * sum; seen += rows[bottom]) bottom--;
  return { top, bottom, left, right, stroke: (2 * area) / Math.max(1, outline) };
}

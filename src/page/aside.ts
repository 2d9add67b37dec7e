/**
 * What lies beside the sheet: a table, the dark edge of a scan. Its grain looks like faint writing, and along the sheet's edge it is as
 * dark against the paper as ink. Told by light and by ink: it is clearly darker than the sheet, reaches the border of the picture,
 * and has next to no dark ink of its own, which a part of the sheet in the shade has.
 */
import { largestAround } from "../picture/ground.ts";
import { type Gray, shrinkToGray } from "./gray.ts";

/** The picture is looked at in squares; so many along its longer side. */
const SQUARES = 96;
/** The sheet is so many times as bright as what lies beside it, in the mean. */
const BRIGHTER = 1.4;
/** Squares within so many of the sheet are its edge. */
const EDGE = 2;
/** Dark ink is darker than this part of the usual ink; beside the sheet there is less than this part of what is on it. */
const DARK = 0.6;
const LEAST_INK = 0.1;

/** What a square is, where it is no sheet. */
const BESIDE = 1;
const EDGES = 2;

/**
 * Takes the ink that lies beside the sheet out of a mask.
 * @param darkness of each pixel against what is around it  @param level the usual darkness of ink
 */
export function dropAside(gray: Gray, darkness: Uint8Array, mask: Uint8Array, level: number): void {
  const { width, height } = gray;
  const size = Math.max(1, Math.ceil(Math.max(width, height) / SQUARES));
  const [columns, rows] = [Math.floor(width / size), Math.floor(height / size)];
  if (Math.min(columns, rows) < 2 * EDGE + 2) return;
  const light = shrinkToGray({ ...gray, channels: 1 }, columns, rows);
  // What is narrower than three squares is filled: print does not make a sheet dark.
  const bright = closed(Float32Array.from(light), columns, rows);
  const limit = limitBetween(bright);
  if (limit === undefined) return;
  const squareOf = (x: number, y: number): number =>
    Math.min(rows - 1, Math.floor((y * rows) / height)) * columns +
    Math.min(columns - 1, Math.floor((x * columns) / width));
  const inked = new Float32Array(columns * rows);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) if (mask[i] === 1 && darkness[i] > DARK * level) inked[squareOf(x, y)]++;
  }
  const isSheet = Uint8Array.from(bright, (value) => (value > limit ? 1 : 0));
  const nearSheet = largestAround(Float32Array.from(isSheet), columns, rows, EDGE);
  let [sheet, sheetInk] = [0, 0];
  for (let k = 0; k < isSheet.length; k++) {
    if (isSheet[k] === 0) continue;
    sheet++;
    sheetInk += inked[k];
  }
  const usual = sheetInk / Math.max(1, sheet);
  const aside = new Uint8Array(columns * rows);
  for (const part of partsOf(isSheet, columns, rows)) {
    const inner = part.filter((k) => nearSheet[k] === 0);
    const ink = inner.reduce((sum, k) => sum + inked[k], 0);
    if (ink < LEAST_INK * usual * Math.max(1, inner.length))
      for (const k of part) aside[k] = nearSheet[k] === 0 ? BESIDE : EDGES;
  }
  if (!aside.includes(1) && !aside.includes(2)) return;
  const near = largestAround(Float32Array.from(aside), columns, rows, 1);
  const dropped = new Uint8Array(mask.length);
  const drop = (i: number): void => {
    mask[i] = 0;
    dropped[i] = 1;
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (mask[i] === 0) continue;
      const square = squareOf(x, y);
      if (aside[square] === EDGES || (aside[square] === BESIDE && darkness[i] <= DARK * level)) drop(i);
      // The sheet's edge runs through squares: what hangs together with what was dropped before is of it.
      else if (near[square] === EDGES && (dropped[i - 1] === 1 || dropped[i - width] === 1)) drop(i);
    }
  }
  for (let y = height - 1, i = mask.length - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--, i--) {
      if (mask[i] === 0 || (dropped[i + 1] !== 1 && dropped[i + width] !== 1)) continue;
      if (near[squareOf(x, y)] === EDGES) drop(i);
    }
  }
}

/** The largest, then the smallest value in the nine squares around each. */
function closed(values: Float32Array, columns: number, rows: number): Float32Array {
  const largest = largestAround(values, columns, rows, 1).map((value) => -value);
  return largestAround(largest, columns, rows, 1).map((value) => -value);
}

/** The brightness that divides squares best (Otsu 1979); undefined where they are all of about one brightness. */
function limitBetween(values: Float32Array): number | undefined {
  const counts = new Int32Array(256);
  let total = 0;
  for (const value of values) {
    counts[Math.round(value)]++;
    total += value;
  }
  let [below, sum, best, limit] = [0, 0, 0, 0];
  let ratio = 1;
  for (let value = 0; value < 255; value++) {
    below += counts[value];
    sum += counts[value] * value;
    const above = values.length - below;
    if (below === 0 || above === 0) continue;
    const [dark, light] = [sum / below, (total - sum) / above];
    const between = below * above * (light - dark) ** 2;
    if (between <= best) continue;
    best = between;
    limit = value;
    ratio = light / Math.max(1, dark);
  }
  return ratio >= BRIGHTER ? limit : undefined;
}

/** The squares that are no sheet and hang together with the border of the picture, by their sides. */
function partsOf(isSheet: Uint8Array, columns: number, rows: number): number[][] {
  const seen = isSheet.slice();
  const parts: number[][] = [];
  for (let start = 0; start < seen.length; start++) {
    const [x, y] = [start % columns, Math.floor(start / columns)];
    const isBorder = x === 0 || y === 0 || x === columns - 1 || y === rows - 1;
    if (!isBorder || seen[start] === 1) continue;
    const part = [start];
    seen[start] = 1;
    for (const at of part) {
      const column = at % columns;
      for (const [next, isInside] of [
        [at - 1, column > 0],
        [at + 1, column < columns - 1],
        [at - columns, at >= columns],
        [at + columns, at + columns < seen.length],
      ] as const) {
        if (!isInside || seen[next] === 1) continue;
        seen[next] = 1;
        part.push(next);
      }
    }
    parts.push(part);
  }
  return parts;
}

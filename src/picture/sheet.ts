/**
 * Finds a sheet of paper that does not fill its photograph: what lies around it, a desk say, is no ground of the character
 * and has edges of its own. Part of ink.ts's step of the preprocessing.
 */
import { type Coarse, largestAround, smallestAround } from "./ground.ts";
import { boxOf, regionsOf } from "./regions.ts";

/** Lines and strokes up to 2·2 + 1 of the coarse pixels are filled before regions are told apart. */
const STROKE_RADIUS = 2;
/** Neighbors that differ less than this part are of one region: light may fall unevenly. Tried one after the other. */
const SMOOTH = [0.06, 0.03];
/** A sheet covers at least this part of the picture, … */
const LEAST_AREA = 0.2;
/** … and each region of it at least this part, as the edge of a shadow may divide it, … */
const LEAST_REGION = 0.03;
/** … and so many times the part that it covers of the border: what lies in the light beside a shadow covers less; */
const AREA_TO_BORDER = 2;
/** it is brighter than what lies around it by this factor; */
const BRIGHTER = 1.15;
/** it fills this part of its box, as broad strokes do not, */
const SOLID = 0.65;
/** and at most this part of it is ink, or else it is a broad stroke around a loop; */
const MOST_INK = 0.3;
/** but some is: at least this part, darker than this part of the sheet's brightness. */
const LEAST_INK = 0.002;
const FAINT_INK = 0.88;
/** Broad strokes and strips of desk are darker than this part of it. */
const BROAD_INK = 0.6;

/**
 * The sheet, where there is one.
 * @param small a coarse copy of the picture
 * @returns of the same size, 1 where the sheet is and 0 elsewhere
 */
export function findSheet(small: Coarse): Coarse | undefined {
  const { data, width, height } = small;
  const closed = smallestAround(largestAround(data, width, height, STROKE_RADIUS), width, height, STROKE_RADIUS);
  for (const smooth of SMOOTH) {
    const sheet = brightRegions({ ...small, data: closed }, smooth);
    if (sheet.length < LEAST_AREA * width * height) continue;
    const mask = withHoles(sheet, small, closed);
    if (isSolid(mask, width) && isWrittenOn(mask, sheet, data, closed))
      return { ...small, data: smallestAround(mask, width, height, 1) };
  }
  return undefined;
}

/** The pixels of all smooth regions that lie more inside the picture than at its border, and are brighter than the others. */
function brightRegions({ data, width, height }: Coarse, smooth: number): number[] {
  const areAlike = (from: number, to: number): boolean =>
    Math.abs(data[from] - data[to]) <= smooth * Math.max(data[from], data[to]);
  const mean = (pixels: readonly number[]): number =>
    pixels.reduce((sum, at) => sum + data[at], 0) / Math.max(1, pixels.length);
  const regions = regionsOf(width, height, "sides", areAlike);
  const isInside = regions.map((region) => {
    const border = region.filter((at) => isBorder(at, width, height)).length / (2 * (width + height));
    return region.length >= Math.max(LEAST_REGION, AREA_TO_BORDER * border) * width * height;
  });
  const desk = mean(regions.filter((_, k) => !isInside[k]).flat());
  return regions.filter((region, k) => isInside[k] && mean(region) >= BRIGHTER * desk).flat();
}

/**
 * 1 on the sheet and on whatever it surrounds: broad strokes, and the paper inside their loops. A strip of desk at the border that
 * was filled like a stroke is none of it.
 */
function withHoles(sheet: readonly number[], { data, width, height }: Coarse, closed: Float32Array): Float32Array {
  const isPaper = setOf(sheet, width * height);
  for (const at of sheet) {
    const mayBeFilled = distanceToBorder(at, width, height) < 2 * STROKE_RADIUS;
    if (mayBeFilled && data[at] < BROAD_INK * closed[at]) isPaper[at] = 0;
  }
  const mask = new Float32Array(width * height).fill(1);
  for (const region of regionsOf(width, height, "sides", (_, to) => isPaper[to] === 0)) {
    if (region.some((at) => isBorder(at, width, height))) for (const at of region) mask[at] = 0;
  }
  return mask;
}

function isSolid(mask: Float32Array, width: number): boolean {
  const on = [...mask.keys()].filter((at) => mask[at] === 1);
  const { left, top, right, bottom } = boxOf(on, width);
  return on.length >= SOLID * (right - left) * (bottom - top);
}

/** Whether there is some ink on the sheet, but not too much. */
function isWrittenOn(mask: Float32Array, sheet: readonly number[], data: Float32Array, closed: Float32Array): boolean {
  const paper = sheet.reduce((sum, at) => sum + closed[at], 0) / sheet.length;
  const isSheet = setOf(sheet, mask.length);
  let [area, ink] = [0, 0];
  for (const [at, value] of data.entries()) {
    if (mask[at] === 0) continue;
    area++;
    // A broad stroke is no part of the smooth regions; it may have soft edges.
    if (value < (isSheet[at] === 1 ? FAINT_INK * closed[at] : BROAD_INK * paper)) ink++;
  }
  return ink >= LEAST_INK * area && ink <= MOST_INK * area;
}

function setOf(pixels: readonly number[], size: number): Uint8Array {
  const set = new Uint8Array(size);
  for (const at of pixels) set[at] = 1;
  return set;
}

const isBorder = (at: number, width: number, height: number): boolean => distanceToBorder(at, width, height) === 0;

function distanceToBorder(at: number, width: number, height: number): number {
  const x = at % width;
  const y = (at - x) / width;
  return Math.min(x, y, width - 1 - x, height - 1 - y);
}

/**
 * Finds the ink in a picture: which side of the ground it is on, how bright the ground is (it may be shaded, as in a
 * scan or a photograph), and where the ink is. Second step of the preprocessing, between gray values and the model's
 * input; the thresholds come from the picture's own noise, so that a clean 28×28 picture passes untouched.
 */

import { keepCharacter, type Piece } from "./character.ts";
import { cut } from "./cut.ts";
import { borderOf, type Coarse, groundOf, isShaded, median, shrink, withoutShades } from "./ground.ts";
import { type Box, boxOf } from "./regions.ts";
import { resize } from "./resize.ts";
import { isScan, isSmallScan, SCAN_SIDE } from "./scan-size.ts";
import { findSheet } from "./sheet.ts";

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

/** In a small scan, what has this part of the largest difference is ink. */
const CERTAIN_INK = 0.35;
const NOISE_SIGMAS = 4;
/** In a scan, what is fainter than this part of the darkest ink is shadow, show-through or JPEG ringing. */
const FAINTEST_INK = 0.15;
/** In a small picture, what differs less than this is one ground. */
const EVEN_GROUND = 16;
/** Paper is taken to be at least so bright, of 255, where it is shaded. */
const DARKEST_PAPER = 32;
/** The least difference of ink and ground, of 255, that is taken for ink. */
export const LEAST_CONTRAST = 12;

/** A gray picture and, where it may be a scan, what is known of it before its ink: a coarse copy, and its sheet if that does not fill it. */
export interface Page extends Coarse {
  readonly small?: Coarse | undefined;
  readonly sheet?: Coarse | undefined;
}

/** @param scanSide from which side on it may be a scan; default: that of pictures of one character */
export function pageOf(gray: Float32Array, width: number, height: number, scanSide = SCAN_SIDE): Page {
  const page = { data: gray, width, height };
  if (Math.min(width, height) < scanSide) return page;
  const small = shrink(page);
  return { ...page, small, sheet: isSmallScan(width, height) ? undefined : findSheet(small) };
}

/**
 * The side of the ground on which the ink is. The ground is what the border shows or, where that is shaded, what lies around
 * each pixel; ink differs from it more than noise does, hence the cubes. On a sheet that does not fill its picture it is dark.
 */
export function findInkSide({ data: gray, width, height, small, sheet }: Page): InkSide {
  if (sheet !== undefined) return "dark-on-light";
  if (small === undefined) return sideOf(gray, median(borderOf(gray, width, height)));
  if (!isSmallScan(width, height)) return sideOfScan(small);
  const inside = inner(small);
  const usual = median(small.data.slice());
  const [border, within] = [small, inside].map((each) => median(borderOf(each.data, each.width, each.height)));
  // Where a line of the paper runs along the border, most of the picture looks like what lies a little inside of it.
  return sideOfScan(Math.abs(within - usual) < Math.abs(border - usual) ? inside : small);
}

function sideOfScan(small: Coarse): InkSide {
  if (isShaded(small)) return sideOf(withoutShades(small), 0);
  return sideOf(small.data, median(borderOf(small.data, small.width, small.height)));
}

/** By what differs from the ground. A picture that is all ground is blank; either answer will do. */
function sideOf(data: Float32Array, ground: number): InkSide {
  let balance = 0;
  for (const value of data) balance += (value - ground) ** 3;
  return balance > 0 ? "light-on-dark" : "dark-on-light";
}

/** A picture without its margins. */
function inner({ data, width, height }: Coarse): Coarse {
  const margin = Math.floor(INSIDE * Math.min(width, height));
  const size = { width: width - 2 * margin, height: height - 2 * margin };
  return { ...size, data: cut(data, width, height, { left: margin, top: margin, ...size }) };
}

/** Lines along the border of a picture lie within this part of its shorter side. */
const INSIDE = 0.22;

/** Takes the ground away from a picture whose ink is on a known side. */
export function findInk(page: Page, side: InkSide): Ink {
  const { width, height, small } = page;
  const { data, sheet } =
    small === undefined ? { data: fromBorder(page, side), sheet: undefined } : fromGround(page, small, side);
  const spread = NOISE_SIGMAS * groundNoise(sheet === undefined ? data : data.filter((_, i) => sheet[i] > 0.5));
  // Blurred lines may cover more of a small scan than even ground does.
  const noise =
    small !== undefined && isSmallScan(width, height) ? Math.min(spread, CERTAIN_INK * largestOf(data)) : spread;
  const darkest = inkLevel(data, noise);
  const threshold = small === undefined ? noise : Math.max(noise, FAINTEST_INK * darkest);
  for (let i = 0; i < data.length; i++) if (data[i] <= threshold) data[i] = 0;
  return { width, height, data, threshold };
}

const largestOf = (data: Float32Array): number => data.reduce((most, value) => Math.max(most, value), 0);

/** The differences of a small picture, every pixel of which counts. */
function fromBorder({ data: gray, width, height }: Page, side: InkSide): Float32Array {
  const sign = side === "light-on-dark" ? 1 : -1;
  const ground = croppedGround(gray, width, height, sign);
  return gray.map((value) => sign * (value - ground));
}

/**
 * The differences of a scan, as if light fell evenly on it: a shadow dims paper and ink, and so their difference, by one factor.
 * @returns them, none beside a sheet that does not fill the picture, and where such a sheet is: more than ½ on it
 */
function fromGround(
  { data: gray, width, height, sheet: found }: Page,
  small: Coarse,
  side: InkSide,
): { readonly data: Float32Array; readonly sheet: Float32Array | undefined } {
  const enlarged = (coarse: Coarse): Float32Array => resize(coarse.data, coarse.height, coarse.width, 1, height, width);
  const coarse = groundOf(small, side);
  const ground = enlarged(coarse);
  const isDark = side === "dark-on-light";
  const paper = median(coarse.data.slice());
  const difference = ground.map((level, i) =>
    isDark ? ((level - gray[i]) * paper) / Math.max(level, DARKEST_PAPER) : gray[i] - level,
  );
  // The brightest of noisy paper is brighter than paper is.
  const step = Math.max(1, Math.floor(difference.length / 20_000));
  const bias = median(difference.filter((_, i) => i % step === 0));
  const sheet = isDark && found !== undefined ? enlarged(found) : undefined;
  return { data: difference.map((value, i) => (sheet !== undefined && sheet[i] <= 0.5 ? 0 : value - bias)), sheet };
}

/** A character in its picture. */
export interface Character {
  /** The smallest box around its ink. */
  readonly box: Box;
  /** The difference of solid ink. */
  readonly darkest: number;
  /** All that is written, whole characters beside this one included; undefined in a small picture, where that is all its ink. */
  readonly written: readonly Piece[] | undefined;
}

/** The character in the ink; undefined where there is none. What is not of it, in a scan, is also erased from `ink.data`. */
export function cropToInk(ink: Ink): Character | undefined {
  const { width, height, data, threshold } = ink;
  const darkest = inkLevel(data, threshold);
  if (darkest < LEAST_CONTRAST) return undefined;
  const isSmall = !isScan(width, height);
  const written = isSmall ? undefined : keepCharacter(ink, darkest);
  if (!isSmall && written === undefined) return undefined;
  const inked: number[] = [];
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) inked.push(i);
  return inked.length > 0 ? { box: boxOf(inked, width), darkest, written } : undefined;
}

/** The difference that solid ink has: the ninth decile of everything above half of the largest, or 0 without ink. */
export function inkLevel(data: Float32Array, threshold = 0): number {
  let largest = 0;
  for (const value of data) if (value > largest) largest = value;
  if (largest <= threshold) return 0;
  const solid = data.filter((value) => value > largest / 2 && value > threshold).sort();
  return solid[Math.floor(0.9 * (solid.length - 1))];
}

/**
 * The ground of a small picture, which may be cropped so tightly (USPS) that ink covers most of its border: where the
 * border is not even, its outermost decile on the side where no ink is.
 */
function croppedGround(gray: Float32Array, width: number, height: number, sign: number): number {
  const border = borderOf(gray, width, height);
  const middle = median(border);
  const decile = border[Math.round((sign > 0 ? 0.1 : 0.9) * (border.length - 1))];
  return Math.abs(middle - decile) > EVEN_GROUND ? decile : middle;
}

/** Standard deviation of the ground, from the side of it where no ink is (median of absolute values, scaled). */
function groundNoise(difference: Float32Array): number {
  const step = Math.max(1, Math.floor(difference.length / 20_000));
  const below: number[] = [];
  for (let i = 0; i < difference.length; i += step) if (difference[i] <= 0) below.push(-difference[i]);
  return 1.4826 * median(below);
}

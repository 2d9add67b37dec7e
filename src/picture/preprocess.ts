/**
 * From a picture of any size and polarity to a model's input. What is done is data (preprocessing.ts); the code is the same
 * in Node and the browser, so a model sees a drawing on a web page as it saw its training set. "ink" repeats what the
 * authors of MNIST did: crop, scale the longer side to 20 pixels keeping the aspect, place the center of mass in the center
 * of 28×28.
 */
import { DataError } from "../engine/errors.ts";
import { piecesOf, strokeWidth } from "./character.ts";
import { countCharacters } from "./characters.ts";
import { type Coarse, largestAround } from "./ground.ts";
import { type Character, cropToInk, findInk, findInkSide, type Ink, type InkSide, inkLevel, pageOf } from "./ink.ts";
import { checkPicture, flattenAlpha, type Picture, toGray } from "./picture.ts";
import type { InkPreprocessing, Preprocessing, ResizePreprocessing } from "./preprocessing.ts";
import { resize } from "./resize.ts";

/**
 * Turns a picture into bytes [height, width, channels] as a model expects them (before its normalization).
 * @throws DataError when the picture is blank ("ink" without `keepBlank` only) or its bytes do not fit its size
 */
export function applyPreprocessing(preprocessing: Preprocessing, picture: Picture): Uint8Array {
  checkPicture(picture);
  return preprocessing.kind === "ink"
    ? frame(preprocessing, findCharacter(preprocessing, picture))
    : applyResize(preprocessing, picture);
}

/** A picture as a model gets it, and how many characters it shows. */
export interface Examined {
  /** What {@link applyPreprocessing} gives. */
  readonly pixels: Uint8Array;
  /** 0 for a blank picture that may be one; always 1 where the model reads no characters. */
  readonly characters: number;
}

/**
 * {@link applyPreprocessing}, and a look at what else is written in the picture.
 * @param classes names of what the model tells apart
 * @throws DataError as that does
 */
export function examinePicture(preprocessing: Preprocessing, picture: Picture, classes: readonly string[]): Examined {
  checkPicture(picture);
  if (preprocessing.kind !== "ink") return { pixels: applyResize(preprocessing, picture), characters: 1 };
  const found = findCharacter(preprocessing, picture);
  const characters = found === undefined ? 0 : countCharacters(writtenIn(found), found.darkest, classes);
  return { pixels: frame(preprocessing, found), characters };
}

/** {@link applyPreprocessing}, with the name of the picture in front of what goes wrong. */
export function preprocessSample(preprocessing: Preprocessing, picture: Picture, name: string): Uint8Array {
  try {
    return applyPreprocessing(preprocessing, picture);
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Whether a picture shows light ink on a dark ground or the reverse. */
export function detectPolarity(picture: Picture): InkSide {
  return findInkSide(pageOf(toGray(picture, "auto"), picture.width, picture.height));
}

/** Photographs are first reduced to this: more says nothing about a letter of 20 pixels. */
const LONGEST_SIDE = 512;
/** Ink fainter than this, of 255, is made stronger; nearly all of MNIST lies above. */
const FULL_INK = 252;

const GROUNDS = { auto: "auto", "light-on-dark": "black", "dark-on-light": "white" } as const;

/** The character of a picture, and its ink before anything else was erased from it. */
interface Found extends Character {
  readonly ink: Ink;
  readonly all: Float32Array;
}

/** @returns undefined for a blank picture that may be one. @throws DataError for another blank one */
function findCharacter(p: InkPreprocessing, picture: Picture): Found | undefined {
  let { width, height } = picture;
  let gray = toGray(picture, GROUNDS[p.polarity]);
  const reduction = LONGEST_SIDE / Math.max(width, height);
  if (reduction < 1) {
    const [toHeight, toWidth] = [scaled(height, reduction), scaled(width, reduction)];
    gray = resize(gray, height, width, 1, toHeight, toWidth);
    [height, width] = [toHeight, toWidth];
  }

  const page = pageOf(gray, width, height);
  const side = p.polarity === "auto" ? findInkSide(page) : p.polarity;
  const other: InkSide = side === "dark-on-light" ? "light-on-dark" : "dark-on-light";
  for (const each of p.polarity === "auto" ? [side, other] : [side]) {
    const ink = findInk(page, each);
    const all = ink.data.slice();
    const character = cropToInk(ink);
    if (character !== undefined) return { ...character, ink, all };
  }
  if (p.keepBlank === true) return undefined;
  throw new DataError(`the picture is blank: no ink found in ${picture.width}×${picture.height} pixels`);
}

/** The ink of all that is written in a picture: no dust, no lines, nothing that the border cuts off. */
function writtenIn({ ink: { width, height }, all, written }: Found): Coarse {
  if (written === undefined) return { data: all, width, height };
  const data = new Float32Array(all.length);
  for (const { pixels } of written) for (const at of pixels) data[at] = all[at];
  return { data, width, height };
}

/** The character alone, at its place in the model's input. */
function frame(p: InkPreprocessing, found: Found | undefined): Uint8Array {
  if (found === undefined) return new Uint8Array(p.height * p.width);
  const { ink, box } = found;
  const { width } = ink;
  let cropWidth = box.right - box.left;
  let cropHeight = box.bottom - box.top;
  let crop = copyBox(ink.data, width, box.left, box.top, cropWidth, cropHeight, 0);
  const radius = missingRadius(p, crop, cropWidth, cropHeight);
  if (radius > 0) {
    crop = copyBox(ink.data, width, box.left, box.top, cropWidth, cropHeight, radius);
    cropWidth += 2 * radius;
    cropHeight += 2 * radius;
    crop = largestAround(crop, cropWidth, cropHeight, radius);
  }

  const scale = p.box / Math.max(cropWidth, cropHeight);
  const [smallHeight, smallWidth] = [scaled(cropHeight, scale), scaled(cropWidth, scale)];
  const small = resize(crop, cropHeight, cropWidth, 1, smallHeight, smallWidth);
  const gain = Math.max(1, FULL_INK / inkLevel(small));

  const top = offset(p, small, smallHeight, p.height, (i) => Math.floor(i / smallWidth));
  const left = offset(p, small, smallWidth, p.width, (i) => i % smallWidth);
  const out = new Uint8Array(p.height * p.width);
  for (let y = 0, i = 0; y < smallHeight; y++) {
    for (let x = 0; x < smallWidth; x++, i++) {
      out[(top + y) * p.width + left + x] = Math.min(255, Math.round(small[i] * gain));
    }
  }
  return out;
}

function scaled(size: number, scale: number): number {
  return Math.max(1, Math.round(size * scale));
}

/** By how many pixels of the picture its strokes must grow to keep their least width in the model's input. */
function missingRadius(p: InkPreprocessing, crop: Float32Array, width: number, height: number): number {
  const scale = p.box / Math.max(width, height);
  if (scale >= 0.5) return 0;
  const strokes = piecesOf({ data: crop, width, height }, inkLevel(crop) / 2);
  // Nothing that can be read is wider than half of its box.
  const missing = Math.min(p.minStroke, p.box / 2) / scale - strokeWidth(strokes);
  return Math.max(0, Math.round(missing / 2));
}

/** Copies a box out of a picture, with an empty margin around it. */
function copyBox(
  data: Float32Array,
  stride: number,
  left: number,
  top: number,
  width: number,
  height: number,
  margin: number,
): Float32Array {
  const wide = width + 2 * margin;
  const copy = new Float32Array(wide * (height + 2 * margin));
  for (let y = 0; y < height; y++) {
    const from = (top + y) * stride + left;
    copy.set(data.subarray(from, from + width), (y + margin) * wide + margin);
  }
  return copy;
}

/** Where the ink starts along one axis. Whole pixels, as in MNIST: a shift by a fraction would blur. */
function offset(
  p: InkPreprocessing,
  small: Float32Array,
  size: number,
  room: number,
  at: (index: number) => number,
): number {
  if (p.centre === "box") return Math.floor((room - size) / 2);
  let mass = 0;
  let moment = 0;
  for (let i = 0; i < small.length; i++) {
    mass += small[i];
    moment += small[i] * at(i);
  }
  // In MNIST the center of mass lies within half a pixel of pixel 14 (counted from 0) of 28.
  const wanted = Math.round(Math.floor(room / 2) - moment / mass);
  return Math.max(0, Math.min(room - size, wanted));
}

function applyResize(p: ResizePreprocessing, picture: Picture): Uint8Array {
  const flat = flattenAlpha(picture, p.invert ? "white" : "auto");
  const { width, height } = picture;
  const isGray = p.channels === 1;
  const source = isGray ? toGray(flat, "auto") : flat.data;
  const from = isGray ? 1 : flat.channels;
  const small = resize(source, height, width, from, p.height, p.width);
  const out = new Uint8Array(p.height * p.width * p.channels);
  for (let i = 0; i < out.length; i++) {
    // A gray picture gives all three channels the same value.
    const value = Math.round(small[from === p.channels ? i : Math.floor(i / p.channels)]);
    out[i] = p.invert ? 255 - value : value;
  }
  return out;
}

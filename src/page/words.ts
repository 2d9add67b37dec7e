/**
 * Which parts of the rows of a page are words, by the heights of their letters. Small letters are of one height, clearly lower than
 * capitals, and stand on one line; digits are all about as high as one another. Print comes in the same sizes again:
 * two words with several small letters of one size are print, and what is short beside them and of their heights is, too.
 */
import type { Piece } from "./pieces.ts";
import { heightOf, middle, placeOf } from "./rows.ts";

/** Small letters are so many times as high as the highest of their word, differ by no more than this part, and are at least so many. */
const SMALL = { least: 0.5, clearly: 0.55, most: 0.8, spread: 0.14, letters: 3 };
/** Small letters are at least this part of a word; so many of them are alike. */
const WORD = 0.4;
const ALIKE = 0.8;
/** Of what is higher than small letters, this part stands as letters do. */
const FITS = 0.7;
/** Of one height are those that differ by this part, or by less than so many pixels. */
const SAME = { part: 0.1, pixels: 1.2 };
/** Words by others are looked at so many small letters around these; nothing in them is so many times as high as a capital. */
const AROUND = 40;
const HIGHEST = 1.45;
/** Of its letters at most this part is as high as neither small letters nor capitals: "t", and what goes below the line. */
const OTHERS = 0.34;

/** How high print is: its small letters and its capitals. */
interface Print {
  readonly x: number;
  readonly y: number;
  readonly small: number;
  readonly capital: number;
}

/** A row, divided into parts. */
export interface DividedRow {
  readonly slope: number;
  readonly numbers: readonly (readonly Piece[])[];
}

/** The parts that are words. */
export function wordsAmong(rows: readonly DividedRow[]): Set<readonly Piece[]> {
  const candidates = rows.flatMap(({ slope, numbers }) =>
    numbers.flatMap((number) => {
      const size = sizeOfWord(number, slope);
      return size === undefined ? [] : [{ number, size }];
    }),
  );
  // Print comes in the same size again; a hand that makes some digits higher than others does not.
  const sure = candidates.filter(({ size }) =>
    candidates.some((other) => other.size !== size && isSamePrint(other.size, size)),
  );
  const words = new Set(sure.map(({ number }) => number));
  for (const { slope, numbers } of rows) {
    const least = numbers.some((number) => words.has(number)) ? 1 : 2;
    for (const number of numbers) {
      if (words.has(number)) continue;
      const { x, y } = placeOfPart(number);
      const isPrint = sure.some(
        ({ size }) =>
          Math.hypot(size.x - x, size.y - y) <= AROUND * size.small && isPrinted(number, slope, size, least),
      );
      if (isPrint) words.add(number);
    }
  }
  return words;
}

const placeOfPart = ([first]: readonly Piece[]) => ({ x: first.left, y: first.bottom });

const isSamePrint = (a: Print, b: Print): boolean =>
  isSame(a.small, b.small, b.small) && isSame(a.capital, b.capital, b.capital);

const isSame = (a: number, b: number, height: number): boolean =>
  Math.abs(a - b) <= Math.max(SAME.pixels, SAME.part * height);

/** The heights of a word's letters, if it shows by itself that it is one. */
function sizeOfWord(pieces: readonly Piece[], slope: number): Print | undefined {
  const highest = Math.max(...pieces.map(heightOf));
  const small = pieces.filter((piece) => {
    const part = heightOf(piece) / highest;
    return part >= SMALL.least && part <= SMALL.most;
  });
  if (small.length < Math.max(SMALL.letters, WORD * pieces.length)) return undefined;
  const height = middle(small.map(heightOf));
  const places = new Map(pieces.map((piece) => [piece, placeOf(piece, slope)]));
  const topOf = (piece: Piece): number => places.get(piece)?.top ?? 0;
  const bottomOf = (piece: Piece): number => places.get(piece)?.bottom ?? 0;
  const line = middle(small.map(bottomOf));
  const loose = small.filter(
    (piece) =>
      Math.abs(heightOf(piece) - height) <= SMALL.spread * height &&
      Math.abs(bottomOf(piece) - line) <= SMALL.spread * height,
  );
  const strict = small.filter(
    (piece) => isSame(heightOf(piece), height, height) && isSame(bottomOf(piece), line, height),
  );
  // What is higher stands on the line, or hangs from where small letters end; slashes do neither.
  const higher = pieces.filter((piece) => heightOf(piece) > 1.15 * height);
  const fits = higher.filter(
    (piece) => isSame(bottomOf(piece), line, height) || isSame(topOf(piece), line - height, height),
  );
  const alike = Math.max(loose.length * (height >= SMALL.clearly * highest ? 1 : 0), strict.length);
  if (alike < Math.max(SMALL.letters, ALIKE * small.length) || fits.length < FITS * higher.length) return undefined;
  const capitals = higher.length > 0 ? higher : pieces;
  return { ...placeOfPart(pieces), small: height, capital: middle(capitals.map(heightOf)) };
}

/** Whether all letters have heights of this print, and at least some that digits do not have. @param least so many small ones */
function isPrinted(pieces: readonly Piece[], slope: number, { small, capital }: Print, least: number): boolean {
  if (pieces.some((piece) => heightOf(piece) > HIGHEST * capital)) return false;
  const others = pieces.filter((piece) => ![small, capital].some((height) => isSame(heightOf(piece), height, height)));
  if (others.length > OTHERS * pieces.length) return false;
  const letters = pieces.filter((piece) => isSame(heightOf(piece), small, small));
  if (letters.length < Math.max(least, WORD * pieces.length)) return false;
  const line = middle(letters.map((piece) => placeOf(piece, slope).bottom));
  return letters.every((piece) => isSame(placeOf(piece, slope).bottom, line, small));
}

/**
 * The text forms in which two of the known data sets are published, turned into bytes 0 … 255 with light ink on a dark
 * ground. Both hold one picture per line.
 */
import { DataError } from "../../engine/errors.ts";

/** One split of a data set. */
export interface TextSet {
  readonly height: number;
  readonly width: number;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/**
 * UCI optdigits (`optdigits.tra`, `optdigits.tes`): 64 counts 0 … 16 of dark pixels in 4×4 blocks, then the class.
 * A count v becomes round(v · 255 / 16).
 * @throws DataError naming the line that is not so
 */
export function parseOptdigits(text: string, name: string): TextSet {
  return parseLines(text, name, 8, ",", (fields) => ({
    label: fields[64],
    pixels: fields
      .slice(0, 64)
      .map((v) => (v >= 0 && v <= 16 && Number.isInteger(v) ? Math.round((v * 255) / 16) : -1)),
  }));
}

/**
 * The "zip code" data of Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (`zip.train`,
 * `zip.test`): the class, then 256 values −1 … 1 in steps of 0.001. A value v becomes (v + 1) / 2 · 255, rounded half to
 * even.
 * @throws DataError naming the line that is not so
 */
export function parseZipCode(text: string, name: string): TextSet {
  return parseLines(text, name, 16, /\s+/, (fields) => ({
    label: fields[0],
    pixels: fields.slice(1).map((v) => (v >= -1 && v <= 1 ? zipByte(v) : -1)),
  }));
}

/** In whole numbers, where a tie is a tie: thousandths 0 … 2000 times 255, divided by 2000. */
function zipByte(value: number): number {
  const product = (Math.round(value * 1000) + 1000) * 255;
  const below = Math.floor(product / 2000);
  const rest = product - below * 2000;
  return rest > 1000 || (rest === 1000 && below % 2 === 1) ? below + 1 : below;
}

/** What a text of each form is read with; pages, which may not fetch such texts, do without. */
export const TEXT_PARSERS = { optdigits: parseOptdigits, "zip code": parseZipCode } as const satisfies Record<
  string,
  (text: string, name: string) => TextSet
>;

export type TextFormat = keyof typeof TEXT_PARSERS;

function parseLines(
  text: string,
  name: string,
  side: number,
  separator: string | RegExp,
  read: (fields: readonly number[]) => { readonly label: number; readonly pixels: readonly number[] },
): TextSet {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const size = side * side;
  const images = new Uint8Array(lines.length * size);
  const labels = new Uint8Array(lines.length);
  for (const [index, line] of lines.entries()) {
    const fields = line.split(separator).map(Number);
    const { label, pixels } = read(fields);
    const isLabel = Number.isInteger(label) && label >= 0 && label <= 9;
    if (fields.length !== size + 1 || !isLabel || !pixels.every((value) => value >= 0)) {
      throw new DataError(`${name}: line ${index + 1} is not ${size} pixels and a digit; this is another file`);
    }
    images.set(pixels, index * size);
    labels[index] = label;
  }
  return { height: side, width: side, images, labels };
}

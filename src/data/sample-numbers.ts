/** One sample that somebody wrote down as numbers, nested or in one flat list, as the array that a network reads. */
import { allocate, type DType, type TypedArray } from "../engine/dtype.ts";
import { DataError } from "../engine/errors.ts";
import { quoteValue } from "../engine/quote.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import type { Port } from "./port.ts";

/** Nested lists of numbers, or all of them in one, last axis fastest. */
export type Numbers = TypedArray | readonly Nested[];
type Nested = number | readonly Nested[];

/** Whether a value is a list of numbers, or of lists. */
export const isNumbers = (value: unknown): value is Numbers =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** Lists are nested no deeper. */
const DEPTH = 8;

/** What a number has to be, in words, and whether it is. */
const FITS: Readonly<Record<DType, readonly [words: string, holds: (value: number) => boolean]>> = {
  uint8: ["whole numbers from 0 to 255", (value) => Number.isInteger(value) && value >= 0 && value <= 255],
  int32: ["whole numbers of 32 bits", (value) => (value | 0) === value],
  float32: ["finite numbers", (value) => Number.isFinite(Math.fround(value))],
};

/**
 * One sample for a port.
 * @param port of which the first axis may have a name: it is as long as there are numbers for it
 * @throws DataError in one line, where there are none, a list is ragged or a number does not fit
 */
export function sampleOf({ shape, dtype }: Port, value: unknown): TypedArray {
  const wanted = `the model reads numbers ${formatShape(shape as Shape)}`;
  if (!isNumbers(value)) throw new DataError(`${quoteValue(value)} is no list of numbers; ${wanted}`);
  const isOpen = typeof shape[0] === "string";
  const inner = (isOpen ? shape.slice(1) : shape) as Shape;
  const each = inner.reduce((size, dim) => size * dim, 1);
  const found = shapeOf(value);
  const numbers: ArrayLike<unknown> = ArrayBuffer.isView(value) ? value : (value as readonly unknown[]).flat(DEPTH);
  const length = numbers.length / each;
  const nested = isOpen ? [length, ...inner] : inner;
  const isFlat = found.length === 1;
  const isWhole = isOpen ? Number.isInteger(length) && length > 0 : length === 1;
  if (!isWhole || !(isFlat || (found.length === nested.length && isEven(value, nested)))) {
    throw new DataError(`${formatShape(found)} numbers in a sample; ${wanted}, in such lists or in one`);
  }
  const [words, holds] = FITS[dtype];
  const sample = allocate(dtype, numbers.length);
  for (let i = 0; i < sample.length; i++) {
    const number = numbers[i];
    if (typeof number !== "number" || !holds(number)) {
      throw new DataError(
        `number ${i} of a sample is ${typeof number === "number" ? number : quoteValue(number)}; the model reads ${words}`,
      );
    }
    sample[i] = number;
  }
  return sample;
}

/** Lengths along the first element of each list. */
function shapeOf(value: unknown): number[] {
  if (ArrayBuffer.isView(value)) return [(value as TypedArray).length];
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}

/** Whether all lists of a depth are as long as the shape says. */
const isEven = (value: unknown, [dim, ...inner]: Shape): boolean =>
  dim === undefined
    ? !Array.isArray(value)
    : Array.isArray(value) && value.length === dim && value.every((each) => isEven(each, inner));

/**
 * What the numbers of a source mean. Files hold pixels as 0 … 255, but also as 0 and 1, as 0.0 … 1.0, as counts 0 … 16 or
 * with more bits; Ductus trains on bytes. Before the numbers of a table or an IDX file become pixels, their range is found
 * here, and with it the two numbers that are black and white.
 */
import { DataError } from "../engine/errors.ts";
import { BYTES, isBytes, sameSpan, type ValueSpan } from "./value-span.ts";

/** Which numbers occur in a source. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
  readonly pictures: number;
  /** Pictures whose largest number is `max`. */
  readonly reaching: number;
  /** Pictures that have numbers above 255. */
  readonly beyond: number;
  /** Number of the first of them, from 1. */
  readonly firstBeyond: number;
}

/** Finds the range of the pictures that it is shown. */
export class RangeFinder implements ValueRange {
  min = Infinity;
  max = -Infinity;
  pictures = 0;
  reaching = 0;
  beyond = 0;
  firstBeyond = 0;

  /** @param values of one picture, from `from` to before `to` */
  add(values: ArrayLike<number>, from = 0, to = values.length): void {
    let min = Infinity;
    let max = -Infinity;
    for (let i = from; i < to; i++) {
      const value = values[i];
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.addPicture(min, max);
  }

  /** A picture of which the smallest and the largest number are known. */
  addPicture(min: number, max: number): void {
    this.pictures++;
    if (max > BYTES.high && ++this.beyond === 1) this.firstBeyond = this.pictures;
    if (min < this.min) this.min = min;
    if (max === this.max) this.reaching++;
    if (max > this.max) {
      this.max = max;
      this.reaching = 1;
    }
  }
}

/** Largest numbers of two, three and four bits, and the count of dots in a 4×4 block (UCI optdigits). */
const FEW_LEVELS = [1, 3, 7, 15, 16];
/** Largest numbers of five to seven bits, and per cent. */
const SOME_LEVELS = [31, 63, 100, 127];
/** The largest number that can be white. */
export const LARGEST = 65_535;
/** Largest numbers of ten bits and more, as cameras and scanners have them. */
const MANY_LEVELS = [1023, 4095, 16_383, 32_767, LARGEST];
/** Numbers above 255 in a smaller part of the pictures are no sign of more bits. */
const FEW_PICTURES = 0.1;
/** The brightest number of a source that may well be dark. */
const DARK = 64;

/**
 * What the numbers of a source with this range mean:
 *
 * - up to 1: black is 0 and white 1; with numbers below 0, black is −1;
 * - up to 16: white is the next of 1, 3, 7, 15, 16. As bytes, such pictures would be black to the eye;
 * - exactly 31, 63, 100 or 127, which at least half of the pictures reach: that is white. Pictures that are merely dark do
 *   not end at the same number, least of all at one of these;
 * - up to 255: bytes, dark or not;
 * - more: white is the next of 1023, 4095, 16383, 32767, 65535. Where few pictures have such numbers they are mistakes, which
 *   would make all others black.
 *
 * @param name of the source, for messages
 * @throws DataError when there are other numbers below 0, or none of these numbers could be white
 */
export function spanOf({ min, max, pictures, reaching, beyond, firstBeyond }: ValueRange, name: string): ValueSpan {
  if (min < 0) {
    if (min >= -1 && max <= 1) return { low: -1, high: 1 };
    throw new DataError(
      `${name}: values from ${short(min)} to ${short(max)} are no brightness; give them as they were before they were standardized, 0 to 255 or 0 to 1`,
    );
  }
  if (!(max > 0)) return BYTES;
  const few = FEW_LEVELS.find((level) => max <= level);
  if (few !== undefined) return { low: 0, high: few };
  if (SOME_LEVELS.includes(max) && 2 * reaching >= pictures) return { low: 0, high: max };
  if (max <= BYTES.high) return BYTES;
  const many = MANY_LEVELS.find((level) => max <= level);
  if (beyond < FEW_PICTURES * pictures) {
    throw new DataError(
      `${name}: ${beyond} of ${pictures} pictures have values above 255, up to ${short(max)}, the first is number ${firstBeyond}; mend them`,
    );
  }
  if (many !== undefined) return { low: 0, high: many };
  throw new DataError(`${name}: the largest value is ${short(max)}; expected pixels of at most 16 bits`);
}

/**
 * What the numbers of a source mean to a model that was trained on numbers of the span `trained`: the same, where they can be.
 * A few pictures need not reach the largest number, and their range alone would make them too bright. Numbers that the span
 * lacks, or uses a sixteenth of and less, as 0 … 1 in 0 … 16 or bytes in 0 … 4095, are of another kind: their own range tells.
 * Bytes are no sign of a kind, either: a model that was trained on them reads all others.
 */
export function spanLike(range: ValueRange, trained: ValueSpan, name: string): ValueSpan {
  return isLike(range, trained) ? trained : spanOf(range, name);
}

function isLike({ min, max }: ValueRange, { low, high }: ValueSpan): boolean {
  if (sameSpan({ low, high }, BYTES) || min < low || max > high) return false;
  return low < 0 ? min < 0 : max > high / 16 && (high <= BYTES.high || max > BYTES.high);
}

/** Beyond this, {@link spanOf} cannot give anything but bytes. */
export const LARGEST_SMALL = 127;

/**
 * @param known what the numbers mean in the part of the data that a model learns from
 * @throws DataError when the numbers do not lie in that span
 */
export function checkSpan({ min, max }: ValueRange, known: ValueSpan, name: string): void {
  if (min >= known.low && max <= known.high) return;
  throw new DataError(
    `${name}: values from ${short(min)} to ${short(max)}, but those to train on are from ${known.low} to ${known.high}; bring both to the same scale`,
  );
}

/** Where the meaning of numbers comes from, if not from their range. */
export interface SpanSources {
  /** What they mean in the part of the data to train on. */
  readonly span?: ValueSpan | undefined;
  /** What they meant in the data that a model was trained on which is to read these; see {@link spanLike}. */
  readonly trained?: ValueSpan | undefined;
}

/** @throws DataError when the numbers are nothing sensible, or do not lie in the span that they must have */
export function settleSpan(range: ValueRange, { span, trained }: SpanSources, name: string): ValueSpan {
  if (span === undefined) return trained === undefined ? spanOf(range, name) : spanLike(range, trained, name);
  checkSpan(range, span, name);
  return span;
}

/** What is to be said of the numbers of a source, if anything. @param span what they were found to mean */
export function spanNotes(
  span: ValueSpan,
  { max, pictures }: ValueRange,
  name: string,
  { span: known, trained }: SpanSources,
): readonly string[] {
  if (known === undefined && trained !== undefined && !isBytes(trained)) {
    const [same, here] = [sameSpan(span, trained), `${span.low} to ${span.high}`];
    return [
      same
        ? `${name}: values from ${here}, as the model was trained on, were scaled to 0 … 255`
        : `${name}: the model was trained on values from ${trained.low} to ${trained.high}, but these are taken as ${here}`,
    ];
  }
  if (!isBytes(span)) {
    return known === undefined ? [`${name}: values from ${span.low} to ${span.high} were scaled to 0 … 255`] : [];
  }
  if (pictures === 0 || max >= DARK) return [];
  return [`${name}: no value is above ${short(max)} of 255; if a smaller number than 255 is white, scale the values`];
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}

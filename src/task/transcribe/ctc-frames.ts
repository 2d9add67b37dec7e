/** Scores of the frames of one sample, and how probable strings are by them. What decoding and alignment begin with. */
import { DuctusError, ShapeError } from "../../engine/errors.ts";
import { ctcReference, logAdd } from "../../engine/ops/ctc.ts";
import { quote } from "../../engine/quote.ts";

/** Scores of one sample. */
export interface Frames {
  /** Logits or log-probabilities, frame by frame: [frames, classes]. */
  readonly scores: ArrayLike<number>;
  /** The blank among them. */
  readonly classes: number;
  /** How many frames count; default all. */
  readonly frames?: number | undefined;
  /** Class that stands for no label; default 0. */
  readonly blank?: number | undefined;
}

/** Place of the logit for "nothing" in the networks that read strings here. */
export const BLANK = 0;

/**
 * Frames of one sample as a network gives them.
 * @param logits [frames, classes], the first class for nothing  @param frames how many count  @param temperature by which logits are divided
 * @throws DuctusError when one that counts is not finite
 */
export function framesOf(logits: Float32Array, frames: number, classes: number, temperature = 1): Frames {
  const rows = logits.subarray(0, frames * classes);
  if (!rows.every(Number.isFinite)) {
    throw new DuctusError("the network's numbers grow too large for float32 on this input; there is no answer");
  }
  return { scores: temperature === 1 ? rows : rows.map((value) => value / temperature), classes, blank: BLANK };
}

/** The place of a class in an alphabet, which lacks the blank. */
export const symbolOf = (label: number, blank: number): number => (label < blank ? label : label - 1);

/** ln(eᵃ + eᵇ), without overflow; what strings are searched with, frame by frame. */
export function logAddTwo(a: number, b: number): number {
  const [most, least] = a > b ? [a, b] : [b, a];
  return least === Number.NEGATIVE_INFINITY ? most : most + Math.log1p(Math.exp(least - most));
}

/** Frames that a string needs at least: one for each symbol, and one for nothing between two that are the same. */
export function framesNeeded(symbols: ArrayLike<unknown>): number {
  let needed = symbols.length;
  for (let i = 1; i < symbols.length; i++) if (symbols[i] === symbols[i - 1]) needed++;
  return needed;
}

/** What is said of a string that needs more frames than there are. */
export function tooLong(string: string, needed: number, frames: number): string {
  return `${quote(string)}, needs ${needed} frames but the network gives ${frames}`;
}

/** ln of the probability of all paths that say a string. */
export function logProbabilityOf(rows: readonly Float64Array[], labels: readonly number[], blank: number): number {
  const classes = rows[0]?.length ?? blank + 1;
  const scores = new Float64Array(rows.length * classes);
  rows.forEach((row, t) => {
    scores.set(row, t * classes);
  });
  const loss = new Float64Array(1);
  ctcReference(
    [
      { shape: [1, rows.length, classes], data: scores },
      { shape: [1, rows.length, 1], data: new Float64Array(rows.length) }, // they are log-probabilities already
      { shape: [1, labels.length], data: Int32Array.from(labels) },
      { shape: [1], data: Int32Array.of(rows.length) },
      { shape: [1], data: Int32Array.of(labels.length) },
    ],
    { shape: [1], data: loss },
    { blank, zeroInfinity: false },
  );
  return -loss[0];
}

/** Log-probabilities of each frame that counts. */
export function logSoftmaxOf({ scores, classes, frames, blank = 0 }: Frames): { rows: Float64Array[]; blank: number } {
  if (!Number.isInteger(scores.length / classes)) {
    throw new ShapeError(`ctcDecode: ${scores.length} scores are no whole number of frames of ${classes} classes`);
  }
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
    throw new ShapeError(`ctcDecode: blank is ${blank} but the classes are 0 … ${classes - 1}`);
  }
  const count = Math.max(0, Math.min(frames ?? Number.POSITIVE_INFINITY, scores.length / classes));
  const rows = Array.from({ length: count }, (_, t) => {
    const row = Float64Array.from({ length: classes }, (_, c) => scores[t * classes + c]);
    const sum = logAdd(...row);
    return row.map((score) => score - sum);
  });
  return { rows, blank };
}

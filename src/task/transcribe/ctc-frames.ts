/** Scores of the frames of one sample, and how probable strings are by them. What decoding and alignment begin with. */
import { DuctusError, ShapeError } from "../../engine/errors.ts";
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

/** What is smaller than something else by a factor of e to this adds nothing to it. */
const NOTHING = 40;

/** ln(eᵃ + eᵇ), without overflow; what strings are searched with, frame by frame. */
export function logAddTwo(a: number, b: number): number {
  if (a < b) return logAddTwo(b, a);
  return b === Number.NEGATIVE_INFINITY || a - b > NOTHING ? a : a + Math.log1p(Math.exp(b - a));
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
  if (rows.length === 0) return labels.length === 0 ? 0 : Number.NEGATIVE_INFINITY;
  const states = statesOf(labels, blank);
  let [sums, next] = [new Float64Array(states.length), new Float64Array(states.length)];
  for (const [t, row] of rows.entries()) {
    pathSumsAfter(t === 0 ? undefined : sums, row, states, blank, next);
    [sums, next] = [next, sums];
  }
  const end = sums[sums.length - 1];
  return labels.length === 0 ? end : logAddTwo(end, sums[sums.length - 2]);
}

/** The classes that paths of a string go through: 2i + 1 for label i, even ones for the blanks around it. */
export const statesOf = (labels: readonly number[], blank: number): number[] => [
  blank,
  ...labels.flatMap((label) => [label, blank]),
];

/** By frame and state ({@link statesOf}): ln of the probability of all paths up to the frame that end in the state. */
export function pathSums(rows: readonly Float64Array[], states: readonly number[], blank: number): Float64Array[] {
  const all: Float64Array[] = [];
  for (const row of rows) {
    const sums = new Float64Array(states.length);
    pathSumsAfter(all.at(-1), row, states, blank, sums);
    all.push(sums);
  }
  return all;
}

/** One frame of {@link pathSums}. @param before those of the frame before it; undefined: it is the first */
function pathSumsAfter(
  before: Float64Array | undefined,
  row: Float64Array,
  states: readonly number[],
  blank: number,
  out: Float64Array,
): void {
  for (let s = 0; s < states.length; s++) {
    const label = states[s];
    let from = s < 2 ? 0 : Number.NEGATIVE_INFINITY;
    if (before !== undefined) {
      from = before[s];
      if (s >= 1) from = logAddTwo(from, before[s - 1]);
      if (s >= 2 && label !== blank && label !== states[s - 2]) from = logAddTwo(from, before[s - 2]);
    }
    out[s] = from + row[label];
  }
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
    const row = new Float64Array(classes);
    let top = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) {
      row[c] = scores[t * classes + c];
      if (row[c] > top) top = row[c];
    }
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(row[c] - top);
    const all = top + Math.log(sum);
    for (let c = 0; c < classes; c++) row[c] -= all;
    return row;
  });
  return { rows, blank };
}

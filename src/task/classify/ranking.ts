/**
 * The two ends of a network that reads a picture: pixels as its numbers, and its outputs as an answer. Whatever gives a
 * probability, in a command, a server, a page or a report, gets it here, from a {@link Readout} that has to say its
 * temperature: so the same picture has the same probability everywhere.
 */
import { DuctusError } from "../../engine/errors.ts";
import type { NumbersType } from "../input.ts";

/** Something that a model may say. */
export interface Candidate {
  /** What it says: the name of a class, or a token. */
  readonly label: string;
  /** @deprecated The older name of `label`; it goes with the next major version. */
  readonly name: string;
  /** Index of the class. */
  readonly index: number;
  /** 0 … 1; the softmax of the network's outputs, divided by the model's temperature. */
  readonly probability: number;
}

/** What a model's outputs mean. Every `Model` is one. */
export interface Readout {
  /** In the order of the outputs. */
  readonly classes: readonly string[];
  /** What the outputs are divided by before the softmax; undefined where none was fitted, which counts as 1. */
  readonly temperature: number | undefined;
}

/** Writes bytes as a network's input: one that takes numbers was trained on numbers 0 … 1, one that takes bytes on bytes. */
export function writePixels(pixels: Uint8Array, input: { [index: number]: number }, inputType: NumbersType): void {
  const unit = inputType === "float32" ? 255 : 1;
  for (let i = 0; i < pixels.length; i++) input[i] = pixels[i] / unit;
}

/**
 * The probabilities of all classes, in the order of the outputs.
 * @param logits the network's outputs for one input, one for each class
 * @throws DuctusError where an output is NaN or infinite
 */
export function probabilitiesOf({ classes, temperature = 1 }: Readout, logits: ArrayLike<number>): Float64Array {
  for (let k = 0; k < classes.length; k++) {
    if (!Number.isFinite(logits[k])) {
      throw new DuctusError(
        `the network gives ${logits[k]} for "${classes[k]}": its numbers grow too large for float32 on this input; there is no answer`,
      );
    }
  }
  return writeSoftmax(logits, temperature, new Float64Array(classes.length));
}

/** All classes, the likeliest first. @throws DuctusError where an output is NaN or infinite */
export function rank(model: Readout, logits: ArrayLike<number>): Candidate[] {
  const probabilities = probabilitiesOf(model, logits);
  return model.classes
    .map((label, index) => ({ label, name: label, index, probability: probabilities[index] }))
    .sort((a, b) => b.probability - a.probability || logits[b.index] - logits[a.index] || a.index - b.index);
}

/**
 * softmax(logits / temperature) of one row, shifted by the largest so that nothing overflows.
 * @param from where the row begins, in `logits` and in `out`
 * @returns `out`
 */
export function writeSoftmax<Out extends Float32Array | Float64Array>(
  logits: ArrayLike<number>,
  temperature: number,
  out: Out,
  from = 0,
  width = out.length,
): Out {
  const end = from + width;
  let top = Number.NEGATIVE_INFINITY;
  for (let k = from; k < end; k++) if (logits[k] > top) top = logits[k];
  let sum = 0;
  for (let k = from; k < end; k++) sum += out[k] = Math.exp((logits[k] - top) / temperature);
  for (let k = from; k < end; k++) out[k] /= sum;
  return out;
}

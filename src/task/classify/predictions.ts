/**
 * What a model said about samples whose classes are known: the outputs of one pass over a data set. Everything in this
 * folder is worked out from these alone, on plain arrays, so it holds for any model, platform and source of outputs.
 */

import { UsageError } from "../../engine/errors.ts";
import type { SureAnswers } from "../../metrics/confidence.ts";
import { type Readout, writeSoftmax } from "./ranking.ts";

/** Outputs and true classes of `length` samples, in the order of the data set. */
export class Predictions {
  /** Names of the classes that the model tells apart. */
  readonly classes: readonly string[];
  readonly length: number;
  /** [length, classes] outputs of the network, row by row; divided by the temperature, their softmax is the probabilities. */
  readonly logits: Float32Array;
  /** True class index of each sample. */
  readonly labels: Int32Array;
  /** Index of the largest output (the first of equals) of each sample. */
  readonly predicted: Int32Array;

  /** Of the model; undefined where none was fitted, which counts as 1. */
  readonly temperature: number | undefined;

  /** @throws UsageError when the lengths do not belong together */
  constructor({ classes, temperature }: Readout, logits: Float32Array, labels: Int32Array) {
    if (logits.length !== labels.length * classes.length) {
      throw new UsageError(`${logits.length} outputs are not ${classes.length} for each of ${labels.length} samples`);
    }
    this.classes = classes;
    this.temperature = temperature;
    this.length = labels.length;
    this.logits = logits;
    this.labels = labels;
    this.predicted = Int32Array.from({ length: labels.length }, (_, i) => largestOf(logits, i, classes.length));
  }

  isRight(i: number): boolean {
    return this.predicted[i] === this.labels[i];
  }

  /** How many samples the model has right. */
  get hits(): number {
    let hits = 0;
    for (let i = 0; i < this.length; i++) if (this.isRight(i)) hits++;
    return hits;
  }

  /**
   * The probabilities of one sample, [classes]: softmax of its logits / temperature. One row at a time: of ten thousand
   * classes, those of all samples together would not fit into memory.
   * @param temperature above 0; by default the model's own, so that these are the probabilities that it answers
   * @param out where they are written; default: a new array
   */
  probabilitiesOf(
    i: number,
    temperature = this.temperature ?? 1,
    out: Float64Array = new Float64Array(this.classes.length),
  ): Float64Array {
    const width = this.classes.length;
    return writeSoftmax(this.logits.subarray(i * width, (i + 1) * width), temperature, out);
  }

  /** The probability of the predicted class of every sample. */
  confidences(temperature?: number): Float64Array {
    const row = new Float64Array(this.classes.length);
    return Float64Array.from(this.predicted, (c, i) => this.probabilitiesOf(i, temperature, row)[c]);
  }

  /** What it answers, and how sure it is. */
  sureAnswers(temperature?: number): SureAnswers {
    return {
      length: this.length,
      confidences: this.confidences(temperature),
      isRight: (i) => this.isRight(i),
    };
  }
}

function largestOf(logits: Float32Array, i: number, width: number): number {
  const from = i * width;
  let best = 0;
  for (let k = 1; k < width; k++) if (logits[from + k] > logits[from + best]) best = k;
  return best;
}

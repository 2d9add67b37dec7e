/**
 * What a model said about samples whose classes are known: the outputs of one pass over a data set. Everything in this
 * folder is worked out from these alone, on plain arrays, so it holds for any model, platform and source of outputs.
 */
import { type Readout, writeSoftmax } from "../data/ranking.ts";
import { UsageError } from "../engine/errors.ts";

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
   * [length, classes] softmax of logits / temperature.
   * @param temperature above 0; by default the model's own, so that these are the probabilities that it answers
   */
  probabilities(temperature = this.temperature ?? 1): Float64Array {
    const { logits, length } = this;
    const width = this.classes.length;
    const out = new Float64Array(logits.length);
    for (let i = 0; i < length; i++) writeSoftmax(logits, temperature, out, i * width, width);
    return out;
  }
}

function largestOf(logits: Float32Array, i: number, width: number): number {
  const from = i * width;
  let best = 0;
  for (let k = 1; k < width; k++) if (logits[from + k] > logits[from + best]) best = k;
  return best;
}

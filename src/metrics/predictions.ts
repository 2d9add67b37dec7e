/**
 * What a model said about samples whose classes are known: the outputs of one pass over a data set. Everything in this
 * folder is worked out from these alone, on plain arrays, so it holds for any model, platform and source of outputs.
 */
import { UsageError } from "../engine/errors.ts";

/** Outputs and true classes of `length` samples, in the order of the data set. */
export class Predictions {
  /** Names of the classes that the model tells apart. */
  readonly classes: readonly string[];
  readonly length: number;
  /** [length, classes] outputs of the network, row by row; their softmax is what the model takes for probabilities. */
  readonly logits: Float32Array;
  /** True class index of each sample. */
  readonly labels: Int32Array;
  /** Index of the largest output (the first of equals) of each sample. */
  readonly predicted: Int32Array;

  /** @throws UsageError when the lengths do not belong together */
  constructor(classes: readonly string[], logits: Float32Array, labels: Int32Array) {
    if (logits.length !== labels.length * classes.length) {
      throw new UsageError(`${logits.length} outputs are not ${classes.length} for each of ${labels.length} samples`);
    }
    this.classes = classes;
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
   * [length, classes] softmax of logits / temperature, shifted by the largest so that nothing overflows.
   * @param temperature above 0; 1 leaves the model's own probabilities, more makes them less sure
   */
  probabilities(temperature = 1): Float64Array {
    const { logits, length } = this;
    const width = this.classes.length;
    const out = new Float64Array(logits.length);
    for (let i = 0; i < length; i++) {
      const from = i * width;
      const top = logits[from + this.predicted[i]];
      let sum = 0;
      for (let c = from; c < from + width; c++) sum += out[c] = Math.exp((logits[c] - top) / temperature);
      for (let c = from; c < from + width; c++) out[c] /= sum;
    }
    return out;
  }
}

function largestOf(logits: Float32Array, i: number, width: number): number {
  const from = i * width;
  let best = 0;
  for (let k = 1; k < width; k++) if (logits[from + k] > logits[from + best]) best = k;
  return best;
}

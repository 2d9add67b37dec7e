/**
 * Numbers worked out over a whole data set from the network's outputs: what the built-in evaluation counts, and the
 * interface of a user's own metric. Everything here runs on plain arrays, after the compiled program.
 */
import type { TargetArray } from "../data/dataset.ts";

/** The outputs of one batch. The arrays are reused for the next one: read, do not keep. */
export interface MetricBatch {
  /** Samples in this batch. */
  readonly count: number;
  /** [count, width] outputs of the network, row by row. */
  readonly logits: Float32Array;
  /** Numbers per sample in `logits`. */
  readonly width: number;
  /** [count] class indices or [count, …] numbers. */
  readonly targets: TargetArray;
  /** Numbers per sample in `targets`. */
  readonly targetWidth: number;
}

/** A metric as a recipe for one pass over the data: `start` gives a fresh accumulator for each evaluation. */
export interface Metric {
  readonly name: string;
  start(): MetricAccumulator;
}

export interface MetricAccumulator {
  add(batch: MetricBatch): void;
  value(): number;
}

/** Index of the largest output (the first of equals) of sample `i`. */
export function predictedClass(logits: Float32Array, width: number, i: number): number {
  const from = i * width;
  let best = 0;
  for (let k = 1; k < width; k++) if (logits[from + k] > logits[from + best]) best = k;
  return best;
}

/** Share of samples whose class is among the `k` largest outputs (ties count for the sample). */
export function topK(k: number): Metric {
  return {
    name: `top-${k} accuracy`,
    start: () => {
      let right = 0;
      let total = 0;
      return {
        add: ({ count, logits, width, targets }) => {
          for (let i = 0; i < count; i++) {
            const own = logits[i * width + targets[i]];
            let above = 0;
            for (let c = 0; c < width; c++) if (logits[i * width + c] > own) above++;
            if (above < k) right++;
          }
          total += count;
        },
        value: () => right / total,
      };
    },
  };
}

/** What was taken for what: `counts[actual · classes + predicted]`. */
export class ConfusionMatrix {
  readonly classes: number;
  readonly counts: Float64Array;

  constructor(classes: number) {
    this.classes = classes;
    this.counts = new Float64Array(classes * classes);
  }

  add({ count, logits, width, targets }: MetricBatch): void {
    for (let i = 0; i < count; i++) {
      this.counts[targets[i] * this.classes + predictedClass(logits, width, i)]++;
    }
  }

  at(actual: number, predicted: number): number {
    return this.counts[actual * this.classes + predicted];
  }

  /** Rows are actual classes, columns predicted ones. */
  rows(): number[][] {
    return Array.from({ length: this.classes }, (_, actual) =>
      Array.from(this.counts.subarray(actual * this.classes, (actual + 1) * this.classes)),
    );
  }
}

/** Results of one class. */
export interface ClassResult {
  readonly name: string;
  /** Samples of this class in the data. */
  readonly support: number;
  /** Share of what was taken for this class that is of this class; 0 where nothing was. */
  readonly precision: number;
  /** Share of this class that was recognised; 0 where the data has none of it. */
  readonly recall: number;
  /** Harmonic mean of the two; 0 where both are. */
  readonly f1: number;
}

/** Precision, recall and F1 of each class, zero where they are undefined (as in scikit-learn). */
export function classResults(matrix: ConfusionMatrix, names: readonly string[]): ClassResult[] {
  return names.map((name, c) => {
    let support = 0;
    let predicted = 0;
    for (let other = 0; other < matrix.classes; other++) {
      support += matrix.at(c, other);
      predicted += matrix.at(other, c);
    }
    const hits = matrix.at(c, c);
    const ratio = (total: number): number => (total === 0 ? 0 : hits / total);
    return { name, support, precision: ratio(predicted), recall: ratio(support), f1: ratio((support + predicted) / 2) };
  });
}

/** Unweighted means over the classes that the data has. */
export function macroMeans(results: readonly ClassResult[]): { precision: number; recall: number; f1: number } {
  const present = results.filter((result) => result.support > 0);
  const mean = (pick: (result: ClassResult) => number): number =>
    present.length === 0 ? 0 : present.reduce((sum, result) => sum + pick(result), 0) / present.length;
  return { precision: mean((r) => r.precision), recall: mean((r) => r.recall), f1: mean((r) => r.f1) };
}

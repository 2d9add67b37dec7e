/**
 * The interface of a user's own metric: a number worked out over a whole data set, batch by batch, from the network's
 * outputs. It runs on plain arrays, after the compiled program.
 */
import type { TypedArray } from "../engine/dtype.ts";

/** The outputs of one batch. The arrays are reused for the next one: read, do not keep. */
export interface MetricBatch {
  /** Samples in this batch. */
  readonly count: number;
  /** [count, width] outputs of the network, row by row. */
  readonly logits: Float32Array;
  /** Numbers per sample in `logits`. */
  readonly width: number;
  /** [count] class indices or [count, …] numbers. */
  readonly targets: TypedArray;
  /** Numbers per sample in `targets`. */
  readonly targetWidth: number;
}

/** A metric as a recipe for one pass over the data: `start` gives a fresh accumulator for each evaluation. */
export interface Metric {
  readonly name: string;
  /** Which way it gets better: needed where a run is steered by it, by `earlyStopping` or the schedule "plateau". */
  readonly better?: "higher" | "lower" | undefined;
  start(): MetricAccumulator;
}

/** One pass of a {@link Metric} over a data set: it is given every batch, then asked for its value. */
export interface MetricAccumulator {
  add(batch: MetricBatch): void;
  value(): number;
}

/** Share of samples whose class is among the `k` largest outputs (ties count for the sample). */
export function topK(k: number): Metric {
  return {
    name: `top-${k} accuracy`,
    better: "higher",
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

/** The results of an epoch: as callbacks get them, as a line of `metrics.jsonl`, and as a checkpoint keeps them. */

import { measureOf, type Score } from "../task/score.ts";
import type { Primary } from "../task/task.ts";

/** Results of an epoch. */
export interface EpochResult {
  /** Counted from 1. */
  readonly epoch: number;
  /** Steps so far. */
  readonly step: number;
  /** Mean loss over the samples trained on, or over the tokens of texts that are gone on with, while the weights were changing. */
  readonly trainingLoss: number;
  /** Share of the TRAINING samples recognized while training on them; says little about new ones. */
  readonly trainingAccuracy?: number | undefined;
  readonly validation?: Score | undefined;
  /** Fitted on the validation samples: see `Model.temperature`. */
  readonly temperature?: number | undefined;
  /** Learning rate of the last step. */
  readonly lr: number;
  /** Seconds of training, without validation; 0 where an earlier process did it and left no time. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

/** An {@link EpochResult} as plain data. */
export interface PlainResult {
  readonly epoch: number;
  readonly step: number;
  readonly trainingLoss: number;
  readonly trainingAccuracy?: number | undefined;
  readonly validation?:
    | {
        readonly samples: number;
        readonly loss: number;
        readonly accuracy?: number | undefined;
        readonly [metric: string]: number | undefined;
      }
    | undefined;
  readonly temperature?: number | undefined;
  readonly lr: number;
  readonly seconds?: number | undefined;
  readonly imagesPerSecond?: number | undefined;
}

/** What does not depend on the clock, and so is the same in every run with the same seed. */
export function timeless(result: EpochResult): PlainResult {
  const { epoch, step, trainingLoss, trainingAccuracy, lr, validation, temperature } = result;
  const measured = validation && {
    samples: validation.count,
    loss: validation.loss,
    accuracy: validation.accuracy,
    ...validation.metrics,
  };
  return { epoch, step, trainingLoss, trainingAccuracy, validation: measured, temperature, lr };
}

/** A line of `metrics.jsonl`. */
export function plainResult(result: EpochResult): PlainResult {
  return { ...timeless(result), seconds: result.seconds, imagesPerSecond: result.imagesPerSecond };
}

/** The way back. */
export function fromPlain({ validation, ...result }: PlainResult): EpochResult {
  const times = { seconds: result.seconds ?? 0, imagesPerSecond: result.imagesPerSecond ?? 0 };
  if (validation === undefined) return { ...result, ...times };
  const { samples, loss, accuracy, ...metrics } = validation;
  const score: Score = { count: samples, loss, accuracy, metrics: metrics as Record<string, number> };
  return { ...result, ...times, validation: score };
}

/** The task's primary measure decides, and lower loss where it is equal or there is none; without validation the later epoch. */
export function isBetter(a: EpochResult, b: EpochResult, { name, better }: Primary): boolean {
  const [left, right] = [a.validation, b.validation];
  if (left === undefined || right === undefined) return true;
  const difference = (measureOf(left, name) ?? 0) - (measureOf(right, name) ?? 0);
  const gain = better === "higher" ? difference : -difference;
  // Two measures beyond all bounds are equal, too.
  return gain > 0 || (!(gain < 0) && left.loss < right.loss);
}

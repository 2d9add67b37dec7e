/** The measures of one pass over a data set, as a run keeps them of every epoch. */
import type { Measures, Primary } from "./task.ts";

/** Share of samples, strings or tokens that are right. */
export const ACCURACY: Primary = { name: "accuracy", better: "higher" };

/** What has measures: an evaluation, and the part of one that a run folder keeps. */
export interface Score {
  /** Samples. */
  readonly count: number;
  /** Mean over the samples. */
  readonly loss: number;
  /** Share of samples that are right; only where there is such a thing. */
  readonly accuracy?: number | undefined;
  /** Other measures by name: of the task, and the user's metrics. */
  readonly metrics: Measures;
}

/** A measure of a score by its name: `accuracy`, `loss`, or one of its metrics. */
export function measureOf({ accuracy, loss, metrics }: Score, name: string): number | undefined {
  const known: Readonly<Record<string, number | undefined>> = { ...metrics, accuracy, loss };
  return known[name];
}

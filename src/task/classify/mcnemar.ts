/**
 * Whether one of two models is really better: McNemar's test on samples that both have read (Q. McNemar, Psychometrika 12,
 * 1947; recommended for classifiers by T. Dietterich, Neural Computation 10, 1998). Only samples count that one has right and
 * the other wrong; were the models equally good, each would be as likely on either side.
 */
import { UsageError } from "../../engine/errors.ts";
import { type Interval, pairedDifferenceInterval } from "../../metrics/intervals.ts";
import type { Predictions } from "./predictions.ts";

/** Two models on the same samples, and whether one of them is better. */
export interface PairedComparison {
  readonly samples: number;
  readonly bothRight: number;
  readonly bothWrong: number;
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Accuracy of the first less that of the second. */
  readonly difference: number;
  /** 95 % confidence interval of the difference. */
  readonly interval: Interval;
  /** Probability of a difference at least as large between equally good models (exact binomial, two-sided). */
  readonly pValue: number;
}

/**
 * Compares two models that read the same samples: what only one of them gets right (McNemar's exact test, 1947).
 * @throws UsageError when the two were not measured on the same samples
 */
export function comparePaired(first: Predictions, second: Predictions): PairedComparison {
  const names = (predictions: Predictions, i: number): string => predictions.classes[predictions.labels[i]];
  if (first.length !== second.length) {
    throw new UsageError(`${first.length} and ${second.length} samples cannot be compared; measure both on the same`);
  }
  let [bothRight, onlyFirst, onlySecond] = [0, 0, 0];
  for (let i = 0; i < first.length; i++) {
    if (names(first, i) !== names(second, i)) {
      throw new UsageError(`sample ${i} is labeled differently for the two; measure both on the same data`);
    }
    const [a, b] = [first.isRight(i), second.isRight(i)];
    if (a && b) bothRight++;
    else if (a) onlyFirst++;
    else if (b) onlySecond++;
  }
  const samples = first.length;
  return {
    samples,
    bothRight,
    bothWrong: samples - bothRight - onlyFirst - onlySecond,
    onlyFirst,
    onlySecond,
    difference: samples === 0 ? 0 : (onlyFirst - onlySecond) / samples,
    interval: pairedDifferenceInterval(onlyFirst, onlySecond, samples),
    pValue: mcnemar(onlyFirst, onlySecond),
  };
}

/**
 * Two-sided p-value of McNemar's test: twice the binomial tail of the smaller count at ½, at most 1. It is exact for any
 * number of discordant samples; the χ² approximation would only save time.
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  const total = onlyFirst + onlySecond;
  const smaller = Math.min(onlyFirst, onlySecond);
  // ln of C(total, k)/2^total, from k to k + 1 by one factor; sums of logarithms do not underflow.
  let term = -total * Math.LN2;
  let tail = 0;
  for (let k = 0; k <= smaller; k++) {
    tail += Math.exp(term);
    term += Math.log((total - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}

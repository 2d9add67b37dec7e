/**
 * Whether a model is as often right as it says: the reliability diagram and the expected calibration error (C. Guo, G. Pleiss, Y. Sun,
 * K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017).
 */
import type { SureAnswers } from "./confidence.ts";

/** Bins of the reliability diagram, as in the paper. */
const BINS = 15;

/** Samples of one range of confidence. */
export interface ReliabilityBin {
  /** Confidence from here (excluded, but for the first bin) to here (included). */
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean probability that the model gave to what it answered; 0 in an empty bin. */
  readonly confidence: number;
  /** Share of them that were right; 0 in an empty bin. */
  readonly accuracy: number;
}

/** How far confidence can be believed. */
export interface Reliability {
  /** Expected calibration error: mean |accuracy − confidence| of the bins, weighted by their samples (equation 3). */
  readonly expectedError: number;
  /** Largest |accuracy − confidence| of a bin (equation 5). */
  readonly largestError: number;
  readonly bins: readonly ReliabilityBin[];
}

/** Counts how often answers of about the same confidence are right. */
export function reliability({ length, confidences, isRight }: SureAnswers): Reliability {
  const sums = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, right: 0 }));
  for (let i = 0; i < length; i++) {
    const confidence = confidences[i];
    const bin = sums[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))];
    bin.count++;
    bin.confidence += confidence;
    if (isRight(i)) bin.right++;
  }
  const bins = sums.map(({ count, confidence, right }, i) => {
    const mean = (sum: number): number => (count === 0 ? 0 : sum / count);
    return { low: i / BINS, high: (i + 1) / BINS, count, confidence: mean(confidence), accuracy: mean(right) };
  });
  const gaps = bins.map((bin) => Math.abs(bin.accuracy - bin.confidence));
  return {
    expectedError: length === 0 ? 0 : bins.reduce((sum, { count }, i) => sum + (count / length) * gaps[i], 0),
    largestError: Math.max(...gaps),
    bins,
  };
}

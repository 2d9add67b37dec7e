/**
 * What a model gains by saying "I do not know": accuracy against coverage (C. K. Chow 1970; R. El-Yaniv and Y. Wiener, "On the
 * foundations of noise-free selective classification", JMLR 11, 2010). Samples are answered in the order of the model's
 * confidence, the largest probability; the rest is rejected.
 */
import type { SureAnswers } from "./confidence.ts";

/** What happens when the least confident samples are left to a human. */
export interface RejectionPoint {
  /** Share of samples that are answered, 0 … 1. */
  readonly coverage: number;
  /** Share of the answers that are right. */
  readonly accuracy: number;
  /** The least confidence that is answered. */
  readonly threshold: number;
}

export interface Rejection {
  /** From the fewest answers to all of them, at most 100 points. */
  readonly curve: readonly RejectionPoint[];
  /** The largest coverage at which at least this share of the answers is right; absent where there is none. */
  readonly reach: readonly { readonly accuracy: number; readonly coverage: number; readonly threshold: number }[];
  /** Area under the curve of wrong answers against coverage; 0 is best. */
  readonly area: number;
}

const POINTS = 100;
const GOALS = [0.99, 0.995, 0.999] as const;

/** Leaves the least sure answers out, one after the other. */
export function rejection({ length, confidences: confidence, isRight }: SureAnswers): Rejection {
  const order = Int32Array.from({ length }, (_, i) => i).sort((a, b) => confidence[b] - confidence[a] || a - b);

  const points: RejectionPoint[] = [];
  let right = 0;
  let wrongShares = 0;
  for (const [k, i] of order.entries()) {
    if (isRight(i)) right++;
    wrongShares += 1 - right / (k + 1);
    // Samples of the same confidence cannot be told apart by a threshold: they are answered together.
    if (k + 1 < length && confidence[order[k + 1]] === confidence[i]) continue;
    points.push({ coverage: (k + 1) / length, accuracy: right / (k + 1), threshold: confidence[i] });
  }
  const reach = GOALS.flatMap((goal) => {
    const point = points.findLast(({ accuracy }) => accuracy >= goal);
    return point === undefined ? [] : [{ ...point, accuracy: goal }];
  });
  return { curve: thinned(points), reach, area: length === 0 ? 0 : wrongShares / length };
}

/** At most `POINTS` of them, the last among them, evenly spaced in coverage. */
function thinned(points: readonly RejectionPoint[]): RejectionPoint[] {
  let next = 0;
  return points.filter(({ coverage }, i) => {
    if (coverage < next && i < points.length - 1) return false;
    next = (Math.floor(coverage * POINTS + 1e-9) + 1) / POINTS;
    return true;
  });
}

/** What a learning rate range test (lr-find.ts) leaves: losses by learning rate, and what can be read off them. */

export interface LrPoint {
  readonly lr: number;
  /** Of one batch. */
  readonly loss: number;
  /** Running mean of the losses. */
  readonly smoothed: number;
}

/** Losses by learning rate, and the rate that they suggest. */
export interface LrCurve {
  readonly points: readonly LrPoint[];
  /** Where the smoothed loss falls fastest, the suggestion; undefined when it never falls. */
  readonly suggestion: number | undefined;
  /** A tenth of the rate at which the smoothed loss is least: another rule of thumb. */
  readonly tenthOfLeast: number | undefined;
  /** Whether the loss exploded before the last rate. */
  readonly exploded: boolean;
}

/** Steps at the start that say nothing yet: the running mean is still that of a few batches. */
export const SKIPPED = 10;

/** The steepest descent of the smoothed loss over the logarithm of the rate, before its least value. */
export function suggest(points: readonly LrPoint[]): Pick<LrCurve, "suggestion" | "tenthOfLeast"> {
  const known = points.slice(SKIPPED);
  if (known.length < 3) return { suggestion: undefined, tenthOfLeast: undefined };
  const least = known.reduce((best, { smoothed }, i) => (smoothed < known[best].smoothed ? i : best), 0);
  let steepest = 0;
  let suggestion: number | undefined;
  for (let i = 1; i < least; i++) {
    const slope = (known[i + 1].smoothed - known[i - 1].smoothed) / Math.log(known[i + 1].lr / known[i - 1].lr);
    if (slope >= steepest) continue;
    steepest = slope;
    suggestion = known[i].lr;
  }
  return { suggestion, tenthOfLeast: suggestion === undefined ? undefined : known[least].lr / 10 };
}

/** The loss at which a drawing of the curve ends: where it explodes, its scale would leave nothing to see of the rest. */
export const highestDrawn = ({ points }: LrCurve): number => 1.5 * points[0].smoothed;

/**
 * The temperature of a reader of strings: what its logits are divided by, so that the probability of a string, summed over all its
 * paths, can be believed (Guo et al., ICML 2017). Theirs is fitted to the probability of what is true. Of strings that would be led by
 * the few that are labeled wrongly or that nobody can read, whose probability is next to nothing, and leave all others too unsure; so
 * it is fitted here to what the probability is used for: whether the string that was read is right.
 */
import { TEMPERATURE_SPREAD } from "../classify/calibration.ts";
import { logProbabilityOf, logSoftmaxOf } from "./ctc-frames.ts";

/** What a network read, and whether that is what stands there. */
export interface KnownString {
  /** Logits of the frames that count: [frames, classes]. */
  readonly scores: Float32Array;
  readonly classes: number;
  /** What it read, by place among the logits, the first of which is the blank. */
  readonly labels: readonly number[];
  readonly isRight: boolean;
}

/** Temperatures are sought between 1/LIMIT and LIMIT. */
const LIMIT = 5;
const STEPS = 14;
const GOLDEN = 0.6180339887498949;

/** A string is never so sure that being wrong would cost more than this many nats. */
const MOST_LOSS = 12;

/**
 * The temperature at which the log loss of "what was read is right" is least, or near it. Fit it on other strings than those that are
 * measured with it. @returns undefined without any string
 */
export function fitStringTemperature(strings: readonly KnownString[]): number | undefined {
  if (strings.length === 0) return undefined;
  const loss = (logTemperature: number): number => {
    const scale = Math.exp(-logTemperature);
    const sum = strings.reduce((total, { scores, classes, labels, isRight }) => {
      const { rows, blank } = logSoftmaxOf({ scores: scores.map((score) => score * scale), classes });
      const logProbability = logProbabilityOf(rows, labels, blank);
      // 1 − p is lost in rounding near 1, which expm1 is not.
      return total + Math.min(MOST_LOSS, -(isRight ? logProbability : Math.log(-Math.expm1(logProbability))));
    }, 0);
    return sum + 0.5 * (logTemperature / TEMPERATURE_SPREAD) ** 2;
  };
  // Golden section (J. Kiefer 1953): the loss has one minimum, or nearly so.
  let [low, high] = [-Math.log(LIMIT), Math.log(LIMIT)];
  let [a, b] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [atA, atB] = [loss(a), loss(b)];
  for (let step = 0; step < STEPS; step++) {
    if (atA < atB) {
      [high, b, atB] = [b, a, atA];
      a = high - GOLDEN * (high - low);
      atA = loss(a);
    } else {
      [low, a, atA] = [a, b, atB];
      b = low + GOLDEN * (high - low);
      atB = loss(b);
    }
  }
  return Math.exp((low + high) / 2);
}

/**
 * The temperature of a reader of strings: what its logits are divided by, so that the probability of a string can be believed (Guo et
 * al., ICML 2017, whose log loss is here that of whole strings, summed over all their paths).
 */
import { TEMPERATURE_SPREAD } from "../classify/calibration.ts";
import { framesNeeded, logProbabilityOf, logSoftmaxOf } from "./ctc-frames.ts";

/** What a network gave for a string that is known. */
export interface KnownString {
  /** Logits of the frames that count: [frames, classes]. */
  readonly scores: Float32Array;
  readonly classes: number;
  /** By place among the logits, the first of which is the blank. */
  readonly labels: readonly number[];
}

/** Temperatures are sought between 1/LIMIT and LIMIT. */
const LIMIT = 5;
const STEPS = 14;
const GOLDEN = 0.6180339887498949;

/**
 * The temperature at which the log loss of these strings is least, or near it; strings that their frames cannot hold are left out. Fit
 * it on others than those that are measured with it. @returns undefined without any string
 */
export function fitStringTemperature(strings: readonly KnownString[]): number | undefined {
  const known = strings.filter(({ scores, classes, labels }) => scores.length / classes >= framesNeeded(labels));
  if (known.length === 0) return undefined;
  const loss = (logTemperature: number): number => {
    const scale = Math.exp(-logTemperature);
    const sum = known.reduce((total, { scores, classes, labels }) => {
      const { rows, blank } = logSoftmaxOf({ scores: scores.map((score) => score * scale), classes });
      return total - logProbabilityOf(rows, labels, blank);
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

/** Which token comes next, of those that may: drawn by their probabilities. The last step from a network to a text (generate.ts). */
import type { Random } from "../engine/random.ts";

/** How tokens are drawn. */
export interface Drawing {
  /** Above 1 bolder, below 1 safer; 0 always takes the likeliest. */
  readonly temperature: number;
  /** Draws among so many of the likeliest only; undefined: all. */
  readonly topK: number | undefined;
  /** Draws among the likeliest only that together have at least this probability, at the temperature; 1: all. */
  readonly topP: number;
}

/**
 * @param probabilities of all tokens
 * @returns the number of one, drawn by its probability to the power 1 / temperature
 */
export function drawToken(
  probabilities: ArrayLike<number>,
  { temperature, topK, topP }: Drawing,
  random: Random,
): number {
  let best = 0;
  for (let i = 1; i < probabilities.length; i++) if (probabilities[i] > probabilities[best]) best = i;
  if (temperature === 0) return best;
  // Relative to the largest, so that nothing vanishes.
  const weights = Float64Array.from(probabilities, (probability) => probability / probabilities[best]);
  if (temperature !== 1) for (let i = 0; i < weights.length; i++) weights[i] **= 1 / temperature;
  if (topK !== undefined) keepLargest(weights, (count) => count >= topK);
  if (topP < 1) {
    const wanted = topP * sumOf(weights);
    keepLargest(weights, (_, sum) => sum >= wanted);
  }
  let rest = random.uniform() * sumOf(weights);
  for (let i = 0; i < weights.length; i++) {
    rest -= weights[i];
    if (rest < 0) return i;
  }
  return best;
}

function sumOf(weights: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i];
  return sum;
}

/** Of some weights the largest stay, as few as are enough, of equal ones the first; the others become 0. */
function keepLargest(weights: Float64Array, isEnough: (count: number, sum: number) => boolean): void {
  const sorted = weights.slice().sort();
  let [at, sum] = [sorted.length, 0];
  while (at > 0 && !isEnough(sorted.length - at, sum)) sum += sorted[--at];
  const least = sorted[at];
  let equal = 0;
  while (sorted[at + equal] === least) equal++;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] > least || (weights[i] === least && equal-- > 0)) continue;
    weights[i] = 0;
  }
}

/**
 * Weighted sampling: epochs that draw samples at random, with replacement, some classes more often than others. As all
 * orders, a draw depends on the seed and the number of the epoch alone.
 */
import { DataError, UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import type { Dataset } from "./dataset.ts";
import type { EpochOrder } from "./loader.ts";

/** Weights by class: a number of at least 0 for each, or such that all classes count the same. */
export type ClassWeights = "balanced" | readonly number[];

/** Samples of each class. @throws UsageError when a data set has no classes */
export function classCounts(dataset: Dataset): number[] {
  const { classes } = dataset;
  if (classes === undefined || dataset.label === undefined) {
    throw new UsageError(`${dataset.name} has no class labels; weights of classes need them`);
  }
  const counts = new Array<number>(classes.length).fill(0);
  for (let i = 0; i < dataset.length; i++) counts[dataset.label(i)]++;
  return counts;
}

/**
 * Weights with which every class counts the same in sum: length / (classes · count), as scikit-learn's "balanced".
 * @throws DataError when a class has no samples
 */
export function balancedWeights(dataset: Dataset): number[] {
  const counts = classCounts(dataset);
  const empty = counts.indexOf(0);
  if (empty >= 0) {
    throw new DataError(
      `${dataset.name}: class "${dataset.classes?.[empty]}" has no samples, so it cannot be balanced`,
    );
  }
  return counts.map((count) => dataset.length / (counts.length * count));
}

/**
 * The weights of a data set's classes as numbers; undefined where none are given.
 * @param option that gives them, for messages
 * @throws UsageError unless there is a number of at least 0 for each class, and one above 0
 */
export function weightsByClass(
  option: string,
  weights: ClassWeights | undefined,
  dataset: Dataset,
): readonly number[] | undefined {
  if (weights === undefined) return undefined;
  return weights === "balanced"
    ? balancedWeights(dataset)
    : checkWeights(option, weights, dataset.classes?.length ?? weights.length);
}

function checkWeights(option: string, weights: readonly number[], classes: number): readonly number[] {
  if (weights.length !== classes)
    throw new UsageError((named) => `${named(option)} has ${weights.length} weights for ${classes} classes`);
  const wrong = weights.find((weight) => !(Number.isFinite(weight) && weight >= 0));
  if (wrong !== undefined)
    throw new UsageError((named) => `${named(option)} has ${wrong}; expected numbers of at least 0`);
  if (!weights.some((weight) => weight > 0))
    throw new UsageError(
      (named) => `${named(option)}: all weights are 0, so that nothing would be learned; give one above 0`,
    );
  return weights;
}

/**
 * The order of epochs that draw every sample with a probability in proportion to its class's weight.
 * @param weights one number of at least 0 per class, not all 0
 */
export function weightedOrder(dataset: Dataset, weights: readonly number[], seed: number): EpochOrder {
  // cumulative[i]: the sum of the weights of samples 0 … i
  const cumulative = new Float64Array(dataset.length);
  let total = 0;
  for (let i = 0; i < dataset.length; i++) cumulative[i] = total += weights[dataset.label?.(i) ?? 0];
  if (!(total > 0)) throw new UsageError(`${dataset.name}: all samples have weight 0; nothing can be drawn`);
  return (epoch, out) => {
    const random = new Random(seed, "shuffle", epoch);
    for (let k = 0; k < out.length; k++) out[k] = firstAbove(cumulative, random.uniform() * total);
  };
}

/** Index of the first element above `value`; the last element is. */
function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

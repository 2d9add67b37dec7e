/**
 * An ensemble: several networks that answer together. It is a model like any other, so it can be measured, used and saved;
 * it costs the work of all of them.
 */
import { UsageError } from "../engine/errors.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import type { Tensor } from "../engine/tensor.ts";
import { Model } from "../models/model.ts";
import { type Context, Module } from "../nn/module.ts";
import { modelName } from "./evaluate.ts";

/** The networks of an ensemble side by side, for their names and weights. */
class Ensemble extends Module {
  readonly members: readonly Module[];

  constructor(members: readonly Module[]) {
    super();
    this.members = members;
  }

  forward(x: Tensor, context: Context): Tensor {
    return mean(this.members.map((member) => member.forward(x, context)));
  }
}

class EnsembleModel extends Model {
  readonly #models: readonly Model[];

  constructor(models: readonly Model[]) {
    const [{ inputShape, inputType, classes, preprocessing, dataset, recipe }] = models;
    const trainedOn = models.flatMap((model) => model.trainedOn);
    const temperature = temperatureOf(models);
    const known = { inputShape, inputType, classes, preprocessing, dataset, recipe, trainedOn, temperature };
    super(new Ensemble(models.map(({ network }) => network)), { ...known, normalization: null });
    this.#models = models;
  }

  // Each member sees pixels as it was trained to.
  override logits(x: Tensor, context: Context): Tensor {
    return mean(this.#models.map((model) => model.logits(x, context)));
  }
}

/**
 * The harmonic mean of the members' temperatures: where they agree, the ensemble's probabilities are the geometric mean of
 * those that its members answer. Undefined where no member has one.
 */
function temperatureOf(models: readonly Model[]): number | undefined {
  if (models.every(({ temperature }) => temperature === undefined)) return undefined;
  return models.length / models.reduce((sum, { temperature = 1 }) => sum + 1 / temperature, 0);
}

/** The mean of tensors of one shape. */
export function mean(tensors: readonly Tensor[]): Tensor {
  return mul(
    tensors.reduce((a, b) => add(a, b)),
    1 / tensors.length,
  );
}

/**
 * One model of several: the mean of their logits, which is the geometric mean of their probabilities.
 * @throws UsageError without models, or where inputs or classes differ
 */
export function ensembleOf(models: readonly Model[]): Model {
  if (models.length === 0) throw new UsageError("an ensemble needs at least one model");
  const [first] = models;
  const takes = ({ inputShape, inputType, classes }: Model): string => JSON.stringify([inputShape, inputType, classes]);
  const other = models.findIndex((model) => takes(model) !== takes(first));
  if (other > 0) {
    throw new UsageError(
      `an ensemble needs models with the same inputs and classes: ${modelName(first)}, the first, takes ${takes(first)} and ${modelName(models[other])}, number ${other + 1}, takes ${takes(models[other])}`,
    );
  }
  return models.length === 1 ? first : new EnsembleModel(models);
}

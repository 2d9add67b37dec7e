/**
 * An ensemble: several networks that answer together. It is a model like any other, so it can be measured, used and saved;
 * it costs the work of all of them.
 */
import { formatPorts } from "../data/port.ts";
import { UsageError } from "../engine/errors.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import { shortened } from "../engine/quote.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type AnyModel, Model, modelName } from "../models/model.ts";
import { type Context, Module } from "../nn/module.ts";
import type { Classify } from "../task/classify/classify.ts";
import { type InputCodec, unprepared } from "../task/input.ts";
import type { AnyTask } from "../task/task.ts";

/** The networks of an ensemble side by side: the mean of their logits. Each sees raw inputs prepared as it was trained to. */
class Ensemble extends Module {
  readonly members: readonly Module[];
  readonly #inputs: readonly InputCodec[];

  constructor(models: readonly AnyModel[]) {
    super();
    this.members = models.map(({ network }) => network);
    this.#inputs = models.map(({ task }) => task.input);
  }

  forward(x: Tensor, context: Context): Tensor {
    return mean(this.members.map((member, i) => forwardPrepared(member, this.#inputs[i], x, context)));
  }
}

/** What a network gives for raw inputs. */
export function forwardPrepared(network: Module, input: InputCodec, raw: Tensor, context: Context): Tensor {
  const { x, ...inputs } = input.prepare({ ...context.inputs, x: raw });
  return network.forward(x, { ...context, inputs });
}

/**
 * The harmonic mean of the members' temperatures: where they agree, the ensemble's probabilities are the geometric mean of
 * those that its members answer. Undefined where no member has one.
 */
function temperatureOf(models: readonly AnyModel[]): number | undefined {
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
 * @throws UsageError without models, or where inputs or outputs differ
 */
export function ensembleOf<T extends AnyTask = Classify>(models: readonly Model<T>[]): Model<T> {
  if (models.length === 0) throw new UsageError("an ensemble needs at least one model");
  const [first] = models;
  const takes = ({ task }: AnyModel): string =>
    `${formatPorts(task.input.ports)} and tells ${shortened(task.names.join(", "))} apart`;
  const other = models.findIndex((model) => takes(model) !== takes(first));
  if (other > 0) {
    throw new UsageError(
      `an ensemble needs models with the same inputs and outputs: ${modelName(first)}, the first, takes ${takes(first)} and ${modelName(models[other])}, number ${other + 1}, takes ${takes(models[other])}`,
    );
  }
  if (models.length === 1) return first;
  const { task, dataset, recipe } = first;
  const trainedOn = models.flatMap((model) => model.trainedOn);
  const known = { dataset, recipe, trainedOn, temperature: temperatureOf(models) };
  return new Model(new Ensemble(models), { ...known, task: unprepared(task) });
}

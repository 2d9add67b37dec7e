/**
 * A model that can be written to a model file and read back from one (formats/model-file.ts): what `fit` returns and
 * `load` gives. The file holds weights, architecture, the traced graph, preprocessing, class names and an example that
 * proves, wherever the file is loaded, that it computes what it did here.
 */

import { openAxes, shapeAt } from "../data/port.ts";
import type { Backend, ImmediateBackend, ImmediateProgram } from "../engine/backends/backend.ts";
import { Budget } from "../engine/budget.ts";
import { DataError, DuctusError, TooLargeError, UsageError } from "../engine/errors.ts";
import { filled, type Optional } from "../engine/options.ts";
import { Random } from "../engine/random.ts";
import {
  check,
  dictionary,
  either,
  list,
  Mismatch,
  number,
  record,
  refined,
  type Schema,
  text,
  whole,
} from "../engine/schema.ts";
import { sizeOf } from "../engine/shape.ts";
import {
  encodeModelFile,
  type GoldenPair,
  type ModelFile,
  openModelFile,
  type StoredTraining,
} from "../formats/model-file.ts";
import type { NamedTensor } from "../formats/tensor-data.ts";
import { modelToJson } from "../models/graph-json.ts";
import { GraphModule } from "../models/graph-module.ts";
import {
  type AnyModel,
  classifier,
  DEFAULT_RECIPE,
  type KnownOptions,
  Model,
  numbersInput,
  type Recipe,
  type TaskOptions,
} from "../models/model.ts";
import { networkNamed } from "../models/network-table.ts";
import { ARCHITECTURES, create } from "../models/registry.ts";
import { limited } from "../nn/init.ts";
import { platform } from "../platform/platform.ts";
import { VERSION } from "../platform/version.ts";
import type { Classify } from "../task/classify/classify.ts";
import { unprepared } from "../task/input.ts";
import type { AnyTask } from "../task/task.ts";
import { readTask } from "../task/tasks.ts";
import { GOLDEN_LENGTH, inferenceGraph, runOnce, verified } from "./inference.ts";
import { locate } from "./locate.ts";

/** Name in the file of an architecture that is a user's own class; such a model is rebuilt from its graph. */
const OWN_ARCHITECTURE = "custom";
/** A file without a data set, or with one that has no fingerprint. */
const NONE = "none";

/** More than nothing. */
const positive = number(Number.MIN_VALUE);
const scheduleSchema = refined(dictionary(either(text, number())), ({ name }) =>
  typeof name === "string" ? undefined : "must have a name",
) as Schema<NonNullable<Recipe["schedule"]>>;
const recipeSchema: Schema<Recipe> = record(
  { optimizer: text, lr: positive, batchSize: whole(1), epochs: whole(1), loss: text },
  {
    betas: list(number(), 2, 2) as Schema<readonly [number, number]>,
    momentum: number(),
    weightDecay: number(),
    schedule: scheduleSchema,
    labelSmoothing: number(),
    augment: text,
    plainEpochs: whole(0),
  },
  "ignored",
);

/** A {@link Model} that can be saved. */
export class TrainedModel<T extends AnyTask = Classify> extends Model<T> {
  /** The same network, not a copy of it, with `changes` to what is known about it. */
  static of<T extends AnyTask>(model: Model<T>, changes: Optional<TaskOptions<T>> = {}): TrainedModel<T> {
    const { network, task, architecture, recipe, metrics, dataset, trainedOn, temperature, precision } = model;
    const known = { task, architecture, recipe, metrics, dataset, trainedOn, temperature, precision };
    return new TrainedModel(network, filled<TaskOptions<T>>(known, changes));
  }

  /**
   * Writes the model file; the file is there whole or not at all.
   * @throws DuctusError in one line when it cannot be written
   */
  async save(path: string): Promise<void> {
    await platform().writeFile(path, await encodeModel(this));
  }
}

/** How {@link load} and its kind run a model to check it. */
export interface LoadOptions {
  /** Default: a new one, which the first {@link Predictor} of the model takes over. */
  readonly backend?: Backend | undefined;
  /** Starts every message; default: the path, or "model". */
  readonly name?: string | undefined;
}

/** The bytes of a model file. @param training for checkpoints */
export async function encodeModel(model: AnyModel, training?: StoredTraining, backend?: Backend): Promise<Uint8Array> {
  const { architecture, task, trainedOn } = model;
  await checkSavable(task);
  await backend?.pull(model.network.parameters());
  // Strict arithmetic unless training has its own: equal models give equal files, on every machine.
  const golden = await goldenPair(model, backend);
  return encodeModelFile({
    version: VERSION,
    architecture: { name: architecture?.name ?? OWN_ARCHITECTURE, options: architecture?.options ?? {} },
    graph: modelToJson(model),
    task: task.record(),
    recipe: { ...model.recipe },
    dataset: model.dataset ?? { name: NONE, fingerprint: NONE },
    metrics: model.metrics,
    temperature: model.temperature,
    precision: model.precision,
    trainedOn:
      trainedOn.length > 1 ? (await import("../data/trained-samples.ts")).mergeRecords(trainedOn) : trainedOn[0],
    golden,
    weights: new Map(
      [...model.network.namedParameters()].map(([name, { shape, data }]) => [name, copied(shape, data)]),
    ),
    training,
  });
}

/** Makes sure that what is written of a task can be read again. @throws UsageError for a task or a codec of one's own */
async function checkSavable(task: AnyTask): Promise<void> {
  try {
    await readTask(task.record(), "cannot save the model");
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const [own, codec] = [task, task.input].map((one) => one.constructor.name);
    throw new UsageError(
      `${error.message}: a model file holds tasks and inputs of Ductus alone, not ${own} and ${codec}; use those of tasks, or saveWeights`,
      { cause: error },
    );
  }
}

/**
 * Reads a model file and makes sure that it computes what it did where it was saved.
 * @param source the path of a file or of a run's folder, or the bytes of the file
 * @throws DataError when the file is damaged, is something else, or the check fails; TooLargeError, which is one, when its network
 *   would cost more than a file of its size may
 */
export async function load<T extends AnyTask = Classify>(
  source: string | Uint8Array,
  options: LoadOptions = {},
): Promise<TrainedModel<T>> {
  if (typeof source === "string") {
    const { path } = await locate(source, "model");
    return load(await platform().readFile(path), { name: path, ...options });
  }
  const { name = "model" } = options;
  const file = await openModelFile(source, name);
  const budget = new Budget(name, source.length);
  const model = await build(file, name, budget);
  const backend = options.backend ?? (await platform().createBackend({ threads: 1 }));
  const program = await verified(model, file, { backend, budget, name });
  if (options.backend === undefined) checked.set(model, { backend, program } as CheckedProgram);
  else program.dispose();
  return model as AnyModel as TrainedModel<T>;
}

async function build(file: ModelFile, name: string, budget: Budget): Promise<TrainedModel<AnyTask>> {
  const isNamed = ARCHITECTURES.some((architecture) => architecture.name === file.architecture.name);
  const recipe = check(recipeSchema, file.recipe);
  const known: KnownOptions = {
    recipe: recipe instanceof Mismatch ? DEFAULT_RECIPE : recipe,
    metrics: file.metrics,
    temperature: file.temperature,
    precision: file.precision,
    dataset: file.dataset,
    trainedOn: file.trainedOn && [file.trainedOn],
  };
  try {
    const task = await readTask(file.task, name);
    const entry = networkNamed(file.architecture.name);
    const stored = [...file.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
    if (entry !== undefined) {
      const [{ modelOf }, network] = await Promise.all([import("../models/network.ts"), entry.load()]);
      const fresh = limited(stored, () => modelOf(network, task, file.architecture.options, {}));
      fresh.network.load(file.weights);
      return TrainedModel.of<AnyTask>(fresh, { ...known, task });
    }
    if (!isNamed) {
      const network = await GraphModule.read(file.graph, file.weights, budget);
      // The graph holds the normalization already.
      return new TrainedModel<AnyTask>(network, { ...known, task: unprepared(task) });
    }
    const { shape: inputShape, normalization } = numbersInput(task);
    const options = { inputShape, classes: classifier(task).classes, seed: null };
    const fresh = limited(stored, () =>
      create(file.architecture.name, normalization === null ? options : { ...options, normalization }),
    );
    fresh.network.load(file.weights);
    return TrainedModel.of<AnyTask>(fresh, { ...known, task });
  } catch (error) {
    if (error instanceof TooLargeError) throw new TooLargeError(located(error.message, name), { cause: error });
    if (error instanceof DuctusError) throw new DataError(located(error.message, name), { cause: error });
    throw error;
  }
}

/** Refusals of a budget, and of a task, begin with the file already. */
const located = (message: string, name: string): string =>
  message.startsWith(`${name}: `) ? message : `${name}: ${message}`;

/** Numbers that look like no sample and give nothing away of the data: the same for every model of this input. */
async function goldenPair(model: AnyModel, given?: Backend): Promise<GoldenPair> {
  const { ports } = model.task.input;
  const sizes = Object.fromEntries(openAxes(ports).map((axis) => [axis, GOLDEN_LENGTH]));
  const random = new Random(0, "user");
  const drawn = Object.entries(ports).map(([name, port]): [string, NamedTensor] => {
    const shape = shapeAt(port, sizes);
    const data = model.task.input.example(name, sizeOf(shape), random);
    return [name, { shape: [1, ...shape], data } as NamedTensor];
  });
  const { x: input, ...others } = Object.fromEntries(drawn);
  const pair = { input, others: new Map(Object.entries(others)) };
  const graph = inferenceGraph(model, 1, sizes);
  const backend = given ?? (await platform().createBackend({ threads: 1, strict: true }));
  try {
    const program = await backend.compile(graph);
    const data = await runOnce(program, pair, "model");
    program.dispose();
    return { ...pair, output: { shape: graph.outputs.logits.shape, data } };
  } finally {
    if (given === undefined) await backend.close();
  }
}

/** What reads one sample with a model, and where it runs. */
export interface CheckedProgram {
  readonly backend: ImmediateBackend;
  readonly program: ImmediateProgram;
}

/** By what models were checked when they were loaded. A program takes as long to compile as all the rest of loading. */
const checked = new WeakMap<AnyModel, CheckedProgram>();

/** Hands over the program with which a model was checked, once; undefined where there is none, or none any more. */
export function takeChecked(model: AnyModel): CheckedProgram | undefined {
  const found = checked.get(model);
  checked.delete(model);
  // Its weights may have been written since.
  found?.backend.push(model.network.parameters());
  return found;
}

/** A copy in memory of its own: parameters may live in memory that threads share, which files are not written from. */
function copied(shape: readonly number[], data: Float32Array | Int32Array): NamedTensor {
  return data instanceof Float32Array ? { shape, data: new Float32Array(data) } : { shape, data: new Int32Array(data) };
}

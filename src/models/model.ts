/**
 * A `Model` is a network with all it takes to use it: its task (what goes in, what comes out and what that means), the recipe
 * that trains it, and where it comes from. Training fills in the rest (metrics, data set); the model file stores it.
 */

import { type Port, type Sizes, shapeAt } from "../data/port.ts";
import { ShapeError, UsageError } from "../engine/errors.ts";
import { input } from "../engine/ops/constant.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { inferenceContext } from "../nn/context.ts";
import { initialize } from "../nn/init.ts";
import type { Context, Module } from "../nn/module.ts";
import { forwardNamed } from "../nn/observe.ts";
import { type Summary, summarize } from "../nn/summary.ts";
import { Classify } from "../task/classify/classify.ts";
import { type Normalization, NumbersInput, type NumbersOptions, type NumbersType } from "../task/input.ts";
import type { AnyTask, Tensors } from "../task/task.ts";

export type { Normalization };

/** How a network is trained unless the user says otherwise. */
export interface Recipe {
  /** A name of optim/registry.ts. */
  readonly optimizer: string;
  readonly lr: number;
  /** Of adam and adamw. */
  readonly betas?: readonly [first: number, second: number] | undefined;
  readonly momentum?: number | undefined;
  readonly weightDecay?: number | undefined;
  /** A name of optim/schedules.ts and its options; default: the rate stays as it is. */
  readonly schedule?: { readonly name: string; readonly [option: string]: string | number } | undefined;
  readonly batchSize: number;
  readonly epochs: number;
  /** A name of task/losses.ts, or of the task's own. */
  readonly loss: string;
  /** Share of the target that is spread over all classes while training; default 0. */
  readonly labelSmoothing?: number | undefined;
  /** A preset of augment/presets.ts; default: samples as they are. */
  readonly augment?: string | undefined;
  /** Last epochs in which samples are not augmented; default 0. */
  readonly plainEpochs?: number | undefined;
}

/** The recipe of a network that comes without one. */
export const DEFAULT_RECIPE: Recipe = {
  optimizer: "adam",
  lr: 0.001,
  batchSize: 64,
  epochs: 5,
  loss: "crossEntropy",
};

/** A named architecture and the options it was built with: enough to build it again. */
export interface Architecture {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The data that a model was trained on. */
export interface TrainingData {
  readonly name: string;
  readonly fingerprint: string;
  /** The numbers of its files that were black and white; undefined where these were 0 and 255, or are not known. */
  readonly valueSpan?: { readonly low: number; readonly high: number } | undefined;
}

/** What numbers a model file holds weights in. */
export type Precision = "float32" | "float16";

/** What is known of a model of any task. */
export interface KnownOptions {
  readonly architecture?: Architecture | null | undefined;
  readonly recipe?: Recipe | undefined;
  readonly metrics?: Readonly<Record<string, unknown>> | undefined;
  readonly dataset?: TrainingData | undefined;
  /** See {@link Model.trainedOn}; default: nothing is known. */
  readonly trainedOn?: readonly Int32Array[] | undefined;
  /** See {@link Model.temperature}; above 0. */
  readonly temperature?: number | undefined;
  /** See {@link Model.precision}; default "float32". */
  readonly precision?: Precision | undefined;
  /** Draws the weights anew, so that they depend on the seed only; without it they stay as they are. */
  readonly seed?: number | undefined;
}

/** A model of any task. */
export interface TaskOptions<T extends AnyTask> extends KnownOptions {
  readonly task: T;
}

/** A model that puts numbers, such as pictures, into classes: the short form of `task: new Classify(new NumbersInput(…), classes)`. */
export interface ModelOptions extends KnownOptions {
  /** Shape of one input without the batch axis: [height, width, channels]. */
  readonly inputShape: Shape;
  /** Class names in the order of the outputs, or how many there are ("0", "1", …). */
  readonly classes: number | readonly string[];
  /** "uint8" (default): inputs are bytes 0 … 255. "float32": they are numbers of any range. "int32": whole numbers. */
  readonly inputType?: NumbersOptions["dtype"] | undefined;
  /** Default: bytes are divided by 255, numbers left alone. null: the network gets the input untouched. */
  readonly normalization?: NumbersOptions["normalization"] | undefined;
  readonly preprocessing?: NumbersOptions["preprocessing"] | undefined;
}

function taskOf<T extends AnyTask>(options: ModelOptions | TaskOptions<T>): T {
  if ("task" in options) return options.task;
  const { inputShape: shape, inputType: dtype, normalization, preprocessing, classes } = options;
  // Whoever leaves the task out asks for this one.
  return new Classify(new NumbersInput({ shape, dtype, normalization, preprocessing }), classes) as AnyTask as T;
}

/** Lengths that axes with a name have while a network is looked at: any will do, but 1, which hides mistakes. */
const SOME_LENGTH = 8;

/**
 * A network with its task, its recipe, and what is known of where it comes from.
 * @typeParam T its task; classification unless something else is said
 */
export class Model<T extends AnyTask = Classify> {
  readonly network: Module;
  readonly architecture: Architecture | null;
  readonly recipe: Recipe;
  /** What the model is for. */
  task: T;
  /** Results by name. */
  metrics: Readonly<Record<string, unknown>>;
  /** What it was trained on. */
  dataset: TrainingData | undefined;
  /** By what the samples of it are known again: a record (data/trained-samples.ts), or one for each network of several. */
  trainedOn: readonly Int32Array[];
  /**
   * What the logits are divided by before the softmax, so that probabilities can be believed: fitted on samples that the network
   * was not trained on. Undefined where there were none; it then counts as 1. It belongs to the weights: whoever changes those
   * resets it.
   */
  temperature: number | undefined;
  /** What a model file holds the weights in; float16 only as long as every weight is such a number, as `halved` makes them. */
  readonly precision: Precision;

  /**
   * @throws UsageError where an option makes no sense
   * @throws ShapeError where a layer (named) does not fit the one before it, or the outputs not the task
   */
  constructor(network: Module, options: ModelOptions | TaskOptions<T>) {
    this.network = network;
    this.task = taskOf(options);
    this.architecture = options.architecture ?? null;
    this.recipe = options.recipe ?? { ...DEFAULT_RECIPE, loss: this.task.loss };
    this.metrics = options.metrics ?? {};
    this.dataset = options.dataset;
    this.trainedOn = options.trainedOn ?? [];
    this.temperature = checkTemperature(options.temperature);
    this.precision = options.precision ?? "float32";
    // So that what does not fit is said here and not in the middle of a training. Two samples: a network that loses the batch
    // axis would not show it with one.
    this.outputs(inputsOf(this.task, 2), inferenceContext());
    if (options.seed !== undefined) initialize(network, options.seed);
  }

  /**
   * Traces the network on a batch of raw inputs.
   * @param inputs by the names of `task.input.ports`; bytes may come as uint8 or as float32 numbers 0 … 255
   * @returns by the names of `task.outputs`
   * @throws ShapeError where the batch does not fit the model, or a layer (named) not the one before it
   */
  outputs(inputs: Tensors, context: Context): Tensors {
    for (const [name, port] of Object.entries(this.task.input.ports)) checkInput(name, port, inputs[name]);
    const { x, ...others } = this.task.input.prepare(inputs);
    return this.task.finish(forwardNamed(this.network, x, { ...context, inputs: others }), inputs);
  }

  /** The logits alone, of a model with one input: [batch, ...inputShape] → [batch, …]. */
  logits(x: Tensor, context: Context): Tensor {
    return this.outputs({ x }, context).logits;
  }

  /** Layers, shapes, parameters and multiply-adds. */
  summary(): Summary {
    const { ports } = this.task.input;
    const { x, ...others } = inputsOf(this.task, 1);
    // Layers are counted on what they get, not on what it is made of.
    const prepared = this.task.input.prepare({ x, ...others }).x;
    const own = prepared === x ? x : input({ name: "x", shape: x.shape, dtype: prepared.dtype, batched: true });
    return summarize(this.network, own, Object.keys(ports).length > 1 ? others : {});
  }

  /** Names of the classes in the order of the outputs. @throws UsageError where the task has none */
  get classes(): readonly string[] {
    return classifier(this.task).classes;
  }

  /** Shape of one input without the batch axis. @throws UsageError where inputs are no numbers of one shape */
  get inputShape(): Shape {
    return numbersInput(this.task).shape;
  }

  /** @throws as {@link inputShape} does */
  get inputType(): NumbersType {
    return numbersInput(this.task).dtype;
  }

  /** @throws as {@link inputShape} does */
  get normalization(): Normalization | null {
    return numbersInput(this.task).normalization;
  }

  /** From raw pixels to an input; data that the module which applies it checks. @throws as {@link inputShape} does */
  get preprocessing(): NumbersOptions["preprocessing"] {
    return numbersInput(this.task).preprocessing;
  }

  set preprocessing(preprocessing: NumbersOptions["preprocessing"]) {
    const input = numbersInput(this.task);
    this.task = this.task.reading(new NumbersInput({ ...input, preprocessing })) as T;
  }
}

/** A model of any task. */
export type AnyModel = Model<AnyTask>;

/** What a model goes by in messages and file names. */
export function modelName({ architecture, network }: AnyModel): string {
  return architecture?.name ?? network.constructor.name;
}

/** Symbolic raw inputs of a batch. @param sizes lengths of the axes that have a name; default: some length */
export function inputsOf(task: AnyTask, batch: number, sizes?: Sizes): Tensors {
  return Object.fromEntries(
    Object.entries(task.input.ports).map(([name, port]) => {
      const shape = [batch, ...shapeAt(port, sizes ?? someSizes(port))];
      return [name, input({ name, shape, dtype: port.dtype, batched: true })];
    }),
  );
}

function someSizes({ shape }: Port): Sizes {
  return Object.fromEntries(shape.map((dim) => [dim, SOME_LENGTH]));
}

function checkInput(name: string, port: Port, tensor: Tensor | undefined): void {
  const { shape } = port;
  const fits =
    tensor !== undefined &&
    tensor.rank === shape.length + 1 &&
    shape.every((dim, i) => typeof dim === "string" || dim === tensor.shape[i + 1]);
  if (fits) return;
  const wanted = ["batch", ...shape].join(", ");
  const found = tensor === undefined ? "missing" : formatShape(tensor.shape);
  const subject = name === "x" ? "inputs are" : `its input "${name}" is`;
  throw new ShapeError(`model: ${subject} ${found} but this model takes [${wanted}]`);
}

/** @throws UsageError */
export function classifier(task: AnyTask): Classify {
  if (task instanceof Classify) return task;
  throw new UsageError(
    `this is for models that classify; this one is for another task, to ${task.kind}: see predict, and evaluate and fit of the API`,
  );
}

/** @throws UsageError */
export function numbersInput(task: AnyTask): NumbersInput {
  const { input } = task;
  if (input instanceof NumbersInput) return input;
  throw new UsageError(
    `this is for models that read pictures or other numbers; this one reads ${input.kind}: see predict, and evaluate and fit of the API`,
  );
}

function checkTemperature(temperature: number | undefined): number | undefined {
  if (temperature === undefined || (temperature > 0 && Number.isFinite(temperature))) return temperature;
  throw new UsageError(`model: temperature is ${temperature}; expected a number above 0`);
}

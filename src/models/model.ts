/**
 * A `Model` is a network with all it takes to use it: what an input looks like, how pixels become numbers, the names of
 * the classes, and where it comes from. Training fills in the rest (preprocessing, metrics, data set); the model file
 * stores it.
 */
import { ShapeError, UsageError } from "../engine/errors.ts";
import { constant, input } from "../engine/ops/constant.ts";
import { add, cast, mul } from "../engine/ops/elementwise.ts";
import { quote, shortened } from "../engine/quote.ts";
import { formatShape, type Shape, sameShape } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { inferenceContext } from "../nn/context.ts";
import { initialize } from "../nn/init.ts";
import type { Context, Module } from "../nn/module.ts";
import { forwardNamed } from "../nn/observe.ts";
import { type Summary, summary } from "../nn/summary.ts";

/** (x − mean) / std, with one number for all channels or one each. Bytes are divided by 255 first. */
export interface Normalization {
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
}

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
  readonly loss: "crossEntropy";
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

export interface ModelOptions {
  /** Shape of one input without the batch axis: [height, width, channels]. */
  readonly inputShape: Shape;
  /** Class names in the order of the outputs, or how many there are ("0", "1", …). */
  readonly classes: number | readonly string[];
  /** "uint8" (default): inputs are bytes 0 … 255. "float32": they are numbers of any range. */
  readonly inputType?: "uint8" | "float32" | undefined;
  /** Default: bytes are divided by 255, numbers left alone. null: the network gets the input untouched. */
  readonly normalization?: Normalization | null | undefined;
  readonly architecture?: Architecture | null | undefined;
  readonly recipe?: Recipe | undefined;
  readonly preprocessing?: Readonly<Record<string, unknown>> | undefined;
  readonly metrics?: Readonly<Record<string, unknown>> | undefined;
  readonly dataset?: TrainingData | undefined;
  /** See {@link Model.trainedOn}; default: nothing is known. */
  readonly trainedOn?: readonly Int32Array[] | undefined;
  /** See {@link Model.temperature}; above 0. */
  readonly temperature?: number | undefined;
  /** Draws the weights anew, so that they depend on the seed only; without it they stay as they are. */
  readonly seed?: number | undefined;
}

/** What to do where the batch axis is gone. */
const lostBatch = ({ rank }: Tensor): string => (rank < 2 ? "; flatten(x, 1) keeps the batch axis" : "");

const AS_IT_IS: Normalization = { mean: 0, std: 1 };

export class Model {
  readonly network: Module;
  readonly architecture: Architecture | null;
  readonly inputShape: Shape;
  readonly inputType: "uint8" | "float32";
  readonly normalization: Normalization | null;
  readonly classes: readonly string[];
  readonly recipe: Recipe;
  /** From raw pixels to an input; data that the module which applies it checks. */
  preprocessing: Readonly<Record<string, unknown>> | undefined;
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

  /**
   * @throws UsageError where an option makes no sense
   * @throws ShapeError where a layer (named) does not fit the one before it, or the outputs not the classes
   */
  constructor(network: Module, options: ModelOptions) {
    this.network = network;
    this.architecture = options.architecture ?? null;
    this.inputShape = checkShape(options.inputShape);
    this.inputType = options.inputType ?? "uint8";
    this.normalization =
      options.normalization === undefined ? AS_IT_IS : checkNormalization(options.normalization, this.inputShape);
    this.classes = classNames(options.classes);
    this.recipe = options.recipe ?? DEFAULT_RECIPE;
    this.preprocessing = options.preprocessing;
    this.metrics = options.metrics ?? {};
    this.dataset = options.dataset;
    this.trainedOn = options.trainedOn ?? [];
    this.temperature = checkTemperature(options.temperature);
    // A subclass that makes its logits in another way may not be complete yet.
    if (this.logits === Model.prototype.logits) this.#check();
    if (options.seed !== undefined) initialize(network, options.seed);
  }

  /** Traces the network once, so that what does not fit is said here and not in the middle of a training. */
  #check(): void {
    // Two samples: a network that loses the batch axis would not show it with one.
    const x = input({ name: "x", shape: [2, ...this.inputShape], dtype: this.inputType, batched: true });
    this.logits(x, inferenceContext());
  }

  /**
   * Traces the network on a batch of raw inputs, [batch, ...inputShape] → [batch, classes].
   * @param x in the units of `inputType`: bytes may come as uint8 or as float32 numbers 0 … 255
   * @throws ShapeError where the batch does not fit the model, or a layer (named) not the one before it
   */
  logits(x: Tensor, context: Context): Tensor {
    if (!sameShape(x.shape.slice(1), this.inputShape)) {
      const batch = ["batch", ...this.inputShape].join(", ");
      throw new ShapeError(`model: inputs are ${formatShape(x.shape)} but this model takes [${batch}]`);
    }
    const logits = forwardNamed(this.network, this.#normalize(x), context);
    if (!sameShape(logits.shape, [x.shape[0], this.classes.length])) {
      const [found, wanted] = [logits.shape, [x.shape[0], this.classes.length]].map(formatShape);
      throw new ShapeError(
        `model: the network's output is ${found} but ${this.classes.length} classes need ${wanted}; change its last layer or the classes${lostBatch(logits)}`,
      );
    }
    return logits;
  }

  /** Layers, shapes, parameters and multiply-adds. */
  summary(): Summary {
    return summary(this.network, this.inputShape, this.normalization === null ? this.inputType : "float32");
  }

  // (x/255 − mean)/std as one multiplication and one addition per element
  #normalize(x: Tensor): Tensor {
    if (this.normalization === null) return x;
    const { mean, std } = this.normalization;
    const unit = this.inputType === "uint8" ? 255 : 1;
    const channels = this.inputShape.at(-1) ?? 1;
    const deviation = perChannel(std, channels);
    const scale = deviation.map((s) => 1 / (unit * s));
    const shift = perChannel(mean, channels).map((m, c) => -m / deviation[c]);
    const scaled = isAll(scale, 1) ? cast(x, "float32") : mul(cast(x, "float32"), asConstant(scale));
    return isAll(shift, 0) ? scaled : add(scaled, asConstant(shift));
  }
}

const perChannel = (value: number | readonly number[], channels: number): readonly number[] =>
  typeof value === "number" ? new Array<number>(channels).fill(value) : value;

// −0 counts as 0 here, hence no Object.is
const isAll = (values: readonly number[], wanted: number): boolean => values.every((value) => value === wanted);

/** A scalar where all channels agree, which is cheaper to apply. */
const asConstant = (values: readonly number[]): Tensor =>
  isAll(values, values[0]) ? constant(values[0]) : constant(values);

function checkTemperature(temperature: number | undefined): number | undefined {
  if (temperature === undefined || (temperature > 0 && Number.isFinite(temperature))) return temperature;
  throw new UsageError(`model: temperature is ${temperature}; expected a number above 0`);
}

function checkShape(shape: Shape): Shape {
  if (shape.length === 0 || !shape.every((dim) => Number.isInteger(dim) && dim > 0)) {
    throw new UsageError(
      `model: the input shape ${formatShape(shape)} must be positive whole numbers, [height, width, channels] for pictures`,
    );
  }
  return shape;
}

function checkNormalization(normalization: Normalization | null, inputShape: Shape): Normalization | null {
  if (normalization === null) return null;
  const { mean, std } = normalization;
  for (const [name, value] of Object.entries({ mean, std })) {
    const numbers = typeof value === "number" ? [value] : value;
    if (typeof value !== "number" && value.length !== inputShape.at(-1)) {
      throw new UsageError(`model: ${value.length} numbers in ${name} for ${inputShape.at(-1)} channels`);
    }
    if (!numbers.every((n) => Number.isFinite(n) && (name === "mean" || n > 0))) {
      throw new UsageError(
        `model: the normalisation's ${name} ${shortened(numbers.join(", "))} must be finite, std above 0`,
      );
    }
  }
  return normalization;
}

/** @throws UsageError for less than one class or names that occur twice */
export function classNames(classes: number | readonly string[]): readonly string[] {
  if (typeof classes === "number") {
    if (!Number.isInteger(classes) || classes < 1 || classes > 1_000_000) {
      throw new UsageError(`model: ${classes} classes; give a whole number of at least 1, or their names`);
    }
    return Array.from({ length: classes }, (_, k) => String(k));
  }
  if (classes.length === 0) throw new UsageError("model: no classes; name at least one");
  const seen = new Set<string>();
  for (const name of classes) {
    if (seen.has(name)) throw new UsageError(`model: the class name ${quote(name)} occurs twice`);
    seen.add(name);
  }
  return classes;
}

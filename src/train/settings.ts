/** What a run is asked to do: the options of `fit`, and how they combine with the model's recipe. */
import type { Dataset } from "../data/dataset.ts";
import type { Preprocessing } from "../data/preprocess.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import type { Metric } from "../metrics/metric.ts";
import type { Recipe } from "../models/model.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { createOptimizer, type OptimizerOption } from "../optim/registry.ts";
import { createSchedule, type Schedule, type ScheduleSpec } from "../optim/schedules.ts";
import type { BackendOptions } from "../platform/platform.ts";
import type { Callback } from "./callbacks.ts";
import { findLoss, type LossFunction, type LossName, smoothedLoss } from "./losses.ts";

/** An optimiser by name with its own options: `{ name: "sgd", momentum: 0.9 }`. */
export interface OptimizerSpec {
  readonly name: string;
  readonly [option: string]: string | OptimizerOption | undefined;
}

/** Everything has a default; most come from `model.recipe`. */
export interface FitOptions extends BackendOptions {
  readonly epochs?: number;
  readonly batchSize?: number;
  /** By name, by name with options, or one's own. */
  readonly optimizer?: string | OptimizerSpec | Optimizer;
  /** Learning rate; default: the recipe's or the optimiser's own. */
  readonly lr?: number;
  /** How the learning rate changes, by name, as data, or made before; default: the recipe's. */
  readonly schedule?: ScheduleSpec["name"] | ScheduleSpec | Schedule;
  /** Samples to validate on after each epoch: a part of every class (0 … 1), which is then not trained on, or other data. */
  readonly validation?: number | Dataset;
  /** Of the shuffle, the split and dropout; default 0. The same seed gives the same weights. */
  readonly seed?: number;
  readonly loss?: LossName | LossFunction;
  /** Share of the target that `crossEntropy` spreads over all classes while training; default: the recipe's. */
  readonly labelSmoothing?: number;
  /** Measured on the validation samples. */
  readonly metrics?: readonly Metric[];
  readonly callbacks?: readonly Callback[];
  /** Largest norm of all gradients together. */
  readonly clipNorm?: number;
  /** How pictures become samples, for the model file; default: what is known of the data set, or follows from its shape. */
  readonly preprocessing?: Preprocessing;
  /** Which weights the model has in the end: those of the last epoch (default) or of the best on the validation samples. */
  readonly keep?: "last" | "best";
  /** Run on this backend and leave it open; default: a new one. */
  readonly backend?: Backend;
  /** Ends the run after the current step; `fit` then returns with `ended: "aborted"`. */
  readonly signal?: AbortSignal;
}

/** Everything decided. */
export interface Settings {
  readonly epochs: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly optimizer: Optimizer;
  readonly lr: number;
  readonly schedule: Schedule;
  /** What is minimised. */
  readonly loss: LossFunction;
  /** What is measured on validation samples: the same without label smoothing. */
  readonly measuredLoss: LossFunction;
  readonly clipNorm: number | undefined;
}

/** Options where they are given, else the recipe. @throws UsageError when one is out of range */
export function resolveSettings(recipe: Recipe, options: FitOptions): Settings {
  const { epochs = recipe.epochs, batchSize = recipe.batchSize, seed = 0, clipNorm } = options;
  requireWhole("epochs", epochs);
  requireWhole("batchSize", batchSize);
  if (!Number.isSafeInteger(seed)) throw new UsageError(`seed is ${seed}; expected a whole number`);
  requirePositive("clipNorm", clipNorm);
  requirePositive("lr", options.lr);
  const { loss = recipe.loss } = options;
  const labelSmoothing = options.labelSmoothing ?? (loss === recipe.loss ? recipe.labelSmoothing : 0) ?? 0;
  const optimizer = makeOptimizer(recipe, options);
  return {
    epochs,
    batchSize,
    seed,
    optimizer,
    lr: options.lr ?? optimizer.lr,
    schedule: makeSchedule(options.schedule ?? recipe.schedule ?? "constant"),
    loss: smoothedLoss(loss, labelSmoothing),
    measuredLoss: findLoss(loss),
    clipNorm,
  };
}

/** The recipe's numbers hold for the recipe's optimiser; another one starts from its own defaults. */
function makeOptimizer(recipe: Recipe, { optimizer = recipe.optimizer, lr }: FitOptions): Optimizer {
  if (typeof optimizer === "object" && isOptimizer(optimizer)) return optimizer;
  const { name, ...given } = typeof optimizer === "string" ? { name: optimizer } : optimizer;
  const { betas, momentum, weightDecay } = recipe;
  const own = name === recipe.optimizer ? { lr: recipe.lr, betas, momentum, weightDecay } : {};
  return createOptimizer(name, { ...own, ...withoutUndefined(given), ...(lr !== undefined && { lr }) });
}

function withoutUndefined(options: object): Record<string, OptimizerOption> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function isOptimizer(value: OptimizerSpec | Optimizer): value is Optimizer {
  return typeof value.update === "function";
}

function makeSchedule(schedule: NonNullable<FitOptions["schedule"] | Recipe["schedule"]>): Schedule {
  if (typeof schedule === "object" && "factor" in schedule) return schedule as Schedule;
  return createSchedule(schedule as ScheduleSpec | ScheduleSpec["name"]);
}

function requireWhole(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new UsageError(`${name} is ${value}; expected a whole number of at least 1`);
  }
}

function requirePositive(name: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0 && Number.isFinite(value))) {
    throw new UsageError(`${name} is ${value}; expected a number above 0`);
  }
}

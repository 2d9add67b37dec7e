/** What a run is asked to do: the options of `fit`, and how they combine with the model's recipe. */
import type { AugmentOption } from "../augment/presets.ts";
import type { Dataset, PairDataset } from "../data/dataset.ts";
import type { ClassWeights } from "../data/sampling.ts";
import type { Backend } from "../engine/backends/backend.ts";
import type { Suggested } from "../engine/options.ts";
import type { Metric } from "../metrics/metric.ts";
import type { AnyModel, Recipe } from "../models/model.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { createOptimizer, type OptimizerName, type OptimizerOption } from "../optim/registry.ts";
import { createSchedule, type Schedule, type ScheduleSpec } from "../optim/schedules.ts";
import type { Preprocessing } from "../picture/preprocessing.ts";
import type { BackendOptions } from "../platform/platform.ts";
import { findLoss, type LossFunction, type LossName, trainingLoss } from "../task/losses.ts";
import type { Callback } from "./callbacks.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Teaching } from "./distill.ts";
import { checkRanges } from "./options.ts";
import type { TransferOptions } from "./transfer/freeze.ts";

/** An optimizer by name with its own options: `{ name: "sgd", momentum: 0.9 }`. */
export interface OptimizerSpec {
  readonly name: Suggested<OptimizerName>;
  readonly [option: string]: string | OptimizerOption | undefined;
}

/** Everything has a default; most come from `model.recipe`. What numbers may be, and what a resume compares, is options.ts. */
export interface FitOptions extends BackendOptions {
  readonly epochs?: number | undefined;
  /** Ends the run after so many changes of the weights, also within an epoch. */
  readonly steps?: number | undefined;
  /**
   * Minutes for training and validation. The speed is measured first, and the schedule stretched over as many steps as
   * fit; without `epochs` and `steps`, which bound it, also beyond the recipe's. A run that is slower after all ends in time.
   */
  readonly minutes?: number | undefined;
  /** Samples that go through the network at a time. */
  readonly batchSize?: number | undefined;
  /** Batches whose gradients are added before the weights change; default 1. */
  readonly accumulate?: number | undefined;
  /** By name, by name with options, or one's own. */
  readonly optimizer?: Suggested<OptimizerName> | OptimizerSpec | Optimizer | undefined;
  /** Learning rate; default: the recipe's or the optimizer's own. */
  readonly lr?: number | undefined;
  /** How the learning rate changes, by name, as data, or made before; default: the recipe's. */
  readonly schedule?: ScheduleSpec["name"] | ScheduleSpec | Schedule | undefined;
  /** Epochs, or parts of one, in which the learning rate rises from a hundredth in a line before the schedule begins. */
  readonly warmup?: number | undefined;
  /** Samples to validate on after each epoch: a part of every class (0 … 1), which is then not trained on, or other data. */
  readonly validation?: number | Dataset | PairDataset | undefined;
  /** Of the shuffle, the split and dropout; default 0. The same seed gives the same weights. */
  readonly seed?: number | undefined;
  /**
   * Hears, in a sentence each, what will spoil the training, such as a class without samples; default: `console.warn`. It is
   * said once, before the first step.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly loss?: LossName | LossFunction | undefined;
  /** What is done to the samples trained on: a preset or one's own list; default "none". */
  readonly augment?: AugmentOption | undefined;
  /**
   * Last epochs in which samples are not augmented, so that batch norm and the weights end on what they will be used on;
   * the first epoch always is. Default: the recipe's, or 0.
   */
  readonly plainEpochs?: number | undefined;
  /**
   * Share of the target that `crossEntropy` spreads over all outputs while training, and `ctc` over all symbols where data say in which
   * place one stands; default: the recipe's.
   */
  readonly labelSmoothing?: number | undefined;
  /** Learns from another model too, see distill.ts; default: from the targets alone. */
  readonly teacher?: Teaching | undefined;
  /** What the samples of each class count in `crossEntropy` while training. */
  readonly classWeights?: ClassWeights | undefined;
  /** Draws samples at random, with replacement, in proportion to the weight of their class, instead of each once. */
  readonly sampling?: ClassWeights | undefined;
  /**
   * Decay of a running average of the weights, such as 0.999. Validation, checkpoints and the result have the average
   * instead of the last weights.
   */
  readonly ema?: number | undefined;
  /** Trains on the first batches only, and validates on nothing: a network that cannot learn these by heart is broken. */
  readonly overfitBatches?: number | undefined;
  /** Starting from a trained network: what is frozen, and when and how fast the rest is trained. */
  readonly transfer?: TransferOptions | undefined;
  /** Measured on the validation samples. */
  readonly metrics?: readonly Metric[] | undefined;
  readonly callbacks?: readonly Callback[] | undefined;
  /** Largest norm of all gradients together. */
  readonly clipNorm?: number | undefined;
  /** How pictures become samples, for the model file; default: what is known of the data set, or follows from its shape. */
  readonly preprocessing?: Preprocessing | undefined;
  /** Which weights the model has in the end: those of the last epoch (default) or of the best on the validation samples. */
  readonly keep?: "last" | "best" | undefined;
  /** Steps between checkpoints within an epoch; default: at the end of an epoch only. */
  readonly checkpointSteps?: number | undefined;
  /** Goes on with an earlier run, as if it had never stopped; data and options must be those of that run. */
  readonly resume?: Checkpoint | undefined;
  /** Run on this backend and leave it open; default: a new one. */
  readonly backend?: Backend | undefined;
  /** Ends the run after the current step; `fit` then returns with `ended: "aborted"`. */
  readonly signal?: AbortSignal | undefined;
}

/** Everything decided. */
export interface Settings {
  readonly epochs: number;
  /** Most steps, where given. */
  readonly steps: number | undefined;
  readonly minutes: number | undefined;
  readonly batchSize: number;
  readonly accumulate: number;
  readonly seed: number;
  readonly plainEpochs: number;
  readonly optimizer: Optimizer;
  readonly lr: number;
  readonly schedule: Schedule;
  readonly warmup: number;
  /** What is minimized. */
  readonly loss: LossFunction;
  /** What is measured on validation samples: the same without label smoothing and class weights. */
  readonly measuredLoss: LossFunction;
  readonly labelSmoothing: number;
  readonly clipNorm: number | undefined;
  readonly ema: number | undefined;
}

/** Weights by class as numbers, once the training samples are known. */
export interface ResolvedWeights {
  readonly classWeights?: readonly number[] | undefined;
}

/** Options where they are given, else the model's recipe. @throws UsageError when one is out of range */
export function resolveSettings(
  { recipe, task }: Pick<AnyModel, "recipe" | "task">,
  options: Omit<FitOptions, "classWeights">,
  { classWeights }: ResolvedWeights = {},
): Settings {
  const { minutes, steps, clipNorm, ema, seed = 0, batchSize = recipe.batchSize, accumulate = 1, warmup = 0 } = options;
  const epochs = options.epochs ?? (minutes === undefined && steps === undefined ? recipe.epochs : MANY_EPOCHS);
  const { loss = recipe.loss, plainEpochs = recipe.plainEpochs ?? 0 } = options;
  const labelSmoothing = options.labelSmoothing ?? (loss === recipe.loss ? recipe.labelSmoothing : 0) ?? 0;
  checkRanges({ ...options, epochs, batchSize, plainEpochs });
  const optimizer = makeOptimizer(recipe, options);
  return {
    ...{ epochs, steps, minutes, batchSize, accumulate, seed, plainEpochs },
    ...{ optimizer, warmup, labelSmoothing, clipNorm, ema },
    lr: options.lr ?? optimizer.lr,
    schedule: makeSchedule(options.schedule ?? recipe.schedule ?? "constant"),
    loss: trainingLoss(loss, task, { labelSmoothing, classWeights }),
    measuredLoss: findLoss(loss, task),
  };
}

/** Where the minutes or the steps say when a run is over. */
const MANY_EPOCHS = 1_000_000;

/** The recipe's numbers hold for the recipe's optimizer; another one starts from its own defaults. */
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

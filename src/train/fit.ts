/**
 * `fit`: trains a model on a data set. Works out what the options and the model's recipe say and puts together what a run
 * is made of; fitting.ts then runs the epochs: training steps (trainer.ts), validation (evaluate.ts), callbacks.
 */
import { asDataset, type Dataset, type PairDataset } from "../data/dataset.ts";
import { refuseTestSplit } from "../data/leakage.ts";
import { epochOrder } from "../data/loader.ts";
import { weightedOrder, weightsByClass } from "../data/sampling.ts";
import { Subset, stratifiedSplit } from "../data/split.ts";
import type { Model, Recipe } from "../models/model.ts";
import { WeightAverage } from "../optim/average.ts";
import { createSchedule, type Schedule } from "../optim/schedules.ts";
import { platform } from "../platform/platform.ts";
import type { Classify } from "../task/classify/classify.ts";
import type { AnyTask } from "../task/task.ts";
import { checkSamples, Evaluator } from "../use/evaluate.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import { prepareAugmentation } from "./augmentation.ts";
import { describeTraining } from "./describe-training.ts";
import { Fitting } from "./fitting.ts";
import { arithmeticOf, identify } from "./identity.ts";
import type { EpochResult } from "./results.ts";
import { RunTensors } from "./run-tensors.ts";
import { type FitOptions, resolveSettings } from "./settings.ts";
import { Trainer } from "./trainer.ts";
import { listening, watchable } from "./watch.ts";

/** A run that is over. */
export interface Run<T extends AnyTask = Classify> {
  /** The network that was given, trained, with what is now known about it. */
  readonly model: TrainedModel<T>;
  readonly history: readonly EpochResult[];
  /** The best epoch on the validation samples, or the last one without any; undefined when none was completed. */
  readonly best: EpochResult | undefined;
  readonly steps: number;
  readonly ended: "finished" | "stopped" | "aborted";
  /** Why a callback stopped it. */
  readonly reason: string | undefined;
  /** From its start, with those of earlier processes where it was resumed from a run folder. */
  readonly seconds: number;
}

/**
 * Trains a model.
 * @throws UsageError when an option is out of range, a test split is to be trained on or chosen by, or a resumed run had
 *   other options
 * @throws DataError when the samples do not fit the model, or are not those of a resumed run
 * @throws ImpossibleSampleError for a sample whose loss is infinite whatever the weights are, such as a string that needs more frames
 * than the network gives
 * @throws DivergedError when the loss is no finite number any more, or absurdly above what it began with; the model then has
 *   the best weights so far with `keep: "best"`, else its last good ones
 */
export async function fit<T extends AnyTask = Classify>(
  untrained: Model<T>,
  given: Dataset | PairDataset,
  options: FitOptions = {},
): Promise<Run<T>> {
  const started = performance.now();
  const dataset = asDataset(given);
  checkSamples(untrained, dataset);
  untrained.task.refuse?.(dataset);
  const apart = typeof options.validation === "object" ? asDataset(options.validation) : undefined;
  refuseTestSplit(dataset, apart);
  const model = await describeTraining(untrained, dataset, options.preprocessing);
  const { train, validation } = parts(dataset, apart, options, model.recipe);
  if (options.overfitBatches === undefined) {
    const { onWarning = (message: string) => console.warn(message) } = options;
    for (const warning of model.task.warn?.(train) ?? []) onWarning(warning);
  }
  const classWeights = weightsByClass("classWeights", options.classWeights, train);
  const settings = resolveSettings(model, options, { classWeights });
  const sampling = weightsByClass("sampling", options.sampling, train);
  const { ema, seed } = settings;
  const average = ema === undefined ? undefined : new WeightAverage(ema);
  // Pages that do not fine-tune do without it.
  const transfer =
    options.transfer && new (await import("./transfer/freeze.ts")).TransferPlan(model.network, options.transfer);
  const { list, augment } = await prepareAugmentation(
    options.augment ?? model.recipe.augment ?? "none",
    dataset.inputs,
  );
  const measures = watchable(model.task, options.metrics, validation !== undefined);
  const heard = listening(settings.schedule, measures);
  const teacher = options.teacher && (await import("./distill.ts")).teacherOf(options.teacher, model);
  const backend = options.backend ?? (await platform().createBackend(options));
  const trainer = new Trainer({ model, ...settings, average, teacher }, backend, train, {
    ...settings,
    augment,
    order: sampling && weightedOrder(train, sampling, seed),
    lr: () => settings.lr, // until the run has a plan
  });
  const schedule = withWarmup(heard, settings.warmup, trainer.stepsPerEpoch);
  const evaluator = new Evaluator(model, backend, { loss: settings.measuredLoss, metrics: options.metrics });
  try {
    const decided = { options, settings, recipe: model.recipe, list, teacher };
    const identity = await identify(model, dataset, decided, arithmeticOf(backend.description));
    const tensors = new RunTensors(model, settings.optimizer, average, backend);
    const made = {
      model,
      options,
      settings,
      schedule,
      measures,
      train,
      validation,
      backend,
      trainer,
      evaluator,
      tensors,
    };
    // It is of weights that are about to change; both models are of the same network.
    untrained.temperature = model.temperature = undefined;
    return await new Fitting({ ...made, transfer, identity, started }).run();
  } finally {
    evaluator.dispose();
    trainer.dispose();
    if (options.backend === undefined) await backend.close();
  }
}

/** What is trained on and what is validated on. */
function parts(
  dataset: Dataset,
  apart: Dataset | undefined,
  options: FitOptions,
  recipe: Recipe,
): { train: Dataset; validation: Dataset | undefined } {
  const { validation = 0, seed = 0, overfitBatches, batchSize = recipe.batchSize } = options;
  const isPart = typeof validation === "number" && validation !== 0;
  const { train, validation: aside } = isPart
    ? stratifiedSplit(dataset, validation, seed)
    : { train: dataset, validation: apart };
  if (overfitBatches === undefined) return { train, validation: aside };
  // The first batches of the first epoch, whatever the data set is sorted by.
  const some = epochOrder(train.length, seed, 1).slice(0, overfitBatches * batchSize);
  return { train: new Subset(train, some, `${train.name}, ${overfitBatches} batches of it`), validation: undefined };
}

function withWarmup(schedule: Schedule, warmup: number, stepsPerEpoch: number): Schedule {
  if (warmup === 0) return schedule;
  return createSchedule({ name: "warmup", steps: Math.round(warmup * stepsPerEpoch), after: schedule.spec });
}

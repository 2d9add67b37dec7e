/**
 * `fit`: trains a model on a data set. Works out what the options and the model's recipe say and puts together what a run
 * is made of; fitting.ts then runs the epochs: training steps (trainer.ts), validation (evaluate.ts), callbacks.
 */
import type { Dataset } from "../data/dataset.ts";
import { epochOrder } from "../data/loader.ts";
import { balancedWeights, weightedOrder } from "../data/sampling.ts";
import { Subset, stratifiedSplit } from "../data/split.ts";
import type { Model } from "../models/model.ts";
import { WeightAverage } from "../optim/average.ts";
import { createSchedule, type Schedule } from "../optim/schedules.ts";
import { platform } from "../platform/platform.ts";
import { checkSamples, Evaluator, refuseOneClass } from "../use/evaluate.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import { prepareAugmentation } from "./augmentation.ts";
import { describeTraining } from "./describe-training.ts";
import { resolveTeaching } from "./distill.ts";
import { Fitting } from "./fitting.ts";
import { arithmeticOf, identify } from "./identity.ts";
import { refuseTestSplit } from "./leakage.ts";
import type { EpochResult } from "./results.ts";
import { type ClassWeights, checkWeights, type FitOptions, resolveSettings, type Settings } from "./settings.ts";
import { hasClasses } from "./step.ts";
import { Trainer } from "./trainer.ts";

/** A run that is over. */
export interface Run {
  /** The network that was given, trained, with what is now known about it. */
  readonly model: TrainedModel;
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
 * @throws DivergedError when the loss is no finite number any more, or absurdly above what it began with; the model then has
 *   the best weights so far with `keep: "best"`, else its last good ones
 */
export async function fit(untrained: Model, dataset: Dataset, options: FitOptions = {}): Promise<Run> {
  const started = performance.now();
  checkSamples(untrained, dataset);
  refuseOneClass(dataset);
  refuseTestSplit(dataset, typeof options.validation === "object" ? options.validation : undefined);
  const model = await describeTraining(untrained, dataset, options.preprocessing);
  const { train, validation } = parts(dataset, options, model);
  if (options.overfitBatches === undefined) warnOfMissingClasses(train, model, options.onWarning);
  const classWeights = weightsByClass("classWeights", options.classWeights, train);
  const settings = resolveSettings(model.recipe, options, { classWeights });
  const sampling = weightsByClass("sampling", options.sampling, train);
  const { ema, seed } = settings;
  const average = ema === undefined ? undefined : new WeightAverage(ema);
  // Pages that do not fine-tune do without it.
  const transfer =
    options.transfer && new (await import("./transfer/freeze.ts")).TransferPlan(model.network, options.transfer);
  const { list, augment } = await prepareAugmentation(
    options.augment ?? model.recipe.augment ?? "none",
    dataset.inputShape,
  );
  const teacher = options.teacher && resolveTeaching(options.teacher, model);
  const backend = options.backend ?? (await platform().createBackend(options));
  // Filled in by the run: how many steps there are may have to be measured first.
  const plan = { totalSteps: 0 };
  const trainer = new Trainer({ model, ...settings, average, teacher }, backend, train, {
    ...settings,
    augment,
    order: sampling && weightedOrder(train, sampling, seed),
    isPlain: (epoch) => epoch > 1 && epoch > Math.ceil(plan.totalSteps / trainer.stepsPerEpoch) - settings.plainEpochs,
    lr: (step) => settings.lr * schedule.factor(step - 1, plan.totalSteps),
  });
  const schedule = withWarmup(settings, trainer.stepsPerEpoch);
  const evaluator = new Evaluator(model, backend, { loss: settings.measuredLoss, metrics: options.metrics });
  try {
    const identity = await identify(model, dataset, options, settings, {
      list,
      teacher,
      arithmetic: arithmeticOf(backend.description),
    });
    const made = { model, options, settings, schedule, train, validation, backend, trainer, evaluator };
    // It is of weights that are about to change; both models are of the same network.
    untrained.temperature = model.temperature = undefined;
    return await new Fitting({ ...made, average, transfer, identity, plan, started }).run();
  } finally {
    evaluator.dispose();
    trainer.dispose();
    if (options.backend === undefined) await backend.close();
  }
}

/** What is trained on and what is validated on. */
function parts(
  dataset: Dataset,
  options: FitOptions,
  { recipe }: TrainedModel,
): { train: Dataset; validation: Dataset | undefined } {
  const { validation = 0, seed = 0, overfitBatches, batchSize = recipe.batchSize } = options;
  const isPart = typeof validation === "number" && validation !== 0;
  const { train, validation: aside } = isPart
    ? stratifiedSplit(dataset, validation, seed)
    : { train: dataset, validation: validation === 0 ? undefined : (validation as Dataset) };
  if (overfitBatches === undefined) return { train, validation: aside };
  // The first batches of the first epoch, whatever the data set is sorted by.
  const some = epochOrder(train.length, seed, 1).slice(0, overfitBatches * batchSize);
  return { train: new Subset(train, some, `${train.name}, ${overfitBatches} batches of it`), validation: undefined };
}

/** A set that is sorted by class and cut off, or drawn from too sparsely, has no samples of some: nobody can learn these. */
function warnOfMissingClasses(
  train: Dataset,
  { classes }: TrainedModel,
  onWarning: FitOptions["onWarning"] = (message) => console.warn(message),
): void {
  if (!hasClasses(train) || train.label === undefined) return;
  const counts = new Array<number>(classes.length).fill(0);
  for (let i = 0; i < train.length; i++) counts[train.label(i)]++;
  const missing = classes.filter((_, label) => counts[label] === 0);
  if (missing.length === 0) return;
  const names = missing.length > 10 ? `${missing.slice(0, 9).join(", ")} …` : missing.join(", ");
  onWarning(
    `${train.name}: ${missing.length} of ${classes.length} classes have no samples to train on (${names}), so the model cannot learn them`,
  );
}

function weightsByClass(
  option: string,
  weights: ClassWeights | undefined,
  dataset: Dataset,
): readonly number[] | undefined {
  if (weights === undefined) return undefined;
  return weights === "balanced"
    ? balancedWeights(dataset)
    : checkWeights(option, weights, dataset.classes?.length ?? weights.length);
}

function withWarmup({ schedule, warmup }: Settings, stepsPerEpoch: number): Schedule {
  if (warmup === 0) return schedule;
  return createSchedule({ name: "warmup", steps: Math.round(warmup * stepsPerEpoch), after: schedule.spec });
}

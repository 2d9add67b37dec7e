/**
 * Fine-tuning in one call: a trained model goes on with other samples, often few. What is not given is chosen as those who do
 * this every day would: a small rate, the last layer first where it is new, batch-norm statistics left alone, few samples seen
 * often. The command line and web pages share these choices.
 */
import type { Dataset, ImageDataset } from "../../data/dataset.ts";
import { sameNames } from "../../data/port.ts";
import { classCounts } from "../../data/sampling.ts";
import type { StreamedDataset } from "../../data/streamed.ts";
import type { AnyModel, Model } from "../../models/model.ts";
import { sampleLosses } from "../../task/classify/calibration.ts";
import { Classify } from "../../task/classify/classify.ts";
import { Evaluation } from "../../task/classify/evaluation.ts";
import type { AnyTask } from "../../task/task.ts";
import { Transcribe } from "../../task/transcribe/transcribe.ts";
import { checkSamples } from "../../use/evaluate.ts";
import { conformTo } from "../../use/predict.ts";
import type { TrainedModel } from "../../use/trained-model.ts";
import { type CrossValidationOptions, crossValidate } from "../cross-validation.ts";
import { fit, type Run } from "../fit.ts";
import type { FitOptions } from "../settings.ts";
import { adapt, adaptAlphabet, copyOf } from "./transfer.ts";

/** A rate that moves a trained network without tearing it up. A new head has all to learn, and takes the rate of the network's own recipe. */
export const FINETUNE_LR = 3e-4;
export const FINETUNE_OPTIMIZER = "adamw";
/** Optimizers whose rates mean the same as those of {@link FINETUNE_OPTIMIZER}. */
const ITS_KIND = ["adam", "adamw"];
const EPOCHS = 5;
/** Few samples are seen more often, until there are so many steps. */
const LEAST_STEPS = 300;
const LEAST_STEPS_OF_NEW_HEAD = 600;
/** Batches are made smaller until an epoch has so many. */
const LEAST_BATCHES = 4;
export const FINETUNE_VALIDATION = 0.1;
/** With so few samples of each class none can be spared for validation. */
export const FEW = 20;
/** Trainings that tell, where few samples are all there is, what training is worth. */
export const FOLDS = 5;

/** What is to be learned. */
export interface FinetuneTask {
  /** How many samples there are, those for validation included. */
  readonly samples: number;
  /** Whether a class or a symbol is new to the model. */
  readonly hasNewHead: boolean;
  /** Whether there are fewer than {@link FEW} samples of a class. */
  readonly isFew: boolean;
}

/** The options of `fit` for a task, where `given` does not say otherwise. */
export function finetuneOptions(
  base: Pick<AnyModel, "recipe">,
  task: FinetuneTask,
  given: FitOptions = {},
): FitOptions {
  const { samples, hasNewHead, isFew } = task;
  const validation = given.validation ?? (isFew ? 0 : FINETUNE_VALIDATION);
  const left = typeof validation === "number" ? Math.round(samples * (1 - validation)) : samples;
  const batchSize = given.batchSize ?? Math.max(1, Math.min(64, Math.floor(left / LEAST_BATCHES)));
  const perEpoch = Math.ceil(left / batchSize);
  const isOpen = given.steps === undefined && given.minutes === undefined;
  const leastSteps = hasNewHead ? LEAST_STEPS_OF_NEW_HEAD : LEAST_STEPS;
  const epochs = given.epochs ?? (isOpen ? Math.max(EPOCHS, Math.ceil(leastSteps / perEpoch)) : undefined);
  const { unfreezeEvery } = given.transfer ?? {};
  const probe = hasNewHead && unfreezeEvery === undefined && epochs !== undefined ? Math.floor(epochs / 3) : 0;
  const lr = hasNewHead && ITS_KIND.includes(base.recipe.optimizer) ? base.recipe.lr : FINETUNE_LR;
  return {
    ...given,
    epochs,
    batchSize,
    validation,
    optimizer: given.optimizer ?? FINETUNE_OPTIMIZER,
    lr: given.lr ?? lr,
    schedule: given.schedule ?? "oneCycle",
    transfer: {
      ...given.transfer,
      probeEpochs: given.transfer?.probeEpochs ?? probe,
      freezeStatistics: given.transfer?.freezeStatistics ?? true,
    },
  };
}

/** A fine-tuning that is over. */
export interface Finetuned<T extends AnyTask = Classify> extends Run<T> {
  /** Classes, or symbols, that the base knew by name; where the last layer was kept as it was, all that it tells apart, such as tokens. */
  readonly kept: readonly string[];
}

/**
 * Goes on from a trained model with other samples. Classes that it knows by name keep their row of the last layer, others get
 * a new one, and so do the symbols of strings; tokens stay what they are. The base itself is left as it was.
 * @param dataset pictures with classes, of any size and polarity, which go through the preprocessing of the base; or any other
 *   samples that the base can be trained on, such as texts, or lines with their strings
 * @param options as of `fit`; every field has a default
 * @throws DataError when the last layer cannot be replaced, or there is one class only; and whatever `fit` throws
 */
export async function finetune<T extends AnyTask = Classify>(
  base: Model<T>,
  dataset: Dataset,
  options: FitOptions = {},
): Promise<Finetuned<T>> {
  const train = conformed(base, dataset);
  const { model, kept } = startFrom(base, train, options.seed ?? 0);
  const hasNewHead = kept.length < model.task.names.length;
  const task = { samples: train.length, hasNewHead, isFew: isFew(train) };
  const run = await fit(model, train, finetuneOptions(base, task, options));
  return { ...run, kept };
}

/** Pictures as the base wants them; other samples as they are. */
function conformed(base: AnyModel, dataset: Dataset): Dataset {
  return isPictures(dataset) ? conformTo(base, dataset) : dataset;
}

/** Whether samples are pictures with classes, in memory or on a disk: these alone have a polarity. */
function isPictures(dataset: Dataset): dataset is ImageDataset | StreamedDataset {
  return "polarity" in dataset;
}

/** A copy of the base to train, for the classes of the samples, or their alphabet. */
function startFrom<T extends AnyTask>(
  base: Model<T>,
  train: Dataset,
  seed: number,
): { readonly model: TrainedModel<T>; readonly kept: readonly string[] } {
  const { classes, alphabet } = train;
  if (base.task instanceof Transcribe && alphabet !== undefined && !sameNames(alphabet, base.task.alphabet)) {
    const { model, kept } = adaptAlphabet(base as AnyModel as Model<Transcribe>, alphabet, seed);
    return { model: model as TrainedModel<AnyTask> as TrainedModel<T>, kept };
  }
  if (classes === undefined || !(base.task instanceof Classify)) {
    // Here and not in the training alone, so that messages name the base and not a copy.
    checkSamples(base, train);
    return { model: copyOf(base), kept: base.task.names };
  }
  const { model, kept } = adapt(base as AnyModel as Model<Classify>, classes, seed);
  return { model: model as TrainedModel<AnyTask> as TrainedModel<T>, kept };
}

/**
 * What fine-tuning is worth where no sample can be spared: every sample is read by a model that was trained, from the same base
 * and with the same options, on others only.
 * @param dataset any samples with classes
 * @throws UsageError for samples without classes; and whatever {@link finetune} throws
 */
export async function crossValidateFinetune(
  base: Model,
  dataset: Dataset,
  {
    folds = FOLDS,
    seed,
    backend,
  }: Pick<CrossValidationOptions, "seed" | "backend"> & { readonly folds?: number | undefined },
  options: FitOptions = {},
): Promise<Evaluation> {
  const started = performance.now();
  const all = conformed(base, dataset);
  const fewer = Math.min(folds, all.length);
  const predictions = await crossValidate(all, { folds: fewer, seed, backend }, async (part) => {
    const { model } = await finetune(base, part, { ...options, seed, backend, validation: 0 });
    return model;
  });
  const losses = sampleLosses(predictions);
  return new Evaluation({
    dataset: all.name,
    count: all.length,
    loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    metrics: {},
    predictions,
    isTrainingData: false,
    seconds: (performance.now() - started) / 1000,
  });
}

/** Whether a class has fewer than {@link FEW} samples. Samples without classes are taken for one. */
function isFew(dataset: Dataset): boolean {
  if (dataset.classes === undefined || dataset.label === undefined) return dataset.length < FEW;
  return classCounts(dataset).some((count) => count < FEW);
}

/**
 * Fine-tuning in one call: a trained model goes on with other samples, often few. What is not given is chosen as those who do
 * this every day would: a small rate, the last layer first where it is new, batch-norm statistics left alone, few samples seen
 * often. The command line and web pages share these choices.
 */
import type { ImageDataset } from "../../data/dataset.ts";
import type { AnyModel, Model } from "../../models/model.ts";
import { sampleLosses } from "../../task/classify/calibration.ts";
import { Evaluation } from "../../task/classify/evaluation.ts";
import { conformTo } from "../../use/predict.ts";
import { type CrossValidationOptions, crossValidate } from "../cross-validation.ts";
import { fit, type Run } from "../fit.ts";
import type { FitOptions } from "../settings.ts";
import { adapt } from "./transfer.ts";

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
  /** Whether a class is new to the model. */
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
export interface Finetuned extends Run {
  /** Classes that the base knew by name. */
  readonly kept: readonly string[];
}

/**
 * Goes on from a trained model with other samples. Classes that it knows by name keep their row of the last layer, others get
 * a new one; the base itself is left as it was.
 * @param dataset pictures of any size and polarity; they go through the preprocessing of the base
 * @param options as of `fit`; every field has a default
 * @throws DataError when the last layer cannot be replaced, or there is one class only; and whatever `fit` throws
 */
export async function finetune(base: Model, dataset: ImageDataset, options: FitOptions = {}): Promise<Finetuned> {
  const train = conformTo(base, dataset);
  const { model, kept } = adapt(base, train.classes, options.seed ?? 0);
  const task = { samples: train.length, hasNewHead: kept.length < train.classes.length, isFew: isFew(train) };
  const run = await fit(model, train, finetuneOptions(base, task, options));
  return { ...run, kept };
}

/**
 * What fine-tuning is worth where no sample can be spared: every sample is read by a model that was trained, from the same base
 * and with the same options, on others only.
 */
export async function crossValidateFinetune(
  base: Model,
  dataset: ImageDataset,
  {
    folds = FOLDS,
    seed,
    backend,
  }: Pick<CrossValidationOptions, "seed" | "backend"> & { readonly folds?: number | undefined },
  options: FitOptions = {},
): Promise<Evaluation> {
  const started = performance.now();
  const all = conformTo(base, dataset);
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

/** Whether a class has fewer than {@link FEW} samples. */
function isFew(dataset: ImageDataset): boolean {
  const counts = new Int32Array(dataset.classes.length);
  for (let i = 0; i < dataset.length; i++) counts[dataset.label(i)]++;
  return counts.some((count) => count < FEW);
}

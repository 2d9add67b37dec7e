/**
 * Cross-validation: what training is worth where no sample can be spared for validation. Each part of the samples is read by
 * a model that was trained on all others, so every sample is read once, by a model that never saw it.
 */
import { type Dataset, ImageDataset } from "../data/dataset.ts";
import { Subset, takeImages } from "../data/split.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import type { Model } from "../models/model.ts";
import { fitTemperature, TEMPERATURE_SPREAD } from "../task/classify/calibration.ts";
import { hasClasses, onlyLabel } from "../task/classify/classify.ts";
import { Predictions } from "../task/classify/predictions.ts";
import { evaluate } from "../use/evaluate.ts";

/** Some samples of a data set, as `train` of {@link crossValidate} gets them. */
export type PartOf<Samples extends Dataset> = Samples extends ImageDataset ? ImageDataset : Dataset;

export interface CrossValidationOptions {
  readonly folds: number;
  readonly seed: number;
  readonly backend: Backend;
}

/**
 * Trains as many models as there are parts, each on all parts but one, which it then reads.
 * @param dataset any samples with classes
 * @param folds how many models are trained: 2 … number of samples. Which sample is in which part follows from the seed alone;
 *   classes may be missing in a part
 * @param train makes a model from some of the samples: pictures in memory are given as such
 * @returns what the models made of the samples that they had not seen, in the order of the data set, at the temperature that
 *   fits all of them: also a model's that is trained on all samples in the same way
 * @throws UsageError for another number of folds, or samples without classes
 */
export async function crossValidate<Samples extends Dataset>(
  dataset: Samples,
  { folds, seed, backend }: CrossValidationOptions,
  train: (part: PartOf<Samples>) => Promise<Model>,
): Promise<Predictions> {
  if (!isLabeled(dataset)) {
    throw new UsageError(
      `${dataset.name}: cross-validation is for samples with a class each, which these lack; put some aside instead, with the option validation of fit or finetune`,
    );
  }
  const { classes } = dataset;
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= dataset.length)) {
    throw new UsageError(
      `${folds} folds of ${dataset.length} samples; give a whole number from 2 to that of the samples`,
    );
  }
  const order = new Random(seed, "split", folds).shuffle(Array.from({ length: dataset.length }, (_, i) => i));
  const width = classes.length;
  const logits = new Float32Array(dataset.length * width);
  const labels = Int32Array.from(order, (_, i) => dataset.label(i));
  for (let fold = 0; fold < folds; fold++) {
    const aside = order.filter((_, k) => k % folds === fold);
    const others = order.filter((_, k) => k % folds !== fold).sort((a, b) => a - b);
    const part = take<Samples>(dataset, others);
    const only = onlyLabel(part);
    if (only !== undefined) {
      // Whoever has seen one class only takes everything for that.
      for (const i of aside) logits[i * width + only] = 1;
      continue;
    }
    const model = await train(part);
    const { predictions } = await evaluate(model, take<Samples>(dataset, aside), { backend });
    for (const [k, i] of aside.entries()) {
      const row = predictions?.logits.subarray(k * width, (k + 1) * width);
      if (row !== undefined) logits.set(row, i * width);
    }
  }
  const raw = new Predictions({ classes, temperature: undefined }, logits, labels);
  return new Predictions({ classes, temperature: fitTemperature(raw, TEMPERATURE_SPREAD) }, logits, labels);
}

/** A data set of which every sample has a class. */
interface Labeled extends Dataset {
  readonly classes: readonly string[];
  label(index: number): number;
}

/** Whether every sample has a class. */
function isLabeled(dataset: Dataset): dataset is Labeled {
  return dataset.label !== undefined && hasClasses(dataset);
}

/** Pictures in memory as a set of their own; of any other samples a view. */
function take<Samples extends Dataset>(dataset: Samples, indices: readonly number[]): PartOf<Samples> {
  const part =
    dataset instanceof ImageDataset ? takeImages(dataset, indices) : new Subset(dataset, Int32Array.from(indices));
  return part as Dataset as PartOf<Samples>;
}

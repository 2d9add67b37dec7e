/**
 * Cross-validation: what training is worth where no sample can be spared for validation. Each part of the samples is read by
 * a model that was trained on all others, so every sample is read once, by a model that never saw it.
 */
import type { ImageDataset } from "../data/dataset.ts";
import { takeImages } from "../data/split.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import type { Model } from "../models/model.ts";
import { fitTemperature, TEMPERATURE_SPREAD } from "../task/classify/calibration.ts";
import { onlyLabel } from "../task/classify/classify.ts";
import { Predictions } from "../task/classify/predictions.ts";
import { evaluate } from "../use/evaluate.ts";

export interface CrossValidationOptions {
  readonly folds: number;
  readonly seed: number;
  readonly backend: Backend;
}

/**
 * Trains as many models as there are parts, each on all parts but one, which it then reads.
 * @param folds how many models are trained: 2 … number of samples. Which sample is in which part follows from the seed alone;
 *   classes may be missing in a part
 * @param train makes a model from some of the samples
 * @returns what the models made of the samples that they had not seen, in the order of the data set, at the temperature that
 *   fits all of them: also a model's that is trained on all samples in the same way
 * @throws UsageError for another number of folds
 */
export async function crossValidate(
  dataset: ImageDataset,
  { folds, seed, backend }: CrossValidationOptions,
  train: (part: ImageDataset) => Promise<Model>,
): Promise<Predictions> {
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= dataset.length)) {
    throw new UsageError(
      `${folds} folds of ${dataset.length} samples; give a whole number from 2 to that of the samples`,
    );
  }
  const order = new Random(seed, "split", folds).shuffle(Array.from({ length: dataset.length }, (_, i) => i));
  const width = dataset.classes.length;
  const logits = new Float32Array(dataset.length * width);
  const labels = Int32Array.from(order, (_, i) => dataset.label(i));
  for (let fold = 0; fold < folds; fold++) {
    const aside = order.filter((_, k) => k % folds === fold);
    const others = order.filter((_, k) => k % folds !== fold).sort((a, b) => a - b);
    const part = takeImages(dataset, others);
    const only = onlyLabel(part);
    if (only !== undefined) {
      // Whoever has seen one class only takes everything for that.
      for (const i of aside) logits[i * width + only] = 1;
      continue;
    }
    const model = await train(part);
    const { predictions } = await evaluate(model, takeImages(dataset, aside), { backend });
    for (const [k, i] of aside.entries()) {
      const row = predictions?.logits.subarray(k * width, (k + 1) * width);
      if (row !== undefined) logits.set(row, i * width);
    }
  }
  const { classes } = dataset;
  const raw = new Predictions({ classes, temperature: undefined }, logits, labels);
  return new Predictions({ classes, temperature: fitTemperature(raw, TEMPERATURE_SPREAD) }, logits, labels);
}

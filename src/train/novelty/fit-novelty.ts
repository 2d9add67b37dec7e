/**
 * Fits the novelty score of a classifier of pictures (task/classify/novelty.ts), after or without its training. learn-novelty.ts does
 * it; it stands apart, and is loaded when it is asked for, as few pages train one.
 */
import type { Dataset } from "../../data/dataset.ts";
import { UsageError } from "../../engine/errors.ts";
import type { AnyModel, Model } from "../../models/model.ts";
import { Classify } from "../../task/classify/classify.ts";
import { NumbersInput } from "../../task/input.ts";

/** How {@link fitNovelty} fits. */
export interface NoveltyOptions {
  /** Share of known samples that is refused, above 0; default 0.008. */
  readonly share?: number | undefined;
  /** Of all that is drawn; default 0. */
  readonly seed?: number | undefined;
}

/** With fewer samples nothing can be said about a share of them. */
const LEAST_SAMPLES = 500;
const SHARE = 0.008;

/** @throws UsageError for a model that does not put pictures into classes, and for fewer than 500 samples */
export function checkNovelty({ task }: AnyModel, { length, inputs }: Dataset): void {
  const isOfPictures = task instanceof Classify && task.input instanceof NumbersInput && inputs.x?.shape.length === 3;
  if (isOfPictures && length >= LEAST_SAMPLES) return;
  throw new UsageError(
    `a novelty score is for classifiers of pictures, and needs at least ${LEAST_SAMPLES} of their samples; here are ${length}`,
  );
}

/**
 * Fits a novelty score and puts it into the model's task, instead of one that was there.
 * @param known samples of the model's classes, as it reads them: best those that it was trained on
 * @throws UsageError for a model that does not put pictures into classes, fewer than 500 samples, or a share that is none
 */
export async function fitNovelty(model: Model, known: Dataset, options: NoveltyOptions = {}): Promise<void> {
  const { share = SHARE, seed = 0 } = options;
  if (!(share > 0 && share < 1)) throw new UsageError(`share is ${share}; expected a number above 0 and below 1`);
  checkNovelty(model, known);
  const { learnNovelty } = await import("./learn-novelty.ts");
  const { input, classes } = model.task;
  model.task = new Classify(input, classes, await learnNovelty(model, known, share, seed));
}

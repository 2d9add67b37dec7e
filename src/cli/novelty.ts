/** What `train` and `finetune` do last with a classifier of pictures, where they are asked to: it learns to tell what is none of its classes. */
import type { Dataset } from "../data/dataset.ts";
import type { AnyModel, Model } from "../models/model.ts";
import { fitNovelty } from "../train/novelty/fit-novelty.ts";
import type { Terminal } from "./terminal.ts";

/** What is said of `--novelty`. */
export const NOVELTY = "learn to tell pictures that show none of the classes, too (of pictures)";

/** Fits a novelty score. @throws UsageError for anything but a classifier of pictures, and with too few samples */
export async function noveltyOf(model: AnyModel, train: Dataset, seed: number, terminal: Terminal): Promise<void> {
  terminal.live("learning what is none of the classes");
  await fitNovelty(model as Model, train, { seed });
}

/** A few samples of each class: how much a model learns from little. */
import { DataError, UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import type { ImageDataset } from "./dataset.ts";
import { takeImages } from "./split.ts";

/**
 * `count` pictures of every class, drawn by the seed; all of a class that has fewer. More shots hold the fewer ones too.
 * @throws UsageError unless count is a whole number of at least 1 @throws DataError when a class has no samples
 */
export function takeShots(dataset: ImageDataset, count: number, seed: number): ImageDataset {
  if (!(Number.isSafeInteger(count) && count >= 1)) {
    throw new UsageError((option) => `${option("shots")} is ${count}; expected a whole number of at least 1`);
  }
  const groups: number[][] = dataset.classes.map(() => []);
  for (let i = 0; i < dataset.length; i++) groups[dataset.label(i)].push(i);
  const chosen = groups.flatMap((members, label) => {
    if (members.length === 0) throw new DataError(`${dataset.name}: class "${dataset.classes[label]}" has no samples`);
    return new Random(seed, "split", label).shuffle(members).slice(0, count);
  });
  return takeImages(
    dataset,
    chosen.sort((a, b) => a - b),
    `${dataset.origin}; ${count} of each class (seed ${seed})`,
  );
}

/** A list of augmentations as what carries it out: pictures of one size and lines of writing have each their own. */
import { lineRows } from "../data/port.ts";
import { Augmenter } from "./augmenter.ts";
import type { Augment } from "./batch-augmenter.ts";
import { LineAugmenter } from "./line-augmenter.ts";
import type { AugmentationList } from "./records.ts";

/** What a list does; undefined for an empty one. */
export function augmentBy(list: AugmentationList): Augment | undefined {
  if (list.length === 0) return undefined;
  return (dataset, options) =>
    lineRows(dataset.inputs) === undefined
      ? new Augmenter(list, dataset, options)
      : new LineAugmenter(list, dataset, options);
}

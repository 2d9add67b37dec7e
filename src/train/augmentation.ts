/** What a run does to its samples. The code is fetched by runs that ask for some: a web page that does not has less to load. */
import type { Augment } from "../data/augment/augmenter.ts";
import type { AugmentOption } from "../data/augment/presets.ts";
import type { AugmentationList } from "../data/augment/records.ts";

/** A list of augmentations, and what carries it out. */
export interface Augmentation {
  readonly list: AugmentationList;
  readonly augment: Augment | undefined;
}

/** @throws UsageError for an unknown name, and for a list that is wrong */
export async function prepareAugmentation(
  option: AugmentOption | string,
  inputShape: readonly number[],
): Promise<Augmentation> {
  if (option === "none") return { list: [], augment: undefined };
  const [{ resolveAugmentations }, { augmentBy }] = await Promise.all([
    import("../data/augment/presets.ts"),
    import("../data/augment/augmenter.ts"),
  ]);
  const list = resolveAugmentations(option, inputShape);
  return { list, augment: augmentBy(list) };
}

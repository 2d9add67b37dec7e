/** What a run does to its samples. The code is fetched by runs that ask for some: a web page that does not has less to load. */
import type { Augment } from "../augment/batch-augmenter.ts";
import type { AugmentOption } from "../augment/presets.ts";
import type { AugmentationList } from "../augment/records.ts";
import type { Ports } from "../data/port.ts";

/** A list of augmentations, and what carries it out. */
export interface Augmentation {
  readonly list: AugmentationList;
  readonly augment: Augment | undefined;
}

/** @throws UsageError for an unknown name, and for a list that is wrong */
export async function prepareAugmentation(option: AugmentOption | string, ports: Ports): Promise<Augmentation> {
  if (option === "none") return { list: [], augment: undefined };
  const [{ augmentedSize, resolveAugmentations }, { augmentBy }] = await Promise.all([
    import("../augment/presets.ts"),
    import("../augment/augment.ts"),
  ]);
  // Where samples are neither pictures nor lines, whoever is to change them says so.
  const list = resolveAugmentations(option, augmentedSize(ports));
  return { list, augment: augmentBy(list) };
}

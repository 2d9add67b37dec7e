/** The last step of reading a user's own pictures from a table or an IDX file: upright, and with their polarity known. */

import { withDetectedPolarity } from "../../picture/polarity.ts";
import type { ImageDataset } from "../dataset.ts";
import { isTransposed, transposed } from "./transpose.ts";

/** @param file where the pictures come from  @param polarity where it is known; otherwise it is found from the pictures */
export function settled(dataset: ImageDataset, file: string, polarity?: ImageDataset["polarity"]): ImageDataset {
  const upright = isTransposed(file) ? transposed(dataset, file) : dataset;
  return polarity === undefined ? withDetectedPolarity(upright) : upright;
}

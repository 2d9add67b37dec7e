/** Which side of the ground the ink of a whole data set is on, where nobody has said so. */
import type { ImageDataset } from "./dataset.ts";
import type { Picture } from "./picture.ts";
import { detectPolarity } from "./preprocess.ts";

/** The same pictures with the polarity that most of (up to) 200 of them, taken from all over the set, have. */
export function withDetectedPolarity(dataset: ImageDataset): ImageDataset {
  const [height, width, channels] = dataset.inputShape;
  const step = Math.max(1, Math.floor(dataset.length / 200));
  let balance = 0;
  for (let i = 0; i < dataset.length; i += step) {
    const side = detectPolarity({ height, width, channels: channels as Picture["channels"], data: dataset.image(i) });
    balance += side === "light-on-dark" ? 1 : -1;
  }
  return dataset.with({ polarity: balance >= 0 ? "light-on-dark" : "dark-on-light" });
}

/** Which side of the ground the ink of a whole data set is on, where nobody has said so. */
import { ImageDataset } from "./dataset.ts";
import type { Picture } from "./picture.ts";
import { detectPolarity } from "./preprocess.ts";

/** The same pictures with the polarity that most of (up to) 200 of them, taken from all over the set, have. */
export function withDetectedPolarity(dataset: ImageDataset): ImageDataset {
  const { name, images, labels, classes, origin } = dataset;
  const [height, width, channels] = dataset.inputShape;
  const step = Math.max(1, Math.floor(dataset.length / 200));
  let balance = 0;
  for (let i = 0; i < dataset.length; i += step) {
    const side = detectPolarity({ height, width, channels: channels as Picture["channels"], data: dataset.image(i) });
    balance += side === "light-on-dark" ? 1 : -1;
  }
  const polarity = balance >= 0 ? "light-on-dark" : "dark-on-light";
  return new ImageDataset({ name, images, labels, height, width, channels, classes, polarity, origin });
}

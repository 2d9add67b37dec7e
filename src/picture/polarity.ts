/** Which side of the ground the ink of a whole data set is on, where nobody has said so. */
import type { Dataset, ImageDataset } from "../data/dataset.ts";
import { pictureSize } from "../data/port.ts";
import type { Picture } from "./picture.ts";
import { detectPolarity } from "./preprocess.ts";

/** The polarity that most of (up to) 200 pictures, taken from all over a set of bytes, have. */
export function polarityOf(dataset: Dataset): "light-on-dark" | "dark-on-light" {
  const [height, width, channels] = pictureSize(dataset.inputs) as readonly [number, number, number];
  const data = new Uint8Array(height * width * channels);
  const y = new Int32Array(1);
  const step = Math.max(1, Math.floor(dataset.length / 200));
  let balance = 0;
  for (let i = 0; i < dataset.length; i += step) {
    dataset.read([i], 0, 1, { x: data, y });
    const side = detectPolarity({ height, width, channels: channels as Picture["channels"], data });
    balance += side === "light-on-dark" ? 1 : -1;
  }
  return balance >= 0 ? "light-on-dark" : "dark-on-light";
}

/** The same pictures with the polarity that they are found to have. */
export function withDetectedPolarity(dataset: ImageDataset): ImageDataset {
  return dataset.with({ polarity: polarityOf(dataset) });
}

/** Pictures that nobody wrote: a data set of any size, as bytes in memory like a real one. */
import { data } from "../../dist/index.js";
import { fillBytes } from "./programs.mjs";

const [SIDE, CLASSES] = [28, 10];

export function syntheticSet(count) {
  const images = new Uint8Array(count * SIDE * SIDE);
  fillBytes(images);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES);
  const classes = Array.from({ length: CLASSES }, (_, n) => String(n));
  return new data.ImageDataset({ name: "synthetic", images, labels, height: SIDE, width: SIDE, classes });
}

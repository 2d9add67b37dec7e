/** Pictures that nobody wrote: a data set of any size, as bytes in memory like a real one. */
import { data } from "../../dist/index.js";
import { fillBytes } from "./programs.mjs";

const [SIDE, CLASSES] = [28, 10];
/** Rows and columns with noise, about where digits of MNIST have their ink; the rest is empty. */
const INK = { top: 4, bottom: 24, left: 7, right: 21 };

export function syntheticSet(count) {
  const images = new Uint8Array(count * SIDE * SIDE);
  fillBytes(images);
  for (let i = 0; i < images.length; i++) {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE) % SIDE];
    if (x < INK.left || x >= INK.right || y < INK.top || y >= INK.bottom) images[i] = 0;
  }
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES);
  const classes = Array.from({ length: CLASSES }, (_, n) => String(n));
  return new data.ImageDataset({ name: "synthetic", images, labels, height: SIDE, width: SIDE, classes });
}

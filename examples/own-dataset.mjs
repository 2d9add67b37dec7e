// Data of one's own: anything that can write samples into an array. Here each sample is drawn when it is asked for: a
// circle, a cross or a square at a random place, 16×16 pixels.
//
//     npm run build && node examples/own-dataset.mjs
import { evaluate, fit, models, Random } from "ductus";

const SIDE = 16;

/** @type {import("ductus").Dataset} */
class Shapes {
  name = "shapes";
  // What the network reads and what it learns, by name.
  inputs = { x: { shape: [SIDE, SIDE, 1], dtype: "uint8" } };
  targets = { y: { shape: [], dtype: "int32" } };
  classes = ["circle", "cross", "square"];

  constructor(length, seed) {
    this.length = length;
    this.seed = seed;
  }

  label(index) {
    return index % 3;
  }

  // The only function that the training loop needs: samples indices[start], indices[start + 1] … one after the other.
  read(indices, start, count, { x, y }) {
    for (let k = 0; k < count; k++) {
      const index = indices[start + k];
      y[k] = this.label(index);
      this.draw(index, x, k * SIDE * SIDE);
    }
  }

  draw(index, pixels, offset) {
    // Numbers that depend on the sample alone: every epoch sees the same picture.
    const random = new Random(this.seed, "user", index);
    const radius = 3 + random.integer(3);
    const [cx, cy] = [radius + random.integer(SIDE - 2 * radius), radius + random.integer(SIDE - 2 * radius)];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const [dx, dy] = [Math.abs(x - cx), Math.abs(y - cy)];
        const isInk = [
          Math.abs(Math.hypot(dx, dy) - radius) < 0.8,
          Math.min(dx, dy) < 1 && Math.max(dx, dy) <= radius,
          Math.max(dx, dy) === radius,
        ][this.label(index)];
        pixels[offset + y * SIDE + x] = isInk ? 200 + random.integer(56) : random.integer(40);
      }
    }
  }
}

const train = new Shapes(1500, 1);
const test = new Shapes(300, 2);
const model = models.create("cnn-same", { inputShape: [SIDE, SIDE, 1], classes: train.classes });
const run = await fit(model, train, { epochs: 2, validation: 0.1 });
console.log(await evaluate(run.model, test));

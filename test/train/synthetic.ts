/** A data set that any network learns in no time: a bright bar at one of three places, with noise. */
import { ImageDataset } from "../../src/data/dataset.ts";
import { Random } from "../../src/engine/random.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model, type Normalization } from "../../src/models/model.ts";
import { ReLU } from "../../src/nn/activation.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";

export const SIDE = 6;
export const CLASSES = ["left", "middle", "right"];

/** `count` pictures of 6×6; class c has columns 2c and 2c + 1 bright. */
export function bars(count: number, seed = 1, name = "bars"): ImageDataset {
  const random = new Random(seed, "user");
  const images = new Uint8Array(count * SIDE * SIDE);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = i % 3;
    for (let p = 0; p < SIDE * SIDE; p++) {
      const isBar = Math.floor((p % SIDE) / 2) === labels[i];
      images[i * SIDE * SIDE + p] = (isBar ? 160 : 0) + random.integer(90);
    }
  }
  return new ImageDataset({ name, images, labels, height: SIDE, width: SIDE, classes: CLASSES });
}

/** A user's own network: two linear layers around a skip connection. */
export class SmallNet extends Module {
  readonly flatten = new Flatten();
  readonly fc1 = new Linear(SIDE * SIDE, 8);
  readonly fc2 = new Linear(8, 8);
  readonly head = new Linear(8, CLASSES.length);
  readonly relu = new ReLU();

  forward(x: Tensor, context: Context): Tensor {
    const a = this.relu.forward(this.fc1.forward(this.flatten.forward(x, context), context), context);
    const b = this.relu.forward(this.fc2.forward(a, context), context).add(a);
    return this.head.forward(b, context);
  }
}

export function smallModel(seed = 0, normalization?: Normalization): Model {
  return new Model(new SmallNet(), { inputShape: [SIDE, SIDE, 1], classes: CLASSES.length, seed, normalization });
}

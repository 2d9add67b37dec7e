/** mlp: one hidden layer and no convolution; what any network of convolutions should beat. */
import { sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { ReLU } from "../nn/activation.ts";
import { Flatten } from "../nn/flatten.ts";
import { Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { type ArchitectureRecord, MNIST_NORMALIZATION, MNIST_SHAPE, type NetworkOptions } from "./architecture.ts";

/** fc 128, relu, fc outputs. */
export class Mlp extends Module {
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly relu = new ReLU();
  readonly flatten = new Flatten();

  constructor({ outputs, inputShape }: NetworkOptions) {
    super();
    this.fc1 = new Linear(sizeOf(inputShape), 128);
    this.fc2 = new Linear(128, outputs);
  }

  forward(x: Tensor, context: Context): Tensor {
    const { fc1, fc2, relu, flatten } = this;
    const hidden = relu.forward(fc1.forward(flatten.forward(x, context), context), context); // [B, 128]
    return fc2.forward(hidden, context); // [B, outputs]
  }
}

export const mlp: ArchitectureRecord<"mlp"> = {
  name: "mlp",
  title: "one hidden layer of 128, no convolution, Adam",
  inputShape: MNIST_SHAPE,
  outputs: 10,
  normalization: MNIST_NORMALIZATION,
  recipe: { optimizer: "adam", lr: 0.001, batchSize: 64, epochs: 10, loss: "crossEntropy" },
  create: (options) => new Mlp(options),
};

/** lenet5: the classic of reading digits; LeCun, Bottou, Bengio and Haffner, Proc. IEEE 86 (1998). */
import type { Tensor } from "../engine/tensor.ts";
import { Tanh } from "../nn/activation.ts";
import { Conv2d } from "../nn/conv.ts";
import { Flatten } from "../nn/flatten.ts";
import { Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { AvgPool2d } from "../nn/pool.ts";
import {
  type ArchitectureRecord,
  featuresAfter,
  MNIST_NORMALIZATION,
  MNIST_SHAPE,
  type NetworkOptions,
} from "./architecture.ts";

/** conv 5×5 pad 2 6, tanh, average 2, conv 5×5 16, tanh, average 2, fc 120, tanh, fc 84, tanh, fc outputs. */
export class LeNet5 extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly fc3: Linear;
  readonly tanh = new Tanh();
  readonly pool = new AvgPool2d(2);
  readonly flatten = new Flatten();

  constructor({ outputs, inputShape }: NetworkOptions) {
    super();
    this.conv1 = new Conv2d(inputShape[2], 6, 5, { padding: 2 });
    this.conv2 = new Conv2d(6, 16, 5);
    const features = featuresAfter("lenet5", inputShape, [this.conv1, this.pool, this.conv2, this.pool]);
    this.fc1 = new Linear(features, 120);
    this.fc2 = new Linear(120, 84);
    this.fc3 = new Linear(84, outputs);
  }

  forward(x: Tensor, context: Context): Tensor {
    const { conv1, conv2, fc1, fc2, fc3, tanh, pool, flatten } = this;
    const a = pool.forward(tanh.forward(conv1.forward(x, context), context), context); // [B, H/2, W/2, 6]
    const b = pool.forward(tanh.forward(conv2.forward(a, context), context), context); // [B, P, Q, 16]
    const c = tanh.forward(fc1.forward(flatten.forward(b, context), context), context); // [B, 120]
    const d = tanh.forward(fc2.forward(c, context), context); // [B, 84]
    return fc3.forward(d, context); // [B, outputs]
  }
}

export const lenet5: ArchitectureRecord<"lenet5"> = {
  name: "lenet5",
  title: "LeNet-5 with tanh and average pooling, Adam",
  inputShape: MNIST_SHAPE,
  outputs: 10,
  normalization: MNIST_NORMALIZATION,
  recipe: { optimizer: "adam", lr: 0.001, batchSize: 64, epochs: 10, loss: "crossEntropy" },
  create: (options) => new LeNet5(options),
};

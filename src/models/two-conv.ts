/**
 * The plan that four of the named networks share: convolution, ReLU, pooling, twice; then one hidden layer. They differ
 * in kernel sizes, padding and the width of the hidden layer.
 */
import type { Tensor } from "../engine/tensor.ts";
import { ReLU } from "../nn/activation.ts";
import { Conv2d } from "../nn/conv.ts";
import { Flatten } from "../nn/flatten.ts";
import { Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { MaxPool2d } from "../nn/pool.ts";
import { featuresAfter, type NetworkOptions } from "./architecture.ts";

export interface TwoConvPlan {
  /** Name of the architecture, for errors. */
  readonly name: string;
  /** Side of the square kernels. */
  readonly kernels: readonly [first: number, second: number];
  readonly padding: number;
  /** Width of the hidden layer. */
  readonly hidden: number;
}

/** conv 32, relu, max 2, conv 64, relu, max 2, fc hidden, relu, fc outputs. */
export class TwoConvNet extends Module {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;
  readonly fc1: Linear;
  readonly fc2: Linear;
  readonly relu = new ReLU();
  readonly pool = new MaxPool2d(2);
  readonly flatten = new Flatten();

  constructor(plan: TwoConvPlan, { outputs, inputShape }: NetworkOptions) {
    super();
    const { kernels, padding, hidden } = plan;
    this.conv1 = new Conv2d(inputShape[2], 32, kernels[0], { padding });
    this.conv2 = new Conv2d(32, 64, kernels[1], { padding });
    const features = featuresAfter(plan.name, inputShape, [this.conv1, this.pool, this.conv2, this.pool]);
    this.fc1 = new Linear(features, hidden);
    this.fc2 = new Linear(hidden, outputs);
  }

  forward(x: Tensor, context: Context): Tensor {
    const { conv1, conv2, fc1, fc2, relu, pool, flatten } = this;
    // [B, H, W, C] through both convolutions, each with half the height and width
    const a = pool.forward(relu.forward(conv1.forward(x, context), context), context);
    const b = pool.forward(relu.forward(conv2.forward(a, context), context), context);
    const hidden = relu.forward(fc1.forward(flatten.forward(b, context), context), context);
    return fc2.forward(hidden, context); // [B, outputs]
  }
}

/** separable: two depthwise-separable convolutions and a global average; a thousand parameters. */
import type { Tensor } from "../engine/tensor.ts";
import { ReLU } from "../nn/activation.ts";
import { DepthwiseSeparableConv2d } from "../nn/conv.ts";
import { Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { GlobalAvgPool2d } from "../nn/pool.ts";
import {
  type ArchitectureRecord,
  featuresAfter,
  MNIST_NORMALIZATION,
  MNIST_SHAPE,
  type NetworkOptions,
} from "./architecture.ts";

/** separable 3×3 16, relu, separable 3×3 32, relu, global average, fc outputs. Both convolutions are padded by 1. */
export class SeparableNet extends Module {
  readonly conv1: DepthwiseSeparableConv2d;
  readonly conv2: DepthwiseSeparableConv2d;
  readonly fc: Linear;
  readonly relu = new ReLU();
  readonly pool = new GlobalAvgPool2d();

  constructor(name: string, dilation: number, { outputs, inputShape }: NetworkOptions) {
    super();
    this.conv1 = new DepthwiseSeparableConv2d(inputShape[2], 16, 3, { padding: 1, dilation });
    this.conv2 = new DepthwiseSeparableConv2d(16, 32, 3, { padding: 1, dilation });
    this.fc = new Linear(featuresAfter(name, inputShape, [this.conv1, this.conv2, this.pool]), outputs);
  }

  forward(x: Tensor, context: Context): Tensor {
    const { conv1, conv2, fc, relu, pool } = this;
    const a = relu.forward(conv1.forward(x, context), context); // [B, P, Q, 16]
    const b = relu.forward(conv2.forward(a, context), context); // [B, P', Q', 32]
    return fc.forward(pool.forward(b, context), context); // [B, outputs]
  }
}

export const separable: ArchitectureRecord<"separable"> = {
  name: "separable",
  title: "two depthwise-separable 3×3 convolutions, global average, Adam",
  inputShape: MNIST_SHAPE,
  outputs: 10,
  normalization: MNIST_NORMALIZATION,
  recipe: { optimizer: "adam", lr: 0.001, batchSize: 64, epochs: 10, loss: "crossEntropy" },
  create: (options) => new SeparableNet("separable", 1, options),
};

/**
 * ductus-s: a network of our own for the best accuracy that 8,000 parameters give, with 3×3 convolutions under batch norm,
 * depthwise-separable ones where there are many channels, and a global average instead of a large hidden layer.
 */
import type { Tensor } from "../engine/tensor.ts";
import { ReLU } from "../nn/activation.ts";
import { Conv2d, DepthwiseSeparableConv2d } from "../nn/conv.ts";
import { Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { GlobalAvgPool2d, MaxPool2d } from "../nn/pool.ts";
import { Sequential } from "../nn/sequential.ts";
import {
  type ArchitectureRecord,
  featuresAfter,
  MNIST_NORMALIZATION,
  MNIST_SHAPE,
  type NetworkOptions,
} from "./architecture.ts";

/** What a network is made of: a layer with so many output channels, or a pool that halves the picture. */
type Layer = { readonly kind: "full" | "separable"; readonly channels: number } | { readonly kind: "pool" };

const full = (channels: number): Layer => ({ kind: "full", channels });
const separable = (channels: number): Layer => ({ kind: "separable", channels });
const pool: Layer = { kind: "pool" };

/** 3×3 convolutions padded by 1, each with batch norm and relu, and pools; then the mean of every channel, and fc. */
export class DuctusNet extends Module {
  readonly features: Sequential;
  readonly pool = new GlobalAvgPool2d();
  readonly fc: Linear;

  constructor(name: string, layers: readonly Layer[], { classes, inputShape }: NetworkOptions) {
    super();
    let inputs = inputShape[2];
    this.features = new Sequential(
      ...layers.flatMap((layer): Module[] => {
        if (layer.kind === "pool") return [new MaxPool2d(2)];
        const Conv = layer.kind === "full" ? Conv2d : DepthwiseSeparableConv2d;
        const conv = new Conv(inputs, layer.channels, 3, { padding: 1, bias: false });
        inputs = layer.channels;
        return [conv, new BatchNorm2d(inputs), new ReLU()];
      }),
    );
    this.fc = new Linear(featuresAfter(name, inputShape, [this.features, this.pool]), classes);
  }

  forward(x: Tensor, context: Context): Tensor {
    const features = this.features.forward(x, context); // [B, P, Q, channels]
    return this.fc.forward(this.pool.forward(features, context), context); // [B, classes]
  }
}

const LAYERS = [full(16), full(16), pool, full(16), pool, separable(32), separable(32)];

export const ductusS: ArchitectureRecord = {
  name: "ductus-s",
  title: "three 3×3 and two separable convolutions with batch norm, global average: a small file",
  inputShape: MNIST_SHAPE,
  classes: 10,
  normalization: MNIST_NORMALIZATION,
  recipe: {
    optimizer: "adamw",
    lr: 0.01,
    betas: [0.9, 0.99],
    weightDecay: 1e-4,
    schedule: { name: "oneCycle" },
    batchSize: 128,
    epochs: 15,
    loss: "crossEntropy",
    labelSmoothing: 0.05,
    augment: "digits",
  },
  claimed: "nothing: our own",
  corrected: "nothing",
  create: (options) => new DuctusNet("ductus-s", LAYERS, options),
};

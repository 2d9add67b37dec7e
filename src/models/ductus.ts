/**
 * Networks of our own in two sizes, for the best accuracy that so many parameters give: 3×3 convolutions with batch
 * norm, depthwise-separable ones where parameters are few, and a global average instead of a large hidden layer.
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
import type { Recipe } from "./model.ts";

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

/** Adam with decoupled weight decay over one cycle. */
const recipe = (epochs: number, lr: number): Recipe => ({
  optimizer: "adamw",
  lr,
  betas: [0.9, 0.99],
  weightDecay: 1e-4,
  schedule: { name: "oneCycle" },
  batchSize: 128,
  epochs,
  loss: "crossEntropy",
});

function record(name: string, title: string, layers: readonly Layer[], training: Recipe): ArchitectureRecord {
  return {
    name,
    title,
    inputShape: MNIST_SHAPE,
    classes: 10,
    normalization: MNIST_NORMALIZATION,
    recipe: training,
    claimed: "nothing: our own",
    corrected: "nothing",
    create: (options) => new DuctusNet(name, layers, options),
  };
}

export const ductusS = record(
  "ductus-s",
  "three 3×3 and two separable convolutions with batch norm, global average: a small file",
  [full(16), full(16), pool, full(16), pool, separable(32), separable(32)],
  { ...recipe(15, 0.01), labelSmoothing: 0.05, augment: "digits" },
);

export const ductusMicro = record(
  "ductus-micro",
  "a 3×3 and three separable convolutions with batch norm, global average: the smallest file",
  [full(8), separable(16), pool, separable(16), pool, separable(24)],
  // Too small to gain from harder samples: with the preset it learns the training samples worse, and new ones too.
  recipe(12, 0.015),
);

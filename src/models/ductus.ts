/**
 * Networks of our own, one design in six sizes: convolutions under batch norm, depthwise-separable ones where few
 * parameters are allowed, pooled before the norm where time is, and a global average instead of a large hidden layer.
 * docs/records.md has what they reach.
 */
import type { Tensor } from "../engine/tensor.ts";
import { ReLU } from "../nn/activation.ts";
import { Conv2d, DepthwiseSeparableConv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
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

/** A convolution with so many output channels, its kernel 3×3 unless said, `pooled` before batch norm; or a pool of its own. */
type Layer =
  | {
      readonly kind: "full" | "separable";
      readonly channels: number;
      readonly kernelSize?: number | undefined;
      readonly pooled?: boolean | undefined;
    }
  | { readonly kind: "pool" };

const full = (
  channels: number,
  options: { kernelSize?: number | undefined; pooled?: boolean | undefined } = {},
): Layer => ({
  kind: "full",
  channels,
  ...options,
});
const separable = (channels: number): Layer => ({ kind: "separable", channels });
const pool: Layer = { kind: "pool" };

/** A design by name: its layers, and the share of the channels' means that is dropped before fc while training. */
interface Design<Name extends string = string> {
  readonly name: Name;
  readonly layers: readonly Layer[];
  readonly dropout?: number | undefined;
}

/** Convolutions that keep the size of the picture, each with batch norm and relu, and pools; then the mean of every channel, and fc. */
export class DuctusNet extends Module {
  readonly features: Sequential;
  readonly pool = new GlobalAvgPool2d();
  readonly dropout: Dropout | null;
  readonly fc: Linear;

  constructor({ name, layers, dropout = 0 }: Design, { outputs, inputShape }: NetworkOptions) {
    super();
    let inputs = inputShape[2];
    this.features = new Sequential(
      ...layers.flatMap((layer): Module[] => {
        if (layer.kind === "pool") return [new MaxPool2d(2)];
        const { kind, channels, kernelSize = 3, pooled = false } = layer;
        const Conv = kind === "full" ? Conv2d : DepthwiseSeparableConv2d;
        const conv = new Conv(inputs, channels, kernelSize, { padding: (kernelSize - 1) / 2, bias: false });
        inputs = channels;
        return [conv, ...(pooled ? [new MaxPool2d(2)] : []), new BatchNorm2d(channels), new ReLU()];
      }),
    );
    this.dropout = dropout === 0 ? null : new Dropout(dropout);
    this.fc = new Linear(featuresAfter(name, inputShape, [this.features, this.pool]), outputs);
  }

  forward(x: Tensor, context: Context): Tensor {
    const features = this.features.forward(x, context); // [B, P, Q, channels]
    const means = this.pool.forward(features, context); // [B, channels]
    return this.fc.forward(this.dropout?.forward(means, context) ?? means, context); // [B, outputs]
  }
}

/** What they have in common; the rate and the smoothing of targets are for a network of some thousand parameters. */
const RECIPE: Recipe = {
  optimizer: "adamw",
  lr: 0.01,
  betas: [0.9, 0.99],
  weightDecay: 1e-4,
  schedule: { name: "oneCycle" },
  batchSize: 128,
  epochs: 30,
  loss: "crossEntropy",
  labelSmoothing: 0.05,
  augment: "digits",
};

function ductus<Name extends string>(
  design: Design<Name>,
  title: string,
  recipe: Partial<Recipe> = {},
): ArchitectureRecord<Name> {
  return {
    name: design.name,
    title,
    inputShape: MNIST_SHAPE,
    outputs: 10,
    normalization: MNIST_NORMALIZATION,
    recipe: { ...RECIPE, ...recipe },
    create: (options) => new DuctusNet(design, options),
  };
}

/** At most 2,000 parameters: too few to learn anything by heart, so targets are not smoothed, and every step counts. */
export const ductusMicro = ductus(
  {
    name: "ductus-micro",
    layers: [full(8), pool, separable(16), separable(16), pool, separable(16), separable(16)],
  },
  "a 3×3 and four separable convolutions with batch norm, global average: under 2,000 parameters",
  { labelSmoothing: 0, optimizer: "muon", lr: 0.04 },
);

/** At most 8,000 parameters: a small file. */
export const ductusS = ductus(
  {
    name: "ductus-s",
    layers: [full(16), full(16), pool, full(16), pool, separable(32), separable(32)],
  },
  "three 3×3 and two separable convolutions with batch norm, global average: a small file",
);

/** The most that a quarter of an hour on two cores gives. */
export const ductusM = ductus(
  {
    name: "ductus-m",
    layers: [full(24, { kernelSize: 5, pooled: true }), full(48), full(48, { pooled: true }), full(64), full(64)],
    dropout: 0.3,
  },
  "a 5×5 and four 3×3 convolutions with batch norm, global average: the best in a quarter of an hour",
  { lr: 0.008, plainEpochs: 1 },
);

const LAYERS_L = [32, 64, 96].flatMap((channels) => [
  full(channels),
  full(channels),
  full(channels, { pooled: channels < 96 }),
]);
const TRAINING_L: Partial<Recipe> = { lr: 0.008, plainEpochs: 1, epochs: 20 };

/** The most in twenty minutes on two cores: as many layers as fit between two pools, at all three sizes. */
export const ductusL = ductus(
  { name: "ductus-l", layers: LAYERS_L, dropout: 0.3 },
  "nine 3×3 convolutions with batch norm, global average: nearly the best, in twenty minutes",
  TRAINING_L,
);

/** {@link ductusL} with two 5×5 convolutions in place of its first three: as good, and wrong elsewhere, so a member of ensembles. */
export const ductusL5 = ductus(
  {
    name: "ductus-l5",
    layers: [full(32, { kernelSize: 5 }), full(32, { kernelSize: 5, pooled: true }), ...LAYERS_L.slice(3)],
    dropout: 0.3,
  },
  "two 5×5 and six 3×3 convolutions with batch norm, global average: beside ductus-l",
  TRAINING_L,
);

/** The most in an hour on two cores: six convolutions see the whole picture, so there is four times as much to compute. */
export const ductusXl = ductus(
  {
    name: "ductus-xl",
    layers: Array.from({ length: 9 }, (_, i) => full(64, { pooled: i === 5 })),
    dropout: 0.3,
  },
  "nine 3×3 convolutions with batch norm, six of them on the whole picture, global average: the best of all",
  TRAINING_L,
);

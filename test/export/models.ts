/** Networks for tests of exports: named ones, and one of a user's own with all that folding meets. */
import { MNIST_PREPROCESSING } from "../../src/data/preprocessing.ts";
import { Random } from "../../src/engine/random.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { create } from "../../src/models/registry.ts";
import { ReLU, SiLU } from "../../src/nn/activation.ts";
import { Conv2d } from "../../src/nn/conv.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { GlobalAvgPool2d } from "../../src/nn/pool.ts";

/** Convolutions with batch normalisation, one of them big enough for Winograd's method, around a skip connection. */
class Normalised extends Module {
  readonly conv1: Conv2d;
  readonly norm1: BatchNorm2d;
  readonly conv2: Conv2d;
  readonly norm2: BatchNorm2d;
  readonly pool = new GlobalAvgPool2d();
  readonly head: Linear;
  readonly relu = new ReLU();
  readonly activation: Module;

  constructor(inChannels: number, channels: number, classes: number, activation: Module) {
    super();
    this.activation = activation;
    this.conv1 = new Conv2d(inChannels, channels, 3, { stride: 2, padding: 1 });
    this.norm1 = new BatchNorm2d(channels);
    this.conv2 = new Conv2d(channels, channels, 3, { padding: "same", bias: false });
    this.norm2 = new BatchNorm2d(channels, { affine: false });
    this.head = new Linear(channels, classes);
  }

  forward(x: Tensor, c: Context): Tensor {
    const a = this.activation.forward(this.norm1.forward(this.conv1.forward(x, c), c), c);
    const b = this.relu.forward(this.norm2.forward(this.conv2.forward(a, c), c), c).add(a);
    return this.head.forward(this.pool.forward(b, c), c);
  }
}

/** Running statistics, scales and shifts that are not 0 and 1. */
function unsettle(model: Model): Model {
  const random = new Random(5, "user");
  for (const [name, { data }] of model.network.namedParameters()) {
    if (!/norm/.test(name) || !(data instanceof Float32Array)) continue;
    for (let i = 0; i < data.length; i++) data[i] = random.between(0.3, 1.7);
  }
  return model;
}

function digits(name: string): Model {
  const model = create(name, { seed: 3 });
  model.preprocessing = { ...MNIST_PREPROCESSING };
  return model;
}

/** Models by name, made anew. */
export const MODELS = {
  separable: () => digits("separable"),
  "cnn-strided": () => digits("cnn-strided"),
  lenet5: () => digits("lenet5"),
  mlp: () => digits("mlp"),
  "batch norm, 7,796 weights": () =>
    unsettle(
      new Model(new Normalised(1, 28, 10, new ReLU()), {
        inputShape: [28, 28, 1],
        classes: 10,
        normalization: { mean: 0.1307, std: 0.3081 },
        preprocessing: { ...MNIST_PREPROCESSING, minStroke: 0, centre: "box" },
        seed: 4,
      }),
    ),
  "colours, numbers as inputs": () =>
    unsettle(
      new Model(new Normalised(3, 16, 3, new SiLU()), {
        inputShape: [20, 24, 3],
        inputType: "float32",
        classes: ["山", 'a "quoted" </script> name', "c"],
        preprocessing: { kind: "resize", height: 20, width: 24, channels: 3, invert: true },
        seed: 4,
      }),
    ),
} as const satisfies Record<string, () => Model>;

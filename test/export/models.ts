/** Networks for tests of exports: named ones, and one of a user's own with all that folding meets. */

import { attention, selfAttention } from "../../src/engine/ops/attention.ts";
import { add, sub } from "../../src/engine/ops/elementwise.ts";
import { concat, expand, slice } from "../../src/engine/ops/movement.ts";
import { argmax } from "../../src/engine/ops/reduce.ts";
import { placeAt, sliceAt } from "../../src/engine/ops/window.ts";
import { Random } from "../../src/engine/random.ts";
import { Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { create } from "../../src/models/registry.ts";
import { ReLU, SiLU } from "../../src/nn/activation.ts";
import { MultiheadAttention } from "../../src/nn/attention.ts";
import { Conv2d } from "../../src/nn/conv.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { GlobalAvgPool2d } from "../../src/nn/pool.ts";
import { GRU, LSTM } from "../../src/nn/recurrent.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";

/** Convolutions with batch normalization, one of them big enough for Winograd's method, around a skip connection. */
class Normalized extends Module {
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
      new Model(new Normalized(1, 28, 10, new ReLU()), {
        inputShape: [28, 28, 1],
        classes: 10,
        normalization: { mean: 0.1307, std: 0.3081 },
        preprocessing: { ...MNIST_PREPROCESSING, minStroke: 0, centre: "box" },
        seed: 4,
      }),
    ),
  "colors, numbers as inputs": () =>
    unsettle(
      new Model(new Normalized(3, 16, 3, new SiLU()), {
        inputShape: [20, 24, 3],
        inputType: "float32",
        classes: ["山", 'a "quoted" </script> name', "c"],
        preprocessing: { kind: "resize", height: 20, width: 24, channels: 3, invert: true },
        seed: 4,
      }),
    ),
} as const satisfies Record<string, () => Model>;

/**
 * A class token beside the columns of a picture, as in "An Image is Worth 16x16 Words" (Dosovitskiy et al. 2021): it is the
 * same for every sample, the batch is no first axis after a permutation, and what is cut there is not the batch.
 */
class Token extends Module {
  readonly token: Parameter<"float32">;
  readonly #double = new Linear(12, 24);
  readonly #head = new Linear(12, 5);
  /** Weights whose names have numbers in them. */
  readonly layers = new Sequential(this.#double, this.#head);

  constructor() {
    super();
    const random = new Random(8, "user");
    this.token = new Parameter(
      [1, 1, 12],
      Float32Array.from({ length: 12 }, () => random.between(-1, 1)),
    );
  }

  forward(x: Tensor, c: Context): Tensor {
    const [batch, height, width] = x.shape;
    const tokens = concat([expand(this.token, [batch, 1, 12]), x.reshape([batch, height, width])], 1);
    const { weight, bias } = this.#double;
    // The sum begins with the weight.
    const sum = (bias as Tensor).add(tokens.matmul(weight.permute([1, 0])));
    const pairs = sum.reshape([batch, 1 + height, 2, 12]).permute([2, 1, 0, 3]);
    const [a, b] = [0, 1].map((start) => slice(pairs, [{ start, end: start + 1 }]));
    const mixed = a.mul(b).reshape([1 + height, batch, 12]);
    return this.#head.forward(
      slice(mixed, [{ start: 0, end: 1 }])
        .reshape([batch, 12])
        .add(mixed.mean([0])),
      c,
    );
  }
}

/** Both cells, both directions, several layers, with and without biases, states that come in; rows of a picture are the steps. */
class Recurrent extends Module {
  readonly lstm = new LSTM(10, 6, { numLayers: 2, bidirectional: true });
  readonly gru = new GRU(12, 5, { bias: false });
  readonly back = new GRU(5, 5, { bidirectional: true });
  readonly head = new Linear(49, 4);

  forward(x: Tensor, context: Context): Tensor {
    const [batch, height, width] = x.shape;
    const read = this.lstm.sequence(x.reshape([batch, height, width]), context);
    const first = this.gru.sequence(read.output, context);
    const second = this.back.sequence(first.output, context, { hidden: concat([first.hidden, first.hidden], 1) });
    const ends = [read.cell, second.hidden, first.hidden].map((state) => state.reshape([batch, -1])); // 24, 10 and 5
    return this.head.forward(concat([...ends, second.output.mean(1)], 1), context);
  }
}

export const recurrent = (): Model =>
  new Model(new Recurrent(), { inputShape: [7, 10, 1], classes: 4, normalization: { mean: 0.2, std: 0.5 }, seed: 7 });

/** Rows of a picture attend to each other: causally, and by heads of keys and values that serve several of the queries. */
class Attentive extends Module {
  readonly first = new MultiheadAttention(12, 3, { causal: true });
  readonly query = new Linear(12, 12);
  readonly rest = new Linear(12, 2 * 6);
  readonly head = new Linear(24, 5);

  forward(x: Tensor, context: Context): Tensor {
    const [batch, height, width] = x.shape;
    const rows = x.reshape([batch, height, width]);
    const mixed = rows.add(this.first.forward(rows, context));
    const q = this.query.forward(mixed, context).reshape([batch, height, 4, 3]);
    const both = this.rest.forward(mixed, context).reshape([batch, height, 4, 3]);
    const packed = selfAttention(concat([q, both], 2), { heads: 4 });
    const [k, v] = [0, 2].map((start) => slice(both, [{}, { start: 2 }, { start, end: start + 2 }]));
    const apart = attention(q, k, v, { causal: true, scale: 0.7 });
    const joined = concat([packed, apart], 2).reshape([batch, height, 24]);
    return this.head.forward(joined.mean(1), context);
  }
}

export const attentive = (): Model =>
  new Model(new Attentive(), { inputShape: [8, 12, 1], classes: 5, normalization: { mean: 0.2, std: 0.5 }, seed: 8 });

export const tokens = (): Model =>
  new Model(new Token(), { inputShape: [8, 12, 1], classes: 5, normalization: { mean: 0.2, std: 0.5 }, seed: 6 });

/** Looks at a window of the picture whose place is computed, along two axes, the last one first. */
class Cropped extends Module {
  readonly where = new Parameter([2, 6], Float32Array.of(0.1, 0.2, 0.1, 0.5, 0.3, 0.4, 0.9, 0.1, 0.2, 0.5, 0.3, 0.4));
  readonly conv = new Conv2d(1, 3, 3);
  readonly head = new Linear(60, 5);

  forward(x: Tensor, context: Context): Tensor {
    const window = sliceAt(this.conv.forward(x, context), argmax(this.where, 1), [5, 4], [2, 1]);
    return this.head.forward(window.reshape([x.shape[0], 60]), context);
  }
}

export const cropped = (): Model =>
  new Model(new Cropped(), { inputShape: [8, 12, 1], classes: 5, normalization: { mean: 0.2, std: 0.5 }, seed: 9 });

/** Puts rows of the picture at a computed place among others. */
class Framed extends Module {
  readonly where = new Parameter([3], Float32Array.of(0.1, 0.2, 0.4));
  readonly head = new Linear(144, 5);

  forward(x: Tensor, context: Context): Tensor {
    const framed = placeAt(x.mul(2), argmax(this.where, 0), [12], [1], 0.5);
    return this.head.forward(framed.reshape([x.shape[0], 144]), context);
  }
}

export const framed = (): Model =>
  new Model(new Framed(), { inputShape: [8, 12, 1], classes: 5, normalization: { mean: 0.2, std: 0.5 }, seed: 10 });

/** Some rows of a picture attend to all, from a position on that is the same for all pictures, or each one's own, or is none. */
class Positioned extends Module {
  readonly where = new Parameter([6], Float32Array.of(0.1, 0.2, 0.1, 0.5, 0.3, 0.4));
  readonly head = new Linear(24, 5);

  forward(x: Tensor, context: Context): Tensor {
    const [batch, height, width] = x.shape;
    const rows = x.reshape([batch, height, 2, width / 2]);
    const position = argmax(this.where, 0);
    const shared = attention(sliceAt(rows, position, [3], [1]), rows, rows, { position });
    // From −3 on: then the first queries see nothing.
    const own = sub(argmax(slice(x, [{}, {}, { end: 1 }, { end: 1 }]).reshape([batch, height]), 1), 3);
    const length = add(own, 4);
    const apart = attention(slice(rows, [{}, { end: 3 }]), rows, rows, { position: own, length, scale: 3 });
    return this.head.forward(
      concat([shared, apart], 3)
        .mean(1)
        .reshape([batch, 2 * width]),
      context,
    );
  }
}

export const positioned = (): Model =>
  new Model(new Positioned(), { inputShape: [8, 12, 1], classes: 5, normalization: { mean: 0.2, std: 0.5 }, seed: 11 });

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { gradients } from "../../src/engine/autodiff.ts";
import { ShapeError, UsageError } from "../../src/engine/errors.ts";
import { constant } from "../../src/engine/ops/constant.ts";
import { add } from "../../src/engine/ops/elementwise.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { ReLU, Tanh } from "../../src/nn/activation.ts";
import { inferenceContext, trainingContext } from "../../src/nn/context.ts";
import { Conv2d, DepthwiseSeparableConv2d } from "../../src/nn/conv.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { initialize } from "../../src/nn/init.ts";
import { Embedding, Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { BatchNorm2d, GroupNorm, LayerNorm, RMSNorm } from "../../src/nn/norm.ts";
import { forwardNamed } from "../../src/nn/observe.ts";
import { GlobalAvgPool2d, MaxPool2d } from "../../src/nn/pool.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { formatSummary, summary } from "../../src/nn/summary.ts";
import { difference, evaluate } from "./evaluate.ts";

interface GoldenValues {
  readonly shape: number[];
  readonly data: number[];
}

interface GoldenCase {
  readonly name: string;
  readonly input: GoldenValues;
  readonly before: Record<string, GoldenValues>;
  readonly training: GoldenValues[];
  readonly evaluation: GoldenValues;
  readonly after: Record<string, GoldenValues>;
}

const golden: { cases: GoldenCase[] } = JSON.parse(
  readFileSync(new URL("./golden/layers.json", import.meta.url), "utf8"),
);

const LAYERS: Readonly<Record<string, () => Module>> = {
  batchNorm: () => new BatchNorm2d(4),
  batchNormAverage: () => new BatchNorm2d(4, { momentum: null, eps: 1e-3 }),
  groupNorm: () => new GroupNorm(2, 4),
  layerNorm: () => new LayerNorm(6),
  conv: () => new Conv2d(4, 6, [3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 }),
  convSame: () => new Conv2d(4, 2, [3, 4], { padding: "same", bias: false }),
  rmsNorm: () => new RMSNorm(6),
  embedding: () => new Embedding(30, 5, { paddingIdx: -27 }),
  separable: () => new DepthwiseSeparableConv2d(4, 3, 3, { padding: 1, dilation: 2 }),
  flattened: () => new Sequential(new Conv2d(4, 2, 3), new MaxPool2d(2), new Flatten(), new Linear(2, 3), new Tanh()),
};

describe("layers do what PyTorch's do", () => {
  for (const { name, input, before, training, evaluation, after } of golden.cases) {
    it(name, async () => {
      const layer = LAYERS[name]();
      expect([...layer.namedParameters()].map(([key, { shape }]) => [key, shape])).toEqual(
        Object.entries(before).map(([key, { shape }]) => [key, shape]),
      );
      layer.load(new Map(Object.entries(before)));
      for (const [i, wanted] of training.entries()) {
        const x = { ...input, data: input.data.map((value) => value * (i + 1)) };
        const y = await evaluate((t, tracer) => layer.forward(t, trainingContext(tracer)), x);
        expect(y.shape).toEqual(wanted.shape);
        expect(difference(y.data, wanted.data)).toBeLessThan(1e-5);
      }
      const y = await evaluate((t) => layer.forward(t, inferenceContext()), input);
      expect(difference(y.data, evaluation.data)).toBeLessThan(1e-5);
      for (const [key, parameter] of layer.namedParameters()) {
        expect(difference(parameter.data, after[key].data), key).toBeLessThan(1e-5);
      }
    });
  }
});

/** What a user writes: a residual branch, a shared layer, a list of layers, a parameter of its own. */
class Residual extends Module {
  readonly stem = new Conv2d(1, 4, 3, { padding: "same" });
  readonly blocks = [new Conv2d(4, 4, 3, { padding: 1 }), new Conv2d(4, 4, 3, { padding: 1 })];
  readonly norm = new BatchNorm2d(4);
  readonly relu = new ReLU();
  readonly drop = new Dropout(0.5);
  readonly head = new Linear(4, 3);
  readonly pool = new GlobalAvgPool2d();

  forward(x: Tensor, context: Context): Tensor {
    const { stem, blocks, norm, relu, drop, head, pool } = this;
    let y = relu.forward(norm.forward(stem.forward(x, context), context), context);
    for (const block of blocks) y = add(y, relu.forward(block.forward(y, context), context));
    return head.forward(drop.forward(pool.forward(y, context), context), context);
  }
}

describe("a user's own network", () => {
  it("names its parameters like PyTorch, lists of layers included", () => {
    expect([...new Residual().namedParameters()].map(([name]) => name)).toEqual([
      "stem.weight",
      "stem.bias",
      "blocks.0.weight",
      "blocks.0.bias",
      "blocks.1.weight",
      "blocks.1.bias",
      "norm.weight",
      "norm.bias",
      "norm.running_mean",
      "norm.running_var",
      "norm.num_batches_tracked",
      "head.weight",
      "head.bias",
    ]);
    expect(new Residual().trainable()).toHaveLength(10);
  });

  it("prints as a table", () => {
    expect(formatSummary(summary(new Residual(), [8, 8, 1]))).toMatchInlineSnapshot(`
      "layer                                               output  parameters  multiply-adds
      ─────────────────────────────────────────────────────────────────────────────────────
      stem      Conv2d(1, 4, kernelSize=3, padding=same)  8×8×4           40          2,304
      norm      BatchNorm2d(4)                            8×8×4           17
      relu      ReLU()                                    8×8×4
      blocks.0  Conv2d(4, 4, kernelSize=3, padding=1)     8×8×4          148          9,216
      relu      ReLU()                                    8×8×4
      blocks.1  Conv2d(4, 4, kernelSize=3, padding=1)     8×8×4          148          9,216
      relu      ReLU()                                    8×8×4
      pool      GlobalAvgPool2d()                         4
      drop      Dropout(0.5)                              4
      head      Linear(4, 3)                              3               15             12
      ─────────────────────────────────────────────────────────────────────────────────────
      total                                                              368         20,748
      9 of the parameters are not trained (running statistics, frozen layers)"
    `);
  });

  it("counts a layer that is used twice once", () => {
    class Twice extends Module {
      readonly a = new Linear(4, 4);
      readonly b = this.a;
      forward(x: Tensor, context: Context): Tensor {
        return this.b.forward(this.a.forward(x, context), context);
      }
    }
    const table = summary(new Twice(), [4]);
    expect(table.parameters).toBe(20);
    expect(table.multiplyAdds).toBe(32);
    expect(table.rows.map(({ parameters }) => parameters)).toEqual([20, 0]);
    expect(new Twice().trainable()).toHaveLength(2);
  });

  it("is left as it was after a summary, also a failed one", () => {
    const network = new Residual();
    summary(network, [8, 8, 1]);
    expect(() => summary(network, [8, 8, 3])).toThrow(ShapeError);
    for (const [, module] of network.namedModules()) expect(Object.hasOwn(module, "forward")).toBe(false);
  });

  it("names the layer that does not fit", () => {
    const network = new Sequential(new Flatten(), new Sequential(new Linear(10, 4)));
    const x = constant(0, "float32", [2, 4, 4, 1]);
    expect(() => forwardNamed(network, x, inferenceContext())).toThrow(
      /^1\.0: linear: input is \[2, 16\] but the weight expects 10 features/,
    );
  });
});

describe("initial weights", () => {
  it("depend on the seed alone", () => {
    const weights = (seed: number): number[][] =>
      [...initialize(new Residual(), seed).namedParameters()].map(([, { data }]) => [...data]);
    expect(weights(7)).toEqual(weights(7));
    expect(weights(8)).not.toEqual(weights(7));
  });

  it("differ between layers of one shape, initialized or not", () => {
    for (const network of [new Residual(), initialize(new Residual(), 3)]) {
      const [first, second] = network.blocks;
      expect(first.weight.data).not.toEqual(second.weight.data);
    }
  });

  it("are uniform within ±1/√fanIn, as PyTorch's", () => {
    const { weight, bias } = initialize(new Conv2d(16, 64, 5), 1);
    const bound = 1 / Math.sqrt(16 * 25);
    for (const { data } of [weight, bias!]) {
      expect(Math.max(...data)).toBeLessThan(bound);
      expect(Math.min(...data)).toBeGreaterThanOrEqual(-bound);
    }
    const mean = weight.data.reduce((sum, value) => sum + value, 0) / weight.size;
    const variance = weight.data.reduce((sum, value) => sum + value * value, 0) / weight.size;
    expect(Math.abs(mean)).toBeLessThan(0.02 * bound);
    expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1);
  });

  it("are standard normal for an embedding", () => {
    const { data } = initialize(new Embedding(100, 50), 1).weight;
    expect(data.reduce((sum, value) => sum + value, 0) / data.length).toBeCloseTo(0, 1);
    expect(data.reduce((sum, value) => sum + value * value, 0) / data.length).toBeCloseTo(1, 1);
  });
});

it("the padding of an embedding starts at zeros and learns nothing", async () => {
  const layer = initialize(new Embedding(4, 3, { paddingIdx: 1 }), 1);
  expect([...layer.weight.data.subarray(3, 6)]).toEqual([0, 0, 0]);
  const index = { shape: [5], data: [0, 1, 1, 3, 0], dtype: "int32" } as const;
  const { data } = await evaluate((x, tracer) => {
    const vectors = layer.forward(x, trainingContext(tracer));
    return gradients(vectors.sum(), [layer.weight])[0];
  }, index);
  expect([...data]).toEqual([2, 2, 2, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
  expect(() => new Embedding(4, 3, { paddingIdx: 4 })).toThrow("paddingIdx is 4 but must lie between -4 and 3");
});

describe("dropout", () => {
  const ones = { shape: [50, 40], data: new Float32Array(2000).fill(1) };
  const key = constant([1, 2], "int32");

  it("drops the given share while training, differently in each layer, and nothing afterwards", async () => {
    const network = new Sequential(new Dropout(0.25), new Dropout(0.25));
    const y = await evaluate((x, tracer) => network.forward(x, trainingContext(tracer, key)), ones);
    const kept = y.data.filter((value) => value !== 0);
    expect(kept.length / 2000).toBeCloseTo(0.75 ** 2, 1);
    expect(kept[0]).toBeCloseTo(1 / 0.75 ** 2, 5);
    const same = await evaluate((x) => network.forward(x, inferenceContext()), ones);
    expect([...same.data]).toEqual([...ones.data]);
  });

  it("says that it needs random numbers", () => {
    const context = { ...inferenceContext(), training: true };
    expect(() => new Dropout().forward(constant(1, "float32", [2, 2]), context)).toThrow(/key/);
  });
});

describe("misuse", () => {
  it.each([
    [() => new Conv2d(3, 8, 3, { groups: 2 }), /groups/],
    [() => new Conv2d(1, 8, 0), /kernelSize is 0/],
    [() => new Conv2d(1, 8, 3, { padding: "full" as "same" }), /"full"/],
    [() => new Linear(1.5, 2), /inFeatures is 1.5/],
    [() => new Dropout(1), /less than 1/],
    [() => new BatchNorm2d(4, { momentum: 2 }), /momentum/],
  ])("is refused when the layer is made", (make, message) => {
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });
});

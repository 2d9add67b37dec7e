import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ShapeError, UsageError } from "../../src/engine/errors.ts";
import { constant, type Nested } from "../../src/engine/ops/constant.ts";
import { flatten } from "../../src/engine/ops/movement.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { purposeOf } from "../../src/models/networks.ts";
import { findRecipe, RECIPES } from "../../src/models/recipes.ts";
import { ARCHITECTURES, create } from "../../src/models/registry.ts";
import { inferenceContext } from "../../src/nn/context.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Module } from "../../src/nn/module.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { createOptimizer } from "../../src/optim/registry.ts";
import { createSchedule, type ScheduleSpec } from "../../src/optim/schedules.ts";
import { difference, evaluate } from "../nn/evaluate.ts";

interface GoldenCase {
  readonly name: string;
  readonly inputShape: number[];
  readonly classes: number;
  readonly parameters: Record<string, number[]>;
  readonly count: number;
  readonly logits: number[];
}

const golden: { cases: GoldenCase[] } = JSON.parse(
  readFileSync(new URL("./golden/networks.json", import.meta.url), "utf8"),
);

/** The weights of golden/make.py; running statistics stay as they are. */
function setByFormula(network: Module): void {
  for (const [k, { shape, size, data }] of network.trainable().entries()) {
    const fanIn = shape.length > 1 ? size / shape[0] : size;
    for (let i = 0; i < size; i++) data[i] = Math.sin(i * 0.7 + k) / Math.sqrt(fanIn);
  }
}

function picturesByFormula(shape: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => (i * 37 + 11) % 256);
}

describe("named networks equal PyTorch's", () => {
  it("covers the whole registry", () => {
    expect(new Set(golden.cases.map(({ name }) => name))).toEqual(new Set(ARCHITECTURES.map(({ name }) => name)));
  });

  for (const { name, inputShape, classes, parameters, count, logits } of golden.cases) {
    it(`${name} on ${inputShape.join("×")}`, async () => {
      const model = create(name, { inputShape, classes });
      const own = [...model.network.namedParameters()].map(([key, { shape }]) => [key, shape]);
      expect(own).toEqual(Object.entries(parameters));
      expect(model.summary().parameters).toBe(count);
      setByFormula(model.network);
      const shape = [2, ...inputShape];
      const x = { shape, data: picturesByFormula(shape), dtype: "uint8" } as const;
      const y = await evaluate((t) => model.logits(t, inferenceContext()), x);
      expect(difference(y.data, logits)).toBeLessThan(1e-5);
    });
  }
});

describe("create", () => {
  it("draws weights that depend on the seed only", () => {
    const weights = (seed?: number): Float32Array => create("separable", { seed }).network.trainable()[0].data;
    expect(weights()).toEqual(weights(0));
    expect(weights(1)).not.toEqual(weights(0));
  });

  it("gives recipes that can be run", () => {
    for (const { name } of ARCHITECTURES) {
      const { recipe, architecture, classes } = create(name);
      const { optimizer, lr, betas, momentum, weightDecay, schedule = { name: "constant" } } = recipe;
      expect(createOptimizer(optimizer, { lr, betas, momentum, weightDecay }).lr).toBe(lr);
      expect(createSchedule(schedule as ScheduleSpec).factor(0, 10)).toBeGreaterThan(0);
      expect(architecture?.name).toBe(name);
      expect(classes).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    }
  });

  it("takes another recipe, such as a named one", () => {
    for (const { name, model, training } of RECIPES) {
      expect(findRecipe(name).training).toBe(training);
      const { task } = purposeOf(model);
      if (task === "classify") expect(create(model, { recipe: training }).recipe).toBe(training);
      expect(create("mlp", { recipe: training }).recipe).toBe(training);
    }
    expect(() => findRecipe("fsat")).toThrow('unknown recipe "fsat"; did you mean "fast"?');
  });

  it("can be repeated from what it stores", () => {
    const { architecture } = create("lenet5", { classes: ["a", "b"], inputShape: [20, 24, 3] });
    const again = create(architecture!.name, JSON.parse(JSON.stringify(architecture!.options)));
    expect(again.inputShape).toEqual([20, 24, 3]);
    expect(again.classes).toHaveLength(2);
  });

  it("explains what is wrong", () => {
    expect(() => create("cnn-33")).toThrow('unknown model "cnn-33"; did you mean "cnn-3x3"?');
    expect(() => create("cnn-5x5", { inputShape: [8, 8, 1] })).toThrow(/cnn-5x5: pictures of 8×8 are too small/);
    expect(() => create("mlp", { inputShape: [28, 28] })).toThrow(/height, width, channels/);
    expect(() => create("mlp", { classes: ["a", "a"] })).toThrow(/"a" occurs twice/);
    expect(() => create("mlp", { classes: 0 })).toThrow(UsageError);
  });
});

/** Flattens as one does who forgets the batch. */
class WithoutBatch extends Module {
  forward(x: Tensor): Tensor {
    return flatten(x, 0);
  }
}

describe("Model", () => {
  const network = (): Module => new Sequential(new Flatten(), new Linear(12, 3));

  it("wraps a user's own network with sensible defaults", () => {
    const model = new Model(network(), { inputShape: [2, 2, 3], classes: ["x", "y", "z"], seed: 1 });
    expect(model.logits(constant(0, "float32", [5, 2, 2, 3]), inferenceContext()).shape).toEqual([5, 3]);
    expect(model.architecture).toBeNull();
    expect(model.recipe.optimizer).toBe("adam");
    expect(model.summary().multiplyAdds).toBe(36);
  });

  it("normalizes channels apart", async () => {
    const identity = new Sequential(new Flatten());
    const options = { normalization: { mean: [0, 0.5], std: [1, 0.25] }, inputShape: [1, 1, 2], classes: 2 };
    const x = { shape: [1, 1, 1, 2], data: [255, 255], dtype: "uint8" } as const;
    const y = await evaluate((t) => new Model(identity, options).logits(t, inferenceContext()), x);
    expect([...y.data]).toEqual([1, 2]);
    const plain = { ...options, inputType: "float32" } as const;
    const z = await evaluate((t) => new Model(identity, plain).logits(t, inferenceContext()), {
      ...x,
      data: [1, 1],
      dtype: "float32",
    });
    expect([...z.data]).toEqual([1, 2]);
  });

  it("says which side does not fit", () => {
    const model = new Model(network(), { inputShape: [2, 2, 3], classes: 3 });
    const forward = (shape: number[]) => () => model.logits(constant(0, "float32", shape), inferenceContext());
    expect(forward([5, 2, 2, 1])).toThrow(/inputs are \[5, 2, 2, 1\] but this model takes \[batch, 2, 2, 3\]/);
    const making = (layers: Module, inputShape: number[], classes: number) => () =>
      new Model(layers, { inputShape, classes });
    expect(making(network(), [2, 2, 3], 4)).toThrow(/output is \[2, 3\] but 4 classes need \[2, 4\]/);
    expect(making(network(), [3, 3, 3], 3)).toThrow(ShapeError);
    expect(making(network(), [3, 3, 3], 3)).toThrow(/^1: linear: /);
    const flat = (then: readonly Module[]) => new Sequential(new WithoutBatch(), ...then);
    expect(making(flat([new Linear(12, 3)]), [2, 2, 3], 3)).toThrow(
      /^1: linear: .*flatten\(x, 1\) keeps the batch axis/,
    );
    expect(making(flat([]), [2, 2, 3], 12)).toThrow(/output is \[24\].*flatten\(x, 1\) keeps the batch axis/);
    expect(
      () => new Model(network(), { inputShape: [2, 2, 3], classes: 3, normalization: { mean: 0, std: 0 } }),
    ).toThrow(UsageError);
  });
});

describe("ops that a network of one's own is made of", () => {
  it("says what is wrong with a constant", () => {
    expect(
      constant([
        [1, 2, 3],
        [4, 5, 6],
      ]).shape,
    ).toEqual([2, 3]);
    const making = (value: unknown) => () => constant(value as Nested);
    expect(making([[1, 2], [3]])).toThrow(/a list of 1 stands beside a list of 2/);
    expect(making([1, [2]])).toThrow(/\[2\] stands where a number should/);
    expect(making([[1, 2], 3])).toThrow(/3 stands beside a list of 2/);
    expect(making(["1"])).toThrow(/"1" stands where a number should/);
  });

  it("wants to know where to flatten from", () => {
    const x = constant(0, "float32", [2, 3, 4]);
    expect(flatten(x, 1).shape).toEqual([2, 12]);
    expect(() => flatten(x, 3)).toThrow(/\[2, 3, 4\] has no axis 3/);
    expect(() => flatten(x, undefined as unknown as number)).toThrow(/say where to begin: flatten\(x, 1\)/);
  });
});

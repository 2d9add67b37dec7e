/** What a small file may cost: networks that would take seconds or gigabytes are refused from their shapes alone. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Budget, setBudget } from "../../src/engine/budget.ts";
import { TooLargeError, UsageError } from "../../src/engine/errors.ts";
import { softmax } from "../../src/engine/ops/activation.ts";
import { relu } from "../../src/engine/ops/elementwise.ts";
import { matmul } from "../../src/engine/ops/matmul.ts";
import { concat, expand, flatten, slice } from "../../src/engine/ops/movement.ts";
import { sum } from "../../src/engine/ops/reduce.ts";
import { spendGraph } from "../../src/engine/passes/cost.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { ARCHITECTURES, create } from "../../src/models/registry.ts";
import { Module } from "../../src/nn/module.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { encodeModel, load } from "../../src/use/trained-model.ts";

beforeAll(() => setPlatform(nodePlatform));
afterEach(() => setBudget(1));

/** A network of any function of one number per sample. */
function network(forward: (x: Tensor) => Tensor): Model {
  class Any extends Module {
    override forward(x: Tensor): Tensor {
      return slice(flatten(forward(x), 1), [{}, { end: 2 }]);
    }
  }
  return new Model(new Any(), { inputShape: [1, 2, 1], inputType: "float32", normalization: null, classes: 2 });
}

const square = (x: Tensor, side: number): Tensor => expand(slice(x, [{}, {}, { end: 1 }]), [x.shape[0], 1, side, side]);
const repeated = (times: number, op: (x: Tensor) => Tensor, x: Tensor): Tensor =>
  Array.from({ length: times }).reduce((y: Tensor) => op(y), x);

/** What a file of 2 kB may say, each with the budget that it would break. */
const COSTLY: readonly (readonly [what: string, forward: (x: Tensor) => Tensor, budget: RegExp])[] = [
  ["products of large matrices", (x) => matmul(square(x, 1024), square(x, 1024)), /million operations/],
  ["a softmax over 2^27 numbers", (x) => softmax(square(x, 2 ** 13), 2), /million operations/],
  ["many tensors that are stored whole", (x) => repeated(40, (y) => softmax(y, 2), square(x, 2 ** 10)), /MiB/],
  ["400 softmaxes", (x) => repeated(400, (y) => softmax(y, 2), x), /operands/],
  ["a long chain", (x) => repeated(3000, relu, x), /operands/],
  ["joins of many", (x) => repeated(9, (y) => sum(concat(Array(250).fill(y), 1), [1], true), x), /operands/],
];

describe("the budget of a file", () => {
  it.each(COSTLY)("is broken by %s", (_, forward, message) => {
    const { outputs } = inferenceGraph(network(forward), 1);
    const spend = () => spendGraph(new Budget("a.safetensors", 2000), Object.values(outputs), "its network");
    expect(spend).toThrow(TooLargeError);
    expect(spend).toThrow(message);
    expect(spend).toThrow(/^a\.safetensors: its network.* beyond its budget of .*--budget \d+, or setBudget\(\d+\)$/);
  });

  it("is spent before anything runs, and can be raised to what a refusal says", async () => {
    setBudget(1000);
    const bytes = await encodeModel(network((x) => repeated(1400, relu, square(x, 2))));
    setBudget(1);
    const refusal = await load(bytes).then(
      () => "",
      (error: Error) => error.message,
    );
    expect(refusal).toMatch(/operands/);
    setBudget(Number(/--budget (\d+)/.exec(refusal)?.[1]));
    await load(bytes);
    expect(() => setBudget(0)).toThrow(UsageError);
    expect(() => setBudget(Number.NaN)).toThrow(UsageError);
  });

  it("is hardly touched by our own networks", () => {
    for (const { name } of ARCHITECTURES) {
      const model = create(name, { seed: null });
      const budget = new Budget(name, model.summary().parameters * 4);
      const before = (["operations", "operands", "memory"] as const).map((what) => budget.left(what));
      spendGraph(budget, Object.values(inferenceGraph(model, 1).outputs), "its network");
      const after = (["operations", "operands", "memory"] as const).map((what) => budget.left(what));
      for (const [i, left] of after.entries()) expect(left, name).toBeGreaterThan(before[i] * (i === 0 ? 0.7 : 0.85));
    }
  });
});

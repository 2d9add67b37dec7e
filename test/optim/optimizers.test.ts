import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { gradients } from "../../src/engine/autodiff.ts";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { UsageError } from "../../src/engine/errors.ts";
import { mseLoss } from "../../src/engine/ops/loss.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { Parameter } from "../../src/engine/tensor.ts";
import { trace } from "../../src/engine/trace.ts";
import { clipByNorm } from "../../src/optim/clip.ts";
import type { Optimizer } from "../../src/optim/optimizer.ts";
import { createOptimizer, OPTIMIZER_NAMES, type OptimizerOption, takesOption } from "../../src/optim/registry.ts";
import { nodeWasmBackend } from "../../src/platform/node/threads.ts";
import { difference } from "../nn/evaluate.ts";

interface Trained {
  readonly losses: number[];
  readonly norms: number[];
  readonly weight: number[];
  readonly bias: number[];
  readonly state: Record<string, number[]>;
}

interface Golden {
  readonly x: number[];
  readonly target: number[];
  readonly weight: number[];
  readonly bias: number[];
  readonly cases: (Trained & { name: string; options: Record<string, OptimizerOption> })[];
  readonly clipped: Trained & { maxNorm: number };
}

const golden: Golden = JSON.parse(readFileSync(new URL("./golden/optimizers.json", import.meta.url), "utf8"));

/** Twenty steps of linear regression with one compiled step, its changing numbers as inputs. */
async function train(optimizer: Optimizer, maxNorm?: number): Promise<Trained> {
  const weight = new Parameter([3, 5], Float32Array.from(golden.weight));
  const bias = new Parameter([3], Float32Array.from(golden.bias));
  const scalarNames = Object.keys(optimizer.scalars(1, optimizer.lr));
  const graph = trace((tracer) => {
    const x = tracer.input("x", [8, 5], "float32", true);
    const target = tracer.input("target", [8, 3], "float32", true);
    const scalars = new Map(scalarNames.map((name) => [name, tracer.input(name, [])]));
    const loss = mseLoss(linear(x, weight, bias), target);
    const raw = gradients(loss, [weight, bias]);
    const { gradients: grads, norm } = clipByNorm(raw, maxNorm ?? 1);
    for (const [i, parameter] of [weight, bias].entries()) {
      const grad = maxNorm === undefined ? raw[i] : grads[i];
      for (const { target: changed, value } of optimizer.update(parameter, grad, (name) => scalars.get(name)!)) {
        tracer.update(changed, value);
      }
    }
    return { loss, norm };
  });
  const program = await referenceBackend().compile(graph);
  program.inputs.x.set(golden.x);
  program.inputs.target.set(golden.target);
  const losses: number[] = [];
  const norms: number[] = [];
  for (let step = 1; step <= golden.cases[0].losses.length; step++) {
    for (const [name, value] of Object.entries(optimizer.scalars(step, optimizer.lr))) {
      program.inputs[name]?.set([value]);
    }
    program.run();
    losses.push(program.outputs.loss[0]);
    norms.push(program.outputs.norm[0]);
  }
  const state = Object.entries(optimizer.state(weight)).map(([name, parameter]) => [name, [...parameter.data]]);
  return { losses, norms, weight: [...weight.data], bias: [...bias.data], state: Object.fromEntries(state) };
}

describe("20 steps of each optimizer give PyTorch's numbers", () => {
  for (const { name, options, ...wanted } of golden.cases) {
    it(`${name} ${JSON.stringify(options)}`, async () => {
      const found = await train(createOptimizer(name, options));
      expect(difference(found.losses, wanted.losses)).toBeLessThan(1e-5);
      expect(difference(found.weight, wanted.weight)).toBeLessThan(1e-5);
      expect(difference(found.bias, wanted.bias)).toBeLessThan(1e-5);
      expect(Object.keys(found.state).sort()).toEqual(Object.keys(wanted.state).sort());
      for (const [key, values] of Object.entries(wanted.state)) {
        expect(difference(found.state[key], values), key).toBeLessThan(1e-5);
      }
    });
  }

  it("with gradients clipped by their norm", async () => {
    const { maxNorm, ...wanted } = golden.clipped;
    const found = await train(createOptimizer("sgd", { lr: 0.1 }), maxNorm);
    expect(difference(found.norms, wanted.norms)).toBeLessThan(1e-5);
    expect(difference(found.weight, wanted.weight)).toBeLessThan(1e-5);
  });
});

it("muon leaves to adamw what mixes no inputs: vectors, a first convolution and depthwise ones", () => {
  const states = (...shape: number[]): string[] =>
    Object.keys(createOptimizer("muon").state(new Parameter(shape, new Float32Array(shape.reduce((a, b) => a * b)))));
  for (const shape of [
    [10, 96],
    [16, 8, 3, 3],
    [32, 16, 1, 1],
  ])
    expect(states(...shape)).toEqual(["momentum_buffer"]);
  for (const shape of [[96], [16, 1, 3, 3], [3, 1]]) expect(states(...shape)).toEqual(["exp_avg", "exp_avg_sq"]);
});

describe("running means of a gradient that has died", () => {
  const cases = [
    ["adam", {}, ["exp_avg"]],
    ["adamw", {}, ["exp_avg"]],
    ["sgd", { momentum: 0.9 }, ["momentum_buffer"]],
    ["rmsprop", { momentum: 0.9, centered: true }, ["momentum_buffer", "grad_avg"]],
  ] as const;
  it.each(cases)("of %s %o end at 0, without subnormal numbers", async (name, options, means) => {
    const backend = nodeWasmBackend({ threads: 1 });
    const optimizer = createOptimizer(name, options);
    const weight = new Parameter([4], new Float32Array(4));
    const graph = trace((tracer) => {
      const updates = optimizer.update(weight, tracer.input("grad", [4]), (scalar) => tracer.input(scalar, []));
      for (const { target, value } of updates) tracer.update(target, value);
      return {};
    });
    const state = optimizer.state(weight);
    for (const mean of means) state[mean].data.set([1e-36, -1e-36, 1e-20, 1]);
    const program = await backend.compile(graph);
    program.run();
    for (const mean of means) {
      const [tiny, negative, small, large] = state[mean].data;
      expect([tiny, negative]).toEqual([0, 0]);
      expect(small / 1e-20).toBeCloseTo(large, 6);
      expect(large).toBeGreaterThan(0.8);
    }
    await backend.close();
  });
});

describe("createOptimizer", () => {
  it("refuses what it does not know, with a suggestion", () => {
    expect(() => createOptimizer("adma")).toThrow('unknown optimizer "adma"; did you mean "adam"?');
    expect(() => createOptimizer("toString")).toThrow(UsageError);
    expect(() => createOptimizer("sgd", { momentun: 0.9 })).toThrow('did you mean "momentum"?');
    expect(takesOption("adam", "momentum")).toBe(false);
  });

  it.each([
    ["sgd", { lr: -1 }, /lr is -1/],
    ["sgd", { lr: Number.NaN }, /lr is NaN/],
    ["sgd", { nesterov: true }, /nesterov needs a momentum/],
    ["adam", { betas: [0.9, 1] }, /betas\[1\] is 1/],
    ["adam", { betas: 0.9 }, /pair of numbers/],
    ["rmsprop", { alpha: 1 }, /alpha is 1/],
    ["rmsprop", { momentum: 1 }, /momentum is 1/],
    ["sgd", { momentum: 1 }, /momentum is 1/],
    ["adamw", { weightDecay: -0.1 }, /weightDecay/],
    ["muon", { momentum: 1 }, /muon: momentum is 1/],
    ["muon", { lr: -1 }, /lr is -1/],
  ] as const)("refuses %s %o", (name, options, message) => {
    expect(() => createOptimizer(name, options)).toThrow(UsageError);
    expect(() => createOptimizer(name, options)).toThrow(message);
  });

  it("takes every name with its defaults", () => {
    for (const name of OPTIMIZER_NAMES) expect(createOptimizer(name, { lr: undefined }).name).toBe(name);
  });
});

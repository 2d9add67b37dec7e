/**
 * Golden training: 20 steps of every named network by SGD with momentum and by Adam, through the very graph that `fit`
 * compiles, against the losses that PyTorch has from the same weights and pictures (make_training.py). The plain loops of
 * the reference backend are too slow for that: they take the small networks only, and a few steps.
 */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SampleSpec } from "../../src/data/dataset.ts";
import { INDEX } from "../../src/data/port.ts";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { crossEntropy } from "../../src/engine/ops/loss.ts";
import { type Shape, sizeOf } from "../../src/engine/shape.ts";
import type { Model } from "../../src/models/model.ts";
import { ARCHITECTURES, create } from "../../src/models/registry.ts";
import type { Module } from "../../src/nn/module.ts";
import { createOptimizer } from "../../src/optim/registry.ts";
import { traceTrainingStep } from "../../src/train/step.ts";
import { familyBackends } from "../helpers/backends.ts";
import { hash32, integerNoise, uniformNoise } from "../helpers/noise.ts";

interface GoldenRun {
  readonly model: string;
  /** Names and shapes in PyTorch's order: the index is the seed. */
  readonly parameters: readonly (readonly [name: string, shape: Shape])[];
  readonly rates: Readonly<Record<OptimizerName, number>>;
  readonly losses: Readonly<Record<OptimizerName, readonly number[]>>;
}

type OptimizerName = "sgd" | "adam";
const OPTIMIZERS: readonly OptimizerName[] = ["sgd", "adam"];

const runs: readonly GoldenRun[] = JSON.parse(readFileSync(new URL("./training.json", import.meta.url), "utf8"));

const BATCH = 8;
const BATCHES = 4;
const PIXELS = 28 * 28;
/** Of the random numbers, with the step. */
const KEY = 7;
const labels = integerNoise(99, BATCH * BATCHES, 0, 10);
const SAMPLES: SampleSpec = {
  inputs: { x: { shape: [28, 28, 1], dtype: "uint8" } },
  targets: { y: INDEX },
  classes: Array.from({ length: 10 }, (_, k) => String(k)),
};

/** 28×28 bytes: a coarse pattern of the class, under noise. */
function picture(index: number): Uint8Array {
  return Uint8Array.from({ length: PIXELS }, (_, i) => {
    const cell = Math.floor(i / 28 / 4) * 7 + Math.floor((i % 28) / 4);
    return (hash32(100 + labels[index], cell) & 1) * 180 + (hash32(200 + index, i) % 64);
  });
}

const pictures = Array.from(labels, (_, i) => picture(i));

type Values = Parameters<Module["load"]>[0] extends ReadonlyMap<string, infer V> ? V : never;

/** Uniform within ±1/√(fan in); the bias of a layer has the bound of its weight. */
function loadWeights(model: Model, parameters: GoldenRun["parameters"]): void {
  const fan = new Map<string, number>();
  const values = parameters.map(([name, shape], i) => {
    const layer = name.slice(0, name.lastIndexOf("."));
    if (name.endsWith("weight")) fan.set(layer, sizeOf(shape.slice(1)));
    const bound = 1 / Math.sqrt(fan.get(layer) as number);
    return [name, { shape, data: uniformNoise(1000 + i, sizeOf(shape), -bound, bound) }] as const;
  });
  // Running statistics stay as they are.
  model.network.load(new Map<string, Values>([...model.network.namedParameters(), ...values]));
}

async function train(backend: Backend, run: GoldenRun, optimizerName: OptimizerName, steps: number): Promise<number[]> {
  const model = create(run.model);
  loadWeights(model, run.parameters);
  const lr = run.rates[optimizerName];
  const optimizer = createOptimizer(optimizerName, optimizerName === "sgd" ? { lr, momentum: 0.9 } : { lr });
  const program = await backend.compile(
    traceTrainingStep({ model, optimizer, loss: (logits, y) => crossEntropy(logits, y) }, SAMPLES, { batch: BATCH }),
  );
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const first = (step % BATCHES) * BATCH;
    program.inputs["key"]?.set([KEY, step]);
    program.inputs["y"].set(labels.subarray(first, first + BATCH));
    for (let i = 0; i < BATCH; i++) program.inputs["x"].set(pictures[first + i], i * PIXELS);
    for (const [name, value] of Object.entries(optimizer.scalars(step + 1, lr))) {
      program.inputs[name]?.fill(value);
    }
    program.run();
    losses.push((await program.read("loss"))["loss"][0]);
  }
  program.dispose();
  return losses;
}

/** Steps that the plain loops manage in a second. */
const SLOW_STEPS: Readonly<Record<string, number>> = {
  mlp: 5,
  lenet5: 2,
  separable: 1,
  "separable-dilated": 1,
};

it("covers every named network", () => {
  expect(runs.map(({ model }) => model).sort()).toEqual(ARCHITECTURES.map(({ name }) => name).sort());
});

describe.each(familyBackends)("$name", ({ family, make }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend?.close());

  for (const run of runs) {
    const isSlow = family === "reference" || family === "toy";
    const steps = isSlow ? (SLOW_STEPS[run.model] ?? 0) : run.losses.sgd.length;
    if (steps === 0) {
      it.skip(`${run.model}: too slow for plain loops`);
      continue;
    }
    it.each(OPTIMIZERS)(`${run.model}, %s, ${steps} steps`, async (optimizer) => {
      const losses = await train(backend, run, optimizer, steps);
      losses.forEach((loss, step) => {
        const want = run.losses[optimizer][step];
        expect(Math.abs(loss - want), `loss of step ${step + 1}: ${loss}, not ${want}`).toBeLessThan(1e-4 * want);
      });
    });
  }
});

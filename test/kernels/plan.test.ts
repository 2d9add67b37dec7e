/**
 * Plans of a small training step and a small inference graph, printed: a change of the passes shows here what it does to
 * them (`npx vitest -u` takes the new ones). Below, what every plan must hold: nothing overlaps that is alive together.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SampleSpec } from "../../src/data/dataset.ts";
import { INDEX } from "../../src/data/port.ts";
import { gradients } from "../../src/engine/autodiff.ts";
import { CHUNKS, type Plan, printPlan } from "../../src/engine/backends/cpu/plan.ts";
import { planForWasm } from "../../src/engine/backends/wasm/wasm.ts";
import { bytesOf } from "../../src/engine/dtype.ts";
import { constant } from "../../src/engine/ops/constant.ts";
import { ctcLoss } from "../../src/engine/ops/ctc.ts";
import { abs, add, div, mul, relu, sub, tanh } from "../../src/engine/ops/elementwise.ts";
import { crossEntropy } from "../../src/engine/ops/loss.ts";
import { linear } from "../../src/engine/ops/matmul.ts";
import { maxPool2d } from "../../src/engine/ops/pool.ts";
import { mean, sum } from "../../src/engine/ops/reduce.ts";
import { storageOf } from "../../src/engine/passes/storage.ts";
import { Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { type Graph, trace } from "../../src/engine/trace.ts";
import { Model } from "../../src/models/model.ts";
import { ReLU } from "../../src/nn/activation.ts";
import { Conv2d, DepthwiseSeparableConv2d } from "../../src/nn/conv.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import type { Module } from "../../src/nn/module.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { GlobalAvgPool2d, MaxPool2d } from "../../src/nn/pool.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { adam } from "../../src/optim/adam.ts";
import { sgd } from "../../src/optim/sgd.ts";
import { LOSSES } from "../../src/task/losses.ts";
import { traceTrainingStep } from "../../src/train/step.ts";
import { inferenceGraph } from "../../src/use/inference.ts";

const INPUT_SHAPE = [10, 10, 1];
const CLASSES = ["a", "b", "c"];
const SAMPLES: SampleSpec = {
  inputs: { x: { shape: INPUT_SHAPE, dtype: "uint8" } },
  targets: { y: INDEX },
  classes: CLASSES,
};

/** A network of the kind that the named ones are: conv, relu, max pool, linear. */
function smallNetwork(): Model {
  const layers = [
    new Conv2d(1, 16, 3, { padding: 1 }),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(400, 3),
  ];
  return new Model(new Sequential(...layers), { inputShape: INPUT_SHAPE, classes: CLASSES });
}

function trainingStep(optimizer = sgd({ lr: 0.1, momentum: 0.9 })): Graph {
  const definition = { model: smallNetwork(), optimizer, loss: LOSSES.crossEntropy };
  return traceTrainingStep(definition, SAMPLES, { batch: 16 });
}

describe("printed plans", () => {
  it("a training step", async () => {
    expect(printPlan(await planForWasm(trainingStep()))).toMatchSnapshot();
  });

  it("inference with depthwise-separable convolutions", async () => {
    const layers = [
      new DepthwiseSeparableConv2d(1, 8, 3, { padding: 1 }),
      new ReLU(),
      new GlobalAvgPool2d(),
      new Linear(8, 3),
    ];
    const model = new Model(new Sequential(...layers), { inputShape: [10, 10, 1], classes: CLASSES });
    expect(printPlan(await planForWasm(inferenceGraph(model, 4)))).toMatchSnapshot();
  });
});

it("what follows from inputs alone is computed before both of two groups that read it", async () => {
  const graph = trace((tracer) => {
    const [a, b] = [tracer.input("a", []), tracer.input("b", [1], "float32", true)];
    const y = div(a, add(abs(b), 1));
    const [da, db] = gradients(sum(mul(y, tracer.input("g", [1], "float32", true))), [a, b]);
    return { y, da, db };
  });
  await expect(planForWasm(graph)).resolves.toBeDefined();
});

describe("behind batch norm", () => {
  const planOf = (...last: Module[]): Promise<Plan> => {
    const conv = (inputs: number): Module => new Conv2d(inputs, 8, 3, { padding: 1, bias: false });
    const layers = [1, 8].flatMap((inputs) => [conv(inputs), new BatchNorm2d(8), new ReLU()]);
    const model = new Model(new Sequential(...layers, ...last), { inputShape: INPUT_SHAPE, classes: CLASSES });
    const definition = { model, optimizer: adam(), loss: LOSSES.crossEntropy };
    return planForWasm(traceTrainingStep(definition, SAMPLES, { batch: 20 }));
  };

  it("a training step follows the batch forwards and backwards", async () => {
    const { stages } = await planOf(new GlobalAvgPool2d(), new Linear(8, 3));
    const waiting = stages.flatMap(({ ranges }) => ranges).flatMap(({ outputs }) => outputs);
    expect(waiting.length).toBeGreaterThan(0);
    expect(waiting.filter(({ shape }) => shape[0] === 20).map(({ op }) => op.name)).toEqual([]);
  });

  it("pictures stay in memory as they came from the convolution and went into it, and their masked gradients", async () => {
    const { stages, places } = await planOf(new Flatten(), new Linear(800, 3));
    const kept = stages.flatMap(({ samples }) => samples).flatMap(({ outputs }) => outputs);
    const pictures = kept.filter((tensor) => tensor.shape[1] > 1 && places.get(tensor)?.kind === "arena");
    // The gradient of the last comes out of a copy, beside which no vector (the mean) can be read: its differences are kept too.
    const first = ["place", "conv2d", "where"];
    const last = ["place", "conv2d", "sub", "where"];
    expect(pictures.map(({ op }) => op.name).sort()).toEqual([...first, ...last].sort());
  });
});

interface Block {
  readonly what: string;
  readonly start: number;
  readonly end: number;
  /** First and last stage, or group, in which it is needed. */
  readonly from: number;
  readonly to: number;
}

/** Checks from the stages alone, not from what the planner thought, that memory is never used twice at a time. */
function checkPlan(plan: Plan): void {
  const groups = plan.stages.flatMap(({ samples, ranges }) => [...samples, ...ranges]);
  const blocks: Record<"arena" | "local", Block[]> = { arena: [], local: [] };
  for (const group of groups) {
    for (const tensor of group.outputs) {
      const place = plan.places.get(tensor);
      expect(place, `${tensor.op.name} has a place`).toBeDefined();
      if (place === undefined || !("offset" in place)) continue;
      const readers = groups.filter((other) => other.inputs.some((input) => storageOf(input) === tensor));
      // Local memory is used anew by the next group that does not need it, other memory by the next stage.
      const isLocal = place.kind === "local";
      const users = [group, ...readers];
      const times = users.map((user) => (isLocal ? groups.indexOf(user) : user.stage));
      const bytes = {
        arena: () => bytesOf(tensor),
        partial: () => bytesOf(tensor) * CHUNKS,
        local: () => (bytesOf(tensor) / plan.batch) * plan.stages[group.stage].tile,
      }[place.kind]();
      const block = { what: `${tensor.op.name} ${place.kind}`, start: place.offset, end: place.offset + bytes };
      const life = { from: Math.min(...times), to: Math.max(...times) };
      if (isLocal) expect(new Set(users.map(({ stage }) => stage)).size, "local tensors live in one stage").toBe(1);
      blocks[isLocal ? "local" : "arena"].push({ ...block, ...life });
    }
    for (const input of group.inputs) {
      const home = groups.find(({ outputs }) => outputs.includes(storageOf(input)));
      if (home !== undefined) expect(home.stage).toBeLessThanOrEqual(group.stage);
      else expect(plan.places.has(storageOf(input)), `${storageOf(input).op.name} has a place`).toBe(true);
    }
  }
  for (const [kind, size] of [
    ["arena", plan.arenaBytes],
    ["local", plan.localBytes],
  ] as const) {
    blocks[kind].forEach((a, n) => {
      expect(a.end).toBeLessThanOrEqual(size);
      for (const b of blocks[kind].slice(n + 1)) {
        const together = a.from <= b.to && b.from <= a.to;
        const overlap = a.start < b.end && b.start < a.end;
        if (together && overlap)
          expect.fail(`${a.what} [${a.start}, ${a.end}) and ${b.what} [${b.start}, ${b.end}) overlap`);
      }
    });
  }
}

/** Takes the values so far and two numbers that choose among them and shape the step. */
const STEPS: readonly ((value: Tensor, other: Tensor, width: number) => Tensor)[] = [
  (value) => relu(value),
  (value) => tanh(value),
  (value, other) => mul(value, other),
  (value, other) => sub(value, other),
  (value) => linear(value, weight(value.shape[1], value.shape[1])),
  (value) => sub(value, mean(value, 0, true)), // all samples must be there first
  (value) => sub(value, mean(value, 1, true)),
  (value) => value.reshape([value.shape[0], 1, value.shape[1], 1]).reshape(value.shape),
  (value) => linear(linear(value, weight(7, value.shape[1])), weight(value.shape[1], 7)),
];

const weight = (...shape: readonly [number, number]): Parameter =>
  new Parameter(shape, new Float32Array(shape[0] * shape[1]));

const networks = fc.record({
  batch: fc.integer({ min: 1, max: 40 }),
  width: fc.integer({ min: 1, max: 300 }),
  steps: fc.array(fc.tuple(fc.nat(STEPS.length - 1), fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 }),
  optimizer: fc.constantFrom(adam(), sgd({ lr: 0.1 }), sgd({ lr: 0.1, momentum: 0.9 })),
});

describe("memory", () => {
  it("is shared by no two tensors that are alive together, whatever the network", async () => {
    const property = fc.asyncProperty(networks, async ({ batch, width, steps, optimizer }) => {
      const first = weight(width, width);
      const graph = trace((tracer) => {
        const values = [linear(tracer.input("x", [batch, width], "float32", true), first)];
        for (const [step, a, b] of steps)
          values.push(STEPS[step](values[a % values.length], values[b % values.length], width));
        const loss = sum(mul(values[values.length - 1], 0.5));
        const known = new Map<string, Tensor>();
        const scalar = (name: string): Tensor => {
          const made = known.get(name) ?? tracer.input(name, []);
          known.set(name, made);
          return made;
        };
        const [gradient] = gradients(loss, [first]);
        for (const { target, value } of optimizer.update(first, gradient, scalar)) tracer.update(target, value);
        return { loss, values: values[values.length >> 1] };
      });
      checkPlan(await planForWasm(graph));
    });
    await fc.assert(property, { seed: 4, numRuns: 150 });
  });

  it("of training steps and of convolutions", async () => {
    checkPlan(await planForWasm(trainingStep()));
    checkPlan(await planForWasm(trainingStep(adam())));
    const pooled = trace((tracer) => {
      const x = tracer.input("x", [9, 8, 8, 3], "float32", true);
      const y = maxPool2d(x, 2);
      return { y, g: gradients(sum(mul(y, y)), [x])[0] };
    });
    checkPlan(await planForWasm(pooled));
  });
});

it("a loss over a large vocabulary stores a few numbers a row, and no rows but the gradient", async () => {
  const [rows, classes] = [[64, 16], 50_000];
  const graph = trace((t) => {
    const logits = t.input("logits", [...rows, classes], "float32", true);
    const loss = crossEntropy(logits, t.input("targets", rows, "int32", true));
    return { loss, gradient: gradients(loss, [logits])[0] };
  });
  const { arenaBytes, localBytes } = await planForWasm(graph);
  expect(arenaBytes + localBytes).toBeLessThan(16 * 64 * 16);
});

it("samples whose strings are all as long as each other go through CTC and back one by one", async () => {
  const weight = new Parameter([5, 4], new Float32Array(20));
  const graph = trace((t) => {
    const x = t.input("x", [16, 8, 4], "float32", true);
    const lengths = [8, 3].map((length) => constant(length, "int32", [16]));
    const logits = linear(x, weight);
    const loss = ctcLoss(logits, t.input("targets", [16, 3], "int32", true), lengths[0], lengths[1]);
    const [grad] = gradients(loss, [weight]);
    t.update(weight, sub(weight, grad));
    return { loss };
  });
  const { stages } = await planForWasm(graph);
  const following = stages.flatMap(({ samples }) => samples).flatMap(({ nodes }) => nodes.map(({ op }) => op.name));
  expect(following).toEqual(expect.arrayContaining(["ctc", "ctcGrad"]));
  const waiting = stages.flatMap(({ ranges }) => ranges).flatMap(({ outputs }) => outputs);
  expect(waiting.filter(({ shape }) => shape[0] === 16 && shape.length > 1)).toEqual([]);
});

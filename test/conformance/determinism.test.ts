/**
 * The same seed gives the same weights, bit for bit, for any number of threads; strict arithmetic gives the bits in
 * strict-bits.json on every machine. After a change that means to alter those bits, write them anew:
 *
 *     DUCTUS_WRITE_BITS=1 npx vitest run test/conformance/determinism.test.ts
 */
import { expect, it } from "vitest";
import type { SampleSpec } from "../../src/data/dataset.ts";
import { webSha256 } from "../../src/data/fingerprint.ts";
import { INDEX } from "../../src/data/port.ts";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { crossEntropy } from "../../src/engine/ops/loss.ts";
import { reshape } from "../../src/engine/ops/movement.ts";
import { sizeOf } from "../../src/engine/shape.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { GELU, ReLU } from "../../src/nn/activation.ts";
import { MultiheadAttention } from "../../src/nn/attention.ts";
import { Conv2d, DepthwiseSeparableConv2d } from "../../src/nn/conv.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { BatchNorm2d, LayerNorm } from "../../src/nn/norm.ts";
import { GlobalAvgPool2d, MaxPool2d } from "../../src/nn/pool.ts";
import { GRU, LSTM } from "../../src/nn/recurrent.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { createOptimizer } from "../../src/optim/registry.ts";
import { traceTrainingStep, writeStepKey } from "../../src/train/step.ts";
import { type BackendUnderTest, backends } from "../helpers/backends.ts";
import { integerNoise, uniformNoise } from "../helpers/noise.ts";
import strictBits from "./strict-bits.json" with { type: "json" };

const CLASSES = 10;
const STEPS = 5;

interface Experiment {
  readonly network: () => Module;
  readonly optimizer: "sgd" | "adam";
  readonly side: number;
  readonly batch: number;
}

/** Reads the rows of a picture as a sequence, in both directions and two layers. */
class Rows extends Module {
  readonly lstm = new LSTM(9, 12, { numLayers: 2, bidirectional: true, dropout: 0.25 });
  readonly gru = new GRU(24, 10);
  readonly head = new Linear(10, CLASSES);

  forward(x: Tensor, context: Context): Tensor {
    const [B, H, W] = x.shape;
    const { hidden } = this.gru.sequence(this.lstm.forward(reshape(x, [B, H, W]), context), context);
    return this.head.forward(reshape(hidden, [B, 10]), context);
  }
}

/** Reads the rows of a picture as a sequence, by a block of a transformer; each sample has many rows. */
class Transformer extends Module {
  readonly inner = new Linear(26, 24);
  readonly norm1 = new LayerNorm(24);
  readonly attention = new MultiheadAttention(24, 4, { causal: true });
  readonly norm2 = new LayerNorm(24);
  readonly mlp = new Sequential(new Linear(24, 96), new GELU(), new Linear(96, 24));
  readonly head = new Linear(24, CLASSES);

  forward(x: Tensor, context: Context): Tensor {
    const [B, H, W] = x.shape;
    const rows = this.inner.forward(reshape(x, [B, H, W]), context);
    const mixed = rows.add(this.attention.forward(this.norm1.forward(rows, context), context));
    const thought = mixed.add(this.mlp.forward(this.norm2.forward(mixed, context), context));
    return this.head.forward(thought.mean(1), context);
  }
}

/** Between them: every kind of kernel (Winograd's from 16 channels on), samples that do not divide evenly, and a large weight matrix. */
const EXPERIMENTS: Readonly<Record<string, Experiment>> = {
  "convolution, pool, batch norm, dropout, linear; SGD": {
    network: () =>
      new Sequential(
        new Conv2d(1, 8, 3),
        new BatchNorm2d(8),
        new ReLU(),
        new MaxPool2d(2),
        new Dropout(0.25),
        new Conv2d(8, 12, 3, { padding: 1 }),
        new ReLU(),
        new MaxPool2d(2),
        new Flatten(),
        new Linear(12 * 9, 32),
        new ReLU(),
        new Linear(32, CLASSES),
      ),
    optimizer: "sgd",
    side: 14,
    batch: 21,
  },
  "sixteen channels and more, 3×3 and 5×5; SGD": {
    network: () =>
      new Sequential(
        new Conv2d(1, 16, 3),
        new ReLU(),
        new Conv2d(16, 20, 3, { padding: 1 }),
        new ReLU(),
        new MaxPool2d(2),
        new Conv2d(20, 16, 5),
        new ReLU(),
        new Flatten(),
        new Linear(16 * 9, CLASSES),
      ),
    optimizer: "sgd",
    side: 16,
    batch: 19,
  },
  "separable, layer norm, gelu, global pool; Adam": {
    network: () =>
      new Sequential(
        new DepthwiseSeparableConv2d(1, 16, 3, { padding: 1 }),
        new GELU(),
        new DepthwiseSeparableConv2d(16, 20, 3, { stride: 2 }),
        new GlobalAvgPool2d(),
        new LayerNorm(20),
        new Linear(20, CLASSES),
      ),
    optimizer: "adam",
    side: 9,
    batch: 16,
  },
  "recurrent layers; Adam": { network: () => new Rows(), optimizer: "adam", side: 9, batch: 21 },
  "attention; Adam": { network: () => new Transformer(), optimizer: "adam", side: 26, batch: 19 },
  "wide linear layers; Adam": {
    network: () => new Sequential(new Flatten(), new Linear(400, 300), new ReLU(), new Linear(300, CLASSES)),
    optimizer: "adam",
    side: 20,
    batch: 37,
  },
};

/** Trains for some steps and hashes the losses and every parameter. */
async function digest(backend: Backend, { network, optimizer: kind, side, batch }: Experiment): Promise<string> {
  const model = new Model(network(), { inputShape: [side, side, 1], classes: CLASSES, inputType: "float32" });
  // The normal numbers of the usual initialization rest on the machine's logarithm; these rest on nothing.
  for (const [i, parameter] of model.network.trainable().entries()) {
    const bound = 1 / Math.sqrt(Math.max(1, sizeOf(parameter.shape.slice(1))));
    parameter.data.set(uniformNoise(i, parameter.size, parameter.rank === 1 ? 0.5 * bound : -bound, bound));
  }
  const optimizer = createOptimizer(kind, kind === "sgd" ? { lr: 0.05, momentum: 0.9 } : { lr: 0.01 });
  const spec: SampleSpec = {
    inputs: model.task.input.ports,
    targets: { y: INDEX },
    classes: model.classes,
  };
  const program = await backend.compile(
    traceTrainingStep({ model, optimizer, loss: (logits, y) => crossEntropy(logits, y) }, spec, { batch }),
  );
  const results: Uint8Array[] = [];
  for (let step = 1; step <= STEPS; step++) {
    program.inputs["x"].set(uniformNoise(10 + step, batch * side * side));
    program.inputs["y"].set(integerNoise(10 + step, batch, 0, CLASSES));
    writeStepKey(7, step, program.inputs["key"] as Int32Array);
    for (const [name, value] of Object.entries(optimizer.scalars(step, optimizer.lr))) {
      program.inputs[name]?.fill(value);
    }
    program.run();
    const loss = (await program.read("loss"))["loss"].slice();
    expect(Number.isFinite(loss[0])).toBe(true);
    results.push(new Uint8Array(loss.buffer));
  }
  await backend.pull(model.network.parameters());
  for (const [, { data }] of model.network.namedParameters()) results.push(new Uint8Array(data.slice().buffer));
  program.dispose();
  return webSha256(results);
}

async function digestOn({ make }: BackendUnderTest, experiment: Experiment): Promise<string> {
  const backend = await make();
  try {
    return await digest(backend, experiment);
  } finally {
    await backend.close();
  }
}

/** The reference backend has one thread and its own arithmetic: nothing to compare. */
const families = ["wasm", "wasm strict"] as const satisfies readonly BackendUnderTest["family"][];

for (const family of families) {
  const [first, ...others] = backends.filter((entry) => entry.family === family);
  it.each(Object.entries(EXPERIMENTS))(`${family}, any number of threads: %s`, async (_, experiment) => {
    const bits = await digestOn(first, experiment);
    // The same entry again is the least that must agree.
    for (const entry of [first, ...others]) expect(await digestOn(entry, experiment), entry.name).toBe(bits);
  });
}

const strict = backends.filter(({ family }) => family === "wasm strict");

it("strict arithmetic gives the committed bits", async () => {
  const digests: Record<string, string> = {};
  for (const [name, experiment] of Object.entries(EXPERIMENTS)) digests[name] = await digestOn(strict[0], experiment);
  if (globalThis.process?.env["DUCTUS_WRITE_BITS"] === "1") {
    const { writeFileSync } = await import("node:fs");
    writeFileSync(new URL("./strict-bits.json", import.meta.url), `${JSON.stringify(digests, null, 2)}\n`);
  } else expect(digests).toEqual(strictBits);
});

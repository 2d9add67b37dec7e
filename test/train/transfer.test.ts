/** Starting from a trained network: the head, what is frozen, when and how fast the rest is trained. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset, ImageDataset } from "../../src/data/dataset.ts";
import { takeShots } from "../../src/data/shots.ts";
import { takeImages } from "../../src/data/split.ts";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { slice } from "../../src/engine/ops/movement.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { create } from "../../src/models/registry.ts";
import { Conv2d } from "../../src/nn/conv.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Module } from "../../src/nn/module.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import type { Callback } from "../../src/train/callbacks.ts";
import { crossValidate } from "../../src/train/cross-validation.ts";
import { fit as trainModel } from "../../src/train/fit.ts";
import type { FitOptions } from "../../src/train/settings.ts";
import { TransferPlan } from "../../src/train/transfer/freeze.ts";
import { layersOf } from "../../src/train/transfer/layers.ts";
import { adapt, withOldHead } from "../../src/train/transfer/transfer.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { bars, CLASSES, SIDE, smallModel } from "./synthetic.ts";

let backend: Backend;
beforeAll(async () => {
  setPlatform(nodePlatform);
  backend = await nodePlatform.createBackend({ threads: 1 });
});
afterAll(() => backend.close());

async function logits(model: Model): Promise<number[]> {
  const program = await backend.compile(inferenceGraph(model, 1));
  program.inputs.x.set(bars(5).image(3));
  program.run();
  const found = [...(await program.read("logits")).logits];
  program.dispose();
  return found;
}

/** Leaves the outputs of more than its classes aside. */
class FirstThree extends Module {
  forward(x: Tensor): Tensor {
    return slice(x, [{}, { end: 3 }]);
  }
}

/** conv, batch-norm, fc. */
function normed(seed = 1): Model {
  const layers = [new Conv2d(1, 4, 3), new BatchNorm2d(4), new Flatten(), new Linear(64, 3)];
  return new Model(new Sequential(...layers), { inputShape: [SIDE, SIDE, 1], classes: CLASSES, seed });
}

const values = (model: Model): Map<string, number[]> =>
  new Map([...model.network.namedParameters()].map(([name, { data }]) => [name, [...data]]));

const quick: FitOptions = { epochs: 1, batchSize: 12, lr: 0.01, optimizer: "sgd" };
const train = (model: Model, options: FitOptions): ReturnType<typeof trainModel> =>
  trainModel(model, bars(36), { backend, ...quick, ...options });

/** The names of the weights that differ. */
function changed(before: Map<string, number[]>, model: Model): string[] {
  return [...values(model)].filter(([name, now]) => String(now) !== String(before.get(name))).map(([name]) => name);
}

describe("a new head", () => {
  const known = (): Model => create("mlp", { classes: CLASSES, inputShape: [SIDE, SIDE, 1], seed: 4 });

  it.each([
    ["a named network", known],
    ["a user's own", () => new Model(smallModel(4).network, { inputShape: [SIDE, SIDE, 1], classes: CLASSES })],
  ])("keeps the rows of classes that stay, of %s", async (_, make) => {
    const base = make();
    const [left, , right] = await logits(base);
    const { model, kept, head } = adapt(base, ["right", "other", "left", "more"], 0);
    expect(kept).toEqual(["right", "left"]);
    expect(head.every((name) => /^(fc2|head)\./.test(name))).toBe(true);
    const found = await logits(model);
    expect(found).toHaveLength(4);
    expect([found[0], found[2]]).toEqual([right, left]);
    expect(model.classes).toEqual(["right", "other", "left", "more"]);
    // The base is not touched, and has its answers back with its head.
    expect(await logits(withOldHead(base, model))).toEqual(await logits(base));
  });

  it("is the old one where the classes are the same, in a copy", async () => {
    const base = known();
    const { model } = adapt(base, CLASSES, 0);
    expect(await logits(model)).toEqual(await logits(base));
    await train(model, {});
    expect(await logits(model)).not.toEqual(await logits(known()));
    expect(await logits(base)).toEqual(await logits(known()));
  });

  it("is refused where the last layer has no row per class", () => {
    const layers = [new Flatten(), new Linear(SIDE * SIDE, 5), new FirstThree()];
    const odd = new Model(new Sequential(...layers), { inputShape: [SIDE, SIDE, 1], classes: 3 });
    expect(() => adapt(odd, ["a", "b"], 0)).toThrow(/does not have one row for each of its 3 classes/);
  });
});

describe("freezing", () => {
  it.each([
    ["conv*", ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]],
    ["conv1", ["conv2.weight", "conv2.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]],
    ["*.weight", ["conv1.bias", "conv2.bias", "fc1.bias", "fc2.bias"]],
  ])("%s leaves those weights as they are, bit for bit", async (pattern, wanted) => {
    const model = create("cnn-3x3", { seed: 2 });
    const before = values(model);
    const noise: Dataset = {
      name: "noise",
      length: 8,
      inputs: model.task.input.ports,
      targets: model.task.targets,
      classes: model.classes,
      read: (indices, start, count, { x, y }) => {
        for (let k = 0; k < count; k++) {
          for (let p = 0; p < 784; p++) x[784 * k + p] = (p * 7 + indices[start + k] * 31) % 256;
          y[k] = indices[start + k];
        }
      },
    };
    await trainModel(model, noise, { ...quick, backend, transfer: { freeze: [pattern] } });
    expect(changed(before, model)).toEqual(wanted);
  });

  it("unfreezes layer by layer from the output, or all after the probe", () => {
    const model = normed();
    expect(layersOf(model.network)).toEqual([
      ["0.weight", "0.bias", "1.weight", "1.bias"],
      ["3.weight", "3.bias"],
    ]);
    const counts = (options: ConstructorParameters<typeof TransferPlan>[1]): number[] => {
      const plan = new TransferPlan(model.network, options);
      return [1, 2, 3, 4, 5].map((epoch) => plan.count(epoch));
    };
    expect(counts({ unfreezeEvery: 2 })).toEqual([1, 1, 2, 2, 2]);
    expect(counts({ probeEpochs: 3 })).toEqual([1, 1, 1, 2, 2]);
    expect(counts({})).toEqual([2, 2, 2, 2, 2]);
  });

  it("trains what is unfrozen later as if its first step were the optimizer's first", async () => {
    const model = normed();
    const before = values(model);
    let atEnd = new Map<string, number[]>();
    const watch: Callback = {
      onStep: ({ step }) => {
        if (step === 3) atEnd = values(model);
      },
    };
    // 3 steps an epoch; Adam's first step is the rate in every direction, whatever the gradient.
    const rate = { optimizer: "adam", lr: 0.01, schedule: "constant" } as const;
    await train(model, { ...rate, epochs: 2, steps: 4, transfer: { unfreezeEvery: 1 }, callbacks: [watch] });
    const first = before.get("0.weight") as number[];
    expect(atEnd.get("0.weight")).toEqual(first);
    const steps = (values(model).get("0.weight") as number[]).map((value, i) => Math.abs(value - first[i]));
    expect(Math.max(...steps)).toBeCloseTo(0.01, 4);
    expect(Math.min(...steps)).toBeGreaterThan(0.0099);
  });

  it("gives each layer the rate of the one after it, times the factor", async () => {
    const moved = async (lrDecayPerLayer?: number): Promise<number[]> => {
      const model = smallModel();
      const before = values(model);
      await train(model, { steps: 1, transfer: { lrDecayPerLayer } });
      return ["fc1.weight", "fc2.weight", "head.weight"].map((name) =>
        Math.hypot(...(values(model).get(name) as number[]).map((value, i) => value - (before.get(name)?.[i] ?? 0))),
      );
    };
    const [all, decayed] = [await moved(), await moved(0.1)];
    expect(decayed[2] / all[2]).toBeCloseTo(1, 4);
    expect(decayed[1] / all[1]).toBeCloseTo(0.1, 3);
    expect(decayed[0] / all[0]).toBeCloseTo(0.01, 3);
  });

  it("of batch-norm statistics: they stay, and training computes with them as use does", async () => {
    const model = normed();
    await train(model, { epochs: 3 }); // statistics of the data
    const before = values(model);
    const { loss } = await evaluate(model, bars(36), { backend });
    const { history } = await train(model, { lr: 1e-9, transfer: { freezeStatistics: true } });
    expect(history[0].trainingLoss).toBeCloseTo(loss, 5);
    await train(model, { transfer: { freezeStatistics: true } });
    expect(changed(before, model).filter((name) => /running|num_batches/.test(name))).toEqual([]);
    expect(changed(before, model)).toContain("1.weight");
    // Not frozen, they move; frozen with their layer, they do not.
    await train(model, { transfer: { freeze: ["0", "1"] } });
    expect(values(model).get("1.running_mean")).toEqual(before.get("1.running_mean"));
    await train(model, { transfer: {} });
    expect(values(model).get("1.running_mean")).not.toEqual(before.get("1.running_mean"));
  });

  it.each([
    [{ freeze: ["conf*"] }, /no weight is called "conf\*"; there are fc1, fc2, head/],
    [{ freeze: ["*"] }, /nothing is left to train/],
    [{ freeze: ["head"], unfreezeEvery: 2 }, /nothing is left to train in the first epoch/],
    [{ unfreezeEvery: 0 }, /unfreezeEvery is 0/],
    [{ unfreezeEvery: 1, probeEpochs: 2 }, /leave probeEpochs out/],
    [{ lrDecayPerLayer: 1.5 }, /lrDecayPerLayer is 1.5/],
  ])("refuses %o", async (transfer, message) => {
    await expect(train(smallModel(), { transfer })).rejects.toThrow(message);
  });
});

it("takes a few samples of each class, more of them holding the fewer", () => {
  const data = bars(90);
  const [two, five] = [takeShots(data, 2, 3), takeShots(data, 5, 3)];
  expect([...two.labels].sort()).toEqual([0, 0, 1, 1, 2, 2]);
  const pictures = (set: typeof two): string[] => Array.from({ length: set.length }, (_, i) => String(set.image(i)));
  expect(pictures(two).every((picture) => pictures(five).includes(picture))).toBe(true);
  expect(pictures(takeShots(data, 2, 4))).not.toEqual(pictures(two));
  expect(() => takeShots(data, 0, 0)).toThrow(/shots is 0/);
});

describe("cross-validation", () => {
  it("takes a model that has seen one class only for one that knows nothing else", async () => {
    const two = takeImages(bars(3), [0, 1]);
    const trained: number[] = [];
    const predictions = await crossValidate(two, { folds: 2, seed: 1, backend }, async (part) => {
      trained.push(part.length);
      return smallModel();
    });
    expect(trained).toEqual([]);
    // Each was read by a model of the other's class.
    expect([...predictions.logits]).toEqual([0, 1, 0, 1, 0, 0]);
  });

  it("reads every sample once, by a model that has not seen it", async () => {
    const data = bars(11);
    const text = (part: ImageDataset, i: number): string => String(part.image(i));
    const all = Array.from({ length: 11 }, (_, i) => text(data, i));
    const seen: Set<string>[] = [];
    const models: Model[] = [];
    const found = await crossValidate(data, { folds: 4, seed: 3, backend }, async (part) => {
      seen.push(new Set(Array.from({ length: part.length }, (_, i) => text(part, i))));
      models.push(smallModel(seen.length));
      return models.at(-1) as Model;
    });
    expect(seen.map(({ size }) => size).sort()).toEqual([8, 8, 8, 9]);
    const outputs = await Promise.all(
      models.map(async (model) => (await evaluate(model, data, { backend })).predictions?.logits ?? new Float32Array()),
    );
    for (const [i, picture] of all.entries()) {
      const without = seen.findIndex((part) => !part.has(picture));
      expect(seen.filter((part) => !part.has(picture))).toHaveLength(1);
      expect([...found.logits.subarray(3 * i, 3 * i + 3)]).toEqual([...outputs[without].subarray(3 * i, 3 * i + 3)]);
    }
    expect([...found.labels]).toEqual(all.map((_, i) => data.label(i)));
    const never = async (): Promise<Model> => models[0];
    await expect(crossValidate(data, { folds: 12, seed: 3, backend }, never)).rejects.toThrow(/12 folds of 11 samples/);
  });
});

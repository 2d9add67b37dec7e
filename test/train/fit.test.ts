import { beforeAll, describe, expect, it } from "vitest";
import type { Dataset, PairDataset } from "../../src/data/dataset.ts";
import { takeImages } from "../../src/data/split.ts";
import type { TypedArray } from "../../src/engine/dtype.ts";
import { constant } from "../../src/engine/ops/constant.ts";
import { crossEntropy } from "../../src/engine/ops/loss.ts";
import { Random } from "../../src/engine/random.ts";
import { type Metric, topK } from "../../src/metrics/metric.ts";
import type { AnyModel, Model } from "../../src/models/model.ts";
import { Model as PlainModel } from "../../src/models/model.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import type { Callback } from "../../src/train/callbacks.ts";
import { earlyStopping } from "../../src/train/early-stopping.ts";
// Under another name: the linter takes `fit` for a focused test.
import { fit as trainModel } from "../../src/train/fit.ts";
import { DivergedError } from "../../src/train/trainer.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { bars, CLASSES, smallModel } from "./synthetic.ts";

beforeAll(() => setPlatform(nodePlatform));

const weights = (model: AnyModel): number[] =>
  [...model.network.namedParameters()].flatMap(([, parameter]) => Array.from(parameter.data));

const quick = { epochs: 3, batchSize: 16, lr: 0.02, threads: 1 } as const;

describe("fit", () => {
  it("learns, and the history shows it", async () => {
    const run = await trainModel(smallModel(), bars(100), { ...quick, validation: 0.2, seed: 7 });
    const [first, , last] = run.history;
    expect(last.trainingLoss).toBeLessThan(first.trainingLoss);
    expect(last.validation?.accuracy).toBe(1);
    expect(run.best?.validation?.count).toBe(first.validation?.count);
    expect(run.steps).toBe(3 * 5);
    expect(run.ended).toBe("finished");
    const result = await evaluate(run.model, bars(30, 2, "unseen"), { threads: 1 });
    expect(result.accuracy).toBe(1);
    expect(result.classification?.confusion?.[0][0]).toBe(10);
  });

  it("takes class names, preprocessing and origin from the data", async () => {
    const { model } = await trainModel(smallModel(), bars(12), { ...quick, epochs: 1 });
    expect(model.classes).toEqual(CLASSES);
    expect(model.preprocessing).toMatchObject({ kind: "ink", height: 6, width: 6 });
    expect(model.dataset?.name).toBe("bars");
    expect(model.dataset?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it("warns of classes without samples to train on", async () => {
    const all = bars(60);
    const right = [...all.labels.keys()].filter((i) => all.label(i) !== 1);
    const heard: string[] = [];
    const onWarning = (message: string): void => {
      heard.push(message);
    };
    await trainModel(smallModel(), all, { ...quick, epochs: 1, onWarning });
    expect(heard).toEqual([]);
    await trainModel(smallModel(), takeImages(all, right), { ...quick, epochs: 1, onWarning });
    expect(heard).toEqual([
      "bars: 1 of 3 classes have no samples to train on (middle), so the model cannot learn them",
    ]);
  });

  it("gives the same weights for the same seed, and others for another", async () => {
    const train = async (seed: number): Promise<number[]> =>
      weights((await trainModel(withDropout(), bars(40), { ...quick, epochs: 2, seed })).model);
    const first = await train(7);
    expect(await train(7)).toEqual(first);
    expect(await train(8)).not.toEqual(first);
  });

  it("puts validation samples aside: none of them is trained on", async () => {
    const seen = new Set<number>();
    const data = bars(30);
    const spy: Dataset = {
      ...plainDataset(data),
      label: (i) => data.label(i),
      read: (indices, start, count, arrays) => {
        for (let k = 0; k < count; k++) seen.add(indices[start + k]);
        data.read(indices, start, count, arrays);
      },
    };
    let trainedOn: number[] = [];
    const record: Callback = {
      onStep: ({ step }) => {
        if (step === 2) trainedOn = [...seen];
      },
    };
    await trainModel(smallModel(), spy, { epochs: 1, batchSize: 12, validation: 0.2, callbacks: [record], threads: 1 });
    expect(trainedOn).toHaveLength(24);
    expect(seen.size).toBe(30);
  });

  it("smooths labels while training only", async () => {
    const options = { epochs: 1, batchSize: 40, lr: 1e-12, validation: bars(30, 2), threads: 1 } as const;
    const losses = async (labelSmoothing?: number): Promise<readonly [training: number, measured: number]> => {
      const { history } = await trainModel(smallModel(), bars(40), { ...options, labelSmoothing });
      return [history[0].trainingLoss, history[0].validation?.loss as number];
    };
    const [[plain, measured], [some, measuredToo], [twice]] = [await losses(), await losses(0.1), await losses(0.2)];
    // The smoothed loss is (1 − s)·loss of the label + s·mean over all classes: a line in s.
    expect(Math.abs(some - plain)).toBeGreaterThan(1e-5);
    expect(twice - plain).toBeCloseTo(2 * (some - plain), 5);
    expect(measuredToo).toBe(measured);
    await expect(losses(1)).rejects.toThrow("labelSmoothing is 1; expected a number of at least 0 and below 1");
    const own = trainModel(smallModel(), bars(40), { ...options, labelSmoothing: 0.1, loss: "nllLoss" });
    await expect(own).rejects.toThrow(/labelSmoothing belongs to the loss crossEntropy/);
  });

  it("stops at a loss that is no number, and gives the last good weights back", async () => {
    let kept: number[] = [];
    const model = smallModel();
    const keep: Callback = {
      onEpoch: ({ model: { network } }) => {
        kept = [...network.namedParameters()].flatMap(([, parameter]) => Array.from(parameter.data));
      },
    };
    // Plain descent with a rate that overflows float32.
    const run = trainModel(model, bars(32), {
      epochs: 5,
      batchSize: 16,
      optimizer: "sgd",
      lr: 0.1,
      schedule: explodesAfter(4),
      callbacks: [keep],
      threads: 1,
    });
    await expect(run).rejects.toThrow(DivergedError);
    await expect(run).rejects.toThrow(/loss became (NaN|Infinity) at step \d+ \(epoch 3\)/);
    expect(weights(model)).toEqual(kept);
  });

  it("ends after the current step when it is aborted", async () => {
    const abort = new AbortController();
    const hook: Callback = {
      onStep: ({ step }) => {
        if (step === 3) abort.abort();
      },
    };
    const run = await trainModel(smallModel(), bars(100), { ...quick, callbacks: [hook], signal: abort.signal });
    expect(run).toMatchObject({ ended: "aborted", steps: 3, history: [] });
  });

  it("lets callbacks stop it, with a reason", async () => {
    const stop: Callback = { onEpoch: ({ epoch, stop }) => (epoch === 2 ? stop("enough") : undefined) };
    const run = await trainModel(smallModel(), bars(20), { ...quick, epochs: 9, callbacks: [stop] });
    expect(run).toMatchObject({ ended: "stopped", reason: "enough" });
    expect(run.history).toHaveLength(2);
  });

  it("stops early when the loss does not fall", async () => {
    const still = await trainModel(smallModel(), bars(12), {
      ...quick,
      epochs: 9,
      loss: (logits, targets) => crossEntropy(logits, targets).mul(constant(0)),
      callbacks: [earlyStopping(2)],
    });
    expect(still.history).toHaveLength(3);
  });

  it("tells callbacks what happens, in order", async () => {
    const log: string[] = [];
    const spy: Callback = {
      onStart: ({ stepsPerEpoch, samples, memory }) => {
        expect(memory.parameters).toBeGreaterThan(0);
        log.push(`start ${stepsPerEpoch} × ${samples}`);
      },
      onStep: ({ epoch, step, batch, count }) => log.push(`step ${epoch}.${batch} ${step} ${count}`),
      onEpoch: ({ epoch }) => {
        log.push(`epoch ${epoch}`);
      },
      onEnd: ({ steps }) => {
        log.push(`end ${steps}`);
      },
    };
    await trainModel(smallModel(), bars(6), { ...quick, epochs: 1, batchSize: 4, callbacks: [spy] });
    expect(log).toEqual(["start 2 × 6", "step 1.1 1 4", "step 1.2 2 2", "epoch 1", "end 2"]);
  });

  it("keeps the best weights when asked to", async () => {
    const data = bars(40);
    const atEpoch: number[][] = [];
    const record: Callback = {
      onEpoch: ({ model }) => {
        atEpoch.push(weights(model));
      },
    };
    const run = await trainModel(smallModel(), data, {
      ...quick,
      epochs: 4,
      validation: bars(30, 5),
      keep: "best",
      callbacks: [record],
    });
    expect(weights(run.model)).toEqual(atEpoch[(run.best?.epoch ?? 0) - 1]);
  });

  it("trains on a user's own data, loss and metric", async () => {
    const line = linearDataset(64);
    const model = new PlainModel(new Linear(3, 1), {
      inputShape: [3],
      inputType: "float32",
      normalization: null,
      classes: 1,
    });
    const absolute: Metric = {
      name: "mean absolute error",
      start: () => {
        let sum = 0;
        let total = 0;
        return {
          add: ({ count, logits, targets }) => {
            for (let i = 0; i < count; i++) sum += Math.abs(logits[i] - targets[i]);
            total += count;
          },
          value: () => sum / total,
        };
      },
    };
    const run = await trainModel(model, line, {
      epochs: 30,
      batchSize: 16,
      optimizer: { name: "sgd", momentum: 0.9 },
      lr: 0.05,
      loss: (y, t) => y.sub(t).mul(y.sub(t)).mean(),
      metrics: [absolute],
      validation: linearDataset(20, 9),
      threads: 1,
    });
    const last = run.history[run.history.length - 1];
    expect(last.trainingAccuracy).toBeUndefined();
    expect(last.validation?.accuracy).toBeUndefined();
    expect(last.validation?.metrics["mean absolute error"]).toBeLessThan(0.05);
  });

  it("trains on data of the older form, with one input and one target, as on the same data with names", async () => {
    const data = bars(40);
    const older: PairDataset = {
      name: data.name,
      length: data.length,
      inputShape: data.inputShape,
      inputType: "uint8",
      targetShape: [],
      targetType: "int32",
      classes: data.classes,
      label: (i) => data.label(i),
      read: (indices, start, count, x, y) => data.read(indices, start, count, { x, y }),
    };
    const train = async (given: Dataset | PairDataset): Promise<number[]> => {
      const options = { ...quick, augment: [{ name: "rotate", degrees: 5 }] as const, validation: 0.2, seed: 3 };
      const { model, history } = await trainModel(withDropout(), given, options);
      const measured = await evaluate(model, given, { threads: 1 });
      const { validation, trainingAccuracy = -1 } = history[2];
      return [...weights(model), trainingAccuracy, validation?.loss ?? -1, measured.loss, measured.accuracy ?? -1];
    };
    const plain: Dataset = {
      ...plainDataset(data),
      label: (i) => data.label(i),
      read: (indices, start, count, arrays) => data.read(indices, start, count, arrays),
    };
    const wanted = await train(plain);
    expect(wanted.at(-1)).toBeGreaterThan(0.5);
    expect(await train(older)).toEqual(wanted);
    // Of an object of a class, whose members are not its own.
    class Older implements PairDataset {
      readonly name = "older";
      readonly inputType = "uint8";
      readonly targetShape = [];
      readonly targetType = "int32";
      readonly classes = CLASSES;
      readonly #data = data;
      get length(): number {
        return this.#data.length;
      }
      get inputShape(): readonly number[] {
        return this.#data.inputShape;
      }
      label(index: number): number {
        return this.#data.label(index);
      }
      read(indices: ArrayLike<number>, start: number, count: number, x: TypedArray, y: TypedArray): void {
        this.#data.read(indices, start, count, { x, y });
      }
    }
    expect(await train(new Older())).toEqual(wanted);
  });

  it.each([
    [{ epochs: 0 }, /epochs is 0; expected a whole number/],
    [{ batchSize: 1.5 }, /batchSize is 1.5/],
    [{ lr: Number.NaN }, /lr is NaN/],
    [{ clipNorm: -1 }, /clipNorm is -1/],
    [{ validation: 1 }, /between 0 and 1/],
    [{ optimizer: "adm" }, /unknown optimizer "adm"; did you mean "adam"/],
    [{ loss: "crossentropy" as never }, /did you mean "crossEntropy"/],
    [{ threads: 0 }, /threads is 0/],
  ])("refuses %o", async (options, message) => {
    await expect(trainModel(smallModel(), bars(9), options)).rejects.toThrow(message);
  });

  it("says what does not fit when samples have another shape", async () => {
    const model = new PlainModel(new Linear(3, 3), { inputShape: [3], classes: 3 });
    await expect(trainModel(model, bars(9))).rejects.toThrow(/bars has samples \[6, 6, 1\] but Linear takes \[3\]/);
  });

  it("refuses samples that are all of one class", async () => {
    const all = bars(9);
    const same = all.with({ labels: new Uint8Array(9).fill(1) });
    await expect(trainModel(smallModel(), same)).rejects.toThrow(
      /bars: all 9 samples are of one class, "middle"; there is nothing to tell apart/,
    );
  });

  it("clips gradients by their norm", async () => {
    const before = weights(smallModel());
    const { model } = await trainModel(smallModel(), bars(12), {
      epochs: 1,
      batchSize: 12,
      optimizer: "sgd",
      lr: 1,
      clipNorm: 0.001,
      threads: 1,
    });
    const moved = Math.hypot(...weights(model).map((value, i) => value - before[i]));
    expect(moved).toBeCloseTo(0.001, 5);
  });
});

describe("evaluate", () => {
  it("prints as a table", async () => {
    const { model } = await trainModel(smallModel(), bars(60), quick);
    const result = await evaluate(model, bars(30, 2, "unseen"), { metrics: [topK(2)], batchSize: 7, threads: 1 });
    expect(result.metrics["top-2 accuracy"]).toBe(1);
    const text = String(result);
    expect(text).toContain("30 samples of unseen");
    expect(text).toContain("top-2 accuracy 1");
    expect(text).toMatch(/class\s+precision\s+recall\s+F1\s+samples/);
    expect(text).toMatch(/middle\s+1\.0000/);
  });

  it("does not depend on the batch size", async () => {
    const model = smallModel(3);
    const [a, b] = [
      await evaluate(model, bars(31), { batchSize: 31, threads: 1 }),
      await evaluate(model, bars(31), { batchSize: 8, threads: 1 }),
    ];
    expect(b.classification).toEqual(a.classification);
    expect(b.loss).toBeCloseTo(a.loss, 5);
  });
});

/** Constant, then 10³⁰ from a step on. */
function explodesAfter(step: number): { spec: { name: "constant" }; factor: (at: number) => number } {
  return { spec: { name: "constant" }, factor: (at) => (at < step ? 1 : 1e30) };
}

function withDropout(): Model {
  const base = smallModel();
  return new PlainModel(new Sequential(new Dropout(0.2), base.network), {
    inputShape: base.inputShape,
    classes: CLASSES,
    seed: 1,
  });
}

function plainDataset(data: Dataset): Omit<Dataset, "read"> {
  const { name, length, inputs, targets, classes } = data;
  return { name, length, inputs, targets, classes };
}

/** y = x₀ − 2·x₁ + 0.5 */
function linearDataset(length: number, seed = 3): Dataset {
  const random = new Random(seed, "user");
  const xs = Float32Array.from({ length: length * 3 }, () => random.normal());
  return {
    name: "line",
    length,
    inputs: { x: { shape: [3], dtype: "float32" } },
    targets: { y: { shape: [1], dtype: "float32" } },
    read: (indices, start, count, { x, y }) => {
      for (let k = 0; k < count; k++) {
        const i = indices[start + k];
        for (let c = 0; c < 3; c++) x[k * 3 + c] = xs[i * 3 + c];
        y[k] = xs[i * 3] - 2 * xs[i * 3 + 1] + 0.5;
      }
    },
  };
}

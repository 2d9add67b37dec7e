/** What the loop adds to plain steps, against PyTorch (golden/make.py) and against itself. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { INDEX } from "../../src/data/port.ts";
import { balancedWeights, weightedOrder } from "../../src/data/sampling.ts";
import { printGraph } from "../../src/engine/trace.ts";
import { type AnyModel, Model } from "../../src/models/model.ts";
import { create } from "../../src/models/registry.ts";
import { ReLU } from "../../src/nn/activation.ts";
import { Linear } from "../../src/nn/linear.ts";
import { BatchNorm2d } from "../../src/nn/norm.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import type { Callback } from "../../src/train/callbacks.ts";
import type { Teaching } from "../../src/train/distill.ts";
import { earlyStopping } from "../../src/train/early-stopping.ts";
import { fit as trainModel } from "../../src/train/fit.ts";
import { suggest } from "../../src/train/lr-curve.ts";
import { findLr } from "../../src/train/lr-find.ts";
import type { FitOptions } from "../../src/train/settings.ts";
import { resolveSettings } from "../../src/train/settings.ts";
import { traceTrainingStep } from "../../src/train/step.ts";
import { ensembleOf } from "../../src/use/ensemble.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { averagedOver, shifts } from "../../src/use/test-time.ts";
import { encodeModel, load } from "../../src/use/trained-model.ts";
import { difference } from "../nn/evaluate.ts";
import { bars, smallModel } from "./synthetic.ts";

beforeAll(() => setPlatform(nodePlatform));

type Weights = Readonly<Record<string, readonly number[]>>;
interface GoldenCase {
  readonly losses: readonly number[];
  readonly weights: Weights;
}
interface Golden {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly initial: Weights;
  readonly cases: Readonly<Record<string, GoldenCase>>;
}
const golden: Golden = JSON.parse(readFileSync(new URL("./golden/loop.json", import.meta.url), "utf8"));

const samples: Dataset = {
  name: "golden",
  length: golden.y.length,
  inputs: { x: { shape: [5], dtype: "float32" } },
  targets: { y: INDEX },
  classes: ["a", "b", "c"],
  label: (i) => golden.y[i],
  read: (indices, start, count, { x, y }) => {
    for (let k = 0; k < count; k++) {
      const index = indices[start + k];
      for (let c = 0; c < 5; c++) x[5 * k + c] = golden.x[5 * index + c];
      y[k] = golden.y[index];
    }
  },
};

function goldenModel(): Model {
  const network = new Sequential(new Linear(5, 6), new ReLU(), new Linear(6, 3));
  const values = Object.entries(golden.initial).map(([name, data]) => {
    const own = [...network.namedParameters()].find(([other]) => other === name);
    return [name, { shape: own?.[1].shape ?? [], data }] as const;
  });
  network.load(new Map(values));
  return new Model(network, { inputShape: [5], inputType: "float32", normalization: null, classes: ["a", "b", "c"] });
}

/** Says something else than the labels. */
function teacher(): Model {
  const model = goldenModel();
  for (const parameter of model.network.trainable()) for (const i of parameter.data.keys()) parameter.data[i] *= -2;
  return model;
}

const PLAIN: FitOptions = {
  epochs: 10,
  batchSize: 12,
  optimizer: { name: "sgd", momentum: 0.9 },
  lr: 0.5,
  threads: 1,
};

async function expectGolden(name: string, options: FitOptions): Promise<void> {
  const { model, history } = await trainModel(goldenModel(), samples, { ...PLAIN, ...options });
  const { losses, weights } = golden.cases[name];
  expect(
    difference(
      history.map(({ trainingLoss }) => trainingLoss),
      losses,
    ),
  ).toBeLessThan(1e-5);
  for (const [key, parameter] of model.network.namedParameters()) {
    expect(difference([...parameter.data], weights[key]), key).toBeLessThan(1e-5);
  }
}

describe("gives PyTorch's numbers", () => {
  it("as they are", () => expectGolden("plain", {}));
  it.each([
    [4, 3],
    [5, 3],
    [1, 12],
    [7, 2],
  ])("in parts of %i, %i to a step", (batchSize, accumulate) => expectGolden("plain", { batchSize, accumulate }));
  it("with clipped gradients", () => expectGolden("clipNorm", { clipNorm: 0.1 }));
  it("with clipped gradients of parts", () => expectGolden("clipNorm", { clipNorm: 0.1, batchSize: 5, accumulate: 3 }));
  it("with smoothed labels", () => expectGolden("labelSmoothing", { labelSmoothing: 0.2 }));
  it("with class weights", () => expectGolden("classWeights", { classWeights: [1, 2.5, 0.5] }));
  it("with both", () => expectGolden("both", { classWeights: [1, 2.5, 0.5], labelSmoothing: 0.1 }));
  it("with a teacher", () => expectGolden("taught", { teacher: { model: teacher(), share: 0.7, temperature: 2 } }));
  it("with a teacher, in parts", () => {
    const options = { teacher: { model: teacher(), share: 0.7, temperature: 2 }, batchSize: 5, accumulate: 3 };
    return expectGolden("taught", options);
  });
  it("with averaged weights", () => expectGolden("ema", { ema: 0.8 }));
  it("with averaged weights of parts", () => expectGolden("ema", { ema: 0.8, batchSize: 4, accumulate: 3 }));
  it("with averaged weights by Adam", () => expectGolden("emaAdam", { ema: 0.7, optimizer: "adam", lr: 0.05 }));
});

describe("a teacher", () => {
  const samplesOf = bars(90);

  it("is learned from where labels are wrong, as one or several, and stays as it is", async () => {
    const options = { epochs: 12, batchSize: 30, threads: 1, lr: 0.01, seed: 3 };
    const { model: first } = await trainModel(smallModel(1), bars(300), options);
    const { model: second } = await trainModel(smallModel(2), bars(300), options);
    const before = [first, second].map((model) => [...model.network.namedParameters()].map(([, p]) => [...p.data]));
    const data = bars(300);
    const wrong = data.with({ labels: Int32Array.from({ length: data.length }, (_, i) => (data.label(i) + 1) % 3) });
    for (const model of [first, ensembleOf([first, second])]) {
      const run = await trainModel(smallModel(5), wrong, { ...options, teacher: { model, share: 1 } });
      expect((await evaluate(run.model, samplesOf, { threads: 1 })).accuracy).toBeGreaterThan(0.95);
    }
    const after = [first, second].map((model) => [...model.network.namedParameters()].map(([, p]) => [...p.data]));
    expect(after).toEqual(before);
  });

  it("for other samples or with numbers out of range is refused in one line", async () => {
    const train = (taught: Teaching): Promise<unknown> =>
      trainModel(smallModel(), samplesOf, { epochs: 1, threads: 1, teacher: taught });
    await expect(train({ model: goldenModel() })).rejects.toThrow(
      /^teacher Sequential has inputs x float32 \[5\] but the network to be taught has x uint8 \[6, 6, 1\]$/,
    );
    await expect(train({ model: smallModel(), share: 0 })).rejects.toThrow(/^teacher: share is 0; expected above 0/);
    await expect(train({ model: smallModel(), temperature: -1 })).rejects.toThrow(/^teacher: temperature is -1/);
  });
});

describe("the step's graph", () => {
  const trace = (options: object): string => {
    const model = smallModel();
    const settings = resolveSettings(model, {});
    return printGraph(traceTrainingStep({ model, ...settings, ...options }, bars(12), { batch: 4 }));
  };

  it("holds nothing of what is off", () => {
    const text = trace({});
    expect(text).not.toMatch(/averageShare|"part"/);
    // Weights, and Adam's two moments of each.
    const weights = [...smallModel().network.namedParameters()].length;
    expect(text.match(/←/g)).toHaveLength(3 * weights);
  });
});

describe("averages", () => {
  it("are what is validated and what callbacks see, running statistics included; training goes on with the weights", async () => {
    const seen: number[][] = [];
    const values = (model: AnyModel): number[] => [...model.network.namedParameters()].flatMap(([, p]) => [...p.data]);
    const watch: Callback = {
      onEpoch: ({ model }) => {
        seen.push(values(model));
      },
    };
    const run = async (ema?: number): Promise<number[]> =>
      (await trainModel(withBatchNorm(), bars(48), { ...quick, ema, callbacks: [watch] })).history.map(
        ({ trainingLoss }) => trainingLoss,
      );
    const plain = await run();
    const last = seen.splice(0)[2];
    // The losses while training are those of the weights, averaged or not.
    expect(await run(0.9)).toEqual(plain);
    expect(seen[2]).not.toEqual(last);
    // weight, bias, running_mean
    expect(seen[2][2]).not.toBe(last[2]);
  });
});

describe("length of a run", () => {
  it("ends after so many steps, the last epoch cut short and validated", async () => {
    const rates: number[] = [];
    const run = await trainModel(smallModel(), bars(60), {
      ...quick,
      steps: 7,
      validation: bars(12, 3),
      schedule: "oneCycle",
      callbacks: [{ onStep: ({ lr }) => rates.push(lr) }],
    });
    expect(run).toMatchObject({ steps: 7, ended: "finished" });
    expect(run.history.map(({ step }) => step)).toEqual([4, 7]);
    expect(run.history[1].validation?.count).toBe(12);
    // The schedule spans the steps that there are.
    expect(rates.at(-1)).toBeCloseTo(quick.lr / 25 / 1e4, 12);
  });

  it("stretches the schedule to the minutes, and undoes the steps that measured the speed", async () => {
    const minutes = 0.5 / 60;
    const rates: number[] = [];
    const options = { batchSize: 16, lr: 0.02, threads: 1, schedule: "oneCycle", seed: 3 } as const;
    const run = await trainModel(smallModel(), bars(600), {
      ...options,
      minutes,
      callbacks: [{ onStep: ({ lr }) => rates.push(lr) }],
    });
    // Ends in time, whatever else the machine does; a paused machine ends at once.
    expect(run.steps).toBeGreaterThan(0);
    expect(rates[0]).toBeCloseTo(0.02 / 25, 10);
    if (run.reason === undefined) {
      expect(rates.at(-1)).toBeCloseTo(0.02 / 25 / 1e4, 10);
      // The same steps without a clock give the same weights.
      const again = await trainModel(smallModel(), bars(600), { ...options, steps: run.steps });
      expect(again.history.at(-1)?.trainingLoss).toBe(run.history.at(-1)?.trainingLoss);
    }
  });

  it("warms up in a line, then follows the schedule", async () => {
    const rates: number[] = [];
    await trainModel(smallModel(), bars(64), {
      ...quick,
      warmup: 0.5,
      schedule: "cosine",
      callbacks: [{ onStep: ({ lr }) => rates.push(lr / quick.lr) }],
    });
    // 4 steps an epoch: 2 of warm-up, then half a cosine over the other 10.
    const cosine = Array.from({ length: 10 }, (_, i) => (1 + Math.cos((Math.PI * i) / 10)) / 2);
    expect(difference(rates, [0.01, 0.505, ...cosine])).toBeLessThan(1e-9);
  });

  it("stops early by accuracy, with a least improvement", async () => {
    const options = { ...quick, epochs: 30, validation: bars(30, 4) };
    const { history, reason } = await trainModel(smallModel(), bars(60), {
      ...options,
      callbacks: [earlyStopping({ metric: "accuracy", patience: 2, minDelta: 0.01 })],
    });
    expect(reason).toBe("the accuracy has not risen for 2 epochs");
    expect(history.length).toBeLessThan(30);
  });
});

describe("sampling", () => {
  it("draws classes by their weights, the same ones for the same seed and epoch", () => {
    const data = bars(300);
    const order = weightedOrder(data, [1, 0, 3], 5);
    const [first, again, other] = [0, 0, 0].map(() => new Int32Array(4000));
    order(1, first);
    order(1, again);
    order(2, other);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const counts = [0, 0, 0];
    for (const index of first) counts[data.label(index)]++;
    expect(counts[1]).toBe(0);
    // 1 : 3 within five standard deviations, √(4000 · 3/16) = 27.4
    expect(Math.abs(counts[0] - 1000)).toBeLessThan(5 * 27.4);
    expect(new Set(first).size).toBeGreaterThan(190);
  });

  it("balances classes of different sizes", async () => {
    const data = bars(90);
    expect(balancedWeights(data)).toEqual([1, 1, 1]);
    const run = await trainModel(smallModel(), data, { ...quick, sampling: "balanced", classWeights: "balanced" });
    expect(run.history.at(-1)?.trainingAccuracy).toBeGreaterThan(0.9);
  });

  it("learns a few batches by heart when asked to, and validates on nothing", async () => {
    const run = await trainModel(smallModel(), bars(600), {
      ...quick,
      epochs: 40,
      overfitBatches: 2,
      validation: 0.2,
    });
    expect(run.steps).toBe(80);
    expect(run.history.at(-1)?.trainingAccuracy).toBe(1);
    expect(run.history.at(-1)?.validation).toBeUndefined();
  });
});

it.each([
  [{ ema: 1 }, /ema is 1; expected a number between 0 and 1/],
  [{ accumulate: 0 }, /accumulate is 0; expected a whole number/],
  [{ steps: 1.5 }, /steps is 1.5/],
  [{ minutes: 0 }, /minutes is 0; expected a number above 0/],
  [{ minutes: 1e-9 }, /not one step fits into/],
  [{ warmup: -1 }, /warmup is -1/],
  [{ classWeights: [1, 2] }, /classWeights has 2 weights for 3 classes/],
  [{ sampling: [1, -1, 1] }, /sampling has -1; expected numbers of at least 0/],
  [{ sampling: [0, 0, 0] }, /sampling: all weights are 0/],
  [{ loss: "nllLoss", classWeights: [1, 1, 1] }, /classWeights belong to the loss crossEntropy/],
  [{ overfitBatches: 0 }, /overfitBatches is 0/],
  [{ schedule: { name: "cosin" } as never }, /unknown schedule "cosin"; did you mean "cosine"/],
] as [FitOptions, RegExp][])("refuses %o", async (options, message) => {
  await expect(trainModel(smallModel(), bars(30), { ...quick, ...options })).rejects.toThrow(message);
});

const quick = { epochs: 3, batchSize: 16, lr: 0.02, threads: 1 } as const;

function withBatchNorm(): Model {
  const base = smallModel();
  return new Model(new Sequential(new BatchNorm2d(1), base.network), {
    inputShape: base.inputShape,
    classes: 3,
    seed: 1,
  });
}

describe("test-time augmentation", () => {
  it("is the mean of the logits of shifted pictures, and can be saved", async () => {
    const model = smallModel(5);
    const data = bars(9);
    const views = shifts(1);
    expect(views).toHaveLength(9);
    const averaged = await logitsOf(averagedOver(model, views), data.image(4));
    const sum = [0, 0, 0];
    for (const down of [-1, 0, 1]) {
      for (const right of [-1, 0, 1]) {
        const moved = Uint8Array.from({ length: 36 }, (_, i) => {
          const [y, x] = [Math.floor(i / 6) - down, (i % 6) - right];
          return y >= 0 && y < 6 && x >= 0 && x < 6 ? data.image(4)[6 * y + x] : 0;
        });
        for (const [k, logit] of (await logitsOf(model, moved)).entries()) sum[k] += logit / 9;
      }
    }
    expect(difference(averaged, sum)).toBeLessThan(1e-5);
    const loaded = await load(await encodeModel(averagedOver(model, views)));
    expect(difference(await logitsOf(loaded, data.image(4)), sum)).toBeLessThan(1e-5);
    // A network of a user's own class comes back as its graph.
    const own = averagedOver(await load(await encodeModel(model)), views);
    expect(difference(await logitsOf(own, data.image(4)), sum)).toBeLessThan(1e-5);
    expect(() => shifts(0)).toThrow(/1 to 4 pixels, not 0/);
  });

  it("of a model in training trains the mean over the views, and the weights are the model's own", async () => {
    const options = { ...quick, epochs: 1, optimizer: "sgd", lr: 0.5 } as const;
    const data = bars(48);
    const alone = smallModel(5);
    const plain = await trainModel(alone, data, options);
    const model = smallModel(5);
    const averaged = averagedOver(model, shifts(1));
    // The loss of the first batch is that of the mean: what is trained is what is measured.
    const before = await evaluate(averaged, data, { threads: 1 });
    const whole = await trainModel(averagedOver(smallModel(5), shifts(1)), data, { ...options, batchSize: 48 });
    expect(whole.history[0].trainingLoss).toBeCloseTo(before.loss, 5);
    const run = await trainModel(averaged, data, options);
    expect(run.history[0].trainingLoss).not.toBeCloseTo(plain.history[0].trainingLoss, 4);
    expect(valuesOf(model)).not.toEqual(valuesOf(smallModel(5)));
    expect(valuesOf(run.model)).toEqual(valuesOf(model));
    expect(valuesOf(model)).not.toEqual(valuesOf(alone));
    const picture = data.image(4);
    expect(difference(await logitsOf(run.model, picture), await logitsOf(averaged, picture))).toBeLessThan(1e-6);
    expect(difference(await logitsOf(run.model, picture), await logitsOf(model, picture))).toBeGreaterThan(1e-3);
    const loaded = await load(await encodeModel(run.model));
    expect(difference(await logitsOf(loaded, picture), await logitsOf(averaged, picture))).toBeLessThan(1e-5);
  });
});

const valuesOf = (model: AnyModel): number[] =>
  [...model.network.namedParameters()].flatMap(([, { data }]) => [...data]);

describe("an ensemble", () => {
  it("trains all its members, on their mean", async () => {
    const members = [smallModel(5), smallModel(6, { mean: 0.3, std: 0.2 })];
    const before = members.map(valuesOf);
    const ensemble = ensembleOf(members);
    const data = bars(48);
    const { loss } = await evaluate(ensemble, data, { threads: 1 });
    const run = await trainModel(ensemble, data, { ...quick, epochs: 2, batchSize: 48 });
    expect(run.history[0].trainingLoss).toBeCloseTo(loss, 5);
    expect(run.history[1].trainingLoss).toBeLessThan(loss);
    members.forEach((member, i) => {
      expect(valuesOf(member)).not.toEqual(before[i]);
    });
    const apart = await Promise.all(members.map((model) => logitsOf(model, data.image(4))));
    const wanted = apart[0].map((logit, k) => (logit + apart[1][k]) / 2);
    expect(difference(await logitsOf(run.model, data.image(4)), wanted)).toBeLessThan(1e-5);
    const loaded = await load(await encodeModel(run.model));
    expect(difference(await logitsOf(loaded, data.image(4)), wanted)).toBeLessThan(1e-5);
  });

  it("is the mean of its members' logits, each with its own normalization, and can be saved", async () => {
    const data = bars(9);
    const members = [smallModel(5), smallModel(6, { mean: 0.3, std: 0.2 })];
    const apart = await Promise.all(members.map((model) => logitsOf(model, data.image(4))));
    const wanted = apart[0].map((logit, k) => (logit + apart[1][k]) / 2);
    const ensemble = ensembleOf(members);
    expect(difference(await logitsOf(ensemble, data.image(4)), wanted)).toBeLessThan(1e-5);
    const loaded = await load(await encodeModel(ensemble));
    expect(difference(await logitsOf(loaded, data.image(4)), wanted)).toBeLessThan(1e-5);
    const same = averagedOver(ensemble, [(x) => x]);
    expect(difference(await logitsOf(same, data.image(4)), wanted)).toBeLessThan(1e-5);
    const other = create("mlp", { classes: 3 });
    expect(() => ensembleOf([members[0], other])).toThrow(/the same inputs and outputs: .* number 2, takes/);
  });
});

async function logitsOf(model: Model, picture: Uint8Array): Promise<number[]> {
  const backend = await nodePlatform.createBackend({ threads: 1 });
  const program = await backend.compile(inferenceGraph(model, 1));
  program.inputs.x.set(picture);
  program.run();
  const logits = [...program.outputs.logits];
  await backend.close();
  return logits;
}

describe("learning rate finder", () => {
  it("suggests a rate that trains, and leaves the model as it was", async () => {
    const model = smallModel();
    const before = [...model.network.namedParameters()].map(([, { data }]) => [...data]);
    const curve = await findLr(model, bars(300), { optimizer: "sgd", batchSize: 10, threads: 1 });
    expect([...model.network.namedParameters()].map(([, { data }]) => [...data])).toEqual(before);
    const rates = curve.points.map(({ lr }) => lr);
    expect(rates[1] / rates[0]).toBeCloseTo((10 / 1e-6) ** (1 / 199), 8);
    const lr = curve.suggestion as number;
    const train = async (rate: number): Promise<number> =>
      (await trainModel(smallModel(), bars(60), { ...quick, optimizer: "sgd", lr: rate })).history[2].trainingLoss;
    expect(await train(lr)).toBeLessThan((await train(lr / 100)) / 2);
  });

  it("finds the steepest descent of a curve that is known", () => {
    // A step down at 10⁻³ on a logarithmic axis, then up again from 10⁻¹.
    const points = Array.from({ length: 121 }, (_, i) => {
      const exponent = -6 + i / 20;
      const smoothed = 2 - Math.tanh(2 * (exponent + 3)) + Math.max(0, exponent + 1) ** 2 * 9;
      return { lr: 10 ** exponent, loss: smoothed, smoothed };
    });
    const { suggestion, tenthOfLeast } = suggest(points);
    expect(Math.log10(suggestion as number)).toBeCloseTo(-3, 5);
    expect(Math.abs(Math.log10(tenthOfLeast as number) + 2)).toBeLessThan(0.3);
    const rising = points.map(({ lr }, i) => ({ lr, loss: i, smoothed: i }));
    expect(suggest(rising)).toEqual({ suggestion: undefined, tenthOfLeast: undefined });
  });

  it.each([
    [{ from: 1, to: 0.1 }, /the rates go from 1 to 0.1/],
    [{ steps: 5 }, /steps is 5; expected a whole number of at least 20/],
  ])("refuses %o", async (options, message) => {
    await expect(findLr(smallModel(), bars(30), options)).rejects.toThrow(message);
  });
});

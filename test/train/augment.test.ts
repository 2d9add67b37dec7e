/** Augmentation in training: the same weights for any number of threads, and soft targets where samples are mixed. */
import { describe, expect, it } from "vitest";
import type { AugmentationList } from "../../src/augment/records.ts";
import type { Dataset } from "../../src/data/dataset.ts";
// Under another name: the linter takes `fit` for a focused test.
import { type FitOptions, type StepInfo, fit as trainModel } from "../../src/index.ts";
import { Model } from "../../src/models/model.ts";
import { bars, CLASSES, SIDE, SmallNet, smallModel } from "./synthetic.ts";

const MILD: AugmentationList = [
  { name: "shift", y: 0.2 },
  { name: "noise", std: [0, 0.1] },
];
const MIXED: AugmentationList = [...MILD, { name: "mixup", alpha: 0.4 }, { name: "cutmix", p: 0.3 }];

describe("fit with augment", () => {
  it.each([
    ["moves and touches", MILD],
    ["mixes", MIXED],
  ] as const)("gives the same weights for any number of threads: %s", async (_, augment) => {
    const weights: string[] = [];
    for (const threads of [1, 2, 3]) {
      const model = smallModel();
      await trainModel(model, bars(70), { epochs: 2, batchSize: 16, threads, augment, seed: 4 });
      weights.push(
        model.network
          .trainable()
          .map((parameter) => parameter.data.join())
          .join(),
      );
    }
    expect(new Set(weights).size).toBe(1);
    const plain = smallModel();
    await trainModel(plain, bars(70), { epochs: 2, batchSize: 16, threads: 1, seed: 4 });
    expect(
      plain.network
        .trainable()
        .map((parameter) => parameter.data.join())
        .join(),
    ).not.toBe(weights[0]);
  });

  it("learns from mixed samples, and claims no training accuracy for them", async () => {
    const options = { epochs: 12, batchSize: 30, threads: 1, lr: 0.01, validation: bars(90, 2) };
    const run = await trainModel(smallModel(), bars(300), { ...options, augment: MIXED });
    expect(run.history.at(-1)?.validation?.accuracy).toBeGreaterThan(0.95);
    expect(run.history.at(-1)?.trainingAccuracy).toBeUndefined();
    const mild = await trainModel(smallModel(), bars(300), { ...options, epochs: 1, augment: MILD });
    expect(mild.history.at(-1)?.trainingAccuracy).toBeGreaterThan(0);
  });

  it("mixes for a network with more classes than the data", async () => {
    const model = new Model(new SmallNet(), { inputShape: [SIDE, SIDE, 1], classes: CLASSES.length });
    const data = bars(60);
    const two = { ...pick(data), classes: CLASSES.slice(0, 2), label: (i: number) => i % 2 };
    const run = await trainModel(model, two, { epochs: 1, batchSize: 20, threads: 1, augment: [{ name: "mixup" }] });
    expect(run.history[0].trainingLoss).toBeGreaterThan(0);
  });

  it("leaves the samples of the last epochs as they are, and their targets in the form of mixed ones", async () => {
    /** What the network got in each of three epochs, and the loss of the first batch of the last. */
    const train = async (options: FitOptions): Promise<{ seen: string[]; losses: number[] }> => {
      const seen = ["", "", ""];
      const losses: number[] = [];
      const look = ({ epoch, inputs, count, loss }: StepInfo): void => {
        seen[epoch - 1] += inputs.x.subarray(0, count * SIDE * SIDE).join();
        losses.push(loss);
      };
      const run = { epochs: 3, batchSize: 16, threads: 1, seed: 4, callbacks: [{ onStep: look }] };
      await trainModel(smallModel(), bars(40), { ...run, ...options });
      return { seen, losses };
    };
    const plain = await train({});
    const augmented = await train({ augment: MIXED });
    for (const epoch of [0, 1, 2]) expect(augmented.seen[epoch]).not.toBe(plain.seen[epoch]);
    const last = await train({ augment: MIXED, plainEpochs: 1 });
    expect(last.seen).toEqual([augmented.seen[0], augmented.seen[1], plain.seen[2]]);
    // The first epoch never is plain.
    const most = await train({ augment: MIXED, plainEpochs: 9 });
    expect(most.seen).toEqual([augmented.seen[0], plain.seen[1], plain.seen[2]]);
    // A class index and all of the probability on that class are the same loss.
    const indices = await train({ augment: MILD, plainEpochs: 2, lr: 1e-12, optimizer: "sgd" });
    const probabilities = await train({ augment: MIXED, plainEpochs: 2, lr: 1e-12, optimizer: "sgd" });
    for (const step of [3, 5]) expect(probabilities.losses[step]).toBeCloseTo(indices.losses[step], 5);
    await expect(train({ plainEpochs: -1 })).rejects.toThrow(/^plainEpochs is -1; expected a whole number/);
  });

  it("says in one line that a loss takes no mixed targets", async () => {
    const options = { epochs: 1, loss: "nllLoss", augment: MIXED, threads: 1 } as const;
    await expect(trainModel(smallModel(), bars(20), options)).rejects.toThrow(/^nllLoss: target is float32/);
  });
});

/** The bars of the first two classes only. */
function pick(data: ReturnType<typeof bars>): Omit<Dataset, "classes" | "label"> {
  const { name, length, inputs, targets } = data;
  return {
    name,
    length,
    inputs,
    targets,
    read: (indices, start, count, arrays) => {
      data.read(indices, start, count, arrays);
      for (let k = 0; k < count; k++) arrays.y[k] %= 2;
    },
  };
}

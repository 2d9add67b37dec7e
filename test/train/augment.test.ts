/** Augmentation in training: the same weights for any number of threads, and soft targets where samples are mixed. */
import { describe, expect, it } from "vitest";
import type { AugmentationList } from "../../src/data/augment/records.ts";
import type { Dataset } from "../../src/data/dataset.ts";
// Under another name: the linter takes `fit` for a focused test.
import { fit as trainModel } from "../../src/index.ts";
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

  it("says in one line that a loss takes no mixed targets", async () => {
    const options = { epochs: 1, loss: "nllLoss", augment: MIXED, threads: 1 } as const;
    await expect(trainModel(smallModel(), bars(20), options)).rejects.toThrow(/^nllLoss: target is float32/);
  });
});

/** The bars of the first two classes only. */
function pick(data: ReturnType<typeof bars>): Omit<Dataset, "classes" | "label"> {
  const { name, length, inputShape, inputType, targetShape, targetType } = data;
  return {
    name,
    length,
    inputShape,
    inputType,
    targetShape,
    targetType,
    read: (indices, start, count, inputs, targets) => {
      data.read(indices, start, count, inputs, targets);
      for (let k = 0; k < count; k++) targets[k] %= 2;
    },
  };
}

/** Steps of several parts on texts: what a token counts. */
import { describe, expect, it } from "vitest";
import { type AnyModel, evaluate, type FitOptions, text, fit as trainModel } from "../../src/index.ts";
import { letters } from "../helpers/sequence-models.ts";

const { tokenizer } = letters().task;
// Of very different length, so that parts of a step have very different numbers of tokens.
const TEXTS = ["ab", "abcdefgabcdefgabcdefgabcdefg", "gf", "gfedcbagfedcbagfedcba", "aa", "ab", "ce", "gggggggggg"];
const samples = new text.Texts(TEXTS, { tokenizer });

const numbers = ({ network }: AnyModel): number[] =>
  [...network.namedParameters()].flatMap(([, { data: values }]) => [...values]);

/** One step on all texts. */
async function step(options: FitOptions): Promise<{ weights: number[]; loss: number }> {
  const optimizer = { name: "sgd", momentum: 0 };
  const run = await trainModel(letters(), samples, { epochs: 1, lr: 0.5, optimizer, schedule: "constant", ...options });
  return { weights: numbers(run.model), loss: run.history[0].trainingLoss };
}

describe("the training loss of an epoch", () => {
  it("counts every token as much, in steps of any size, as measuring does", async () => {
    const measured = await evaluate(letters(), samples);
    for (const options of [{ batchSize: 1 }, { batchSize: 3 }, { batchSize: 1, accumulate: 3 }, { batchSize: 8 }]) {
      // So slow that the weights stay as they are.
      const { loss } = await step({ ...options, lr: 1e-12 });
      expect(loss, JSON.stringify(options)).toBeCloseTo(measured.loss, 5);
    }
  });
});

describe("a step of several parts", () => {
  it("counts every token as much as a step of one part does", async () => {
    const whole = await step({ batchSize: 8 });
    const before = numbers(letters());
    for (const batchSize of [1, 3]) {
      const parts = await step({ batchSize, accumulate: Math.ceil(8 / batchSize) });
      const moved = Math.max(...whole.weights.map((value, i) => Math.abs(value - before[i])));
      const off = Math.max(...whole.weights.map((value, i) => Math.abs(value - parts.weights[i])));
      expect(off).toBeLessThan(1e-4 * moved);
      expect(parts.loss).toBeCloseTo(whole.loss, 5);
    }
  });
});

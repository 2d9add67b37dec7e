/** Fine-tuning from a program: pictures, texts and lines, and cross-validation of samples that are no pictures. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/engine/backends/backend.ts";
import {
  type AnyModel,
  crossValidateFinetune,
  data,
  evaluate,
  type Finetuned,
  finetune,
  type tasks,
  text,
} from "../../src/index.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { crossValidate } from "../../src/train/cross-validation.ts";
import { letters, QUESTIONS, questions, strings } from "../helpers/sequence-models.ts";
import { bars, CLASSES, smallModel } from "./synthetic.ts";

let backend: Backend;
beforeAll(async () => {
  backend = await nodePlatform.createBackend({ threads: 1 });
});
afterAll(() => backend.close());

const quick = { epochs: 20, batchSize: 3, lr: 0.02, seed: 1, onWarning: () => {} };

/** Questions of each kind, `each` of them, with the numbers of their kinds among `classes`. */
function asked(classes: readonly string[], each = 2): text.LabeledTexts {
  const kinds = ["number", "person", "place"];
  const { tokenizer } = questions().task.input as tasks.TextInput;
  const texts = Array.from({ length: 3 * each }, (_, i) => ({
    text: QUESTIONS[i % 3],
    label: Math.max(0, classes.indexOf(kinds[i % 3])),
  }));
  return new text.LabeledTexts(texts, { tokenizer, classes, name: "asked" });
}

/** A bright column for each symbol, at the left. */
function lines(texts: readonly string[], alphabet = "123"): text.Lines {
  const [height, width] = [28, 28];
  const images = new Uint8Array(texts.length * height * width);
  texts.forEach((string, i) => {
    [...string].forEach((symbol, s) => {
      for (let y = 0; y < 8 * Number(symbol); y++) images[(i * height + y) * width + 4 * s + 1] = 255;
    });
  });
  return new text.Lines({ images, height, width, strings: texts, alphabet });
}

const weights = ({ network }: AnyModel): string =>
  JSON.stringify([...network.namedParameters()].map(([name, { data: values }]) => [name, [...values]]));

const first = ({ history }: Finetuned<tasks.AnyTask>): number => history[0].trainingLoss;
const last = ({ history }: Finetuned<tasks.AnyTask>): number => history.at(-1)?.trainingLoss ?? Number.NaN;

describe("fine-tuning", () => {
  it("of a classifier of texts keeps the rows of classes that stay", async () => {
    const base = questions();
    const before = weights(base);
    const tuned = await finetune(base, asked(["place", "who", "number"]), { ...quick, backend });
    expect(tuned.kept).toEqual(["place", "number"]);
    expect(tuned.model.classes).toEqual(["place", "who", "number"]);
    expect(last(tuned)).toBeLessThan(first(tuned));
    expect(weights(base)).toBe(before);
  });

  it("of lines goes on with the alphabet that there is", async () => {
    const base = strings();
    const before = weights(base);
    const tuned: Finetuned<tasks.Transcribe> = await finetune(base, lines(["1", "22", "313", "2"]), {
      ...quick,
      backend,
    });
    expect(tuned.kept).toEqual(["1", "2", "3"]);
    expect(tuned.model.task.alphabet).toEqual(base.task.alphabet);
    expect(last(tuned)).toBeLessThan(first(tuned));
    expect(weights(base)).toBe(before);
    // Another alphabet gets rows by its symbols; which ones were known is said.
    const other = await finetune(base, lines(["1", "4", "41", "3"], "341"), { ...quick, backend });
    expect(other.model.task.alphabet).toEqual(["3", "4", "1"]);
    expect(other.kept).toEqual(["3", "1"]);
  });

  it("of texts that go on begins where the base is", async () => {
    const base = letters();
    const samples = new text.Texts(["abcdefgabcdefg", "abcabcabc"], { tokenizer: base.task.tokenizer });
    const tuned = await finetune(base, samples, { ...quick, backend });
    expect(tuned.kept).toEqual(base.task.names);
    expect(last(tuned)).toBeLessThan(first(tuned) / 2);
    const still = await finetune(base, samples, { epochs: 1, batchSize: 2, lr: 1e-12, seed: 1, backend });
    expect(first(still)).toBeCloseTo((await evaluate(base, samples, { backend })).loss, 4);
  });

  it("spares no sample for validation where there are few, of whatever kind", async () => {
    const few = lines(["1", "22"]);
    const many = lines(Array.from({ length: 20 }, (_, i) => String(1 + (i % 3))));
    const options = { steps: 1, seed: 1, backend };
    expect((await finetune(strings(), few, options)).model.metrics.validation).toBeUndefined();
    expect((await finetune(strings(), many, options)).model.metrics.validation).toBeDefined();
  });

  it("says in a line what a model cannot learn from", async () => {
    await expect(finetune(questions(), lines(["1", "2"]) as data.Dataset, { ...quick, backend })).rejects.toThrow(
      /^lines has samples \[28, 28, 1\] but Sentences takes \[time\]/,
    );
    await expect(finetune(strings(), bars(6), { ...quick, backend })).rejects.toThrow(
      /^bars has no strings to learn, which Columns reads; use text.Lines/,
    );
  });
});

describe("cross-validation", () => {
  it("of fine-tuning takes texts with classes", async () => {
    const samples = asked(["number", "person", "place"]);
    const found = await crossValidateFinetune(questions(), samples, { folds: 2, seed: 1, backend }, quick);
    expect(found.count).toBe(6);
    expect([...(found.predictions?.labels ?? [])]).toEqual([0, 1, 2, 0, 1, 2]);
    expect(found.predictions?.logits).toHaveLength(18);
  });

  it("gives pictures in memory as such, and any other samples as a part of them", async () => {
    const parts: data.Dataset[] = [];
    await crossValidate(bars(6), { folds: 2, seed: 1, backend }, async (part) => {
      parts.push(part);
      expect(part.images).toHaveLength(part.length * 36);
      return smallModel();
    });
    await crossValidate(asked(["number", "person", "place"]), { folds: 2, seed: 1, backend }, async (part) => {
      parts.push(part);
      return questions();
    });
    expect(parts.map((part) => part instanceof data.Subset)).toEqual([false, false, true, true]);
    expect(parts.map(({ classes, length }) => [classes, length])).toEqual([
      [CLASSES, 3],
      [CLASSES, 3],
      [["number", "person", "place"], 3],
      [["number", "person", "place"], 3],
    ]);
  });

  it("says in a line what it is for", async () => {
    const never = async (): Promise<never> => {
      throw new Error("trained");
    };
    const settings = { folds: 2, seed: 1, backend };
    for (const samples of [lines(["1", "2", "3"]), new data.Subset(lines(["1", "2", "3"]), Int32Array.of(0, 1))]) {
      await expect(crossValidate(samples, settings, never)).rejects.toThrow(
        /^lines: cross-validation is for samples with a class each/,
      );
      await expect(crossValidateFinetune(smallModel(), samples, settings)).rejects.toThrow(
        /^lines: cross-validation is for samples with a class each/,
      );
    }
  });
});

/** Data sets that look like what a model takes and mean something else: what their numbers stand for is compared. */
import { describe, expect, it } from "vitest";
import { data, evaluate, Model, predict, tasks, text, fit as trainModel } from "../../src/index.ts";
import { letters, QUESTIONS, questions, strings } from "../helpers/sequence-models.ts";

const LABELED = QUESTIONS.map((question, label) => ({ text: question, label }));
const CLASSES = ["number", "person", "place"];
const OPTIONS = { epochs: 1, batchSize: 2, onWarning: () => {} };

/** A bright column for each symbol, at the left. */
function lines(texts: readonly string[], alphabet = "123"): text.Lines {
  const [height, width] = [28, 28];
  const images = new Uint8Array(texts.length * height * width);
  texts.forEach((string, i) => {
    for (let s = 0; s < string.length; s++) {
      for (let y = 0; y < height; y++) images[(i * height + y) * width + 4 * s + 1] = 255;
    }
  });
  return new text.Lines({ images, height, width, strings: texts, alphabet });
}

describe("what token numbers stand for", () => {
  const other = text.WordTokenizer.of(["some other words than those of the questions"]);

  it("is compared before texts are classified", async () => {
    const samples = new text.LabeledTexts(LABELED, { tokenizer: other, classes: CLASSES });
    await expect(evaluate(questions(), samples)).rejects.toThrow("another tokenizer");
    await expect(trainModel(questions(), samples, OPTIONS)).rejects.toThrow("another tokenizer");
  });

  it("is compared before a model learns to go on with texts, of parts of data sets, too", async () => {
    const samples = new text.Texts(["abcab", "cabca"], { tokenizer: text.CharacterTokenizer.of("abc") });
    await expect(trainModel(letters(), samples, OPTIONS)).rejects.toThrow("another tokenizer");
    const part = new data.Subset(samples, Int32Array.of(0));
    await expect(evaluate(letters(), part)).rejects.toThrow("another tokenizer");
  });

  it("may be the same in another tokenizer", async () => {
    const tokenizer = text.WordTokenizer.of(QUESTIONS);
    const samples = new text.LabeledTexts(LABELED, { tokenizer, classes: CLASSES });
    expect((await evaluate(questions(), samples)).count).toBe(3);
  });
});

it("an alphabet in another order is refused", async () => {
  await expect(evaluate(strings(), lines(["12"], "321"))).rejects.toThrow(
    'has strings over "321" but Columns reads strings over "123"',
  );
});

describe("classes", () => {
  const { tokenizer } = questions().task.input as tasks.TextInput;

  it("in another order are refused where a model is measured", async () => {
    const samples = new text.LabeledTexts(LABELED, { tokenizer, classes: ["place", "number", "person"] });
    await expect(evaluate(questions(), samples)).rejects.toThrow(`"place" is class 0 but the model's class 2`);
  });

  it("may have other names: a model that is trained takes the data set's", async () => {
    const samples = new text.LabeledTexts(LABELED, { tokenizer, classes: ["place", "number", "person"] });
    const { model } = await trainModel(questions(), samples, OPTIONS);
    expect(model.classes).toEqual(["place", "number", "person"]);
    expect((await evaluate(model, samples)).count).toBe(3);
  });
});

it("a picture of a string is predicted as it lies, as it is measured", async () => {
  const samples = lines(["1", "22", "333", "2"]);
  const task = strings().task.reading(new tasks.NumbersInput({ shape: [28, 28, 1] }));
  const { model } = await trainModel(new Model(strings().network, { task, seed: 7 }), samples, {
    ...OPTIONS,
    epochs: 30,
    lr: 0.03,
  });
  const { strings: measured } = await evaluate(model, samples);
  for (const { index, text: found, probability } of measured) {
    const arrays = { x: new Uint8Array(28 * 28), y: new Int32Array(3) };
    samples.read([index], 0, 1, arrays, { symbols: 3 });
    const read = await predict(model, { data: arrays.x, height: 28, width: 28, channels: 1 });
    expect(read.text).toBe(found);
    expect(read.probability).toBeCloseTo(probability, 5);
  }
});

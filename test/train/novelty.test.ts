/** A classifier of characters tells what is none of its classes: fitted, kept, the same everywhere, measured. */
import { beforeAll, describe, expect, it } from "vitest";
import { ImageDataset } from "../../src/data/dataset.ts";
import { Random } from "../../src/engine/random.ts";
import { encodeRecognizer } from "../../src/export/recognizer.ts";
import { openRecognizer } from "../../src/export/standalone/recognizer.ts";
import { Model } from "../../src/models/model.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { applyPreprocessing } from "../../src/picture/preprocess.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { arc, drawStrokes, type Stroke } from "../../src/synthesis/strokes.ts";
import { Classify } from "../../src/task/classify/classify.ts";
import type { NoveltyRecord } from "../../src/task/classify/novelty.ts";
import { fitNovelty } from "../../src/train/novelty/fit-novelty.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { predict } from "../../src/use/predict.ts";
import { encodeModel, load } from "../../src/use/trained-model.ts";

/** What the model knows. */
const KNOWN: Readonly<Record<string, readonly Stroke[]>> = {
  "0": [arc(0.5, 0.5, 0.45, 0.5, -4, 12)],
  "1": [[0.4, 0.15, 0.6, 0, 0.55, 1]],
  "7": [[0.05, 0, 0.95, 0.03, 0.4, 1]],
};
const CLASSES = Object.keys(KNOWN);

/** Strokes as somebody writes them. */
function written(strokes: readonly Stroke[], random: Random): Picture {
  const moved = strokes.map((stroke) => stroke.map((value) => value + random.between(-0.03, 0.03)));
  const radius = random.between(0.9, 1.8);
  const pen = { side: 40, height: 22, width: random.between(10, 18), slant: random.between(-2, 5) };
  const data = drawStrokes(moved, { ...pen, upright: radius, level: radius });
  return { data, width: 40, height: 40, channels: 1 };
}

function known(count: number, seed: number): ImageDataset {
  const random = new Random(seed, "user");
  const images = new Uint8Array(count * 784);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % CLASSES.length);
  for (let i = 0; i < count; i++) {
    const picture = written(KNOWN[CLASSES[labels[i]]], random.item(i));
    images.set(applyPreprocessing(MNIST_PREPROCESSING, picture), i * 784);
  }
  return new ImageDataset({ name: "known", images, labels, height: 28, width: 28, classes: CLASSES });
}

const newModel = (): Model =>
  new Model(new Sequential(new Flatten(), new Linear(784, 3)), {
    inputShape: [28, 28, 1],
    classes: CLASSES,
    preprocessing: { ...MNIST_PREPROCESSING },
    seed: 1,
  });

const DASH: readonly Stroke[] = [[0, 0.5, 1, 0.52]];
const HASH: readonly Stroke[] = [
  [0.3, 0, 0.25, 1],
  [0.75, 0, 0.7, 1],
  [0, 0.3, 1, 0.3],
  [0, 0.7, 1, 0.7],
];
const CROSS: readonly Stroke[] = [
  [0, 0, 1, 1],
  [1, 0, 0, 1],
];
const STRANGE = [DASH, HASH, CROSS];

const checks = (): Picture => {
  const data = Uint8Array.from({ length: 1600 }, (_, i) => ((((i % 40) >> 2) + (Math.floor(i / 40) >> 2)) % 2) * 255);
  return { data, width: 40, height: 40, channels: 1 };
};

setPlatform(nodePlatform);
const model = newModel();

beforeAll(() => fitNovelty(model, known(900, 1)), 400_000);

describe("a novelty score", () => {
  it("refuses few of other known samples, and strokes and textures that are none", async () => {
    const { refused } = await evaluate(model, known(600, 2));
    expect(refused?.count).toBeLessThan(40);
    expect(refused?.expected).toBe(0.008);
    expect(refused?.strangers).toBeGreaterThan(0.7);
    const random = new Random(3, "user");
    for (const strokes of STRANGE) {
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => predict(model, written(strokes, random.item(i)))),
      );
      expect(answers.filter(({ noClass }) => noClass !== undefined).length).toBeGreaterThanOrEqual(6);
    }
    expect((await predict(model, written([[-0.5, 0.5, 1.5, 0.5]], random.item(0)))).noClass).toBe("a dash or a dot");
    expect((await predict(model, checks())).noClass).toBeDefined();
  });

  it("is the same for the same samples and seed, and leaves the weights alone", async () => {
    const again = newModel();
    const before = [...again.network.parameters()].map(({ data }) => data.slice());
    await fitNovelty(again, known(900, 1));
    expect(again.task.novelty).toEqual(model.task.novelty);
    expect([...again.network.parameters()].map(({ data }) => data)).toEqual(before);
  }, 400_000);

  it("is in the model file; a damaged one is refused, a file without one says nothing", async () => {
    const loaded = await load(await encodeModel(model));
    expect(loaded.task.novelty).toEqual(model.task.novelty);
    const without = await load(await encodeModel(newModel()));
    const answer = await predict(without, written(HASH, new Random(4, "user")));
    expect([without.task.novelty, answer.noClass]).toEqual([undefined, undefined]);
    expect((await evaluate(without, known(30, 5))).refused).toBeUndefined();
    const record = model.task.novelty as NoveltyRecord;
    const [first, ...others] = record.layers;
    for (const damaged of [{ weights: "AAAA" }, { weights: "?" }, { bias: [1] }, { kernel: 0 }]) {
      const broken = newModel();
      const layers = [{ ...first, ...damaged }, ...others];
      broken.task = new Classify(broken.task.input, CLASSES, { ...record, layers });
      await expect(predict(await load(await encodeModel(broken)), checks())).rejects.toThrow(
        /novelty score is damaged/,
      );
    }
  });

  it("says the same in what is exported", async () => {
    const recognizer = await openRecognizer((await encodeRecognizer(model)).bytes);
    const random = new Random(6, "user");
    for (const strokes of [...STRANGE, ...Object.values(KNOWN)]) {
      const picture = written(strokes, random);
      const { noClass } = await predict(model, picture);
      const said = recognizer.noneOfThese(recognizer.see(picture));
      expect(said).toBe(noClass && `none of these: it is ${noClass}`);
    }
  });

  it("needs enough samples", async () => {
    await expect(fitNovelty(newModel(), known(100, 1))).rejects.toThrow(/at least 500 of their samples; here are 100/);
    await expect(fitNovelty(newModel(), known(600, 1), { share: 0 })).rejects.toThrow(/share is 0/);
  });
});

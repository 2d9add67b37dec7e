/**
 * The built package in Chromium, as a page uses it: training in a worker gives the very weights that Node gives, with
 * threads and without; what it made is read by `ductus/runtime`. Skipped, with a line that says so, without Chromium.
 */
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ImageDataset } from "../../src/data/dataset.ts";
import { toIdx } from "../../src/data/formats/idx.ts";
import { readMnistPackage } from "../../src/data/formats/mnist-package.ts";
import { FILE_NAMES } from "../../src/data/sources.ts";
import { takeImages } from "../../src/data/split.ts";
import { exportWasm } from "../../src/export/wasm.ts";
import { decodeModelFile } from "../../src/formats/model-file.ts";
import { create } from "../../src/models/registry.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { fit as train } from "../../src/train/fit.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { Predictor } from "../../src/use/predict.ts";
import { load } from "../../src/use/trained-model.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { bundle } from "./bundle.ts";
import { messageOfWorker, serve, type TestSite } from "./page.ts";

setPlatform(nodePlatform);
const require = createRequire(import.meta.url);

const OPTIONS = { epochs: 2, seed: 3, strict: true, augment: "digits" } as const;

/** What the page's worker does: the same as this file does in Node. */
const WORKER = `import { data, decodeCheckpoint, encodeCheckpoint, encodeModel, evaluate, fit, models } from "ductus";
onmessage = async ({ data: options }) => {
  try {
    const { train, test, origin } = await data.mnist({ dataDir: "data" });
    const epochs = [];
    const checkpoints = [];
    let backend;
    const run = await fit(models.create("cnn-strided"), train, {
      ...options,
      callbacks: [{
        onStart: (info) => { backend = info.backend; },
        onEpoch: ({ epoch }) => { epochs.push(epoch); },
        onCheckpoint: async ({ model, state }) => { checkpoints.push(await encodeCheckpoint(model, state)); },
      }],
    });
    const { accuracy } = await evaluate(run.model, test, { strict: true });
    const model = await encodeModel(run.model);
    const resume = decodeCheckpoint(checkpoints[0], "the first");
    const again = await fit(models.create("cnn-strided"), train, { ...options, resume });
    const weights = ({ network }) => [...network.namedParameters()].flatMap(([, { data }]) => [...data]).join();
    const resumed = { epochs: again.history.length, isSame: weights(again.model) === weights(run.model) };
    postMessage({ origin, backend, epochs, accuracy, resumed, model: Array.from(model) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};`;

interface Trained {
  readonly error?: string;
  readonly origin: string;
  readonly backend: string;
  readonly epochs: readonly number[];
  readonly accuracy: number;
  /** The same run, going on from the checkpoint of its first epoch. */
  readonly resumed: { readonly epochs: number; readonly isSame: boolean };
  readonly model: readonly number[];
}

function digits(): { train: ImageDataset; test: ImageDataset } {
  const { train, test } = readMnistPackage(
    Array.from({ length: 10 }, (_, digit) => require(`mnist/src/digits/${digit}.json`) as unknown),
  );
  const some = (set: ImageDataset, count: number): ImageDataset =>
    takeImages(
      set,
      Int32Array.from({ length: count }, (_, i) => Math.floor((i * set.length) / count)),
    );
  return { train: some(train, 1500), test: some(test, 500) };
}

/** The four IDX files of a data set; the pictures gzip, the labels plain. */
function idxFiles(sets: ReturnType<typeof digits>): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const split of ["train", "test"] as const) {
    const { images, labels } = toIdx(sets[split]);
    files.set(`data/mnist/${FILE_NAMES[`${split}Images`][0]}.gz`, gzipSync(images));
    files.set(`data/mnist/${FILE_NAMES[`${split}Labels`][0]}`, labels);
  }
  return files;
}

describe.skipIf(chromiumPath === undefined)("the package in Chromium", () => {
  const sets = digits();
  const files = new Map<string, string | Uint8Array>(idxFiles(sets));
  let browser: Browser;
  let worker: string;
  let here: { weights: unknown; accuracy: number | undefined };
  const sites: TestSite[] = [];

  const open = async (isolated: boolean): Promise<Page> => {
    const site = await serve(files, { isolated });
    sites.push(site);
    const page = await browser.newPage();
    await page.goto(site.address);
    return page;
  };

  beforeAll(async () => {
    browser = await openBrowser();
    const built = await bundle(WORKER);
    [worker] = built.files.keys();
    for (const [name, code] of built.files) files.set(name, code);
    const { model } = await train(create("cnn-strided"), sets.train, OPTIONS);
    const { accuracy } = await evaluate(model, sets.test, { strict: true });
    here = {
      weights: new Map([...model.network.namedParameters()].map(([name, { data }]) => [name, [...data]])),
      accuracy,
    };
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    for (const site of sites) site.close();
  });

  test.each([
    ["3 threads, in an isolated page", true, 3],
    ["one thread, in a page that is not isolated", false, 1],
  ])("trains as Node does, bit for bit: %s", { timeout: 120_000 }, async (_, isolated, threads) => {
    const page = await open(isolated);
    // Asked for everywhere; a page that is not isolated has one all the same.
    const trained = await messageOfWorker<Trained>(page, worker, { ...OPTIONS, threads: 3 });
    expect(trained.error).toBeUndefined();
    expect(trained.backend).toContain(`${threads} thread`);
    expect(trained.epochs).toEqual([1, 2]);
    expect(trained.origin).toMatch(/\/data\/mnist\/ \(not byte for byte the published files\)/);
    expect(trained.accuracy).toBe(here.accuracy);
    expect(trained.resumed).toEqual({ epochs: 2, isSame: true });
    const bytes = Uint8Array.from(trained.model);
    const { weights } = decodeModelFile(bytes, "model");
    expect(new Map([...weights].map(([name, { data }]) => [name, [...data]]))).toEqual(here.weights);
    await load(bytes);
    files.set("digits.safetensors", bytes);
    await page.close();
  });

  test("reads pictures with what it trained, in a page, as Node does", async () => {
    const model = await load(files.get("digits.safetensors") as Uint8Array);
    for (const [name, content] of (await exportWasm(model, "digits")).files) files.set(name, content);
    const built = await bundle(`export { decodePicture, load } from "ductus/runtime"`);
    const [runtime] = built.files.keys();
    for (const [name, code] of built.files) files.set(name, code);
    const page = await open(false);
    const answers = (await page.evaluate(`(async () => {
      const { decodePicture, load } = await import("./${runtime}");
      const canvas = new OffscreenCanvas(120, 160);
      const context = canvas.getContext("2d");
      context.fillStyle = "#eef";
      context.fillRect(0, 0, 120, 160);
      context.fillStyle = "#124";
      context.fillRect(52, 20, 14, 120);
      const image = context.getImageData(0, 0, 120, 160);
      const file = await decodePicture(await canvas.convertToBlob({ type: "image/png" }));
      const answers = [];
      for (const name of ["digits.safetensors", "digits.wasm"]) {
        const { recognize } = await load(name);
        answers.push(recognize(image), recognize(file));
      }
      const refused = [];
      for (const bad of ["nothing.wasm", new Uint8Array(9), new Blob(["<html>"]), "digits.js"]) {
        refused.push(await load(bad).then(() => "taken", (error) => error.name + ": " + error.message));
      }
      return { pixels: Array.from(image.data), answers, refused };
    })()`)) as { pixels: number[]; answers: { label: string; probability: number }[][]; refused: string[] };

    const predictor = await Predictor.open(model);
    const picture = { width: 120, height: 160, channels: 4, data: Uint8Array.from(answers.pixels) } as const;
    const { ranking } = predictor.predict(picture);
    await predictor.close();
    expect(ranking[0].name).toBe("1");
    expect(answers.answers).toHaveLength(4);
    for (const readings of answers.answers) {
      for (const { name, probability } of ranking) {
        expect(readings.find(({ label }) => label === name)?.probability).toBeCloseTo(probability, 5);
      }
    }
    expect(answers.refused[0]).toMatch(/DataError: .*nothing\.wasm: the server answers 404/);
    for (const message of answers.refused.slice(1)) expect(message).toMatch(/^DataError: .* is not a model file: /);
    await page.close();
  });

  test("makes a data set of pictures that a user drew or chose, on the main thread too", async () => {
    const built = await bundle(`export { data, fit, models, UsageError } from "ductus"`);
    const [main] = built.files.keys();
    for (const [name, code] of built.files) files.set(name, code);
    const page = await open(true);
    const found = await page.evaluate(`(async () => {
      const { data, fit, models } = await import("./${main}");
      const draw = (slope) => {
        const canvas = new OffscreenCanvas(90, 90);
        const context = canvas.getContext("2d");
        context.lineWidth = 8;
        context.moveTo(45 - 30 * slope, 10);
        context.lineTo(45 + 30 * slope, 80);
        context.stroke();
        return canvas;
      };
      const slopes = [0.6, 0.7, 0.8, 0.9, 1];
      const samples = {
        "/": slopes.map((slope) => draw(-slope)),
        "\\\\": await Promise.all(slopes.map((slope) => draw(slope).convertToBlob())),
      };
      const set = await data.readPictures(samples);
      let backend;
      const run = await fit(models.create("mlp", { classes: 2 }), set, {
        epochs: 8, batchSize: 2, threads: 4, callbacks: [{ onStart: (info) => { backend = info.backend; } }],
      });
      const last = run.history.at(-1);
      const blank = new ImageData(20, 20);
      const refused = await Promise.all([
        data.readPictures({ a: [draw(1)] }).catch((error) => error.message),
        data.readPictures({ a: [draw(1)], b: [new Blob(["GIF?"])] }).catch((error) => error.message),
        data.readPictures({ a: [draw(1)], b: [blank] }).catch((error) => error.message),
        run.model.save("model.safetensors").catch((error) => error.message),
      ]);
      return { length: set.length, shape: set.inputShape, classes: set.classes, backend, last, refused };
    })()`);
    expect(found).toMatchObject({ length: 10, shape: [28, 28, 1], classes: ["/", "\\"] });
    expect(found).toMatchObject({ last: { trainingAccuracy: 1 }, backend: expect.stringContaining("1 thread,") });
    expect((found as { refused: string[] }).refused).toEqual([
      expect.stringMatching(/nothing to tell apart/),
      expect.stringMatching(/cannot read the picture/),
      expect.stringMatching(/b, picture 1: .*(blank|empty|ink)/),
      expect.stringMatching(/no files to write; take the bytes/),
    ]);
    await page.close();
  });
});

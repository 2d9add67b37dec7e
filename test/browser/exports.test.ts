/**
 * Exports and imports of the built package in Chromium: every format has the bytes that Node writes, and what went out
 * reads the same when it comes in again. Skipped, with a line that says so, without Chromium.
 */
import { createHash } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportModel } from "../../src/export/export-model.ts";
import { EXPORTERS } from "../../src/export/exporters.ts";
import type { Agreement, Exported } from "../../src/export/recognizer.ts";
import { create } from "../../src/models/registry.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { predict } from "../../src/use/predict.ts";
import { encodeModel, load, type TrainedModel } from "../../src/use/trained-model.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";
import { bundle } from "./bundle.ts";
import { serve, type TestSite } from "./page.ts";

setPlatform(nodePlatform);

/** A bar of light ink on black. */
const SIDE = 40;
const INK = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE > 17 && i % SIDE < 22 ? 250 : 0));
const PICTURE: Picture = { width: SIDE, height: SIDE, channels: 1, data: INK };
/** The same in a page. */
const DRAWN = `{ width: ${SIDE}, height: ${SIDE}, channels: 1, data: Uint8Array.from([${INK}]) }`;

/** Files of an export, in a page: texts as they are, of bytes the SHA-256, so that they need not leave it. */
const DIGESTS = `async (files) => Object.fromEntries(await Promise.all([...files].map(async ([name, content]) => {
  if (typeof content === "string") return [name, content];
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [name, Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")];
})))`;
/** The same in Node. */
const digestsOf = (files: Exported["files"]): Record<string, string> =>
  Object.fromEntries(
    [...files].map(([name, content]) => [
      name,
      typeof content === "string" ? content : createHash("sha256").update(content).digest("hex"),
    ]),
  );

interface Reading {
  readonly label: string;
  readonly probability: number;
}

interface Found {
  readonly digests: Readonly<Record<string, string>>;
  readonly agreement: Agreement;
}

describe.skipIf(chromiumPath === undefined)("exports and imports in a page", () => {
  let browser: Browser;
  let site: TestSite;
  let page: Page;
  let model: TrainedModel;
  let ranking: Reading[];

  beforeAll(async () => {
    const made = create("cnn-strided", { seed: 4 });
    made.preprocessing = { ...MNIST_PREPROCESSING, minStroke: 0 };
    const bytes = await encodeModel(made);
    model = await load(bytes);
    ranking = (await predict(model, PICTURE)).ranking.map(({ name, probability }) => ({ label: name, probability }));
    const program = await bundle(`export { exportModel, importModel, load, predict } from "ductus";
export { load as loadRecognizer } from "ductus/runtime";`);
    const [main] = program.files.keys();
    const files = new Map<string, string | Uint8Array>([...program.files, ["model.safetensors", bytes]]);
    site = await serve(files);
    browser = await openBrowser();
    page = await browser.newPage();
    await page.goto(site.address);
    await page.evaluate(`import("./${main}").then(async (ductus) => {
      globalThis.ductus = ductus;
      globalThis.model = await ductus.load("model.safetensors");
    })`);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  /** All classes as in Node; engines may fuse multiply-adds or not. */
  const expectSame = (readings: readonly Reading[]): void => {
    expect(readings).toHaveLength(ranking.length);
    for (const { label, probability } of ranking) {
      expect(readings.find((reading) => reading.label === label)?.probability).toBeCloseTo(probability, 4);
    }
  };

  test.each(Object.keys(EXPORTERS))("%s: the files are those of Node", async (format) => {
    const found = (await page.evaluate(`(async () => {
      const { files, agreement } = await ductus.exportModel(model, "${format}", { name: "digits" });
      return { digests: await (${DIGESTS})(files), agreement };
    })()`)) as Found;
    const { files, agreement } = await exportModel(model, format, { name: "digits" });
    expect(Object.keys(found.digests).length).toBeGreaterThan(0);
    expect(found.digests).toEqual(digestsOf(files));
    expect(found.agreement).toMatchObject({ of: agreement.of, samples: agreement.samples });
  });

  test.each(["pixels", "normalized"])("ONNX that takes %s reads the same when it comes in again", async (input) => {
    const readings = (await page.evaluate(`(async () => {
      const { files } = await ductus.exportModel(model, "onnx", { name: "digits", input: "${input}" });
      const again = await ductus.importModel(files.get("digits.onnx"), { name: "digits.onnx" });
      const { ranking } = await ductus.predict(again, ${DRAWN});
      return ranking.map(({ name, probability }) => ({ label: name, probability }));
    })()`)) as Reading[];
    expectSame(readings);
  });

  test("names of classes can be given to what comes in", async () => {
    const names = (await page.evaluate(`(async () => {
      const { files } = await ductus.exportModel(model, "onnx");
      const again = await ductus.importModel(files.get("model.onnx"), { classes: [..."abcdefghij"] });
      return again.classes;
    })()`)) as string[];
    expect(names).toEqual([..."abcdefghij"]);
  });

  test("a page that was exported is opened where it is dropped", async () => {
    const answers = (await page.evaluate(`(async () => {
      const { files } = await ductus.exportModel(model, "html", { name: "digits" });
      const [text] = files.values();
      const bytes = new TextEncoder().encode(text);
      const dropped = new File([bytes], "digits.html", { type: "text/html" });
      const marked = new Blob(["\\ufeff\\n", bytes]);
      const answers = [];
      for (const source of [bytes, dropped, marked]) {
        const { recognize } = await ductus.loadRecognizer(source);
        answers.push(recognize(${DRAWN}));
      }
      return answers;
    })()`)) as Reading[][];
    expect(answers).toHaveLength(3);
    for (const readings of answers) expectSame(readings);
  });

  test("what is wrong is said in one line", async () => {
    const refused = (await page.evaluate(`(async () => {
      const message = (promise) => promise.then(() => "taken", (error) => error.name + ": " + error.message);
      const [text] = (await ductus.exportModel(model, "html")).files.values();
      const at = text.indexOf('id="model"') + 500;
      const changed = (letter) => new TextEncoder().encode(text.slice(0, at) + letter + text.slice(at + 1));
      const other = text[at] === "A" ? "B" : "A";
      return {
        format: await message(ductus.exportModel(model, "onx")),
        noOnnx: await message(ductus.importModel(new Uint8Array(9), { name: "seven.onnx" })),
        otherPage: await message(ductus.loadRecognizer(new TextEncoder().encode("<!doctype html><p>Hello</p>"))),
        cutOff: await message(ductus.loadRecognizer(new TextEncoder().encode(text.slice(0, at)))),
        noLetter: await message(ductus.loadRecognizer(changed("!"))),
        otherLetter: await message(ductus.loadRecognizer(changed(other))),
      };
    })()`)) as Record<string, string>;
    expect(refused.format).toMatch(/^UsageError: .*"onx".*onnx/);
    expect(refused.noOnnx).toMatch(/^DataError: seven\.onnx [^\n]+$/);
    for (const key of ["otherPage", "cutOff", "noLetter", "otherLetter"]) {
      expect(refused[key], key).toMatch(/^DataError: recognizer: [^\n]+$/);
    }
  });
});

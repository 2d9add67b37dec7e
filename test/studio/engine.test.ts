/**
 * The studio's workers in Chromium, without its interface: training on the digits that it carries, pausing, a worker that is
 * thrown away in mid-training, fine-tuning to a user's own classes, and every form in which a model is taken away, opened
 * again. Skipped, with a line that says so, without Chromium.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sum } from "../../src/engine/ops/reduce.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { Embedding } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { Classify } from "../../src/task/classify/classify.ts";
import { TextInput } from "../../src/task/text-input.ts";
import { CharacterTokenizer } from "../../src/text/tokenizer.ts";
import { encodeModel } from "../../src/use/trained-model.ts";
import type { Measured, Outcome, TrainingEvent } from "../../studio/src/engine/protocol.ts";
import { bundle } from "../browser/bundle.ts";
import { serve, type TestSite } from "../browser/page.ts";
import { chromiumPath, openBrowser } from "../export/draw.ts";

const root = resolve(import.meta.dirname, "../..");
const INSTEAD = { "ductus/runtime": "dist/runtime.js", ductus: "dist/browser.js" };
const DIGITS = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];

/** What the page does with a worker; `engine` is the one, `again` starts another. */
const PAGE = `import { proxy, wrap } from "comlink";
let worker;
const start = () => {
  worker?.terminate();
  worker = new Worker(globalThis.script, { type: "module" });
  const engine = wrap(worker);
  engine.setup(document.baseURI);
  return engine;
};
globalThis.engine = start();
globalThis.again = () => { globalThis.engine = start(); };
globalThis.proxy = proxy;
globalThis.base = async () => new Uint8Array(await (await fetch("models/digits.safetensors")).arrayBuffer());
/** A job, with what it said; \`at\` is called with every event. */
globalThis.follow = async (job, checkpoint, at = () => {}) => {
  const events = [];
  const outcome = await engine.run(job, proxy((event) => { events.push(event); at(event); }), checkpoint);
  return { outcome, events };
};
/** A thick line through points of a square of side 1, unsteady in a way of its own. */
globalThis.stroke = (points, seed, size = 200) => {
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  context.lineWidth = size / (12 + (seed % 5));
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  points.forEach(([x, y], i) => {
    const shake = (k) => (((Math.sin(seed * 12.9898 + i * 78.233 + k * 37.719) * 43758.5453) % 1) * 0.08);
    context[i === 0 ? "moveTo" : "lineTo"]((x + shake(1)) * size, (y + shake(2)) * size);
  });
  context.stroke();
  return canvas;
};
`;

/** Three signs that are no digits. */
const SIGNS = `({
  triangle: [[0.5, 0.15], [0.85, 0.8], [0.15, 0.8], [0.5, 0.15]],
  cross: [[0.2, 0.2], [0.8, 0.8], [0.5, 0.5], [0.8, 0.2], [0.2, 0.8]],
  wave: [[0.1, 0.5], [0.25, 0.25], [0.4, 0.5], [0.6, 0.75], [0.75, 0.5], [0.9, 0.3]],
})`;

const JOB = { kind: "train", architecture: "cnn-strided", epochs: 4, seed: 1, augment: "none" };

/** Tells which of two letters a text has more of. */
class MoreOf extends Module {
  readonly embedding = new Embedding(2, 2);

  forward(x: Tensor, context: Context): Tensor {
    return sum(this.embedding.forward(x, context), 1);
  }
}

async function textModel(): Promise<Uint8Array> {
  setPlatform(nodePlatform);
  const network = new MoreOf();
  network.embedding.weight.data.set([1, 0, 0, 1]);
  const input = new TextInput(CharacterTokenizer.of("ab"));
  return encodeModel(new Model(network, { task: new Classify(input, ["more a", "more b"]) }));
}

interface Followed {
  readonly outcome: Outcome;
  readonly events: readonly TrainingEvent[];
}

describe.skipIf(chromiumPath === undefined)("the studio's workers in Chromium", () => {
  const files = new Map<string, string | Uint8Array>();
  let browser: Browser;
  let site: TestSite;
  /** File name of its script. */
  let worker: string;

  const open = async (): Promise<Page> => {
    const page = await browser.newPage();
    await page.goto(site.address);
    await page.evaluate(`globalThis.script = "assets/${worker}"`);
    await page.addScriptTag({ type: "module", url: "page.js" });
    await page.waitForFunction("globalThis.engine !== undefined");
    return page;
  };

  beforeAll(async () => {
    for (const name of DIGITS) {
      files.set(
        `data/mnist/${name}-ubyte.gz`,
        readFileSync(resolve(root, `studio/public/data/mnist/${name}-ubyte.gz`)),
      );
    }
    files.set("models/digits.safetensors", readFileSync(resolve(root, "studio/public/models/digits.safetensors")));
    files.set("models/text.safetensors", await textModel());
    const [engine, page] = await Promise.all([
      bundle(`import "./studio/src/engine/worker.ts";`, { whole: true, instead: INSTEAD }),
      bundle(PAGE, { whole: true }),
    ]);
    [worker] = engine.files.keys();
    for (const [name, code] of engine.files) files.set(`assets/${name}`, code);
    files.set("page.js", [...page.files.values()][0]);
    browser = await openBrowser();
    site = await serve(files, { isolated: true });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  test("reads more than 97 % of the digits after seconds of training, and says how it goes", {
    timeout: 120_000,
  }, async () => {
    const page = await open();
    const { outcome, events } = (await page.evaluate(`follow(${JSON.stringify(JOB)})`)) as Followed;
    expect(outcome.kind).toBe("finished");
    expect(outcome.measured?.accuracy).toBeGreaterThan(0.97);
    expect(outcome.measured?.samples).toBe(2000);
    const kinds = events.map(({ kind }) => kind);
    expect(kinds[0]).toBe("start");
    expect(events[0]).toMatchObject({ epochs: 4, trainSamples: 7200, validationSamples: 800 });
    const epochs = events.filter((event) => event.kind === "epoch");
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    const wrong = (measured: Measured | undefined): number => measured?.mistakes.length ?? Number.NaN;
    expect(wrong(epochs[0].validation)).toBeGreaterThan(0);
    const { counts } = outcome.measured?.matrix ?? { counts: [] };
    const right = counts.reduce((sum, row, i) => sum + row[i], 0);
    expect(right / 2000).toBeCloseTo(outcome.measured?.accuracy ?? 0, 10);
    expect(kinds).toContain("step");
    expect(kinds).toContain("checkpoint");
    await page.close();
  });

  test("goes on after a pause, and in another worker after a crash, to the same bytes", {
    timeout: 120_000,
  }, async () => {
    const page = await open();
    const result = (await page.evaluate(`(async () => {
      const job = ${JSON.stringify({ ...JOB, epochs: 4 })};
      const whole = await follow(job);
      let steps = 0;
      const paused = await follow(job, undefined, (event) => { if (event.kind === "step" && ++steps === 1) engine.pause(); });
      const kept = paused.events.filter(({ kind }) => kind === "checkpoint").at(-1);
      const resumed = await follow(job, kept.bytes);
      // The worker dies with the first checkpoint that it sends.
      again();
      const crashed = await new Promise((resolve) => {
        follow(job, undefined, (event) => { if (event.kind === "checkpoint") { again(); resolve(event); } });
      });
      const saved = await follow(job, crashed.bytes);
      const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
      return {
        kinds: [whole, paused, resumed, saved].map(({ outcome }) => outcome.kind),
        pausedAt: kept.step,
        crashedAt: crashed.step,
        start: resumed.events[0],
        same: [resumed, saved].map(({ outcome }) => same(outcome.model, whole.outcome.model)),
      };
    })()`)) as Record<string, unknown> & { pausedAt: number; start: { doneSteps: number; totalSteps: number } };
    expect(result.kinds).toEqual(["finished", "paused", "finished", "finished"]);
    expect(result.pausedAt).toBeGreaterThan(0);
    expect(result.start.doneSteps).toBe(result.pausedAt);
    expect(result.start.totalSteps).toBeGreaterThan(result.pausedAt);
    expect(result.same).toEqual([true, true]);
    await page.close();
  });

  test("learns three signs from ten drawings each, and reads others", { timeout: 120_000 }, async () => {
    const page = await open();
    const result = (await page.evaluate(`(async () => {
      const signs = ${SIGNS};
      const classes = Object.keys(signs);
      const samples = [];
      for (const label of classes) {
        for (let i = 0; i < 10; i++) {
          samples.push({ label, png: await stroke(signs[label], i + 1).convertToBlob({ type: "image/png" }) });
        }
      }
      const { outcome, events } = await follow({ kind: "finetune", base: await base(), classes, samples, seed: 2 });
      await engine.open(outcome.model, "signs");
      const answers = [];
      for (const label of classes) {
        const canvas = stroke(signs[label], 77, 150);
        const answer = await engine.read(canvas.getContext("2d").getImageData(0, 0, 150, 150));
        answers.push(answer.readings[0].label);
      }
      return { outcome: { ...outcome, model: undefined }, answers, start: events[0] };
    })()`)) as { outcome: Outcome; answers: string[]; start: TrainingEvent };
    expect(result.answers).toEqual(["triangle", "cross", "wave"]);
    expect(result.outcome).toMatchObject({ kind: "finished", isCrossValidated: true });
    expect(result.outcome.measured?.samples).toBe(30);
    expect(result.outcome.measured?.accuracy).toBeGreaterThan(0.9);
    expect(result.outcome.card.names).toEqual(["triangle", "cross", "wave"]);
    await page.close();
  });

  test("with more samples the verdict is still about all of them; one that is stopped keeps its model", {
    timeout: 120_000,
  }, async () => {
    const page = await open();
    const result = (await page.evaluate(`(async () => {
      const signs = ${SIGNS};
      const classes = Object.keys(signs);
      const samples = [];
      for (const label of classes) {
        for (let i = 0; i < 25; i++) {
          samples.push({ label, png: await stroke(signs[label], i + 1, 60).convertToBlob({ type: "image/png" }) });
        }
      }
      const job = { kind: "finetune", base: await base(), classes, samples, seed: 2, epochs: 3 };
      const whole = await follow(job);
      const stopped = await follow(job, undefined, ({ kind }) => { if (kind === "measuring") engine.stop(); });
      // The header differs: cross-validation, which was stopped, gives the temperature.
      const weights = ({ model }) => model.slice(8 + Number(new DataView(model.buffer, model.byteOffset).getBigUint64(0, true)));
      const wanted = weights(whole.outcome);
      const same = weights(stopped.outcome).every((byte, i) => byte === wanted[i]);
      const parts = whole.events.flatMap(({ kind, part }) => (kind === "measuring" ? [part] : []));
      return { measured: whole.outcome.measured, parts, stopped: { ...stopped.outcome, model: undefined }, same };
    })()`)) as { measured: Measured; parts: number[]; stopped: Outcome; same: boolean };
    expect(result.measured.samples).toBe(75);
    expect(result.measured.interval[1] - result.measured.interval[0]).toBeLessThan(0.15);
    expect(result.parts.every((part, i) => part >= 0 && part <= 1 && part >= (result.parts[i - 1] ?? 0))).toBe(true);
    expect(result.stopped.kind).toBe("finished");
    expect(result.stopped.measured).toBeUndefined();
    expect(result.same).toBe(true);
    await page.close();
  });

  test("reads texts with a model that does", { timeout: 60_000 }, async () => {
    const page = await open();
    const [card, labels, empty, refused] = (await page.evaluate(`(async () => {
      const bytes = new Uint8Array(await (await fetch("models/text.safetensors")).arrayBuffer());
      const { card } = await engine.open(bytes, "text");
      const labels = [];
      for (const text of ["aab", "abb"]) labels.push((await engine.readText(text)).readings[0].label);
      const refused = await engine.read(new ImageData(8, 8)).catch(({ message }) => message);
      return [card, labels, (await engine.readText("")) ?? null, refused];
    })()`)) as readonly unknown[];
    expect(card).toMatchObject({ reads: "text", task: "classify", names: ["more a", "more b"], isOpen: true });
    expect(labels).toEqual(["more a", "more b"]);
    expect(empty).toBeNull();
    expect(refused).toContain("reads texts");
    await page.close();
  });

  test("what is taken away can be opened again, and reads the same", { timeout: 60_000 }, async () => {
    const page = await open();
    const result = (await page.evaluate(`(async () => {
      const canvas = stroke([[0.3, 0.2], [0.7, 0.2], [0.45, 0.85]], 3);
      const seven = canvas.getContext("2d").getImageData(0, 0, 200, 200);
      const { card, bytes } = await engine.open(await base(), "digits");
      const own = await engine.read(seven);
      const inside = await engine.explain(seven);
      const blank = await engine.read(new ImageData(50, 50));
      const answers = {};
      for (const format of ["model", "wasm", "html", "onnx"]) {
        const [file] = await engine.export(bytes, format, "digits");
        const opened = await engine.open(file.bytes, file.name);
        const { readings } = await engine.read(seven);
        answers[format] = { name: file.name, isOpen: opened.card.isOpen, names: opened.card.names, readings };
      }
      const refused = await engine.open(new TextEncoder().encode("no model"), "text.txt").catch((error) => error.message);
      return { card, own, inside, blank, answers, refused };
    })()`)) as {
      own: { readings: { label: string; probability: number }[]; seen: Uint8Array };
      inside: { readings: { label: string }[]; layers: { shape: number[]; values: object }[]; attention: object };
      blank: unknown;
      answers: Record<
        string,
        { isOpen: boolean; classes: string[]; readings: { label: string; probability: number }[] }
      >;
      card: { architecture: string };
      refused: string;
    };
    expect(result.card).toMatchObject({ architecture: "ductus-s", inputShape: [28, 28, 1], isOpen: true });
    expect(result.own.readings[0].label).toBe("7");
    expect(result.inside.readings[0].label).toBe("7");
    expect(result.inside.layers.length).toBeGreaterThan(5);
    expect(Object.keys(result.inside.attention)).toHaveLength(28 * 28);
    expect(result.blank).toBeUndefined();
    expect(Object.entries(result.answers).map(([format, { isOpen }]) => [format, isOpen])).toEqual([
      ["model", true],
      ["wasm", false],
      ["html", false],
      ["onnx", true],
    ]);
    for (const { readings } of Object.values(result.answers)) {
      for (const { label, probability } of result.own.readings) {
        expect(readings.find((reading) => reading.label === label)?.probability).toBeCloseTo(probability, 4);
      }
    }
    expect(result.refused).toMatch(/text\.txt|model/);
    await page.close();
  });
});

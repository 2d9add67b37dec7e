/** A model's temperature: the same picture has the same probability wherever it is read, and new weights lose the old one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ImageDataset } from "../../src/data/dataset.ts";
import { DuctusError } from "../../src/engine/errors.ts";
import { exportHtml } from "../../src/export/html.ts";
import { exportOnnx } from "../../src/export/onnx.ts";
import { torchModule } from "../../src/export/torch-module.ts";
import { exportWasm } from "../../src/export/wasm.ts";
import { decodeModelFile, encodeModelFile } from "../../src/formats/model-file.ts";
import { importModel } from "../../src/import/import-model.ts";
import { Model } from "../../src/models/model.ts";
import { create } from "../../src/models/registry.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { load as loadRecognizer } from "../../src/runtime.ts";
import { fitTemperature, TEMPERATURE_SPREAD } from "../../src/task/classify/calibration.ts";
import { Predictions } from "../../src/task/classify/predictions.ts";
import { rank } from "../../src/task/classify/ranking.ts";
import { decodePredictions, encodePredictions } from "../../src/task/classify/saved-predictions.ts";
import { fit as trainModel } from "../../src/train/fit.ts";
import { finetune } from "../../src/train/transfer/finetune.ts";
import { adapt } from "../../src/train/transfer/transfer.ts";
import { ensembleOf } from "../../src/use/ensemble.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { explain } from "../../src/use/explain.ts";
import { Predictor, predict } from "../../src/use/predict.ts";
import { averagedOver } from "../../src/use/test-time.ts";
import { encodeModel, load } from "../../src/use/trained-model.ts";
import { drawFive } from "../data/pictures.ts";
import { softmax } from "../helpers/softmax.ts";
import { json, numbers, post, type Served, serve, stored } from "../serve/fixtures.ts";

setPlatform(nodePlatform);
const folder = mkdtempSync(join(tmpdir(), "ductus-temperature-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TEMPERATURE = 0.05;
const PICTURE: Picture = drawFive({ size: 90, left: 20, top: 20, side: 50, pen: 6, ink: 20, paper: () => 240 });

function reader(temperature: number | null = TEMPERATURE): Model {
  const model = create("separable", { seed: 3 });
  model.preprocessing = { ...MNIST_PREPROCESSING };
  model.temperature = temperature ?? undefined;
  return model;
}

describe("the same picture has the same probability", () => {
  const model = reader();
  let wanted: ReadonlyMap<string, number>;
  let png: Buffer<ArrayBuffer>;
  let served: Served;

  beforeAll(async () => {
    // From the formula, by the raw outputs of the compiled network.
    const { see, logits } = await loadRecognizer(await encodeModel(model));
    const raw = logits(see(PICTURE));
    wanted = new Map(softmax(raw, TEMPERATURE).map((probability, k) => [model.classes[k], probability]));
    // Far from the plain softmax, or nothing here could fail.
    const plain = softmax(raw);
    expect(Math.max(...plain.map((p, k) => Math.abs(p - (wanted.get(model.classes[k]) ?? 0))))).toBeGreaterThan(0.1);
    const { width, height, data } = PICTURE;
    png = Buffer.from(
      await sharp(Buffer.from(data), { raw: { width, height, channels: 1 } })
        .png()
        .toBuffer(),
    );
    const versions = new Map([["digits", [await stored("1", model)]]]);
    served = await serve(() => versions);
  });

  const expectWanted = (found: Iterable<readonly [label: string, probability: number]>): void => {
    const pairs = [...found];
    expect(pairs).toHaveLength(10);
    for (const [label, probability] of pairs) {
      expect(Math.abs(probability - (wanted.get(label) ?? Number.NaN)), label).toBeLessThan(1e-6);
    }
  };
  const named = (ranking: readonly { name: string; probability: number }[]) =>
    ranking.map(({ name, probability }) => [name, probability] as const);
  const labeled = (readings: readonly { label: string; probability: number }[]) =>
    readings.map(({ label, probability }) => [label, probability] as const);

  it("for predict, before and after saving", async () => {
    expectWanted(named((await predict(model, PICTURE)).ranking));
    const again = await load(await encodeModel(model));
    expect(again.temperature).toBe(TEMPERATURE);
    expectWanted(named((await predict(again, PICTURE)).ranking));
  });

  it("for explain, whose evidence is about that probability", async () => {
    const found = await explain(model, PICTURE);
    expectWanted(named(found.ranking));
    const plain = await explain(reader(null), PICTURE);
    // Sharper probabilities: the evidence is larger by far.
    const size = (values: Float32Array): number => values.reduce((sum, value) => sum + Math.abs(value), 0);
    expect(size(found.evidence)).toBeGreaterThan(3 * size(plain.evidence));
  });

  it("for the runtime, with the model file", async () => {
    const { recognize } = await loadRecognizer(await encodeModel(model));
    expectWanted(labeled(recognize(PICTURE)));
  });

  it("for an exported module and its script", async () => {
    const { files } = await exportWasm(model, "temperature");
    for (const [name, content] of files) writeFileSync(join(folder, name), content);
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const script = await import(/* @vite-ignore */ pathToFileURL(join(folder, "temperature.js")).href);
    const { recognize } = await script.load();
    expectWanted(labeled(recognize(PICTURE)));
  });

  it("for the module inside an exported page", async () => {
    const { files } = await exportHtml(model, "page");
    const page = new TextEncoder().encode(files.get("page.html") as string);
    const { recognize } = await loadRecognizer(page);
    expectWanted(labeled(recognize(PICTURE)));
  });

  it("for every protocol of the server", async () => {
    const answer = async (path: string, init: RequestInit): Promise<Record<string, never>> => {
      const response = await served.app.request(path, init);
      expect(response.status).toBe(200);
      return (await response.json()) as Record<string, never>;
    };
    expectWanted(labeled((await answer("/recognise", post(png))).ranking));
    const b64 = { b64: png.toString("base64") };
    const rows = (await answer("/v1/models/digits:predict", json({ instances: [b64] }))).predictions as number[][];
    expectWanted(rows[0].map((probability, k) => [model.classes[k], probability] as const));
    const { result } = await answer("/v1/models/digits:classify", json({ examples: [b64] }));
    expectWanted(result[0] as [string, number][]);
    const predictor = await Predictor.open(model);
    const { seen } = predictor.predict(PICTURE);
    await predictor.close();
    const x = { name: "x", datatype: "UINT8", shape: [1, 28, 28, 1], data: [...seen] };
    const outputs = [{ name: "probabilities" }, { name: "logits" }];
    const inferred = await answer("/v2/models/digits/infer", json({ inputs: [x], outputs }));
    const [probabilities, logits] = inferred.outputs as { data: number[] }[];
    expectWanted(probabilities.data.map((probability, k) => [model.classes[k], probability] as const));
    expectWanted(softmax(logits.data, TEMPERATURE).map((probability, k) => [model.classes[k], probability] as const));
    const about = await served.app.request("/v2/models/digits");
    expect(await about.json()).toMatchObject({ parameters: { temperature: TEMPERATURE } });
  });

  it("for a server of an exported module", async () => {
    const bytes = (await exportWasm(model, "temperature")).files.get("temperature.wasm") as Uint8Array;
    const { app } = await serve(() => new Map([["digits", [{ version: "1", stamp: "", read: async () => bytes }]]]));
    const response = await app.request("/recognise", post(png));
    expectWanted(labeled(((await response.json()) as { ranking: [] }).ranking));
  });

  it("for an ensemble of equals and for averaged views", async () => {
    expectWanted(named((await predict(ensembleOf([model, reader()]), PICTURE)).ranking));
    expectWanted(named((await predict(averagedOver(model, [(x) => x]), PICTURE)).ranking));
    expect(ensembleOf([reader(2), reader(null)]).temperature).toBeCloseTo(4 / 3, 12);
    expect(ensembleOf([reader(null), reader(null)]).temperature).toBeUndefined();
  });

  it("for what is measured, and for predictions that are kept", async () => {
    const predictor = await Predictor.open(model);
    const { seen } = predictor.predict(PICTURE);
    await predictor.close();
    const dataset = new ImageDataset({
      name: "one",
      ...{ height: 28, width: 28 },
      images: seen,
      labels: Uint8Array.of(5),
      classes: model.classes,
    });
    const found = await evaluate(model, dataset);
    const best = Math.max(...wanted.values());
    expect(found.temperature).toBe(TEMPERATURE);
    expect(found.rejection?.curve[0].threshold).toBeCloseTo(best, 6);
    const kept = encodePredictions({ predictions: found.predictions as Predictions, dataset: "one" });
    const { predictions } = decodePredictions(kept, "kept");
    expect(Math.max(...predictions.probabilitiesOf(0))).toBeCloseTo(best, 6);
  });

  it("while logits stay as they are in files for other programs, which name the temperature", async () => {
    const { files } = await exportOnnx(model, "digits");
    const again = await importModel(files.get("digits.onnx") as Uint8Array, { name: "digits.onnx" });
    expectWanted(named((await predict(again, PICTURE)).ranking));
    expect(torchModule(model, "digits")).toContain(`\nTEMPERATURE = ${TEMPERATURE}\n`);
    expect(torchModule(reader(null), "digits")).toContain("\nTEMPERATURE = 1.0\n");
  });
});

it("is read from the metrics of files that have no field for it", async () => {
  const file = decodeModelFile(await encodeModel(reader(null)), "new");
  expect(file.temperature).toBeUndefined();
  const old = encodeModelFile({ ...file, metrics: { epoch: 3, temperature: 1.7 } });
  const model = await load(old);
  expect(model.temperature).toBe(1.7);
  // In one place only, so that no stale one can be left behind.
  expect(model.metrics).toEqual({ epoch: 3 });
  const { recognize } = await loadRecognizer(old);
  const { probability } = await predict(model, PICTURE);
  expect(recognize(PICTURE)[0].probability).toBeCloseTo(probability, 6);
});

it("is refused where it is none", () => {
  const { network } = create("mlp");
  for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    const make = (): Model => new Model(network, { inputShape: [28, 28, 1], classes: 10, temperature });
    expect(make).toThrow(/^model: temperature is .*; expected a number above 0$/);
  }
});

/** Two kinds of noise, a few of them under the other's name. */
function noise(count: number): ImageDataset {
  const data = new Uint8Array(count * 28 * 28);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
  for (let i = 0; i < data.length; i++) {
    const sample = Math.floor(i / 784);
    data[i] = (i * 2654435761) % 256 < (labels[sample] === 1 ? 140 : 110) ? 255 : 0;
  }
  for (let i = 0; i < count; i += 9) labels[i] = 1 - labels[i];
  return new ImageDataset({ name: "noise", height: 28, width: 28, images: data, labels, classes: ["few", "many"] });
}

describe("training", () => {
  const options = { epochs: 2, batchSize: 10, seed: 1, augment: "none" } as const;

  it("fits it on the validation samples, for the weights that the run ends with", async () => {
    const dataset = noise(120);
    const own = create("mlp", { classes: ["few", "many"] });
    own.temperature = 9;
    const { model, best, history } = await trainModel(own, dataset, { ...options, validation: 0.5 });
    expect(model.temperature).toBe(best?.temperature);
    expect(history.every(({ temperature }) => (temperature ?? 0) > 0)).toBe(true);
    expect(own.temperature).toBeUndefined();
    expect(model.metrics).not.toHaveProperty("temperature");
  });

  it("leaves none behind where there are no validation samples, or where it is cut short", async () => {
    const own = create("mlp", { classes: ["few", "many"] });
    own.temperature = 9;
    expect((await trainModel(own, noise(40), options)).model.temperature).toBeUndefined();
    const stopAfter = { onStep: ({ step, stop }: { step: number; stop: () => void }) => step === 3 && stop() };
    const cut = await trainModel(create("mlp", { classes: ["few", "many"] }), noise(40), {
      ...options,
      validation: 0.5,
      callbacks: [stopAfter as never],
    });
    expect(cut.history).toHaveLength(1);
    expect([undefined, cut.best?.temperature]).toContain(cut.model.temperature);
  });

  it("fine-tuning fits anew, and a copy with the same classes keeps it", async () => {
    const base = create("mlp", { classes: ["few", "many"] });
    base.preprocessing = { kind: "resize", height: 28, width: 28, channels: 1, invert: false };
    base.temperature = 3;
    expect(adapt(base, ["few", "many"], 0).model.temperature).toBe(3);
    expect(adapt(base, ["many", "few"], 0).model.temperature).toBeUndefined();
    const { model } = await finetune(base, noise(40), { ...options, validation: 0 });
    expect(model.temperature).toBeUndefined();
    expect(base.temperature).toBe(3);
  });
});

describe("fitting with a prior", () => {
  const make = (rows: readonly (readonly number[])[], labels: readonly number[]): Predictions => {
    const model = { classes: rows[0].map((_, k) => String(k)), temperature: undefined };
    return new Predictions(model, Float32Array.from(rows.flat()), Int32Array.from(labels));
  };

  it("does not become sure of everything by a handful of right answers", () => {
    const few = make(
      [
        [4, 0],
        [4, 0],
        [0, 4],
      ],
      [0, 0, 1],
    );
    expect(fitTemperature(few)).toBeCloseTo(1 / 20, 6);
    expect(fitTemperature(few, TEMPERATURE_SPREAD)).toBeGreaterThan(0.7);
  });

  it("hardly matters where there are many samples", () => {
    const rows = Array.from({ length: 2000 }, (_, i) => [((i * 37) % 100) / 12, ((i * 61) % 100) / 12]);
    const labels = rows.map(([a, b], i) => (i % 5 === 0 ? (a > b ? 1 : 0) : a > b ? 0 : 1));
    const many = make(rows, labels);
    expect(fitTemperature(many, TEMPERATURE_SPREAD)).toBeCloseTo(fitTemperature(many), 1);
  });
});

describe("outputs that no float32 holds", () => {
  it("are an error that says so, never null or NaN", async () => {
    const model = { classes: ["a", "b"], temperature: 1 };
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => rank(model, [0, bad])).toThrow(DuctusError);
    }
    expect(() => rank(model, [0, Number.NaN])).toThrow(/^the network gives NaN for "b"/);
    // The largest numbers there are still have an order.
    expect(rank({ classes: ["a", "b"], temperature: 0.05 }, [-3e38, 3e38])).toMatchObject([
      { label: "b", name: "b", probability: 1 },
      { label: "a", name: "a", probability: 0 },
    ]);
  });

  it("in a server too", async () => {
    const wild = numbers();
    for (const [, { data }] of wild.network.namedParameters()) data.fill(7);
    const versions = new Map([["numbers", [await stored("1", wild)]]]);
    const { app } = await serve(() => versions);
    const huge = { name: "x", datatype: "FP32", shape: [1, 1, 1, 3], data: [3e38, 3e38, -3e38] };
    for (const [path, request] of [
      ["/v2/models/numbers/infer", { inputs: [huge], outputs: [{ name: "logits" }] }],
      ["/v1/models/numbers:predict", { instances: [huge.data] }],
    ] as const) {
      const response = await app.request(path, json(request));
      expect(response.status).toBe(400);
      expect(((await response.json()) as { error: string }).error).toMatch(/^sample 0: its numbers are too large/);
    }
  });
});

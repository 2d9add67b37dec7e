import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeModelFile, encodeModelFile } from "../../src/formats/model-file.ts";
import type { NamedTensor } from "../../src/formats/tensor-data.ts";
import { serializeTorch } from "../../src/formats/torch-writer.ts";
import { findRecipe } from "../../src/models/recipes.ts";
import { create } from "../../src/models/registry.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { fit as trainModel } from "../../src/train/fit.ts";
import { runFolder } from "../../src/train/run-folder.ts";
import { loadWeights, saveWeights } from "../../src/train/transfer/weights.ts";
import { evaluate } from "../../src/use/evaluate.ts";
import { predict } from "../../src/use/predict.ts";
import { encodeModel, load, TrainedModel } from "../../src/use/trained-model.ts";
import { bars, CLASSES, SIDE, smallModel } from "./synthetic.ts";

let folder: string;

beforeAll(async () => {
  setPlatform(nodePlatform);
  folder = await mkdtemp(join(tmpdir(), "ductus-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const quick = { epochs: 3, batchSize: 16, lr: 0.02, threads: 1 } as const;

describe("model file", () => {
  it("loads a network of a user's own class without that class, and gives the same results", async () => {
    const run = await trainModel(smallModel(), bars(60), quick);
    const path = join(folder, "own.safetensors");
    await run.model.save(path);
    const loaded = await load(path);
    expect(loaded.network.constructor).not.toBe(run.model.network.constructor);
    expect(loaded.classes).toEqual(CLASSES);
    const unseen = bars(31, 2, "unseen");
    const [before, after] = [await evaluate(run.model, unseen), await evaluate(loaded, unseen)];
    expect(after.classification).toEqual(before.classification);
    expect(after.loss).toBeCloseTo(before.loss, 5);
  });

  it("loads a named architecture as itself, with options, preprocessing and metrics", async () => {
    const { training: recipe } = findRecipe("fast");
    const model = create("mlp", { classes: ["a", "b"], inputShape: [7, 5, 1], recipe, seed: 3 });
    model.metrics = { epoch: 4 };
    const loaded = await load(await encodeModel(model));
    expect(loaded.network.constructor).toBe(model.network.constructor);
    expect(loaded).toMatchObject({
      architecture: model.architecture,
      classes: ["a", "b"],
      inputShape: [7, 5, 1],
      normalization: model.normalization,
      recipe,
      metrics: { epoch: 4 },
    });
  });

  it("goes on training after loading, from where it was", async () => {
    const run = await trainModel(smallModel(), bars(60), quick);
    const loaded = await load(await encodeModel(run.model));
    const more = await trainModel(loaded, bars(60), { ...quick, epochs: 1 });
    expect(more.history[0].trainingLoss).toBeLessThan(run.history[0].trainingLoss / 2);
  });

  it("is refused when it computes something else than where it was saved", async () => {
    const file = decodeModelFile(await encodeModel(smallModel()), "m");
    const golden = { ...file.golden, output: { shape: [1, 3], data: Float32Array.of(9, 9, 9) } };
    await expect(load(encodeModelFile({ ...file, golden }))).rejects.toThrow(/example gives another output here/);
  });

  it("reads a picture of another size and polarity", async () => {
    const { model } = await trainModel(smallModel(), bars(60), { ...quick, preprocessing: squeeze(false) });
    const path = join(folder, "predict.safetensors");
    await model.save(path);
    const [width, height] = [60, 40];
    const data = new Uint8Array(width * height).fill(15);
    for (let y = 0; y < height; y++) data.fill(230, y * width + 40, y * width + 60);
    const prediction = await predict(await load(path), { width, height, channels: 1, data });
    expect(prediction.name).toBe("right");
    expect(prediction.ranking.map(({ probability }) => probability).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  });

  it("says that a model without preprocessing cannot read pictures", async () => {
    const picture = { width: 1, height: 1, channels: 1, data: new Uint8Array(1) } as const;
    await expect(predict(smallModel(), picture)).rejects.toThrow(/does not say how pictures become its inputs/);
  });
});

describe("weights", () => {
  it.each(["weights.pt", "weights.safetensors"])("go to %s and back", async (name) => {
    const path = join(folder, name);
    const [from, to] = [smallModel(1), smallModel(2)];
    await saveWeights(from, path);
    await loadWeights(to, path);
    expect([...to.network.namedParameters()].map(([, { data }]) => Array.from(data))).toEqual(
      [...from.network.namedParameters()].map(([, { data }]) => Array.from(data)),
    );
  });

  it.each(["module.", "_orig_mod.", "_orig_mod.module.", "model."])(
    "fit without %s before all names, and it is said",
    async (prefix) => {
      const path = join(folder, "wrapped.pt");
      const [from, to] = [smallModel(1), smallModel(2)];
      const named = [...from.network.namedParameters()];
      const wrapped = named.map(([name, { shape, data }]): [string, NamedTensor] => [
        prefix + name,
        { shape, data: new Float32Array(data) },
      ]);
      await writeFile(path, serializeTorch(new Map(wrapped)));
      expect((await loadWeights(to, path)).notes).toEqual([
        `${path}: "${prefix}" was left out, which all names of weights begin with`,
      ]);
      expect(Array.from(to.network.namedParameters(), ([, { data }]) => Array.from(data))).toEqual(
        named.map(([, { data }]) => Array.from(data)),
      );
      // One name without it, and nothing is left out.
      await writeFile(path, serializeTorch(new Map([...wrapped, ["extra", wrapped[0][1]]])));
      await expect(loadWeights(to, path)).rejects.toThrow(/does not fit this network: missing .*; unexpected /);
    },
  );

  it("fit without the count that an AveragedModel keeps beside them", async () => {
    const path = join(folder, "average.pt");
    const [from, to] = [smallModel(1), smallModel(2)];
    const named = [...from.network.namedParameters()];
    const wrapped = named.map(([name, { shape, data }]): [string, NamedTensor] => [
      `module.${name}`,
      { shape, data: new Float32Array(data) },
    ]);
    const count: NamedTensor = { shape: [], data: Int32Array.of(5) };
    await writeFile(path, serializeTorch(new Map([["n_averaged", count], ...wrapped])));
    expect((await loadWeights(to, path)).notes).toHaveLength(1);
    expect(Array.from(to.network.namedParameters(), ([, { data }]) => Array.from(data))).toEqual(
      named.map(([, { data }]) => Array.from(data)),
    );
  });

  it("keep a prefix that the network itself has", async () => {
    const path = join(folder, "head.pt");
    const named = [...smallModel().network.namedParameters()].filter(([name]) => name.startsWith("head."));
    expect(named.length).toBeGreaterThan(0);
    const tensors = named.map(([name, { shape, data }]): [string, NamedTensor] => [
      name,
      { shape, data: new Float32Array(data) },
    ]);
    await writeFile(path, serializeTorch(new Map(tensors)));
    await expect(loadWeights(smallModel(), path)).rejects.toThrow(/network: missing [^;]*$/);
  });

  it("name what does not fit, and leave the model alone", async () => {
    const path = join(folder, "other.pt");
    await saveWeights(create("mlp"), path);
    const model = smallModel();
    const before = Array.from(model.network.trainable()[0].data);
    await expect(loadWeights(model, path)).rejects.toThrow(/other\.pt: load: .*missing head\.weight/);
    expect(Array.from(model.network.trainable()[0].data)).toEqual(before);
  });
});

describe("run folder", () => {
  it("holds arguments, environment, a line per epoch, and two checkpoints", async () => {
    const path = await mkdtemp(join(folder, "run-"));
    const keeper = runFolder({ path, args: { data: "bars" }, environment: { runtime: "test" } });
    const run = await trainModel(smallModel(), bars(60), { ...quick, validation: 0.2, callbacks: [keeper] });
    expect((await readdir(path)).sort()).toEqual([
      "args.json",
      "best.safetensors",
      "environment.json",
      "last.safetensors",
      "metrics.jsonl",
      "previous.safetensors",
      "status.json",
    ]);
    const lines = (await readFile(join(path, "metrics.jsonl"), "utf8")).trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).epoch)).toEqual([1, 2, 3]);
    const last = decodeModelFile(await readFile(join(path, "last.safetensors")), "last");
    expect(last.training?.progress).toMatchObject({ step: run.steps, epoch: 3, batch: 0 });
    expect(last.training?.tensors.get("optimizer.fc1.weight.exp_avg")?.shape).toEqual([8, SIDE * SIDE]);
    expect(decodeModelFile(await readFile(join(path, "best.safetensors")), "best").training).toBeUndefined();
    await expect(load(join(path, "last.safetensors"))).resolves.toBeInstanceOf(TrainedModel);
  });

  it("gets a last checkpoint when training is aborted within an epoch", async () => {
    const path = await mkdtemp(join(folder, "run-"));
    const abort = new AbortController();
    const keeper = runFolder({ path, args: {}, environment: {} });
    const callbacks = [keeper, { onStep: ({ step }: { step: number }) => (step === 2 ? abort.abort() : undefined) }];
    const { model } = await trainModel(smallModel(), bars(60), { ...quick, callbacks, signal: abort.signal });
    const file = decodeModelFile(await readFile(join(path, "last.safetensors")), "last");
    expect(file.training?.progress).toMatchObject({ step: 2, epoch: 0, batch: 2 });
    const named = new Map(model.network.namedParameters());
    for (const [name, { data }] of file.weights) expect(data).toEqual(new Float32Array(named.get(name)?.data ?? []));
  });

  it("fails in one line where it cannot write, and trains no further", async () => {
    const path = join(folder, "a-file");
    await writeFile(path, "");
    const keeper = runFolder({ path, args: {}, environment: {} });
    await expect(trainModel(smallModel(), bars(12), { ...quick, callbacks: [keeper] })).rejects.toThrow(
      /^cannot write .*environment\.json: .*is a file, not a folder$/,
    );
  });
});

/** Pictures stretched to 6×6. */
function squeeze(invert: boolean): { kind: "resize"; height: number; width: number; channels: 1; invert: boolean } {
  return { kind: "resize", height: SIDE, width: SIDE, channels: 1, invert };
}

/** Models that read texts or strings, exported: ONNX files as ONNX Runtime sees them, at any length, in any batch; weights alone; and what no format holds. */
import * as ort from "onnxruntime-web";
import { beforeAll, describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { Random } from "../../src/engine/random.ts";
import { exportModel } from "../../src/export/export-model.ts";
import { EXPORTERS } from "../../src/export/exporters.ts";
import { toOnnx } from "../../src/export/onnx.ts";
import { encodeOnnx } from "../../src/formats/onnx.ts";
import { decodeWeights } from "../../src/formats/weights-file.ts";
import { importModel } from "../../src/import/import-model.ts";
import type { AnyModel } from "../../src/models/model.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import type { AnyTask } from "../../src/task/task.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { encodeModel, load } from "../../src/use/trained-model.ts";
import { averaged, letters, questions, strings, turning, weighted } from "../helpers/sequence-models.ts";

beforeAll(() => {
  setPlatform(nodePlatform);
  // The threads of ONNX Runtime would outlive the test.
  ort.env.wasm.numThreads = 1;
});

const MODELS: Readonly<Record<string, () => AnyModel>> = {
  "a bidirectional LSTM over words": questions,
  "attention over words that count": weighted,
  "a mean of words": averaged,
  "a transformer of letters": letters,
  "rotary positions, halves": () => turning({ style: "half" }),
  "rotary positions, pairs, of some features, from a place on": () =>
    turning({ style: "pairs", dims: 4, position: 300, theta: 500 }),
};

/** Token numbers, and how many of each row count. */
function tokens(batch: number, time: number): { readonly x: Int32Array; readonly length: Int32Array } {
  const random = new Random(batch * time, "user");
  const x = Int32Array.from({ length: batch * time }, () => random.integer(8));
  return { x, length: Int32Array.from({ length: batch }, (_, i) => Math.max(1, time - 3 * i)) };
}

describe.each(Object.keys(MODELS))("%s", (name) => {
  it("gives the same logits in ONNX Runtime, at any batch size and length", async () => {
    const model = MODELS[name]();
    const { files, agreement } = await exportModel(model, "onnx", { name: "net" });
    expect(agreement).toMatchObject({ of: "inputs", samples: 32 });
    expect(agreement.worst).toBeLessThan(1e-5);
    const session = await ort.InferenceSession.create(files.get("net.onnx") as Uint8Array);
    for (const [batch, time] of [
      [1, 1],
      [3, 7],
      [2, 40],
      [5, 16],
    ] as const) {
      const { x, length } = tokens(batch, time);
      const feeds: Record<string, ort.Tensor> = { x: new ort.Tensor("int32", x, [batch, time]) };
      if (session.inputNames.includes("length")) feeds.length = new ort.Tensor("int32", length, [batch]);
      const { logits } = await session.run(feeds);
      const program = await referenceBackend().compile(inferenceGraph(model, batch, { time }));
      program.inputs.x.set(x);
      program.inputs.length?.set(length);
      program.run();
      expect(logits.dims.reduce((product, dim) => product * dim, 1)).toBe(program.outputs.logits.length);
      const wanted = Float32Array.from(program.outputs.logits);
      const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(logits.data[i]))), 0);
      expect(worst).toBeLessThan(1e-5);
    }
    await session.release();
  });

  it("comes back with its task, and the same answers at any length, saved and loaded too", async () => {
    const model = MODELS[name]();
    const { files } = await exportModel(model, "onnx", { name: "net" });
    const imported = await importModel<AnyTask>(files.get("net.onnx") as Uint8Array);
    expect(imported.task.record()).toEqual(model.task.record());
    const again = await load<AnyTask>(await encodeModel(imported));
    const { x, length } = tokens(3, 40);
    const [wanted, found] = await Promise.all(
      [model, again].map(async (one) => {
        const program = await referenceBackend().compile(inferenceGraph(one, 3, { time: 40 }));
        program.inputs.x.set(x);
        program.inputs.length?.set(length);
        program.run();
        return [...program.outputs.logits];
      }),
    );
    expect(found).toHaveLength(wanted.length);
    for (const [i, value] of wanted.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(1e-5);
    // What was learned can be learned further.
    const [table] = [...model.network.namedParameters()].find(([key]) => /(embedding|tokens)\.weight$/.test(key)) ?? [];
    const vectors = new Map(again.network.namedParameters()).get(table as string);
    expect(vectors?.requiresGrad).toBe(true);
  });
});

it("rotary positions behind the first 256 are turned as in the model, in ONNX Runtime and imported", async () => {
  const time = 600;
  const model = turning({ style: "half", position: 5 });
  const { files } = await exportModel(model, "onnx", { name: "net" });
  const bytes = files.get("net.onnx") as Uint8Array;
  const { x } = tokens(1, time);
  const run = async (one: AnyModel): Promise<number[]> => {
    const program = await referenceBackend().compile(inferenceGraph(one, 1, { time }));
    program.inputs.x.set(x);
    program.run();
    return [...program.outputs.logits];
  };
  const session = await ort.InferenceSession.create(bytes);
  const { logits } = await session.run({ x: new ort.Tensor("int32", x, [1, time]) });
  const imported = await load<AnyTask>(await encodeModel(await importModel<AnyTask>(bytes)));
  const wanted = await run(model);
  for (const found of [[...(logits.data as Float32Array)], await run(imported)]) {
    expect(found).toHaveLength(wanted.length);
    expect(wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i])), 0)).toBeLessThan(1e-5);
  }
  await session.release();
});

it("a file of texts says itself what it is for; one with other inputs is refused", async () => {
  const graph = toOnnx(questions());
  await expect(importModel(encodeOnnx(graph), { classes: ["a", "b", "c"] })).rejects.toThrow(
    /^model reads texts .*leave out classes$/,
  );
  const renamed = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => (input === "x" ? "words" : input)),
  }));
  const inputs = graph.inputs.map((input) => (input.name === "x" ? { ...input, name: "words" } : input));
  await expect(importModel(encodeOnnx({ ...graph, nodes: renamed, inputs }))).rejects.toThrow(
    /^model: its input "words" is nothing that a text has; those are x and length$/,
  );
  const damaged = { ...graph, metadata: { ...graph.metadata, task: '{"kind":"classify","input":{"kind":"text"}}' } };
  await expect(importModel(encodeOnnx(damaged))).rejects.toThrow(/^model[^\n]*$/);
});

it("strings of pictures are logits of each frame", async () => {
  const model = strings();
  const { files } = await exportModel(model, "onnx");
  const session = await ort.InferenceSession.create(files.get("model.onnx") as Uint8Array);
  const pixels = Uint8Array.from({ length: 2 * 784 }, (_, i) => (i * 37) % 256);
  const { logits } = await session.run({ input: new ort.Tensor("uint8", pixels, [2, 28, 28, 1]) });
  expect(logits.dims).toEqual([2, 28, 4]);
  const program = await referenceBackend().compile(inferenceGraph(model, 2));
  program.inputs.x.set(pixels);
  program.run();
  for (const [i, value] of program.outputs.logits.entries()) expect(Number(logits.data[i])).toBeCloseTo(value, 4);
  await session.release();
});

it("says by name and type what goes in and out, and in the metadata what for", () => {
  const { inputs, outputs, metadata } = toOnnx(questions());
  expect(inputs).toEqual([
    { name: "x", dtype: "I32", shape: ["batch", "time"] },
    { name: "length", dtype: "I32", shape: ["batch"] },
  ]);
  expect(outputs).toEqual([{ name: "logits", dtype: "F32", shape: ["batch", 3] }]);
  expect(JSON.parse(metadata.classes)).toEqual(["number", "person", "place"]);
  expect(JSON.parse(metadata.task)).toEqual(questions().task.record());
  // A network that looks at no later tokens does not ask how many there are.
  const open = toOnnx(letters());
  expect(open.inputs.map(({ name }) => name)).toEqual(["x"]);
  expect(open.outputs[0].shape).toEqual(["batch", "time", 8]);
});

describe.each(["pt", "safetensors"])("--to %s", (format) => {
  it.each<[string, () => AnyModel, string]>([
    ["a classifier of texts", questions, "classify text"],
    ["a model that goes on with texts", letters, "generate text"],
    ["a reader of strings", strings, "transcribe numbers"],
  ])("%s: the weights alone, and a line that says why", async (_, make, task) => {
    const model = make();
    const { files, agreement, notes } = await exportModel(model, format, { name: "net" });
    expect([...files.keys()]).toEqual([`net.${format}`]);
    expect(notes).toEqual([
      `net.py, the PyTorch module, is left out: it is written for models that classify numbers; this one's task is to ${task}`,
    ]);
    const stored = decodeWeights(files.get(`net.${format}`) as Uint8Array, "net");
    const own = [...model.network.namedParameters()];
    expect([...stored.keys()].sort()).toEqual(own.map(([key]) => key).sort());
    for (const [key, { shape, data }] of own) {
      expect(stored.get(key)?.shape).toEqual(shape);
      expect([...(stored.get(key)?.data ?? [])]).toEqual([...data]);
    }
    expect(agreement).toEqual({ of: "weights", samples: own.reduce((n, [, { size }]) => n + size, 0), worst: 0 });
  });
});

it.each(
  Object.entries(EXPORTERS)
    .filter(([, { takes }]) => takes.generate === undefined)
    .map(([format]) => format),
)("%s: what it cannot hold is refused in a line that says what can be done", async (format) => {
  for (const model of [questions(), letters(), strings()] as AnyModel[]) {
    await expect(exportModel(model, format)).rejects.toThrow(
      /^[^\n]*export it as onnx or pt or safetensors, or put it behind HTTP[^\n]*$/,
    );
  }
});

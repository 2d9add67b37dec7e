/** Readers of lines as ONNX: any batch and width in ONNX Runtime, what the metadata say, and the way back. */
import * as ort from "onnxruntime-web";
import { beforeAll, expect, it } from "vitest";
import { Random } from "../../src/engine/random.ts";
import { exportModel } from "../../src/export/export-model.ts";
import { toOnnx } from "../../src/export/onnx.ts";
import { encodeOnnx } from "../../src/formats/onnx.ts";
import { importModel } from "../../src/import/import-model.ts";
import type { Model } from "../../src/models/model.ts";
import { LINE } from "../../src/picture/line.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import type { Transcribe } from "../../src/task/transcribe/transcribe.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { LineReader } from "../../src/use/read-line.ts";
import { encodeModel, load } from "../../src/use/trained-model.ts";
import { createReader } from "../helpers/reader.ts";
import { bars, page, tallyReader } from "../read/tally.ts";

beforeAll(() => {
  setPlatform(nodePlatform);
  // The threads of ONNX Runtime would outlive the test.
  ort.env.wasm.numThreads = 1;
});

const MODELS: Readonly<Record<string, () => Model<Transcribe>>> = {
  "the network reader": () => createReader("0123456789", 5),
  "a network of one's own": tallyReader,
};

it.each(Object.keys(MODELS))(
  "%s gives the same logits and frames in ONNX Runtime, at any batch size and width",
  async (name) => {
    const model = MODELS[name]();
    const { files, agreement } = await exportModel(model, "onnx", { name: "lines" });
    expect(agreement).toMatchObject({ of: "inputs", samples: 32 });
    const session = await ort.InferenceSession.create(files.get("lines.onnx") as Uint8Array);
    const backend = await nodePlatform.createBackend({ threads: 1 });
    for (const [batch, columns] of [
      [1, 8],
      [3, 64],
      [2, 150],
      [1, 400],
    ] as const) {
      const random = new Random(columns, "user");
      const x = Uint8Array.from({ length: batch * columns * 28 }, () =>
        random.uniform() < 0.4 ? random.integer(256) : 0,
      );
      const length = Int32Array.from({ length: batch }, (_, i) => columns - i);
      const { logits, frames } = await session.run({
        x: new ort.Tensor("uint8", x, [batch, columns, 28, 1]),
        length: new ort.Tensor("int32", length, [batch]),
      });
      const program = await backend.compile(inferenceGraph(model, batch, { columns }));
      program.inputs.x.set(x);
      program.inputs.length.set(length);
      program.run();
      const wanted = program.outputs;
      expect([...(frames.data as Int32Array)]).toEqual([...wanted.frames]);
      expect(logits.dims).toEqual([
        batch,
        wanted.logits.length / batch / (model.task.alphabet.length + 1),
        model.task.alphabet.length + 1,
      ]);
      const worst = [...wanted.logits].reduce(
        (most, value, i) => Math.max(most, Math.abs(value - Number(logits.data[i]))),
        0,
      );
      expect(worst).toBeLessThan(1e-4);
    }
    await backend.close();
    await session.release();
  },
);

it("comes back as a reader of lines, with the same answers, saved and loaded too", async () => {
  const model = tallyReader();
  model.temperature = 1.5;
  const { files } = await exportModel(model, "onnx", { name: "lines" });
  const imported = await importModel<Transcribe>(files.get("lines.onnx") as Uint8Array);
  expect(imported.task.record()).toEqual(model.task.record());
  expect(imported.temperature).toBe(1.5);
  const pictures = [page(300, 60, bars(5, 30, 10)), page(900, 60, bars(30, 30, 10))];
  const answers = [];
  for (const one of [model, imported, await load<Transcribe>(await encodeModel(imported))]) {
    const reader = await LineReader.open(one);
    answers.push(await reader.readAll(pictures));
    await reader.close();
  }
  for (const [i, count] of [5, 30].entries()) {
    for (const each of answers) {
      expect(each[i].text).toBe("1".repeat(count));
      expect(each[i].probability).toBeCloseTo(answers[0][i].probability, 5);
    }
  }
});

it("what a network learned can be learned further: its weights come back by their names", async () => {
  const model = createReader("01");
  const { files } = await exportModel(model, "onnx");
  const imported = await importModel<Transcribe>(files.get("model.onnx") as Uint8Array);
  const own = new Map(imported.network.namedParameters());
  for (const key of ["features.0.weight", "fc.weight"]) {
    const [, parameter] = [...model.network.namedParameters()].find(([name]) => name === key) ?? [];
    expect(own.get(key)?.requiresGrad, key).toBe(true);
    expect([...(own.get(key)?.data ?? [])]).toEqual([...(parameter?.data ?? [])]);
  }
});

it("says by name and type what goes in and out, and in the metadata how to read it", () => {
  const model = tallyReader();
  model.temperature = 1.25;
  const { inputs, outputs, metadata } = toOnnx(model);
  expect(inputs).toEqual([
    { name: "x", dtype: "U8", shape: ["batch", "columns", 28, 1] },
    { name: "length", dtype: "I32", shape: ["batch"] },
  ]);
  expect(outputs).toEqual([
    { name: "logits", dtype: "F32", shape: ["batch", "frames", 2] },
    { name: "frames", dtype: "I32", shape: ["batch"] },
  ]);
  const said = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, JSON.parse(value)]));
  expect(said).toMatchObject({ alphabet: ["1"], blank: 0, line: LINE, logits: "logits", temperature: 1.25 });
  expect(said.task).toEqual(model.task.record());
});

it("a file of lines says itself what it is for; one with other inputs is refused", async () => {
  const graph = toOnnx(tallyReader());
  await expect(importModel(encodeOnnx(graph), { classes: ["1"] })).rejects.toThrow(
    /^model reads lines .*leave out classes$/,
  );
  const renamed = JSON.stringify(graph.nodes.map(({ inputs, outputs }) => [inputs, outputs]));
  expect(renamed).toContain('"x"');
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => (input === "x" ? "ink" : input)),
  }));
  const inputs = graph.inputs.map((input) => (input.name === "x" ? { ...input, name: "ink" } : input));
  await expect(importModel(encodeOnnx({ ...graph, nodes, inputs }))).rejects.toThrow(
    /^model: its input "ink" is nothing that a line has; those are x and length$/,
  );
  const damaged = { ...graph, metadata: { ...graph.metadata, task: '{"kind":"transcribe","input":{"kind":"line"}}' } };
  await expect(importModel(encodeOnnx(damaged))).rejects.toThrow(/^model[^\n]*damaged[^\n]*$/);
});

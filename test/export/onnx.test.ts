/** ONNX files as ONNX Runtime sees them, and as they come back. */
import * as ort from "onnxruntime-web";
import { beforeAll, describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { DuctusError, UsageError } from "../../src/engine/errors.ts";
import { exportOnnx, type OnnxInput, toOnnx } from "../../src/export/onnx.ts";
import { checkModel } from "../../src/export/recognizer.ts";
import { importOnnx } from "../../src/import/onnx.ts";
import type { Model } from "../../src/models/model.ts";
import { create } from "../../src/models/registry.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { writePixels } from "../../src/task/classify/ranking.ts";
import { inferenceGraph } from "../../src/use/inference.ts";
import { load, TrainedModel } from "../../src/use/trained-model.ts";
import { everything } from "../models/everything.ts";
import { attentive, cropped, framed, MODELS, positioned, recurrent, tokens } from "./models.ts";

beforeAll(() => {
  setPlatform(nodePlatform);
  // The threads of ONNX Runtime would outlive the test.
  ort.env.wasm.numThreads = 1;
});

const ALL: Readonly<Record<string, () => Model>> = {
  ...MODELS,
  "a class token": tokens,
  "recurrent layers": recurrent,
  attention: attentive,
  "a window whose place is computed": cropped,
  "attention from a position on": positioned,
  "something of everything": everything,
};

const onlyFile = async (model: Model, input: OnnxInput): Promise<Uint8Array> => {
  const { files } = await exportOnnx(model, "net", input);
  expect([...files.keys()]).toEqual(["net.onnx"]);
  return files.get("net.onnx") as Uint8Array;
};

const none = (): Promise<Uint8Array> => Promise.reject(new Error("there are no other files"));

/** Bytes of some pictures, each of another kind. */
const pixelsOf = (model: Model, batch: number): Uint8Array => {
  const size = model.inputShape.reduce((product, dim) => product * dim, 1);
  return Uint8Array.from(
    { length: batch * size },
    (_, i) => (i * 89 + ((i / size) | 0) * 53 + ((i * i) % 37) * 5) % 256,
  );
};

async function wanted(model: Model, pixels: Uint8Array, batch: number): Promise<Float32Array> {
  const program = await referenceBackend().compile(inferenceGraph(model, batch));
  writePixels(pixels, program.inputs.x, model.inputType);
  program.run();
  return Float32Array.from(program.outputs.logits);
}

/** What a caller does who hands over normalized numbers, channels first. */
function normalized(model: Model, pixels: Uint8Array, batch: number): ort.Tensor {
  const [height, width, channels] = model.inputShape;
  const { mean, std } = model.normalization ?? { mean: 0, std: 1 };
  const data = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    const [c, at] = [i % channels, Math.floor(i / channels)];
    const [n, position] = [Math.floor(at / (height * width)), at % (height * width)];
    data[(n * channels + c) * height * width + position] = (pixels[i] / 255 - Number(mean)) / Number(std);
  }
  return new ort.Tensor("float32", data, [batch, channels, height, width]);
}

function feed(model: Model, input: OnnxInput, pixels: Uint8Array, batch: number): ort.Tensor {
  if (input === "normalized") return normalized(model, pixels, batch);
  const shape = [batch, ...model.inputShape];
  if (model.inputType === "uint8") return new ort.Tensor("uint8", pixels, shape);
  const numbers = new Float32Array(pixels.length);
  writePixels(pixels, numbers, model.inputType);
  return new ort.Tensor("float32", numbers, shape);
}

describe.each(Object.keys(ALL))("%s", (name) => {
  it.each(["pixels", "normalized"] as const)("gives the same logits in ONNX Runtime, from %s", async (input) => {
    const model = ALL[name]();
    const session = await ort.InferenceSession.create(await onlyFile(model, input));
    for (const batch of [1, 3]) {
      const pixels = pixelsOf(model, batch);
      const { logits } = await session.run({ input: feed(model, input, pixels, batch) });
      expect(logits.dims).toEqual([batch, model.classes.length]);
      const reference = await wanted(model, pixels, batch);
      const worst = reference.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(logits.data[i]))), 0);
      expect(worst).toBeLessThan(1e-5);
    }
    await session.release();
  });
});

describe("what is written", () => {
  it("leaves every weight under its name, in PyTorch's layout", () => {
    const model = MODELS.lenet5();
    const { initializers } = toOnnx(model, "pixels");
    for (const [name, { shape, data }] of model.network.namedParameters()) {
      expect(initializers.get(name)).toEqual({ dtype: "F32", shape, data });
    }
  });

  it("moves axes only where a picture enters", () => {
    const ops = (model: Model, input: OnnxInput): string[] => toOnnx(model, input).nodes.map(({ op }) => op);
    expect(ops(MODELS["batch norm, 7,796 weights"](), "normalized")).toEqual(
      "Conv BatchNormalization Relu Conv BatchNormalization Relu Add ReduceSum Mul Gemm".split(" "),
    );
    expect(ops(MODELS.lenet5(), "pixels")).toEqual(
      "Cast Mul Add Transpose Conv Tanh AveragePool Conv Tanh AveragePool Reshape Gemm Tanh Gemm Tanh Gemm".split(" "),
    );
  });

  it("comes back with all that belongs to a model", async () => {
    for (const input of ["pixels", "normalized"] as const) {
      const model = MODELS["colors, numbers as inputs"]();
      const { model: again } = await importOnnx(await onlyFile(model, input), "net.onnx", none);
      expect(again.classes).toEqual(model.classes);
      expect(again.preprocessing).toEqual(model.preprocessing);
      expect(again.inputType).toBe(model.inputType);
      expect(again.inputShape).toEqual(model.inputShape);
      expect(again.normalization).toEqual(input === "pixels" ? null : model.normalization);
    }
  });

  it("is refused when it does not agree with the model", async () => {
    await expect(checkModel(create("mlp", { seed: 1 }), create("mlp", { seed: 2 }))).rejects.toThrow(DuctusError);
    const good = await checkModel(create("mlp", { seed: 1 }), create("mlp", { seed: 1 }));
    expect(good).toEqual({ of: "inputs", samples: 32, worst: 0 });
  });

  it("is refused where a place is computed that ONNX wants to know", () => {
    expect(() => toOnnx(framed())).toThrow(/^export: placeAt, [^\n]*pad$/);
  });

  it("begins with pixels where the model's own graph does", async () => {
    // A network of one's own comes back from its file as a graph that begins with bytes.
    const saved = TrainedModel.of(everything());
    const { encodeModel } = await import("../../src/use/trained-model.ts");
    const loaded = await load(await encodeModel(saved));
    expect(await onlyFile(loaded, "pixels")).not.toHaveLength(0);
    await expect(onlyFile(loaded, "normalized")).rejects.toThrow(UsageError);
  });
});

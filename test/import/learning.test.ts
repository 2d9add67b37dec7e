/** An imported network of everything that is composed of several ops: it is saved, goes out again, and its gradients are right. */
import { beforeAll, expect, it } from "vitest";
import { gradients } from "../../src/engine/autodiff.ts";
import { crossEntropy } from "../../src/engine/ops/loss.ts";
import { trace } from "../../src/engine/trace.ts";
import { exportOnnx } from "../../src/export/onnx.ts";
import { encodeOnnx } from "../../src/formats/onnx.ts";
import { importOnnx } from "../../src/import/onnx.ts";
import { inferenceContext } from "../../src/nn/context.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { encodeModel, load, type TrainedModel } from "../../src/use/trained-model.ts";
import { evaluate } from "../helpers/evaluate.ts";
import { uniformNoise } from "../helpers/noise.ts";
import { float, int, int64, ints, node, numbers, text } from "./graph-parts.ts";
import { logitsOf } from "./logits.ts";

beforeAll(() => setPlatform(nodePlatform));

const nodes = [
  node("Pad", "x pads", "a", { mode: text("reflect") }),
  node("Conv", "a first", "b"), // [N, 4, 10, 7]
  node("GroupNormalization", "b scale shift", "c", { num_groups: int(2) }),
  node("MaxPool", "c", "d", { kernel_shape: ints(2, 2), dilations: ints(2, 1), strides: ints(2, 1) }), // [N, 4, 4, 6]
  node("ConvTranspose", "d up bias", "e", {
    strides: ints(2, 1),
    pads: ints(1, 0, 0, 1),
    output_padding: ints(1, 0),
    group: int(2),
  }), // [N, 6, 9, 7]
  node("LRN", "e", "f", { size: int(3), alpha: float(0.5) }),
  node("Resize", "f _ _ sizes", "g", { mode: text("linear"), axes: ints(2, 3) }), // [N, 6, 5, 9]
  node("Pad", "g around", "h", { mode: text("wrap") }), // [N, 6, 6, 10]
  node("ReduceL2", "h axes", "i", { keepdims: int(0) }), // [N, 6, 6]
  node("LpNormalization", "i", "j", { axis: int(1) }),
  node("Flatten", "j", "k"),
  node("Gemm", "k last", "y", { transB: int(1) }),
];
const initializers = new Map(
  Object.entries({
    pads: int64(0, 0, 2, 1, 0, 0, 1, 1),
    around: int64(0, 0, 1, 0, 0, 0, 0, 1),
    sizes: int64(5, 9),
    axes: int64(3),
    first: numbers([4, 1, 2, 4], 5),
    scale: numbers([4], 2),
    shift: numbers([4], 7),
    up: numbers([4, 3, 3, 3], 3),
    bias: numbers([6], 4),
    last: numbers([3, 36], 6),
  }),
);
const bytes = encodeOnnx({
  opset: 21,
  producer: "a test",
  producerVersion: "",
  metadata: {},
  nodes,
  initializers,
  inputs: [{ name: "x", dtype: "F32", shape: ["N", 1, 8, 8] }],
  outputs: [{ name: "y", dtype: "F32", shape: ["N", 3] }],
});
const none = (): Promise<Uint8Array> => Promise.reject(new Error("there are no other files"));
const pixels = Uint8Array.from({ length: 3 * 64 }, (_, i) => (i * 89 + ((i * i) % 37) * 5) % 256);

it("is the same after saving, and after it went out as ONNX", async () => {
  const { model } = await importOnnx(bytes, "a.onnx", none);
  const wanted = await logitsOf(model, pixels);
  expect(Math.max(...wanted) - Math.min(...wanted)).toBeGreaterThan(0.01);
  const { files } = await exportOnnx(model, "b");
  const again: readonly TrainedModel[] = [
    await load(await encodeModel(model)),
    (await importOnnx(files.get("b.onnx") as Uint8Array, "b.onnx", none)).model,
  ];
  for (const other of again) {
    for (const [i, value] of (await logitsOf(other, pixels)).entries()) expect(value).toBeCloseTo(wanted[i], 5);
  }
});

it("has the gradients that finite differences give", async () => {
  const { model } = await importOnnx(bytes, "a.onnx", none);
  const names = [...model.network.namedParameters()].map(([name]) => name);
  expect(names).toEqual("conv1.weight norm1.weight norm1.bias upconv1.weight upconv1.bias fc1.weight".split(" "));
  const parameters = model.network.trainable();
  expect(parameters).toHaveLength(names.length);
  const graph = trace((tracer) => {
    const x = tracer.input("x", [3, 8, 8, 1], "uint8", true);
    const labels = tracer.input("labels", [3], "int32", true);
    const loss = crossEntropy(model.logits(x, inferenceContext()), labels);
    const grads = gradients(loss, parameters);
    return { loss, ...Object.fromEntries(grads.map((g, i) => [`d${i}`, g])) };
  });
  const run = () => evaluate(graph, { x: Float64Array.from(pixels), labels: Float64Array.of(0, 2, 1) });
  const found = run();
  for (const [i, parameter] of parameters.entries()) {
    const before = Float32Array.from(parameter.data);
    const direction = uniformNoise(100 + i, before.length);
    const lossAt = (t: number): number => {
      parameter.data.set(before.map((value, k) => value + t * direction[k]));
      return run()["loss"][0];
    };
    const numeric = (lossAt(1e-2) - lossAt(-1e-2)) / 2e-2;
    parameter.data.set(before);
    const slope = [...found[`d${i}`]].reduce((total, value, k) => total + value * direction[k], 0);
    expect(Math.abs(slope), names[i]).toBeGreaterThan(1e-6);
    expect(Math.abs(slope - numeric), `${names[i]}: ${slope}, differences ${numeric}`).toBeLessThan(
      0.02 * Math.abs(slope) + 1e-5,
    );
  }
});

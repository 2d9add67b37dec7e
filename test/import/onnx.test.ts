/** Networks made elsewhere: files of other programs, every operator against ONNX Runtime, and files that are wrong. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import * as ort from "onnxruntime-web";
import { beforeAll, describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { DataError, DuctusError, UsageError } from "../../src/engine/errors.ts";
import { trace } from "../../src/engine/trace.ts";
import { decodeOnnx, encodeOnnx, type OnnxAttribute, type OnnxModel, type OnnxNode } from "../../src/formats/onnx.ts";
import type { StoredTensor } from "../../src/formats/tensor-data.ts";
import { type ImportOptions, importOnnx } from "../../src/import/onnx.ts";
import { OnnxNetwork } from "../../src/import/onnx-network.ts";
import { ONNX_OPS } from "../../src/import/onnx-ops.ts";
import type { Model } from "../../src/models/model.ts";
import { inferenceContext } from "../../src/nn/context.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { encodeModel, load, type TrainedModel } from "../../src/use/trained-model.ts";
import { float, index, int, int64, ints, node, numbers, scalar, text } from "./graph-parts.ts";
import { logitsOf } from "./logits.ts";

beforeAll(() => {
  setPlatform(nodePlatform);
  // The threads of ONNX Runtime would outlive the test.
  ort.env.wasm.numThreads = 1;
});

const golden = (name: string): Uint8Array => readFileSync(new URL(`golden/${name}`, import.meta.url));
const beside = async (location: string): Promise<Uint8Array> => golden(location);
const imported = async (name: string, options: ImportOptions = {}): Promise<TrainedModel> =>
  (await importOnnx(golden(name), name, beside, options)).model;

function expectClose(found: readonly number[], wanted: readonly number[], tolerance = 1e-5): void {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) {
    expect(Math.abs(found[i] - value), `${i}: ${found[i]} instead of ${value}`).toBeLessThan(
      tolerance * Math.max(1, Math.abs(value)),
    );
  }
}

describe("files of other programs", () => {
  const expected = JSON.parse(golden("logits.json").toString()) as Record<string, number[][]>;
  const pixels = Uint8Array.from({ length: 3 * 64 }, (_, i) => (i * 89 + ((i * i) % 37) * 5) % 256);

  it.each(Object.keys(expected))("%s computes what ONNX Runtime does, and after saving, too", async (name) => {
    const model = await imported(`${name}.onnx`);
    expect(model.inputShape).toEqual([8, 8, 1]);
    expectClose(await logitsOf(model, pixels), expected[name].flat());
    const again = await load(await encodeModel(model));
    expectClose(await logitsOf(again, pixels), expected[name].flat());
  });

  it("takes weights from a file beside, or in a folder below, which is read once", async () => {
    expectClose(await logitsOf(await imported("apart.onnx"), pixels), expected.keras.flat());
    const below = new Uint8Array(golden("apart.onnx"));
    for (let at = 0; (at = Buffer.from(below).indexOf("apart.data", at)) >= 0; )
      below.set(Buffer.from("./b/a.data"), at);
    const asked: string[] = [];
    const { model } = await importOnnx(below, "apart.onnx", async (location) => {
      asked.push(location);
      return golden("apart.data");
    });
    expect(asked).toEqual(["b/a.data"]);
    expectClose(await logitsOf(model, pixels), expected.keras.flat());
  });

  it("gives weights PyTorch's names and layouts, and says which are trained", async () => {
    const described = (model: Model): string[] =>
      [...model.network.namedParameters()].map(
        ([name, { shape, requiresGrad }]) => `${name} [${shape}]${requiresGrad ? "" : " fixed"}`,
      );
    expect(described(await imported("torch-cnn.onnx"))).toEqual([
      "conv1.weight [4,1,3,3]",
      "conv1.bias [4]",
      "depthwise.weight [4,1,3,3]",
      "conv3.weight [6,4,1,1]",
      "conv3.bias [6]",
      "conv2.weight [6,6,3,2]",
      "conv2.bias [6]",
      "fc1.weight [8,24]",
      "fc1.bias [8]",
      "fc2.weight [3,8]",
      "fc2.bias [3]",
    ]);
    expect(described(await imported("keras.onnx"))).toEqual([
      "conv1.weight [4,1,3,3]",
      "conv1.bias [1,4,1,1]",
      "conv2.weight [5,4,2,2]",
      "conv2.bias [5]",
      "norm1.weight [5]",
      "norm1.bias [5]",
      "norm1.running_mean [5] fixed",
      "norm1.running_var [5] fixed",
      "fc1.weight [3,20]",
      "fc1.bias [3]",
    ]);
  });

  it("gives layers that an exporter has merged weights of their own", async () => {
    const ones: StoredTensor = { dtype: "F32", shape: [3], data: Float32Array.of(1, 1, 1) };
    const zeros: StoredTensor = { ...ones, data: new Float32Array(3) };
    const initializers = new Map(Object.entries({ "norm.weight": ones, "norm.bias": zeros, s: scalar(2) }));
    const nodes = [
      node("BatchNormalization", "x norm.weight norm.bias norm.bias norm.weight", "a"),
      node("BatchNormalization", "a norm.weight norm.bias norm.bias norm.weight", "b"),
      node("Mul", "b s", "c"),
      node("Mul", "c s", "y"),
    ];
    const { model, notes } = await importOnnx(encodeOnnx({ ...graphOf({ nodes }), initializers }), "a.onnx", beside);
    const parameters = [...model.network.namedParameters()];
    expect(parameters.map(([name, { requiresGrad }]) => `${name}${requiresGrad ? "" : " fixed"}`)).toEqual([
      "norm.weight",
      "norm.bias",
      "norm.running_mean fixed",
      "norm.running_var fixed",
      "norm1.weight",
      "norm1.bias",
      "norm1.running_mean fixed",
      "norm1.running_var fixed",
    ]);
    expect(new Set(parameters.map(([, { data }]) => data.byteOffset)).size).toBe(8);
    expect(notes).toEqual([
      "norm.weight is used by 2 nodes of the file; each has its own now: norm.running_var, norm1.weight, norm1.running_var",
      "norm.bias is used by 2 nodes of the file; each has its own now: norm.running_mean, norm1.bias, norm1.running_mean",
    ]);
  });

  it("takes class names and a normalization from the caller", async () => {
    const options = { classes: ["a", "b", "c"], normalization: { mean: 0.5, std: 0.25 } };
    const model = await imported("keras.onnx", options);
    expect(model.classes).toEqual(options.classes);
    const plain = await imported("keras.onnx");
    // (x/255 − 0.5) / 0.25 of these bytes is what the others are as they are
    const bytes = pixels.map((value) => 64 + (value & 63));
    const same = Float32Array.from(bytes, (value) => (value / 255 - 0.5) / 0.25);
    const found = await logitsOf(model, bytes);
    const network = trace((tracer) => ({
      logits: plain.network.forward(tracer.input("x", [3, 8, 8, 1], "float32", true), inferenceContext()),
    }));
    const program = await referenceBackend().compile(network);
    program.inputs.x.set(same);
    program.run();
    expectClose(found, [...program.outputs.logits]);
    await expect(imported("keras.onnx", { classes: ["a", "b"] })).rejects.toThrow(UsageError);
  });
});

// Every operator --------------------------------------------------------------------------------------------------------

interface Case {
  readonly nodes: readonly OnnxNode[];
  readonly initializers?: Readonly<Record<string, StoredTensor>>;
  readonly opset?: number;
}

/** A graph from pictures x [batch, 3, 6, 5] over `y` to one row for each picture. */
const graphOf = ({ nodes, initializers = {}, opset = 18 }: Case): OnnxModel => ({
  opset,
  producer: "a test",
  producerVersion: "",
  metadata: {},
  nodes: [...nodes, node("Flatten", "y", "rows")],
  initializers: new Map(Object.entries(initializers)),
  inputs: [{ name: "x", dtype: "F32", shape: ["N", 3, 6, 5] }],
  outputs: [{ name: "rows", dtype: "F32", shape: ["N", "K"] }],
});

const elementwise = (op: string, attributes: Readonly<Record<string, OnnxAttribute>> = {}): Case => ({
  nodes: [node(op, "x", "y", attributes)],
});
const positive = (op: string): Case => ({ nodes: [node("Abs", "x", "a"), node(op, "a", "y")] });
const withConstant = (op: string, constant: StoredTensor = numbers([3, 1, 5])): Case => ({
  nodes: [node(op, "x k", "y")],
  initializers: { k: constant },
});
const compared = (op: string): Case => ({
  nodes: [node(op, "x k", "c"), node("Cast", "c", "y", { to: int(1) })],
  initializers: { k: numbers([3, 1, 1]) },
});
const reduced = (op: string): Case => ({
  nodes: [
    node(op, "x axes", "a", { keepdims: int(0) }),
    node(op, "x axes", "b", { keepdims: int(1) }),
    node("Unsqueeze", "a axes", "c"),
    node("Concat", "b c", "y", { axis: int(3) }),
  ],
  initializers: { axes: int64(-2, 1) },
});

const logical = (op: string): Case => ({
  nodes: [
    node("Less", "x k", "a"),
    node("Greater", "x s", "b"),
    node(op, "a b", "c"),
    node("Cast", "c", "y", { to: int(1) }),
  ],
  initializers: { k: numbers([3, 1, 1]), s: scalar(-0.3) },
});
const spaceToDepthCase: Case = {
  nodes: [node("Pad", "x pads", "a"), node("SpaceToDepth", "a", "y", { blocksize: int(3) })],
  initializers: { pads: int64(0, 0, 0, 1, 0, 0, 0, 0) },
};
const transposed = (attributes: Readonly<Record<string, OnnxAttribute>>, w = numbers([3, 2, 3, 3])): Case => ({
  nodes: [node("ConvTranspose", "x w b", "y", attributes)],
  initializers: { w, b: numbers([w.shape[1] * (attributes.group === undefined ? 1 : 3)]) },
});
const padded = (mode: string, ...pads: number[]): Case => ({
  nodes: [node("Pad", "x pads", "y", { mode: text(mode) })],
  initializers: { pads: int64(...pads) },
  opset: 19,
});
const resized = (
  to: { readonly scales?: readonly number[]; readonly sizes?: readonly number[] },
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): Case => ({
  nodes: [node("Resize", to.scales ? "x _ scales" : "x _ _ sizes", "y", attributes)],
  initializers: to.scales
    ? { scales: { dtype: "F32", shape: [4], data: Float32Array.from(to.scales) } }
    : { sizes: int64(...(to.sizes ?? [])) },
  opset: 19,
});

/** At least one graph for each operator that can be imported. */
const ACTIVATIONS: OnnxAttribute = {
  kind: "strings",
  value: ["Sigmoid", "Tanh", "Tanh", "Sigmoid", "Tanh", "Tanh"],
};

/**
 * A recurrent layer of four units over the rows of the picture, eighteen steps of five.
 * @param directions 1: forward, −1: backward, 2: both
 * @param read which of its outputs: all hidden states, the last one, the last cell state
 */
function recurrent(
  op: "LSTM" | "GRU",
  directions: 1 | 2 | -1,
  inputs: string,
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
  read: "t" | "h" | "c" = "t",
): Case {
  const [D, gates] = [Math.abs(directions), op === "LSTM" ? 4 : 3];
  const small = (shape: readonly number[], seed: number): StoredTensor => {
    const { data, ...rest } = numbers(shape, seed);
    return { ...rest, data: (data as Float32Array).map((value) => value - 0.75) } as StoredTensor;
  };
  const direction = text(directions === 1 ? "forward" : directions === 2 ? "bidirectional" : "reverse");
  return {
    nodes: [
      node("Reshape", "x shape", "steps"),
      node("Transpose", "steps", "s", { perm: ints(1, 0, 2) }),
      node(op, inputs, op === "LSTM" ? "t h c" : "t h", { hidden_size: int(4), direction, ...attributes }),
      node("Transpose", read, "y", { perm: read === "t" ? ints(2, 0, 1, 3) : ints(1, 0, 2) }),
    ],
    initializers: {
      shape: int64(0, 18, 5),
      w: small([D, gates * 4, 5], 1),
      r: small([D, gates * 4, 4], 2),
      b: small([D, gates * 8], 3),
      n: { dtype: "I32", shape: [2], data: Int32Array.of(18, 7) },
    },
  };
}

const CASES: Readonly<Record<string, readonly Case[]>> = {
  Conv: [
    {
      nodes: [node("Conv", "x w b", "y", { strides: ints(2, 1), pads: ints(1, 0, 2, 1), dilations: ints(2, 1) })],
      initializers: { w: numbers([4, 3, 2, 3]), b: numbers([4]) },
    },
    {
      nodes: [node("Conv", "x w", "y", { auto_pad: text("SAME_LOWER"), strides: ints(2, 2), group: int(3) })],
      initializers: { w: numbers([6, 1, 3, 2]) },
    },
    { nodes: [node("Conv", "x w", "y", { auto_pad: text("VALID") })], initializers: { w: numbers([1, 3, 2, 2]) } },
  ],
  ConvTranspose: [
    transposed({ strides: ints(2, 1), pads: ints(1, 0, 0, 1), output_padding: ints(1, 0) }),
    transposed({ dilations: ints(1, 2), pads: ints(1, 1, 1, 1) }),
    transposed({ strides: ints(3, 2), group: int(3), auto_pad: text("VALID") }, numbers([3, 2, 2, 3])),
    transposed({ strides: ints(2, 2), auto_pad: text("SAME_UPPER") }, numbers([3, 2, 3, 2])),
    transposed({ strides: ints(2, 2), auto_pad: text("SAME_LOWER") }, numbers([3, 2, 3, 2])),
    transposed({ strides: ints(2, 2), output_shape: ints(12, 10) }),
  ],
  Gemm: [
    {
      nodes: [node("Flatten", "x", "f"), node("Gemm", "f w b", "y", { transB: int(1), alpha: float(0.5) })],
      initializers: { w: numbers([4, 90]), b: numbers([1, 4]) },
    },
    {
      nodes: [node("Flatten", "x", "f"), node("Gemm", "f w b", "y", { beta: float(3) })],
      initializers: { w: numbers([90, 4]), b: numbers([4]) },
    },
  ],
  MatMul: [
    withConstant("MatMul", numbers([5, 4])),
    { nodes: [node("Transpose", "x", "t", { perm: ints(0, 1, 3, 2) }), node("MatMul", "x t", "y")] },
  ],
  MaxPool: [
    elementwise("MaxPool", { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 1, 1, 1) }),
    elementwise("MaxPool", {
      kernel_shape: ints(3, 2),
      strides: ints(2, 2),
      ceil_mode: int(1),
      pads: ints(0, 0, 1, 0),
    }),
    elementwise("MaxPool", { kernel_shape: ints(2, 3), strides: ints(2, 2), auto_pad: text("SAME_UPPER") }),
    elementwise("MaxPool", { kernel_shape: ints(2, 3), dilations: ints(3, 2), pads: ints(1, 1, 0, 0) }),
    elementwise("MaxPool", {
      kernel_shape: ints(3, 2),
      dilations: ints(2, 1),
      strides: ints(1, 2),
      ceil_mode: int(1),
      pads: ints(1, 0, 1, 0),
    }),
  ],
  AveragePool: [
    elementwise("AveragePool", { kernel_shape: ints(2, 3), pads: ints(1, 1, 1, 1), count_include_pad: int(1) }),
    elementwise("AveragePool", { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(1, 0, 0, 1) }),
    elementwise("AveragePool", { kernel_shape: ints(3, 2), strides: ints(2, 2), ceil_mode: int(1) }),
    elementwise("AveragePool", {
      kernel_shape: ints(3, 3),
      strides: ints(2, 2),
      pads: ints(1, 0, 0, 1),
      count_include_pad: int(1),
    }),
    elementwise("AveragePool", { kernel_shape: ints(3, 3), strides: ints(2, 2), auto_pad: text("SAME_LOWER") }),
    {
      ...elementwise("AveragePool", { kernel_shape: ints(2, 3), dilations: ints(3, 1), pads: ints(1, 1, 1, 0) }),
      opset: 19,
    },
    // A window over channels, as PyTorch writes its local response normalization
    ...[0, 1].map((counted) => ({
      nodes: [
        node("Unsqueeze", "x one", "u"),
        node("AveragePool", "u", "a", {
          kernel_shape: ints(3, 2, 1),
          pads: ints(1, 0, 0, 1, 1, 0),
          count_include_pad: int(counted),
        }),
        node("Squeeze", "a one", "y"),
      ],
      initializers: { one: int64(1) },
    })),
  ],
  GlobalAveragePool: [elementwise("GlobalAveragePool")],
  GlobalMaxPool: [elementwise("GlobalMaxPool")],
  BatchNormalization: [
    {
      nodes: [node("BatchNormalization", "x w b m v", "y", { epsilon: float(0.01) })],
      initializers: { w: numbers([3]), b: numbers([3], 2), m: numbers([3], 3), v: numbers([3], 4) },
    },
  ],
  InstanceNormalization: [
    {
      nodes: [node("InstanceNormalization", "x w b", "y")],
      initializers: { w: numbers([3]), b: numbers([3], 2) },
    },
  ],
  LayerNormalization: [
    {
      nodes: [node("LayerNormalization", "x w b", "y", { axis: int(2) })],
      initializers: { w: numbers([6, 5]), b: numbers([6, 5], 2) },
    },
    { nodes: [node("LayerNormalization", "x w", "y")], initializers: { w: numbers([5]) } },
  ],
  GroupNormalization: [
    {
      nodes: [node("GroupNormalization", "x w b", "y", { num_groups: int(3), epsilon: float(0.01) })],
      initializers: { w: numbers([3]), b: numbers([3], 2) },
      opset: 21,
    },
  ],
  LRN: [
    elementwise("LRN", { size: int(3), alpha: float(0.3), beta: float(0.6), bias: float(0.7) }),
    elementwise("LRN", { size: int(5), alpha: float(0.9) }),
  ],
  LpNormalization: [
    elementwise("LpNormalization", { axis: int(1), p: int(1) }),
    elementwise("LpNormalization", { axis: int(-1) }),
  ],
  LSTM: [
    recurrent("LSTM", 1, "s w r b"),
    recurrent("LSTM", 2, "s w r _ n", { activations: ACTIVATIONS }),
    recurrent("LSTM", -1, "s w r b n", {}, "h"),
    recurrent("LSTM", 2, "s w r b", {}, "c"),
  ],
  GRU: [
    recurrent("GRU", 1, "s w r", { linear_before_reset: int(1) }),
    recurrent("GRU", 2, "s w r b n", { linear_before_reset: int(1) }),
    recurrent("GRU", -1, "s w r b n", { linear_before_reset: int(1) }, "h"),
  ],
  Relu: [elementwise("Relu")],
  LeakyRelu: [elementwise("LeakyRelu", { alpha: float(0.3) }), elementwise("LeakyRelu")],
  PRelu: [withConstant("PRelu", numbers([3, 1, 1]))],
  Elu: [elementwise("Elu", { alpha: float(0.4) })],
  Selu: [elementwise("Selu")],
  Gelu: [
    { ...elementwise("Gelu"), opset: 20 },
    { ...elementwise("Gelu", { approximate: text("tanh") }), opset: 20 },
  ],
  Sigmoid: [elementwise("Sigmoid")],
  HardSigmoid: [elementwise("HardSigmoid"), elementwise("HardSigmoid", { alpha: float(0.5), beta: float(0.1) })],
  HardSwish: [elementwise("HardSwish")],
  Mish: [elementwise("Mish")],
  Softplus: [elementwise("Softplus")],
  Softsign: [elementwise("Softsign")],
  Tanh: [elementwise("Tanh")],
  Softmax: [elementwise("Softmax", { axis: int(1) }), elementwise("Softmax")],
  LogSoftmax: [elementwise("LogSoftmax", { axis: int(-2) })],
  Clip: [
    { nodes: [node("Clip", "x low high", "y")], initializers: { low: scalar(-0.5), high: scalar(0.7) } },
    { nodes: [node("Clip", "x _ high", "y")], initializers: { high: scalar(0.7) } },
  ],
  Celu: [elementwise("Celu", { alpha: float(0.7) })],
  ThresholdedRelu: [elementwise("ThresholdedRelu", { alpha: float(0.4) })],
  Shrink: [elementwise("Shrink", { lambd: float(0.6), bias: float(0.2) })],
  Abs: [elementwise("Abs")],
  Neg: [elementwise("Neg")],
  Exp: [elementwise("Exp")],
  Log: [positive("Log")],
  Sqrt: [positive("Sqrt")],
  Erf: [elementwise("Erf")],
  Reciprocal: [elementwise("Reciprocal")],
  Add: [withConstant("Add"), withConstant("Add", numbers([1, 3, 6, 1]))],
  Sub: [withConstant("Sub", scalar(0.25))],
  Mul: [withConstant("Mul", numbers([5]))],
  Div: [withConstant("Div")],
  Mod: [
    { ...withConstant("Mod", scalar(0.75)), nodes: [node("Mod", "x k", "y", { fmod: int(1) })] },
    {
      nodes: [node("Cast", "x", "a", { to: int(6) }), node("Mod", "a k", "b"), node("Cast", "b", "y", { to: int(1) })],
      initializers: { k: { dtype: "I32", shape: [3, 1, 1], data: Int32Array.of(2, -2, 3) } },
    },
  ],
  Pow: [withConstant("Pow", scalar(2)), withConstant("Pow", scalar(3))],
  Sum: [{ nodes: [node("Sum", "x k x", "y")], initializers: { k: numbers([6, 1]) } }],
  Max: [{ nodes: [node("Max", "x k", "y")], initializers: { k: numbers([3, 1, 1]) } }],
  Min: [{ nodes: [node("Min", "x k", "y")], initializers: { k: numbers([5]) } }],
  Mean: [{ nodes: [node("Mean", "x k x", "y")], initializers: { k: numbers([6, 1]) } }],
  Sign: [elementwise("Sign")],
  And: [logical("And")],
  Or: [logical("Or")],
  Xor: [logical("Xor")],
  Equal: [{ ...compared("Equal"), initializers: { k: scalar(1 / 128 - 2) } }],
  Greater: [compared("Greater")],
  GreaterOrEqual: [compared("GreaterOrEqual")],
  Less: [compared("Less")],
  LessOrEqual: [compared("LessOrEqual")],
  Not: [
    {
      nodes: [node("Less", "x k", "c"), node("Not", "c", "n"), node("Cast", "n", "y", { to: int(1) })],
      initializers: { k: scalar(0.1) },
    },
  ],
  Where: [
    {
      nodes: [node("Less", "x k", "c"), node("Where", "c x w", "y")],
      initializers: { k: scalar(0.1), w: numbers([3, 1, 1]) },
    },
  ],
  Cast: [
    { nodes: [node("Cast", "x", "a", { to: int(7) }), node("Cast", "a", "y", { to: int(1) })] },
    { nodes: [node("Cast", "x", "a", { to: int(9) }), node("Cast", "a", "y", { to: int(1) })] },
  ],
  ReduceMean: [reduced("ReduceMean"), { nodes: [node("ReduceMean", "x", "y", { axes: ints(3) })], opset: 13 }],
  ReduceSum: [reduced("ReduceSum")],
  ReduceMax: [reduced("ReduceMax")],
  ReduceMin: [reduced("ReduceMin")],
  ReduceL1: [reduced("ReduceL1")],
  ReduceL2: [reduced("ReduceL2")],
  ReduceSumSquare: [reduced("ReduceSumSquare")],
  ReduceLogSum: [{ ...reduced("ReduceLogSum"), nodes: [node("Abs", "x", "p"), node("ReduceLogSum", "p axes", "y")] }],
  ReduceLogSumExp: [reduced("ReduceLogSumExp")],
  Range: [
    {
      nodes: [
        node("Range", "zero end one", "r"),
        node("Range", "two six three", "s"),
        node("Concat", "r s", "places", { axis: int(0) }),
        node("Cast", "places", "f", { to: int(1) }),
        node("Add", "x f", "y"),
      ],
      initializers: { zero: index(0), end: index(3), one: index(1), two: index(2), six: index(6), three: index(3) },
    },
  ],
  ArgMax: [
    {
      nodes: [
        node("ArgMax", "x", "a", { axis: int(-2), keepdims: int(0) }),
        node("Unsqueeze", "a axes", "b"),
        node("ArgMax", "x", "c", { axis: int(2) }),
        node("Sub", "c b", "d"),
        node("Add", "d b", "e"),
        node("Cast", "e", "y", { to: int(1) }),
      ],
      initializers: { axes: int64(-2) },
    },
  ],
  Reshape: [{ nodes: [node("Reshape", "x s", "y")], initializers: { s: int64(0, -1, 9) } }],
  Flatten: [
    {
      nodes: [node("Flatten", "x", "f", { axis: int(2) }), node("Reshape", "f s", "y")],
      initializers: { s: int64(-1, 90) },
    },
  ],
  Squeeze: [
    {
      nodes: [node("GlobalMaxPool", "x", "p"), node("Squeeze", "p axes", "y")],
      initializers: { axes: int64(-1, 2) },
    },
  ],
  Unsqueeze: [{ nodes: [node("Unsqueeze", "x axes", "y")], initializers: { axes: int64(-1, 2) } }],
  Transpose: [elementwise("Transpose", { perm: ints(0, 3, 1, 2) })],
  Concat: [
    { nodes: [node("Relu", "x", "r"), node("Concat", "x r x", "y", { axis: int(-3) })] },
    { nodes: [node("MaxPool", "x", "p", { kernel_shape: ints(1, 1) }), node("Concat", "p x", "y", { axis: int(2) })] },
  ],
  Split: [
    {
      nodes: [node("Split", "x sizes", "a b", { axis: int(2) }), node("Concat", "b a", "y", { axis: int(2) })],
      initializers: { sizes: int64(2, 4) },
    },
    {
      nodes: [
        node("Split", "x", "a b", { axis: int(3), num_outputs: int(2) }),
        node("Concat", "b a", "y", { axis: int(3) }),
      ],
    },
  ],
  Slice: [
    {
      nodes: [node("Slice", "x from to axes steps", "y")],
      initializers: {
        from: int64(-1, 1),
        to: int64(-2147483648, 2 ** 53),
        axes: int64(3, -2),
        steps: int64(-2, 2),
      },
    },
    // What PyTorch's older exporter makes of sizes: some from the end on, which are none, beside others.
    ...[int64(4), int64(-1)].map((from) => ({
      nodes: [
        node("Shape", "x", "shape"),
        node("Slice", "shape from to zero", "none"),
        node("Slice", "shape zero one zero", "first"),
        node("Concat", "none first none rest", "s", { axis: int(0) }),
        node("Reshape", "x s", "y"),
      ],
      initializers: { from, to: int64(3), zero: int64(0), one: int64(1), rest: int64(5, -1) },
    })),
  ],
  GatherElements: [
    {
      nodes: [
        node("ArgMax", "x", "a", { axis: int(2) }),
        node("Sub", "a six", "b"),
        node("Concat", "a b", "i", { axis: int(2) }),
        node("GatherElements", "x i", "y", { axis: int(-2) }),
      ],
      initializers: { six: index(6) },
    },
  ],
  Gather: [
    {
      nodes: [node("ArgMax", "x", "i", { axis: int(2), keepdims: int(0) }), node("Gather", "w i", "y")],
      initializers: { w: numbers([6, 4]) },
    },
    { nodes: [node("Gather", "x i", "y", { axis: int(2) })], initializers: { i: index(-2) } },
    { nodes: [node("Gather", "x i", "y", { axis: int(1) })], initializers: { i: int64(2, 0, 2) } },
  ],
  Pad: [
    {
      nodes: [node("Pad", "x pads value", "y")],
      initializers: { pads: int64(0, 0, 1, 2, 0, 1, 0, 0), value: scalar(0.5) },
    },
    { nodes: [node("Pad", "x pads _ axes", "y")], initializers: { pads: int64(1, 2), axes: int64(-1) } },
    padded("constant", 0, 1, -1, 2, 0, 0, 3, -2),
    padded("edge", 0, 1, 3, 0, 0, 0, 2, 9),
    padded("reflect", 0, 2, 3, 0, 0, 1, 2, 4),
    padded("reflect", 0, 0, -2, 1, 0, 0, 2, -1),
    padded("wrap", 0, 1, 3, 0, 0, 0, 2, 4),
    {
      nodes: [node("Pad", "x pads _ axes", "y", { mode: text("edge") })],
      initializers: { pads: int64(1, 2, 0, 1), axes: int64(-1, 2) },
    },
  ],
  Resize: [
    resized({ scales: [1, 1, 2, 2] }),
    resized(
      { scales: [1, 1, 2, 3] },
      { nearest_mode: text("floor"), coordinate_transformation_mode: text("asymmetric") },
    ),
    ...["half_pixel", "pytorch_half_pixel", "half_pixel_symmetric", "align_corners", "asymmetric"].flatMap((mode) =>
      [
        { mode: text("nearest") },
        { mode: text("nearest"), nearest_mode: text("ceil") },
        { mode: text("nearest"), nearest_mode: text("round_prefer_ceil") },
        { mode: text("linear") },
        { mode: text("cubic") },
        { mode: text("cubic"), cubic_coeff_a: float(-0.5), exclude_outside: int(1) },
      ].flatMap((attributes) =>
        [
          { scales: [1, 1, 1.7, 0.6] },
          { scales: [1, 1, 0.9, 0.7] },
          { sizes: [2, 3, 9, 4] },
          { sizes: [2, 3, 1, 11] },
        ].map((to) => resized(to, { ...attributes, coordinate_transformation_mode: text(mode) })),
      ),
    ),
    {
      nodes: [node("Resize", "x _ _ sizes", "y", { axes: ints(3, 2), mode: text("linear") })],
      initializers: { sizes: int64(7, 8) },
    },
    {
      nodes: [node("Resize", "x scales", "y", { mode: text("linear") })],
      initializers: { scales: { dtype: "F32", shape: [4], data: Float32Array.of(1, 1, 2, 1.5) } },
      opset: 10,
    },
  ],
  Tile: [{ nodes: [node("Tile", "x r", "y")], initializers: { r: int64(1, 2, 1, 3) } }],
  DepthToSpace: ["DCR", "CRD"].map((mode) => ({
    nodes: [
      node("Concat", "x x x x", "a", { axis: int(1) }),
      node("DepthToSpace", "a", "y", { blocksize: int(2), mode: text(mode) }),
    ],
  })),
  SpaceToDepth: [elementwise("SpaceToDepth", { blocksize: int(1) }), spaceToDepthCase],
  Upsample: [
    {
      nodes: [node("Upsample", "x scales", "y", { mode: text("nearest") })],
      initializers: { scales: { dtype: "F32", shape: [4], data: Float32Array.of(1, 1, 2, 3) } },
      opset: 9,
    },
    {
      nodes: [node("Upsample", "x", "y", { mode: text("linear"), scales: { kind: "floats", value: [1, 1, 1.5, 2] } })],
      opset: 7,
    },
  ],
  Expand: [
    {
      nodes: [node("GlobalMaxPool", "x", "p"), node("Expand", "p s", "y")],
      initializers: { s: int64(3, 2, 4) },
    },
  ],
  Shape: [
    {
      nodes: [
        node("Shape", "x", "s", { start: int(1), end: int(3) }),
        node("Cast", "s", "f", { to: int(1) }),
        node("Reshape", "f two", "t"),
        node("MaxPool", "x", "p", { kernel_shape: ints(1, 5) }),
        node("Add", "p t", "y"),
      ],
      initializers: { two: int64(1, 2) },
    },
  ],
  Size: [
    {
      // All numbers of the batch, divided by its size: whole numbers
      nodes: [
        node("Size", "x", "n"),
        node("Shape", "x", "s"),
        node("Gather", "s i", "b"),
        node("Div", "n b", "q"),
        node("Cast", "q", "f", { to: int(1) }),
        node("Mul", "x f", "y"),
      ],
      initializers: { i: index(0) },
    },
  ],
  Constant: [
    {
      nodes: [
        node("Constant", "", "k", { value: { kind: "tensor", value: numbers([3, 1, 1]) } }),
        node("Add", "x k", "y"),
      ],
    },
    { nodes: [node("Constant", "", "k", { value_float: float(0.3) }), node("Add", "x k", "y")] },
    { nodes: [node("Constant", "", "k", { value_ints: ints(0, 90) }), node("Reshape", "x k", "y")] },
  ].map((one) => ({ ...one, nodes: one.nodes.map((n) => (n.op === "Constant" ? { ...n, inputs: [] } : n)) })),
  ConstantOfShape: [
    {
      nodes: [
        node("ConstantOfShape", "s", "k", { value: { kind: "tensor", value: { ...numbers([1]) } } }),
        node("Add", "x k", "y"),
      ],
      initializers: { s: int64(6, 5) },
    },
  ],
  Identity: [elementwise("Identity")],
  Dropout: [elementwise("Dropout")],
};

describe("every operator", () => {
  it("has a case", () => {
    expect(Object.keys(CASES).sort()).toEqual(Object.keys(ONNX_OPS).sort());
  });

  const x = Float32Array.from({ length: 2 * 90 }, (_, i) => ((i * 89 + ((i * i) % 37) * 5) % 256) / 64 - 2 + 1 / 128);

  it.each(Object.keys(CASES))("%s computes what ONNX Runtime does", async (op) => {
    for (const one of CASES[op]) {
      const bytes = encodeOnnx(graphOf(one));
      const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
      const { rows } = await session.run({ x: new ort.Tensor("float32", x, [2, 3, 6, 5]) });
      await session.release();
      const network = new OnnxNetwork(await decodeOnnx(bytes, "case.onnx", beside));
      const graph = trace((tracer) => {
        const picture = tracer.input("x", [2, 3, 6, 5], "float32", true);
        return { rows: network.forward(picture.permute([0, 2, 3, 1]), inferenceContext()) };
      });
      const program = await referenceBackend().compile(graph);
      program.inputs.x.set(x);
      program.run();
      expectClose([...program.outputs.rows], [...(rows.data as Float32Array)], 2e-5);
    }
  });
});

// Files that are wrong --------------------------------------------------------------------------------------------------

describe("a file that cannot be imported", () => {
  const refused = async (bytes: Uint8Array): Promise<string> => {
    const error = await importOnnx(bytes, "a.onnx", beside).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DataError);
    const { message } = error as Error;
    expect(message).not.toContain("\n");
    expect(message.length).toBeLessThan(400);
    return message;
  };
  const wrong = (one: Case, change: Partial<OnnxModel> = {}): Promise<string> =>
    refused(encodeOnnx({ ...graphOf(one), ...change }));

  it("names an operator that it does not know, with its node", async () => {
    expect(await wrong(elementwise("Einsum"))).toBe(
      'a.onnx: node "Einsum/y" (Einsum): this operator cannot be imported',
    );
    const foreign = { ...node("Gelu", "x", "y"), domain: "com.microsoft", name: "" };
    expect(await wrong({ nodes: [foreign] })).toMatch(/node 0 \(com\.microsoft\.Gelu\): this operator cannot/);
    expect(await wrong(elementwise("constructor"))).toMatch(/\(constructor\): this operator cannot/);
  });

  it.each<[string, Case, Partial<OnnxModel>, RegExp]>([
    [
      "open pictures",
      elementwise("Relu"),
      { inputs: [{ name: "x", dtype: "F32", shape: ["N", 3, "H", "W"] }] },
      /one size/,
    ],
    [
      "two inputs",
      elementwise("Relu"),
      { inputs: ["x", "z"].map((name) => ({ name, dtype: "F32" as const, shape: ["N", 3, 6, 5] })) },
      /2 inputs/,
    ],
    [
      "a missing input",
      { nodes: [node("Add", "x nowhere", "y")] },
      {},
      /"Add\/y" \(Add\): its input "nowhere" is made by no node/,
    ],
    ["an old opset", elementwise("Relu"), { opset: 6 }, /opset 6/],
    [
      "a GRU that resets before its product",
      recurrent("GRU", 1, "s w r b"),
      {},
      /GRU.*export it with linear_before_reset = 1/,
    ],
    ["a clipped LSTM", recurrent("LSTM", 1, "s w r b", { clip: float(3) }), {}, /LSTM.*attribute clip/],
    [
      "an LSTM of other activations",
      recurrent("LSTM", 1, "s w r b", { activations: { kind: "strings", value: ["Relu", "Tanh", "Tanh"] } }),
      {},
      /LSTM.*its activations must be Sigmoid, Tanh, Tanh/,
    ],
    [
      "a shape from the input",
      { nodes: [node("Cast", "x", "s", { to: int(7) }), node("Reshape", "x s", "y")] },
      {},
      /Reshape.*depends on the input|Reshape.*too many/,
    ],
    ["shapes that do not fit", withConstant("Add", numbers([7])), {}, /"Add\/y" \(Add\): add: shapes/],
    [
      "a convolution of words",
      { nodes: [node("Flatten", "x", "f"), node("Conv", "f w", "y")], initializers: { w: numbers([1, 1, 3]) } },
      {},
      /Conv.*only pictures/,
    ],
    [
      "no output",
      elementwise("Relu"),
      { outputs: [{ name: "none", dtype: "F32", shape: ["N", 3] }] },
      /no node makes its output "none"/,
    ],
    [
      "an attribute of another kind",
      elementwise("LeakyRelu", { alpha: text("much") }),
      {},
      /attribute alpha is no float/,
    ],
  ])("%s: says so in one line", async (_, one, change, message) => {
    expect(await wrong(one, change)).toMatch(message);
  });

  it("may have long chains of arithmetic on shapes, which take no longer than they are", async () => {
    const links = Array.from({ length: 3000 }, (_, i) => [
      node("Add", `s${i} zero`, `s${i + 1}`),
      node("Reshape", `${i === 0 ? "x" : `x${i}`} s${i + 1}`, `x${i + 1}`),
    ]);
    const nodes = [...links.flat(), node("Relu", "x3000", "y")];
    const bytes = encodeOnnx(graphOf({ nodes, initializers: { s0: int64(0, -1, 10), zero: int64(0, 0, 0) } }));
    expect((await importOnnx(bytes, "a.onnx", beside)).model.classes).toHaveLength(90);
    const more = [...nodes, ...Array.from({ length: 20_000 }, () => node("Relu", "y", "z"))];
    expect(await wrong({ nodes: more })).toMatch(/nodes: too many/);
  });

  it("must keep its weights beside it", async () => {
    const elsewhere = golden("apart.onnx");
    const at = Buffer.from(elsewhere).indexOf("apart.data");
    const changed = new Uint8Array(elsewhere);
    changed.set(Buffer.from("../../data"), at);
    expect(await refused(changed)).toMatch(/"..\/..\/data", which is no file beside the model or below/);
    for (const location of ["/part.data", "w/../b.dat", "w//rt.data", "w\\art.dat", "././././.."]) {
      changed.set(Buffer.from(location), at);
      expect(await refused(changed)).toMatch(/which is no file beside the model or below/);
    }
    const short = importOnnx(elsewhere, "a.onnx", async () => new Uint8Array(5));
    await expect(short).rejects.toThrow(/reaches beyond the end of "apart\.data"/);
  });

  it.each(["torch-cnn.onnx", "keras.onnx"])("%s, cut short anywhere, is refused", async (name) => {
    const bytes = golden(name);
    for (let length = 0; length < bytes.length; length += 1 + Math.floor(length / 40)) {
      await refused(bytes.subarray(0, length));
    }
  });

  it("never gives another error than one of ours", async () => {
    const files = ["torch-cnn.onnx", "torch-mixer.onnx", "keras.onnx", "opset-9.onnx"].map(golden);
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.nat(files.length - 1), change, async (which, changes) => {
        const bytes = new Uint8Array(files[which]);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        try {
          await importOnnx(bytes, "a.onnx", beside);
        } catch (error) {
          if (!(error instanceof DuctusError)) throw error;
          expect(error.message).not.toContain("\n");
        }
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        await refused(bytes);
      }),
      { numRuns: 200 },
    );
  });
});

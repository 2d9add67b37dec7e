/** What the outputs of a network made elsewhere are: whatever it ends in, Ductus's probabilities are the ones that it meant. */
import * as ort from "onnxruntime-web";
import { beforeAll, describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { DataError } from "../../src/engine/errors.ts";
import { softmax } from "../../src/engine/ops/activation.ts";
import { trace } from "../../src/engine/trace.ts";
import { exportOnnx } from "../../src/export/onnx.ts";
import { encodeOnnx, type OnnxModel, type OnnxNode } from "../../src/formats/onnx.ts";
import type { StoredTensor } from "../../src/formats/tensor-data.ts";
import { type Imported, importOnnx } from "../../src/import/onnx.ts";
import { inferenceContext } from "../../src/nn/context.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { float, int, int64, ints, node, numbers, scalar } from "./graph-parts.ts";

beforeAll(() => {
  setPlatform(nodePlatform);
  // The threads of ONNX Runtime would outlive the test.
  ort.env.wasm.numThreads = 1;
});

const CLASSES = 3;
/** Both signs, so that no class wins everywhere. */
const weight = (classes: number): StoredTensor => {
  const { shape, data } = numbers([16, classes], 3);
  return { dtype: "F32", shape, data: Float32Array.from(data as Float32Array, (value) => value - 0.7) };
};
const dense = [node("Flatten", "x", "f"), node("Gemm", "f w", "z")];
const constants = {
  one: scalar(1),
  half: scalar(0.5),
  two: scalar(2),
  hundred: scalar(100),
  tiny: scalar(1e-7),
  almost: scalar(1 - 1e-7),
  last: int64(1),
  shape: int64(-1, CLASSES),
  tall: int64(0, CLASSES, 1, 1),
  order: int64(2, 0, 1),
  from: int64(1),
  to: int64(3),
};

const modelOf = (ending: readonly OnnxNode[], classes = CLASSES, change: Partial<OnnxModel> = {}): Uint8Array =>
  encodeOnnx({
    opset: 18,
    producer: "a test",
    producerVersion: "",
    metadata: {},
    nodes: [...dense, ...ending],
    initializers: new Map(Object.entries({ w: weight(classes), ...constants })),
    inputs: [{ name: "x", dtype: "F32", shape: ["N", 1, 4, 4] }],
    outputs: [{ name: "y", dtype: "F32", shape: ["N", "K"] }],
    ...change,
  });

const imported = (bytes: Uint8Array, options = {}): Promise<Imported> =>
  importOnnx(bytes, "a.onnx", () => Promise.reject(new Error("there are no other files")), options);

const PICTURES = 5;
const pixels = Uint8Array.from({ length: PICTURES * 16 }, (_, i) => (i * 89 + ((i * i) % 37) * 5) % 256);

/** Ductus's probabilities, row by row. */
async function probabilities({ model }: Imported): Promise<number[][]> {
  const graph = trace((tracer) => {
    const x = tracer.input("x", [PICTURES, 4, 4, 1], "uint8", true);
    return { p: softmax(model.logits(x, inferenceContext())) };
  });
  const program = await referenceBackend().compile(graph);
  program.inputs.x.set(pixels);
  program.run();
  return rowsOf([...program.outputs.p]);
}

/** What ONNX Runtime gives. */
async function outputs(bytes: Uint8Array): Promise<number[][]> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const x = Float32Array.from(pixels, (value) => value / 255);
  const { y } = await session.run({ x: new ort.Tensor("float32", x, [PICTURES, 1, 4, 4]) });
  await session.release();
  return rowsOf([...(y.data as Float32Array)]);
}

const rowsOf = (values: readonly number[]): number[][] => {
  const width = values.length / PICTURES;
  return Array.from({ length: PICTURES }, (_, n) => values.slice(n * width, (n + 1) * width));
};

function expectClose(found: readonly number[][], wanted: readonly number[][]): void {
  expect(found.map((row) => row.length)).toEqual(wanted.map((row) => row.length));
  for (const [n, row] of wanted.entries()) {
    for (const [k, value] of row.entries()) expect(found[n][k], `${n}, ${k}`).toBeCloseTo(value, 5);
  }
}

const normalized = (row: readonly number[]): number[] => {
  const sum = row.reduce((total, value) => total + value, 0);
  return row.map((value) => value / sum);
};
const softmaxOf = (row: readonly number[]): number[] => normalized(row.map(Math.exp));

const soft = node("Softmax", "z", "p", { axis: int(1) });
const sigmoid = node("Sigmoid", "z", "s");
const opposite = node("Sub", "one s", "t");
const written = [
  node("ReduceMax", "z last", "m"),
  node("Sub", "z m", "d"),
  node("Exp", "d", "e"),
  node("ReduceSum", "e last", "sum"),
];
const LEFT_OUT = /softmax at the end was left out/;
const LOGARITHMS = /their logarithms/;

/** Endings whose outputs are probabilities: by what the user is told. */
const SHARES: Readonly<Record<string, readonly [note: RegExp, ending: readonly OnnxNode[]]>> = {
  softmax: [LEFT_OUT, [node("Softmax", "z", "y")]],
  "softmax, passed on": [
    LEFT_OUT,
    [
      soft,
      node("Identity", "p", "a"),
      node("Cast", "a", "b", { to: int(1) }),
      node("Dropout", "b", "c"),
      node("Unsqueeze", "c last", "d"),
      node("Squeeze", "d last", "y"),
    ],
  ],
  "softmax, reshaped": [LEFT_OUT, [soft, node("Reshape", "p tall", "t"), node("Flatten", "t", "y")]],
  "softmax over channels": [
    LEFT_OUT,
    [node("Reshape", "z tall", "c"), node("Softmax", "c", "p", { axis: int(1) }), node("Reshape", "p shape", "y")],
  ],
  "softmax, classes first": [
    LEFT_OUT,
    [
      node("Transpose", "z", "t", { perm: ints(1, 0) }),
      node("Softmax", "t", "p", { axis: int(0) }),
      node("Transpose", "p", "y", { perm: ints(1, 0) }),
    ],
  ],
  "softmax of a softmax": [LEFT_OUT, [soft, node("Softmax", "p", "y")]],
  "softmax, held off 0 and 1": [LEFT_OUT, [soft, node("Clip", "p tiny almost", "y")]],
  "softmax in percent": [LEFT_OUT, [soft, node("Mul", "p hundred", "y")]],
  "softmax without its first class": [LEFT_OUT, [soft, node("Slice", "p from to last", "y")]],
  "softmax in another order": [LOGARITHMS, [soft, node("Gather", "p order", "y", { axis: int(1) })]],
  "the mean of two": [
    LOGARITHMS,
    [soft, node("Mul", "z two", "z2"), node("Softmax", "z2", "q"), node("Add", "p q", "b"), node("Mul", "b half", "y")],
  ],
  "the exponential of its logarithm": [
    LEFT_OUT,
    [node("LogSoftmax", "z", "l", { axis: int(1) }), node("Exp", "l", "y")],
  ],
  "written out": [LEFT_OUT, [...written, node("Div", "e sum", "y")]],
  "written out, with a reciprocal": [LEFT_OUT, [...written, node("Reciprocal", "sum", "r"), node("Mul", "e r", "y")]],
  "written out, without a maximum": [
    LEFT_OUT,
    [node("Exp", "z", "e"), node("ReduceSum", "e last", "sum"), node("Div", "e sum", "y")],
  ],
  "written out, with an exponential of its own in the sum": [
    LOGARITHMS,
    [node("Exp", "z", "e"), node("Exp", "z", "e2"), node("ReduceSum", "e2 last", "sum"), node("Div", "e sum", "y")],
  ],
  "sigmoids with a sum of 1": [LEFT_OUT, [sigmoid, node("ReduceSum", "s last", "sum"), node("Div", "s sum", "y")]],
  "sigmoids of their own": [/a sigmoid of its own/, [node("Sigmoid", "z", "y")]],
  "sigmoids as tanhs, halved by a product": [
    /a sigmoid of its own/,
    [node("Mul", "z half", "h"), node("Tanh", "h", "t"), node("Add", "one t", "u"), node("Mul", "half u", "y")],
  ],
  "sigmoids as tanhs, halved by a quotient": [
    /a sigmoid of its own/,
    [node("Div", "z two", "h"), node("Tanh", "h", "t"), node("Add", "t one", "u"), node("Div", "u two", "y")],
  ],
  "sigmoids made of lines": [/a sigmoid of its own/, [node("HardSigmoid", "z", "y")]],
};

describe("outputs that are probabilities", () => {
  it.each(Object.keys(SHARES))("%s", async (name) => {
    const [note, ending] = SHARES[name];
    const bytes = modelOf(ending);
    const found = await imported(bytes);
    expect(found.notes).toHaveLength(1);
    expect(found.notes[0]).toMatch(note);
    const wanted = (await outputs(bytes)).map(normalized);
    expect(wanted.some((row) => Math.max(...row) > 0.4)).toBe(true);
    expectClose(await probabilities(found), wanted);
    // It goes out again as it came in.
    const { files } = await exportOnnx(found.model, "b");
    expectClose(await probabilities(await imported(files.get("b.onnx") as Uint8Array)), wanted);
  });
});

describe("outputs that are logits", () => {
  it.each<[string, readonly OnnxNode[]]>([
    ["a product", [node("Identity", "z", "y")]],
    ["the logarithm of a softmax", [node("LogSoftmax", "z", "y")]],
    ["a softmax's logarithm", [soft, node("Log", "p", "y")]],
    ["numbers above 0", [node("Softplus", "z", "y")]],
  ])("%s", async (_, ending) => {
    const bytes = modelOf(ending);
    const found = await imported(bytes);
    expect(found.notes).toEqual([]);
    expectClose(await probabilities(found), (await outputs(bytes)).map(softmaxOf));
  });

  it("are said to be a guess where they look like probabilities", async () => {
    const bytes = modelOf([node("Erf", "z", "e"), node("Add", "e one", "a"), node("Mul", "a half", "y")]);
    const found = await imported(bytes);
    expect(found.notes).toEqual([expect.stringMatching(/between 0 and 1 but .* taken as logits/)]);
    expectClose(await probabilities(found), (await outputs(bytes)).map(softmaxOf));
  });

  it("are what the file says that they are", async () => {
    const bytes = modelOf([node("Softmax", "z", "y")], CLASSES, { metadata: { logits: '"y"' } });
    const found = await imported(bytes);
    expect(found.notes).toEqual([]);
    expectClose(await probabilities(found), (await outputs(bytes)).map(softmaxOf));
    // A note about another value says nothing.
    const other = modelOf([node("Softmax", "z", "y")], CLASSES, { metadata: { logits: '"z"' } });
    expect((await imported(other)).notes[0]).toMatch(LEFT_OUT);
  });
});

describe("two classes", () => {
  it.each<[string, readonly OnnxNode[]]>([
    ["a sigmoid", [node("Sigmoid", "z", "y")]],
    ["a sigmoid, passed on", [sigmoid, node("Reshape", "s minus", "t"), node("Clip", "t tiny almost", "y")]],
    ["its opposite", [sigmoid, node("Sub", "one s", "y")]],
    [
      "a sigmoid written out",
      [node("Neg", "z", "n"), node("Exp", "n", "e"), node("Add", "e one", "a"), node("Div", "one a", "y")],
    ],
    [
      "a sigmoid as a tanh",
      [node("Mul", "z half", "h"), node("Tanh", "h", "t"), node("Mul", "t half", "u"), node("Add", "u half", "y")],
    ],
    ["a sigmoid made of lines", [node("HardSigmoid", "z", "y", { alpha: float(0.1) })]],
  ])("are made of one output: %s", async (_, ending) => {
    const bytes = modelOf(ending, 1, {
      initializers: new Map(Object.entries({ w: weight(1), ...constants, minus: int64(-1, 1) })),
    });
    const found = await imported(bytes);
    expect(found.notes).toEqual(["its one output is the probability of the second of two classes"]);
    expect(found.model.classes).toEqual(["0", "1"]);
    const wanted = (await outputs(bytes)).map(([p]) => [1 - p, p]);
    expectClose(await probabilities(found), wanted);
  });

  it("are made of one class of a softmax over two", async () => {
    const bytes = modelOf([soft, node("Slice", "p zero from last", "y")], 2, {
      initializers: new Map(Object.entries({ w: weight(2), ...constants, zero: int64(0) })),
    });
    const wanted = (await outputs(bytes)).map(([p]) => [1 - p, p]);
    expectClose(await probabilities(await imported(bytes)), wanted);
  });

  it.each<[string, readonly OnnxNode[]]>([
    ["in order", [sigmoid, opposite, node("Concat", "t s", "y", { axis: int(1) })]],
    ["turned round", [sigmoid, opposite, node("Concat", "s t", "y", { axis: int(-1) })]],
    [
      "of two sigmoids",
      [sigmoid, node("Neg", "z", "n"), node("Sigmoid", "n", "t"), node("Concat", "t s", "y", { axis: int(1) })],
    ],
    [
      "stacked",
      [
        sigmoid,
        opposite,
        node("Unsqueeze", "s last", "a"),
        node("Unsqueeze", "t last", "b"),
        node("Concat", "a b", "c", { axis: int(1) }),
        node("Flatten", "c", "y"),
      ],
    ],
  ])("are a sigmoid and what is left of 1, %s", async (_, ending) => {
    const bytes = modelOf(ending, 1);
    const found = await imported(bytes);
    expect(found.notes).toHaveLength(1);
    expectClose(await probabilities(found), await outputs(bytes));
  });

  it("are read from one log-odds only when both are named", async () => {
    const bytes = modelOf([node("Identity", "z", "y")], 1);
    await expect(imported(bytes)).rejects.toThrow(/^a\.onnx: it has one output.*name both with --classes/);
    const found = await imported(bytes, { classes: ["no", "yes"] });
    expect(found.notes[0]).toMatch(/log-odds/);
    const wanted = (await outputs(bytes)).map(([z]) => [1 / (1 + Math.exp(z)), 1 / (1 + Math.exp(-z))]);
    expectClose(await probabilities(found), wanted);
  });

  it("are not made of an output that is always 1, or of an unknown share", async () => {
    const always = imported(modelOf([node("Softmax", "z", "y")], 1), { classes: ["no", "yes"] });
    await expect(always).rejects.toThrow(/between 0 and 1 but comes from no sigmoid/);
    await expect(always).rejects.toBeInstanceOf(DataError);
  });
});

describe("the batch", () => {
  it("may be open where a shape inside is of one picture", async () => {
    for (const shape of [int64(1, 16), int64(1, -1)]) {
      const nodes = [node("Reshape", "x s", "f"), node("Gemm", "f w", "y")];
      const initializers = new Map(Object.entries({ w: weight(CLASSES), s: shape }));
      const found = await imported(modelOf([], CLASSES, { nodes, initializers }));
      const wanted = await probabilities(await imported(modelOf([node("Identity", "z", "y")])));
      expectClose(await probabilities(found), wanted);
    }
  });

  it("may be of one where a constant, as a class token is, stands beside the picture's values", async () => {
    const { data } = weight(CLASSES);
    const token: StoredTensor = { dtype: "F32", shape: [1, 1], data: Float32Array.of(1.5) };
    const bias: StoredTensor = { dtype: "F32", shape: [CLASSES], data: Float32Array.of(0.2, -0.4, 0.6) };
    const tall: StoredTensor = {
      dtype: "F32",
      shape: [17, CLASSES],
      data: Float32Array.of(...Array.from(bias.data as Float32Array, (b) => b / 1.5), ...(data as Float32Array)),
    };
    const single = modelOf([], CLASSES, {
      nodes: [node("Flatten", "x", "f"), node("Concat", "token f", "t", { axis: int(1) }), node("Gemm", "t tall", "y")],
      initializers: new Map(Object.entries({ token, tall })),
      inputs: [{ name: "x", dtype: "F32", shape: [1, 1, 4, 4] }],
    });
    const open = modelOf([], CLASSES, {
      nodes: [node("Flatten", "x", "f"), node("Gemm", "f w b", "y")],
      initializers: new Map(Object.entries({ w: weight(CLASSES), b: bias })),
    });
    expectClose(await probabilities(await imported(single)), await probabilities(await imported(open)));
  });

  it("must not matter to what a picture gives", async () => {
    const mixed = modelOf([node("ReduceMean", "z zero", "m"), node("Sub", "z m", "y")], CLASSES, {
      initializers: new Map(Object.entries({ w: weight(CLASSES), zero: int64(0) })),
    });
    await expect(imported(mixed)).rejects.toThrow(/^a\.onnx: .*depends on the others in the batch/);
  });

  it("of one only is refused under the file's name", async () => {
    const single = modelOf([node("Squeeze", "z zero", "v"), node("Unsqueeze", "v zero", "y")], CLASSES, {
      initializers: new Map(Object.entries({ w: weight(CLASSES), zero: int64(0) })),
    });
    await expect(imported(single)).rejects.toThrow(/^a\.onnx: it takes one picture at a time; export it with an open/);
  });
});

describe("several inputs or outputs", () => {
  it("are refused by name, with what to do", async () => {
    const y = { name: "y", dtype: "F32", shape: ["N", "K"] } as const;
    const two = modelOf([soft, node("Identity", "p", "y")], CLASSES, { outputs: [y, { ...y, name: "z" }] });
    await expect(imported(two)).rejects.toThrow(
      /^a\.onnx: it has 2 outputs \("y", "z"\) .* onnx\.utils\.extract_model$/,
    );
  });
});

describe("the order of nodes", () => {
  it("is found by what they need", async () => {
    const sorted = [...dense, soft, node("Identity", "p", "y")];
    const wanted = await probabilities(await imported(modelOf([], CLASSES, { nodes: sorted })));
    for (let seed = 0; seed < sorted.length; seed++) {
      const nodes = [...sorted.slice(seed), ...sorted.slice(0, seed)].reverse();
      expectClose(await probabilities(await imported(modelOf([], CLASSES, { nodes }))), wanted);
    }
  });

  it("leaves out what the output does not need", async () => {
    const found = await imported(modelOf([node("Unheard", "z", "other"), node("Identity", "z", "y")]));
    expect(found.model.classes).toHaveLength(CLASSES);
  });

  it("names a cycle, a missing value, and one that is made twice", async () => {
    const cycle = [node("Add", "z b", "a"), node("Neg", "a", "b"), node("Add", "z b", "y")];
    await expect(imported(modelOf(cycle))).rejects.toThrow(/^a\.onnx: node ".*needs its own output.*cycle/);
    await expect(imported(modelOf([node("Add", "z none", "y")]))).rejects.toThrow(/"none" is made by no node/);
    const twice = [node("Neg", "z", "y"), node("Abs", "z", "y")];
    await expect(imported(modelOf(twice))).rejects.toThrow(/"y" is made twice/);
  });

  it("costs no more than the file is long", async () => {
    const chain = Array.from({ length: 15_000 }, (_, i) => node("Identity", i === 0 ? "z" : `v${i}`, `v${i + 1}`));
    const nodes = [node("Neg", "v15000", "y"), ...chain.reverse()];
    expect((await imported(modelOf(nodes))).model.classes).toHaveLength(CLASSES);
  });
});

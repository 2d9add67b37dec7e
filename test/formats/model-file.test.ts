import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32, crcToHex } from "../../src/formats/checksum.ts";
import { decodeModelFile, encodeModelFile, type ModelFile, openModelFile } from "../../src/formats/model-file.ts";
import { parseSafetensors, serializeSafetensors } from "../../src/formats/safetensors.ts";
import type { NamedTensor } from "../../src/formats/tensor-data.ts";
import { serializeTorch } from "../../src/formats/torch-writer.ts";
import { decodeWeights } from "../../src/formats/weights-file.ts";
import { expectRefusal, golden, ramp } from "./helpers.ts";

const model: ModelFile = {
  version: "0.1.0",
  architecture: { name: "mlp", options: { hidden: [3], bias: true } },
  graph: { ops: [{ op: "linear", inputs: ["x", "fc.weight"] }], note: 'say "ductus.crc32":"12345678" ✓' },
  task: {
    kind: "classify",
    input: { kind: "numbers", shape: [3], dtype: "float32", normalization: null, preprocessing: { polarity: "auto" } },
    classNames: ["α", "β"],
  },
  recipe: { epochs: 5 },
  dataset: { name: "mnist", fingerprint: "00c0ffee" },
  metrics: { accuracy: 0.5, best: null },
  golden: {
    input: { shape: [1, 3], data: ramp(3) },
    others: new Map([["length", { shape: [1], data: Int32Array.of(2) }]]),
    output: { shape: [1, 2], data: Float32Array.of(0.25, 0.75) },
  },
  weights: new Map<string, NamedTensor>([
    ["fc.bias", { shape: [2], data: Float32Array.of(1, -1) }],
    ["fc.weight", { shape: [2, 3], data: ramp(6) }],
    ["steps", { shape: [], data: Int32Array.of(7) }],
  ]),
};

type Change = (metadata: Record<string, unknown>) => unknown;

/** The model's file with its metadata changed and sealed anew, as a hostile or newer writer could. */
function withMetadata(change: Change, bytes = encodeModelFile(model)): Uint8Array {
  const { tensors, metadata } = parseSafetensors(bytes, "a");
  const changed = change(JSON.parse(metadata["ductus"]));
  const json = typeof changed === "string" ? changed : JSON.stringify(changed);
  return seal(serializeSafetensors(tensors, { ...metadata, ductus: json, "ductus.crc32": "00000000" }));
}

/** As {@link withMetadata}, of the file of format 1. */
const withFirst = (change: Change): Uint8Array => withMetadata(change, golden("model.safetensors"));

function seal(bytes: Uint8Array): Uint8Array {
  const key = '},"ductus.crc32":"';
  const at = Buffer.from(bytes).indexOf(key.slice(2)) + key.length - 2;
  bytes.set(new TextEncoder().encode(crcToHex(crc32(bytes))), at);
  return bytes;
}

describe("the model file", () => {
  it("gives back the whole model, and equal models give equal bytes", () => {
    const bytes = encodeModelFile(model);
    expect(decodeModelFile(bytes, "a")).toEqual(model);
    const reordered = { ...model, weights: new Map([...model.weights].toReversed()) };
    expect(encodeModelFile(reordered)).toEqual(bytes);
  });

  it("gives back any JSON and any weights", () => {
    const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true });
    const weights = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}\.[a-z]{1,8}$/), fc.float32Array({ minLength: 1 }));
    fc.assert(
      fc.property(json, json, weights, (options, graph, arrays) => {
        // JSON has no negative zero.
        const plain = JSON.parse(JSON.stringify({ options, graph }));
        fc.pre(!JSON.stringify(plain).includes("__proto__"));
        const tensors = Object.entries(arrays).filter(([name]) => !name.startsWith("ductus."));
        const any: ModelFile = {
          ...model,
          architecture: { name: "own", options: plain.options },
          graph: plain.graph,
          weights: new Map(tensors.map(([name, data]) => [name, { shape: [data.length, 1], data }])),
        };
        expect(decodeModelFile(encodeModelFile(any), "a")).toEqual(any);
      }),
      { numRuns: 100 },
    );
  });

  it("keeps the bytes of its format, which the golden script opens with the Python package", () => {
    expect(encodeModelFile(model)).toEqual(golden("model-2.safetensors"));
  });

  it("of format 1 is read for ever: what it says of inputs and classes becomes a task", () => {
    const { others: _, ...first } = model.golden;
    const preprocessing = { polarity: "auto", mean: 0.5 };
    const input = { kind: "numbers", shape: [3], dtype: "float32", normalization: null, preprocessing };
    const task = { kind: "classify", input, classNames: ["α", "β"] };
    expect(decodeModelFile(golden("model.safetensors"), "a")).toEqual({ ...model, golden: first, task });
    // The normalization stood among the options of the architecture.
    const normalization = { mean: [0.5], std: 2 };
    const own = withFirst((m) => ({ ...m, architecture: { name: "mlp", options: { hidden: [3], normalization } } }));
    const { architecture, task: moved } = decodeModelFile(own, "a");
    expect(architecture).toEqual({ name: "mlp", options: { hidden: [3] } });
    expect(moved).toEqual({ ...task, input: { ...input, normalization } });
  });

  it("refuses every single flipped bit", () => {
    const bytes = encodeModelFile(model);
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        bytes[at] ^= 1 << bit;
        expectRefusal(() => decodeModelFile(bytes, "a.safetensors"), /./, "a.safetensors");
        bytes[at] ^= 1 << bit;
      }
    }
    expect(decodeModelFile(bytes, "a")).toEqual(model);
  });

  it("refuses to be cut anywhere or to go on after its end", () => {
    const bytes = encodeModelFile(model);
    for (let length = 0; length < bytes.length; length++) {
      expectRefusal(() => decodeModelFile(bytes.subarray(0, length), "a"), /cut short|is empty/, "a");
    }
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    expectRefusal(() => decodeModelFile(longer, "a"), /1 bytes after its last tensor/, "a");
  });

  it("names the place of a flipped weight's damage: the checksum", () => {
    const bytes = encodeModelFile(model);
    bytes[bytes.length - 1] ^= 1;
    expectRefusal(
      () => decodeModelFile(bytes, "a"),
      /^a is damaged: its checksum is [0-9a-f]{8} instead of "[0-9a-f]{8}"/,
    );
    expectRefusal(() => decodeWeights(bytes, "a"), /^a is damaged: its checksum/);
  });

  const wrong: Record<string, [bytes: () => Uint8Array, message: RegExp]> = {
    "a newer format": [
      () => withMetadata((m) => ({ ...m, format: 3, surprise: 1 })),
      /format 3 is newer than 2.*update/,
    ],
    "a format of no number": [() => withMetadata((m) => ({ ...m, format: "1" })), /metadata is wrong: format/],
    "metadata of no object": [() => withMetadata(() => "[1]"), /metadata is wrong: the whole/],
    "metadata of no JSON": [() => withMetadata(() => "{"), /its metadata is not JSON/],
    "metadata nested without end": [() => withMetadata(() => "[".repeat(9999) + "]".repeat(9999)), /nested deeper/],
    "a key twice": [() => withMetadata(() => '{"format":1,"format":1}'), /"format" twice/],
    "__proto__ deep inside": [
      () => withMetadata((m) => JSON.stringify(m).replace('"hidden"', '"__proto__"')),
      /"__proto__"; refused/,
    ],
    "a missing part": [() => withMetadata(({ task: _, ...m }) => m), /metadata is wrong: task/],
    "a missing part in format 1": [() => withFirst(({ classNames: _, ...m }) => m), /metadata is wrong: classNames/],
    "a part of format 2 in format 1": [() => withFirst((m) => ({ ...m, task: {} })), /metadata is wrong: .*task/],
    "a task that is no record": [() => withMetadata((m) => ({ ...m, task: [] })), /metadata is wrong: task/],
    "an unknown part": [() => withMetadata((m) => ({ ...m, run: "rm -rf" })), /metadata is wrong: .*run/],
    "an unknown part with control characters": [() => withMetadata((m) => ({ ...m, "\u001b[2J\n": 1 })), /u001b/],
    "an architecture that is a path": [
      () => withMetadata((m) => ({ ...m, architecture: { name: "../../evil", options: {} } })),
      /architecture\.name: must not contain slashes/,
    ],
    "a class name that moves the cursor": [
      () => withFirst((m) => ({ ...m, classNames: ["\u001b[2J"] })),
      /classNames\.0/,
    ],
    "no classes": [() => withFirst((m) => ({ ...m, classNames: [] })), /classNames/],
    "an input of no size": [
      () => withFirst((m) => ({ ...m, input: { shape: [0], dtype: "float32" } })),
      /input\.shape/,
    ],
    "no golden output": [
      () => {
        const { tensors, metadata } = parseSafetensors(encodeModelFile(model), "a");
        tensors.delete("ductus.golden.output");
        return seal(serializeSafetensors(tensors, { ...metadata, "ductus.crc32": "00000000" }));
      },
      /lacks ductus\.golden\.output/,
    ],
    "weights of another type": [
      () => {
        const { tensors, metadata } = parseSafetensors(encodeModelFile(model), "a");
        tensors.set("w", { dtype: "F64", shape: [1], data: Float64Array.of(1) });
        return seal(serializeSafetensors(tensors, { ...metadata, "ductus.crc32": "00000000" }));
      },
      /tensor "w" is F64/,
    ],
    "a lost seal": [
      () => {
        const { tensors, metadata } = parseSafetensors(encodeModelFile(model), "a");
        return serializeSafetensors(tensors, { ductus: metadata["ductus"] });
      },
      /lost its checksum/,
    ],
    "bare weights": [() => golden("every-dtype.safetensors"), /bare weights.*--init digits\.safetensors/],
    "few bare weights": [() => golden("halves.safetensors"), /bare weights.*--init digits\.safetensors/],
    "a PyTorch file": [() => golden("views.pt"), /is not a model file: it is a file of weights of PyTorch.*--init/],
    "an empty file": [() => new Uint8Array(0), /it is empty/],
  };
  it.each(Object.keys(wrong))("refuses %s in one line", async (title) => {
    const [bytes, message] = wrong[title];
    const error: unknown = await openModelFile(bytes(), "digits.safetensors").catch((thrown: unknown) => thrown);
    expectRefusal(
      () => {
        throw error;
      },
      message,
      "digits.safetensors",
    );
  });

  it("says what cannot be saved", () => {
    const save = (change: Partial<ModelFile>) => () => encodeModelFile({ ...model, ...change });
    expectRefusal(save({ metrics: { loss: Number.NaN } }), /"loss" is NaN/);
    expectRefusal(save({ dataset: { name: "", fingerprint: "0" } }), /cannot save the model: dataset\.name/);
    expectRefusal(save({ weights: new Map([["ductus.x", { shape: [1], data: ramp(1) }]]) }), /"ductus\.x" is reserved/);
    expectRefusal(save({ weights: new Map([["w", { shape: [2], data: ramp(1) }]]) }), /"w" has 1 values/);
    expect(decodeModelFile(encodeModelFile({ ...model, recipe: { a: undefined } }), "a").recipe).toEqual({});
  });
});

describe("weights to start from", () => {
  const weights = new Map([
    ["fc.bias", { shape: [2], data: Float32Array.of(1, -1) }],
    ["fc.weight", { shape: [2, 3], data: ramp(6) }],
  ]);
  const stored = [...weights].map(([name, tensor]) => [name, { dtype: "F32", ...tensor }] as const);

  it("come from a model file, bare safetensors or a state dict, told apart by content", () => {
    const fromModel = decodeWeights(encodeModelFile(model), "a.bin");
    expect(fromModel).toEqual(new Map([...weights, ["steps", { shape: [], data: Float32Array.of(7) }]]));
    expect(decodeWeights(serializeSafetensors(new Map(stored)), "a.pt")).toEqual(weights);
    expect(decodeWeights(serializeTorch(weights), "a.safetensors")).toEqual(weights);
    expect(decodeWeights(golden("every-dtype.safetensors"), "a").get("f16")?.data).toEqual(ramp(6));
    expect(decodeWeights(golden("oldest.tar"), "a").get("i64")?.data).toEqual(Float32Array.of(-3, -2, -1, 0, 1, 2));
    expect(decodeWeights(golden("checkpoint.pth"), "a").get("1.num_batches_tracked")?.data).toEqual(Float32Array.of(1));
  });

  it("are refused in one line when there are none", () => {
    expectRefusal(() => decodeWeights(new Uint8Array(0), "a"), /^a holds no weights that can be read: it is empty/);
    expectRefusal(() => decodeWeights(new TextEncoder().encode("label,pixel0\n1,2\n"), "a"), /it is a table/);
    expectRefusal(() => decodeWeights(serializeSafetensors(new Map()), "a"), /no tensors/);
  });
});

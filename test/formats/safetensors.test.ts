import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSafetensors, serializeSafetensors } from "../../src/formats/safetensors.ts";
import { ARRAYS, type Dtype, elementCount, type StoredTensor, toFloat32 } from "../../src/formats/tensor-data.ts";
import { expectRefusal, golden, ramp, rawSafetensors } from "./helpers.ts";

const tensorNames = fc.string().filter((name) => name !== "__metadata__" && name !== "__proto__");

const tensors = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(ARRAYS) as Dtype[])),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    seed: fc.nat(255),
  })
  .map(({ dtype, shape, seed }) => {
    const count = elementCount(shape)!;
    const bytes = Uint8Array.from({ length: count * ARRAYS[dtype].BYTES_PER_ELEMENT }, (_, i) => i * 37 + seed);
    return { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) } as StoredTensor;
  });

const entry = (dtype: string, shape: unknown, offsets: unknown): unknown => ({ dtype, shape, data_offsets: offsets });

describe("safetensors", () => {
  it("gives back what was written, whatever the order of the map", () => {
    const maps = fc.uniqueArray(fc.tuple(tensorNames, tensors), { selector: ([name]) => name, maxLength: 6 });
    const metadata = fc.dictionary(tensorNames, fc.string(), { noNullPrototype: true, maxKeys: 4 });
    fc.assert(
      fc.property(maps, metadata, (list, strings) => {
        const bytes = serializeSafetensors(new Map(list), strings);
        expect(serializeSafetensors(new Map(list.toReversed()), strings)).toEqual(bytes);
        const read = parseSafetensors(bytes, "a");
        expect(read.metadata).toEqual(strings);
        expect(new Map([...read.tensors].sort())).toEqual(new Map([...new Map(list)].sort()));
      }),
      { numRuns: 100 },
    );
  });

  it("reads bytes at any alignment", () => {
    const bytes = serializeSafetensors(new Map([["w", { dtype: "F32", shape: [3], data: ramp(3) }]]));
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(parseSafetensors(shifted.subarray(1), "a").tensors.get("w")?.data).toEqual(ramp(3));
  });

  it("reads every element type as the Python package writes it", () => {
    const { tensors: read, metadata } = parseSafetensors(golden("every-dtype.safetensors"), "golden");
    expect(metadata).toEqual({ note: "naïve ✓" });
    const values = (name: string): number[] => [...toFloat32(read.get(name)!)];
    for (const name of ["f64", "f32", "f16", "bf16"]) expect(values(name), name).toEqual([...ramp(6)]);
    for (const name of ["i64", "i32", "i16", "i8"]) expect(values(name), name).toEqual([-3, -2, -1, 0, 1, 2]);
    expect(values("u8")).toEqual([0, 1, 2, 3, 4, 5]);
    expect(values("bool")).toEqual([0, 1, 0, 1, 0, 1]);
    expect(read.get("scalar")).toEqual({ dtype: "F32", shape: [], data: Float32Array.of(1.5) });
    expect(read.get("empty")).toEqual({ dtype: "F32", shape: [0, 3], data: new Float32Array(0) });
  });

  it("widens half floats exactly: subnormals, the largest, infinities, -0", () => {
    const { tensors: read } = parseSafetensors(golden("halves.safetensors"), "golden");
    expect(toFloat32(read.get("f16")!)).toEqual(read.get("f32")!.data);
    const coarse = toFloat32(read.get("bf16")!);
    expect(coarse.slice(3, 6)).toEqual(Float32Array.of(Infinity, -Infinity, -0));
    expect(coarse[6]).toBe(0.333984375);
  });

  it("writes the bytes that the golden script opens with the Python package", () => {
    const written = serializeSafetensors(
      new Map<string, StoredTensor>([
        ["b", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
        ["a.weight", { dtype: "F32", shape: [2, 3], data: ramp(6) }],
        ["n", { dtype: "I64", shape: [], data: BigInt64Array.of(7n) }],
      ]),
      { note: "naïve ✓" },
    );
    expect(written).toEqual(golden("written.safetensors"));
  });

  const four = new Uint8Array(4);
  const refused: Record<string, [bytes: Uint8Array, message: RegExp]> = {
    "an empty file": [new Uint8Array(0), /cut short/],
    "a header length beyond the limit": [Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 123, 125), /claims \d+/],
    "a negative header length": [new Uint8Array(16).fill(255), /claims/],
    "a header length beyond the file": [Uint8Array.of(90, 0, 0, 0, 0, 0, 0, 0, 123, 125), /cut short: its header/],
    "a header that is not UTF-8": [Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 123, 255, 125), /not UTF-8/],
    "a header that is not JSON": [rawSafetensors('{"a":'), /not JSON/],
    "a header that is no object": [rawSafetensors("[]"), /not a JSON object/],
    "a header that starts with a space": [rawSafetensors(" {}"), /not a JSON object/],
    "a header nested without end": [rawSafetensors(`{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`), /nested deeper/],
    "a key twice": [
      rawSafetensors('{"a":{"dtype":"U8","shape":[4],"dtype":"I8","data_offsets":[0,4]}}', four),
      /twice/,
    ],
    "a tensor twice, spelled differently": [rawSafetensors('{"a":1,"\\u0061":2}'), /"a" twice/],
    "a tensor named __proto__": [rawSafetensors('{"__proto__":{}}'), /__proto__/],
    "a metadata key named __proto__": [rawSafetensors('{"__metadata__":{"__pr\\u006fto__":"x"}}'), /__proto__/],
    "metadata that is no object": [rawSafetensors({ __metadata__: [] }), /__metadata__/],
    "metadata that is no string": [rawSafetensors({ __metadata__: { a: 1 } }), /not a string/],
    "a tensor that is null": [rawSafetensors({ a: null }), /exactly dtype, shape and data_offsets/],
    "a tensor with more to it": [
      rawSafetensors({ a: { ...(entry("U8", [4], [0, 4]) as object), path: "/etc" } }),
      /exactly/,
    ],
    "an unknown element type": [rawSafetensors({ a: entry("toString", [4], [0, 4]) }, four), /element type "toString"/],
    "a shape of no numbers": [rawSafetensors({ a: entry("U8", ["4"], [0, 4]) }, four), /whole numbers/],
    "a negative shape": [rawSafetensors({ a: entry("U8", [-2, -2], [0, 4]) }, four), /whole numbers/],
    "a fractional shape": [rawSafetensors({ a: entry("U8", [0.5, 8], [0, 4]) }, four), /whole numbers/],
    "a shape that overflows": [
      rawSafetensors({ a: entry("U8", Array(8).fill(2 ** 32), [0, 4]) }, four),
      /impossible shape/,
    ],
    "a shape that overflows to zero": [rawSafetensors({ a: entry("U8", [2 ** 52, 4096, 0], [0, 0]) }), /impossible/],
    "a size that overflows in bytes": [
      rawSafetensors({ a: entry("F64", [2 ** 52], [0, 4]) }, four),
      /impossible shape/,
    ],
    "offsets that are no numbers": [rawSafetensors({ a: entry("U8", [4], ["0", 4]) }, four), /data_offsets/],
    "offsets that run backwards": [rawSafetensors({ a: entry("U8", [4], [4, 0]) }, four), /span -4/],
    "offsets that do not match the shape": [rawSafetensors({ a: entry("F32", [4], [0, 4]) }, four), /takes 16 bytes/],
    "offsets beyond the file": [rawSafetensors({ a: entry("U8", [8], [0, 8]) }, four), /cut short: its tensors take 8/],
    "overlapping tensors": [
      rawSafetensors({ a: entry("U8", [3], [0, 3]), b: entry("U8", [2], [2, 4]) }, four),
      /"b" overlaps/,
    ],
    "a hole": [rawSafetensors({ a: entry("U8", [1], [0, 1]), b: entry("U8", [2], [2, 4]) }, four), /"b" leaves a hole/],
    "bytes before the first tensor": [rawSafetensors({ a: entry("U8", [2], [2, 4]) }, four), /leaves a hole/],
    "bytes after the last tensor": [rawSafetensors({ a: entry("U8", [2], [0, 2]) }, four), /2 bytes after/],
    "a name with control characters": [rawSafetensors({ "\u001b[2J\n\u2028\u009b": 1 }), /u001b/],
  };
  it.each(Object.keys(refused))("refuses %s in one line", (title) => {
    const [bytes, message] = refused[title];
    expectRefusal(() => parseSafetensors(bytes, "digits.safetensors"), message, "digits.safetensors");
  });

  it("refuses a file that is cut anywhere", () => {
    const bytes = golden("every-dtype.safetensors");
    for (let length = 0; length < bytes.length; length++) {
      expectRefusal(() => parseSafetensors(bytes.subarray(0, length), "a"), /cut short/, "a");
    }
  });

  it("says which tensor cannot be written", () => {
    const write = (name: string, tensor: StoredTensor) => () => serializeSafetensors(new Map([[name, tensor]]));
    expectRefusal(write("w", { dtype: "F32", shape: [2], data: ramp(3) }), /"w" has 3 values/);
    expectRefusal(write("w", { dtype: "F16", shape: [3], data: ramp(3) } as never), /F16.*Uint16Array/);
    expectRefusal(write("__metadata__", { dtype: "F32", shape: [3], data: ramp(3) }), /rename/);
  });
});

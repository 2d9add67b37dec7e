import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NamedTensor } from "../../src/formats/tensor-data.ts";
import { looksLikeTorch, parseTorch, serializeTorch } from "../../src/formats/torch.ts";
import { readZip, writeZip } from "../../src/formats/zip.ts";
import { expectRefusal, golden, ramp } from "./helpers.ts";

/** A file of today's format around a pickle, given as text of one byte per character, and one storage "0". */
function torchFile(pickle: string, storage: Uint8Array = new Uint8Array(16)): Uint8Array {
  const encoder = new TextEncoder();
  return writeZip(
    new Map([
      ["x/data.pkl", Uint8Array.from(pickle, (c) => c.charCodeAt(0))],
      ["x/byteorder", encoder.encode("little")],
      ["x/data/0", storage],
    ]),
  );
}

const text = (value: string): string => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
const numbers = (...values: number[]): string =>
  `(${values.map((n) => (n < 256 ? `K${String.fromCharCode(n)}` : int(n))).join("")}t`;
const int = (n: number): string => `J${String.fromCharCode(...new Uint8Array(Int32Array.of(n).buffer))}`;
const storage = (type: string, count: number, key = "0"): string =>
  `(${text("storage")}ctorch\n${type}\n${text(key)}${text("cpu")}${int(count)}tQ`;
const rebuild = (store: string, offset: number, shape: string, stride: string): string =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${store}${int(offset)}${shape}${stride}\x89}tR`;
const dict = (value: string): string => `\x80\x02}${text("w")}${value}s.`;

describe("PyTorch files", () => {
  it("reads what PyTorch saved: every element type, every kind of stride, in order", () => {
    const read = parseTorch(golden("views.pt"), "views.pt");
    expect([...read.keys()].slice(-8)).toEqual([
      "conv.weight",
      "transposed",
      "row",
      "column",
      "stepped",
      "expanded",
      "channels_last",
      "wide",
    ]);
    for (const name of ["f64", "f32", "f16", "bf16"]) {
      expect(read.get(name), name).toEqual({ shape: [2, 3], data: ramp(6) });
    }
    for (const name of ["i64", "i32", "i16", "i8"]) {
      expect(read.get(name), name).toEqual({ shape: [2, 3], data: Int32Array.of(-3, -2, -1, 0, 1, 2) });
    }
    expect(read.get("u8")?.data).toEqual(Int32Array.of(0, 1, 2, 3, 4, 5));
    expect(read.get("bool")?.data).toEqual(Int32Array.of(0, 1, 0, 1, 0, 1));
    expect(read.get("scalar")).toEqual({ shape: [], data: Float32Array.of(1.5) });
    expect(read.get("empty")).toEqual({ shape: [0, 3], data: new Float32Array(0) });

    const base = ramp(24);
    expect(read.get("conv.weight")).toEqual({ shape: [2, 1, 3, 3], data: ramp(18) });
    const transposed = Array.from({ length: 24 }, (_, i) => base[(i % 4) * 6 + Math.floor(i / 4)]);
    expect(read.get("transposed")).toEqual({ shape: [6, 4], data: Float32Array.from(transposed) });
    expect(read.get("row")).toEqual({ shape: [6], data: base.slice(12, 18) });
    expect(read.get("column")?.data).toEqual(Float32Array.of(base[3], base[9], base[15], base[21]));
    expect(read.get("stepped")?.data).toEqual(Float32Array.from([1, 3, 5, 13, 15, 17], (i) => base[i]));
    expect(read.get("expanded")?.data).toEqual(Float32Array.of(5, 5, 5, 6, 6, 6));
    expect(read.get("channels_last")).toEqual({ shape: [2, 3, 2, 2], data: ramp(24) });
    expect(read.get("wide")?.data).toEqual(ramp(300));
  });

  it.each(["checkpoint.pth", "protocol4.pt"])("finds the state dict in %s", (file) => {
    const read = parseTorch(golden(file), file);
    expect([...read.keys()]).toEqual([
      "0.weight",
      "0.bias",
      "1.weight",
      "1.bias",
      "1.running_mean",
      "1.running_var",
      "1.num_batches_tracked",
    ]);
    expect(read.get("0.weight")).toEqual({ shape: [2, 1, 3, 3], data: ramp(18) });
    expect(read.get("1.num_batches_tracked")?.shape).toEqual([]);
  });

  it("gives back what it wrote", () => {
    const tensors = fc.oneof(
      fc.float32Array({ maxLength: 300 }).map((data): NamedTensor => ({ shape: [data.length], data })),
      fc.int32Array({ maxLength: 300 }).map((data): NamedTensor => ({ shape: [1, data.length, 1], data })),
    );
    const maps = fc.uniqueArray(fc.tuple(fc.string(), tensors), { selector: ([name]) => name, minLength: 1 });
    fc.assert(
      fc.property(maps, (entries) => {
        expect([...parseTorch(serializeTorch(new Map(entries)), "a")]).toEqual(entries);
      }),
      { numRuns: 50 },
    );
  });

  it("writes the bytes that the golden script opens with torch.load(weights_only=True)", () => {
    const written = serializeTorch(
      new Map<string, NamedTensor>([
        ["conv.weight", { shape: [2, 1, 3, 3], data: ramp(18) }],
        ["größe", { shape: [300], data: ramp(300) }],
        ["steps", { shape: [], data: Int32Array.of(-7) }],
        ["none", { shape: [0, 3], data: new Float32Array(0) }],
      ]),
    );
    expect(written).toEqual(golden("written.pt"));
  });

  it("runs nothing: refuses any global that is no tensor, by name", () => {
    expectRefusal(
      () => parseTorch(golden("evil.pt"), "evil.pt"),
      /asks for posix\.system, which is not a tensor; refused/,
    );
    expectRefusal(
      () => parseTorch(golden("module.pt"), "m.pt"),
      /asks for torch\.nn\.modules\.conv\.Conv2d.*state_dict\(\)/,
    );
    const globals = [
      "builtins.eval",
      "os.system",
      "torch._utils._rebuild_tensor",
      "torch.storage._load_from_bytes",
      "__proto__.x",
    ];
    for (const path of [...globals, "collections.OrderedDict.fromkeys", "hasOwnProperty.call", "\u001b[2J.\u202e"]) {
      const dot = path.lastIndexOf(".");
      const pair = [path.slice(0, dot), path.slice(dot + 1)].map((part) =>
        String.fromCharCode(...new TextEncoder().encode(part)),
      );
      const byLine = torchFile(dict(`c${pair.join("\n")}\n${text("echo")}\x85R`));
      const byStack = torchFile(dict(`${pair.map(text).join("")}\x93${text("echo")}\x85R`));
      for (const bytes of [byLine, byStack]) expectRefusal(() => parseTorch(bytes, "a"), /^a asks for .*refused/);
    }
  });

  it("says what to do about the old format, TorchScript and archives of another kind", () => {
    expectRefusal(() => parseTorch(golden("legacy.pt"), "old.pt"), /before version 1\.6;.*save it again/, "old.pt");
    const entries = readZip(golden("protocol4.pt"), "a");
    const script = writeZip(new Map([...entries, ["protocol4/constants.pkl", new Uint8Array(1)]]));
    expectRefusal(() => parseTorch(script, "a"), /TorchScript/);
    const bigEndian = writeZip(new Map([...entries, ["protocol4/byteorder", new TextEncoder().encode("big")]]));
    expectRefusal(() => parseTorch(bigEndian, "a"), /"big"-endian/);
    expectRefusal(() => parseTorch(writeZip(new Map([["arr_0.npy", new Uint8Array(9)]])), "a.npz"), /no data\.pkl/);
    expectRefusal(() => parseTorch(new Uint8Array(100), "a"), /not a ZIP archive/);
    expect(looksLikeTorch(golden("legacy.pt"))).toBe(true);
    expect(looksLikeTorch(golden("halves.safetensors"))).toBe(false);
  });

  const good = storage("FloatStorage", 4);
  const hostile: Record<string, [pickle: string, message: RegExp]> = {
    "a pickle cut short": [dict(rebuild(good, 0, numbers(4), numbers(1))).slice(0, -20), /cut short/],
    "a storage larger than its bytes": [
      dict(rebuild(storage("FloatStorage", 5), 0, numbers(4), numbers(1))),
      /cut short: .*20 bytes/,
    ],
    "a storage that is missing": [
      dict(rebuild(storage("FloatStorage", 4, "../version"), 0, numbers(4), numbers(1))),
      /is missing/,
    ],
    "a negative storage": [dict(rebuild(storage("FloatStorage", -1), 0, numbers(4), numbers(1))), /no tensor storage/],
    "an id that is no storage": [dict(`${text("../etc/passwd")}Q`), /no tensor storage/],
    "a tensor beyond its storage": [
      dict(rebuild(good, 1, numbers(4), numbers(1))),
      /reaches value 4 of a storage of 4/,
    ],
    "strides beyond its storage": [dict(rebuild(good, 0, numbers(2, 2), numbers(3, 1))), /reaches value 4/],
    "a negative offset": [dict(rebuild(good, -1, numbers(4), numbers(1))), /do not fit/],
    "a negative stride": [dict(rebuild(good, 3, numbers(4), `(${int(-1)}t`)), /whole numbers/],
    "more strides than axes": [dict(rebuild(good, 0, numbers(4), numbers(4, 1))), /do not fit/],
    "a shape that overflows": [
      dict(rebuild(good, 0, numbers(...Array(4).fill(2 ** 30)), numbers(0, 0, 0, 0))),
      /do not fit/,
    ],
    "a value expanded without end": [
      dict(rebuild(good, 0, numbers(2 ** 30, 64), numbers(0, 0))),
      /far larger than the file/,
    ],
    "a tensor of no storage": [dict(rebuild("N", 0, numbers(4), numbers(1))), /no storage/],
    "a call of data": [dict(`${text("os")})R`), /not to be called/],
    "a call of a storage class": [dict("ctorch\nFloatStorage\n)R"), /calls torch\.FloatStorage/],
    "attributes on a tensor": [dict(`${rebuild(good, 0, numbers(4), numbers(1))}}b`), /sets attributes/],
    "an empty stack": ["\x80\x02.", /stack runs empty/],
    "a mark for a value": ["\x80\x02(.", /stack runs empty/],
    "a memo never made": ["\x80\x02h\x05.", /never made/],
    "an unknown instruction": ["\x80\x02iposix\nsystem\n.", /instruction "i"; refused/],
    "a protocol of the future": ["\x80\x09.", /protocol 9/],
    "bytes behind the end": [`${dict(rebuild(good, 0, numbers(4), numbers(1)))}X`, /goes on after its end/],
    "no tensors": [dict("N"), /no state dict \(its keys are "w"\)/],
    "a list": ["\x80\x02].", /no state dict \(it holds no dictionary/],
    "a dictionary inside itself": [`\x80\x02}q\0${text("model")}h\0s.`, /no state dict/],
    "whole numbers beyond 32 bits": [
      dict(rebuild(storage("LongStorage", 2), 0, numbers(2), numbers(1))),
      /beyond 32 bits/,
    ],
  };
  it.each(Object.keys(hostile))("refuses %s in one line", (title) => {
    const [pickle, message] = hostile[title];
    expectRefusal(() => parseTorch(torchFile(pickle, new Uint8Array(16).fill(127)), "net.pt"), message, "net.pt");
  });

  it("answers any damage to the pickle with a message, never with another error", () => {
    const entries = readZip(golden("checkpoint.pth"), "a");
    const pickle = entries.get("checkpoint/data.pkl")!;
    fc.assert(
      fc.property(fc.nat(pickle.length - 1), fc.nat(255), (at, value) => {
        const damaged = pickle.slice();
        damaged[at] = value;
        const bytes = writeZip(new Map([...entries, ["checkpoint/data.pkl", damaged]]));
        try {
          parseTorch(bytes, "a");
        } catch (error) {
          expectRefusal(() => {
            throw error;
          }, /^a/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NamedTensor } from "../../src/formats/tensor-data.ts";
import { looksLikeTorch, parseTorch } from "../../src/formats/torch.ts";
import { serializeTorch } from "../../src/formats/torch-writer.ts";
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

  it.each(["beside-2.pt", "beside-4.pt"])("passes over what stands beside the weights in %s", (file) => {
    expect([...parseTorch(golden(file), file)]).toEqual([
      ["fc.weight", { shape: [2, 3], data: ramp(6) }],
      ["fc.bias", { shape: [2], data: ramp(2) }],
    ]);
  });

  it("honors what changes the meaning of the bytes: the negative bit, types that tensors name, attributes", () => {
    const read = parseTorch(golden("flags.pt"), "flags.pt");
    expect(read.get("neg.f32")?.data).toEqual(Float32Array.of(-2, -4));
    const negated = ramp(6).map((value) => -value);
    for (const type of ["float64", "float16", "bfloat16"]) expect(read.get(`neg.${type}`)?.data, type).toEqual(negated);
    for (const type of ["int64", "int8"]) {
      expect(read.get(`neg.${type}`)?.data, type).toEqual(Int32Array.of(3, 2, 1, 0, -1, -2));
    }
    expect(read.get("neg.uint8")?.data).toEqual(Int32Array.of(0, 255, 254, 253, 252, 251));
    expect(read.get("neg.column")).toEqual({ shape: [2], data: Float32Array.of(1.75, 1) });
    for (const type of ["uint16", "uint32", "uint64"]) {
      expect(read.get(type)?.data, type).toEqual(Int32Array.of(65531, 65532, 65533, 65534, 65535));
    }
    for (const name of ["parameter", "attributes", "buffer"]) {
      expect(read.get(name), name).toEqual({ shape: [2, 3], data: ramp(6) });
    }
    expect(read.get("hole")).toEqual({ shape: [3, 0, 2], data: new Float32Array(0) });
    expect(read.get("end")).toEqual({ shape: [0], data: new Float32Array(0) });
  });

  it("reads the formats from before 1.6, and numbers of machines that begin with the other byte", () => {
    const views = parseTorch(golden("views.pt"), "views.pt");
    const stream = parseTorch(golden("legacy-views.pt"), "l");
    expect(stream.size).toBe(10);
    const tar = parseTorch(golden("oldest.tar"), "o");
    expect([...tar.keys()]).toEqual(["f64", "i64", "transposed", "row", "column"]);
    for (const [name, tensor] of [...stream, ...tar]) expect(tensor, name).toEqual(views.get(name));
    expect(parseTorch(golden("legacy.pt"), "l").get("w")?.data).toEqual(Float32Array.of(1, 1));
    expect([...parseTorch(golden("big-endian.pt"), "b")]).toEqual([...parseTorch(golden("protocol4.pt"), "b")]);
  });

  it.each(["legacy-views.pt", "oldest.tar"])("answers any damage to %s with a message", (file) => {
    const whole = golden(file);
    const answers = (bytes: Uint8Array): void => {
      try {
        parseTorch(bytes, "a");
      } catch (error) {
        expectRefusal(() => {
          throw error;
        }, /^a/);
      }
    };
    for (let length = 0; length < whole.length; length += 61) answers(whole.slice(0, length));
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const damaged = whole.slice();
        damaged[at] = value;
        answers(damaged);
      }),
      { numRuns: 500 },
    );
  });

  it("runs nothing: refuses what only an attack asks for, by name, and whole objects", () => {
    expectRefusal(
      () => parseTorch(golden("evil.pt"), "evil.pt"),
      /asks for posix\.system, which is not a tensor; refused/,
    );
    expectRefusal(
      () => parseTorch(golden("module.pt"), "m.pt"),
      /holds a whole object, torch\.nn\.modules\.conv\.Conv2d.*state_dict\(\)/,
    );
    const model = dict("cnet\nMyNetwork\n)\x81").replace(text("w"), text("model"));
    expectRefusal(() => parseTorch(torchFile(model), "a"), /^a holds under "model" a whole object, net\.MyNetwork/);
    const unknown = ["__proto__.x", "collections.OrderedDict.fromkeys", "hasOwnProperty.call", "\u001b[2J.\u202e"];
    for (const path of unknown) {
      expectRefusal(
        () => parseTorch(torchFile(dict(`c${path.replace(/\.(?=[^.]*$)/, "\n")}\n)R`)), "a"),
        /no state dict/,
      );
    }
    for (const path of [
      "builtins.eval",
      "__builtin__.exec",
      "os.system",
      "nt.system",
      "subprocess.Popen",
      "sys.exit",
    ]) {
      const dot = path.lastIndexOf(".");
      const pair = [path.slice(0, dot), path.slice(dot + 1)].map((part) =>
        String.fromCharCode(...new TextEncoder().encode(part)),
      );
      const byLine = torchFile(dict(`c${pair.join("\n")}\n${text("echo")}\x85R`));
      const byStack = torchFile(dict(`${pair.map(text).join("")}\x93${text("echo")}\x85R`));
      for (const bytes of [byLine, byStack]) expectRefusal(() => parseTorch(bytes, "a"), /^a asks for .*refused/);
    }
  });

  it("finds the only state dict under a key of any name, and no one of two", () => {
    const tensor = rebuild(storage("FloatStorage", 4), 0, numbers(4), numbers(1));
    const one = `${text("w")}${tensor}`;
    const nested = (...names: string[]): string =>
      `\x80\x02}(${text("epoch")}K\x05${names.map((name) => `${text(name)}}${one}s`).join("")}u.`;
    expect([...parseTorch(torchFile(nested("mine")), "a").keys()]).toEqual(["w"]);
    expect([...parseTorch(torchFile(nested("mine", "weights")), "a").keys()]).toEqual(["w"]);
    expectRefusal(() => parseTorch(torchFile(nested("mine", "yours")), "a"), /its keys are "epoch", "mine", "yours"/);
  });

  it("refuses archives of another kind", () => {
    const entries = readZip(golden("protocol4.pt"), "a");
    const mixed = writeZip(new Map([...entries, ["protocol4/byteorder", new TextEncoder().encode("middle")]]));
    expectRefusal(() => parseTorch(mixed, "a"), /"middle"-endian/);
    expectRefusal(() => parseTorch(writeZip(new Map([["arr_0.npy", new Uint8Array(9)]])), "a.npz"), /no data\.pkl/);
    expectRefusal(() => parseTorch(new Uint8Array(100), "a"), /not a ZIP archive/);
    expect(looksLikeTorch(golden("legacy.pt"))).toBe(true);
    expect(looksLikeTorch(golden("oldest.tar"))).toBe(true);
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
      /beyond its budget of 256 MiB/,
    ],
    "a tensor of no storage": [dict(rebuild("N", 0, numbers(4), numbers(1))), /no storage/],
    "a call of data": [dict(`${text("os")})R`), /not to be called/],
    "a call of a storage class": [dict("ctorch\nFloatStorage\n)R"), /calls torch\.FloatStorage/],
    "an attack by another instruction": ["\x80\x02(iposix\nsystem\n.", /asks for posix\.system/],
    "a tensor of bytes without a type": [
      dict(
        rebuild(
          storage("storage.UntypedStorage", 16).replace("torch\nstorage.", "torch.storage\n"),
          0,
          numbers(4),
          numbers(1),
        ),
      ),
      /"w" does not say what its values are/,
    ],
    "complex numbers": [
      dict(rebuild(storage("ComplexFloatStorage", 2), 0, numbers(2), numbers(1))),
      /"w" holds complex numbers; save its real/,
    ],
    "a conjugate bit": [
      dict(`ctorch._utils\n_rebuild_tensor_v2\n(${good}K\0${numbers(4)}${numbers(1)}\x89}}${text("conj")}\x88stR`),
      /"w" has the flag "conj"/,
    ],
    "a flag that nobody knows": [
      dict(`ctorch._utils\n_rebuild_tensor_v2\n(${good}K\0${numbers(4)}${numbers(1)}\x89}}${text("neg")}K\x01stR`),
      /"w" has the flag "neg"/,
    ],
    "values of eight bits with a point": [
      dict(`ctorch._utils\n_rebuild_tensor_v3\n(${good}K\0${numbers(4)}${numbers(1)}\x89}ctorch\nfloat8_e5m2\ntR`),
      /"w" holds values of float8_e5m2; save it as weight\.float\(\)/,
    ],
    "a sparse tensor": [dict(`ctorch._utils\n_rebuild_sparse_tensor\n)R`), /"w" is a sparse tensor; .*to_dense/],
    "a quantized tensor": [dict(`ctorch._utils\n_rebuild_qtensor\n(${good}tR`), /"w" is a quantized tensor/],
    "a wrapper": [
      dict(`ctorch._utils\n_rebuild_wrapper_subclass\n)R`),
      /"w" is made by torch\._utils\._rebuild_wrapper_sub/,
    ],
    "a tensor of another class": [
      dict(`ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\ncmine\nTensor\n)}tR`),
      /"w" is a tensor of the class mine\.Tensor/,
    ],
    "an array of NumPy": [dict(`cnumpy.core.multiarray\n_reconstruct\n)R}b`), /"w" is an array of NumPy/],
    "a function of tensors": [
      dict(`cmine\nmade\n(${rebuild(good, 0, numbers(4), numbers(1))}tR`),
      /"w" is made by mine\.made/,
    ],
    "a whole number without end": [`\x80\x02\x8b\0\0\0\x01${"\0".repeat(99)}`, /whole number of 16777216 bytes/],
    "attributes on a tensor": [dict(`${rebuild(good, 0, numbers(4), numbers(1))}}b`), /sets attributes/],
    "an empty stack": ["\x80\x02.", /stack runs empty/],
    "a mark for a value": ["\x80\x02(.", /stack runs empty/],
    "a memo never made": ["\x80\x02h\x05.", /never made/],
    "an unknown instruction": ["\x80\x02\x82\x01.", /instruction "\\u0082"; refused/],
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

import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIdx, writeIdx } from "../../src/data/formats/idx.ts";
import { datasetFromIdx } from "../../src/data/formats/idx-dataset.ts";
import { parseOptdigits, parseZipCode } from "../../src/data/formats/text-sources.ts";
import { gunzip } from "../../src/data/gzip.ts";

const text = (lines: string): Uint8Array => new TextEncoder().encode(lines);
const idx = (dims: number[], data: number[]): Uint8Array =>
  writeIdx({ type: "uint8", dims, data: Uint8Array.from(data) });

describe("IDX", () => {
  it("reads back what it wrote, bytes and integers", () => {
    const dims = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(dims, fc.boolean(), fc.integer(), (shape, isByte, seed) => {
        const count = shape.reduce((a, b) => a * b, 1);
        const values = Array.from({ length: count }, (_, i) => Math.imul(seed + i, 2654435761) | 0);
        const array = isByte
          ? ({ type: "uint8", dims: shape, data: Uint8Array.from(values) } as const)
          : ({ type: "int32", dims: shape, data: Int32Array.from(values) } as const);
        expect(parseIdx(writeIdx(array), "x")).toEqual(array);
      }),
    );
  });

  it("has MNIST's byte order", () => {
    expect([...idx([2, 1, 1], [7, 9])]).toEqual([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9]);
  });

  it("answers any bytes with an array or one line", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          parseIdx(bytes, "x");
        } catch (error) {
          expect(String(error)).toMatch(/^DataError: x: [^\n]+$/);
        }
      }),
    );
  });

  /** A file of a type that Ductus does not write. */
  const wide = (code: number, dims: number[], bytes: number, put: (view: DataView) => void): Uint8Array => {
    const offset = 4 + 4 * dims.length;
    const file = new Uint8Array(offset + bytes);
    file.set([0, 0, code, dims.length]);
    for (const [axis, size] of dims.entries()) new DataView(file.buffer).setUint32(4 + 4 * axis, size);
    put(new DataView(file.buffer, offset));
    return file;
  };

  it("reads every element type, big-endian", () => {
    const files: [string, Uint8Array, number[]][] = [
      ["int8", wide(9, [2], 2, (view) => [-1, 127].map((value, i) => view.setInt8(i, value))), [-1, 127]],
      ["int16", wide(11, [2], 4, (view) => [-2, 300].map((value, i) => view.setInt16(2 * i, value))), [-2, 300]],
      ["int32", wide(12, [2], 8, (view) => [-3, 70_000].map((value, i) => view.setInt32(4 * i, value))), [-3, 70_000]],
      ["float32", wide(13, [2], 8, (view) => [0.5, -2].map((value, i) => view.setFloat32(4 * i, value))), [0.5, -2]],
      ["float64", wide(14, [2], 16, (view) => [0.1, 1e9].map((value, i) => view.setFloat64(8 * i, value))), [0.1, 1e9]],
    ];
    for (const [type, bytes, values] of files) {
      const array = parseIdx(bytes, "x");
      expect([array.type, ...array.data]).toEqual([type, ...values]);
    }
  });

  it("makes pixels of any numbers, and says so", () => {
    const labels = { name: "l", bytes: wide(14, [2], 16, (view) => view.setFloat64(0, 1)) };
    const make = (bytes: Uint8Array) => datasetFromIdx({ name: "d", images: { name: "i", bytes }, labels });
    const halves = wide(13, [2, 1, 2], 16, (view) => [0, 0.5, 1, 0.2].map((value, i) => view.setFloat32(4 * i, value)));
    const twelve = wide(11, [2, 1, 2], 8, (view) => [0, 4095, 2048, 16].map((value, i) => view.setInt16(2 * i, value)));
    expect([...make(halves).images]).toEqual([0, 128, 255, 51]);
    expect([...make(halves).labels]).toEqual([1, 0]);
    expect([...make(twelve).images]).toEqual([0, 255, 128, 1]);
    expect([...make(idx([2, 1, 2], [0, 16, 8, 1])).images]).toEqual([0, 255, 128, 16]);
    expect(make(twelve).notes).toEqual(["i: values from 0 to 4095 were scaled to 0 … 255"]);
    expect(make(idx([2, 1, 2], [0, 200, 8, 1])).notes).toEqual([]);
  });

  const good = idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  const faults: [string, Uint8Array, RegExp][] = [
    ["truncated", good.subarray(0, -1), /f: truncated; the header says \[2, 2, 2\] uint8, 24 bytes, but there are 23/],
    ["trailing bytes", Uint8Array.from([...good, 0]), /f: too long/],
    ["a PNG", Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 0]), /f: not an IDX file \(it starts with 89 50 4e 47/],
    ["an unknown type", Uint8Array.from([0, 0, 10, 1, 0, 0, 0, 0]), /f: not an IDX file \(it starts with 00 00 0a 01/],
    ["a header cut short", good.subarray(0, 9), /f: IDX header cut short at 9 of 16 bytes/],
    ["nothing", new Uint8Array(0), /f: 0 bytes is too short/],
    [
      "sizes beyond all memory",
      Uint8Array.from([0, 0, 8, 4, ...new Array<number>(16).fill(255)]),
      /f: truncated; the header says \[4294967295/,
    ],
  ];
  for (const [fault, bytes, message] of faults) {
    it(`refuses ${fault}`, () => expect(() => parseIdx(bytes, "f")).toThrow(message));
  }

  it("refuses pictures and labels that do not belong together", () => {
    const images = { name: "i", bytes: good };
    const make = (labels: Uint8Array, classes?: string[]) =>
      datasetFromIdx({ name: "d", images, labels: { name: "l", bytes: labels }, classes });
    expect(() => make(idx([3], [0, 1, 0]))).toThrow("i holds 2 pictures but l 3 labels; they do not belong together");
    expect(() => make(idx([2], [0, 5]), ["a", "b"])).toThrow("d: label 5 of sample 1 is outside 0…1");
    expect(() => make(good)).toThrow("l: labels must be [N], or [N, M] with the class first, not [2, 2, 2]");
    expect(() => datasetFromIdx({ name: "d", images: { name: "i", bytes: idx([2], [1, 2]) }, labels: images })).toThrow(
      "i: pictures must be [N, H, W] or [N, H, W, C], not [2]",
    );
    expect(make(idx([2], [0, 2])).classes).toEqual(["0", "1", "2"]);
  });
});

describe("gzip", () => {
  const plain = text("abc".repeat(1000));
  it("decompresses", async () => expect(await gunzip(gzipSync(plain), "f")).toEqual(plain));
  it("names the file that is cut short, damaged or too large", async () => {
    const zipped = gzipSync(plain);
    const flipped = Uint8Array.from(zipped, (byte, i) => (i === zipped.length - 6 ? byte ^ 1 : byte));
    await expect(gunzip(zipped.subarray(0, -9), "f.gz")).rejects.toThrow(/^f\.gz: corrupt gzip file \(.+\); delete it/);
    await expect(gunzip(flipped, "f.gz")).rejects.toThrow(/^f\.gz: corrupt gzip file/);
    await expect(gunzip(zipped, "f.gz", 100)).rejects.toThrow(/more than 100 bytes/);
  });
});

describe("text forms of published sets", () => {
  it("turns optdigits' counts and zip codes' values into bytes", () => {
    const counts = [16, 8, 1, ...new Array<number>(61).fill(0)];
    const optdigits = parseOptdigits(`${[...counts, 7].join(",")}\n`, "f");
    expect([...optdigits.images.subarray(0, 4)]).toEqual([255, 128, 16, 0]);
    expect([...optdigits.labels]).toEqual([7]);
    // Ties go to the even byte, as in the reference form: 76.5 and 229.5.
    const zip = parseZipCode(
      `6.0000 ${["-0.4000", "0.8", "0.862", ...new Array<string>(253).fill("-1")].join(" ")} \n`,
      "f",
    );
    expect([...zip.images.subarray(0, 4)]).toEqual([76, 230, 237, 0]);
    expect([...zip.labels]).toEqual([6]);
    expect(() => parseZipCode("1 2 3", "f")).toThrow("f: line 1 is not 256 pixels and a digit; this is another file");
    expect(() => parseOptdigits("<html>", "f")).toThrow("f: line 1 is not 64 pixels");
  });
});

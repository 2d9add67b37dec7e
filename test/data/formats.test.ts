import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCsv } from "../../src/data/csv.ts";
import { gunzip } from "../../src/data/gzip.ts";
import { datasetFromIdx, parseIdx, writeIdx } from "../../src/data/idx.ts";
import { parseOptdigits, parseZipCode } from "../../src/data/text-sources.ts";

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

  const good = idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  const faults: [string, Uint8Array, RegExp][] = [
    ["truncated", good.subarray(0, -1), /f: truncated; the header says \[2, 2, 2\] uint8, 24 bytes, but there are 23/],
    ["trailing bytes", Uint8Array.from([...good, 0]), /f: too long/],
    ["a PNG", Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 0]), /f: not an IDX file \(it starts with 89 50 4e 47/],
    ["floats", Uint8Array.from([0, 0, 13, 1, 0, 0, 0, 0]), /f: IDX values of type float32 are not supported/],
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
    expect(() => make(good)).toThrow("l: labels must be one axis [N], not [2, 2, 2]");
    expect(() => datasetFromIdx({ name: "d", images: { name: "i", bytes: idx([2], [1, 2]) }, labels: images })).toThrow(
      "i: pictures must be bytes [N, H, W] or [N, H, W, C], not uint8 [2]",
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

describe("CSV", () => {
  const parse = (lines: string, options = {}) => parseCsv(text(lines), { name: "f.csv", ...options });

  it("reads class indices, with a header or without, and any line ends", () => {
    const rows = "3,0,10,20,255\r\n1,1,2,3,4\r\n";
    for (const csv of [rows, `label,1x1,1x2,2x1,2x2\n${rows}`, `\ufeff${rows}\n\n`]) {
      const data = parse(csv);
      expect([...data.images]).toEqual([0, 10, 20, 255, 1, 2, 3, 4]);
      expect([...data.labels]).toEqual([3, 1]);
      expect(data.inputShape).toEqual([2, 2, 1]);
      expect(data.classes).toEqual(["0", "1", "2", "3"]);
    }
  });

  it("reads class names, quoted or not, and other separators", () => {
    const data = parse('"b, c", 1\na,2\n');
    expect([...parse("a;2\nb;3").images]).toEqual([2, 3]);
    expect(data.classes).toEqual(["a", "b, c"]);
    expect([...data.labels]).toEqual([1, 0]);
    expect([...parse("1,9\n0,8", { classes: ["x", "y"] }).labels]).toEqual([1, 0]);
    expect([...parse("2,9\n1,8", { classes: ["1", "2"] }).labels]).toEqual([1, 0]);
  });

  it("reads oblong and coloured pictures whose size is given", () => {
    expect(parse("0,1,2,3,4,5,6", { height: 2, width: 3 }).inputShape).toEqual([2, 3, 1]);
    expect(parse("0,1,2,3,4,5,6", { height: 1, channels: 3 }).inputShape).toEqual([1, 2, 3]);
  });

  const faults: [string, string, object, string][] = [
    ["a short row", "1,1,2,3,4\n2,1,2,3\n", {}, "f.csv: line 2 has 3 pixels but the first row 4"],
    ["a long row", "1,1\n\n2,1,2\n", {}, "f.csv: line 3 has more than the 1 pixels of the first row"],
    ["a pixel too bright", "1,1\n2,256", {}, 'f.csv: line 2, column 2: "256" is not a pixel; expected a whole number'],
    ["a fraction", "1,0.5", {}, 'f.csv: line 1, column 2: "0.5" is not a pixel'],
    ["a missing pixel", "1,1,2,3,4\n1,1,,3,4", {}, 'f.csv: line 2, column 3: "" is not a pixel'],
    ["oblong pictures of unknown size", "1,1,2,3", {}, "f.csv: rows of 3 pixels: that is no square; give height and"],
    ["a size that does not fit", "1,1,2,3", { height: 2 }, "f.csv: rows of 3 pixels: that is not 2×1.5×1"],
    ["an unknown class", "a,1\nc,2", { classes: ["a", "b"] }, 'f.csv: line 2: label "c" is not among a, b'],
    ["an empty file", "\n", {}, "f.csv: no rows"],
    ["a lonely header", "label,pixel0\n", {}, "f.csv: a header but no rows"],
    ["another kind of text", "hello\nworld", {}, "f.csv: line 1: no separator"],
  ];
  for (const [fault, csv, options, message] of faults) {
    it(`refuses ${fault}`, () => expect(() => parse(csv, options)).toThrow(message));
  }
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

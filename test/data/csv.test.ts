/** CSV files as programs and people write them: which column is what, how numbers look, and what they mean. */
import { describe, expect, it } from "vitest";
import type { ImageDataset } from "../../src/data/dataset.ts";
import { parseCsv, parseCsvSamples } from "../../src/data/formats/csv.ts";
import { decimalIn, numberOf } from "../../src/data/formats/csv-lines.ts";
import { Random } from "../../src/engine/random.ts";

const text = (lines: string): Uint8Array => new TextEncoder().encode(lines);
const parse = (lines: string, options = {}) => parseCsv(text(lines), { name: "f.csv", ...options });

describe("CSV", () => {
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
    expect([...parse("a;20\nb;30").images]).toEqual([20, 30]);
    expect(data.classes).toEqual(["a", "b, c"]);
    expect([...data.labels]).toEqual([1, 0]);
    expect([...parse("1,9\n0,8", { classes: ["x", "y"] }).labels]).toEqual([1, 0]);
    expect([...parse("2,9\n1,8", { classes: ["1", "2"] }).labels]).toEqual([1, 0]);
  });

  it("reads oblong and colored pictures whose size is given", () => {
    expect(parse("0,1,2,3,4,5,6", { height: 2, width: 3 }).inputShape).toEqual([2, 3, 1]);
    expect(parse("0,1,2,3,4,5,6", { height: 1, channels: 3 }).inputShape).toEqual([1, 2, 3]);
  });

  const faults: [string, string, object, string][] = [
    ["a short row", "1,1,2,3,4\n2,1,2,3\n", {}, "f.csv: line 2 has 4 columns but the first row 5"],
    ["a long row", "1,1\n\n2,1,2\n", {}, "f.csv: line 3 has 3 columns but the first row 2"],
    [
      "a pixel too bright",
      "1,1\n2,65536",
      {},
      'f.csv: line 2, column 2: "65536"; expected a pixel, a number from 0 to 255 or of up to 16 bits',
    ],
    [
      "a pixel too bright among others that are bytes",
      `${"1,1\n2,255\n".repeat(10)}1,256`,
      {},
      "f.csv: 1 of 21 pictures have values above 255, up to 256, the first is number 21; mend them",
    ],
    [
      "a missing pixel",
      "1,1,2,3,4\n1,1,,3,4",
      {},
      "f.csv: line 2, column 3: nothing, a missing value; expected a pixel",
    ],
    ["a pixel that is NA", "1,1,2,3,4\n1,1,NA,3,4", {}, 'f.csv: line 2, column 3: "NA", a missing value; expected'],
    ["a missing label", "1,1\n,2", {}, "f.csv: line 2: the label is missing"],
    [
      "oblong pictures of unknown size",
      "1,1,2,3,4,5",
      {},
      "f.csv: rows of 5 pixels: that is no square; the API takes height",
    ],
    ["a size that does not fit", "1,1,2,3,4,5", { height: 4 }, "f.csv: rows of 5 pixels: that is not 4×any×1"],
    ["an unknown class", "a,1\nc,2", { classes: ["a", "b"] }, 'f.csv: line 2: label "c" is not among a, b'],
    ["an empty file", "\n", {}, "f.csv: no rows"],
    ["a lonely header", "label,pixel0\n", {}, "f.csv: a header but no rows"],
    ["another kind of text", "hello\nworld", {}, "f.csv: line 1: no separator"],
  ];
  for (const [fault, csv, options, message] of faults) {
    it(`refuses ${fault}`, () => expect(() => parse(csv, options)).toThrow(message));
  }
});

/** `count` rows of 3×3 pixels of 0 to 255 that change from row to row, with a label of 0 to 2. */
const rows = (count: number, line: (label: number, pixels: number[]) => (number | string)[], separator = ","): string =>
  Array.from({ length: count }, (_, i) => {
    const pixels = Array.from({ length: 9 }, (_, p) => (i * 53 + p * 29) % 256);
    return `${line(i % 3, pixels).join(separator)}\n`;
  }).join("");

const names = (start = 0): string => Array.from({ length: 9 }, (_, p) => `pixel${start + p}`).join(",");
const plain = parse(rows(60, (label, pixels) => [label, ...pixels]));

function expectPlain(data: ImageDataset): void {
  expect([...data.labels]).toEqual([...plain.labels]);
  expect(data.classes).toEqual(["0", "1", "2"]);
  expect([...data.images]).toEqual([...plain.images]);
}

describe("the columns of a CSV file", () => {
  const last = rows(60, (label, pixels) => [...pixels, label]);
  const withId = rows(60, (label, pixels) => ["a7", ...pixels, label]);
  const layouts: [string, string, string[]][] = [
    ["a label at the end that is named, in any case and quotes", `${names()}, "Class"\n${last}`, []],
    [
      "a label in the middle",
      `${names().replace("pixel4,", "pixel4,y,")}\n${rows(60, (l, p) => p.toSpliced(5, 0, l))}`,
      [],
    ],
    ["a name that no other column is like", `${names()},kind\n${last}`, ['column "kind" is taken for the labels']],
    ["a label at the end without a header", last, ["no column is named label; the last one is taken for the labels"]],
    ["numbers for names", `0,1,2,3,4,5,6,7,8,9\n${rows(60, (l, p) => [l, ...p])}`, []],
    ["numbers and the name of the label", `0,1,2,3,4,5,6,7,8,label\n${last}`, []],
    [
      "an index of pandas and an id",
      `,id,${names()},target\n${rows(60, (label, pixels) => [7, "a7", ...pixels, label])}`,
      ['columns 1, "id" left aside'],
    ],
    [
      "a column of text beside the labels",
      `label,${names()},split\n${rows(60, (l, p) => [l, ...p, "train"])}`,
      ['column "split" left aside'],
    ],
    ["names of rows as R writes them", `${names()},label\n${withId}`, ["column 1 left aside"]],
    ["empty columns at the end, as spreadsheets leave them", rows(60, (l, p) => [l, ...p, "", ""]), []],
    ["remarks before the first row", `# made by hand\n# in spring\n${rows(60, (l, p) => [l, ...p])}`, []],
    ["what tells Excel the separator", `sep=;\n${rows(60, (l, p) => [l, ...p], ";")}`, []],
  ];
  for (const [what, csv, notes] of layouts) {
    it(`are found: ${what}`, () => {
      const data = parse(csv);
      expectPlain(data);
      expect(data.notes).toEqual(notes.map((note) => `f.csv: ${note}`));
    });
  }

  it("are found though the rows are sorted by class", () => {
    const order = Array.from({ length: 900 }, (_, i) => Math.floor(i / 300));
    const ofBits = (line: (label: number, bits: number[]) => number[]): string =>
      order
        .map((label, i) =>
          line(
            label,
            Array.from({ length: 9 }, (_, p) => (i >> p) & 1),
          ).join(","),
        )
        .join("\n");
    for (const csv of [ofBits((l, bits) => [l, ...bits]), ofBits((l, bits) => [...bits.fill(0, 0, 1), l])]) {
      const data = parse(csv);
      expect(data.classes).toEqual(["0", "1", "2"]);
      expect([...data.labels]).toEqual(order);
    }
  });

  it("are found in few rows where the first one is a blank corner", () => {
    const data = parse("0,9,20,0,3\n0,5,200,1,8\n0,0,70,2,3\n");
    expect([data.classes.at(-1), data.notes.length]).toEqual(["8", 1]);
    expect(parse("0,0,9,20,0\n0,0,5,200,0\n").classes).toEqual(["0"]);
  });

  it("are refused where pixels would become hundreds of classes, or where there are no labels", () => {
    const noise = (i: number): number => (i * i * 31 + i * 7) % 251;
    const lines = Array.from({ length: 60 }, (_, i) =>
      Array.from({ length: 10 }, (_, p) => noise(i * 10 + p)).join(","),
    );
    expect(() => parse(lines.join("\n"))).toThrow(
      /^f\.csv: the first column has \d+ different values of 0 to 255 in 60 rows, which look like pixels; name the column/,
    );
    expect(() => parse(`${names()}\n${rows(5, (_, pixels) => pixels)}`)).toThrow(
      'f.csv: 9 columns of pixels and none of labels; add one named "label"',
    );
  });
});

describe("the numbers of a CSV file", () => {
  const forms: [string, string][] = [
    ["with a point and zeros", rows(60, (l, p) => [`${l}.0`, ...p.map((v) => v.toFixed(1))])],
    ["in quotes", rows(60, (l, p) => [l, ...p].map((v) => `"${v}"`))],
    ["with an exponent", rows(60, (l, p) => [l, ...p.map((v) => v.toExponential())])],
    ["between semicolons, with decimal commas", rows(60, (l, p) => [l, ...p.map((v) => `${v},0`)], ";")],
    ["between tabs", rows(60, (l, p) => [l, ...p], "\t")],
    ["between blanks, several, and at the ends", rows(60, (l, p) => [" ", l, ...p, " "], "  ")],
  ];
  for (const [how, csv] of forms) it(`are read ${how}`, () => expectPlain(parse(csv)));

  it("may be truth values", () => {
    const bits = parse(rows(60, (l, p) => [l, ...p.map((v) => (v > 127 ? 1 : 0))]));
    for (const [yes, no] of [
      ["True", "False"],
      ["TRUE", "FALSE"],
    ]) {
      const csv = rows(60, (l, p) => [...p.map((v) => (v > 127 ? yes : no)), l]);
      for (const head of [`${names()},label\n`, ""]) {
        const data = parse(head + csv);
        expect([...data.images]).toEqual([...bits.images]);
        expect(data.classes).toEqual(bits.classes);
      }
    }
    expect(parse("True,5,7,9,1\nFalse,2,4,6,8").classes).toEqual(["False", "True"]);
  });

  it("are read where lines end as on an old Macintosh", () => {
    expectPlain(parse(rows(60, (l, p) => [l, ...p]).replaceAll("\n", "\r")));
  });

  it("are read in UTF-16, as PowerShell writes them", () => {
    const csv = `\ufeff${rows(60, (l, p) => [l, ...p])}`;
    const wide = new Uint8Array(Uint16Array.from(csv, (character) => character.charCodeAt(0)).buffer);
    expectPlain(parseCsv(wide, { name: "f.csv" }));
    expect(() => parseCsv(wide.subarray(2), { name: "f.csv" })).toThrow("f.csv: this is UTF-16 text; save it as UTF-8");
  });
});

describe("the labels of a CSV file", () => {
  it("are refused in another encoding, where different ones would look the same", () => {
    const latin = Uint8Array.from("label,pixel\na,1\n\xe9,2\n\xe8,3\n", (character) => character.charCodeAt(0));
    expect(() => parseCsv(latin, { name: "f.csv" })).toThrow(
      "f.csv: line 3: the label is not UTF-8 text; save the file as UTF-8",
    );
    expect(parse("label,pixel\né,2\nè,3\n").classes).toEqual(["è", "é"]);
  });

  it("may be missing or anything where they are to be found out", () => {
    const csv = Uint8Array.from("id,label,pixel\n7,,100\n8,\xe9,200\n", (character) => character.charCodeAt(0));
    const { ids, dataset } = parseCsvSamples(csv, { name: "f.csv" });
    expect([ids, [...dataset.images]]).toEqual([
      ["7", "8"],
      [100, 200],
    ]);
  });

  it("are those that occur, where most numbers up to the largest do not", () => {
    expect(parse("20320,1\n19968,2\n20320,3").classes).toEqual(["19968", "20320"]);
    expect(parse("9,1\n7,2").classes).toEqual(["7", "9"]);
    expect(parse("1,1\n2,2\n4,3").classes).toEqual(["0", "1", "2", "3", "4"]);
  });
});

describe("the range of the numbers", () => {
  const scaled = (change: (value: number) => number | string): ImageDataset =>
    parse(rows(60, (label, pixels) => [label, ...pixels.map(change)]));

  it("is found, and scaled to bytes", () => {
    const spans: [(value: number) => number, number, number][] = [
      [(value) => (value > 127 ? 1 : 0), 0, 1],
      [(value) => value / 255, 0, 1],
      [(value) => (2 * value) / 255 - 1, -1, 1],
      [(value) => Math.round((value * 16) / 255), 0, 16],
      [(value) => value >> 4, 0, 15],
      [(value) => value * 4 + (value >> 6), 0, 1023],
      [(value) => value * 257, 0, 65_535],
    ];
    for (const [change, low, high] of spans) {
      const data = scaled(change);
      expect(data.notes).toEqual([`f.csv: values from ${low} to ${high} were scaled to 0 … 255`]);
      const expected = Array.from(plain.images, (value) => Math.round(((change(value) - low) * 255) / (high - low)));
      expect([...data.images]).toEqual(expected);
    }
  });

  it("is the same where a line that is no example of the others comes first", () => {
    const rows = ["0,0,0,0,0", "1,1,0,1,0", "0,2,0,9,16", "1,7,15,3,1"];
    const whole = parse(rows.join("\n"));
    expect([...whole.images.subarray(4)]).toEqual([16, 0, 16, 0, 32, 0, 143, 255, 112, 239, 48, 16]);
    expect(parse(rows.map((row) => `${row}.0`).join("\n")).images).toEqual(whole.images);
    expect(parse([...rows.slice(1), "0,0,0,0.4,0"].join("\n")).images.subarray(0, 12)).toEqual(
      whole.images.subarray(4),
    );
  });

  it("is left where pictures are merely dark, which is said", () => {
    const dark = scaled((value) => value % 50);
    expect(dark.images).toEqual(plain.images.map((value) => value % 50));
    expect(dark.notes).toEqual([
      "f.csv: no value is above 49 of 255; if a smaller number than 255 is white, scale the values",
    ]);
    // One bright dot at 63 is no sign of six bits; all pictures ending there are.
    expect(parse("0,3,7,20,30\n1,63,5,40,2\n0,5,9,44,7").valueSpan).toEqual({ low: 0, high: 255 });
    expect(parse("0,63,7,20,30\n1,63,5,40,2\n0,5,9,63,7").valueSpan).toEqual({ low: 0, high: 63 });
  });

  it("of the part to train on holds for the part to test on", () => {
    const { valueSpan: span } = scaled((value) => value % 17);
    const test = parse("1,2,8,0,1\n", { span });
    expect([...test.images]).toEqual([32, 128, 0, 16]);
    expect(() => parse("1,2,17,0,1\n", { span })).toThrow(
      "f.csv: values from 0 to 17, but those to train on are from 0 to 16; bring both to the same scale",
    );
  });

  it("is that of the data that a model was trained on, where the numbers can be of it", () => {
    const like = (low: number, high: number, ...values: number[]) =>
      parse(`1,${values.join(",")}`, { trained: { low, high } }).valueSpan;
    expect(like(0, 16, 0, 7, 3, 1)).toEqual({ low: 0, high: 16 });
    expect(like(0, 63, 0, 20, 3, 1)).toEqual({ low: 0, high: 63 });
    expect(like(-1, 1, -1, 0.25, 0, 0)).toEqual({ low: -1, high: 1 });
    expect(like(0, 4095, 0, 900, 0, 0)).toEqual({ low: 0, high: 4095 });
    // Other kinds: fractions, too large, bytes, and a model of bytes.
    expect(like(0, 16, 0, 0.5, 1, 1)).toEqual({ low: 0, high: 1 });
    expect(like(0, 16, 0, 17, 1, 1)).toEqual({ low: 0, high: 255 });
    expect(like(0, 4095, 0, 255, 1, 1)).toEqual({ low: 0, high: 255 });
    expect(like(-1, 1, 0, 0.5, 1, 1)).toEqual({ low: 0, high: 1 });
    expect(like(0, 255, 0, 7, 3, 1)).toEqual({ low: 0, high: 7 });
  });

  it("is refused where values are standardized", () => {
    expect(() => scaled((value) => (value - 33) / 79)).toThrow(
      /^f\.csv: values from -0\.\d+ to 2\.\d+ are no brightness; give them as they were before they were standardized/,
    );
  });
});

it("reads every number as JavaScript does", () => {
  const random = new Random(1, "user");
  const texts = Array.from({ length: 2000 }, () => {
    const value = random.integer(2) === 0 ? random.uniform() : random.uniform() * 255;
    const digits = random.integer(17);
    return [String(value), value.toFixed(digits), value.toExponential(digits), `-${value.toFixed(digits)}`][
      random.integer(4)
    ];
  });
  for (const text of [...texts, "0.1234567890123456789", ".5", "5.", "+3", "1,5", "007", "0.07058823529411765"]) {
    const bytes = new TextEncoder().encode(text);
    const fast = decimalIn(bytes, 0, bytes.length);
    if (!Number.isNaN(fast)) expect([text, fast]).toEqual([text, Number(text)]);
    expect(numberOf(text), text).toBe(Number(text.replace(",", ".")));
  }
  for (const text of ["", "-", "1.2.3", "1e2", "NA", "1 2", "--1", "."]) {
    const bytes = new TextEncoder().encode(text);
    expect(decimalIn(bytes, 0, bytes.length), text).toBeNaN();
  }
});

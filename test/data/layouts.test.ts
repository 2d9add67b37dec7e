/** How files of data sets lie in folders, and what they are called, where people get them: all of it in memory and streamed. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { writeIdx } from "../../src/data/formats/idx.ts";
import type { LoadedData } from "../../src/data/sources.ts";
import { openData, streamData } from "../../src/platform/node/open-data.ts";

const SIDE = 10;
let root = "";
let folder = "";
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ductus-layouts-"));
});
beforeEach(() => {
  folder = join(root, String(count++));
});
afterAll(() => rm(root, { recursive: true }));

async function write(name: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), content);
}

/** A light stroke in the upper half of a dark picture. */
const pixelsOf = (i: number): Uint8Array =>
  Uint8Array.from({ length: SIDE * SIDE }, (_, p) => (p % SIDE === 2 + (i % 5) && p < (SIDE * SIDE) / 2 ? 200 + i : 0));

const images = (n: number): Uint8Array => {
  const data = new Uint8Array(n * SIDE * SIDE);
  for (let i = 0; i < n; i++) data.set(pixelsOf(i), i * SIDE * SIDE);
  return writeIdx({ type: "uint8", dims: [n, SIDE, SIDE], data });
};
const labels = (n: number): Uint8Array =>
  writeIdx({ type: "uint8", dims: [n], data: Uint8Array.from({ length: n }, (_, i) => i % 2) });

const csv = (n: number, hasLabels = true): string =>
  `${hasLabels ? "label," : ""}${Array.from(pixelsOf(0), (_, i) => `pixel${i}`).join(",")}\n${Array.from(
    { length: n },
    (_, i) => `${hasLabels ? `${i % 2},` : ""}${pixelsOf(i).join(",")}\n`,
  ).join("")}`;

/** Opens the data in both ways, which give the same. */
async function open(path = folder): Promise<LoadedData> {
  const memory = await openData(path);
  const streamed = await streamData(path, { cacheDir: join(folder, ".cache") });
  const { fingerprint, notes } = streamed;
  expect({ fingerprint, notes }).toEqual({ fingerprint: memory.fingerprint, notes: memory.notes });
  streamed.close();
  return memory;
}

const sizes = ({ train, test }: LoadedData): [number, number] => [train.length, test.length];

describe("IDX files", () => {
  const layouts: [string, (what: "images" | "labels", part: "train" | "test") => string][] = [
    [
      "with dots",
      (what, part) => `${part === "test" ? "t10k" : "train"}-${what}.idx${what === "images" ? 3 : 1}-ubyte`,
    ],
    ["with a prefix", (what, part) => `kana-${part}-${what}-idx${what === "images" ? 3 : 1}-ubyte.gz`],
    ["in folders of their names", (what, part) => `${part}-${what}-idx3-ubyte/${part}-${what}-idx3-ubyte`],
    ["in capitals, without the element type", (what, part) => `${part.toUpperCase()}_${what}.idx3`],
  ];
  for (const [how, name] of layouts) {
    it(`are found ${how}`, async () => {
      for (const [part, n] of [
        ["train", 8],
        ["test", 4],
      ] as const) {
        const pack = (bytes: Uint8Array): Uint8Array =>
          name("images", part).endsWith(".gz") ? gzipSync(bytes) : bytes;
        await write(name("images", part), pack(images(n)));
        await write(name("labels", part), pack(labels(n)));
      }
      expect(sizes(await open())).toEqual([8, 4]);
    });
  }

  it("are found in the only folder, as torchvision leaves them", async () => {
    for (const [part, n] of [
      ["train", 8],
      ["t10k", 4],
    ] as const) {
      await write(`MNIST/raw/${part}-images-idx3-ubyte`, images(n));
      await write(`MNIST/raw/${part}-labels-idx1-ubyte`, labels(n));
    }
    expect(sizes(await open())).toEqual([8, 4]);
  });

  it("that lie twice, in a file and in a folder, are read once, and folders without them are no files", async () => {
    for (const what of ["images", "labels"] as const) {
      const bytes = what === "images" ? images(10) : labels(10);
      await write(`train-${what}.idx3-ubyte`, bytes);
      await write(`train-${what}-idx3-ubyte/train-${what}-idx3-ubyte`, bytes);
      await mkdir(join(folder, `test-${what}-idx3-ubyte`));
    }
    expect(sizes(await open())).toEqual([8, 2]);
  });

  it("of several sets are refused, unless it is said which is meant", async () => {
    for (const [set, n] of [
      ["digits", 8],
      ["letters", 6],
    ] as const) {
      await write(`${set}-train-images-idx3-ubyte`, images(n));
      await write(`${set}-train-labels-idx1-ubyte`, labels(n));
      await write(`${set}-test-images-idx3-ubyte`, images(2));
      await write(`${set}-test-labels-idx1-ubyte`, labels(2));
    }
    await expect(openData(folder)).rejects.toThrow(
      `files of several data sets (digits, letters); give ${join(folder, "digits")} or ${join(folder, "letters")}`,
    );
    expect(sizes(await open(join(folder, "letters")))).toEqual([6, 2]);
    await rm(join(folder, "letters-test-labels-idx1-ubyte"));
    await expect(openData(join(folder, "letters"))).rejects.toThrow(
      "letters-test-labels-idx1-ubyte (or .gz) is missing",
    );
  });

  it("of a test part alone can be measured, and not trained on", async () => {
    await write("t10k-images-idx3-ubyte", images(4));
    await write("t10k-labels-idx1-ubyte", labels(4));
    expect(sizes(await openData(folder, { allowTestOnly: true }))).toEqual([0, 4]);
    await expect(openData(folder)).rejects.toThrow(/there is a test part only, so nothing to train on/);
  });

  it("with one sample of a class can be measured, and not trained on", async () => {
    await write("train-images-idx3-ubyte", images(2));
    await write("train-labels-idx1-ubyte", labels(2));
    const measured = await openData(folder, { allowTestOnly: true });
    expect(sizes(measured)).toEqual([0, 2]);
    expect(measured.notes).toContain(`${folder}: too few samples to train on: there is one of 0, 1`);
    await expect(openData(folder)).rejects.toThrow('class "0" has 1 sample; a split needs at least 2 of each class');
  });

  it("of EMNIST are turned upright, which is said; so are its CSV files", async () => {
    await write("emnist-mnist-train-images-idx3-ubyte", images(8));
    await write("emnist-mnist-train-labels-idx1-ubyte", labels(8));
    const { train, notes } = await open();
    // A standing stroke was written, so a lying one comes out.
    const rows = Array.from({ length: SIDE }, (_, y) => train.image(0).subarray(y * SIDE, (y + 1) * SIDE));
    expect(rows.filter((row) => row.some((value) => value > 0))).toHaveLength(1);
    expect(notes).toEqual([
      `${join(folder, "emnist-mnist-train-images-idx3-ubyte")}: EMNIST's pictures lie on their side and were turned upright (rows and columns exchanged)`,
    ]);
    await write("csv/emnist-digits-train.csv", csv(8));
    const table = await open(join(folder, "csv"));
    expect([...table.train.images]).toEqual([...train.images]);
  });
});

describe("CSV files in a folder", () => {
  it("of Kaggle's digit recognizer: the part without labels is left aside, the sample submission not looked at", async () => {
    await write("train.csv", csv(10));
    await write("test.csv", csv(4, false));
    await write("sample_submission.csv", "ImageId,Label\n1,0\n2,0\n");
    const data = await open();
    expect(sizes(data)).toEqual([8, 2]);
    expect(data.notes).toEqual([
      `${join(folder, "test.csv")} has no labels and is left aside; "ductus predict" reads it`,
    ]);
  });

  it("with a prefix, one alone, and several of which none is for training", async () => {
    await write("a/mnist_train.csv", csv(8));
    await write("a/mnist_test.csv", csv(4));
    expect(sizes(await open(join(folder, "a")))).toEqual([8, 4]);
    await write("b/digits.csv", csv(10));
    expect(sizes(await open(join(folder, "b")))).toEqual([8, 2]);
    await write("b/more.csv", csv(10));
    await expect(openData(join(folder, "b"))).rejects.toThrow(
      "several CSV files (digits.csv, more.csv); give one, or name them train.csv and test.csv",
    );
  });
});

describe("CSV files that list pictures", () => {
  const picture = async (name: string, i: number): Promise<void> => {
    const raw = { width: SIDE, height: SIDE, channels: 1 } as const;
    await write(name, await sharp(pixelsOf(i), { raw }).resize(40).png().toBuffer());
  };
  const each = async (place: string, n: number): Promise<void> => {
    for (let i = 0; i < n; i++) await picture(join(place, `${i}.png`), i);
  };
  const list = (n: number, line: (i: number) => string): string =>
    Array.from({ length: n }, (_, i) => `${line(i)}\n`).join("");

  it("are read with the names of columns in any order, or without a header", async () => {
    await each("img", 10);
    await write("list.csv", `Label;"filename"\n${list(10, (i) => `${i % 2};img\\${i}.png`)}`);
    const data = await open(join(folder, "list.csv"));
    expect(sizes(data)).toEqual([8, 2]);
    expect(data.train.inputShape).toEqual([28, 28, 1]);
    await write(
      "bare.csv",
      list(10, (i) => `img/${i}.png,${i % 2 ? "seven" : "one"}`),
    );
    expect((await open(join(folder, "bare.csv"))).train.classes).toEqual(["one", "seven"]);
  });

  it("find pictures in a folder beside them, and say so, as what they leave aside", async () => {
    await each("scans", 10);
    await write("labels.csv", `id,file,class\n${list(10, (i) => `${i},${i}.png,${(i % 2) + 0.0}`)}`);
    const { notes, train } = await open();
    expect(train.length).toBe(8);
    expect(notes).toEqual([
      `${join(folder, "labels.csv")}: the pictures lie in ${join(folder, "scans")}`,
      `${join(folder, "labels.csv")}: columns left aside: id`,
    ]);
  });

  it("in two parts have the classes of the first", async () => {
    await each("p", 8);
    await write(
      "train.csv",
      list(8, (i) => `p/${i}.png,${i % 2}`),
    );
    await write(
      "test.csv",
      list(2, (i) => `p/${i}.png,1`),
    );
    const { test } = await open();
    expect([...test.labels]).toEqual([1, 1]);
    await write(
      "test.csv",
      list(2, (i) => `p/${i}.png,9`),
    );
    await expect(openData(folder)).rejects.toThrow('class "9" is not among those of train');
  });

  it("are refused where a label or a picture is missing, all pictures at once", async () => {
    await each("p", 4);
    const path = join(folder, "list.csv");
    await write("list.csv", `file,label\n${list(4, (i) => `p/${i}.png,${i === 2 ? "" : i % 2}`)}`);
    await expect(openData(path)).rejects.toThrow(`${path}: line 4: the label is missing`);
    await write("list.csv", `file,label\n${list(6, (i) => `p/${i}.png,${i % 2}`)}`);
    await expect(openData(path)).rejects.toThrow(/2 of 6 pictures cannot be used: .*4\.png.*5\.png/);
    await write("list.csv", `file,a,b\n${list(4, (i) => `p/${i}.png,x,y`)}`);
    await expect(openData(path)).rejects.toThrow(`${path}: 3 columns, and none is named "label"`);
    await write("list.csv", `file\n${list(4, (i) => `p/${i}.png`)}`);
    await expect(openData(path)).rejects.toThrow(`${path}: no column of labels; to find out`);
  });
});

describe("labels in other forms", () => {
  it("have the class first, where they have several columns, as QMNIST's", async () => {
    const rows = (n: number): Uint8Array => {
      const data = Int32Array.from({ length: n * 8 }, (_, i) => (i % 8 === 0 ? (i / 8) % 2 : 1000 + i));
      return writeIdx({ type: "int32", dims: [n, 8], data });
    };
    for (const [part, n] of [
      ["train", 8],
      ["test", 4],
    ] as const) {
      await write(`qmnist-${part}-images-idx3-ubyte`, images(n));
      await write(`qmnist-${part}-labels-idx2-int.gz`, gzipSync(rows(n)));
    }
    const { train } = await open();
    expect(train.classes).toEqual(["0", "1"]);
    expect([...train.labels]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });

  const letters = async (mapping: string, first: number): Promise<void> => {
    for (const [part, n] of [
      ["train", 6],
      ["test", 4],
    ] as const) {
      const data = Uint8Array.from({ length: n }, (_, i) => first + (i % 2));
      await write(`abc-letters-${part}-images-idx3-ubyte`, images(n));
      await write(`abc-letters-${part}-labels-idx1-ubyte`, writeIdx({ type: "uint8", dims: [n], data }));
    }
    await write("abc-letters-mapping.txt", mapping);
    await write("abc-balanced-mapping.txt", "0 48\n1 49\n");
  };

  it("are named by EMNIST's list of characters, which says that there is no class 0", async () => {
    await letters("1 65 97\r\n2 66 98\r\n", 1);
    const { train, test } = await open();
    expect([train.classes, test.classes]).toEqual([
      ["A", "B"],
      ["A", "B"],
    ]);
    expect([...train.labels]).toEqual([0, 1, 0, 1, 0, 1]);
  });

  it("that the list lacks are refused, and a list that is none", async () => {
    await letters("1 65 97\n2 66 98\n", 2);
    await expect(openData(folder)).rejects.toThrow(/labels-idx1-ubyte: label 3 is not in the list of classes/);
    await write("abc-letters-mapping.txt", "hello\n");
    await expect(openData(folder)).rejects.toThrow(/mapping\.txt: expected lines of a label and the codes/);
  });
});

describe("tables are known by their content", () => {
  const rows = (n: number, separator: string): string =>
    Array.from({ length: n }, (_, i) => `${[...pixelsOf(i), i % 2].join(separator)}\n`).join("");

  it.each([
    ["digits.tra", rows(40, ",")],
    ["digits.data", rows(40, " ")],
    ["digits.tsv", rows(40, "\t")],
    ["digits.txt", csv(40)],
    ["digits", csv(40)],
  ])("%s", async (name, content) => {
    await write(name, content);
    const { train, test } = await open(join(folder, name));
    expect([train.inputShape, train.classes, train.length + test.length]).toEqual([[SIDE, SIDE, 1], ["0", "1"], 40]);
  });

  it.each([
    [
      "notes.txt",
      "dear diary,\ntoday, I, have, trained, a, network\n",
      /it is a table .*one of samples has a line for/,
    ],
    ["numbers.bin", Uint8Array.of(49, 44, 50, 0, 51, 44, 52, 44, 53, 10), /neither a folder nor a table of numbers/],
    ["short.txt", "1 2 3\n4 5 6\n", /it is text; give a folder of pictures/],
  ])("%s is none", async (name, content, message) => {
    await write(name, content);
    await expect(openData(join(folder, name))).rejects.toThrow(message);
    await expect(openData(join(folder, name))).rejects.toThrow(name);
  });
});

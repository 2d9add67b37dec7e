/** Data of every kind, packed to be streamed: the same samples, splits and fingerprints as in memory. */
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { writeIdx } from "../../src/data/formats/idx.ts";
import { shapeAt } from "../../src/data/port.ts";
import { Random } from "../../src/engine/random.ts";
import { sizeOf } from "../../src/engine/shape.ts";
import type { Preprocessing } from "../../src/picture/preprocessing.ts";
import { openData, streamData } from "../../src/platform/node/open-data.ts";

const SIDE = 12;
const SIZE = SIDE * SIDE;

let root = "";
let folder = "";
let cacheDir = "";
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ductus-packed-"));
});
beforeEach(async () => {
  folder = join(root, String(count++));
  cacheDir = join(folder, "cache");
  await mkdir(join(folder, "data"), { recursive: true });
});
afterAll(() => rm(root, { recursive: true }));

const random = new Random(1, "user");
/** A dark stroke on light ground, somewhere. */
function picture(): Uint8Array {
  const left = 1 + random.integer(SIDE - 4);
  return Uint8Array.from({ length: SIZE }, (_, i) => {
    const isInk = i % SIDE >= left && i % SIDE < left + 2 && i >= SIZE / 4 && i < (3 * SIZE) / 4;
    return (isInk ? 0 : 200) + random.integer(50);
  });
}

const path = (...names: readonly string[]): string => join(folder, "data", ...names);

async function writePictures(place: string, classes: readonly string[], each: number): Promise<void> {
  for (const name of classes) {
    await mkdir(join(place, name), { recursive: true });
    for (let i = 0; i < each; i++) {
      const file = await sharp(picture(), { raw: { width: SIDE, height: SIDE, channels: 1 } })
        .png()
        .toBuffer();
      await writeFile(join(place, name, `${i}.png`), file);
    }
  }
}

const csv = (labels: readonly string[], header = ""): string =>
  header + labels.map((label) => `${label},${[...picture()].join(",")}\n`).join("");

const labelsOf = (samples: number, classes: number): Uint8Array =>
  Uint8Array.from({ length: samples }, (_, i) => i % classes);

async function writeIdxSplit(
  names: readonly [string, string],
  samples: number,
  pack = (bytes: Uint8Array) => bytes,
): Promise<void> {
  const data = new Uint8Array(samples * SIZE);
  for (let i = 0; i < samples; i++) data.set(picture(), i * SIZE);
  await writeFile(path(names[0]), pack(writeIdx({ type: "uint8", dims: [samples, SIDE, SIDE], data })));
  await writeFile(path(names[1]), pack(writeIdx({ type: "uint8", dims: [samples], data: labelsOf(samples, 3) })));
}

const TRAIN = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"] as const;
const TEST = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] as const;
const gz = ([images, labels]: readonly [string, string]) => [`${images}.gz`, `${labels}.gz`] as const;

/** Every sample and its label, as text. */
function samples(data: Dataset): string[] {
  const [x, y] = [new Uint8Array(sizeOf(shapeAt(data.inputs.x))), new Int32Array(1)];
  return Array.from({ length: data.length }, (_, i) => {
    data.read([i], 0, 1, { x, y });
    return `${y[0]}: ${x.join()}`;
  });
}

/** What was said of the data that were read last. */
let notes: readonly string[] = [];

/** Reads the data both ways and compares. @returns where they were packed to, if they were */
async function expectSame(
  spec: string,
  preprocessing?: Preprocessing,
  skipUnreadable = false,
): Promise<string | undefined> {
  const memory = await openData(spec, { preprocessing, cacheDir, skipUnreadable });
  notes = memory.notes;
  let place: string | undefined;
  const onPack = (where: string): void => {
    place = where;
  };
  const streamed = await streamData(spec, { preprocessing, cacheDir, skipUnreadable, onPack, memory: 9 * 28 * 28 * 3 });
  for (const split of ["train", "validation", "test"] as const) {
    const [there, here] = [streamed[split], memory[split]];
    expect(there === undefined).toBe(here === undefined);
    if (there === undefined || here === undefined) continue;
    expect(samples(there)).toEqual(samples(here));
    expect(there.classes).toEqual(here.classes);
    expect(there.polarity).toBe(here.polarity);
    expect(there.split).toBe(split);
  }
  expect([streamed.preprocessing, streamed.isTestAside]).toEqual([memory.preprocessing, memory.isTestAside]);
  expect(streamed.notes).toEqual(memory.notes);
  expect(streamed.fingerprint).toBe(memory.fingerprint);
  expect(streamed.notes).toEqual(memory.notes);
  expect(streamed.origin).toBe(`${memory.origin}, read while it is used`);
  streamed.close();
  return place;
}

describe("data that are packed to be streamed are those in memory", () => {
  it("pictures by class, with and without a test split, ink or colors", async () => {
    await writePictures(path("a"), ["alpha", "beta", "2", "10"], 7);
    await expectSame(path("a"));
    await writePictures(path("b", "train"), ["x", "y"], 9);
    await writePictures(path("b", "test"), ["x", "y"], 3);
    await expectSame(path("b"));
    for (const channels of [1, 3] as const) {
      await expectSame(path("b"), { kind: "resize", height: 9, width: 14, channels, invert: false });
    }
  });

  it("pictures in three parts, without a test part, by writers, with unusable ones and a class of blank ones", async () => {
    for (const part of ["train", "val", "test"]) await writePictures(path("three", part), ["x", "y"], 5);
    await expectSame(path("three"));
    for (const part of ["train", "valid"]) await writePictures(path("two", part), ["x", "y"], 5);
    await expectSame(path("two"));
    for (const writer of ["anna", "ben", "cleo", "dora", "emil"]) {
      await writePictures(path("hands", writer), ["0", "1"], 3);
    }
    await expectSame(path("hands"));
    const { origin } = await openData(path("hands"));
    expect(origin).toMatch(/6 of 30 \(seed 0, whole writers\) put aside for testing$/);
    await writeFile(path("hands", "anna", "0", "bad.png"), "no picture");
    await writeFile(path("hands", "ben", "1", "bad.png"), "no picture");
    await expectSame(path("hands"), undefined, true);
    await writePictures(path("boxes"), ["a"], 5);
    await mkdir(path("boxes", "none"));
    const blank = await sharp(new Uint8Array(SIZE).fill(250), { raw: { width: SIDE, height: SIDE, channels: 1 } })
      .png()
      .toBuffer();
    for (let i = 0; i < 5; i++) await writeFile(path("boxes", "none", `${i}.png`), blank);
    await expectSame(path("boxes"));
  });

  it("CSV files, with names or numbers for classes, compressed or not, with and without a test split", async () => {
    const some = ["b", "a", "c", "a", "b", "c", "a"];
    await writeFile(path("names.csv"), csv([...some, ...some], "label,pixels\n"));
    await expectSame(path("names.csv"));
    await mkdir(path("two"));
    await writeFile(path("two", "train.csv"), csv(["0", "2", "07", "1", "2", "9", "0"]).replaceAll("\n", "\r\n"));
    await writeFile(path("two", "test.csv.gz"), gzipSync(csv(["1", "7", "0"]).trimEnd()));
    await expectSame(path("two"));
  });

  it("CSV files of several pieces", async () => {
    // 2 MiB and some, so that lines lie across the pieces in which it is read.
    await writeFile(path("large.csv"), csv(Array.from({ length: 4000 }, (_, i) => String(i % 5))));
    await expectSame(path("large.csv"));
  }, 30_000);

  it("numbers that are no bytes, scaled alike in both splits", async () => {
    const counts = (labels: readonly string[], header: string): string =>
      csv(labels, header).replace(/(?<=,)\d+/g, (value) => String(Number(value) >> 4));
    await mkdir(path("csv"));
    await writeFile(path("csv", "train.csv"), counts(["0", "1", "1", "0", "0", "1"], "label,pixels\n"));
    // The brightest pixel of these is not the brightest of all.
    await writeFile(path("csv", "test.csv"), counts(["0", "1"], "label,pixels\n").replace(/(?<=,)15/g, "14"));
    await expectSame(path("csv"));
    expect(notes).toEqual([`${path("csv", "train.csv")}: values from 0 to 15 were scaled to 0 … 255`]);
    await writeFile(
      path("late.csv"),
      `0${",255".repeat(SIZE)}\n${csv(["1", "0", "1", "0", "1"])}`.replace(/(?<=,)255/g, "1"),
    );
    await expectSame(path("late.csv"));

    await writeIdxSplit(TRAIN, 23);
    await writeIdxSplit(TEST, 9);
    for (const name of [TRAIN[0], TEST[0]]) {
      const bytes = await readFile(path(name));
      await writeFile(
        path(name),
        bytes.map((value, i) => (i < 16 ? value : value >> 4)),
      );
    }
    await expectSame(path());
    expect(notes).toEqual([`${path(TRAIN[0])}: values from 0 to 15 were scaled to 0 … 255`]);
  });

  it("IDX files, compressed, plain without a test split, and plain with one, which stay where they are", async () => {
    await writeIdxSplit(gz(TRAIN), 31, gzipSync);
    await writeIdxSplit(gz(TEST), 10, gzipSync);
    await writeFile(path("classes.json"), '["one", "two", "three"]');
    await expectSame(path());
    for (const name of [...gz(TRAIN), ...gz(TEST)]) await rm(path(name));
    await writeIdxSplit(TRAIN, 23);
    await expectSame(path());
    await writeIdxSplit(TEST, 9);
    expect(await expectSame(path())).toBeUndefined();
  });
});

describe("packing", () => {
  const packed = async (): Promise<string[]> => (await readdir(join(cacheDir, "packed"))).sort();

  it("is done once, and again when something has changed", async () => {
    await writePictures(path(), ["a", "b"], 6);
    const place = await expectSame(path());
    expect(place).toBeDefined();
    expect(await expectSame(path())).toBeUndefined();
    expect(await packed()).toHaveLength(1);
    await utimes(path("a", "0.png"), 1, 1);
    const other = await expectSame(path());
    expect(other).not.toBe(place);
    await rm(path("b", "5.png"));
    expect(await expectSame(path())).toBeDefined();
    const inverted = { kind: "resize", height: 8, width: 8, channels: 1, invert: true } as const;
    expect(await expectSame(path(), inverted)).toBeDefined();
    expect(await packed()).toHaveLength(4);
  });

  it("leaves nothing when it fails, and says why in one line", async () => {
    const stream = (): Promise<unknown> => streamData(path(), { cacheDir });
    await writePictures(path(), ["a", "b"], 3);
    await writeFile(path("b", "1.png"), "no picture");
    await expect(stream()).rejects.toThrow(
      /^[^\n]*1 of 6 pictures cannot be used: is not a picture: it is text: b.1\.png/,
    );
    expect(await packed()).toEqual([]);

    await writeFile(path("train.csv"), `${csv(["0", "1", "0"])}1,2,3\n`);
    await expect(stream()).rejects.toThrow(/train\.csv: line 4 has 3 columns but the first row 145/);
    await writeFile(path("train.csv"), csv(["0", "1", "0"]));
    await expect(stream()).rejects.toThrow(/class "1" has 1 sample; a split needs at least 2 of each class/);
    await rm(path("train.csv"));
    await writeFile(path("train.csv.gz"), gzipSync(csv(["0", "1", "0", "1"])).subarray(0, 500));
    await expect(stream()).rejects.toThrow(/train\.csv\.gz: corrupt gzip file/);
    await rm(path("train.csv.gz"));

    await writeIdxSplit(gz(TRAIN), 20, gzipSync);
    await rm(path(gz(TRAIN)[1]));
    await expect(stream()).rejects.toThrow(/train-labels-idx1-ubyte \(or \.gz\) is missing/);
    expect(await packed()).toEqual([]);
  });

  it("removes what a killed process left a day ago, and nothing newer", async () => {
    await writePictures(path(), ["a", "b"], 3);
    for (const name of [".old-1", ".new-1"]) await mkdir(join(cacheDir, "packed", name), { recursive: true });
    const yesterday = Date.now() / 1000 - 90_000;
    await utimes(join(cacheDir, "packed", ".old-1"), yesterday, yesterday);
    const place = await expectSame(path());
    expect(await packed()).toEqual([".new-1", String(place).slice(-16)]);
  });

  it("of one set by two at the same time gives one copy", async () => {
    await writePictures(path(), ["a", "b"], 20);
    const both = await Promise.all([1, 2].map(() => streamData(path(), { cacheDir })));
    expect(samples(both[0].train)).toEqual(samples(both[1].train));
    for (const { close } of both) close();
    expect(await packed()).toHaveLength(1);
  });
});

describe("what was packed and has changed since", () => {
  const files = ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "classes.json", "found.json"];
  const harm: Record<string, (bytes: Buffer) => Buffer | undefined> = {
    "has one other bit": (bytes) => {
      bytes[bytes.length - 3] ^= 1;
      return bytes;
    },
    "is cut short": (bytes) => bytes.subarray(0, bytes.length - 10),
    "is empty": () => Buffer.alloc(0),
    "is gone": () => undefined,
  };

  it.each(Object.entries(harm))("is packed again: a file that %s", async (_, change) => {
    await writePictures(path(), ["a", "b"], 6);
    const place = await expectSame(path());
    for (const file of files) {
      const target = join(String(place), file);
      const whole = await readFile(target);
      const bytes = change(Buffer.from(whole));
      if (bytes === undefined) await rm(target);
      else await writeFile(target, bytes);
      const told: (string | undefined)[] = [];
      const stream = await streamData(path(), { cacheDir, onPack: (_, damage) => told.push(damage) });
      stream.close();
      expect(told, file).toEqual([expect.stringContaining(String(place))]);
      expect(await readFile(target)).toEqual(whole);
      expect(await readdir(join(cacheDir, "packed")), "nothing is left of it").toEqual([String(place).slice(-16)]);
    }
  });

  it("goes on being read by who has opened it", async () => {
    await writePictures(path(), ["a", "b"], 6);
    const before = await streamData(path(), { cacheDir });
    const [name] = await readdir(join(cacheDir, "packed"));
    await rm(join(cacheDir, "packed", name, "found.json"));
    const after = await streamData(path(), { cacheDir });
    expect(samples(before.train)).toEqual(samples(after.train));
    for (const { close } of [before, after]) close();
  });
});

it("files that are no data, and names that are none, are refused", async () => {
  await appendFile(path("x.txt"), "x");
  await expect(streamData(path("x.txt"), { cacheDir })).rejects.toThrow(
    /x\.txt holds no samples that can be read: it is text; give a folder/,
  );
  await expect(streamData("mnits", { cacheDir })).rejects.toThrow(/mnist/);
  const nowhere = { cacheDir, dataDir: path() };
  await expect(streamData("mnist", nowhere)).rejects.toThrow(/mnist: only files on this machine can be streamed/);
});

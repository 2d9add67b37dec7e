import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ImageDataset, type PairDataset } from "../../src/data/dataset.ts";
import { fingerprint, fingerprintPair } from "../../src/data/fingerprint.ts";
import { describeData, firstOfEachClass, previewRows } from "../../src/data/inspect.ts";
import { epochOrder, Loader } from "../../src/data/loader.ts";
import { Subset, stratifiedSplit, takeImages } from "../../src/data/split.ts";
import { sha256 } from "../../src/platform/node/files.ts";

/** Pictures of one pixel whose value is the number of the sample. */
function numbered(labels: readonly number[], classes = 4): ImageDataset {
  return new ImageDataset({
    name: "d",
    images: Uint8Array.from(labels, (_, i) => i),
    labels: Uint8Array.from(labels),
    height: 1,
    width: 1,
    classes: Array.from({ length: classes }, (_, i) => `c${i}`),
  });
}

const twoOrMoreEach = fc
  .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 60 })
  .map((labels) => [...labels, ...labels]);

describe("stratified split", () => {
  it("takes each sample once, in order, and its fraction of every class", () => {
    const fraction = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(twoOrMoreEach, fraction, fc.nat(), (labels, part, seed) => {
        const data = numbered(labels);
        const { train, validation } = stratifiedSplit(data, part, seed);
        const all = [...train.indices, ...validation.indices];
        expect(all.sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
        expect([...validation.indices]).toEqual([...validation.indices].sort((a, b) => a - b));
        for (let label = 0; label < 4; label++) {
          const whole = labels.filter((l) => l === label).length;
          const aside = [...validation.indices].filter((i) => labels[i] === label).length;
          if (whole === 0) continue;
          expect(Math.abs(aside - whole * part)).toBeLessThanOrEqual(1);
          expect(aside).toBeGreaterThan(0);
          expect(aside).toBeLessThan(whole);
        }
        expect(stratifiedSplit(data, part, seed).validation.indices).toEqual(validation.indices);
      }),
    );
  });

  it("depends on the seed", () => {
    const data = numbered(new Array<number>(100).fill(1));
    const [a, b] = [1, 2].map((seed) => stratifiedSplit(data, 0.5, seed).train.indices);
    expect(a).not.toEqual(b);
  });

  it("refuses a class of one sample and fractions that leave nothing", () => {
    expect(() => stratifiedSplit(numbered([0, 0, 2]), 0.5, 0)).toThrow(
      'd: class "c2" has 1 sample; a split needs at least 2 of each class',
    );
    for (const fraction of [0, 1, Number.NaN]) {
      expect(() => stratifiedSplit(numbered([0, 0]), fraction, 0)).toThrow("a fraction between 0 and 1");
    }
  });

  it("reads samples through a subset of a subset", () => {
    const subset = new Subset(new Subset(numbered([0, 1, 2, 3]), Int32Array.of(3, 2, 1)), Int32Array.of(2, 0));
    const [x, y] = [new Uint8Array(2), new Int32Array(2)];
    subset.read([1, 0], 0, 2, { x, y });
    expect([...x]).toEqual([3, 1]);
    expect([...y]).toEqual([3, 1]);
    expect([subset.length, subset.label?.(0)]).toEqual([2, 1]);
    expect(() => new Subset(numbered([0]), Int32Array.of(1))).toThrow("d: no sample 1 among 1");
  });
});

it("reads pictures of any size from and to any place in memory", () => {
  const place = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), place, place, (width, skipSource, skipBatch) => {
      const all = Uint8Array.from({ length: skipSource + 3 * width }, (_, i) => i * 7 + 1);
      const images = all.subarray(skipSource);
      const data = new ImageDataset({
        name: "d",
        images,
        labels: Uint8Array.of(1, 0, 1),
        height: 1,
        width,
        classes: ["a", "b"],
      });
      const wanted = [2, 0].flatMap((i) => [...images.subarray(i * width, (i + 1) * width)]);
      const y = new Int32Array(2);
      for (const x of [new Uint8Array(skipBatch + 2 * width).subarray(skipBatch), new Float32Array(2 * width)]) {
        data.read([9, 2, 0], 1, 2, { x, y });
        expect([...x]).toEqual(wanted);
      }
      expect([...y]).toEqual([1, 1]);
    }),
  );
});

describe("loader", () => {
  const labels = Array.from({ length: 10 }, (_, i) => i % 4);
  const read = (loader: Loader, epoch: number, batch = 0): number[][] => {
    const [x, y] = [new Uint8Array(loader.batchSize), new Int32Array(loader.batchSize)];
    const batches: number[][] = [];
    loader.start(epoch, batch);
    for (let shape = loader.ahead(); shape.batch > 0; shape = loader.ahead()) {
      loader.next({ x, y }, shape);
      batches.push([...x.subarray(0, shape.batch)]);
      for (let k = 0; k < shape.batch; k++) expect(y[k]).toBe(labels[x[k]]);
    }
    return batches;
  };

  it("visits every sample once an epoch, the last batch smaller", () => {
    const loader = new Loader(numbered(labels), { batchSize: 4, seed: 7 });
    const batches = read(loader, 0);
    expect(batches.map((batch) => batch.length)).toEqual([4, 4, 2]);
    expect(loader.batches).toBe(3);
    expect(batches.flat().sort((a, b) => a - b)).toEqual(labels.map((_, i) => i));
  });

  it("gives each epoch its own order, which only seed and epoch decide", () => {
    const loader = new Loader(numbered(labels), { batchSize: 4, seed: 7 });
    const [first, second] = [read(loader, 0), read(loader, 1)];
    expect(second).not.toEqual(first);
    expect(read(loader, 0)).toEqual(first);
    expect(read(loader, 1, 2)).toEqual(second.slice(2));
    expect(second.flat()).toEqual([...epochOrder(10, 7, 1)]);
    expect(read(new Loader(numbered(labels), { batchSize: 4 }), 5).flat()).toEqual(labels.map((_, i) => i));
  });

  it("refuses batches of nothing", () => {
    expect(() => new Loader(numbered(labels), { batchSize: 0 })).toThrow("batch size 0 is not 1 or more");
    expect(() => new Loader(numbered([]), { batchSize: 1 })).toThrow("d has no samples");
  });
});

describe("fingerprint", () => {
  it("is the same from Web Crypto and Node, and for equal data only", async () => {
    const data = numbered([0, 1, 2]);
    const base = await fingerprint(data);
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    // Copies, because what a data set was found to be is kept.
    expect(await fingerprint(numbered([0, 1, 2]), sha256)).toBe(base);
    expect(await fingerprint(takeImages(data, [0, 1, 2], "elsewhere"))).toBe(base);
    expect(await fingerprint(numbered([0, 1, 3]))).not.toBe(base);
    expect(await fingerprint(numbered([0, 1, 2], 5))).not.toBe(base);
    const same = numbered([0, 1, 2]);
    expect(await fingerprintPair(data, data)).toBe(await fingerprintPair(same, same, sha256));
  });
});

describe("inspect", () => {
  const images = Uint8Array.of(255, 0, 0, 255, 0, 0, 0, 0);
  const data = new ImageDataset({
    name: "d",
    images,
    labels: [1, 0] as never,
    height: 2,
    width: 2,
    classes: ["a", "b"],
  });

  it("counts classes and measures pixels", () => {
    const found = describeData(data);
    expect(found.classes).toEqual([
      { name: "a", count: 1 },
      { name: "b", count: 1 },
    ]);
    expect(found.mean).toBeCloseTo(0.25);
    expect(found.std).toBeCloseTo(Math.sqrt(3) / 4);
    expect(firstOfEachClass(data)).toEqual([1, 0]);
  });

  it("draws two rows of pixels in a line", () => {
    expect(previewRows(data, [0, 1])).toEqual(["▀▄   "]);
    expect(previewRows(data, [0], { color: true })[0]).toContain("\u001b[38;5;255m\u001b[48;5;232m▀");
  });
});

it("a part of a data set of the older form has its samples under their names", () => {
  const whole = numbered([0, 1, 0, 1, 0, 1, 0, 1]);
  const older: PairDataset = {
    name: "older",
    length: whole.length,
    inputShape: [1, 1, 1],
    inputType: "uint8",
    targetShape: [],
    targetType: "int32",
    classes: whole.classes,
    label: (i) => whole.label(i),
    read: (indices, start, count, x, y) => whole.read(indices, start, count, { x, y }),
  };
  const [wanted, found] = [whole, older].map((dataset) => {
    const { validation } = stratifiedSplit(dataset, 0.5, 1);
    const batch = { x: new Uint8Array(4), y: new Int32Array(4) };
    validation.read([0, 1, 2, 3], 0, 4, batch);
    return { ...batch, inputs: validation.inputs, targets: validation.targets };
  });
  expect(found).toEqual(wanted);
});

it("a part of data without classes has none, and is divided as one", () => {
  const whole = numbered([0, 1, 0, 1, 0, 1, 0, 1]);
  const plain = {
    name: "plain",
    length: whole.length,
    inputs: whole.inputs,
    targets: whole.targets,
    read: whole.read.bind(whole),
  };
  const part = new Subset(plain, Int32Array.of(0, 1, 2, 3, 4, 5));
  expect(part.label).toBeUndefined();
  const { train, validation } = stratifiedSplit(part, 0.5, 1);
  expect([train.length, validation.length]).toEqual([3, 3]);
});

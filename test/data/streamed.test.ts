/** Data sets that stay on the disk: every sample is right, every group is read once, little is held. */
import { truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeIdx } from "../../src/data/formats/idx.ts";
import { datasetFromIdx } from "../../src/data/formats/idx-dataset.ts";
import { epochOrder, Loader } from "../../src/data/loader.ts";
import { stratifiedSplit } from "../../src/data/split.ts";
import { type ByteSource, StreamedDataset } from "../../src/data/streamed.ts";
import { streamIdx } from "../../src/platform/node/streamed-idx.ts";

const SIDE = 4;
const SIZE = SIDE * SIDE;
const HEADER = 16;

/** Pictures whose bytes are all different from their neighbors', and the same in memory for comparison. */
function files(count: number) {
  const images = Uint8Array.from({ length: count * SIZE }, (_, i) => (i * 31 + (i >> 8)) & 255);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 5);
  return {
    images: writeIdx({ type: "uint8", dims: [count, SIDE, SIDE], data: images }),
    labels: writeIdx({ type: "uint8", dims: [count], data: labels }),
  };
}

function inMemory(count: number) {
  const { images, labels } = files(count);
  return datasetFromIdx({
    name: "d",
    images: { name: "images", bytes: images },
    labels: { name: "labels", bytes: labels },
  });
}

/** A source that counts what is read from it. */
function counted(bytes: Uint8Array): ByteSource & { reads: number; bytes: number } {
  const source = {
    name: "counted",
    reads: 0,
    bytes: 0,
    read(into: Uint8Array, position: number) {
      source.reads++;
      source.bytes += into.length;
      into.set(bytes.subarray(position, position + into.length));
    },
  };
  return source;
}

function streamed(count: number, memory: number) {
  const { images } = files(count);
  const source = counted(images);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 5);
  const shape = { height: SIDE, width: SIDE, channels: 1, offset: HEADER };
  const classes = ["0", "1", "2", "3", "4"];
  const dataset = new StreamedDataset({ name: "d", bytes: source, ...shape, labels, classes, origin: "test", memory });
  return { dataset, source };
}

/** Goes through an epoch; calls `see` with each batch. */
function epoch(loader: Loader, number: number, see: (inputs: Uint8Array, targets: Int32Array, from: number) => void) {
  const x = new Uint8Array(loader.batchSize * SIZE);
  const y = new Int32Array(loader.batchSize);
  loader.start(number);
  for (let done = 0, shape = loader.ahead(); shape.batch > 0; done += shape.batch, shape = loader.ahead()) {
    loader.next({ x, y }, shape);
    see(x.subarray(0, shape.batch * SIZE), y.subarray(0, shape.batch), done);
  }
}

describe("a streamed data set", () => {
  it("gives the samples of the same file in memory, in any order and with any room", () => {
    const count = 203;
    const whole = inMemory(count);
    const property = fc.property(
      fc.integer({ min: 8, max: 300 }),
      fc.array(fc.nat(count - 1), { minLength: 1, maxLength: 100 }),
      (pictures, indices) => {
        const { dataset } = streamed(count, pictures * SIZE);
        const [inputs, want] = [new Uint8Array(indices.length * SIZE), new Uint8Array(indices.length * SIZE)];
        const [targets, labels] = [new Int32Array(indices.length), new Int32Array(indices.length)];
        dataset.read(indices, 0, indices.length, { x: inputs, y: targets });
        whole.read(indices, 0, indices.length, { x: want, y: labels });
        expect(inputs).toEqual(want);
        expect(targets).toEqual(labels);
      },
    );
    fc.assert(property, { seed: 1, numRuns: 50 });
  });

  it("is read once per epoch, whatever is shuffled, and held only in part", () => {
    const count = 10_007;
    const { dataset, source } = streamed(count, count * SIZE * 0.1);
    const { samples, groups } = dataset.locality;
    expect(samples * groups).toBeLessThanOrEqual(count * 0.1);
    const loader = new Loader(dataset, { batchSize: 64, seed: 3 });
    for (const number of [1, 2]) {
      source.bytes = 0;
      source.reads = 0;
      const seen = new Uint8Array(count);
      epoch(loader, number, (_, targets, from) => {
        const numbers = loader.order.subarray(from, from + targets.length);
        expect([...targets]).toEqual(Array.from(numbers, (index) => index % 5));
        for (const index of numbers) seen[index]++;
      });
      expect(seen.every((times) => times === 1)).toBe(true);
      // What the epoch before left in memory need not be read again.
      expect(source.reads).toBeLessThanOrEqual(Math.ceil(count / samples));
      if (number === 1) expect(source.bytes).toBe(count * SIZE);
    }
  });

  it("is read little more than once when a part is put aside for validation", () => {
    const { dataset, source } = streamed(10_000, 2000 * SIZE);
    const { train, validation } = stratifiedSplit(dataset, 0.1, 1);
    epoch(new Loader(train, { batchSize: 50, seed: 1 }), 1, () => {});
    expect(source.bytes).toBeLessThan(2.6 * 10_000 * SIZE);
    source.bytes = 0;
    epoch(new Loader(validation, { batchSize: 50 }), 1, () => {});
    expect(source.bytes).toBeLessThanOrEqual(10_000 * SIZE);
  });

  it("mixes groups well: neighbors of an epoch come from all of a window", () => {
    const locality = { samples: 10, groups: 20 };
    const order = epochOrder(5000, 1, 1, undefined, locality);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(epochOrder(5000, 1, 2, undefined, locality)).not.toEqual(order);
    for (let i = 0; i + 200 <= 5000; i += 200) {
      const groups = new Set(Array.from(order.subarray(i, i + 50), (sample) => Math.floor(sample / 10)));
      expect(groups.size).toBeGreaterThan(12);
    }
    expect(epochOrder(150, 1, 1, undefined, locality)).toEqual(epochOrder(150, 1, 1));
  });

  it("needs room for a few pictures", () => {
    expect(() => streamed(100, 3 * SIZE)).toThrow("memory is 48 bytes; at least 8 pictures of 16 bytes must fit");
  });
});

describe("IDX files on the disk", () => {
  let folder: string;
  const path = (name: string): string => join(folder, name);
  const [IMAGES, LABELS] = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ductus-stream-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = (count: number): void => {
    const { images, labels } = files(count);
    writeFileSync(path(IMAGES), images);
    writeFileSync(path(LABELS), gzipSync(labels));
  };

  it("are streamed; labels may be compressed", async () => {
    write(500);
    const { dataset, close } = await streamIdx(folder, { memory: 40 * SIZE, polarity: "dark-on-light" });
    expect(dataset.ground).toBe(255);
    const whole = inMemory(500);
    epoch(new Loader(dataset, { batchSize: 500, seed: 2 }), 1, (inputs, targets) => {
      const order = epochOrder(500, 2, 1, undefined, dataset.locality);
      for (const [k, index] of order.entries()) {
        expect(inputs.subarray(k * SIZE, (k + 1) * SIZE)).toEqual(whole.image(index));
        expect(targets[k]).toBe(whole.label(index));
      }
    });
    close();
  });

  it("that are wrong are refused in one line", async () => {
    write(20);
    truncateSync(path(IMAGES), 100);
    await expect(streamIdx(folder)).rejects.toThrow(
      `${path(IMAGES)}: truncated; the header says [20, 4, 4] uint8, 336 bytes, but there are 100`,
    );
    writeFileSync(path(IMAGES), gzipSync(files(20).images));
    await expect(streamIdx(folder)).rejects.toThrow(
      `${path(IMAGES)}: pictures can only be streamed from an uncompressed file; unpack it with gunzip`,
    );
    write(20);
    writeFileSync(path(LABELS), files(19).labels);
    await expect(streamIdx(folder)).rejects.toThrow(/holds 20 pictures but .* 19 labels; they do not belong together/);
    await expect(streamIdx(folder, { split: "test" })).rejects.toThrow(/t10k-images-idx3-ubyte is missing/);
  });

  it("that lose their end while they are read are noticed", async () => {
    write(500);
    const { dataset, close } = await streamIdx(folder, { memory: 16 * SIZE });
    truncateSync(path(IMAGES), 400 * SIZE);
    expect(() => dataset.read([499], 0, 1, { x: new Uint8Array(SIZE), y: new Int32Array(1) })).toThrow(
      `${path(IMAGES)}: the file has become shorter while it was read`,
    );
    close();
  });
});

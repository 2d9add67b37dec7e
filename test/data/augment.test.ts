/** Augmentation of batches: what it depends on, what touches and mixes do, and how wrong lists are refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { augmentBy } from "../../src/augment/augment.ts";
import { AUGMENTATION_NAMES, checkAugmentations } from "../../src/augment/augmentations.ts";
import { Augmenter } from "../../src/augment/augmenter.ts";
import { mosaic } from "../../src/augment/mosaic.ts";
import { PRESET_NAMES, resolveAugmentations } from "../../src/augment/presets.ts";
import type { Augmentation, AugmentationList } from "../../src/augment/records.ts";
import { type Dataset, ImageDataset } from "../../src/data/dataset.ts";
import { Loader } from "../../src/data/loader.ts";
import { INDEX, shapeAt } from "../../src/data/port.ts";
import { UsageError } from "../../src/engine/errors.ts";
import { Random } from "../../src/engine/random.ts";
import { sizeOf } from "../../src/engine/shape.ts";

interface Look {
  readonly height?: number;
  readonly width?: number;
  readonly channels?: number;
  readonly polarity?: "light-on-dark" | "dark-on-light";
}

/** Random pictures of three classes. */
function noisy(count: number, { height = 12, width = 9, channels = 1, polarity }: Look = {}): ImageDataset {
  const random = new Random(1, "user");
  const images = Uint8Array.from({ length: count * height * width * channels }, () => random.integer(256));
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
  return new ImageDataset({ name: "d", images, labels, height, width, channels, polarity, classes: ["a", "b", "c"] });
}

/** Pictures of one value each, so that a mix can be read off any pixel. */
function flat(values: readonly number[]): ImageDataset {
  const images = Uint8Array.from({ length: values.length * 64 }, (_, i) => values[Math.floor(i / 64)]);
  const labels = Uint8Array.from(values, (_, i) => i % 3);
  return new ImageDataset({ name: "d", images, labels, height: 8, width: 8, classes: ["a", "b", "c"] });
}

const EVERYTHING: AugmentationList = [
  ...resolveAugmentations("digits", [28, 28]),
  { name: "flip" },
  { name: "perspective", distortion: 0.3 },
  { name: "crop", padding: 2 },
  { name: "blur", sigma: [0, 1], p: 0.5 },
  { name: "brightness", amount: 0.2 },
  { name: "contrast", factor: [0.8, 1.2] },
  { name: "noise", std: [0, 0.1] },
  { name: "erase" },
];

/** All samples of an epoch by their number, whatever the batches. */
function epochOf(
  dataset: Dataset,
  augment: AugmentationList,
  batchSize: number,
  seed = 5,
  epoch = 2,
): Map<number, string> {
  const loader = new Loader(dataset, { batchSize, seed, augment: augmentBy(augment) });
  const size = sizeOf(shapeAt(dataset.inputs.x));
  const x = new Uint8Array(batchSize * size);
  const y = new Int32Array(batchSize);
  const found = new Map<number, string>();
  loader.start(epoch);
  for (let done = 0, shape = loader.ahead(); shape.batch > 0; done += shape.batch, shape = loader.ahead()) {
    loader.next({ x, y }, shape);
    for (let k = 0; k < shape.batch; k++) {
      const pixels = x.subarray(k * size, (k + 1) * size).join();
      found.set(loader.order[done + k], `${y[k]}: ${pixels}`);
    }
  }
  return found;
}

/** One batch of the whole set, in its own order. */
function batchOf(dataset: ImageDataset, augment: AugmentationList, seed = 0, epoch = 1) {
  const augmenter = new Augmenter(augment, dataset, { batchSize: dataset.length, seed });
  const width = sizeOf(shapeAt(augmenter.samples.targets.y));
  const pictures = new Uint8Array(dataset.images.length);
  const targets = new Float32Array(dataset.length * width);
  const order = dataset.labels.map((_, i) => i);
  augmenter.start(epoch);
  augmenter.read(order, 0, dataset.length, { x: pictures, y: targets });
  return { pictures, targets, width, samples: augmenter.samples };
}

const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

describe("what a sample becomes", () => {
  it("depends on seed, epoch and its number, not on the batches", () => {
    const data = noisy(50);
    const whole = epochOf(data, EVERYTHING, 50);
    expect(whole.size).toBe(50);
    for (const batchSize of [1, 7, 32]) expect(epochOf(data, EVERYTHING, batchSize)).toEqual(whole);
    for (const other of [epochOf(data, EVERYTHING, 50, 6), epochOf(data, EVERYTHING, 50, 5, 3)]) {
      const same = [...other].filter(([index, sample]) => whole.get(index) === sample);
      expect(same).toEqual([]);
    }
  });

  it("is the same when the epoch is entered in its middle, mixing included", () => {
    const augment: AugmentationList = [...EVERYTHING, { name: "mixup", alpha: 1 }, { name: "cutmix", p: 0.5 }];
    const data = noisy(23);
    const run = (from: number): string[] => {
      const loader = new Loader(data, { batchSize: 4, seed: 1, augment: augmentBy(augment) });
      const x = new Uint8Array(4 * 108);
      const y = new Float32Array(4 * 3);
      const seen: string[] = [];
      loader.start(3, from);
      for (let shape = loader.ahead(); shape.batch > 0; shape = loader.ahead()) {
        loader.next({ x, y }, shape);
        seen.push(`${x.subarray(0, shape.batch * 108).join()} ${y.subarray(0, shape.batch * 3).join()}`);
      }
      return seen;
    };
    expect(run(4)).toEqual(run(0).slice(4));
  });

  it("is what it was where the list is empty or never applies", () => {
    const data = noisy(6, { channels: 3 });
    const plain = epochOf(data, [], 4);
    expect(epochOf(data, resolveAugmentations("none", data.inputShape), 4)).toEqual(plain);
    expect(
      epochOf(
        data,
        EVERYTHING.map((record) => ({ ...record, p: 0 })),
        4,
      ),
    ).toEqual(plain);
  });

  it("happens to the share p of the samples", () => {
    const data = flat(new Array(400).fill(10));
    const { pictures } = batchOf(data, [{ name: "brightness", amount: [0.5, 0.5], p: 0.3 }]);
    const changed = Array.from({ length: 400 }, (_, i) => pictures[i * 64]).filter((value) => value !== 10).length;
    expect(changed / 400).toBeCloseTo(0.3, 1);
  });

  it("shows the ground where there is nothing: dark, light, or the edge of a photograph", () => {
    const move: AugmentationList = [{ name: "shift", x: [0.5, 0.5] }];
    for (const [polarity, ground] of [
      ["light-on-dark", 0],
      ["dark-on-light", 255],
    ] as const) {
      const { pictures } = batchOf(noisy(1, { width: 8, polarity }), move);
      expect([...pictures.subarray(0, 4)], polarity).toEqual([ground, ground, ground, ground]);
    }
    const photo = noisy(1, { width: 8, channels: 3 });
    const edge = [...photo.images.subarray(0, 3)];
    expect([...batchOf(photo, move).pictures.subarray(0, 12)]).toEqual([...edge, ...edge, ...edge, ...edge]);
  });
});

describe("touches", () => {
  it.each(["light-on-dark", "dark-on-light"] as const)("stroke thickens and thins ink, %s", (polarity) => {
    for (const [height, width] of [
      [5, 3],
      [20, 37],
    ]) {
      const data = noisy(3, { height, width, polarity });
      const ground = data.ground as number;
      for (const radius of [1, 0.5, -0.25, 1.75]) {
        const { pictures } = batchOf(data, [{ name: "stroke", radius: [radius, radius] }]);
        for (let i = 0; i < 3; i++) {
          const size = height * width;
          const want = strokeReference([...data.image(i)], height, width, radius, ground);
          expect([...pictures.subarray(i * size, (i + 1) * size)]).toEqual(want);
        }
      }
    }
  });

  it("brightness adds, contrast keeps the mean, both stop at black and white", () => {
    const data = noisy(1, { height: 40, width: 40 });
    const brighter = batchOf(data, [{ name: "brightness", amount: [0.2, 0.2] }]).pictures;
    expect([...brighter]).toEqual([...data.images].map((value) => Math.min(255, value + 51)));
    const paler = batchOf(data, [{ name: "contrast", factor: [0.5, 0.5] }]).pictures;
    expect(mean(paler)).toBeCloseTo(mean(data.images), 0);
    const spread = (values: Uint8Array): number => Math.max(...values) - Math.min(...values);
    expect(spread(paler)).toBeCloseTo(spread(data.images) / 2, -1);
  });

  it("noise has its standard deviation and is not the same in two samples", () => {
    const { pictures } = batchOf(flat(new Array(100).fill(128)), [{ name: "noise", std: [0.05, 0.05] }]);
    const variance = mean(Array.from(pictures, (value) => (value - 128) ** 2));
    expect(Math.sqrt(variance)).toBeCloseTo(0.05 * 255, 0);
    expect(pictures.subarray(0, 64)).not.toEqual(pictures.subarray(64, 128));
  });

  it("blur spreads a point as a Gaussian and leaves an even picture alone", () => {
    expect(new Set(batchOf(flat([77]), [{ name: "blur", sigma: [2, 2] }]).pictures)).toEqual(new Set([77]));
    const point = noisy(1, { height: 15, width: 15 });
    point.images.fill(0)[7 * 15 + 7] = 255;
    const { pictures } = batchOf(point, [{ name: "blur", sigma: [1, 1] }]);
    const gauss = (x: number, y: number): number => (255 / (2 * Math.PI)) * Math.exp(-(x * x + y * y) / 2);
    for (const [x, y] of [
      [0, 0],
      [1, 0],
      [0, 2],
      [1, 1],
    ]) {
      expect(Math.abs(pictures[(7 + y) * 15 + 7 + x] - gauss(x, y))).toBeLessThan(1);
    }
  });

  it("erase overwrites a rectangle of the area asked for, in all channels", () => {
    const data = noisy(20, { height: 32, width: 32, channels: 3 });
    data.images.fill(9);
    const { pictures } = batchOf(data, [{ name: "erase", area: [0.25, 0.25], fill: "ground", p: 1 }]);
    for (let i = 0; i < 20; i++) {
      const erased = Array.from({ length: 1024 }, (_, p) => pictures[(i * 1024 + p) * 3] !== 9);
      const rows = Array.from({ length: 32 }, (_, y) => erased.slice(32 * y, 32 * y + 32).filter(Boolean).length);
      const tall = rows.filter((count) => count > 0);
      expect(new Set(tall).size).toBe(1);
      expect(Math.abs(mean(erased.map(Number)) - 0.25)).toBeLessThan(0.04);
      expect(Array.from({ length: 1024 }, (_, p) => pictures[(i * 1024 + p) * 3 + 2] !== 9)).toEqual(erased);
    }
  });
});

describe("mixes", () => {
  const values = [0, 60, 120, 180, 240, 30];

  it("turn class indices into probabilities that sum to one", () => {
    const property = fc.property(fc.nat(1000), fc.double({ min: 0.05, max: 5, noNaN: true }), (seed, alpha) => {
      const { targets, width, samples } = batchOf(
        flat(values),
        [
          { name: "mixup", alpha },
          { name: "cutmix", alpha },
        ],
        seed,
      );
      expect(samples.targets.y).toEqual({ shape: [width], dtype: "float32" });
      for (let k = 0; k < values.length; k++) {
        const row = targets.subarray(k * width, (k + 1) * width);
        expect(row.every((p) => p >= 0)).toBe(true);
        expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      }
    });
    fc.assert(property, { seed: 8, numRuns: 50 });
  });

  it("mixup weighs pictures as targets", () => {
    // All of class a are black and all of class b white, so that the value is the share of b.
    const data = flat([0, 255, 0, 255]);
    const labeled = new ImageDataset({ ...data, height: 8, width: 8, labels: Uint8Array.of(0, 1, 0, 1) });
    let mixed = 0;
    for (let epoch = 1; epoch <= 20; epoch++) {
      const { pictures, targets, width } = batchOf(labeled, [{ name: "mixup", alpha: 1 }], 3, epoch);
      for (let k = 0; k < 4; k++) {
        expect(Math.abs(pictures[k * 64] - 255 * targets[k * width + 1])).toBeLessThanOrEqual(0.5);
        if (targets[k * width] > 0 && targets[k * width + 1] > 0) mixed++;
      }
    }
    expect(mixed).toBeGreaterThan(20);
  });

  it("cutmix gives each class its share of the area", () => {
    const data = flat([0, 255, 0, 255]);
    const labeled = new ImageDataset({ ...data, height: 8, width: 8, labels: Uint8Array.of(0, 1, 0, 1) });
    for (let epoch = 1; epoch <= 20; epoch++) {
      const { pictures, targets, width } = batchOf(labeled, [{ name: "cutmix" }], 3, epoch);
      for (let k = 0; k < 4; k++) {
        const picture = pictures.subarray(k * 64, k * 64 + 64);
        expect(new Set([...picture, 0, 255]).size).toBe(2);
        expect(mean(picture) / 255).toBeCloseTo(targets[k * width + 1], 5);
      }
    }
  });

  it("draw the share from Beta(alpha, alpha)", () => {
    const data = flat(Array.from({ length: 3000 }, (_, i) => (i % 2) * 255));
    const labeled = new ImageDataset({ ...data, height: 8, width: 8, labels: data.labels.map((_, i) => i % 2) });
    for (const alpha of [0.2, 1, 4]) {
      const { targets, width } = batchOf(labeled, [{ name: "mixup", alpha }]);
      // The share of the own class is λ where the partner is of the other one, and 1 elsewhere.
      const inside = (share: number): boolean => share > 0.001 && share < 0.999;
      const shares = Array.from({ length: 3000 }, (_, k) => targets[k * width + (k % 2)]).filter(inside);
      const grid = Array.from({ length: 10_000 }, (_, i) => (i + 0.5) / 10_000).filter(inside);
      const density = grid.map((x) => (x * (1 - x)) ** (alpha - 1));
      const variance = mean(grid.map((x, i) => density[i] * (x - 0.5) ** 2)) / mean(density);
      expect(mean(shares)).toBeCloseTo(0.5, 1);
      expect(Math.abs(mean(shares.map((share) => (share - 0.5) ** 2)) / variance - 1)).toBeLessThan(0.2);
    }
  });
});

describe("lists", () => {
  it.each(PRESET_NAMES)("preset %s fits pictures of any size, and is a list that may be written down", (name) => {
    for (const side of [8, 16, 28, 32, 96]) {
      const list = resolveAugmentations(name, [side, side, 1]);
      expect(checkAugmentations(JSON.parse(JSON.stringify(list)))).toEqual(list);
      const { pictures } = batchOf(noisy(3, { height: side, width: side }), list);
      expect(pictures.some((value) => value > 0)).toBe(true);
    }
  });

  it.each([
    [[{ name: "rotat", degrees: 3 }], 'unknown augmentation "rotat"; did you mean "rotate"?'],
    [[{ name: "rotate", degree: 3 }], 'unknown option of augmentation rotate "degree"; did you mean "degrees"?'],
    [[{ name: "rotate" }], "augmentation rotate: degrees is missing"],
    [[{ name: "rotate", degrees: 270 }], "augmentation rotate: degrees is 270 but must be from -180 to 180"],
    [[{ name: "rotate", degrees: [5, -5] }], "augmentation rotate: degrees is [5, -5]; the lower number comes first"],
    [[{ name: "rotate", degrees: "5" }], 'augmentation rotate: degrees is "5" but must be a number or [low, high]'],
    [[{ name: "flip", p: 1.5 }], "augmentation flip: p is 1.5 but must be from 0 to 1"],
    [[{ name: "flip", axis: "both" }], 'unknown value of augmentation flip: axis "both"; known: horizontal, vertical'],
    [[{ name: "crop", padding: 1.5 }], "augmentation crop: padding is 1.5 but must be a whole number"],
    [[{ name: "zoom", scale: [0, 1] }], "augmentation zoom: scale is 0 but must be from 0.1 to 10"],
    [
      [{ name: "elastic", alpha: 3, sigma: 40 }],
      "augmentation elastic: sigma is 40 but at most 8 for pictures of 9×12",
    ],
    [[{ name: "mixup", alpha: 0 }], "augmentation mixup: alpha is 0 but must be from 0.05 to 100"],
    [[3], `augmentation 1 of the list has no name; known: ${AUGMENTATION_NAMES.join(", ")}`],
    [{ name: "flip" }, 'augmentations must be a list: [{"name": "rotate", "degrees": 10}, …]'],
    ["digit", 'unknown augmentation preset "digit"; did you mean "digits"?'],
  ] as const)("%j is refused", (list, message) => {
    const data = noisy(2);
    const use = (): unknown =>
      new Augmenter(resolveAugmentations(list as never, data.inputShape), data, { batchSize: 2, seed: 0 });
    expect(use).toThrow(new UsageError(message));
  });

  it("only pictures of bytes can be augmented", () => {
    const numbers: Dataset = {
      name: "n",
      length: 1,
      inputs: { x: { shape: [4], dtype: "float32" } },
      targets: { y: INDEX },
      read: () => {},
    };
    const augment: Augmentation[] = [{ name: "flip" }];
    expect(() => new Loader(numbers, { batchSize: 1, augment: augmentBy(augment) })).toThrow(
      "n: only pictures of bytes [height, width, channels] can be augmented, not float32 [4]",
    );
  });
});

it("a mosaic shows originals, then what training sees", () => {
  const data = noisy(4, { channels: 3 });
  const augment: AugmentationList = [{ name: "rotate", degrees: 20 }];
  const drawn = mosaic(data, { augment, samples: [2, 0], variants: 3, seed: 7, zoom: 1 });
  expect([drawn.width, drawn.height, drawn.channels]).toEqual([4 * 11 + 4, 2 * 14 + 2, 3]);
  const cell = (row: number, column: number): number[] =>
    Array.from({ length: 12 }, (_, y) => {
      const left = 2 + column * 11 + (column > 0 ? 2 : 0);
      const at = ((2 + row * 14 + y) * drawn.width + left) * 3;
      return [...drawn.data.subarray(at, at + 27)];
    }).flat();
  expect(cell(0, 0)).toEqual([...data.image(2)]);
  const seen = epochOf(data, augment, 4, 7, 3).get(0);
  expect(`0: ${cell(1, 3).join()}`).toBe(seen);
});

/** The plain version: by whole pixels and then a part of one, over the cross of four neighbors. */
function strokeReference(pixels: number[], height: number, width: number, radius: number, ground: number): number[] {
  const isMaximum = radius > 0 === (ground === 0);
  let current = pixels;
  for (let left = Math.abs(radius); left > 0; left--) {
    const at = (y: number, x: number): number =>
      y < 0 || x < 0 || y >= height || x >= width ? ground : current[y * width + x];
    const share = Math.round(256 * Math.min(1, left));
    const next = current.map((own, i) => {
      const [y, x] = [Math.floor(i / width), i % width];
      const five = [own, at(y - 1, x), at(y + 1, x), at(y, x - 1), at(y, x + 1)];
      const best = isMaximum ? Math.max(...five) : Math.min(...five);
      const step = Math.floor((Math.abs(best - own) * share) / 256);
      return isMaximum ? own + step : own - step;
    });
    current = next;
  }
  return current;
}

/** Augmentation of lines of writing: what it depends on, what it keeps, what each record does, and what is refused. */
import { describe, expect, it } from "vitest";
import { augmentBy } from "../../src/augment/augment.ts";
import { mosaic } from "../../src/augment/mosaic.ts";
import { augmentedSize, resolveAugmentations } from "../../src/augment/presets.ts";
import type { AugmentationList } from "../../src/augment/records.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { LinePictures } from "../../src/data/line-pictures.ts";
import { Loader } from "../../src/data/loader.ts";
import { arraysFor, IGNORED, PLACES } from "../../src/data/port.ts";
import { Random } from "../../src/engine/random.ts";
import { LINE } from "../../src/picture/line.ts";

const { height: ROWS, margin: MARGIN } = LINE;

/** Lines of some strokes, of different width. */
function lines(count: number, width = (i: number): number => 40 + 7 * (i % 9), text = "11"): LinePictures {
  const random = new Random(3, "user");
  return new LinePictures({
    lines: Array.from({ length: count }, (_, i) => {
      const columns = width(i);
      const pixels = new Uint8Array(columns * ROWS);
      for (let x = 6; x < columns - 6; x += 8) {
        for (let y = 5; y < 22; y++) pixels.fill(200 + random.integer(50), x * ROWS + y, x * ROWS + y + 1);
        for (let y = 5; y < 22; y++) pixels[(x + 1) * ROWS + y] = 230;
      }
      return { pixels, columns, left: 0, scale: 1 };
    }),
    frame: LINE,
    strings: Array.from({ length: count }, () => text),
    alphabet: "12",
    name: "lines",
  });
}

interface Changed {
  readonly columns: number;
  readonly pixels: Uint8Array;
  /** All that lies behind the columns that count. */
  readonly behind: Uint8Array;
}

/** All samples of an epoch by their number, whatever the batches. */
function epochOf(
  dataset: Dataset,
  list: AugmentationList,
  { batchSize = 8, seed = 5, epoch = 2, from = 0 } = {},
): Map<number, Changed> {
  const loader = new Loader(dataset, { batchSize, seed, augment: augmentBy(list) });
  const found = new Map<number, Changed>();
  loader.start(epoch, from);
  for (let shape = loader.ahead(); shape.batch > 0; shape = loader.ahead()) {
    const arrays = arraysFor({ ...dataset.inputs, ...dataset.targets }, shape.batch, shape.sizes);
    // As arrays of an earlier batch, which hold numbers.
    for (const array of Object.values(arrays)) array.fill(7);
    const first = loader.position;
    loader.next(arrays, shape);
    const stride = (shape.sizes?.columns ?? 0) * ROWS;
    for (let k = 0; k < shape.batch; k++) {
      const columns = arrays.length[k];
      const sample = arrays.x.slice(k * stride, (k + 1) * stride) as Uint8Array;
      found.set(loader.order[first + k], {
        columns,
        pixels: sample.slice(0, columns * ROWS),
        behind: sample.slice(columns * ROWS),
      });
    }
  }
  return found;
}

const preset = (): AugmentationList => resolveAugmentations("lines", augmentedSize(lines(1).inputs));
const plain = (found: Map<number, Changed>) =>
  new Map([...found].map(([i, { columns, pixels }]) => [i, `${columns}: ${pixels.join()}`]));
const ink = ({ pixels }: Changed): number => pixels.reduce((sum, value) => sum + value, 0);
const one = (list: AugmentationList, width = 56, text = "11"): Changed =>
  epochOf(
    lines(1, () => width, text),
    list,
  ).get(0) as Changed;
/** Mean column of the ink in some rows. */
function middleOf({ pixels }: Changed, top: number, bottom: number): number {
  let [sum, weight] = [0, 0];
  for (const [i, value] of pixels.entries()) {
    const y = i % ROWS;
    if (y < top || y >= bottom) continue;
    sum += value * Math.floor(i / ROWS);
    weight += value;
  }
  return sum / weight;
}

describe("what a line becomes", () => {
  it("depends on seed, epoch and its number, not on the batches", () => {
    const data = lines(30);
    const whole = plain(epochOf(data, preset(), { batchSize: 30 }));
    expect(whole.size).toBe(30);
    for (const batchSize of [1, 7]) expect(plain(epochOf(data, preset(), { batchSize }))).toEqual(whole);
    for (const other of [epochOf(data, preset(), { seed: 6 }), epochOf(data, preset(), { epoch: 3 })]) {
      const same = [...plain(other)].filter(([index, sample]) => whole.get(index) === sample);
      expect(same).toEqual([]);
    }
  });

  it("is the same when the epoch is entered in its middle", () => {
    const data = lines(20);
    const rest = plain(epochOf(data, preset(), { batchSize: 4, from: 3 }));
    const all = plain(epochOf(data, preset(), { batchSize: 4 }));
    expect(rest.size).toBe(8);
    for (const [index, sample] of rest) expect(all.get(index)).toBe(sample);
  });

  it("is what it was where nothing applies", () => {
    const data = lines(10);
    const never = preset().map((record) => ({ ...record, p: 0 }));
    expect(plain(epochOf(data, never))).toEqual(plain(epochOf(data, [])));
  });

  it("keeps the paper behind it, however wide it was to become, and its ink on the sheet", () => {
    const wild: AugmentationList = [
      { name: "zoom", scale: [0.6, 1.8], aspect: [0.7, 1.6] },
      { name: "shift", y: 0.5 },
      { name: "brightness", amount: [0.2, 0.4] },
      { name: "noise", std: [0.1, 0.2] },
    ];
    const before = epochOf(lines(40), []);
    for (const [index, { columns, behind }] of epochOf(lines(40), wild)) {
      expect(behind.length / ROWS, `line ${index}`).toBeGreaterThanOrEqual(MARGIN);
      expect(behind.every((value) => value === 0)).toBe(true);
      expect(columns).toBeGreaterThan(0);
    }
    const moved = epochOf(lines(40), wild.slice(0, 2));
    for (const [index, sample] of moved) {
      const grown = sample.columns / (before.get(index) as Changed).columns;
      expect(ink(sample) / ink(before.get(index) as Changed), `line ${index}`).toBeGreaterThan(
        0.5 * Math.min(1, grown),
      );
    }
  });

  it("takes the places of its symbols along", () => {
    const bar = 30;
    const pixels = new Uint8Array(64 * ROWS);
    for (let x = bar - 1; x <= bar + 1; x++) pixels.fill(255, x * ROWS + 6, x * ROWS + 22);
    const line = new LinePictures({
      lines: [{ pixels, columns: 64, left: 0, scale: 1 }],
      frame: LINE,
      strings: ["1"],
      alphabet: "12",
      name: "bar",
    });
    const placed: Dataset = {
      name: line.name,
      length: 1,
      inputs: line.inputs,
      targets: { ...line.targets, [PLACES]: line.targets.y },
      sizes: (index) => line.sizes(index),
      read(indices, start, count, arrays, sizes) {
        line.read(indices, start, count, arrays, sizes);
        arrays[PLACES].fill(IGNORED);
        arrays[PLACES][0] = bar;
      },
    };
    const augment = augmentBy([
      { name: "zoom", scale: [1, 1], aspect: [0.6, 1.6] },
      { name: "shear", x: [-15, 15] },
    ]);
    const loader = new Loader(placed, { batchSize: 1, seed: 5, augment });
    const found = Array.from({ length: 12 }, (_, epoch) => {
      loader.start(epoch + 1);
      const shape = loader.ahead();
      const arrays = arraysFor({ ...placed.inputs, ...placed.targets }, shape.batch, shape.sizes);
      loader.next(arrays, shape);
      const middle = middleOf({ columns: 0, pixels: arrays.x as Uint8Array, behind: pixels }, 12, 16);
      expect(Math.abs(arrays[PLACES][0] - middle)).toBeLessThan(1.5);
      return arrays[PLACES][0];
    });
    expect(new Set(found).size).toBeGreaterThan(4);
  });

  it("leaves room for its string", () => {
    const narrow: AugmentationList = [{ name: "zoom", scale: [0.2, 0.2] }];
    expect(one(narrow, 64, "11").columns).toBe(16);
    expect(one(narrow, 64, "111111").columns).toBe(48);
    // What has less from the start is not made narrower at all.
    expect(one(narrow, 64, "1".repeat(12)).columns).toBe(64);
  });

  it("keeps what fills up its string", () => {
    const data = lines(2, () => 56, "121");
    const loader = new Loader(data, { batchSize: 2, augment: augmentBy(preset()) });
    const arrays = arraysFor({ ...data.inputs, ...data.targets }, 2, { columns: 96, symbols: 4 });
    loader.start(1);
    loader.next(arrays, { batch: 2, sizes: { columns: 96, symbols: 4 } });
    expect([...arrays.y]).toEqual([0, 1, 0, IGNORED, 0, 1, 0, IGNORED]);
  });
});

describe("each record", () => {
  const still = one([]);

  it("shear slants: what is above leans to the right", () => {
    const leaning = one([{ name: "shear", x: [15, 15] }]);
    const lean = middleOf(leaning, 0, 14) - middleOf(leaning, 14, ROWS);
    const before = middleOf(still, 0, 14) - middleOf(still, 14, ROWS);
    // About 8.5 rows lie between the middles of the two halves of the strokes.
    expect(lean - before).toBeCloseTo(8.5 * Math.tan((15 * Math.PI) / 180), 0);
    expect(leaning.columns).toBe(still.columns);
  });

  it("zoom changes the width that counts", () => {
    expect(one([{ name: "zoom", scale: [1, 1], aspect: [1.21, 1.21] }]).columns).toBe(Math.round(56 * 1.1));
    expect(one([{ name: "zoom", scale: [0.9, 0.9] }]).columns).toBe(Math.round(56 * 0.9));
  });

  it("shift moves rows down, and no further than there is paper", () => {
    const lowest = ({ pixels }: Changed): number =>
      pixels.reduce((low, value, i) => (value > 100 ? Math.max(low, i % ROWS) : low), -1);
    expect(lowest(still)).toBe(21);
    expect(lowest(one([{ name: "shift", y: [0.1, 0.1] }]))).toBe(24);
    expect(lowest(one([{ name: "shift", y: [0.9, 0.9] }]))).toBe(27);
  });

  it("stroke thickens or thins, blur and contrast keep the mean, brightness and noise change pixels", () => {
    expect(ink(one([{ name: "stroke", radius: [0.7, 0.7] }]))).toBeGreaterThan(1.3 * ink(still));
    expect(ink(one([{ name: "stroke", radius: [-0.5, -0.5] }]))).toBeLessThan(0.8 * ink(still));
    expect(ink(one([{ name: "blur", sigma: [0.6, 0.6] }])) / ink(still)).toBeCloseTo(1, 1);
    expect(Math.min(...one([{ name: "brightness", amount: [0.1, 0.1] }]).pixels)).toBe(26);
    expect(Math.max(...one([{ name: "contrast", factor: [0.5, 0.5] }]).pixels)).toBeLessThan(170);
    expect(one([{ name: "noise", std: [0.1, 0.1] }]).pixels).not.toEqual(still.pixels);
  });
});

it("refuses what would make another text of a line, or has no meaning for one", () => {
  const make = (list: AugmentationList) => new Loader(lines(2), { batchSize: 1, augment: augmentBy(list) });
  expect(() => make([{ name: "flip" }])).toThrow(
    /^augmentation flip is for single pictures; lines of writing take shear \(x\)/,
  );
  expect(() => make(resolveAugmentations("digits", [28, 28]))).toThrow(/augmentation rotate is for single pictures/);
  expect(() => make([{ name: "shear", x: 5, y: 3 }])).toThrow(/augmentation shear: y is for single pictures/);
  expect(() => make([{ name: "shear", x: 99 }])).toThrow(/from -60 to 60/);
});

it("a mosaic shows lines as they are, then as training sees them", () => {
  const data = lines(3);
  const augment = preset();
  const drawn = mosaic(data, { augment, samples: [2, 0], variants: 2, seed: 5, zoom: 1 });
  const width = Math.max(data.sizes(2).columns, data.sizes(0).columns);
  expect([drawn.width, drawn.height, drawn.channels]).toEqual([3 * (width + 2) + 4, 2 * (ROWS + 2) + 2, 1]);
  const cell = (row: number, column: number, columns: number): number[] =>
    Array.from({ length: columns * ROWS }, (_, i) => {
      const [x, y] = [Math.floor(i / ROWS), i % ROWS];
      const left = 2 + column * (width + 2) + (column > 0 ? 2 : 0);
      return drawn.data[(2 + row * (ROWS + 2) + y) * drawn.width + left + x];
    });
  for (const [row, index] of [2, 0].entries()) {
    const [before, after] = [epochOf(data, []), epochOf(data, augment, { epoch: 2 })].map(
      (all) => all.get(index) as Changed,
    );
    expect(cell(row, 0, before.columns)).toEqual([...before.pixels]);
    expect(cell(row, 2, after.columns)).toEqual([...after.pixels]);
  }
});

/** `data.sample`: shares of classes, no sample twice, the same for the same seed. */
import { describe, expect, it } from "vitest";
import { type Dataset, ImageDataset } from "../../src/data/dataset.ts";
import { sample } from "../../src/data/sample.ts";

/** Sorted by class, as many sets are; each picture holds its number. */
function sorted(sizes: readonly number[]): ImageDataset {
  const labels = Int32Array.from(sizes.flatMap((size, label) => new Array<number>(size).fill(label)));
  const images = Uint8Array.from({ length: 2 * labels.length }, (_, i) => (i % 2 === 0 ? (i / 2) >> 8 : (i / 2) & 255));
  const classes = sizes.map((_, label) => `class ${label}`);
  return new ImageDataset({ name: "sorted", images, labels, height: 1, width: 2, classes });
}

function counts(dataset: Dataset, classes: number): number[] {
  const found = new Array<number>(classes).fill(0);
  for (let i = 0; i < dataset.length; i++) found[dataset.label?.(i) ?? 0]++;
  return found;
}

const numbers = (dataset: ImageDataset): number[] =>
  Array.from({ length: dataset.length }, (_, i) => (dataset.image(i)[0] << 8) + dataset.image(i)[1]);

describe("sample", () => {
  it.each([
    [[500, 500], 100, [50, 50]],
    [[900, 100], 10, [9, 1]],
    [[900, 100], 50, [45, 5]],
    [[970, 10, 10, 10], 4, [1, 1, 1, 1]],
    [[970, 10, 10, 10], 20, [17, 1, 1, 1]],
    [[3, 0, 7], 10, [3, 0, 7]],
    [[10, 0, 20], 3, [1, 0, 2]],
  ])("of classes of %j, %d: %j", (sizes, count, expected) => {
    expect(counts(sample(sorted(sizes), count), sizes.length)).toEqual(expected);
  });

  it("gives each sample once, with its label, in an order of its own; the same for the same seed", () => {
    const set = sorted([300, 200, 100]);
    const some = sample(set, 60, { seed: 3 });
    const chosen = numbers(some);
    expect(new Set(chosen).size).toBe(60);
    for (const [i, number] of chosen.entries()) expect(some.label(i)).toBe(set.label(number));
    expect(chosen).not.toEqual([...chosen].sort((a, b) => a - b));
    expect(numbers(sample(set, 60, { seed: 3 }))).toEqual(chosen);
    expect(numbers(sample(set, 60, { seed: 4 }))).not.toEqual(chosen);
    // So a sample of a sample is as random as the first.
    expect(counts(sample(some, 6, { seed: 1 }), 3)).toEqual([3, 2, 1]);
  });

  it("keeps what is not in memory where it is", () => {
    const base = sorted([40, 40]);
    const { name, length, inputs, targets, classes } = base;
    const own: Dataset = {
      ...{ name, length, inputs, targets, classes },
      label: (index) => base.label(index),
      read: (indices, start, count, arrays) => base.read(indices, start, count, arrays),
    };
    const some = sample(own, 10);
    expect(counts(some, 2)).toEqual([5, 5]);
    const [x, y] = [new Uint8Array(2), new Int32Array(1)];
    some.read([3], 0, 1, { x, y });
    expect(y[0]).toBe(some.label?.(3));
    expect((x[0] << 8) + x[1]).toBe(some.indices[3]);
  });

  it.each([0, 1.5, 31, Number.NaN])("refuses %d of 30", (count) => {
    expect(() => sample(sorted([15, 15]), count)).toThrow(/sample: .* of sorted; expected a whole number from 1 to 30/);
  });
});

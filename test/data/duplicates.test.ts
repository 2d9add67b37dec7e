/** Samples that occur in two parts of the data: twins are found whatever was done to them in passing, strangers are not. */
import { expect, it } from "vitest";
import { ImageDataset } from "../../src/data/dataset.ts";
import { findDuplicates } from "../../src/data/duplicates.ts";
import { describeOverlap, refuseOverlap } from "../../src/data/overlap.ts";
import { Random } from "../../src/engine/random.ts";

const SIDE = 20;
const SIZE = SIDE * SIDE;

/** Soft blobs on dark ground, no two alike. */
function blobs(count: number, seed: number): Uint8Array {
  const random = new Random(seed, "user");
  const images = new Uint8Array(count * SIZE);
  for (let n = 0; n < count; n++) {
    for (let blob = 0; blob < 4; blob++) {
      const [x, y] = [random.between(5, 15), random.between(5, 15)];
      const width = random.between(1, 2.5);
      for (let p = 0; p < SIZE; p++) {
        const distance = Math.hypot((p % SIDE) - x, Math.floor(p / SIDE) - y) / width;
        images[n * SIZE + p] = Math.max(images[n * SIZE + p], 200 * Math.exp(-(distance ** 2)));
      }
    }
  }
  return images;
}

function part(name: string, images: Uint8Array, label = 0): { name: string; dataset: ImageDataset } {
  const labels = new Uint8Array(images.length / SIZE).fill(label);
  const dataset = new ImageDataset({ name, images, labels, height: SIDE, width: SIDE, classes: ["a", "b"] });
  return { name, dataset };
}

/** Picture `n`, moved to the right and down. */
function shifted(images: Uint8Array, n: number, right: number, down: number): Uint8Array {
  const moved = new Uint8Array(SIZE);
  for (let p = 0; p < SIZE; p++) {
    const [x, y] = [(p % SIDE) - right, Math.floor(p / SIDE) - down];
    if (x >= 0 && x < SIDE && y >= 0 && y < SIDE) moved[p] = images[n * SIZE + y * SIDE + x];
  }
  return moved;
}

const one = (images: Uint8Array, n: number): Uint8Array => images.slice(n * SIZE, (n + 1) * SIZE);

function joined(pictures: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pictures.length * SIZE);
  for (const [i, picture] of pictures.entries()) all.set(picture, i * SIZE);
  return all;
}

const known = blobs(300, 1);

it("finds the same bytes, shifts, other brightness and contrast, and a little noise", () => {
  const random = new Random(9, "user");
  const changed = [
    one(known, 7),
    shifted(known, 20, 2, -1),
    one(known, 31).map((value) => 20 + 0.8 * value),
    one(known, 44).map((value) => Math.min(255, value + random.integer(5))),
  ];
  const [{ duplicates, count }] = findDuplicates([part("training", known), part("test", joined(changed))]);
  expect(count).toBe(4);
  expect(duplicates.map(({ index, twin, kind }) => [index, twin, kind])).toEqual([
    [0, 7, "exact"],
    [1, 20, "near"],
    [2, 31, "near"],
    [3, 44, "near"],
  ]);
});

it("takes no stranger for a twin", () => {
  const [{ duplicates }] = findDuplicates([part("training", known), part("test", blobs(100, 2))]);
  expect(duplicates).toEqual([]);
});

it("compares few pixels where everything resembles everything, as frames of a film do", () => {
  const random = new Random(4, "user");
  const frames = (count: number): Uint8Array =>
    joined(Array.from({ length: count }, () => one(known, 5).map((value) => Math.min(255, value + random.integer(4)))));
  const film = part("training", frames(400));
  let reads = 0;
  const counted = Object.create(film.dataset) as ImageDataset;
  counted.read = (...words) => {
    reads++;
    film.dataset.read(...words);
  };
  const parts = [{ name: "training", dataset: counted }, part("test", frames(50))];
  expect(findDuplicates(parts)[0].duplicates).toHaveLength(50);
  expect(reads).toBeLessThan(400);
});

it("says so in words, other labels too, and refuses a test of which half is known", () => {
  const some = joined([one(known, 3), ...[0, 1, 2].map((n) => one(blobs(3, 5), n))]);
  const overlaps = findDuplicates([part("training", known), part("test", some, 1)]);
  expect(describeOverlap(overlaps[0])).toBe("1 of 4 test samples is in training too (1 exactly; 1 with another label)");
  expect(() => refuseOverlap(overlaps)).not.toThrow();
  const half = joined([one(known, 3), one(known, 4), one(blobs(3, 5), 0)]);
  expect(() => refuseOverlap(findDuplicates([part("training", known), part("test", half)]))).toThrow(
    /2 of 3 test samples are in training too \(2 exactly\); results on test would say nothing about new samples/,
  );
});

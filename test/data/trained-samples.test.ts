/** The samples that a model was trained on, as its file keeps them: all of few, a fair share of many, and nothing of others. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ImageDataset } from "../../src/data/dataset.ts";
import { Subset } from "../../src/data/split.ts";
import { type FoundSamples, lookUp, mergeRecords, recordOf } from "../../src/data/trained-samples.ts";
import { Random } from "../../src/engine/random.ts";

function noise(count: number, seed: number): ImageDataset {
  const random = new Random(seed, "user");
  const images = Uint8Array.from({ length: count * 64 }, () => random.integer(256));
  return new ImageDataset({
    name: "noise",
    images,
    labels: new Int32Array(count),
    height: 8,
    width: 8,
    classes: ["a"],
  });
}
const record = (data: ImageDataset | Subset): Int32Array => recordOf(data)[0] as Int32Array;
const found = (records: readonly Int32Array[], data: ImageDataset | Subset): FoundSamples =>
  lookUp(records, data) as FoundSamples;
const part = (data: ImageDataset, indices: readonly number[]): Subset => new Subset(data, Int32Array.from(indices));

describe("few samples", () => {
  const all = noise(300, 1);
  it("are all known again, in any order and company, and no others", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(299), { minLength: 1 }), fc.uniqueArray(fc.nat(299)), (trained, measured) => {
        const { marks, checked } = found([record(part(all, trained))], part(all, measured));
        expect([...marks]).toEqual(measured.map((i) => (trained.includes(i) ? 1 : 0)));
        expect(checked).toBe(measured.length);
      }),
      { numRuns: 50 },
    );
  });

  it("give the same record in any order, and a merged one for several sets", () => {
    const [a, b] = [part(all, [1, 2, 3]), part(all, [9, 3, 7])];
    expect(record(part(all, [3, 1, 2, 2]))).toEqual(record(a));
    expect(mergeRecords([record(a), record(b)])).toEqual(record(part(all, [1, 2, 3, 7, 9])));
    expect(mergeRecords([])).toBeUndefined();
  });
});

describe("many samples", () => {
  const many = noise(30_000, 2);
  const kept = record(many);

  it("are kept in 16 kB, as those that a rule by their pixels alone picks", () => {
    expect(kept.byteLength).toBeLessThanOrEqual(16_400);
    expect(kept.length).toBeGreaterThan(4000);
    const halves = [0, 1].map((half) =>
      record(
        part(
          many,
          Array.from({ length: 15_000 }, (_, i) => 2 * i + half),
        ),
      ),
    );
    expect(mergeRecords(halves)).toEqual(kept);
  });

  it("tell the share of a mixture that was trained on, and never take a new one for one of them", () => {
    const fresh = noise(10_000, 3);
    expect(found([kept], fresh).trained).toBe(0);
    const whole = found([kept], many);
    expect(whole.trained).toBe(whole.checked);
    const images = new Uint8Array(10_000 * 64);
    images.set(many.images.subarray(0, 3000 * 64));
    images.set(fresh.images.subarray(3000 * 64), 3000 * 64);
    const { trained, checked } = found([kept], many.with({ images, labels: new Int32Array(10_000) }));
    // Four standard errors of a share of 0.3 among some 680.
    expect(Math.abs(trained / checked - 0.3)).toBeLessThan(4 * Math.sqrt(0.21 / checked));
    expect(checked).toBeGreaterThan(500);
  });
});

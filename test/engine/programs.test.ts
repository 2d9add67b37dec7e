/** Lengths that batches are filled up to, and the programs that are kept for the shapes of batches. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/engine/backends/reference/reference.ts";
import { mul } from "../../src/engine/ops/elementwise.ts";
import { type BatchShape, bucket, Programs } from "../../src/engine/programs.ts";
import { trace } from "../../src/engine/trace.ts";

describe("a bucket", () => {
  it("holds the length, with at most a third of it filling, and is no longer than the longest", () => {
    const length = fc.integer({ min: 1, max: 100_000 });
    const property = fc.property(length, fc.nat(100_000), (n, more) => {
      const free = bucket(n);
      expect(free).toBeGreaterThanOrEqual(n);
      expect(free).toBeLessThanOrEqual(Math.ceil(1.5 * n));
      expect(bucket(n + 1)).toBeGreaterThanOrEqual(free);
      // A bucket is filled by what is as long as it is.
      expect(bucket(free)).toBe(free);
      const largest = n + more;
      expect(bucket(n, largest)).toBe(Math.min(free, largest));
    });
    fc.assert(property, { seed: 1, numRuns: 1000 });
  });

  it("is one of few", () => {
    const all = new Set(Array.from({ length: 1024 }, (_, i) => bucket(i + 1)));
    const wanted = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
    expect([...all]).toEqual(wanted);
  });
});

describe("programs", () => {
  const traced: BatchShape[] = [];
  const programs = new Programs(referenceBackend(), (shape) => {
    traced.push(shape);
    return trace((tracer) => {
      const x = tracer.input("x", [shape.batch, shape.sizes?.time ?? 1], "float32", true);
      return { y: mul(x, 2) };
    });
  });

  it("are compiled once for each shape, whatever the order of its axes, and forgotten when they are given back", async () => {
    const shapes: BatchShape[] = [
      { batch: 3 },
      { batch: 4 },
      { batch: 3, sizes: { time: 2, mel: 5 } },
      { batch: 3, sizes: { time: 5, mel: 2 } },
      { batch: 4, sizes: { time: 2, mel: 5 } },
    ];
    for (const shape of shapes) expect(programs.find(shape)).toBeUndefined();
    const made = [];
    for (const shape of shapes) made.push(await programs.get(shape));
    expect(new Set(made).size).toBe(shapes.length);
    expect(made.map(({ inputs }) => inputs.x.length)).toEqual([3, 4, 6, 15, 8]);
    for (const [i, { batch, sizes }] of shapes.entries()) {
      const reversed = sizes && Object.fromEntries(Object.entries(sizes).reverse());
      expect(programs.find({ batch, sizes: reversed })).toBe(made[i]);
      expect(await programs.get({ batch, sizes: reversed })).toBe(made[i]);
    }
    expect(traced).toEqual(shapes);
    expect(programs.memory.arena).toBe(Math.max(...made.map(({ memory }) => memory.arena)));
    programs.dispose();
    for (const shape of shapes) expect(programs.find(shape)).toBeUndefined();
  });
});

/** Which samples run together, and what happens to those that cannot. */
import { describe, expect, it } from "vitest";
import { Batcher, type BatchRunner, type Samples } from "../../src/serve/batcher.ts";
import { EngineRunner, ladder } from "../../src/serve/engine-runner.ts";
import { numbers } from "./fixtures.ts";

/** Doubles its samples, when it is let go on. */
class Doubling implements BatchRunner {
  readonly slots: number;
  readonly sizes: number[] = [];
  failure: Error | undefined;
  #held: (() => void)[] = [];
  #isOpen: boolean;

  constructor(isOpen: boolean, slots = 1) {
    this.#isOpen = isOpen;
    this.slots = slots;
  }

  async run(samples: Samples, count: number): Promise<Float32Array> {
    this.sizes.push(count);
    if (!this.#isOpen) await new Promise<void>((resolve) => this.#held.push(resolve));
    if (this.failure !== undefined) throw this.failure;
    return Float32Array.from(samples, (value) => value * 2);
  }

  open(): void {
    this.#isOpen = true;
    for (const go of this.#held.splice(0)) go();
  }

  async close(): Promise<void> {}
}

const of = (...values: number[]) => Float32Array.from(values);
const batcherOf = (runner: BatchRunner, maxBatch = 4, maxQueue = 8) =>
  new Batcher(runner, { sampleSize: 1, classes: 1, maxBatch, maxQueue });
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("batcher", () => {
  it("runs together what came together, and gives everybody his own", async () => {
    const runner = new Doubling(true);
    const batcher = batcherOf(runner);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((value) => batcher.run(of(value), 1)));
    expect(answers.map(([value]) => value)).toEqual([2, 4, 6, 8, 10, 12]);
    expect(runner.sizes).toEqual([4, 2]);
  });

  it("leaves to every slot its share of what came together", async () => {
    const runner = new Doubling(false, 2);
    const batcher = batcherOf(runner, 64, 64);
    const first = Array.from({ length: 8 }, (_, i) => batcher.run(of(i), 1));
    await turn();
    expect(runner.sizes).toEqual([4, 4]);
    // Nothing new begins while both run; then what waits is shared like what ran.
    const next = Array.from({ length: 4 }, (_, i) => batcher.run(of(i), 1));
    await turn();
    expect(runner.sizes).toEqual([4, 4]);
    runner.open();
    expect((await Promise.all([...first, ...next])).map(([value]) => value)).toEqual([
      0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6,
    ]);
    expect(runner.sizes.slice(2).every((size) => size < 4)).toBe(true);
  });

  it("cuts large requests into batches", async () => {
    const runner = new Doubling(true);
    expect([...(await batcherOf(runner).run(of(1, 2, 3, 4, 5, 6), 6))]).toEqual([2, 4, 6, 8, 10, 12]);
    expect(runner.sizes).toEqual([4, 2]);
  });

  it("refuses what does not fit into the queue, and goes on", async () => {
    const runner = new Doubling(false);
    const batcher = batcherOf(runner);
    const first = batcher.run(of(1), 1);
    await turn();
    const waiting = Array.from({ length: 8 }, (_, i) => batcher.run(of(i), 1));
    await expect(batcher.run(of(9), 1)).rejects.toMatchObject({ status: 503 });
    expect(batcher.maxCount).toBe(8);
    runner.open();
    expect([...(await first)]).toEqual([2]);
    expect((await Promise.all(waiting)).map(([value]) => value)).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    expect(batcher.queued).toBe(0);
  });

  it("does not run what was given up", async () => {
    const runner = new Doubling(false);
    const batcher = batcherOf(runner);
    const first = batcher.run(of(1), 1);
    await turn();
    const abort = new AbortController();
    const late = batcher.run(of(2), 1, abort.signal);
    const last = batcher.run(of(3), 1);
    abort.abort(new Error("late"));
    runner.open();
    await expect(late).rejects.toThrow("late");
    expect([[...(await first)], [...(await last)]]).toEqual([[2], [6]]);
    expect(runner.sizes).toEqual([1, 1]);
  });

  it("survives a run that fails", async () => {
    const runner = new Doubling(true);
    const batcher = batcherOf(runner);
    runner.failure = new Error("broken");
    await expect(Promise.all([batcher.run(of(1), 1), batcher.run(of(2), 1)])).rejects.toThrow("broken");
    runner.failure = undefined;
    expect([...(await batcher.run(of(3), 1))]).toEqual([6]);
  });
});

describe("engine runner", () => {
  it.each([1, 2, 5, 20, 23])("gives a sample the same answer in a batch of %i as alone", async (count) => {
    expect(ladder(20)).toEqual([20, 16, 4, 1]);
    const runner = await EngineRunner.open(numbers(), 20);
    const samples = Float32Array.from({ length: 3 * count }, (_, i) => Math.sin(i));
    const together = await runner.run(samples, count);
    for (let i = 0; i < count; i++) {
      const alone = await runner.run(samples.subarray(3 * i, 3 * i + 3), 1);
      for (const c of [0, 1]) expect(together[2 * i + c]).toBeCloseTo(alone[c], 5);
    }
    await runner.close();
  });
});

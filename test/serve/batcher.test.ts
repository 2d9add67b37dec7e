/** Which samples run together, and what happens to those that cannot. */
import { describe, expect, it } from "vitest";
import type { Arrays, Sizes } from "../../src/data/port.ts";
import type { Samples } from "../../src/serve/batch.ts";
import { Batcher, type BatchRunner } from "../../src/serve/batcher.ts";
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

  async run({ count, arrays: { x } }: Samples): Promise<Arrays> {
    this.sizes.push(count);
    if (!this.#isOpen) await new Promise<void>((resolve) => this.#held.push(resolve));
    if (this.failure !== undefined) throw this.failure;
    return { logits: Float32Array.from(x, (value) => value * 2) };
  }

  open(): void {
    this.#isOpen = true;
    for (const go of this.#held.splice(0)) go();
  }

  async close(): Promise<void> {}
}

/** Samples of one number each. */
const of = (...values: number[]): Samples => ({
  count: values.length,
  sizes: {},
  arrays: { x: Float32Array.from(values) },
});
const ask = async (batcher: Batcher, samples: Samples, signal?: AbortSignal): Promise<number[]> =>
  Array.from((await batcher.run(samples, signal)).logits);
const batcherOf = (runner: BatchRunner, maxBatch = 4, maxQueue = 8) =>
  new Batcher(runner, { maxBatch: () => maxBatch, maxQueue });
const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("batcher", () => {
  it("runs together what came together, and gives everybody his own", async () => {
    const runner = new Doubling(true);
    const batcher = batcherOf(runner);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((value) => ask(batcher, of(value))));
    expect(answers.map(([value]) => value)).toEqual([2, 4, 6, 8, 10, 12]);
    expect(runner.sizes).toEqual([4, 2]);
  });

  it("leaves to every slot its share of what came together", async () => {
    const runner = new Doubling(false, 2);
    const batcher = batcherOf(runner, 64, 64);
    const first = Array.from({ length: 8 }, (_, i) => ask(batcher, of(i)));
    await turn();
    expect(runner.sizes).toEqual([4, 4]);
    // Nothing new begins while both run; then what waits is shared like what ran.
    const next = Array.from({ length: 4 }, (_, i) => ask(batcher, of(i)));
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
    expect([...(await ask(batcherOf(runner), of(1, 2, 3, 4, 5, 6)))]).toEqual([2, 4, 6, 8, 10, 12]);
    expect(runner.sizes).toEqual([4, 2]);
  });

  it("refuses what does not fit into the queue, and goes on", async () => {
    const runner = new Doubling(false);
    const batcher = batcherOf(runner);
    const first = ask(batcher, of(1));
    await turn();
    const waiting = Array.from({ length: 8 }, (_, i) => ask(batcher, of(i)));
    await expect(ask(batcher, of(9))).rejects.toMatchObject({ status: 503 });
    expect(batcher.maxCount).toBe(8);
    runner.open();
    expect([...(await first)]).toEqual([2]);
    expect((await Promise.all(waiting)).map(([value]) => value)).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    expect(batcher.queued).toBe(0);
  });

  it("does not run what was given up", async () => {
    const runner = new Doubling(false);
    const batcher = batcherOf(runner);
    const first = ask(batcher, of(1));
    await turn();
    const abort = new AbortController();
    const late = ask(batcher, of(2), abort.signal);
    const last = ask(batcher, of(3));
    abort.abort(new Error("late"));
    runner.open();
    await expect(late).rejects.toThrow("late");
    expect([[...(await first)], [...(await last)]]).toEqual([[2], [6]]);
    expect(runner.sizes).toEqual([1, 1]);
  });

  it("runs samples of one shape together, and lets those of another not wait behind them", async () => {
    const runner = new Doubling(true);
    const batcher = new Batcher(runner, { maxBatch: ({ time }: Sizes) => (time > 8 ? 1 : 4), maxQueue: 64 });
    const texts = [4, 16, 4, 16, 4].map(
      (time, i): Samples => ({
        count: 1,
        sizes: { time },
        arrays: { x: Float32Array.from({ length: time }, () => i) },
      }),
    );
    const answers = await Promise.all(texts.map((text) => ask(batcher, text)));
    for (const [i, text] of texts.entries()) expect(answers[i]).toEqual(Array(text.sizes.time).fill(2 * i));
    // Three of one length; of the other, which is too long for more, one after the other.
    expect(runner.sizes).toEqual([3, 1, 1]);
  });

  it("survives a run that fails", async () => {
    const runner = new Doubling(true);
    const batcher = batcherOf(runner);
    runner.failure = new Error("broken");
    await expect(Promise.all([ask(batcher, of(1)), ask(batcher, of(2))])).rejects.toThrow("broken");
    runner.failure = undefined;
    expect([...(await ask(batcher, of(3)))]).toEqual([6]);
  });
});

describe("engine runner", () => {
  it.each([1, 2, 5, 20, 23])("gives a sample the same answer in a batch of %i as alone", async (count) => {
    expect(ladder(20)).toEqual([20, 16, 4, 1]);
    const runner = await EngineRunner.open(numbers(), 20);
    const samples = (from: number, to: number): Samples => ({
      count: to - from,
      sizes: {},
      arrays: { x: Float32Array.from({ length: 3 * (to - from) }, (_, i) => Math.sin(3 * from + i)) },
    });
    const { logits: together } = await runner.run(samples(0, count));
    expect(together).toHaveLength(2 * count);
    for (let i = 0; i < count; i++) {
      const { logits: alone } = await runner.run(samples(i, i + 1));
      for (const c of [0, 1]) expect(together[2 * i + c]).toBeCloseTo(alone[c], 5);
    }
    await runner.close();
  });
});

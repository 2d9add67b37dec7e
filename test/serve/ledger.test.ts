/** Room that requests share: turns, what small requests keep, who makes room, and that nothing is lost. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readBody } from "../../src/serve/body.ts";
import { Ledger, SMALL } from "../../src/serve/ledger.ts";

const BIG = 10 * SMALL;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a ledger", () => {
  it("gives turns in order, and never more than there is", async () => {
    const ledger = new Ledger(2 * BIG, 1000);
    const order: number[] = [];
    const takes = [1, 2, 3, 4].map(async (n) => {
      const held = await ledger.take(BIG);
      order.push(n);
      expect(ledger.used).toBeLessThanOrEqual(ledger.total);
      return held;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect([order, ledger.waiting, ledger.used]).toEqual([[1, 2], 2, 2 * BIG]);
    ledger.give(await takes[0]);
    await vi.advanceTimersByTimeAsync(0);
    expect(order).toEqual([1, 2, 3]);
    for (const take of takes.slice(1, 3)) ledger.give(await take);
    ledger.give(await takes[3]);
    expect([order, ledger.waiting, ledger.used, ledger.refused]).toEqual([[1, 2, 3, 4], 0, 0, 0]);
  });

  it("keeps a part for small requests, which do not wait behind large ones", async () => {
    const ledger = new Ledger(4 * BIG, 1000, 1 / 4);
    expect([1, 2, 3].map(() => ledger.take(BIG))).toEqual([BIG, BIG, BIG]);
    const large = Promise.resolve(ledger.take(BIG)).catch(({ status }) => status);
    expect(ledger.take(SMALL)).toBe(SMALL);
    expect(ledger.waiting).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await large).toBe(503);
    expect([ledger.refused, ledger.waiting, ledger.used]).toEqual([1, 0, 3 * BIG + SMALL]);
  });

  it("gives one that wants more than there is all of it", () => {
    const ledger = new Ledger(2 * BIG, 1000);
    expect(ledger.take(100 * BIG)).toBe(2 * BIG);
    ledger.give(2 * BIG);
    expect(ledger.used).toBe(0);
  });

  it("gives no turn to a client that has gone", async () => {
    const ledger = new Ledger(BIG, 1000);
    const gone = new AbortController();
    expect(ledger.take(BIG)).toBe(BIG);
    const first = Promise.resolve(ledger.take(BIG, new Request("http://a", { signal: gone.signal })));
    const second = ledger.take(BIG);
    gone.abort();
    ledger.give(BIG);
    await expect(first).rejects.toMatchObject({ status: 408 });
    expect(await second).toBe(BIG);
    expect(ledger.used).toBe(BIG);
  });
});

/** A request whose body comes as somebody feeds it. */
function fed(length: number): {
  readonly request: Request;
  readonly feed: (bytes: number) => void;
  readonly end: () => void;
} {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
  });
  const init = { method: "POST", body, duplex: "half", headers: { "Content-Length": String(length) } };
  const feed = (bytes: number): void => controller.enqueue(new Uint8Array(bytes));
  return { request: new Request("http://a", init as RequestInit), feed, end: () => controller.close() };
}

describe("a body", () => {
  const limits = { maxBody: 100 * BIG, timeout: 60_000 };

  it("that hardly comes makes room when others wait, and only then", async () => {
    const ledger = new Ledger(BIG, 30_000);
    const slow = fed(BIG);
    const read = readBody(slow.request, limits, ledger).catch(({ status }) => status);
    slow.feed(10);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(ledger.used).toBe(BIG);
    const other = ledger.take(BIG);
    await vi.advanceTimersByTimeAsync(500);
    expect(await read).toBe(408);
    expect(await other).toBe(BIG);
    expect(ledger.used).toBe(BIG);
  });

  it("that comes fast enough keeps its room", async () => {
    const ledger = new Ledger(BIG, 30_000);
    const steady = fed(BIG);
    const read = readBody(steady.request, limits, ledger);
    const other = ledger.take(BIG);
    for (let part = 0; part < 8; part++) {
      steady.feed(BIG / 8);
      await vi.advanceTimersByTimeAsync(1000);
    }
    steady.end();
    const { bytes, held } = await read;
    expect([bytes.length, held, ledger.used]).toEqual([BIG, BIG, BIG]);
    ledger.give(held);
    expect(await other).toBe(BIG);
  });
});

/** Running a training step allocates nothing: neither objects of JavaScript nor pages of WebAssembly memory. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, it } from "vitest";
import { ensureBuilt } from "../cli/run-cli.ts";

interface Growth {
  /** Bytes by 1,000 steps, garbage included. */
  readonly made: number;
  /** … that are still there after a collection. */
  readonly kept: number;
}

interface Counted {
  readonly clean: Growth;
  /** Of steps that make, and keep, one object of a single field. */
  readonly object: Growth;
  readonly memory: number;
  readonly loss: number;
}

beforeAll(ensureBuilt);

/** Less than the smallest object, 16 bytes, in every step; asking for the heap's size takes some bytes too. */
const LIMIT = 1000 * 8;

function countHeap(threads: number): Counted {
  const script = fileURLToPath(new URL("./count-heap.mjs", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, ["--expose-gc", script, String(threads)], { encoding: "utf8" }));
}

it("1,000 steps on one thread make no garbage and keep nothing", () => {
  const { clean, object, memory, loss } = countHeap(1);
  expect(loss).toBeGreaterThan(0);
  expect(clean.made).toBeLessThan(LIMIT);
  expect(clean.kept).toBeLessThan(LIMIT);
  expect(memory).toBe(0);
  // One object a step would have been seen.
  expect(object.made).toBeGreaterThan(LIMIT);
  expect(object.kept).toBeGreaterThan(LIMIT);
});

it("1,000 steps on two threads keep nothing", () => {
  // V8 makes a number on the heap when a thread goes to sleep at a barrier, which depends on what else the machine does.
  const { clean, object, memory } = countHeap(2);
  expect(clean.kept).toBeLessThan(LIMIT);
  expect(memory).toBe(0);
  expect(object.kept).toBeGreaterThan(LIMIT);
});

/** Running a graph once on a backend, and comparing what comes out with the oracle. */
import { expect } from "vitest";
import type { Backend } from "../../src/engine/backends/backend.ts";
import type { TypedArray } from "../../src/engine/dtype.ts";
import { type Graph, trace } from "../../src/engine/trace.ts";
import type { Numbers } from "./evaluate.ts";

export interface RunOptions {
  /** How often the program runs before the outputs are read: the second run must not see what the first left behind. */
  readonly runs?: number;
}

/** Compiles a graph (or the function that builds it), runs it with the given inputs and returns copies of the outputs. */
export async function runGraph(
  backend: Backend,
  source: Graph | Parameters<typeof trace>[0],
  inputs: Readonly<Record<string, ArrayLike<number>>> = {},
  { runs = 1 }: RunOptions = {},
): Promise<Record<string, TypedArray>> {
  const program = await backend.compile(typeof source === "function" ? trace(source) : source);
  try {
    for (const [name, values] of Object.entries(inputs)) program.inputs[name]?.set(values);
    for (let run = 0; run < runs; run++) program.run();
    return Object.fromEntries(Object.entries(await program.read()).map(([name, values]) => [name, values.slice()]));
  } finally {
    program.dispose();
  }
}

/**
 * Expects |got − want| ≤ tolerance · (|want| + typical magnitude of want + 0.1); equality for a tolerance of 0. The last
 * term stands for the terms of order 1 that canceled where the result is near 0.
 */
export function expectClose(got: Numbers, want: Numbers, tolerance: number, what: string): void {
  expect(got.length, `${what}: number of elements`).toBe(want.length);
  let squares = 0;
  for (const value of want) if (Number.isFinite(value)) squares += value * value;
  const typical = Math.sqrt(squares / Math.max(1, want.length));
  for (let i = 0; i < want.length; i++) {
    const wanted = got instanceof Float32Array ? Math.fround(want[i]) : want[i];
    if (got[i] === wanted || (Number.isNaN(got[i]) && Number.isNaN(wanted))) continue;
    const error = Math.abs(got[i] - wanted);
    if (!(error <= tolerance * (Math.abs(wanted) + typical + 0.1)) || tolerance === 0) {
      expect.fail(`${what}: element ${i} of ${want.length} is ${got[i]} but should be ${wanted}`);
    }
  }
}

/**
 * Where the time goes of a network that reads one picture, and how fast a recognizer is by itself: what `ductus export`
 * prints beside sizes and agreement.
 */
import { openAxes } from "../data/port.ts";
import { fuseMultiplyAdds } from "../engine/backends/wasm/fusable.ts";
import { relaxedSimdWorks } from "../engine/backends/wasm/support.ts";
import { opsOf } from "../engine/lower/keys.ts";
import type { Shape } from "../engine/shape.ts";
import type { AnyModel } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { inferenceGraph } from "../use/inference.ts";
import type { RecognizerSpeed } from "./recognizer.ts";

/** What one kernel does for a picture, and how long it takes. */
export interface KernelTime {
  /** The ops that are computed together, the first of them first: `conv2dWinograd·add·relu`. */
  readonly ops: string;
  /** What the kernel gives. */
  readonly shape: Shape;
  readonly microseconds: number;
  /** Of the whole, 0 … 1. */
  readonly share: number;
}

/** Tokens of a text whose time is measured. */
const LENGTH = 64;

/** Milliseconds for which a program runs before it is measured, and while it is. */
const WARM_UP = 100;
const MEASURED = 200;

/** Runs something for so many milliseconds, at least once; returns how often. */
function repeat(run: () => void, milliseconds: number): number {
  const end = performance.now() + milliseconds;
  let times = 0;
  do {
    run();
    times++;
  } while (performance.now() < end);
  return times;
}

/** The engine's kernels for one picture, or text of {@link LENGTH} tokens, on one thread, the slowest first. Empty where the backend cannot measure itself. */
export async function timesOf(model: AnyModel): Promise<readonly KernelTime[]> {
  const sizes = Object.fromEntries(openAxes(model.task.input.ports).map((axis) => [axis, LENGTH]));
  const backend = await platform().createBackend({ threads: 1, profile: true });
  try {
    const program = await backend.compile(inferenceGraph(model, 1, sizes));
    repeat(program.run, WARM_UP);
    const before = program.profile?.() ?? [];
    const runs = repeat(program.run, MEASURED);
    const times = (program.profile?.() ?? []).map(({ group, seconds }, g) => {
      return { group, microseconds: ((seconds - before[g].seconds) / runs) * 1e6 };
    });
    const total = times.reduce((sum, { microseconds }) => sum + microseconds, 0);
    return times
      .flatMap(({ group, microseconds }) => {
        if (group === undefined || microseconds === 0) return [];
        return [{ ops: opsOf(group), shape: group.outputs[0].shape, microseconds, share: microseconds / total }];
      })
      .sort((a, b) => b.microseconds - a.microseconds);
  } finally {
    await backend.close();
  }
}

/**
 * How long the module of a recognizer takes to be ready, and to run once it is warm.
 * @param entry the function that is measured  @param of what it reads
 */
export async function speedOf(bytes: Uint8Array, entry = "run", of = "picture"): Promise<RecognizerSpeed> {
  const began = performance.now();
  const module = await WebAssembly.compile(relaxedSimdWorks() ? fuseMultiplyAdds(bytes) : new Uint8Array(bytes));
  const { exports } = await WebAssembly.instantiate(module);
  const run = exports[entry] as () => void;
  run();
  const readyMilliseconds = performance.now() - began;
  repeat(run, WARM_UP);
  const start = performance.now();
  const times = repeat(run, MEASURED);
  return { readyMilliseconds, microseconds: ((performance.now() - start) / times) * 1000, of };
}

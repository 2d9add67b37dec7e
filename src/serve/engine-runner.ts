/**
 * Runs a network on Ductus' engine, on the thread that calls: a program for single samples and one for each larger batch size
 * of a ladder. A batch is cut along the ladder (21 = 16 + 4 + 1), so no sample is there for filling. Of networks that read
 * texts there are such programs for each length that texts are filled up to, compiled when the first one of it comes.
 */
import { type Arrays, openAxes, type Ports } from "../data/port.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { Programs } from "../engine/programs.ts";
import type { AnyModel } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { inferenceGraph } from "../use/inference.ts";
import { emptySamples, joinedArrays, mapped, part, type Samples } from "./batch.ts";
import type { BatchRunner } from "./batcher.ts";

/** Each batch size is so many times the one before. */
const STEP = 4;

/** Batch sizes that get a program of their own, the largest first. */
export function ladder(maxBatch: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size < maxBatch; size *= STEP) sizes.unshift(size);
  return [maxBatch, ...sizes];
}

/** Length of the texts and lines that a program is there for before the first one comes. */
export const FIRST_LENGTH = 16;

export class EngineRunner implements BatchRunner {
  readonly slots = 1;
  readonly #backend: Backend;
  readonly #programs: Programs;
  readonly #ladder: readonly number[];

  private constructor(model: AnyModel, backend: Backend, maxBatch: number) {
    this.#backend = backend;
    this.#programs = new Programs(backend, ({ batch, sizes }) => inferenceGraph(model, batch, sizes));
    this.#ladder = ladder(maxBatch);
  }

  /** Compiles the model for batches up to `maxBatch` and runs each program once, so that no request pays for that. */
  static async open(model: AnyModel, maxBatch: number): Promise<EngineRunner> {
    const backend = await platform().createBackend({ threads: 1 });
    const runner = new EngineRunner(model, backend, maxBatch);
    const { ports } = model.task.input;
    const isOpen = openAxes(ports).length > 0;
    for (const size of isOpen ? [1] : runner.#ladder) await runner.run(firstSamples(ports, size));
    return runner;
  }

  async run(samples: Samples): Promise<Arrays> {
    const { count, sizes } = samples;
    const parts: Arrays[] = [];
    let done = 0;
    for (const batch of this.#ladder) {
      for (; count - done >= batch; done += batch) {
        const shape = Object.keys(sizes).length === 0 ? { batch } : { batch, sizes };
        const { arrays } = part(samples, done, done + batch);
        const write = (inputs: Arrays): void => {
          // A network that looks at no later tokens has no input for the length of a text.
          for (const [name, place] of Object.entries(inputs)) place.set(arrays[name]);
        };
        parts.push(await this.#programs.run(shape, write, (outputs) => mapped(outputs, (array) => array.slice())));
      }
    }
    return joinedArrays(parts);
  }

  async close(): Promise<void> {
    await this.#programs.idle;
    this.#programs.dispose();
    await this.#backend.close();
  }
}

/** Zeros, as long as {@link FIRST_LENGTH}, to try a network with. */
export function firstSamples(ports: Ports, count: number): Samples {
  return emptySamples(ports, count, Object.fromEntries(openAxes(ports).map((axis) => [axis, FIRST_LENGTH])));
}

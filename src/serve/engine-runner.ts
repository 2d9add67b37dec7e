/**
 * Runs a model with the engine, on the thread that calls: one program for single samples and one for each larger batch
 * size of a ladder. A batch is cut along the ladder (21 = 16 + 4 + 1), so no work is spent on padding.
 */
import type { Backend, Program } from "../engine/backends/backend.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { inferenceGraph } from "../use/trained-model.ts";
import type { BatchRunner, Samples } from "./batcher.ts";

/** Each batch size is so many times the one before. */
const STEP = 4;

/** Batch sizes that get a program of their own, the largest first. */
export function ladder(maxBatch: number): readonly number[] {
  const sizes: number[] = [];
  for (let size = 1; size < maxBatch; size *= STEP) sizes.unshift(size);
  return [maxBatch, ...sizes];
}

export class EngineRunner implements BatchRunner {
  readonly slots = 1;
  readonly #backend: Backend;
  readonly #programs: ReadonlyMap<number, Program>;
  readonly #sampleSize: number;
  readonly #classes: number;

  private constructor(model: Model, backend: Backend, programs: ReadonlyMap<number, Program>) {
    this.#backend = backend;
    this.#programs = programs;
    this.#sampleSize = sizeOf(model.inputShape);
    this.#classes = model.classes.length;
  }

  /** Compiles the model for batches up to `maxBatch` and runs each program once, so that no request pays for that. */
  static async open(model: Model, maxBatch: number): Promise<EngineRunner> {
    const backend = await platform().createBackend({ threads: 1 });
    const programs = new Map<number, Program>();
    for (const size of ladder(maxBatch)) {
      const program = await backend.compile(inferenceGraph(model, size));
      program.run();
      programs.set(size, program);
    }
    return new EngineRunner(model, backend, programs);
  }

  async run(samples: Samples, count: number): Promise<Float32Array> {
    const logits = new Float32Array(count * this.#classes);
    let done = 0;
    for (const [size, program] of this.#programs) {
      for (; count - done >= size; done += size) {
        program.inputs.x.set(samples.subarray(done * this.#sampleSize, (done + size) * this.#sampleSize));
        program.run();
        logits.set((await program.read("logits")).logits, done * this.#classes);
      }
    }
    return logits;
  }

  async close(): Promise<void> {
    for (const program of this.#programs.values()) program.dispose();
    await this.#backend.close();
  }
}

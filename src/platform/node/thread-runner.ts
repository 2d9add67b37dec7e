/**
 * Runs a served model on threads of its own, so that requests are read and answered meanwhile. A single sample that comes
 * while nothing runs is run on the calling thread: there and back to another takes longer than a small network.
 */
import { Worker } from "node:worker_threads";
import type { Model } from "../../models/model.ts";
import type { BatchRunner, Samples } from "../../serve/batcher.ts";
import { EngineRunner } from "../../serve/engine-runner.ts";

/** What a thread is started with. */
export interface ThreadData {
  readonly bytes: Uint8Array;
  readonly maxBatch: number;
}

/** A batch on its way to a thread. */
export interface Order {
  readonly id: number;
  readonly samples: Samples;
  readonly count: number;
}

interface Answer {
  readonly id: number;
  readonly logits: Float32Array;
}

interface Waiting {
  readonly resolve: (logits: Float32Array) => void;
  readonly reject: (error: Error) => void;
}

/** Batches that a thread has at a time: one that runs, and one that lies ready. */
const DEPTH = 2;

export class ThreadRunner implements BatchRunner {
  readonly slots: number;
  readonly #here: EngineRunner;
  readonly #threads: Thread[];
  #running = 0;

  private constructor(here: EngineRunner, threads: Thread[]) {
    this.#here = here;
    this.#threads = threads;
    this.slots = threads.length * DEPTH;
  }

  /** @param bytes the model's file; @param threads at least 1 */
  static async open(model: Model, bytes: Uint8Array, maxBatch: number, threads: number): Promise<ThreadRunner> {
    const data = { bytes, maxBatch };
    const [here, ...others] = await Promise.all([
      EngineRunner.open(model, 1),
      ...Array.from({ length: threads }, () => Thread.start(data)),
    ]);
    return new ThreadRunner(here, others);
  }

  async run(samples: Samples, count: number): Promise<Float32Array> {
    if (count === 1 && this.#running === 0) return this.#here.run(samples, count);
    this.#running++;
    try {
      const idlest = this.#threads.reduce((a, b) => (b.pending < a.pending ? b : a));
      return await idlest.run(samples, count);
    } finally {
      this.#running--;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#here.close(), ...this.#threads.map((thread) => thread.close())]);
  }
}

/** One thread. When it dies, what it had is lost, and the next batch starts another. */
class Thread {
  readonly #data: ThreadData;
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  private constructor(data: ThreadData, worker: Worker) {
    this.#data = data;
    this.#worker = this.#attend(worker);
  }

  static async start(data: ThreadData): Promise<Thread> {
    return new Thread(data, await ready(spawn(data)));
  }

  /** Batches under way. */
  get pending(): number {
    return this.#waiting.size;
  }

  run(samples: Samples, count: number): Promise<Float32Array> {
    this.#worker ??= this.#attend(spawn(this.#data));
    const id = this.#next++;
    const own = samples.slice();
    this.#worker.postMessage({ id, samples: own, count } satisfies Order, [own.buffer]);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #attend(worker: Worker): Worker {
    let reason: unknown;
    worker.on("message", ({ id, logits }: Answer) => {
      this.#waiting.get(id)?.resolve(logits);
      this.#waiting.delete(id);
    });
    worker.on("error", (error) => {
      reason = error;
    });
    worker.on("exit", () => {
      this.#worker = undefined;
      const error = new Error("the thread that ran the network ended", { cause: reason });
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    return worker;
  }
}

function spawn(workerData: ThreadData): Worker {
  return new Worker(new URL("./runner-thread.js", import.meta.url), { workerData });
}

/** @throws what kept the thread from starting */
async function ready(worker: Worker): Promise<Worker> {
  await new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  }).finally(() => worker.removeAllListeners("error"));
  return worker;
}

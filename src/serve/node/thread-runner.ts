/**
 * Opens and runs a served model on threads of its own, so that requests are read and answered meanwhile, whatever its file
 * makes of them: one that does not get ready in time is ended. A single sample that comes while nothing runs is run on the
 * calling thread where the network is small: there and back to another takes longer.
 */
import { Worker } from "node:worker_threads";
import type { Arrays } from "../../data/port.ts";
import { DataError } from "../../engine/errors.ts";
import { buffersOf, mapped, type Samples } from "../batch.ts";
import type { BatchRunner } from "../batcher.ts";
import { FIRST_LENGTH } from "../engine-runner.ts";
import { openModel } from "../open-model.ts";
import type { OpenRunner } from "../repository.ts";
import type { Signature } from "../served-model.ts";

/** What a thread is started with. */
export interface ThreadData {
  /** A model file or an exported module. */
  readonly bytes: Uint8Array;
  /** Its name, for messages. */
  readonly file: string;
  readonly maxBatch: number;
}

/** What a thread says when it is ready, with the milliseconds that it took, or why it never will be. */
export type Started =
  | {
      readonly signature: Signature;
      /** To read and check the model, and to compile it for single samples. */
      readonly opening: number;
      /** To run one sample. */
      readonly running: number;
    }
  | { readonly reason: string };

/** A batch on its way to a thread. */
export interface Order {
  readonly id: number;
  readonly samples: Samples;
}

interface Answer {
  readonly id: number;
  readonly outputs: Arrays;
}

interface Waiting {
  readonly resolve: (outputs: Arrays) => void;
  readonly reject: (error: Error) => void;
}

/** Batches that a thread has at a time: one that runs, and one that lies ready. */
const DEPTH = 2;

/** The calling thread runs single samples of networks that are opened and run in so many milliseconds; it can do nothing else meanwhile. */
const QUICK = { opening: 500, running: 5 };

export interface ThreadOptions {
  /** At least 1. */
  readonly threads: number;
  /** Milliseconds that the model may take to get ready. */
  readonly timeout: number;
}

export class ThreadRunner implements BatchRunner {
  readonly slots: number;
  readonly #here: BatchRunner | undefined;
  readonly #threads: Thread[];
  #running = 0;

  private constructor(here: BatchRunner | undefined, threads: Thread[]) {
    this.#here = here;
    this.#threads = threads;
    this.slots = threads.length * DEPTH;
  }

  /** @throws DataError when the model is damaged, costs too much or takes too long, saying which */
  static async open(
    bytes: Uint8Array,
    file: string,
    maxBatch: number,
    { threads: count, timeout, signal }: ThreadOptions & { readonly signal?: AbortSignal | undefined },
  ): ReturnType<OpenRunner> {
    const data = { bytes, file, maxBatch };
    // One thread finds out whether the file is good; then the others begin.
    const threads = [new Thread(data)];
    try {
      const { signature, opening, running } = await threads[0].started(timeout, signal);
      for (let i = 1; i < count; i++) threads.push(new Thread(data));
      const others = threads.slice(1).map((thread) => thread.started(timeout, signal));
      const isQuick = opening <= QUICK.opening && running <= QUICK.running;
      const here = isQuick ? await openModel(bytes, file).then((model) => model.runner(1)) : undefined;
      await Promise.all(others);
      return { signature, runner: new ThreadRunner(here, threads) };
    } catch (error) {
      await Promise.all(threads.map((thread) => thread.close()));
      throw error;
    }
  }

  async run(samples: Samples): Promise<Arrays> {
    // What is longer than the sample that was timed takes longer, and perhaps a program that is not there yet.
    const isShort = Object.values(samples.sizes).every((length) => length <= FIRST_LENGTH);
    const isAlone = samples.count === 1 && this.#running === 0;
    if (this.#here !== undefined && isShort && isAlone) return this.#here.run(samples);
    this.#running++;
    try {
      const idlest = this.#threads.reduce((a, b) => (b.pending < a.pending ? b : a));
      return await idlest.run(samples);
    } finally {
      this.#running--;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#here?.close(), ...this.#threads.map((thread) => thread.close())]);
  }
}

/** One thread. When it dies, what it had is lost, and the next batch starts another. */
class Thread {
  readonly #data: ThreadData;
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor(data: ThreadData) {
    this.#data = data;
    this.#worker = this.#attend(spawn(data));
  }

  /** Resolves once the thread is ready. @throws DataError that says why it is not */
  async started(timeout: number, signal: AbortSignal | undefined): Promise<Extract<Started, { signature: Signature }>> {
    const { file } = this.#data;
    const worker = this.#worker;
    let timer: NodeJS.Timeout | undefined;
    let stop = (): void => {};
    const started = await new Promise<Started>((resolve) => {
      const fail = (reason: string): void => resolve({ reason: `${file}: ${reason}` });
      timer = setTimeout(fail, timeout, `the model was not ready within ${timeout / 1000} s`);
      stop = () => fail("the server stops");
      signal?.addEventListener("abort", stop);
      worker?.once("message", resolve);
      worker?.once("error", (error) => fail(`the thread that opened the model ended: ${error.message}`));
      worker?.once("exit", () => fail("the thread that opened the model ended"));
    });
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    if ("reason" in started) throw new DataError(started.reason);
    return started;
  }

  /** Batches under way. */
  get pending(): number {
    return this.#waiting.size;
  }

  run(samples: Samples): Promise<Arrays> {
    this.#worker ??= this.#attend(spawn(this.#data));
    const id = this.#next++;
    const own = { ...samples, arrays: mapped(samples.arrays, (array) => array.slice()) };
    this.#worker.postMessage({ id, samples: own } satisfies Order, buffersOf(own.arrays));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #attend(worker: Worker): Worker {
    let reason: unknown;
    worker.on("message", ({ id, outputs }: Answer) => {
      this.#waiting.get(id)?.resolve(outputs);
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

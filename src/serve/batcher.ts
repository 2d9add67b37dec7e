/**
 * Dynamic batching: samples of many requests share a run of the network. Between the routes and a {@link BatchRunner}.
 * Nothing waits for company: a free runner takes what is there, one sample or as many as it may, so a lone request has
 * the latency of a lone request, and batches grow by themselves while the runners are busy.
 */
import { platform } from "../platform/platform.ts";
import { RequestError } from "./request-error.ts";

/** Numbers of samples, one after the other, in the type that the model takes. */
export type Samples = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Runs a network: on this thread, or on another. */
export interface BatchRunner {
  /** Runs that may be under way at a time. */
  readonly slots: number;
  /** Logits [count, classes] of samples [count, ...inputShape]; 1 ≤ count ≤ the largest batch. */
  run(samples: Samples, count: number): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface BatcherOptions {
  /** Numbers in one sample. */
  readonly sampleSize: number;
  readonly classes: number;
  /** Samples of one run at most. */
  readonly maxBatch: number;
  /** Samples that may wait; more are refused with 503. */
  readonly maxQueue: number;
  /** Called with the size of every batch that runs. */
  readonly onBatch?: (size: number) => void;
}

/** Whether somebody still waits for an answer; any AbortSignal is one. */
export type Patience = Pick<AbortSignal, "aborted" | "reason">;

interface Job {
  readonly samples: Samples;
  readonly count: number;
  readonly signal: Patience | undefined;
  readonly resolve: (logits: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

export class Batcher {
  readonly #runner: BatchRunner;
  readonly #options: BatcherOptions;
  #jobs: Job[] = [];
  #queued = 0;
  #running = 0;
  #isWoken = false;

  constructor(runner: BatchRunner, options: BatcherOptions) {
    this.#runner = runner;
    this.#options = options;
  }

  /** Samples that wait. */
  get queued(): number {
    return this.#queued;
  }

  /** @throws RequestError 413 for more samples than the queue can ever hold; to be asked before they are read */
  checkCount(count: number): void {
    const { maxQueue } = this.#options;
    if (count > maxQueue) {
      throw new RequestError(413, `${count} samples in one request; at most ${maxQueue} are allowed`);
    }
  }

  /**
   * Logits [count, classes].
   * @param signal takes what has not begun out of the queue
   * @throws RequestError 503 when the queue is full
   */
  async run(samples: Samples, count: number, signal?: Patience): Promise<Float32Array> {
    const { maxBatch, maxQueue, sampleSize, classes } = this.#options;
    if (this.#queued + count > maxQueue) {
      throw new RequestError(503, "too many requests are waiting; try again in a moment");
    }
    if (signal?.aborted === true) throw signal.reason;
    const parts: Promise<Float32Array>[] = [];
    for (let first = 0; first < count; first += maxBatch) {
      const size = Math.min(maxBatch, count - first);
      const own = samples.subarray(first * sampleSize, (first + size) * sampleSize);
      parts.push(this.#enqueue(own, size, signal));
    }
    if (parts.length === 1) return parts[0];
    const logits = new Float32Array(count * classes);
    for (const [i, part] of (await Promise.all(parts)).entries()) logits.set(part, i * maxBatch * classes);
    return logits;
  }

  /** Stops the runner; call it when nothing waits any more. */
  async close(): Promise<void> {
    await this.#runner.close();
  }

  #enqueue(samples: Samples, count: number, signal: Patience | undefined): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ samples, count, signal, resolve, reject });
      this.#queued += count;
      void this.#wake();
    });
  }

  /**
   * Starts runs once a look at the events at hand brought no more samples, so that requests that came together run
   * together: handing a batch over costs the thread that reads requests as much as reading some.
   */
  async #wake(): Promise<void> {
    if (this.#isWoken) return;
    this.#isWoken = true;
    let known: number;
    do {
      known = this.#queued;
      await platform().breathe();
    } while (known < this.#queued && this.#queued < this.#options.maxBatch);
    this.#isWoken = false;
    while (this.#running < this.#runner.slots && this.#jobs.length > 0) void this.#runBatch();
  }

  async #runBatch(): Promise<void> {
    const batch = this.#take();
    if (batch.length === 0) return;
    const { sampleSize, classes, onBatch } = this.#options;
    const count = batch.reduce((sum, job) => sum + job.count, 0);
    this.#running++;
    try {
      onBatch?.(count);
      const logits = await this.#runner.run(joined(batch, count * sampleSize), count);
      let first = 0;
      for (const job of batch) {
        job.resolve(logits.slice(first * classes, (first + job.count) * classes));
        first += job.count;
      }
    } catch (error) {
      for (const job of batch) job.reject(error);
    } finally {
      this.#running--;
      if (this.#jobs.length > 0) void this.#wake();
    }
  }

  /** The next jobs that fit into one batch; given-up ones are dropped. */
  #take(): Job[] {
    const batch: Job[] = [];
    let count = 0;
    let taken = 0;
    for (const job of this.#jobs) {
      const isGivenUp = job.signal?.aborted === true;
      if (!isGivenUp && count + job.count > this.#options.maxBatch) break;
      taken++;
      this.#queued -= job.count;
      if (isGivenUp) job.reject(job.signal?.reason);
      else {
        batch.push(job);
        count += job.count;
      }
    }
    this.#jobs = this.#jobs.slice(taken);
    return batch;
  }
}

function joined(batch: readonly Job[], size: number): Samples {
  if (batch.length === 1) return batch[0].samples;
  const all = batch[0].samples instanceof Uint8Array ? new Uint8Array(size) : new Float32Array(size);
  let at = 0;
  for (const { samples } of batch) {
    all.set(samples, at);
    at += samples.length;
  }
  return all;
}

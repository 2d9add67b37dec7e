/**
 * Dynamic batching: samples of many requests share a run of the network. Between the routes and a {@link BatchRunner}.
 * Nothing waits for company: a free runner takes its share of what is there, so a lone request has the latency of a lone
 * request, and batches grow by themselves while the runners are busy. A share, not all: else whoever asks would wait for one
 * large run, then the runner for all of them to be answered and to ask again.
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
  readonly onBatch?: ((size: number) => void) | undefined;
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
  /** Runs under way, and the samples in them. */
  #running = 0;
  #underWay = 0;
  #isWoken = false;

  constructor(runner: BatchRunner, options: BatcherOptions) {
    this.#runner = runner;
    this.#options = options;
  }

  /** Samples that wait. */
  get queued(): number {
    return this.#queued;
  }

  /** Samples of one request at most: more than the queue can hold would never run. */
  get maxCount(): number {
    return this.#options.maxQueue;
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
      this.#wake();
    });
  }

  /** Starts runs once the events at hand were dealt with, so that requests that came together run together. */
  #wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    void platform()
      .breathe()
      .then(() => {
        this.#isWoken = false;
        while (this.#running < this.#runner.slots && this.#jobs.length > 0) void this.#runBatch();
      });
  }

  async #runBatch(): Promise<void> {
    const batch = this.#take();
    if (batch.length === 0) return;
    const { sampleSize, classes, onBatch } = this.#options;
    const count = batch.reduce((sum, job) => sum + job.count, 0);
    this.#running++;
    this.#underWay += count;
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
      this.#underWay -= count;
      if (this.#jobs.length > 0) this.#wake();
    }
  }

  /** The next jobs, as many as are one slot's share or else one; given-up ones are dropped. */
  #take(): Job[] {
    const share = Math.ceil((this.#queued + this.#underWay) / this.#runner.slots);
    const most = Math.min(share, this.#options.maxBatch);
    const batch: Job[] = [];
    let count = 0;
    let taken = 0;
    for (const job of this.#jobs) {
      const isGivenUp = job.signal?.aborted === true;
      if (!isGivenUp && batch.length > 0 && count + job.count > most) break;
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

/**
 * Dynamic batching: samples of many requests share a run of the network. Between the routes and a {@link BatchRunner}.
 * Nothing waits for company: a free runner takes its share of what is there, so a lone request has the latency of a lone
 * request, and batches grow by themselves while the runners are busy. A share, not all: else whoever asks would wait for one
 * large run, then the runner for all of them to be answered and to ask again.
 */
import type { Arrays, Sizes } from "../data/port.ts";
import { platform } from "../platform/platform.ts";
import { joined, joinedArrays, mapped, part, partOf, type Samples, shapeKey } from "./batch.ts";
import { RequestError } from "./request-error.ts";

/** Runs a network: on this thread, or on another. */
export interface BatchRunner {
  /** Runs that may be under way at a time. */
  readonly slots: number;
  /** All outputs of the network by name; at least one sample, at most the largest batch. */
  run(samples: Samples): Promise<Arrays>;
  close(): Promise<void>;
}

export interface BatcherOptions {
  /** Samples of one run at most, by the lengths of their axes. */
  readonly maxBatch: (sizes: Sizes) => number;
  /** Samples that may wait; more are refused with 503. */
  readonly maxQueue: number;
  /** Called with the size of every batch that runs. */
  readonly onBatch?: ((size: number) => void) | undefined;
}

/** Whether somebody still waits for an answer; any AbortSignal is one. */
export type Patience = Pick<AbortSignal, "aborted" | "reason">;

interface Job {
  readonly samples: Samples;
  /** What samples must have in common to run together. */
  readonly key: string;
  readonly signal: Patience | undefined;
  readonly resolve: (outputs: Arrays) => void;
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
   * The outputs of the network by name, for all samples.
   * @param signal takes what has not begun out of the queue
   * @throws RequestError 503 when the queue is full
   */
  async run(samples: Samples, signal?: Patience): Promise<Arrays> {
    const { maxBatch, maxQueue } = this.#options;
    const { count, sizes } = samples;
    if (this.#queued + count > maxQueue) {
      throw new RequestError(503, "too many requests are waiting; try again in a moment");
    }
    if (signal?.aborted === true) throw signal.reason;
    const most = maxBatch(sizes);
    const parts: Promise<Arrays>[] = [];
    for (let first = 0; first < count; first += most) {
      parts.push(this.#enqueue(part(samples, first, Math.min(count, first + most)), signal));
    }
    return joinedArrays(await Promise.all(parts));
  }

  /** Stops the runner; call it when nothing waits any more. */
  async close(): Promise<void> {
    await this.#runner.close();
  }

  #enqueue(samples: Samples, signal: Patience | undefined): Promise<Arrays> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ samples, key: shapeKey(samples), signal, resolve, reject });
      this.#queued += samples.count;
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
    const { onBatch } = this.#options;
    const samples = joined(batch.map((job) => job.samples));
    const { count } = samples;
    this.#running++;
    this.#underWay += count;
    try {
      onBatch?.(count);
      const outputs = await this.#runner.run(samples);
      let first = 0;
      for (const job of batch) {
        const end = first + job.samples.count;
        // Who is alone need not copy.
        job.resolve(
          batch.length === 1 ? outputs : mapped(partOf(outputs, count, first, end), (array) => array.slice()),
        );
        first = end;
      }
    } catch (error) {
      for (const job of batch) job.reject(error);
    } finally {
      this.#running--;
      this.#underWay -= count;
      if (this.#jobs.length > 0) this.#wake();
    }
  }

  /** The next jobs of one shape, as many as are one slot's share or else one; given-up ones are dropped. */
  #take(): Job[] {
    const share = Math.ceil((this.#queued + this.#underWay) / this.#runner.slots);
    const batch: Job[] = [];
    const left: Job[] = [];
    let count = 0;
    let most = share;
    let isFull = false;
    for (const job of this.#jobs) {
      const size = job.samples.count;
      const isGivenUp = job.signal?.aborted === true;
      // Nobody is overtaken by samples of the same shape.
      if (!isGivenUp && batch.length > 0 && batch[0].key === job.key) isFull ||= count + size > most;
      if (!isGivenUp && batch.length > 0 && (isFull || batch[0].key !== job.key)) {
        left.push(job);
        continue;
      }
      this.#queued -= size;
      if (isGivenUp) job.reject(job.signal?.reason);
      else {
        if (batch.length === 0) most = Math.min(share, this.#options.maxBatch(job.samples.sizes));
        batch.push(job);
        count += size;
      }
    }
    this.#jobs = left;
    return batch;
  }
}

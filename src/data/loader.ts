/**
 * Feeds a data set to the training loop, batch by batch. The order of an epoch depends on the seed and the number of the
 * epoch alone, and so does what augmentation makes of its samples: a resumed run sees what an uninterrupted one would.
 * Nothing is allocated between two batches.
 */

import type { Augment, BatchAugmenter } from "../augment/batch-augmenter.ts";
import type { Crew } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { type BatchShape, bucket } from "../engine/programs.ts";
import { Random } from "../engine/random.ts";
import type { Dataset, Locality, SampleSpec } from "./dataset.ts";
import { type BatchArrays, openAxes } from "./port.ts";

/**
 * The order in which an epoch visits `length` samples; written to `out` when it is given. Where locality matters, groups
 * of neighbors are shuffled, and then the samples of as many groups as fit into memory.
 */
export function epochOrder(
  length: number,
  seed: number,
  epoch: number,
  out: Int32Array = new Int32Array(length),
  locality?: Locality,
): Int32Array {
  const random = new Random(seed, "shuffle", epoch);
  if (locality === undefined || locality.samples * locality.groups >= length) {
    return random.shuffle(sampleOrder(length, out));
  }
  const { samples, groups } = locality;
  const order = random.shuffle(sampleOrder(Math.ceil(length / samples)));
  let end = 0;
  for (let first = 0; first < order.length; first += groups) {
    const begin = end;
    for (const group of order.subarray(first, first + groups)) {
      const last = Math.min(length, (group + 1) * samples);
      for (let i = group * samples; i < last; i++) out[end++] = i;
    }
    random.shuffle(out.subarray(begin, end));
  }
  return out;
}

/** 0, 1, 2 …: the order in which evaluation visits samples. */
export function sampleOrder(length: number, out: Int32Array = new Int32Array(length)): Int32Array {
  for (let i = 0; i < length; i++) out[i] = i;
  return out;
}

/** The largest length of each axis that has a name. @throws UsageError where the data set does not say lengths */
export function largestSizes(dataset: Dataset): [axis: string, largest: number][] {
  const axes = openAxes(dataset.inputs, dataset.targets);
  if (axes.length === 0) return [];
  if (dataset.sizes === undefined) {
    throw new UsageError(`${dataset.name} has samples of different length (${axes.join(", ")}) but no function sizes`);
  }
  const largest = new Map(axes.map((axis) => [axis, 1]));
  for (let i = 0; i < dataset.length; i++) {
    for (const [axis, length] of Object.entries(dataset.sizes(i))) {
      largest.set(axis, Math.max(largest.get(axis) ?? 1, length));
    }
  }
  return [...largest];
}

/** Writes the samples of an epoch, in the order in which it visits them. */
export type EpochOrder = (epoch: number, out: Int32Array) => void;

/** How a {@link Loader} goes through a data set. */
export interface LoaderOptions {
  readonly batchSize: number;
  /** Seed of the shuffle; without one, samples come in their own order. */
  readonly seed?: number | undefined;
  /** Instead of the shuffle. */
  readonly order?: EpochOrder | undefined;
  /** What is done to every sample; default nothing. */
  readonly augment?: Augment | undefined;
  /** Epochs in which nothing is done to any; default none. */
  readonly isPlain?: ((epoch: number) => boolean) | undefined;
  /** Classes that the network tells apart, for targets that are mixed; default: those of the data set. */
  readonly classes?: number | undefined;
}

/**
 * Goes through a data set in batches: `start(epoch)`, then `next` until it returns 0.
 *
 *     loader.start(epoch);
 *     for (let shape = loader.ahead(); shape.batch > 0; shape = loader.ahead()) {
 *       loader.next(program(shape).inputs);
 *       …
 *     }
 */
export class Loader {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** Batches of an epoch; the last may be smaller than the others. */
  readonly batches: number;
  /** Shapes and types of what {@link next} writes: those of the data set, but where targets are mixed. */
  readonly samples: SampleSpec;
  readonly #augmenter: BatchAugmenter | undefined;
  readonly #isPlain: (epoch: number) => boolean;
  readonly #epochOrder: EpochOrder;
  readonly #order: Int32Array;
  /** The names of axes that differ from sample to sample, each with its largest length. */
  readonly #open: readonly (readonly [axis: string, largest: number])[];
  readonly #shapes = new Map<number, BatchShape>();
  #position: number;
  #epoch = 0;

  /**
   * @throws UsageError when the batch size is no positive whole number, the data set is empty, or its samples cannot be
   * augmented as asked
   */
  constructor(dataset: Dataset, options: LoaderOptions) {
    const { batchSize, seed, order, augment, isPlain = () => false, classes } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) throw new UsageError(`batch size ${batchSize} is not 1 or more`);
    if (dataset.length === 0) throw new UsageError(`${dataset.name} has no samples`);
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.batches = Math.ceil(dataset.length / batchSize);
    this.#augmenter = augment?.(dataset, { batchSize, seed: seed ?? 0, classes });
    this.samples = this.#augmenter?.samples ?? dataset;
    this.#isPlain = isPlain;
    this.#epochOrder =
      order ??
      (seed === undefined
        ? () => {}
        : (epoch, out) => void epochOrder(dataset.length, seed, epoch, out, dataset.locality));
    this.#order = sampleOrder(dataset.length);
    this.#open = largestSizes(dataset);
    this.#position = dataset.length;
  }

  /** Lets augmentation use the threads of a backend, from the next epoch on; what it does is the same. */
  async employ(crew: Crew): Promise<void> {
    await this.#augmenter?.employ(crew);
  }

  /** Gives these threads back. */
  dispose(): void {
    this.#augmenter?.dispose();
  }

  /** Index in the data set of every sample, in the order of the current epoch. Do not write to it. */
  get order(): Int32Array {
    return this.#order;
  }

  /** Samples of the epoch that were read so far. */
  get position(): number {
    return this.#position;
  }

  /** Begins an epoch, at its first batch or, after a resume, at a later one. */
  start(epoch: number, batch = 0): void {
    this.#epoch = epoch;
    this.#epochOrder(epoch, this.#order);
    this.#augmenter?.start(epoch, this.#isPlain(epoch));
    this.#position = Math.min(this.dataset.length, batch * this.batchSize);
  }

  /**
   * The shape of a batch before it is read: 0 samples at the end of the epoch.
   * @param skip batches between the next one and that
   */
  ahead(skip = 0): BatchShape {
    const from = Math.min(this.dataset.length, this.#position + skip * this.batchSize);
    const batch = Math.min(this.batchSize, this.dataset.length - from);
    if (this.#open.length === 0) return this.#shapes.get(batch) ?? this.#shape(batch);
    const sizes = this.#open.map(([axis, largest]) => {
      let longest = 1;
      for (let k = from; k < from + batch; k++) {
        longest = Math.max(longest, this.dataset.sizes?.(this.#order[k])[axis] ?? 1);
      }
      return [axis, bucket(longest, largest)] as const;
    });
    return { batch, sizes: Object.fromEntries(sizes) };
  }

  /** The shapes in which batches come that need most memory: the full one, and the last one where it is smaller. */
  get largest(): readonly BatchShape[] {
    const { length } = this.dataset;
    const rest = length % this.batchSize;
    const batches = length < this.batchSize ? [length] : rest === 0 ? [this.batchSize] : [this.batchSize, rest];
    const sizes = this.#open.length === 0 ? undefined : Object.fromEntries(this.#open);
    return batches.map((batch) => (sizes === undefined ? this.#shape(batch) : { batch, sizes }));
  }

  /** Writes the next batch, which has the shape that {@link ahead} says, to the front of the arrays of its ports. */
  next(arrays: BatchArrays, shape: BatchShape): void {
    const source = this.#augmenter ?? this.dataset;
    source.read(this.#order, this.#position, shape.batch, arrays, shape.sizes, this.#epoch);
    this.#position += shape.batch;
  }

  /** The same object each time: nothing is allocated between two batches. */
  #shape(batch: number): BatchShape {
    const shape = { batch };
    this.#shapes.set(batch, shape);
    return shape;
  }
}

/**
 * What the training loop needs to know of data: a `Dataset` writes the samples that it is asked for into a batch.
 * `ImageDataset` is the usual one: pictures as bytes in memory, one class label each.
 */
import type { TypedArray } from "../engine/dtype.ts";
import { DataError } from "../engine/errors.ts";
import { filled, type Optional } from "../engine/options.ts";
import { type Arrays, type BatchArrays, INDEX, type Ports, type Sizes } from "./port.ts";
import type { ValueSpan } from "./value-span.ts";

/** For samples that come from a disk: an epoch keeps to a few groups of neighbors at a time. */
export interface Locality {
  /** Neighbors that are read together. */
  readonly samples: number;
  /** Groups that fit into memory at a time. */
  readonly groups: number;
}

/** What the samples of a data set are made of. */
export interface SampleSpec {
  /** What the network reads, by name: `x`, and what else it needs. A picture is [height, width, channels]. */
  readonly inputs: Ports;
  /** What it learns, by name: `y`, an int32 number without axes where it is the index of a class. */
  readonly targets: Ports;
  /** Names of the classes, when targets are class indices. */
  readonly classes?: readonly string[] | undefined;
}

/** A set of samples. Implement this to train on anything: `fit` and `evaluate` need nothing else. */
export interface Dataset extends SampleSpec {
  readonly name: string;
  readonly length: number;
  /** Value of a pixel that shows nothing, for pictures that have such a thing: what is uncovered by moving them gets it. */
  readonly ground?: number | undefined;
  /** Which samples are cheap to read one after the other; without it, all are. */
  readonly locality?: Locality | undefined;
  /** Which part of its data set this is: what is kept for testing is neither trained on nor chosen by. */
  readonly split?: SplitName | undefined;
  /** The numbers of the source that are black and white here, where it is known; a model remembers them. */
  readonly valueSpan?: ValueSpan | undefined;
  /** Who wrote a sample, as a number; below 0 where nobody did. By it intervals of measures are worked out. */
  writer?(index: number): number;
  /** What token numbers in `x` stand for, in order; a model that reads other ones refuses the samples. */
  readonly tokens?: readonly string[] | undefined;
  /** What the symbols in `y` stand for, in order; a model that reads strings over others refuses the samples. */
  readonly alphabet?: readonly string[] | undefined;
  /**
   * All bytes that tell it from other data sets, the same each time, by which a run that goes on knows its data. Without it they
   * are known by name and number of samples.
   */
  content?(): Iterable<Uint8Array>;
  /** Class index of a sample, for stratified splits; needed only by those. */
  readonly label?: ((index: number) => number) | undefined;
  /** How long each axis that has a name is in a sample; needed only where ports have such axes. */
  sizes?(index: number): Sizes;
  /**
   * Writes samples `indices[start … start + count)` one after the other to the front of the arrays of all ports. They are those of
   * a compiled program and hold numbers of an earlier batch. An axis with a name is as long as `sizes` says, which is at least as
   * long as in any of these samples: what a sample does not fill is to be written, too.
   * @param epoch number of the epoch of training, for data that is made anew in each; 0 or none where it is not trained on
   */
  read(
    indices: ArrayLike<number>,
    start: number,
    count: number,
    arrays: BatchArrays,
    sizes?: Sizes,
    epoch?: number,
  ): void;
}

/**
 * A data set in the form that it had before inputs and targets had names: one input and one target.
 * @deprecated implement {@link Dataset}
 */
export interface PairDataset extends Omit<Dataset, "inputs" | "targets" | "sizes" | "read"> {
  readonly inputShape: readonly number[];
  readonly inputType: "uint8" | "float32";
  readonly targetShape: readonly number[];
  readonly targetType: "int32" | "float32";
  read(
    indices: ArrayLike<number>,
    start: number,
    count: number,
    inputs: Uint8Array | Float32Array,
    targets: Int32Array | Float32Array,
  ): void;
}

const adapted = new WeakMap<PairDataset, Dataset>();

/** A data set as it is, or one of the older form as a {@link Dataset}: the same one each time. */
export function asDataset(given: Dataset | PairDataset): Dataset {
  if ("inputs" in given) return given;
  const known = adapted.get(given) ?? adapt(given);
  adapted.set(given, known);
  return known;
}

/** What is asked of the older data set itself: a getter may read private members, which what inherits from it lacks. */
const KEPT = ["name", "length", "classes", "ground", "locality", "split", "valueSpan"] as const;

function adapt(pair: PairDataset): Dataset {
  // All else that it has, it keeps, computed or not.
  return Object.create(pair, {
    ...Object.fromEntries(KEPT.map((key) => [key, { get: () => pair[key] }])),
    inputs: { value: { x: { shape: pair.inputShape, dtype: pair.inputType } } },
    targets: { value: { y: { shape: pair.targetShape, dtype: pair.targetType } } },
    label: { value: pair.label && ((index: number) => pair.label?.(index)) },
    read: {
      value: (indices: ArrayLike<number>, start: number, count: number, { x, y }: Arrays) =>
        pair.read(indices, start, count, x as Uint8Array, y as Int32Array),
    },
  }) as Dataset;
}

/** What a part of a data set is for, as its authors, or those who divided it, meant it. */
export type SplitName = "train" | "validation" | "test";

/** What an {@link ImageDataset} is made of. */
export interface ImageSource {
  readonly name: string;
  /** Pixels of all pictures, row by row, channels last: `length × height × width × channels` bytes. */
  readonly images: Uint8Array;
  /** Class index of each picture. */
  readonly labels: Uint8Array | Int32Array;
  readonly height: number;
  readonly width: number;
  readonly channels?: number | undefined;
  readonly classes: readonly string[];
  /** Whether the ink is brighter than the ground (as in MNIST) or darker (ink on paper). */
  readonly polarity?: "light-on-dark" | "dark-on-light" | undefined;
  /** Where the bytes came from, in words fit for a report. */
  readonly origin?: string | undefined;
  readonly split?: SplitName | undefined;
  /** The numbers of the source that are black and white here, where it is known. */
  readonly valueSpan?: ValueSpan | undefined;
  /** What was changed or left aside while reading, a sentence each; whoever opens the data is shown it. */
  readonly notes?: readonly string[] | undefined;
}

/** Pictures as bytes in memory, with one class label each. */
export class ImageDataset implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly inputs: Ports;
  readonly targets: Ports = { y: INDEX };
  readonly classes: readonly string[];
  readonly polarity: "light-on-dark" | "dark-on-light";
  readonly ground: number | undefined;
  readonly origin: string;
  readonly split: SplitName | undefined;
  /** The numbers of the source that are black and white here. */
  readonly valueSpan: ValueSpan | undefined;
  /** What was changed or left aside while reading, a sentence each. */
  readonly notes: readonly string[];
  readonly images: Uint8Array;
  readonly labels: Uint8Array | Int32Array;
  /** The pixels of a picture in fours. */
  readonly #words: Int32Array | undefined;
  /** Of the arrays that were written to: a view per batch would be garbage in the loop. */
  readonly #wordsOfInputs = new WeakMap<TypedArray, { readonly words: Int32Array | undefined }>();

  /** @throws DataError when counts differ or a label is out of range */
  constructor(source: ImageSource) {
    const { name, images, labels, height, width, channels = 1, classes } = source;
    const size = height * width * channels;
    if (images.length !== labels.length * size) {
      const count = images.length / size;
      throw new DataError(`${name}: ${count} images but ${labels.length} labels; the two files do not belong together`);
    }
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] < 0 || labels[i] >= classes.length) {
        throw new DataError(`${name}: label ${labels[i]} of sample ${i} is outside 0…${classes.length - 1}`);
      }
    }
    this.name = name;
    this.length = labels.length;
    this.inputShape = [height, width, channels];
    this.inputs = { x: { shape: this.inputShape, dtype: "uint8" } };
    this.classes = classes;
    this.polarity = source.polarity ?? "light-on-dark";
    // One channel is taken for ink on an even ground, several for a photograph, which has none.
    this.ground = channels > 1 ? undefined : this.polarity === "light-on-dark" ? 0 : 255;
    this.origin = source.origin ?? "memory";
    this.split = source.split;
    this.valueSpan = source.valueSpan;
    this.notes = source.notes ?? [];
    this.images = images;
    this.labels = labels;
    this.#words = size % 4 === 0 ? wordsOf(images) : undefined;
  }

  /** The same data set but for `changes`; what is not changed is shared. */
  with(changes: Optional<ImageSource>): ImageDataset {
    const { name, images, labels, classes, polarity, origin, split, valueSpan, notes } = this;
    const [height, width, channels] = this.inputShape;
    const shape = { height, width, channels };
    const own = { name, images, labels, ...shape, classes, polarity, origin, split, valueSpan, notes };
    return new ImageDataset(filled<ImageSource>(own, changes));
  }

  label(index: number): number {
    return this.labels[index];
  }

  /** All pixels, in one piece. */
  pixels(): Iterable<Uint8Array> {
    return [this.images];
  }

  /** Pixels of one picture (a view, not a copy). */
  image(index: number): Uint8Array {
    const size = this.images.length / this.length;
    return this.images.subarray(index * size, (index + 1) * size);
  }

  read(indices: ArrayLike<number>, start: number, count: number, { x, y }: Arrays): void {
    let known = this.#wordsOfInputs.get(x);
    if (known === undefined) {
      known = { words: x instanceof Uint8Array ? wordsOf(x) : undefined };
      this.#wordsOfInputs.set(x, known);
    }
    const size = this.inputShape[0] * this.inputShape[1] * this.inputShape[2];
    if (this.#words === undefined || known.words === undefined) {
      copySamples(this.images, size, indices, start, count, x);
    } else {
      copySamples(this.#words, size / 4, indices, start, count, known.words);
    }
    for (let k = 0; k < count; k++) y[k] = this.labels[indices[start + k]];
  }
}

/** The same memory as 32-bit words, which are copied four times as fast as bytes; undefined where it cannot be seen so. */
function wordsOf({ buffer, byteOffset, length }: Uint8Array): Int32Array | undefined {
  return byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, Math.floor(length / 4)) : undefined;
}

/** Puts samples of `size` elements one after the other. A plain loop: subarray() would allocate a view per sample. */
function copySamples(
  from: ArrayLike<number>,
  size: number,
  indices: ArrayLike<number>,
  start: number,
  count: number,
  to: TypedArray,
): void {
  for (let k = 0; k < count; k++) {
    const source = indices[start + k] * size;
    const target = k * size;
    for (let p = 0; p < size; p++) to[target + p] = from[source + p];
  }
}

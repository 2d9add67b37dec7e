/**
 * Pictures that stay where they are, on a disk as a rule: a data set larger than memory. Neighbors are read together,
 * in groups, and the groups used last are kept. {@link StreamedDataset.locality} tells the loader how to shuffle so that
 * an epoch reads every group once.
 */
import { DataError, UsageError } from "../engine/errors.ts";
import type { Dataset, Locality, SplitName } from "./dataset.ts";
import { type Arrays, INDEX, type Ports } from "./port.ts";
import type { ValueSpan } from "./value-span.ts";

/** Bytes that can be read from any place, at once. */
export interface ByteSource {
  /** For messages. */
  readonly name: string;
  /** Fills `into` with the bytes from `position` on. @throws DuctusError when they are not there */
  read(into: Uint8Array, position: number): void;
}

/** What a {@link StreamedDataset} is made of. */
export interface StreamedSource {
  readonly name: string;
  /** Holds the pictures, `height × width × channels` bytes each, one after the other from `offset` on. */
  readonly bytes: ByteSource;
  readonly offset: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Class index of each picture; these are in memory. */
  readonly labels: Uint8Array | Int32Array;
  readonly classes: readonly string[];
  /** Whether the ink is brighter than the ground. */
  readonly polarity?: "light-on-dark" | "dark-on-light" | undefined;
  readonly origin: string;
  readonly split?: SplitName | undefined;
  /** The numbers of the source that are black and white here, where it is known. */
  readonly valueSpan?: ValueSpan | undefined;
  /** Bytes of pictures that are kept; default 64 MiB. */
  readonly memory?: number | undefined;
}

const MEMORY = 64 * 2 ** 20;
/** Enough for a disk to read at full speed. */
const GROUP_BYTES = 256 * 2 ** 10;
/** Fewer groups would hardly mix anything. */
const LEAST_GROUPS = 8;

/** Labeled pictures that are read from their file as they are asked for; the groups used last stay in memory. */
export class StreamedDataset implements Dataset {
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
  readonly valueSpan: ValueSpan | undefined;
  readonly locality: Locality;
  readonly labels: Uint8Array | Int32Array;
  readonly #bytes: ByteSource;
  readonly #offset: number;
  readonly #size: number;
  /** Groups in memory; all but the last of the file have the same length. */
  readonly #kept: Uint8Array;
  /** By number of the group: where it is kept, or −1. */
  readonly #place: Int32Array;
  /** By place: which group is there, and when it was used last. */
  readonly #group: Int32Array;
  readonly #used: Float64Array;
  #uses = 0;

  /** @throws DataError when a label is out of range  @throws UsageError when the memory is no room for a few pictures */
  constructor(source: StreamedSource) {
    const { name, bytes, offset, height, width, channels, labels, classes, memory = MEMORY } = source;
    const wrong = labels.findIndex((label) => label < 0 || label >= classes.length);
    if (wrong >= 0) {
      throw new DataError(`${name}: label ${labels[wrong]} of sample ${wrong} is outside 0…${classes.length - 1}`);
    }
    this.#size = height * width * channels;
    if (!(memory >= LEAST_GROUPS * this.#size)) {
      throw new UsageError(
        `memory is ${memory} bytes; at least ${LEAST_GROUPS} pictures of ${this.#size} bytes must fit`,
      );
    }
    const samples = Math.max(1, Math.floor(Math.min(GROUP_BYTES, memory / LEAST_GROUPS) / this.#size));
    const all = Math.ceil(labels.length / samples);
    const groups = Math.min(all, Math.floor(memory / (samples * this.#size)));
    this.name = name;
    this.length = labels.length;
    this.inputShape = [height, width, channels];
    this.inputs = { x: { shape: this.inputShape, dtype: "uint8" } };
    this.classes = classes;
    this.polarity = source.polarity ?? "light-on-dark";
    this.ground = channels > 1 ? undefined : this.polarity === "light-on-dark" ? 0 : 255;
    this.origin = source.origin;
    this.split = source.split;
    this.valueSpan = source.valueSpan;
    this.locality = { samples, groups };
    this.labels = labels;
    this.#bytes = bytes;
    this.#offset = offset;
    this.#kept = new Uint8Array(groups * samples * this.#size);
    this.#place = new Int32Array(all).fill(-1);
    this.#group = new Int32Array(groups).fill(-1);
    this.#used = new Float64Array(groups);
  }

  label(index: number): number {
    return this.labels[index];
  }

  /** All pixels as they stand in the file, without a place among the groups that are kept. */
  *pixels(): Iterable<Uint8Array> {
    const piece = new Uint8Array(GROUP_BYTES);
    const total = this.length * this.#size;
    for (let done = 0; done < total; done += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, total - done));
      this.#bytes.read(part, this.#offset + done);
      yield part;
    }
  }

  read(indices: ArrayLike<number>, start: number, count: number, { x, y }: Arrays): void {
    const { samples } = this.locality;
    const size = this.#size;
    for (let k = 0; k < count; k++) {
      const index = indices[start + k];
      const group = Math.floor(index / samples);
      const place = this.#place[group] < 0 ? this.#fetch(group) : this.#place[group];
      this.#used[place] = ++this.#uses;
      const from = (place * samples + (index - group * samples)) * size;
      for (let p = 0, to = k * size; p < size; p++) x[to + p] = this.#kept[from + p];
      y[k] = this.labels[index];
    }
  }

  /** Reads a group to where the one was that has not been used for longest. */
  #fetch(group: number): number {
    const { samples } = this.locality;
    let place = 0;
    for (let i = 1; i < this.#used.length; i++) if (this.#used[i] < this.#used[place]) place = i;
    if (this.#group[place] >= 0) this.#place[this.#group[place]] = -1;
    this.#group[place] = -1;
    const first = group * samples;
    const count = Math.min(samples, this.length - first);
    const begin = place * samples * this.#size;
    this.#bytes.read(this.#kept.subarray(begin, begin + count * this.#size), this.#offset + first * this.#size);
    this.#group[place] = group;
    this.#place[group] = place;
    return place;
  }
}

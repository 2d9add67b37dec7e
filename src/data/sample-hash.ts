/**
 * Hashes of samples: two of 32 bits for each, over the bytes of its input as the network gets them. By these, exact
 * duplicates are found (duplicates.ts) and a model knows the samples that it was trained on (trained-samples.ts).
 */
import type { TypedArray } from "../engine/dtype.ts";
import type { Dataset } from "./dataset.ts";
import { arraysFor, type BatchArrays, openAxes, type Sizes } from "./port.ts";

/** Samples read at once. */
const CHUNK = 256;

/** Some samples of a data set. */
export interface SampleBuffer {
  readonly arrays: BatchArrays;
  readonly inputs: TypedArray;
  readonly targets: TypedArray;
  readonly bytes: Uint8Array;
  /** Numbers, and bytes, of one sample's input; numbers of its target. */
  readonly size: number;
  readonly sampleBytes: number;
  readonly targetSize: number;
}

/** Room for some samples of a data set, as its `read` writes them. */
export function sampleBuffer(dataset: Dataset, count: number, sizes?: Sizes): SampleBuffer {
  const arrays = arraysFor({ ...dataset.inputs, ...dataset.targets }, count, sizes);
  const { x: inputs, y: targets } = arrays;
  const [size, targetSize, sampleBytes] = [inputs.length, targets.length, inputs.byteLength].map((all) => all / count);
  const bytes = new Uint8Array(inputs.buffer);
  return { arrays, inputs, targets, bytes, size, sampleBytes, targetSize };
}

/** Reads a data set once, in its own order; a chunk holds until the next one comes. */
export function eachChunk(dataset: Dataset, visit: (chunk: SampleBuffer, from: number, count: number) => void): void {
  const { length } = dataset;
  if (openAxes(dataset.inputs, dataset.targets).length > 0) {
    eachSample(dataset, visit);
    return;
  }
  const chunk = sampleBuffer(dataset, CHUNK);
  const indices = Int32Array.from({ length: CHUNK }, (_, i) => i);
  for (let from = 0; from < length; from += CHUNK) {
    const count = Math.min(CHUNK, length - from);
    for (let i = 0; i < count; i++) indices[i] = from + i;
    dataset.read(indices, 0, count, chunk.arrays);
    visit(chunk, from, count);
  }
}

/** As {@link eachChunk}, of samples of different lengths: each in arrays of its own size, without what fills up a batch. */
function eachSample(dataset: Dataset, visit: (chunk: SampleBuffer, from: number, count: number) => void): void {
  for (let i = 0; i < dataset.length; i++) {
    const sizes = dataset.sizes?.(i) ?? {};
    const one = sampleBuffer(dataset, 1, sizes);
    dataset.read([i], 0, 1, one.arrays, sizes);
    visit(one, i, 1);
  }
}

/** Writes the hashes of the first `count` samples of a chunk, which are those from `from` on, to their places. */
export function hashed(
  { inputs, bytes, sampleBytes }: SampleBuffer,
  from: number,
  count: number,
  out: Uint32Array,
): void {
  // Four bytes at a time where samples are made of whole words.
  const words = sampleBytes % 4 === 0 ? new Uint32Array(inputs.buffer) : bytes;
  const perSample = sampleBytes / words.BYTES_PER_ELEMENT;
  for (let i = 0; i < count; i++) hashWords(words, i * perSample, perSample, out, 2 * (from + i));
}

/** A data set does not change: what one reader has found serves the next. */
const known = new WeakMap<Dataset, Uint32Array>();

export function keepHashes(dataset: Dataset, hashes: Uint32Array): void {
  known.set(dataset, hashes);
}

/** Hashes of all samples, two for each, one after the other; those that were found before are not worked out again. */
export function sampleHashes(dataset: Dataset): Uint32Array {
  const found = known.get(dataset);
  if (found !== undefined) return found;
  const hashes = new Uint32Array(2 * dataset.length);
  eachChunk(dataset, (chunk, from, count) => hashed(chunk, from, count, hashes));
  keepHashes(dataset, hashes);
  return hashes;
}

/** 53 of the 64 bits, as many as a number holds. */
export function hashKey(hashes: Uint32Array, i: number): number {
  return hashes[2 * i] * 2 ** 21 + (hashes[2 * i + 1] >>> 11);
}

/** Whether {@link sampleHashes} takes no time worth speaking of: they are there, or the samples are in memory. */
export function areHashesCheap(dataset: Dataset): boolean {
  return known.has(dataset) || (dataset.locality === undefined && dataset.length <= MANY);
}

/** Samples that are read for their hashes alone; reading more may take long where they are made as they are read. */
const MANY = 1_000_000;

/** Two multiplicative hashes side by side (FNV-1a's scheme with two odd multipliers), mixed in the end. */
function hashWords(words: Uint8Array | Uint32Array, from: number, count: number, out: Uint32Array, at: number): void {
  let a = 0x811c9dc5 | 0;
  let b = 0x9e3779b9 | 0;
  for (let i = from; i < from + count; i++) {
    a = Math.imul(a ^ words[i], 0x01000193);
    a ^= a >>> 15;
    // Kept to 32 bits on the way, which is faster and changes nothing.
    b = Math.imul((b + ((words[i] | 0) + 1)) | 0, 0x85ebca6b);
    b ^= b >>> 13;
  }
  out[at] = a;
  out[at + 1] = b;
}

/**
 * Which samples a model was trained on, in at most 16 kB of its file: hashes of up to 2,048 of them, by which `evaluate`
 * tells apart what was learned by heart and what is new, in whatever folder, order or company it comes.
 *
 * Fewer samples than that are all kept. Of more, those are whose first hash is at most a limit. That is a random share, and
 * since it depends on the pixels alone, a sample to be measured can be looked up exactly if its own first hash is at most
 * the limit: of all others nothing is known, but those are as a random sample of all. A sample that was never trained on is
 * taken for one with a probability of 2,048 / 2⁵³.
 *
 * The record is an array of words: the limit, then two hashes a sample, in the order of the first.
 */
import type { Dataset } from "./dataset.ts";
import { areHashesCheap, hashKey, sampleHashes } from "./sample-hash.ts";

/** Samples that a record holds at most. */
const MOST = 2048;
/** The limit of a record that holds all. */
const ALL = 0xffff_ffff;

/** What {@link lookUp} finds. */
export interface FoundSamples {
  /** For each sample: 1 it was trained on, 0 it was not, -1 it cannot be looked up. */
  readonly marks: Int8Array;
  /** How many could be looked up, and how many of these were trained on. */
  readonly checked: number;
  readonly trained: number;
}

/** The record of some samples; none where they would have to be read from a disk for it, or made. */
export function recordOf(dataset: Dataset): [record: Int32Array] | [] {
  return areHashesCheap(dataset) ? [pack(sampleHashes(dataset), ALL)] : [];
}

/** One record of the samples of all; undefined without any. */
export function mergeRecords(records: readonly Int32Array[]): Int32Array | undefined {
  if (records.length < 2) return records[0];
  const hashes = Uint32Array.from(records.flatMap((record) => [...record.subarray(1)]));
  return pack(hashes, Math.min(...records.map(limitOf)));
}

/** Looks the samples of a data set up in records; undefined where there is none. */
export function lookUp(records: readonly Int32Array[], dataset: Dataset): FoundSamples | undefined {
  const record = mergeRecords(records);
  if (record === undefined) return undefined;
  const limit = limitOf(record);
  const kept = new Uint32Array(record.subarray(1));
  const known = new Set(Array.from({ length: kept.length / 2 }, (_, i) => hashKey(kept, i)));
  const hashes = sampleHashes(dataset);
  const marks = Int8Array.from({ length: dataset.length }, (_, i) =>
    hashes[2 * i] > limit ? -1 : known.has(hashKey(hashes, i)) ? 1 : 0,
  );
  return countMarks(marks);
}

/** How many samples are marked in which way. */
export function countMarks(marks: Int8Array): FoundSamples {
  const count = (wanted: number): number => marks.reduce((sum, mark) => sum + (mark === wanted ? 1 : 0), 0);
  const trained = count(1);
  return { marks, trained, checked: trained + count(0) };
}

/** Those whose first hash is at most a limit, and so few that they fit; in order, each once. */
function pack(hashes: Uint32Array, most: number): Int32Array {
  const limit = Math.min(most, limitFor(hashes));
  const kept = new Map<number, readonly [first: number, second: number]>();
  for (let i = 0; 2 * i < hashes.length; i++) {
    if (hashes[2 * i] <= limit) kept.set(hashKey(hashes, i), [hashes[2 * i], hashes[2 * i + 1]]);
  }
  const sorted = [...kept.values()].sort(([a, x], [b, y]) => a - b || x - y);
  return Int32Array.from([limit, ...sorted.flat()], (word) => word | 0);
}

/** The largest limit under which at most {@link MOST} different first hashes are. */
function limitFor(hashes: Uint32Array): number {
  const firsts = new Uint32Array(hashes.length / 2);
  for (let i = 0; i < firsts.length; i++) firsts[i] = hashes[2 * i];
  firsts.sort();
  let different = 0;
  for (let i = 0; i < firsts.length; i++) {
    if (i > 0 && firsts[i] === firsts[i - 1]) continue;
    if (++different > MOST) return firsts[i] - 1;
  }
  return ALL;
}

function limitOf(record: Int32Array): number {
  return record[0] >>> 0;
}

/**
 * Samples of one shape on their way to a network: arrays by the names of its ports, sample after sample. Routes make them,
 * the batcher joins those of several requests, runners take them. Texts are filled up to the length of a bucket before, so
 * samples of one bucket run together and none of them depends on the company that it has.
 */
import { type Arrays, openAxes, type Port, type Ports, type Sizes, shapeAt } from "../data/port.ts";
import { allocate, type TypedArray } from "../engine/dtype.ts";
import { bucket } from "../engine/programs.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Intake } from "./intake.ts";
import { RequestError } from "./request-error.ts";

export interface Samples {
  readonly count: number;
  /** Lengths of the axes that have a name; none where all samples of the model have one shape. */
  readonly sizes: Sizes;
  readonly arrays: Arrays;
}

/** Samples of one request that run together, and which of its samples they are. */
export interface Group {
  readonly samples: Samples;
  readonly places: readonly number[];
}

/** What samples must have in common to run together. */
export const shapeKey = ({ sizes }: Samples): string => Object.values(sizes).join();

/** Some of the samples: views, no copies. */
export function part(samples: Samples, from: number, to: number): Samples {
  const { count, sizes, arrays } = samples;
  if (from === 0 && to === count) return samples;
  return { count: to - from, sizes, arrays: partOf(arrays, count, from, to) };
}

/** Of arrays for `count` samples those from one to before another. */
export function partOf(arrays: Arrays, count: number, from: number, to: number): Arrays {
  return mapped(arrays, (array) => array.subarray((from * array.length) / count, (to * array.length) / count));
}

/** Samples of one shape, one after the other. */
export function joined(all: readonly Samples[]): Samples {
  if (all.length === 1) return all[0];
  const count = all.reduce((sum, samples) => sum + samples.count, 0);
  return { count, sizes: all[0].sizes, arrays: joinedArrays(all.map(({ arrays }) => arrays)) };
}

export function joinedArrays(all: readonly Arrays[]): Arrays {
  if (all.length === 1) return all[0];
  return mapped(all[0], (first, name) => {
    const parts = all.map((arrays) => arrays[name]);
    const together = sameKind(
      first,
      parts.reduce((sum, { length }) => sum + length, 0),
    );
    let at = 0;
    for (const one of parts) {
      together.set(one, at);
      at += one.length;
    }
    return together;
  });
}

/** Samples of a request, one each, as few groups of one shape. */
export function grouped(all: readonly Samples[]): Group[] {
  const groups = new Map<string, { samples: Samples[]; places: number[] }>();
  for (const [place, samples] of all.entries()) {
    const key = shapeKey(samples);
    const group = groups.get(key) ?? { samples: [], places: [] };
    group.samples.push(samples);
    group.places.push(place);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ samples, places }) => ({ samples: joined(samples), places }));
}

/** The whole of a request as one group. */
export const oneGroup = (samples: Samples): Group => ({
  samples,
  places: Array.from({ length: samples.count }, (_, i) => i),
});

/** Fills samples up to the lengths of buckets, with zeros. @param largest lengths above which nothing is filled up */
export function filledUp(samples: Samples, ports: Ports, largest: number): Samples {
  const { count, sizes, arrays } = samples;
  const to = Object.fromEntries(Object.entries(sizes).map(([axis, length]) => [axis, bucket(length, largest)]));
  return { count, sizes: to, arrays: mapped(arrays, (array, name) => resized(array, count, ports[name], sizes, to)) };
}

/** Samples of different length, whose ports are `x` and `length`, as a request gives them. */
export interface GivenLengths {
  readonly count: number;
  readonly sizes: Sizes;
  /** Without `length` all of `x` counts. */
  readonly arrays: Arrays;
}

/**
 * Samples of different length with how much of each counts, filled up to the length of a bucket.
 * @param words what `x` has of what, for messages: `["tokens", "text"]`
 * @throws RequestError 413 for samples that are longer than is read, 400 for a length beyond what is there
 */
export function completed(
  { ports, maxLength }: Pick<Intake, "ports" | "maxLength">,
  { count, sizes, arrays }: GivenLengths,
  [unit, whole]: readonly [unit: string, whole: string],
): Samples {
  const [axis] = openAxes(ports);
  const most = sizes[axis];
  if (most > maxLength) throw new RequestError(413, `${most} ${unit} in a ${whole}; at most ${maxLength} are read`);
  const { length = new Int32Array(count).fill(most) } = arrays;
  const wrong = length.find((one) => one > most);
  if (wrong !== undefined) {
    throw new RequestError(400, `a "length" is ${wrong} where "x" has ${most} ${unit} of each ${whole}`);
  }
  return filledUp({ count, sizes, arrays: { ...arrays, length } }, ports, maxLength);
}

/**
 * An array with another length of an axis that has a name: what is longer ends in zeros, what is shorter is cut off. An axis
 * with a name is the first of a sample, so a sample stays in one piece.
 */
export function resized(array: TypedArray, count: number, port: Port, from: Sizes, to: Sizes): TypedArray {
  const [before, after] = [from, to].map((sizes) => sizeOf(shapeAt(port, sizes)));
  if (before === after) return array;
  const made = sameKind(array, count * after);
  for (let i = 0; i < count; i++) {
    made.set(array.subarray(i * before, i * before + Math.min(before, after)), i * after);
  }
  return made;
}

/** Zeros in the shape of samples. */
export function emptySamples(ports: Ports, count: number, sizes: Sizes): Samples {
  const arrays = Object.entries(ports).map(([name, port]): [string, TypedArray] => {
    return [name, allocate(port.dtype, count * sizeOf(shapeAt(port, sizes)))];
  });
  return { count, sizes, arrays: Object.fromEntries(arrays) };
}

export function mapped(arrays: Arrays, change: (array: TypedArray, name: string) => TypedArray): Arrays {
  const made: Record<string, TypedArray> = {};
  for (const name of Object.keys(arrays)) made[name] = change(arrays[name], name);
  return made;
}

const sameKind = (array: TypedArray, length: number): TypedArray =>
  new (array.constructor as new (length: number) => TypedArray)(length);

/** What has to be given away with arrays that go to another thread. */
export const buffersOf = (arrays: Arrays): ArrayBuffer[] =>
  Object.values(arrays).map(({ buffer }) => buffer as ArrayBuffer);

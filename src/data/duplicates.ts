/**
 * Finds samples that occur in two parts of a data set: a test picture that was also trained on makes the test say less than
 * it seems to. Exact duplicates are found by a hash of their bytes. Near ones (shifted by up to two pixels, brighter, darker,
 * a little noisy) are proposed by their spectra (signature.ts) and decided on their pixels.
 *
 * Quick enough to run every time: 70,000 pictures of 28×28 take about a second.
 */
import type { TypedArray } from "../engine/dtype.ts";
import type { Dataset } from "./dataset.ts";
import { openAxes, pictureSize, samePort } from "./port.ts";
import { hashKey, type SampleBuffer, sampleBuffer } from "./sample-hash.ts";
import { type Signatures, SPECTRUM, signatures } from "./signature.ts";

/** A part of the data, named as it is to be called in reports: training, validation, test. */
export interface DataPart {
  readonly name: string;
  readonly dataset: Dataset;
}

/** A sample of a later part and its twin in an earlier one. */
export interface Duplicate {
  readonly index: number;
  readonly twin: number;
  readonly kind: "exact" | "near";
  /** Correlation of the pixels after the best shift: 1 for an exact duplicate. */
  readonly correlation: number;
  /** Whether both have the same label. */
  readonly isSameLabel: boolean;
}

/** What two parts have in common. */
export interface Overlap {
  readonly from: string;
  readonly to: string;
  /** Samples of `to`. */
  readonly count: number;
  /** Samples of `to` that have a twin in `from`: one entry for each, exact twins preferred. */
  readonly duplicates: readonly Duplicate[];
}

/** Spectra farther apart than this are of different pictures. Noise of 10 of 255 on a digit moves one by 0.02 to 0.04. */
const RADIUS = 0.035;
/**
 * Squared correlation from which two pictures are one: what remains after the best shift, brightness and contrast is noise of
 * at most 1 % of their variance. The ones of different people in MNIST come as near as 2 %, in usps as 1 %.
 */
const SAME = 0.99;
const LARGEST_SHIFT = 2;
/** Pictures whose pixels are compared with those of one other: those with the nearest spectra. Frames of a film have thousands. */
const MOST_COMPARED = 32;

/**
 * Compares every two parts.
 * @returns one entry for each pair in order: (0, 1), (0, 2), (1, 2) …; parts whose samples differ in shape share nothing
 */
export function findDuplicates(parts: readonly DataPart[]): Overlap[] {
  const signed = parts.map((part) => ({ ...part, signatures: signatures(part.dataset) }));
  const overlaps: Overlap[] = [];
  for (const [i, from] of signed.entries()) {
    for (const to of signed.slice(i + 1)) {
      const { name, dataset } = to;
      const duplicates = sameShape(from.dataset, dataset) ? overlap(from, to) : [];
      overlaps.push({ from: from.name, to: name, count: dataset.length, duplicates });
    }
  }
  return overlaps;
}

interface SignedPart extends DataPart {
  readonly signatures: Signatures;
}

function sameShape(a: Dataset, b: Dataset): boolean {
  return samePort(a.inputs.x, b.inputs.x);
}

function overlap(from: SignedPart, to: SignedPart): Duplicate[] {
  const exact = exactTwins(from, to);
  const near = nearTwins(from, to, exact);
  const isSameLabel = (index: number, twin: number): boolean =>
    from.signatures.labels[twin] === to.signatures.labels[index];
  const found: Duplicate[] = [];
  for (let index = 0; index < to.dataset.length; index++) {
    const twin = exact[index];
    const other = near.get(index);
    if (twin >= 0) found.push({ index, twin, kind: "exact", correlation: 1, isSameLabel: isSameLabel(index, twin) });
    else if (other !== undefined)
      found.push({ ...other, index, kind: "near", isSameLabel: isSameLabel(index, other.twin) });
  }
  return found;
}

/** For each sample of `to` the first of `from` with the same bytes, or −1. */
function exactTwins(from: SignedPart, to: SignedPart): Int32Array {
  const byHash = new Map<number, number>();
  for (let i = from.dataset.length - 1; i >= 0; i--) byHash.set(hashKey(from.signatures.hashes, i), i);
  const reader = new PairReader(from.dataset, to.dataset);
  return Int32Array.from({ length: to.dataset.length }, (_, i) => {
    const candidate = byHash.get(hashKey(to.signatures.hashes, i));
    return candidate !== undefined && reader.areEqual(candidate, i) ? candidate : -1;
  });
}

/** For each sample of `to` that has a near twin in `from` and no exact one, the twin with the nearest spectrum. */
function nearTwins(
  from: SignedPart,
  to: SignedPart,
  exact: Int32Array,
): Map<number, { readonly twin: number; readonly correlation: number }> {
  const found = new Map<number, { twin: number; correlation: number }>();
  if (from.signatures.spectra.length === 0) return found;
  const grid = new SpectrumGrid(from.signatures.spectra);
  const reader = new PairReader(from.dataset, to.dataset);
  for (let index = 0; index < to.dataset.length; index++) {
    if (exact[index] >= 0) continue;
    for (const twin of grid.nearest(to.signatures.spectra, index, MOST_COMPARED)) {
      const correlation = reader.correlation(twin, index);
      if (correlation ** 2 < SAME) continue;
      found.set(index, { twin, correlation });
      break;
    }
  }
  return found;
}

/**
 * All spectra within `RADIUS` of one: samples are sorted into cubes of that side by the three numbers that vary most, so
 * only 27 cubes are looked through.
 */
class SpectrumGrid {
  /** The numbers of a spectrum, those that vary most first: distances exceed the radius early. */
  readonly #axes: readonly number[];
  readonly #side = Math.ceil(1 / RADIUS);
  /** Samples in the order of their cubes, their spectra in that order (and that of the axes), and where each cube begins. */
  readonly #order: Int32Array;
  readonly #sorted: Float32Array;
  readonly #starts: Int32Array;
  readonly #wanted = new Float32Array(SPECTRUM);

  constructor(spectra: Float32Array) {
    this.#axes = axesByVariance(spectra);
    const count = spectra.length / SPECTRUM;
    const cubes = Int32Array.from({ length: count }, (_, i) => this.#cube(...this.#cells(spectra, i)));
    this.#starts = new Int32Array(this.#side ** 3 + 1);
    for (const cube of cubes) this.#starts[cube + 1]++;
    for (let i = 1; i < this.#starts.length; i++) this.#starts[i] += this.#starts[i - 1];
    const next = this.#starts.slice();
    this.#order = new Int32Array(count);
    this.#sorted = new Float32Array(spectra.length);
    for (const [i, cube] of cubes.entries()) {
      const place = next[cube]++;
      this.#order[place] = i;
      this.#write(spectra, i, this.#sorted, place * SPECTRUM);
    }
  }

  /** Samples near sample `index` of `spectra`, the nearest first, at most so many. */
  nearest(spectra: Float32Array, index: number, most: number): readonly number[] {
    const found: { readonly sample: number; readonly distance: number }[] = [];
    const [x, y, z] = this.#cells(spectra, index);
    const last = this.#side - 1;
    this.#write(spectra, index, this.#wanted, 0);
    for (let i = Math.max(0, x - 1); i <= Math.min(last, x + 1); i++) {
      for (let j = Math.max(0, y - 1); j <= Math.min(last, y + 1); j++) {
        // Neighbors along the third axis lie one behind the other.
        const begin = this.#starts[this.#cube(i, j, Math.max(0, z - 1))];
        const end = this.#starts[this.#cube(i, j, Math.min(last, z + 1)) + 1];
        for (let k = begin; k < end; k++) {
          const distance = this.#distance(k);
          if (distance <= RADIUS * RADIUS) found.push({ sample: this.#order[k], distance });
        }
      }
    }
    found.sort((a, b) => a.distance - b.distance || a.sample - b.sample);
    return found.slice(0, most).map(({ sample }) => sample);
  }

  /** Squared, from what is wanted; a larger number than that of the radius as soon as it is clear that it will be one. */
  #distance(place: number): number {
    const from = place * SPECTRUM;
    let sum = 0;
    for (let k = 0; k < SPECTRUM; k++) {
      const difference = this.#sorted[from + k] - this.#wanted[k];
      sum += difference * difference;
      if (sum > RADIUS * RADIUS) break;
    }
    return sum;
  }

  #write(spectra: Float32Array, index: number, out: Float32Array, at: number): void {
    for (let k = 0; k < SPECTRUM; k++) out[at + k] = spectra[index * SPECTRUM + this.#axes[k]];
  }

  #cells(spectra: Float32Array, index: number): [number, number, number] {
    const cell = (axis: number): number =>
      Math.min(this.#side - 1, Math.floor(spectra[index * SPECTRUM + this.#axes[axis]] / RADIUS));
    return [cell(0), cell(1), cell(2)];
  }

  #cube(x: number, y: number, z: number): number {
    return (x * this.#side + y) * this.#side + z;
  }
}

function axesByVariance(spectra: Float32Array): number[] {
  const count = Math.max(1, spectra.length / SPECTRUM);
  const variances = Array.from({ length: SPECTRUM }, (_, axis) => {
    let sum = 0;
    let squares = 0;
    for (let i = axis; i < spectra.length; i += SPECTRUM) {
      sum += spectra[i];
      squares += spectra[i] ** 2;
    }
    return squares / count - (sum / count) ** 2;
  });
  return variances.map((_, axis) => axis).sort((a, b) => variances[b] - variances[a] || a - b);
}

/** Compares one sample of each of two data sets. */
class PairReader {
  readonly #a: SampleReader;
  readonly #b: SampleReader;

  constructor(a: Dataset, b: Dataset) {
    this.#a = new SampleReader(a);
    this.#b = new SampleReader(b);
  }

  areEqual(i: number, j: number): boolean {
    const [left, right] = [this.#a.read(i).bytes, this.#b.read(j).bytes];
    return left.length === right.length && left.every((byte, k) => byte === right[k]);
  }

  /** Largest Pearson correlation of pixels i of a and j of b over all small shifts of one against the other. */
  correlation(i: number, j: number): number {
    const size = pictureSize(this.#a.dataset.inputs) as PictureSize;
    const [a, b] = [this.#a.read(i).inputs, this.#b.read(j).inputs];
    let best = 0;
    for (let dy = -LARGEST_SHIFT; dy <= LARGEST_SHIFT; dy++) {
      for (let dx = -LARGEST_SHIFT; dx <= LARGEST_SHIFT; dx++) best = Math.max(best, correlationAt(size, a, b, dy, dx));
    }
    return best;
  }
}

/** Reads one sample after the other: into the same arrays, where all are of one size. */
class SampleReader {
  readonly dataset: Dataset;
  readonly #shared: SampleBuffer | undefined;

  constructor(dataset: Dataset) {
    this.dataset = dataset;
    this.#shared = openAxes(dataset.inputs, dataset.targets).length > 0 ? undefined : sampleBuffer(dataset, 1);
  }

  read(index: number): SampleBuffer {
    const sizes = this.dataset.sizes?.(index);
    const buffer = this.#shared ?? sampleBuffer(this.dataset, 1, sizes);
    this.dataset.read([index], 0, 1, buffer.arrays, sizes);
    return buffer;
  }
}

type PictureSize = readonly [height: number, width: number, channels: number];

/** Pearson's, over the pixels that both have when b's are moved by (dy, dx). */
function correlationAt(
  [height, width, channels]: PictureSize,
  a: TypedArray,
  b: TypedArray,
  dy: number,
  dx: number,
): number {
  let [count, sumA, sumB, squaresA, squaresB, products] = [0, 0, 0, 0, 0, 0];
  const run = (width - Math.abs(dx)) * channels;
  for (let y = Math.max(0, dy); y < height + Math.min(0, dy); y++) {
    const fromA = (y * width + Math.max(0, dx)) * channels;
    const fromB = ((y - dy) * width + Math.max(0, -dx)) * channels;
    for (let k = 0; k < run; k++) {
      const p = a[fromA + k];
      const q = b[fromB + k];
      sumA += p;
      sumB += q;
      squaresA += p * p;
      squaresB += q * q;
      products += p * q;
    }
    count += run;
  }
  const varianceA = squaresA - sumA ** 2 / count;
  const varianceB = squaresB - sumB ** 2 / count;
  return varianceA > 0 && varianceB > 0 ? (products - (sumA * sumB) / count) / Math.sqrt(varianceA * varianceB) : 0;
}

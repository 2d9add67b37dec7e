/**
 * What a sample is recognized by when duplicates are looked for (duplicates.ts): a hash of its bytes (sample-hash.ts), and a
 * spectrum that hardly changes when a picture is shifted, brightened or covered with a little noise. Both are made in one pass.
 *
 * The spectrum is the magnitude of the lowest frequencies of the discrete Fourier transform, without the mean and scaled to
 * length 1: a shift changes only phases (the shift theorem), brightness only the mean, contrast only the length, and noise,
 * which is spread over all frequencies, hardly the lowest.
 */
import type { TypedArray } from "../engine/dtype.ts";
import type { Dataset } from "./dataset.ts";
import { pictureSize } from "./port.ts";
import { eachChunk, hashed, keepHashes } from "./sample-hash.ts";

/** Frequencies along one axis: 0 … 3 periods over the picture, and as many negative ones along the other. */
const FREQUENCIES = 4;
/** Numbers of a spectrum: the half plane of frequencies that says all, without the mean. */
export const SPECTRUM = FREQUENCIES - 1 + (FREQUENCIES - 1) * (2 * FREQUENCIES - 1);
/** Larger pictures are averaged down to this side first. */
const LARGEST_SIDE = 32;

/** Signatures of all samples of a data set, and their targets' first number. */
export interface Signatures {
  /** Two independent hashes of 32 bits for each sample, one after the other. */
  readonly hashes: Uint32Array;
  /** `SPECTRUM` numbers for each sample; empty where samples are no pictures. */
  readonly spectra: Float32Array;
  /** Class index of each sample, where targets are that. */
  readonly labels: Int32Array;
}

/** Reads a data set once, in its own order. */
export function signatures(dataset: Dataset): Signatures {
  const { length } = dataset;
  const size = pictureSize(dataset.inputs);
  const transform = size && new LowSpectrum(...size);
  const hashes = new Uint32Array(2 * length);
  const spectra = new Float32Array(size === undefined ? 0 : length * SPECTRUM);
  const labels = new Int32Array(length);
  eachChunk(dataset, (chunk, from, count) => {
    hashed(chunk, from, count, hashes);
    for (let i = 0; i < count; i++) {
      transform?.write(chunk.inputs, i * chunk.size, spectra, (from + i) * SPECTRUM);
      labels[from + i] = chunk.targets[i * chunk.targetSize];
    }
  });
  keepHashes(dataset, hashes);
  return { hashes, spectra, labels };
}

/** Computes spectra of pictures of one size, row by row and then column by column; allocates nothing per picture. */
class LowSpectrum {
  readonly #width: number;
  readonly #height: number;
  readonly #channels: number;
  /** Side of the blocks that are averaged, and the number of blocks along each axis. */
  readonly #block: number;
  readonly #rows: number;
  readonly #columns: number;
  /** cos and sin of 2π·frequency·position/size, [position, frequency]. */
  readonly #along: Waves;
  readonly #down: Waves;
  readonly #cells: Float64Array;
  /** Real and imaginary parts of the rows' transforms, [row, frequency]. */
  readonly #real: Float64Array;
  readonly #imaginary: Float64Array;

  constructor(height: number, width: number, channels: number) {
    this.#height = height;
    this.#width = width;
    this.#channels = channels;
    this.#block = Math.ceil(Math.max(height, width) / LARGEST_SIDE);
    this.#rows = Math.ceil(height / this.#block);
    this.#columns = Math.ceil(width / this.#block);
    this.#along = waves(this.#columns);
    this.#down = waves(this.#rows);
    this.#cells = new Float64Array(this.#columns);
    this.#real = new Float64Array(FREQUENCIES * this.#rows);
    this.#imaginary = new Float64Array(FREQUENCIES * this.#rows);
  }

  /** Writes the spectrum of the picture at `pixels[from …]` to `out[at …]`; zeros for a picture of one shade. */
  write(pixels: TypedArray, from: number, out: Float32Array, at: number): void {
    for (let row = 0; row < this.#rows; row++) {
      this.#sumBlocks(pixels, from, row);
      this.#transformRow(row);
    }
    let k = at;
    let squares = 0;
    for (let u = 0; u < FREQUENCIES; u++) {
      for (let v = u === 0 ? 1 : 0; v < FREQUENCIES; v++) {
        // One walk down the column gives the frequencies (u, v) and (u, −v).
        const [cosReal, sinReal, cosImaginary, sinImaginary] = this.#columnSums(u, v);
        const positive = square(cosReal + sinImaginary) + square(cosImaginary - sinReal);
        out[k++] = Math.sqrt(positive);
        squares += positive;
        if (u === 0 || v === 0) continue;
        const negative = square(cosReal - sinImaginary) + square(cosImaginary + sinReal);
        out[k++] = Math.sqrt(negative);
        squares += negative;
      }
    }
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let i = at; i < k; i++) out[i] *= scale;
  }

  #sumBlocks(pixels: TypedArray, from: number, row: number): void {
    const cells = this.#cells;
    const block = this.#block;
    const line = this.#width * this.#channels;
    const perCell = block * this.#channels;
    cells.fill(0);
    for (let y = row * block; y < Math.min(this.#height, (row + 1) * block); y++) {
      const start = from + y * line;
      if (perCell === 1) for (let x = 0; x < line; x++) cells[x] += pixels[start + x];
      else for (let x = 0; x < line; x++) cells[Math.floor(x / perCell)] += pixels[start + x];
    }
  }

  /** Adds up the waves of one row. Most of a picture of handwriting is empty: what is 0 adds nothing. */
  #transformRow(row: number): void {
    const { cos, sin } = this.#along;
    const real = this.#real;
    const imaginary = this.#imaginary;
    const from = row * FREQUENCIES;
    real.fill(0, from, from + FREQUENCIES);
    imaginary.fill(0, from, from + FREQUENCIES);
    for (let x = 0; x < this.#columns; x++) {
      const value = this.#cells[x];
      if (value === 0) continue;
      for (let u = 0; u < FREQUENCIES; u++) {
        real[from + u] += value * cos[x * FREQUENCIES + u];
        imaginary[from + u] -= value * sin[x * FREQUENCIES + u];
      }
    }
  }

  #columnSums(u: number, v: number): [number, number, number, number] {
    const { cos, sin } = this.#down;
    let [cosReal, sinReal, cosImaginary, sinImaginary] = [0, 0, 0, 0];
    for (let at = 0; at < this.#real.length; at += FREQUENCIES) {
      const real = this.#real[at + u];
      const imaginary = this.#imaginary[at + u];
      const c = cos[at + v];
      const s = sin[at + v];
      cosReal += real * c;
      sinReal += real * s;
      cosImaginary += imaginary * c;
      sinImaginary += imaginary * s;
    }
    return [cosReal, sinReal, cosImaginary, sinImaginary];
  }
}

interface Waves {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

function waves(size: number): Waves {
  const angle = (i: number): number => (2 * Math.PI * (i % FREQUENCIES) * Math.floor(i / FREQUENCIES)) / size;
  return {
    cos: Float64Array.from({ length: FREQUENCIES * size }, (_, i) => Math.cos(angle(i))),
    sin: Float64Array.from({ length: FREQUENCIES * size }, (_, i) => Math.sin(angle(i))),
  };
}

function square(value: number): number {
  return value * value;
}

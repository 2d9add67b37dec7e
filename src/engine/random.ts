/**
 * Counter-based random numbers: Threefry-2x32-20 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). A number depends only on (seed, stream, counter), never on who asked before, so shuffles, initial
 * weights, augmentation and dropout are the same for any number of threads and after a resume.
 */

const PARITY = 0x1bd11bda;

/** Two 32-bit words from a 64-bit key and a 64-bit counter; written to `out` as unsigned integers. */
export function threefry2x32(k0: number, k1: number, c0: number, c1: number, out: Uint32Array | number[]): void {
  const k2 = k0 ^ k1 ^ PARITY;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  // Four rounds and two words of the key, five times; written out, as arrays of rotations and keys cost more than the rest.
  for (let s = 1; ; s += 2) {
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    x0 = (x0 + (s === 1 ? k1 : s === 3 ? k0 : k2)) | 0;
    x1 = (x1 + (s === 1 ? k2 : s === 3 ? k1 : k0) + s) | 0;
    if (s === 5) break;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    x0 = (x0 + (s === 1 ? k2 : k1)) | 0;
    x1 = (x1 + (s === 1 ? k0 : k2) + s + 1) | 0;
  }
  out[0] = x0 >>> 0;
  out[1] = x1 >>> 0;
}

/** Purposes that must not share random numbers; a stream is derived from one by {@link stream}. */
export const STREAMS = { init: 1, shuffle: 2, dropout: 3, augment: 4, split: 5, user: 6, synthesis: 7 } as const;

/** A source of random numbers for one purpose. Numbers are drawn in order, or addressed by counter. */
export class Random {
  readonly #base: readonly [number, number];
  #k0: number;
  #k1: number;
  readonly #words = [0, 0];
  #counter = 0;

  /** @param seed any integer  @param purpose who draws  @param index epoch, sample, layer … within the purpose */
  constructor(seed: number, purpose: keyof typeof STREAMS, index = 0) {
    // The key itself is hashed, so that neighboring seeds and indices give unrelated keys.
    const words = [0, 0];
    threefry2x32(seed | 0, Math.floor(seed / 2 ** 32) | 0, STREAMS[purpose], index, words);
    this.#k0 = words[0] | 0;
    this.#k1 = words[1] | 0;
    this.#base = [this.#k0, this.#k1];
  }

  /**
   * Goes on as the source of one of many items, a sample say: what it draws from here on depends on seed, purpose, index
   * and `item` alone. `use` keeps the numbers apart that different users draw for the same item. Allocates nothing.
   */
  item(item: number, use = 0): this {
    // Keys are hashed from counters whose second word is never 0, numbers from counters where it is.
    threefry2x32(this.#base[0], this.#base[1], item, use + 1, this.#words);
    this.#k0 = this.#words[0] | 0;
    this.#k1 = this.#words[1] | 0;
    this.#counter = 0;
    return this;
  }

  /** An unsigned 32-bit integer. */
  uint32(): number {
    const word = this.#counter & 1;
    if (word === 0) threefry2x32(this.#k0, this.#k1, this.#counter / 2, 0, this.#words);
    this.#counter++;
    return this.#words[word];
  }

  /** Uniform in [0, 1), 24 bits, exactly representable in float32. */
  uniform(): number {
    return (this.uint32() >>> 8) * 2 ** -24;
  }

  /** Standard normal (Box–Muller). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** A uniform integer in [0, n), unbiased (rejection of the last incomplete interval). */
  integer(n: number): number {
    const limit = 2 ** 32 - (2 ** 32 % n);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % n;
  }

  /** Shuffles in place (Fisher–Yates) and returns the array. */
  shuffle<A extends Int32Array | Uint32Array | number[]>(array: A): A {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swap = array[i];
      array[i] = array[j];
      array[j] = swap;
    }
    return array;
  }
}

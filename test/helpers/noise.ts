/**
 * Deterministic numbers for tests: a pure function of (seed, index), exact in float32, so that the same values can be
 * made in another language (golden/make_golden.py has the same lines) and no test data needs to be stored.
 */

/** An unsigned 32-bit hash of a seed and an index: two rounds of MurmurHash3's finalizer. */
export function hash32(seed: number, index: number): number {
  return mix(mix(index ^ 0x9e3779b9) ^ Math.imul(seed, 0x85ebca6b));
}

function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Uniform in [0, 1), a multiple of 2⁻²⁴. */
export const unit = (seed: number, index: number): number => (hash32(seed, index) >>> 8) * 2 ** -24;

/** `count` float32 numbers, uniform in [low, high). */
export function uniformNoise(seed: number, count: number, low = -1, high = 1): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => low + unit(seed, i) * (high - low));
}

/** `count` int32 numbers, low ≤ n < high. */
export function integerNoise(seed: number, count: number, low: number, high: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: count }, (_, i) => low + (hash32(seed, i) % (high - low)));
}

/** 0 … count − 1 in a fixed disorder. */
export function disorder(seed: number, count: number): number[] {
  const keys = Array.from({ length: count }, (_, i) => hash32(seed, i));
  return keys.map((_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
}

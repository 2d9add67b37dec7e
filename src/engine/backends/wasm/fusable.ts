/**
 * One binary for two instruction sets. A stand-alone module (standalone.ts) holds plain SIMD only, so that it runs
 * everywhere, but writes the multiplication and the addition of each multiply-add with a byte more than they need (LEB128
 * numbers may end in zeros). A loader that finds relaxed SIMD turns the pairs into fused multiply-adds, byte for byte:
 *
 *     a b  fd e6 81 00 (mul)  c  fd e4 81 00 (add)   →   a b  01 01 01 01 (nop)  c  fd 85 82 00 (relaxed_madd)
 *
 * This file goes into exported recognizers, hence no imports.
 */

/** The marked instructions: f32x4.mul (0xe6) and f32x4.add (0xe4). */
export const FUSABLE = { mul: [0xfd, 0xe6, 0x81, 0], add: [0xfd, 0xe4, 0x81, 0] } as const;

const NOPS = [1, 1, 1, 1];
const RELAXED_MADD = [0xfd, 0x85, 0x82, 0];

const CODE_SECTION = 10;

/**
 * The module with its multiply-adds fused, in a copy.
 * @param bytes a module of standalone.ts; anything else comes back as it is
 */
export function fuseMultiplyAdds(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const fused = new Uint8Array(bytes);
  const matches = (at: number, code: readonly number[]): boolean => code.every((byte, i) => fused[at + i] === byte);
  let next = 8; // behind magic and version
  while (next < fused.length) {
    const id = fused[next++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = fused[next++];
      size += (byte & 127) * 2 ** shift;
      if (!(byte & 128)) break;
    }
    if (id === CODE_SECTION) {
      for (let at = next; at + 4 <= next + size; at++) {
        if (matches(at, FUSABLE.mul)) fused.set(NOPS, at);
        else if (matches(at, FUSABLE.add)) fused.set(RELAXED_MADD, at);
      }
    }
    next += size;
  }
  return fused;
}

/** What the WebAssembly engine at hand can do, found out by validating a few bytes. */

/** A module with one function of the given body, which leaves nothing on the stack. */
function validates(body: readonly number[]): boolean {
  const code = [0, ...body, 0x0b];
  const bytes = [
    0,
    0x61,
    0x73,
    0x6d,
    1,
    0,
    0,
    0, // magic, version
    1,
    4,
    1,
    0x60,
    0,
    0, // type () → ()
    3,
    2,
    1,
    0, // one function
    10,
    code.length + 2,
    1,
    code.length,
    ...code,
  ];
  return WebAssembly.validate(new Uint8Array(bytes));
}

const V128_ZERO = [0xfd, 0x0c, ...new Array<number>(16).fill(0)];

/** 128-bit SIMD. */
export const simdWorks = (): boolean => validates([...V128_ZERO, 0x1a]);

/** f32x4.relaxed_madd, of the relaxed-SIMD proposal. */
export const relaxedSimdWorks = (): boolean =>
  validates([...V128_ZERO, ...V128_ZERO, ...V128_ZERO, 0xfd, 0x85, 0x02, 0x1a]);

/** Memory shared between threads. */
export const threadsWork = (): boolean => typeof SharedArrayBuffer === "function";

/**
 * Powers whose bits are the same in every JavaScript engine, which `**` does not promise: V8 rounds it otherwise from Node 24
 * on. Square roots, exp, log and cos are the same in all versions that Ductus runs on.
 */

/** `base` to a whole exponent of at least 0, by squaring. */
export function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base, left = exponent; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square;
  }
  return result;
}

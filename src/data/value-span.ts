/** Which numbers of a source are black and white, so that they can become bytes; value-range.ts finds it out. */

/** The numbers that become 0 and 255. */
export interface ValueSpan {
  readonly low: number;
  readonly high: number;
}

/** Pixels as they should be. */
export const BYTES: ValueSpan = { low: 0, high: 255 };

export function isBytes(span: ValueSpan): boolean {
  return sameSpan(span, BYTES);
}

export function sameSpan(a: ValueSpan, b: ValueSpan): boolean {
  return a.low === b.low && a.high === b.high;
}

/** Puts numbers where they belong between 0 and 255. */
export function toBytes(values: ArrayLike<number>, { low, high }: ValueSpan, bytes: Uint8Array): void {
  const factor = 255 / (high - low);
  // An array of bytes cuts off fractions, so a half more rounds.
  for (let i = 0; i < bytes.length; i++) bytes[i] = (values[i] - low) * factor + 0.5;
}

/** Scales pixels that are the numbers of the source themselves, {@link BYTES}, as {@link toBytes} does. */
export function rescale(pixels: Uint8Array, span: ValueSpan): void {
  const table = new Uint8Array(256);
  toBytes(Uint8Array.from(table.keys()), span, table);
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[pixels[i]];
}

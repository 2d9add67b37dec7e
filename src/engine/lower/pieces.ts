/** Cutting lengths into pieces: how kernels with a limited number of registers divide rows and columns. */

/** What `make` makes of the numbers below a count. */
export const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** Splits `length` into pieces of at most `most`, as even as can be: 26 by 6 → 6 5 5 5 5. */
export function evenPieces(length: number, most: number): number[] {
  const count = Math.ceil(length / most);
  const small = Math.floor(length / count);
  return times(count, (i) => small + (i < length - small * count ? 1 : 0));
}

/** Runs of equal pieces: [6, 5, 5, 5, 5] → [{ size: 6, from: 0, count: 1 }, { size: 5, from: 6, count: 4 }]. */
export function runsOf(pieces: readonly number[]): { size: number; from: number; count: number }[] {
  const runs: { size: number; from: number; count: number }[] = [];
  let from = 0;
  for (const size of pieces) {
    const last = runs.at(-1);
    if (last?.size === size) last.count++;
    else runs.push({ size, from, count: 1 });
    from += size;
  }
  return runs;
}

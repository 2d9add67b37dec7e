/**
 * The transform of a tile by the matrices of Winograd's filtering (lower/filtering.ts); the kernels that use it are
 * winograd.ts (outputs), winograd-input-grad.ts and winograd-weight-grad.ts.
 */
import type { Matrix } from "../../../lower/filtering.ts";
import { times } from "../../../lower/pieces.ts";
import { addI, type I32, load, mulI, splatConst, type V128, v } from "../assembler.ts";
import type { Kernel } from "./kernel.ts";

/** Scratch bytes of {@link transformTiles}: a tile of vectors for each of two neighbors, half transformed. */
export const TRANSFORM_BYTES = 2 * 8 * 8 * 16;

/** Tiles of vectors that lie side by side, 16 bytes apart: where the first one begins, and bytes between rows and columns. */
interface Neighbors {
  readonly start: I32;
  /** Further bytes from there, known now. */
  readonly offset: number;
  readonly row: number;
  readonly column: number;
}

/**
 * M X Mᵀ of tiles X of vectors, of one or two that are neighbors.
 * @param buffer scratch memory, {@link TRANSFORM_BYTES}
 * @param tiles where they lie
 * @param write takes the results in a row and a column (the counter), one of each tile
 */
export function transformTiles(
  kernel: Kernel,
  matrix: Matrix,
  count: number,
  buffer: I32,
  tiles: Neighbors,
  write: (row: number, column: I32, values: readonly V128[]) => void,
): void {
  const { f } = kernel;
  const [results, size] = [matrix.length, matrix[0].length];
  const step = count * 16;
  // Loops rather than one long body: what is loaded in a turn fits into registers.
  f.for(0, size, 1, (i) => {
    const at = f.let(addI(buffer, mulI(i, results * step)));
    const from = f.let(addI(tiles.start, mulI(i, tiles.row)));
    f.together((held) => {
      for (let tile = 0; tile < count; tile++) {
        const row = times(size, (j) => load(from, j * tiles.column + tiles.offset + tile * 16));
        transform(kernel, matrix, row).forEach((value, j) => {
          held.store(at, value, j * step + tile * 16);
        });
      }
    });
  });
  f.for(0, results, 1, (j) => {
    const at = f.let(addI(buffer, mulI(j, step)));
    const columns = times(count, (tile) => {
      const column = times(size, (i) => load(at, i * results * step + tile * 16));
      return transform(kernel, matrix, column);
    });
    for (let i = 0; i < results; i++) {
      write(
        i,
        j,
        columns.map((column) => column[i]),
      );
    }
  });
}

/** Factors of a sum, by the number of the vector that they belong to. */
type Sum = readonly (readonly [factor: number, value: V128])[];

/** Adds up a sum; factors 0 and ±1 cost no multiplication. */
function evaluate({ isa }: Kernel, sum: Sum): V128 {
  const terms = sum.filter(([factor]) => factor !== 0);
  // A term with a plain plus first, so that nothing needs to be negated.
  const start = Math.max(
    0,
    terms.findIndex(([factor]) => factor === 1),
  );
  const [[factor, value]] = terms.splice(start, 1);
  const first = factor === 1 ? value : v.mul(value, splatConst(factor));
  return terms.reduce((total, [by, term]) => {
    if (by === 1) return v.add(total, term);
    return by === -1 ? v.sub(total, term) : isa.madd(term, splatConst(by), total);
  }, first);
}

const sameButForSigns = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value) === Math.abs(b[i]));

/**
 * One matrix times a column of vectors. Points come in pairs ±a, so some rows of Bᵀ and G, and some columns of Aᵀ, are
 * alike but for signs: what they share is computed once.
 */
function transform(kernel: Kernel, matrix: Matrix, column: readonly V128[]): V128[] {
  const { f } = kernel;
  const values = column.map((value) => f.let(value));
  const columns = values.map((_, j) => matrix.map((row) => row[j]));
  // Σ aᵢxᵢ + bᵢyᵢ with |a| = |b| is Σ ± aᵢ(x + y) or ± aᵢ(x − y).
  const sums: { value: V128; factors: readonly number[] }[] = [];
  const used = new Set<number>();
  columns.forEach((own, i) => {
    if (used.has(i)) return;
    const j = columns.findIndex((other, k) => k > i && !used.has(k) && sameButForSigns(own, other));
    if (j < 0) {
      sums.push({ value: values[i], factors: own });
      return;
    }
    used.add(j);
    const alike = own.map((factor, k) => (factor === columns[j][k] ? factor : 0));
    const opposite = own.map((factor, k) => (factor === columns[j][k] ? 0 : factor));
    if (alike.some(Boolean)) sums.push({ value: f.let(v.add(values[i], values[j])), factors: alike });
    if (opposite.some(Boolean)) sums.push({ value: f.let(v.sub(values[i], values[j])), factors: opposite });
  });
  const rows = matrix.map((_, k) => sums.map(({ factors }) => factors[k]));
  const results: V128[] = [];
  const sumOf = (factors: readonly number[]): V128 =>
    evaluate(
      kernel,
      factors.map((factor, i) => [factor, sums[i].value]),
    );
  rows.forEach((own, i) => {
    if (results[i] !== undefined) return;
    const j = rows.findIndex((other, k) => k > i && results[k] === undefined && sameButForSigns(own, other));
    const even = own.map((factor, k) => (j >= 0 && factor === rows[j][k] ? factor : 0));
    const odd = own.map((factor, k) => (j >= 0 && factor === rows[j][k] ? 0 : factor));
    if (j < 0 || !even.some(Boolean) || !odd.some(Boolean)) {
      results[i] = f.let(sumOf(own));
      return;
    }
    const [a, b] = [f.let(sumOf(even)), f.let(sumOf(odd))];
    results[i] = f.let(v.add(a, b));
    results[j] = f.let(v.sub(a, b));
  });
  return results;
}

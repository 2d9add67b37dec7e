/**
 * The matrices of Winograd's minimal filtering and the transform of a tile by them; the kernels that use them are
 * winograd.ts (outputs) and winograd-weight-grad.ts (weight gradients).
 */
import { addI, type I32, load, mulI, splatConst, type V128, v } from "../assembler.ts";
import { type Kernel, times } from "./kernel.ts";

export type Matrix = readonly (readonly number[])[];

/** The matrices of one F(m, r), along one axis. */
export interface Filtering {
  /** Outputs of a tile, m. */
  readonly outputs: number;
  /** Inputs of a tile, t = m + r − 1. */
  readonly inputs: number;
  /** Bᵀ, [t, t] */
  readonly input: Matrix;
  /** G, [t, r] */
  readonly weight: Matrix;
  /** Aᵀ, [m, t] */
  readonly output: Matrix;
}

/**
 * The matrices for given interpolation points, by the Cook–Toom construction; the last point is infinity. An output is a
 * product of polynomials, known from its values at t points; rounding errors grow with the size of the points' powers.
 */
function cookToom(points: readonly number[], outputs: number): Filtering {
  const inputs = points.length + 1;
  const size = inputs - outputs + 1;
  const last = (length: number): number[] => Array.from({ length }, (_, k) => (k === length - 1 ? 1 : 0));
  const powers = (point: number, length: number): number[] => Array.from({ length }, (_, k) => point ** k);
  /** Coefficients of Π (x − point), lowest first. */
  const product = (roots: readonly number[]): number[] =>
    roots.reduce<number[]>(
      (poly, root) => times(poly.length + 1, (k) => (poly[k - 1] ?? 0) - root * (poly[k] ?? 0)),
      [1],
    );
  const others = (i: number): number[] => points.filter((_, j) => j !== i);
  const scale = (i: number): number => others(i).reduce((total, other) => total * (points[i] - other), 1);
  return {
    inputs,
    outputs,
    input: [...points.map((_, i) => [...product(others(i)), 0]), product(points)],
    weight: [...points.map((point, i) => powers(point, size).map((power) => power / scale(i))), last(size)],
    output: times(outputs, (k) => [...points.map((point) => point ** k), k === outputs - 1 ? 1 : 0]),
  };
}

/** Interpolation points by tile size, chosen for small errors (docs/performance.md). */
const POINTS: Readonly<Record<number, readonly number[]>> = {
  4: [0, 1, -1],
  6: [0, 1, -1, 1 / 2, -2],
  8: [0, 1, -1, 1 / 2, -1 / 2, 2, -2],
};

/**
 * F(m×m, r×r) by kernel size r, small tiles first. 4×4 outputs of 5×5 kernels would save half of the multiplications, but
 * errors are then 5 times those of the direct sum.
 */
const OUTPUTS: Readonly<Record<number, readonly Filtering[]>> = {
  3: [cookToom(POINTS[4], 2), cookToom(POINTS[6], 4)],
  5: [cookToom(POINTS[6], 2)],
};

/** The same for weight gradients, where r×r are the results and 2×2 or 4×4 the tiles of the gradient. */
const WEIGHT_GRADS: typeof OUTPUTS = {
  3: [cookToom(POINTS[4], 3), cookToom(POINTS[6], 3)],
  5: [cookToom(POINTS[6], 5)],
};

/** A larger tile must save this share of the multiplications: its transforms and its errors are larger, too. */
const WORTHWHILE = 0.25;

/** How a picture is cut into tiles. */
export interface Tiling {
  readonly filtering: Filtering;
  /** Rows and columns of a tile, on the side that is cut up. */
  readonly side: number;
  /** Rows and columns of tiles. */
  readonly rows: number;
  readonly columns: number;
  /** Multiplications of a tile for each pair of channels, t²: the number of matrices. */
  readonly positions: number;
}

function tiling(
  filterings: readonly Filtering[],
  sideOf: (filtering: Filtering) => number,
  [P, Q]: readonly [number, number],
): Tiling {
  const options = filterings.map((filtering): Tiling => {
    const side = sideOf(filtering);
    const [rows, columns] = [Math.ceil(P / side), Math.ceil(Q / side)];
    return { filtering, side, rows, columns, positions: filtering.inputs ** 2 };
  });
  const cost = ({ rows, columns, positions }: Tiling): number => rows * columns * positions;
  return options.reduce((best, next) => (cost(next) <= (1 - WORTHWHILE) * cost(best) ? next : best));
}

/** Whether there are matrices for a kernel size. */
export const hasFiltering = (size: number): boolean => size in OUTPUTS;

/** How a P × Q output is computed with an r × r kernel. */
export const outputTiling = (r: number, P: number, Q: number): Tiling =>
  tiling(OUTPUTS[r], ({ outputs }) => outputs, [P, Q]);

/** How the gradient of an r × r kernel is computed from the gradient of a P × Q output. */
export const weightGradTiling = (r: number, P: number, Q: number): Tiling =>
  tiling(WEIGHT_GRADS[r], ({ inputs, outputs }) => inputs - outputs + 1, [P, Q]);

/**
 * M ⊗ M, row by row: G ⊗ G makes the numbers of a transformed kernel, one for each position, from its r²; Aᵀ ⊗ Aᵀ makes
 * the results from the sums of all positions.
 */
export function onBothAxes(matrix: Matrix): number[] {
  return matrix.flatMap((row) => matrix.flatMap((column) => row.flatMap((a) => column.map((b) => a * b))));
}

/** Scratch bytes of {@link transformTiles}: a tile of vectors for each of two neighbours, half transformed. */
export const TRANSFORM_BYTES = 2 * 8 * 8 * 16;

/**
 * M X Mᵀ of tiles X of vectors, of one or two that are neighbours.
 * @param buffer scratch memory, {@link TRANSFORM_BYTES}
 * @param read the vector in a row (a counter of the generated code) and column of a tile
 * @param write takes the results in a row and a column (the counter), one of each tile
 */
export function transformTiles(
  kernel: Kernel,
  matrix: Matrix,
  count: number,
  buffer: I32,
  read: (row: I32, column: number, tile: number) => V128,
  write: (row: number, column: I32, values: readonly V128[]) => void,
): void {
  const { f } = kernel;
  const [results, size] = [matrix.length, matrix[0].length];
  const step = count * 16;
  const tiles = times(count, (tile) => tile);
  // Loops rather than one long body: what is loaded in a turn fits into registers.
  f.for(0, size, 1, (i) => {
    const at = f.let(addI(buffer, mulI(i, results * step)));
    f.together(() => {
      for (const tile of tiles) {
        const row = times(size, (j) => read(i, j, tile));
        transform(kernel, matrix, row).forEach((value, j) => {
          f.store(at, value, j * step + tile * 16);
        });
      }
    });
  });
  f.for(0, results, 1, (j) => {
    const at = f.let(addI(buffer, mulI(j, step)));
    const columns = tiles.map((tile) => {
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

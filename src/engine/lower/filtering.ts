/**
 * The matrices of Winograd's minimal filtering, and how pictures are cut into tiles for it. Lowered convolutions
 * (convolutions.ts) name a kernel size; these are the matrices that they mean.
 */
import { times } from "./pieces.ts";

export type Matrix = readonly (readonly number[])[];

export const transposed = (matrix: Matrix): Matrix => matrix[0].map((_, j) => matrix.map((row) => row[j]));

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

/**
 * Winograd's minimal filtering for convolutions of stride 1 (Lavin & Gray, arXiv 1509.09308): F(m×m, r×r) makes an m×m
 * tile of outputs from a t×t tile of inputs, t = m + r − 1, with t² multiplications instead of m²r².
 *
 *     y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A
 *
 * The weights come transformed (legalize.ts). For each sample, all input tiles are transformed into scratch memory as t²
 * matrices [tiles, C]; each is multiplied with its [C, panel] of the weights; the products are transformed back and finished.
 */
import { addI, type Func, type I32, load, ltS, mulI, splatConst, type V128, v } from "../assembler.ts";
import type { WinogradConvAttrs } from "../legalize.ts";
import type { Isa } from "../math.ts";
import { taps } from "./conv.ts";
import { evenPieces, type Kernel, runsOf } from "./kernel.ts";

/** Output channels of a panel, in bytes: two vectors. */
const PANEL_BYTES = 32;

export type Matrix = readonly (readonly number[])[];

/** The matrices of one F(m×m, r×r). */
export interface Filtering {
  /** Outputs of a tile along each axis, m. */
  readonly outputs: number;
  /** Inputs of a tile along each axis, t. */
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
      (poly, root) => Array.from({ length: poly.length + 1 }, (_, k) => (poly[k - 1] ?? 0) - root * (poly[k] ?? 0)),
      [1],
    );
  const others = (i: number): number[] => points.filter((_, j) => j !== i);
  const scale = (i: number): number => others(i).reduce((total, other) => total * (points[i] - other), 1);
  return {
    inputs,
    outputs,
    input: [...points.map((_, i) => [...product(others(i)), 0]), product(points)],
    weight: [...points.map((point, i) => powers(point, size).map((power) => power / scale(i))), last(size)],
    output: Array.from({ length: outputs }, (_, k) => [
      ...points.map((point) => point ** k),
      k === outputs - 1 ? 1 : 0,
    ]),
  };
}

/**
 * By kernel size. Points and tile sizes are the ones whose errors stay near those of the direct sum: relative to it, in
 * float32, 0.9 for 3×3 and 2.5 for 5×5 (docs/performance.md).
 */
export const FILTERINGS: Readonly<Record<number, Filtering>> = {
  3: cookToom([0, 1, -1], 2),
  5: cookToom([0, 1, -1, 1 / 2, -2], 2),
};

/** The same for weight gradients: r×r results from 2×2 tiles of the gradient (winograd-weight-grad.ts). */
export const WEIGHT_GRAD_FILTERINGS: Readonly<Record<number, Filtering>> = {
  3: cookToom([0, 1, -1], 3),
  5: cookToom([0, 1, -1, 1 / 2, -2], 5),
};

/**
 * M ⊗ M, row by row: G ⊗ G [t², r²] makes the t² numbers of a transformed kernel from its r², Aᵀ ⊗ Aᵀ [m², t²] makes
 * m×m results from t² sums.
 */
export function onBothAxes(matrix: Matrix): number[] {
  return matrix.flatMap((row) => matrix.flatMap((column) => row.flatMap((a) => column.map((b) => a * b))));
}

/** Scratch bytes: transformed inputs, then the products of one panel. */
export function winogradScratch({ tiles: [rows, columns], size }: WinogradConvAttrs, C: number): number {
  return FILTERINGS[size].inputs ** 2 * rows * columns * (C * 4 + PANEL_BYTES) + 64;
}

export function winogradKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const [x, weights] = root.inputs;
  const { tiles, size } = root.attrs as WinogradConvAttrs;
  const { inputs: t, outputs: m, input: toInputs, output: toOutputs } = FILTERINGS[size];
  const [, H, W, C] = x.shape;
  const [, P, Q, O] = root.shape;
  const T = tiles[0] * tiles[1];
  const products = f.let(addI(kernel.scratch, t * t * T * C * 4));

  f.for(begin, end, 1, (n) => {
    // Bᵀ x B of every tile, to t² matrices [T, C]
    const image = f.let(addI(kernel.pointer(x), mulI(n, H * W * C * 4)));
    overTiles(kernel, tiles, (row, column, tile) => {
      const from = f.let(addI(image, mulI(addI(mulI(row, m * W), mulI(column, m)), C * 4)));
      const to = f.let(addI(kernel.scratch, mulI(tile, C * 4)));
      f.for(0, C * 4, 16, (c) => {
        const [source, target] = [f.let(addI(from, c)), f.let(addI(to, c))];
        transformTile(
          kernel,
          toInputs,
          t,
          (i, j) => load(source, (i * W + j) * C * 4),
          (i, j, value) => f.store(target, value, (i * t + j) * T * C * 4),
        );
      });
    });

    f.for(0, O * 4, PANEL_BYTES, (channel) => {
      const panel = f.let(addI(kernel.pointer(weights), mulI(channel, t * t * C)));
      f.for(0, t * t, 1, (position) => {
        const matrix = f.let(addI(panel, mulI(position, C * PANEL_BYTES)));
        const inputs = f.let(addI(kernel.scratch, mulI(position, T * C * 4)));
        const output = f.let(addI(products, mulI(position, T * PANEL_BYTES)));
        for (const run of runsOf(evenPieces(T, kernel.target.accumulators / 2))) {
          f.for(run.from, run.from + run.count * run.size, run.size, (tile) => {
            const totals = Array.from({ length: run.size * 2 }, () => f.local("v128", splatConst(0)));
            const row = { pixel: C * 4, columns: 1, column: C * 4, depth: C, weightStep: PANEL_BYTES };
            taps(kernel, totals, 2, f.let(addI(inputs, mulI(tile, C * 4))), matrix, row);
            const at = f.let(addI(output, mulI(tile, PANEL_BYTES)));
            totals.forEach((total, i) => {
              f.store(at, total, i * 16);
            });
          });
        }
      });
      // Aᵀ (products) A of every tile
      overTiles(kernel, tiles, (row, column, tile) => {
        const from = f.let(addI(products, mulI(tile, PANEL_BYTES)));
        const pixel = addI(mulI(addI(mulI(n, P), mulI(row, m)), Q), mulI(column, m));
        const out = f.let(addI(mulI(pixel, O * 4), channel));
        for (const half of [0, 16]) {
          transformTile(
            kernel,
            toOutputs,
            t,
            (i, j) => load(from, (i * t + j) * T * PANEL_BYTES + half),
            (a, b, value) => {
              const finish = (): void => kernel.finish(value, out, channel, half, 4, (a * Q + b) * O * 4);
              inside(f, mulI(column, m), b, Q, m, () => inside(f, mulI(row, m), a, P, m, finish));
            },
          );
        }
      });
    });
  });
}

/** Loops over tiles; `visit` gets row, column and number. */
export function overTiles(
  { f }: Kernel,
  [rows, columns]: readonly number[],
  visit: (row: I32, column: I32, tile: I32) => void,
): void {
  f.for(0, rows, 1, (row) => {
    f.for(0, columns, 1, (column) => visit(row, column, f.let(addI(mulI(row, columns), column))));
  });
}

/** Runs `body` where `first + step` is below the limit; the last tile reaches beyond a size that m does not divide. */
function inside(f: Func, first: I32, step: number, limit: number, m: number, body: () => void): void {
  const beyond = limit % m !== 0 && step >= limit % m;
  if (beyond) f.if(ltS(addI(first, step), limit), body);
  else body();
}

/** M X Mᵀ of the size × size vectors that `read` gives; `write` gets the results, column by column. */
export function transformTile(
  { f, isa }: Kernel,
  matrix: Matrix,
  size: number,
  read: (row: number, column: number) => V128,
  write: (row: number, column: number, value: V128) => void,
): void {
  const positions = Array.from({ length: size }, (_, i) => i);
  const rows = positions.map((i) =>
    transform(
      f,
      isa,
      matrix,
      positions.map((j) => read(i, j)),
    ),
  );
  matrix.forEach((_, j) => {
    transform(
      f,
      isa,
      matrix,
      rows.map((values) => values[j]),
    ).forEach((value, i) => {
      write(i, j, value);
    });
  });
}

/** One matrix times a column of vectors; factors 0 and ±1 cost no multiplication. */
function transform(f: Func, isa: Isa, matrix: Matrix, column: readonly V128[]): V128[] {
  const values = column.map((value) => f.let(value));
  return matrix.map((row) => {
    const terms = row.flatMap((factor, i) => (factor === 0 ? [] : [{ factor, value: values[i] }]));
    // A term with a plain plus first, so that nothing needs to be negated.
    const start = Math.max(
      0,
      terms.findIndex(({ factor }) => factor === 1),
    );
    const [first] = terms.splice(start, 1);
    let sum: V128 = first.factor === 1 ? first.value : v.mul(first.value, splatConst(first.factor));
    for (const { factor, value } of terms) {
      if (factor === 1) sum = v.add(sum, value);
      else if (factor === -1) sum = v.sub(sum, value);
      else sum = isa.madd(value, splatConst(factor), sum);
    }
    return f.let(sum);
  });
}

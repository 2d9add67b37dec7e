/**
 * Winograd's method for the weight gradient of a convolution of stride 1: the r×r numbers of dw are the "outputs" of
 * F(r×r, m×m), with m×m tiles of the output's gradient for weights. The sum over tiles and samples is taken between the
 * transforms, so that the last one, Aᵀ … A, is left to a product of its own (legalize.ts):
 *
 *     dw = Aᵀ [ Σ (G g Gᵀ) ⊙ (Bᵀ x B) ] A
 *
 * For each sample, the tiles of input and gradient are transformed into scratch memory as t² matrices [tiles, C] and
 * [tiles, O]; the product of each pair is added to the t² matrices [C, O] of the result. See winograd.ts.
 */
import { addI, type I32, load, mulI, splatConst, subI, v } from "../assembler.ts";
import type { WinogradWeightGradAttrs } from "../legalize.ts";
import { outerProducts } from "./conv-weight-grad.ts";
import { evenPieces, type Kernel, runsOf } from "./kernel.ts";
import { type Matrix, overTiles, transformTile, WEIGHT_GRAD_FILTERINGS } from "./winograd.ts";

/** Scratch bytes: transformed tiles of input and gradient. */
export function winogradWeightGradScratch(
  { tiles: [rows, columns], size }: WinogradWeightGradAttrs,
  C: number,
  O: number,
): number {
  return WEIGHT_GRAD_FILTERINGS[size].inputs ** 2 * rows * columns * (C + O) * 4 + 64;
}

export function winogradWeightGradKernel(kernel: Kernel): void {
  const { f, root, begin, end, group } = kernel;
  const [x, g] = root.inputs;
  const { tiles, size } = root.attrs as WinogradWeightGradAttrs;
  const filtering = WEIGHT_GRAD_FILTERINGS[size];
  const t = filtering.inputs;
  const m = t - filtering.outputs + 1; // rows of a tile of the gradient
  const [N, , , C] = x.shape;
  const O = g.shape[3];
  const T = tiles[0] * tiles[1];
  const partial = group.split === "partial";
  const [xTiles, gTiles] = [kernel.scratch, f.let(addI(kernel.scratch, t * t * T * C * 4))];

  /** Transforms all tiles of one sample, four channels at a time, to t² matrices [T, channels]. */
  const transformAll = (image: I32, shape: readonly number[], side: number, matrix: Matrix, into: I32): void => {
    const [, , W, channels] = shape;
    overTiles(kernel, tiles, (row, column, tile) => {
      const from = f.let(addI(image, mulI(addI(mulI(row, m * W), mulI(column, m)), channels * 4)));
      const to = f.let(addI(into, mulI(tile, channels * 4)));
      f.for(0, channels * 4, 16, (c) => {
        const [source, target] = [f.let(addI(from, c)), f.let(addI(to, c))];
        transformTile(
          kernel,
          matrix,
          side,
          (i, j) => load(source, (i * W + j) * channels * 4),
          (i, j, value) => f.store(target, value, (i * t + j) * T * channels * 4),
        );
      });
    });
  };

  // A partial sum comes zeroed (program.ts); else this range of positions is summed here, over all samples.
  const bytes = C * O * 4;
  if (!partial) f.zero(addI(kernel.pointer(root), mulI(begin, bytes)), mulI(subI(end, begin), bytes));
  f.for(partial ? begin : 0, partial ? end : N, 1, (n) => {
    const imageOf = (tensor: typeof x): I32 =>
      f.let(addI(kernel.pointer(tensor), mulI(n, (tensor.size / tensor.shape[0]) * 4)));
    transformAll(imageOf(x), x.shape, t, filtering.input, xTiles);
    transformAll(imageOf(g), g.shape, m, filtering.weight, gTiles);
    f.for(partial ? 0 : begin, partial ? t * t : end, 1, (position) => {
      const left = f.let(addI(xTiles, mulI(position, T * C * 4)));
      const right = f.let(addI(gTiles, mulI(position, T * O * 4)));
      const sums = f.let(addI(kernel.pointer(root), mulI(position, bytes)));
      for (const run of runsOf(evenPieces(C, kernel.target.accumulators / 2))) {
        f.for(run.from, run.from + run.count * run.size, run.size, (c) => {
          f.for(0, O * 4, 32, (o) => {
            const at = f.let(addI(sums, addI(mulI(c, O * 4), o)));
            const tile = Array.from({ length: run.size * 2 }, () => f.local("v128", splatConst(0)));
            outerProducts(kernel, tile, 2, {
              x: addI(left, mulI(c, 4)),
              g: addI(right, o),
              length: T,
              xStep: C * 4,
              gStep: O * 4,
              xOffset: (tap) => tap * 4,
            });
            tile.forEach((total, i) => {
              const offset = Math.floor(i / 2) * O * 4 + (i % 2) * 16;
              f.store(at, v.add(load(at, offset), total), offset);
            });
          });
        });
      }
    });
  });
}

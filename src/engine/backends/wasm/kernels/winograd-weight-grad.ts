/**
 * Winograd's method for the weight gradient of a convolution of stride 1: the r×r numbers of dw are the "outputs" of
 * F(r×r, m×m), with m×m tiles of the output's gradient for weights. The sum over tiles and samples is taken between the
 * transforms, so that the last one, Aᵀ … A, is left to a product of its own (legalize.ts):
 *
 *     dw = Aᵀ [ Σ (G g Gᵀ) ⊙ (Bᵀ x B) ] A
 *
 * A few samples at a time, the tiles of input and gradient are transformed into scratch memory as t² matrices [tiles, C]
 * and [tiles, O]; the product of each pair is added to the t² matrices [C, O] of the result. See winograd.ts.
 */
import type { Tensor } from "../../../tensor.ts";
import { addI, type I32, i32, load, minS, mulI, splatConst, subI, v } from "../assembler.ts";
import type { WinogradWeightGradAttrs } from "../legalize.ts";
import { outerProducts } from "./conv-weight-grad.ts";
import { TRANSFORM_BYTES, transformTile, weightGradTiling } from "./filtering.ts";
import { evenPieces, type Kernel, runsOf } from "./kernel.ts";
import { overTiles, samplesTogether } from "./winograd.ts";

/** What is known of one weight gradient; T tiles a sample. */
function geometry({ inputs: [x, g], attrs }: Tensor) {
  const [, P, Q, O] = g.shape;
  const C = x.shape[3];
  const tiling = weightGradTiling((attrs as WinogradWeightGradAttrs).size, P, Q);
  const T = tiling.rows * tiling.columns;
  return { tiling, T, C, O, samples: samplesTogether(tiling.positions * T * (C + O) * 4) };
}

/** Scratch bytes: transformed tiles of input and gradient, one tile on its way. */
export function winogradWeightGradScratch(root: Tensor): number {
  const { tiling, T, C, O, samples } = geometry(root);
  return tiling.positions * T * samples * (C + O) * 4 + TRANSFORM_BYTES;
}

export function winogradWeightGradKernel(kernel: Kernel): void {
  const { f, root, begin, end, group } = kernel;
  const [x, g] = root.inputs;
  const { tiling, T, C, O, samples } = geometry(root);
  const { filtering, side, positions } = tiling;
  const partial = group.split === "partial";
  const buffer = kernel.scratch;
  const xTiles = f.let(addI(buffer, TRANSFORM_BYTES));
  const gTiles = f.let(addI(xTiles, positions * T * samples * C * 4));

  /** Transforms the tiles of some samples, four channels at a time, to t² matrices [tiles, channels]. */
  const transformAll = (source: Tensor, first: I32, count: I32, matrices: "input" | "weight", into: I32): void => {
    const [, H, W, channels] = source.shape;
    const matrixBytes = T * samples * channels * 4;
    overTiles(kernel, count, tiling, (n, row, column, tile) => {
      const image = addI(kernel.pointer(source), mulI(addI(first, n), H * W * channels * 4));
      const from = f.let(addI(image, mulI(addI(mulI(row, side * W), mulI(column, side)), channels * 4)));
      const to = f.let(addI(into, mulI(tile, channels * 4)));
      f.for(0, channels * 4, 16, (c) => {
        const [tileFrom, tileTo] = [f.let(addI(from, c)), f.let(addI(to, c))];
        transformTile(
          kernel,
          filtering[matrices],
          buffer,
          (i, j) => load(addI(tileFrom, mulI(i, W * channels * 4)), j * channels * 4),
          (i, j, value) => f.store(addI(tileTo, mulI(j, matrixBytes)), value, i * filtering.inputs * matrixBytes),
        );
      });
    });
  };

  // A partial sum comes zeroed (program.ts); else this range of positions is summed here, over all samples.
  const bytes = C * O * 4;
  if (!partial) f.zero(addI(kernel.pointer(root), mulI(begin, bytes)), mulI(subI(end, begin), bytes));
  const last = partial ? end : i32(x.shape[0]);
  f.for(partial ? begin : 0, last, samples, (first) => {
    const count = f.let(minS(f.let(subI(last, first)), i32(samples)));
    transformAll(x, first, count, "input", xTiles);
    transformAll(g, first, count, "weight", gTiles);
    const rows = f.let(mulI(count, T));
    f.for(partial ? 0 : begin, partial ? positions : end, 1, (position) => {
      const left = f.let(addI(xTiles, mulI(position, T * samples * C * 4)));
      const right = f.let(addI(gTiles, mulI(position, T * samples * O * 4)));
      const sums = f.let(addI(kernel.pointer(root), mulI(position, bytes)));
      for (const run of runsOf(evenPieces(C, kernel.target.accumulators / 2))) {
        f.for(run.from, run.from + run.count * run.size, run.size, (c) => {
          f.for(0, O * 4, 32, (o) => {
            const at = f.let(addI(sums, addI(mulI(c, O * 4), o)));
            const tile = Array.from({ length: run.size * 2 }, () => f.local("v128", splatConst(0)));
            outerProducts(kernel, tile, 2, {
              x: addI(left, mulI(c, 4)),
              g: addI(right, o),
              length: rows,
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

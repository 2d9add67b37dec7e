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

import type { WinogradWeightGradAttrs } from "../../../lower/convolutions.ts";
import { weightGradTiling } from "../../../lower/filtering.ts";
import { evenPieces, runsOf } from "../../../lower/pieces.ts";
import type { Tensor } from "../../../tensor.ts";
import { addI, i32, load, minS, mulI, subI, v } from "../assembler.ts";
import { outerProducts } from "./conv-weight-grad.ts";
import type { Kernel } from "./kernel.ts";
import { TRANSFORM_BYTES } from "./transform.ts";
import { matrixDistance, samplesTogether, toMatrices } from "./winograd.ts";

/** What is known of one weight gradient; T tiles a sample. */
function geometry({ inputs: [x, g], attrs }: Tensor) {
  const [, P, Q, O] = g.shape;
  const C = x.shape[3];
  const tiling = weightGradTiling((attrs as WinogradWeightGradAttrs).size, P, Q);
  const T = tiling.rows * tiling.columns;
  const samples = samplesTogether(tiling.positions * T * (C + O) * 4);
  const [xMatrixBytes, gMatrixBytes] = [C, O].map((columns) => matrixDistance(T * samples * columns));
  return { tiling, T, C, O, samples, xMatrixBytes, gMatrixBytes };
}

/** Scratch bytes: transformed tiles of input and gradient, one tile on its way. */
export function winogradWeightGradScratch(root: Tensor): number {
  const { tiling, xMatrixBytes, gMatrixBytes } = geometry(root);
  return tiling.positions * (xMatrixBytes + gMatrixBytes) + TRANSFORM_BYTES;
}

export function winogradWeightGradKernel(kernel: Kernel): void {
  const { f, root, begin, end, group, target } = kernel;
  const [x, g] = root.inputs;
  const { tiling, T, C, O, samples, xMatrixBytes, gMatrixBytes } = geometry(root);
  const { filtering, positions } = tiling;
  const partial = group.split === "partial";
  const vectors = O % 16 === 0 ? 2 * target.joined : 2;
  const buffer = kernel.scratch;
  const xTiles = f.let(addI(buffer, TRANSFORM_BYTES));
  const gTiles = f.let(addI(xTiles, positions * xMatrixBytes));

  // A partial sum comes zeroed (program.ts); else this range of positions is summed here, over all samples.
  const bytes = C * O * 4;
  if (!partial) f.zero(addI(kernel.pointer(root), mulI(begin, bytes)), mulI(subI(end, begin), bytes));
  const last = partial ? end : i32(x.shape[0]);
  f.for(partial ? begin : 0, last, samples, (first) => {
    const count = f.let(minS(f.let(subI(last, first)), i32(samples)));
    toMatrices(
      kernel,
      { tensor: x, first, count, tiling, areFar: true },
      filtering.input,
      buffer,
      xTiles,
      xMatrixBytes,
    );
    toMatrices(kernel, { tensor: g, first, count, tiling }, filtering.weight, buffer, gTiles, gMatrixBytes);
    const rows = f.let(mulI(count, T));
    f.for(partial ? 0 : begin, partial ? positions : end, 1, (position) => {
      const left = f.let(addI(xTiles, mulI(position, xMatrixBytes)));
      const right = f.let(addI(gTiles, mulI(position, gMatrixBytes)));
      const sums = f.let(addI(kernel.pointer(root), mulI(position, bytes)));
      for (const run of runsOf(evenPieces(C, target.accumulators / vectors))) {
        f.for(run.from, run.from + run.count * run.size, run.size, (c) => {
          f.for(0, O * 4, vectors * 16, (o) => {
            const at = f.let(addI(sums, addI(mulI(c, O * 4), o)));
            const tile = kernel.zeros(run.size * vectors);
            outerProducts(kernel, tile, vectors, {
              x: addI(left, mulI(c, 4)),
              g: addI(right, o),
              length: rows,
              xStep: C * 4,
              gStep: O * 4,
              xOffset: (tap) => tap * 4,
            });
            f.together((held) => {
              tile.forEach((total, i) => {
                const offset = Math.floor(i / vectors) * O * 4 + (i % vectors) * 16;
                held.store(at, v.add(load(at, offset), total), offset);
              });
            });
          });
        });
      }
    });
  });
}

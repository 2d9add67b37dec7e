/**
 * Winograd's method backwards: the gradient of a convolution's input is the adjoint of winograd.ts, step by step, with the
 * forward pass's tiles of outputs and transformed weights:
 *
 *     dx = Σ over tiles, each at its place, of B [ (G w Gᵀ) ⊙ (A g Aᵀ) ] Bᵀ
 *
 * The tiles of inputs overlap, so they are added up in scratch memory, a panel of channels of one sample at a time, before
 * results are finished. With 5×5 kernels it needs less than half of the multiplications of a convolution with turned
 * weights, which would spend most of them on the zeros around g.
 */

import { PANEL, type WinogradInputGradAttrs } from "../../../lower/convolutions.ts";
import { outputTiling, transposed } from "../../../lower/filtering.ts";
import type { Tensor } from "../../../tensor.ts";
import { addI, i32, load, minS, mulI, subI, v } from "../assembler.ts";
import type { Kernel } from "./kernel.ts";
import { TRANSFORM_BYTES, transformTiles } from "./transform.ts";
import {
  halvesOfPanel,
  matrixDistance,
  overPanels,
  PANEL_BYTES,
  PANELS,
  samplesTogether,
  shares,
  toMatrices,
} from "./winograd.ts";

/** What is known of one input gradient; T tiles a sample. */
function geometry({ inputs: [g], shape: [, H, W, C], attrs }: Tensor) {
  const { size, padding } = attrs as WinogradInputGradAttrs;
  const [, P, Q, O] = g.shape;
  const tiling = outputTiling(size, P, Q);
  const T = tiling.rows * tiling.columns;
  // Where tiles are added up: all that they reach and all that is asked for.
  const extent = [H, W].map((length, axis) =>
    Math.max(tiling.side * [tiling.rows, tiling.columns][axis] + size - 1, length + padding[2 * axis]),
  );
  const samples = samplesTogether(tiling.positions * T * O * 4);
  const [matrixBytes, productBytes] = [O, PANEL].map((columns) => matrixDistance(T * samples * columns));
  return { tiling, T, O, H, W, C, top: padding[0], left: padding[2], extent, samples, matrixBytes, productBytes };
}

/** Scratch bytes: transformed gradients, the products of one panel, the sums of one sample, one tile on its way. */
export function winogradInputGradScratch(root: Tensor): number {
  const { tiling, extent, matrixBytes, productBytes } = geometry(root);
  const tiles = tiling.positions * (matrixBytes + PANELS * productBytes);
  return tiles + extent[0] * extent[1] * PANEL_BYTES + TRANSFORM_BYTES;
}

export function winogradInputGradKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [g, weights] = root.inputs;
  const { tiling, T, O, H, W, C, top, left, extent, samples, matrixBytes, productBytes } = geometry(root);
  const { filtering, side, positions, rows, columns } = tiling;
  const t = filtering.inputs;
  const [fromGradient, toInput] = [transposed(filtering.output), transposed(filtering.input)];
  const buffer = kernel.scratch;
  const gradients = f.let(addI(buffer, TRANSFORM_BYTES));
  const products = f.let(addI(gradients, positions * matrixBytes));
  const sums = f.let(addI(products, PANELS * positions * productBytes));
  const sumRow = extent[1] * PANEL_BYTES;

  const { batch, channels } = shares(kernel);
  f.for(batch.from, batch.to, samples, (first) => {
    const count = f.let(minS(f.let(subI(batch.to, first)), i32(samples)));
    // A g Aᵀ of every tile, to matrices [tiles, O]
    toMatrices(kernel, { tensor: g, first, count, tiling }, fromGradient, buffer, gradients, matrixBytes);

    const matrices = { positions, depth: O, samples: count, tiles: T, matrixBytes, productBytes };
    overPanels(kernel, channels, kernel.pointer(weights), { ...matrices, left: gradients, products }, (c, made) => {
      const channel = f.let(mulI(c, 4));
      f.for(0, count, 1, (n) => {
        f.zero(sums, i32(extent[0] * sumRow));
        const own = f.let(addI(made, mulI(n, T * PANEL_BYTES)));
        // B (products) Bᵀ of every tile, added at its place
        f.for(0, rows, 1, (row) => {
          f.for(0, columns, 1, (column) => {
            const from = f.let(addI(own, mulI(addI(mulI(row, columns), column), PANEL_BYTES)));
            const place = f.let(addI(sums, addI(mulI(row, side * sumRow), mulI(column, side * PANEL_BYTES))));
            for (const halves of halvesOfPanel(kernel)) {
              transformTiles(
                kernel,
                toInput,
                halves.length,
                buffer,
                { start: from, offset: halves[0], row: t * productBytes, column: productBytes },
                (i, j, values) => {
                  const at = f.let(addI(place, mulI(j, PANEL_BYTES)));
                  f.together((held) => {
                    for (const [h, half] of halves.entries()) {
                      held.store(at, v.add(load(at, i * sumRow + half), values[h]), i * sumRow + half);
                    }
                  });
                },
              );
            }
          });
        });
        f.for(0, H, 1, (h) => {
          const from = f.let(addI(sums, addI(mulI(addI(h, top), sumRow), i32(left * PANEL_BYTES))));
          const out = f.let(addI(mulI(addI(mulI(addI(first, n), H), h), W * C * 4), channel));
          f.for(0, W, 1, (w) => {
            const source = f.let(addI(from, mulI(w, PANEL_BYTES)));
            const at = f.let(addI(out, mulI(w, C * 4)));
            f.together((held) => kernel.finishAll(held, [load(source), load(source, 16)], at, channel));
          });
        });
      });
    });
  });
}

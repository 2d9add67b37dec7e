/**
 * Winograd's minimal filtering for convolutions of stride 1 (Lavin & Gray, arXiv 1509.09308): F(m×m, r×r) makes an m×m
 * tile of outputs from a t×t tile of inputs, t = m + r − 1, with t² multiplications instead of m²r².
 *
 *     y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A
 *
 * The weights come transformed (legalize.ts). A few samples at a time, all input tiles are transformed into scratch memory
 * as t² matrices [tiles, C]; each is multiplied with its [C, panel] of the weights; the products are transformed back and
 * finished. The matrices are those of filtering.ts.
 */
import type { Tensor } from "../../../tensor.ts";
import { addI, type I32, i32, load, ltS, minS, mulI, splatConst, subI } from "../assembler.ts";
import { PANEL, type WinogradConvAttrs } from "../legalize.ts";
import { taps } from "./conv.ts";
import { outputTiling, TRANSFORM_BYTES, transformTile } from "./filtering.ts";
import type { Domain, Kernel } from "./kernel.ts";
import { tiles as inSteps } from "./matmul.ts";

/** One row of a panel of weights, or of products. */
export const PANEL_BYTES = PANEL * 4;

/** What the transformed tiles of a few samples may take of a core's cache, in bytes. */
const BLOCK_BYTES = 256 * 1024;

/** Samples that are transformed together: few tiles a sample still make long matrices. */
export const samplesTogether = (bytesPerSample: number): number =>
  Math.max(1, Math.min(8, Math.floor(BLOCK_BYTES / bytesPerSample)));

/** What is known of one convolution; T tiles a sample. */
function geometry({ inputs: [x], shape: [, P, Q, O], attrs }: Tensor) {
  const tiling = outputTiling((attrs as WinogradConvAttrs).size, P, Q);
  const T = tiling.rows * tiling.columns;
  const C = x.shape[3];
  return { tiling, T, C, P, Q, O, samples: samplesTogether(tiling.positions * T * C * 4) };
}

/** Fewer samples than this are not shared between threads: each then takes some channels of all of them. */
const FEW = 8;

/** What threads share when a group does not follow the batch: samples, or channels of a few. */
export function winogradDomain({ shape: [samples, , , channels] }: Kernel["group"]): Domain {
  return samples < FEW ? { size: channels, unit: PANEL } : { size: samples, unit: 1 };
}

/** The samples and the output channels that a call of a kernel is about. */
export function shares({ group, root, begin, end }: Kernel): { readonly batch: Extent; readonly channels: Extent } {
  const [samples, , , channels] = root.shape;
  const mine = { from: begin, to: end };
  const all = (to: number): Extent => ({ from: i32(0), to: i32(to) });
  if (group.split === "range" && samples < FEW) return { batch: all(samples), channels: mine };
  return { batch: mine, channels: all(channels) };
}

interface Extent {
  readonly from: I32;
  readonly to: I32;
}

/** Scratch bytes: transformed inputs, the products of one panel, one tile on its way. */
export function winogradScratch(root: Tensor): number {
  const { tiling, T, C, samples } = geometry(root);
  return tiling.positions * T * samples * (C * 4 + PANEL_BYTES) + TRANSFORM_BYTES;
}

export function winogradKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [x, weights] = root.inputs;
  const { tiling, T, C, P, Q, O, samples } = geometry(root);
  const { filtering, side, positions } = tiling;
  const [, H, W] = x.shape;
  const buffer = kernel.scratch;
  const inputs = f.let(addI(buffer, TRANSFORM_BYTES));
  // Matrices of inputs lie this far apart, those of products PANEL / C of it.
  const matrixBytes = T * samples * C * 4;
  const productBytes = T * samples * PANEL_BYTES;
  const products = f.let(addI(inputs, positions * matrixBytes));

  const { batch, channels } = shares(kernel);
  f.for(batch.from, batch.to, samples, (first) => {
    const count = f.let(minS(f.let(subI(batch.to, first)), i32(samples)));
    // Bᵀ x B of every tile, to t² matrices [tiles, C]
    overTiles(kernel, count, tiling, (n, row, column, tile) => {
      const image = addI(kernel.pointer(x), mulI(addI(first, n), H * W * C * 4));
      const from = f.let(addI(image, mulI(addI(mulI(row, side * W), mulI(column, side)), C * 4)));
      const to = f.let(addI(inputs, mulI(tile, C * 4)));
      f.for(0, C * 4, 16, (c) => {
        const [source, target] = [f.let(addI(from, c)), f.let(addI(to, c))];
        transformTile(
          kernel,
          filtering.input,
          buffer,
          (i, j) => load(addI(source, mulI(i, W * C * 4)), j * C * 4),
          (i, j, value) => f.store(addI(target, mulI(j, matrixBytes)), value, i * filtering.inputs * matrixBytes),
        );
      });
    });

    const rows = f.let(mulI(count, T));
    f.for(channels.from, channels.to, PANEL, (o) => {
      const channel = f.let(mulI(o, 4));
      const panel = f.let(addI(kernel.pointer(weights), mulI(channel, positions * C)));
      const matrices = { positions, depth: C, rows, matrixBytes, productBytes };
      multiplyTiles(kernel, matrices, { left: inputs, panel, products });
      // Aᵀ (products) A of every tile
      overTiles(kernel, count, tiling, (n, row, column, tile) => {
        const from = f.let(addI(products, mulI(tile, PANEL_BYTES)));
        const pixel = addI(mulI(addI(mulI(addI(first, n), P), mulI(row, side)), Q), mulI(column, side));
        const out = f.let(addI(mulI(pixel, O * 4), channel));
        for (const half of [0, 16]) {
          transformTile(
            kernel,
            filtering.output,
            buffer,
            (i, j) => load(addI(from, mulI(i, filtering.inputs * productBytes)), j * productBytes + half),
            (a, b, value) => {
              const at = f.let(addI(out, mulI(b, O * 4)));
              const finish = (): void => kernel.finish(value, at, channel, half, 4, a * Q * O * 4);
              // The last tile may reach beyond the picture.
              const whole = P % side === 0 || a < P % side;
              const inRow = (): void => (whole ? finish() : f.if(ltS(addI(mulI(row, side), a), P), finish));
              if (Q % side === 0) inRow();
              else f.if(ltS(addI(mulI(column, side), b), Q), inRow);
            },
          );
        }
      });
    });
  });
}

/** Matrices of transformed tiles, one for each position, and their products with a panel of weights. */
interface TileMatrices {
  readonly positions: number;
  readonly depth: number;
  /** Rows in use: tiles of the samples at hand. */
  readonly rows: I32;
  /** Bytes from one matrix to the next, and from one product to the next. */
  readonly matrixBytes: number;
  readonly productBytes: number;
}

/** products = left · panel, for every position: [rows, depth] · [depth, PANEL]. */
export function multiplyTiles(
  kernel: Kernel,
  { positions, depth, rows, matrixBytes, productBytes }: TileMatrices,
  { left, panel, products }: { readonly left: I32; readonly panel: I32; readonly products: I32 },
): void {
  const { f } = kernel;
  f.for(0, positions, 1, (position) => {
    const matrix = f.let(addI(panel, mulI(position, depth * PANEL_BYTES)));
    const from = f.let(addI(left, mulI(position, matrixBytes)));
    const output = f.let(addI(products, mulI(position, productBytes)));
    inSteps(kernel, { from: i32(0), to: rows }, kernel.target.accumulators / 2, (tile, pixels) => {
      const totals = Array.from({ length: pixels * 2 }, () => f.local("v128", splatConst(0)));
      const row = { pixel: depth * 4, columns: 1, column: depth * 4, depth, weightStep: PANEL_BYTES };
      taps(kernel, totals, 2, f.let(addI(from, mulI(tile, depth * 4))), matrix, row);
      const at = f.let(addI(output, mulI(tile, PANEL_BYTES)));
      totals.forEach((total, i) => {
        f.store(at, total, i * 16);
      });
    });
  });
}

/** Loops over the tiles of some samples; `visit` gets the sample, counted from 0, row, column and number. */
export function overTiles(
  { f }: Kernel,
  samples: I32,
  { rows, columns }: { readonly rows: number; readonly columns: number },
  visit: (n: I32, row: I32, column: I32, tile: I32) => void,
): void {
  const tile = f.local("i32", i32(0));
  f.for(0, samples, 1, (n) => {
    f.for(0, rows, 1, (row) => {
      f.for(0, columns, 1, (column) => {
        visit(n, row, column, tile);
        f.set(tile, addI(tile, 1));
      });
    });
  });
}

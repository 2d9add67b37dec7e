/**
 * Winograd's minimal filtering for convolutions of stride 1 (Lavin & Gray, arXiv 1509.09308): F(m×m, r×r) makes an m×m
 * tile of outputs from a t×t tile of inputs, t = m + r − 1, with t² multiplications instead of m²r².
 *
 *     y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A
 *
 * The weights come transformed (legalize.ts). A few samples at a time, all input tiles are transformed into scratch memory
 * as t² matrices [tiles, C]; each is multiplied with its [C, panel] of the weights; the products are transformed back and
 * finished. The matrices are those of lower/filtering.ts.
 */

import { PANEL, type WinogradConvAttrs } from "../../../lower/convolutions.ts";
import { type Matrix, outputTiling, type Tiling } from "../../../lower/filtering.ts";
import type { Tensor } from "../../../tensor.ts";
import { addI, eqI, type I32, i32, leS, ltS, minS, mulI, subI } from "../assembler.ts";
import { inPanels, taps } from "./conv.ts";
import { type Domain, type Kernel, readAhead } from "./kernel.ts";
import { inPieces } from "./matmul.ts";
import { TRANSFORM_BYTES, transformTiles } from "./transform.ts";

/** One row of a panel of weights, or of products. */
export const PANEL_BYTES = PANEL * 4;

/** What the transformed tiles of a few samples may take of a core's cache, in bytes. */
const BLOCK_BYTES = 256 * 1024;

/** Samples that are transformed together: few tiles a sample still make long matrices. */
export const samplesTogether = (bytesPerSample: number): number =>
  Math.max(1, Math.min(8, Math.floor(BLOCK_BYTES / bytesPerSample)));

/**
 * Bytes from one matrix to the next, of so many numbers each: an odd number of cache lines, or the t² numbers that a tile becomes could all
 * fall into one set of the cache (16 tiles of 64 channels are 4 KiB).
 */
export const matrixDistance = (numbers: number): number => (Math.ceil(numbers / 16) | 1) * 64;

/** What is known of one convolution; T tiles a sample. */
function geometry({ inputs: [x], shape: [, P, Q, O], attrs }: Tensor) {
  const tiling = outputTiling((attrs as WinogradConvAttrs).size, P, Q);
  const T = tiling.rows * tiling.columns;
  const C = x.shape[3];
  const samples = samplesTogether(tiling.positions * T * C * 4);
  const [matrixBytes, productBytes] = [C, PANEL].map((columns) => matrixDistance(T * samples * columns));
  return { tiling, T, C, P, Q, O, samples, matrixBytes, productBytes };
}

/** Fewer samples than this are not shared between threads: each then takes some channels of all of them. */
const FEW = 8;

/** What threads share when a group does not follow the batch: samples, or channels of a few. */
export function winogradDomain({ shape: [samples, , , channels] }: Kernel["group"]): Domain {
  return samples < FEW ? { size: channels, unit: PANEL } : { size: samples, unit: 1 };
}

/** The samples and the output channels that a call of a kernel is about. */
export function shares({ group, root, begin, end }: Kernel): { readonly batch: Extent; readonly channels: Channels } {
  const [samples, , , channels] = root.shape;
  const mine = { from: begin, to: end };
  const all = (to: number): Extent => ({ from: i32(0), to: i32(to) });
  if (group.split === "range" && samples < FEW) return { batch: all(samples), channels: { ...mine, unit: PANEL } };
  return { batch: mine, channels: { ...all(channels), unit: channels } };
}

interface Extent {
  readonly from: I32;
  readonly to: I32;
}

/** Channels, a multiple of so many. */
interface Channels extends Extent {
  readonly unit: number;
}

/** Panels that are multiplied together at most: as many as fill two registers of the widest engine. */
export const PANELS = 2;

/** Scratch bytes: transformed inputs, the products of some panels, one tile on its way. */
export function winogradScratch(root: Tensor): number {
  const { tiling, matrixBytes, productBytes } = geometry(root);
  return tiling.positions * (matrixBytes + PANELS * productBytes) + TRANSFORM_BYTES;
}

export function winogradKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [x, weights] = root.inputs;
  const { tiling, T, C, P, Q, O, samples, matrixBytes, productBytes } = geometry(root);
  const { filtering, side, positions } = tiling;
  const buffer = kernel.scratch;
  const inputs = f.let(addI(buffer, TRANSFORM_BYTES));
  const products = f.let(addI(inputs, positions * matrixBytes));

  const { batch, channels } = shares(kernel);
  f.for(batch.from, batch.to, samples, (first) => {
    const count = f.let(minS(f.let(subI(batch.to, first)), i32(samples)));
    // Bᵀ x B of every tile, to t² matrices [tiles, C]
    toMatrices(kernel, { tensor: x, first, count, tiling }, filtering.input, buffer, inputs, matrixBytes);

    const matrices = { positions, depth: C, samples: count, tiles: T, matrixBytes, productBytes };
    overPanels(kernel, channels, kernel.pointer(weights), { ...matrices, left: inputs, products }, (o, own) => {
      const channel = f.let(mulI(o, 4));
      // Aᵀ (products) A of every tile
      overTiles(kernel, count, tiling, (n, row, column, tile) => {
        const from = f.let(addI(own, mulI(tile, PANEL_BYTES)));
        const pixel = addI(mulI(addI(mulI(addI(first, n), P), mulI(row, side)), Q), mulI(column, side));
        const out = f.let(addI(mulI(pixel, O * 4), channel));
        for (const halves of halvesOfPanel(kernel)) {
          transformTiles(
            kernel,
            filtering.output,
            halves.length,
            buffer,
            { start: from, offset: halves[0], row: filtering.inputs * productBytes, column: productBytes },
            (a, b, values) => {
              const at = f.let(addI(out, mulI(b, O * 4)));
              const finish = (): void =>
                f.together((held) => kernel.finishAll(held, values, at, channel, 4, halves[0], a * Q * O * 4));
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

/** Byte offsets of the two halves of a panel's row: by themselves, or as neighbors. */
export const halvesOfPanel = ({ target }: Kernel): readonly (readonly number[])[] =>
  target.joined === 2 ? [[0, 16]] : [[0], [16]];

/** Tiles of some samples of a tensor. */
interface TilesOf {
  readonly tensor: Tensor;
  readonly first: I32;
  readonly count: I32;
  readonly tiling: Tiling;
  /** Whether they were written long ago and have to come from memory; default false. */
  readonly areFar?: boolean | undefined;
}

/** M X Mᵀ of all tiles, some channels at a time, to matrices [tiles, channels] that lie so many bytes apart. */
export function toMatrices(
  kernel: Kernel,
  { tensor, first, count, tiling, areFar = false }: TilesOf,
  matrix: Matrix,
  buffer: I32,
  matrices: I32,
  matrixBytes: number,
): void {
  const { f } = kernel;
  const [, H, W, channels] = tensor.shape;
  const pixelBytes = channels * 4;
  const vectors = channels % 8 === 0 ? kernel.target.joined : 1;
  const { side, filtering } = tiling;
  overTiles(kernel, count, tiling, (n, row, column, tile) => {
    const image = f.let(addI(kernel.pointer(tensor), mulI(addI(first, n), H * W * pixelBytes)));
    if (areFar) {
      // The rows of pixels that no row of tiles before has read.
      const rows = addI(image, mulI(addI(mulI(row, side), filtering.inputs - side), W * pixelBytes));
      f.if(eqI(column, 0), () => readAhead(kernel, rows, side * W * pixelBytes));
    }
    const from = f.let(addI(image, mulI(addI(mulI(row, W), column), side * pixelBytes)));
    const to = f.let(addI(matrices, mulI(tile, pixelBytes)));
    f.for(0, pixelBytes, 16 * vectors, (c) => {
      const [tileFrom, tileTo] = [f.let(addI(from, c)), f.let(addI(to, c))];
      transformTiles(
        kernel,
        matrix,
        vectors,
        buffer,
        { start: tileFrom, offset: 0, row: W * pixelBytes, column: pixelBytes },
        (i, j, values) => {
          const at = f.let(addI(tileTo, mulI(j, matrixBytes)));
          f.together((held) => {
            for (const [vector, value] of values.entries()) {
              held.store(at, value, i * matrix.length * matrixBytes + vector * 16);
            }
          });
        },
      );
    });
  });
}

/** Matrices of transformed tiles, one for each position, and their products with panels of weights. */
interface TileMatrices {
  /** Where they are, and where products go, panel after panel. */
  readonly left: I32;
  readonly products: I32;
  readonly positions: number;
  readonly depth: number;
  /** Samples at hand, and how many rows each of them has. */
  readonly samples: I32;
  readonly tiles: number;
  /** Bytes from one matrix to the next, and from one product to the next. */
  readonly matrixBytes: number;
  readonly productBytes: number;
}

/**
 * Multiplies with the panels of some channels, as many at once as the target has registers for; then `visit` gets the first
 * channel of each, and its products.
 */
export function overPanels(
  kernel: Kernel,
  channels: Channels,
  weights: I32,
  matrices: TileMatrices,
  visit: (channel: I32, products: I32) => void,
): void {
  const { f, target } = kernel;
  const { positions, depth, productBytes } = matrices;
  const channel = f.let(channels.from);
  const mayLeaveOne = channels.unit % (target.joined * PANEL) > 0;
  for (const panels of mayLeaveOne ? [target.joined, 1] : [target.joined]) {
    const fits = (): I32 => leS(addI(channel, panels * PANEL), channels.to);
    f.if(fits(), () => {
      f.doWhile(() => {
        multiplyTiles(kernel, matrices, panels, f.let(addI(weights, mulI(channel, positions * depth * 4))));
        const products = f.let(matrices.products);
        f.for(0, panels, 1, () => {
          visit(channel, products);
          f.set(products, addI(products, positions * productBytes));
          f.set(channel, addI(channel, PANEL));
        });
      }, fits);
    });
  }
}

/** Rows of a sample from which on they make tiles of their own, nearly even ones, instead of some for all samples. */
const MANY = 8;

/** products = left · panel, for every position and panel: [rows, depth] · [depth, PANEL]. */
function multiplyTiles(
  kernel: Kernel,
  { positions, depth, samples, tiles, matrixBytes, productBytes, left, products }: TileMatrices,
  panels: number,
  weights: I32,
): void {
  const { f, target } = kernel;
  const rows = f.let(mulI(samples, tiles));
  const vectors = (panels * PANEL) / 4;
  const most = target.accumulators / vectors;
  f.for(0, positions, 1, (position) => {
    const matrix = f.let(addI(weights, mulI(position, depth * PANEL_BYTES)));
    const from = f.let(addI(left, mulI(position, matrixBytes)));
    const output = f.let(addI(products, mulI(position, productBytes)));
    const multiply = (tile: I32, pixels: number): void => {
      const totals = kernel.zeros(pixels * vectors);
      const weight = (vector: number): number => inPanels(vector, positions * depth);
      const row = { pixel: depth * 4, columns: 1, column: depth * 4, depth, weightStep: PANEL_BYTES, weight };
      taps(kernel, totals, vectors, f.let(addI(from, mulI(tile, depth * 4))), matrix, row);
      const at = f.let(addI(output, mulI(tile, PANEL_BYTES)));
      f.together((held) => {
        totals.forEach((total, i) => {
          const [row, vector] = [Math.floor(i / vectors), i % vectors];
          held.store(at, total, row * PANEL_BYTES + inPanels(vector, (positions * productBytes) / PANEL_BYTES));
        });
      });
    };
    if (tiles < MANY) inPieces(kernel, { from: i32(0), to: rows }, most, multiply);
    else
      f.for(0, rows, tiles, (first) => {
        inPieces(kernel, { from: first, to: addI(first, tiles), known: tiles }, most, multiply);
      });
  });
}

/** Loops over the tiles of some samples; `visit` gets the sample, counted from 0, row, column and number. */
function overTiles(
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

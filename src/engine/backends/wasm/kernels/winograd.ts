/**
 * Winograd's minimal filtering for 3×3 convolutions of stride 1 (Lavin & Gray, arXiv 1509.09308): F(2×2, 3×3) makes a
 * 2×2 tile of outputs from a 4×4 tile of inputs with 16 multiplications instead of 36.
 *
 *     y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ x B) ] A
 *
 * The weights come transformed (legalize.ts). For each sample, all input tiles are transformed into scratch memory as 16
 * matrices [tiles, C]; each is multiplied with its [C, panel] of the weights; the products are transformed back and finished.
 */
import { addI, type I32, load, ltS, mulI, splatConst, type V128, v } from "../assembler.ts";
import type { WinogradConvAttrs } from "../legalize.ts";
import { taps } from "./conv.ts";
import { evenPieces, type Kernel, runsOf } from "./kernel.ts";

/** Output channels of a panel, in bytes: two vectors. */
const PANEL_BYTES = 32;

/** Scratch bytes: transformed inputs, then the products of one panel. */
export function winogradScratch({ tiles: [rows, columns] }: WinogradConvAttrs, C: number): number {
  return 16 * rows * columns * (C * 4 + PANEL_BYTES) + 64;
}

export function winogradKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const [x, weights] = root.inputs;
  const { tiles } = root.attrs as WinogradConvAttrs;
  const [, H, W, C] = x.shape;
  const [, P, Q, O] = root.shape;
  const T = tiles[0] * tiles[1];
  const products = f.let(addI(kernel.scratch, 16 * T * C * 4));

  f.for(begin, end, 1, (n) => {
    // Bᵀ x B of every tile, to 16 matrices [T, C]
    const image = f.let(addI(kernel.pointer(x), mulI(n, H * W * C * 4)));
    overTiles(kernel, tiles, (row, column, tile) => {
      const from = f.let(addI(image, mulI(addI(mulI(row, 2 * W), mulI(column, 2)), C * 4)));
      const to = f.let(addI(kernel.scratch, mulI(tile, C * 4)));
      f.for(0, C * 4, 16, (c) => {
        const [source, target] = [f.let(addI(from, c)), f.let(addI(to, c))];
        const rows = [0, 1, 2, 3].map((i) =>
          inputTransform(
            kernel,
            [0, 1, 2, 3].map((j) => load(source, (i * W + j) * C * 4)),
          ),
        );
        for (let j = 0; j < 4; j++) {
          const column4 = inputTransform(
            kernel,
            rows.map((values) => values[j]),
          );
          column4.forEach((value, i) => {
            f.store(target, value, (i * 4 + j) * T * C * 4);
          });
        }
      });
    });

    f.for(0, O * 4, PANEL_BYTES, (channel) => {
      const panel = f.let(addI(kernel.pointer(weights), mulI(channel, 16 * C)));
      f.for(0, 16, 1, (position) => {
        const inputs = f.let(addI(kernel.scratch, mulI(position, T * C * 4)));
        const matrix = f.let(addI(panel, mulI(position, C * PANEL_BYTES)));
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
      // Aᵀ m A of every tile
      overTiles(kernel, tiles, (row, column, tile) => {
        const from = f.let(addI(products, mulI(tile, PANEL_BYTES)));
        const pixel = addI(mulI(addI(mulI(n, P), mulI(row, 2)), Q), mulI(column, 2));
        const out = f.let(addI(mulI(pixel, O * 4), channel));
        for (const half of [0, 16]) {
          const rows = [0, 1, 2, 3].map((i) =>
            outputTransform(
              kernel,
              [0, 1, 2, 3].map((j) => load(from, (i * 4 + j) * T * PANEL_BYTES + half)),
            ),
          );
          for (const b of [0, 1]) {
            const column2 = outputTransform(
              kernel,
              rows.map((values) => values[b]),
            );
            column2.forEach((value, a) => {
              const finish = (): void => kernel.finish(value, out, channel, half, 4, (a * Q + b) * O * 4);
              inside(kernel, b === 1 && Q % 2 === 1 ? [addI(mulI(column, 2), 1), Q] : undefined, () =>
                inside(kernel, a === 1 && P % 2 === 1 ? [addI(mulI(row, 2), 1), P] : undefined, finish),
              );
            });
          }
        }
      });
    });
  });
}

/** Loops over tiles; `visit` gets row, column and number. */
function overTiles(
  { f }: Kernel,
  [rows, columns]: readonly [number, number],
  visit: (row: I32, column: I32, tile: I32) => void,
): void {
  f.for(0, rows, 1, (row) => {
    f.for(0, columns, 1, (column) => visit(row, column, f.let(addI(mulI(row, columns), column))));
  });
}

/** Runs `body` where a position is below a limit; the last tile of an odd size reaches beyond. */
function inside({ f }: Kernel, bound: readonly [I32, number] | undefined, body: () => void): void {
  if (bound === undefined) body();
  else f.if(ltS(bound[0], bound[1]), body);
}

/** Bᵀ d */
function inputTransform({ f }: Kernel, [d0, d1, d2, d3]: readonly V128[]): V128[] {
  const [one, two] = [f.let(d1), f.let(d2)];
  const three = f.let(d3);
  return [f.let(v.sub(d0, two)), f.let(v.add(one, two)), f.let(v.sub(two, one)), f.let(v.sub(one, three))];
}

/** Aᵀ m */
function outputTransform({ f }: Kernel, [m0, m1, m2, m3]: readonly V128[]): V128[] {
  const [one, two] = [f.let(m1), f.let(m2)];
  const first = f.let(v.add(v.add(m0, one), two));
  return [first, f.let(v.sub(v.sub(one, two), m3))];
}

/** Rows of G ⊗ G, [16, 9]: what makes the 16 numbers of a transformed kernel from its 9. */
export const WEIGHT_TRANSFORM: readonly number[] = (() => {
  const G = [
    [1, 0, 0],
    [0.5, 0.5, 0.5],
    [0.5, -0.5, 0.5],
    [0, 0, 1],
  ];
  return G.flatMap((row) => G.flatMap((column) => row.flatMap((a) => column.map((b) => a * b))));
})();

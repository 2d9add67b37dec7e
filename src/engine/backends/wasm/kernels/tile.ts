/** The innermost loop of everything that multiplies matrices: a tile of results in registers, one step of the depth a turn. */
import { times } from "../../../lower/pieces.ts";
import { addI, type I32, type Local, load, load32Splat, type V128 } from "../assembler.ts";
import type { Kernel } from "./kernel.ts";

export interface Tile {
  /** Address of the first row of the left operand at the first depth, and bytes between its rows and along its depth. */
  readonly a: I32;
  readonly aRow: number;
  readonly aDepth: number;
  /** Address of the right operand's columns at the first depth, and bytes along its depth. */
  readonly b: I32;
  readonly bDepth: number;
  /** The depth, from … to. */
  readonly from: I32;
  readonly to: I32;
  /** Rows, and vectors of columns. */
  readonly rows: number;
  readonly vectors: number;
  /** What a sum starts with: the t-th vector, row by row. */
  readonly start: (t: number) => V128;
}

/** The sums of a tile, row by row. */
export function multiplyTile({ f, isa }: Pick<Kernel, "f" | "isa">, tile: Tile): Local<"v128">[] {
  const { rows, vectors, aRow, aDepth, bDepth } = tile;
  const totals = times(rows * vectors, (t) => f.local("v128", tile.start(t)));
  const aAt = f.let(tile.a);
  const bAt = f.let(tile.b);
  f.for(tile.from, tile.to, 1, () => {
    const right = times(vectors, (j) => f.let(load(bAt, j * 16)));
    for (let i = 0; i < rows; i++) {
      const left = f.let(load32Splat(aAt, i * aRow));
      right.forEach((vector, j) => {
        const total = totals[i * vectors + j];
        f.set(total, isa.madd(left, vector, total));
      });
    }
    f.set(aAt, addI(aAt, aDepth));
    f.set(bAt, addI(bAt, bDepth));
  });
  return totals;
}

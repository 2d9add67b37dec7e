/** The shape of a convolution, and which of its positions meet the picture. Axis letters as in ops/conv.ts. */

import { evenPieces } from "../../../lower/pieces.ts";
import type { ConvAttrs } from "../../../ops/conv.ts";
import { addI, divU, type Func, type I32, i32, ltS, maxS, minS, mulI, select, subI } from "../assembler.ts";
import type { KernelTarget } from "./kernel.ts";

export interface Geometry {
  readonly H: number;
  readonly W: number;
  readonly C: number;
  readonly P: number;
  readonly Q: number;
  readonly O: number;
  readonly R: number;
  readonly S: number;
  /** Input channels of one group. */
  readonly depth: number;
  /** Output channels of one group. */
  readonly width: number;
}

export function geometry(
  x: readonly number[],
  y: readonly number[],
  [R, S]: readonly number[],
  { groups }: ConvAttrs,
): Geometry {
  const [, H, W, C] = x;
  const [, P, Q, O] = y;
  return { H, W, C, P, Q, O, R, S, depth: C / groups, width: O / groups };
}

/**
 * Divides channels into tiles of at most so many registers, as even as can be: `vectors` of four channels, the last of which
 * has `lanes` that count. A register holds as many vectors as the engine joins.
 */
export function channelTiles(
  width: number,
  registers: number,
  { joined }: KernelTarget,
): { from: number; vectors: number; lanes: number }[] {
  const all = Math.ceil(width / 4);
  let first = 0;
  return evenPieces(Math.ceil(all / joined), registers).map((size) => {
    const [from, vectors] = [first * 4, Math.min(size * joined, all - first)];
    first += vectors;
    return { from, vectors, lanes: Math.min(4, width - (from + (vectors - 1) * 4)) };
  });
}

/** One channel becomes one, of neighboring pixels: vectors then run along the rows. */
export const isSingleChannel = ({ stride }: ConvAttrs, { C, O }: Geometry): boolean =>
  C === 1 && O === 1 && stride[1] === 1;

/** Positions i of 0 … count for which i·step − shift lies within 0 … length: from … to. */
export function positionsInside(
  f: Func,
  count: number,
  step: number,
  shift: I32,
  length: number,
): { readonly from: I32; readonly to: I32 } {
  const offset = f.let(shift);
  const from = select(ltS(offset, 1), i32(0), divU(addI(offset, step - 1), step));
  const last = f.let(addI(offset, length - 1));
  const to = select(ltS(last, 0), i32(0), addI(divU(maxS(last, i32(0)), step), 1));
  return { from: f.let(from), to: f.let(minS(f.let(to), i32(count))) };
}

/** Kernel rows r that meet the picture at output row p. */
export function kernelRows(
  f: Func,
  { stride, padding, dilation }: ConvAttrs,
  { H, R }: Geometry,
  p: I32,
): { readonly from: I32; readonly to: I32 } {
  if (padding[0] === 0 && padding[1] <= 0) return { from: i32(0), to: i32(R) };
  return positionsInside(f, R, dilation[0], subI(i32(padding[0]), mulI(p, stride[0])), H);
}

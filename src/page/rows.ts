/** Measures of pieces of ink in a row of writing, which may slant: for lines.ts and words.ts. */
import type { Point } from "./geometry.ts";
import type { Piece } from "./pieces.ts";

export const heightOf = ({ top, bottom }: Piece): number => bottom - top;

export const centerOf = ({ left, right, top, bottom }: Piece): Point => ({
  x: (left + right) / 2,
  y: (top + bottom) / 2,
});

/** How far along a row and how far below it a piece begins and ends. */
export function placeOf(piece: Piece, slope: number) {
  const { x, y } = centerOf(piece);
  const norm = Math.hypot(1, slope);
  const [along, below] = [(x + slope * y) / norm, (y - slope * x) / norm];
  const [width, height] = [(piece.right - piece.left) / 2, heightOf(piece) / 2];
  return { from: along - width, to: along + width, top: below - height, bottom: below + height };
}

export function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

/**
 * How many characters a picture shows, for models that read one: whoever sends a whole number is told so, instead of getting
 * one digit with certainty. It looks at pieces of ink that stand side by side, after ink.ts has found the ink, so it is sure
 * of what is spaced and knows nothing of what touches.
 */
import { type Piece, piecesOf } from "./character.ts";
import type { Coarse } from "./ground.ts";

/** Ink paler than this part of the darkest is the soft edge of strokes, which may bridge the gap between two characters. */
const EDGE = 0.25;
/** What is less high than this part of the highest piece is a dot, an accent, a bar: part of a character, or dust. */
const BODY = 0.4;
/** So is what has less than this part of the heaviest piece's ink. */
const LEAST_INK = 0.05;
/** Pieces are of one character if they share more than this part of the narrower one's width; slanted neighbours share less. */
const SHARED = 0.4;

/**
 * How wide pieces that stand side by side must be together, in parts of their height, to be several characters. Western digits
 * hang together, so any two pieces are two; letters are written in pieces that stand close; a character of other scripts may
 * consist of several parts in a row (川, 明) but is as high as it is wide.
 */
const SCRIPTS: readonly { readonly names: RegExp; readonly width: number }[] = [
  { names: /^[0-9]$/, width: 0 },
  { names: /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}0-9]$/u, width: 1.15 },
  { names: /^/, width: 1.5 },
];

/**
 * @param ink how much every pixel differs from the ground; 0 where there is no ink
 * @param darkest the difference of solid ink
 * @param classes names of what the model tells apart; they say which script it reads
 * @returns at least 1
 */
export function countCharacters(ink: Coarse, darkest: number, classes: readonly string[]): number {
  const pieces = piecesOf(ink, EDGE * darkest);
  const highest = Math.max(...pieces.map(heightOf));
  const heaviest = Math.max(...pieces.map(({ mass }) => mass));
  const bodies = pieces.filter((piece) => heightOf(piece) >= BODY * highest && piece.mass >= LEAST_INK * heaviest);
  const columns = columnsOf(bodies);
  if (columns.length < 2) return 1;
  const width = Math.max(...columns.map(({ right }) => right)) - Math.min(...columns.map(({ left }) => left));
  const script = SCRIPTS.find(({ names }) => classes.every((name) => names.test(name)));
  return width >= (script?.width ?? 0) * highest ? columns.length : 1;
}

/** What is said of a picture with several. */
export const severalCharacters = (count: number): string =>
  `${count} characters found; this model reads one at a time: cut them apart`;

const heightOf = ({ box }: Piece): number => box.bottom - box.top;

/** Where characters begin and end from left to right: pieces above each other are one. */
function columnsOf(pieces: readonly Piece[]): { left: number; right: number }[] {
  const columns: { left: number; right: number }[] = [];
  for (const { box } of [...pieces].sort((a, b) => a.box.left - b.box.left)) {
    const last = columns.at(-1);
    const width = Math.min(box.right - box.left, last === undefined ? 0 : last.right - last.left);
    if (last !== undefined && last.right - box.left > SHARED * width) last.right = Math.max(last.right, box.right);
    else columns.push({ left: box.left, right: box.right });
  }
  return columns;
}

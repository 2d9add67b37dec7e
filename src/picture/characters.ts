/**
 * How many characters a picture shows, for models that read one: whoever sends a whole number is told so, instead of getting
 * one digit with certainty. It looks at pieces of ink that stand side by side, after ink.ts has found the ink, so it is sure
 * of what is spaced and knows nothing of what touches.
 */
import { type Piece, piecesOf } from "./character.ts";
import type { Coarse } from "./ground.ts";
import { boxOf } from "./regions.ts";

/** Ink paler than this part of the darkest is the soft edge of strokes, which may bridge the gap between two characters. */
const EDGE = 0.25;
/** So is what has less than this part of the heaviest piece's ink, whatever the script. */
const LEAST_INK = 0.05;
/** Pieces are of one character if they share more than this part of the narrower one's width; slanted neighbors share less. */
const SHARED = 0.4;

/** How characters are told apart in a script. */
interface Script {
  readonly names: RegExp;
  /** What is less high than this part of the highest piece is a dot, an accent, a bar: part of a character, or dust. */
  readonly body: number;
  /** How wide pieces that stand side by side must be together, in parts of their height, to be several characters. */
  readonly width: number;
  /** How many there are: by the columns in which pieces stand, or by how often the height goes into the width. */
  readonly count: (columns: number, aspect: number) => number;
}

const byColumns = (columns: number): number => columns;

/**
 * Western digits hang together, so any two high pieces are two. Letters are written in pieces that stand close. A character of
 * other scripts may consist of any parts in a row (川, 心, 明), but is about as high as it is wide.
 */
const SCRIPTS: readonly Script[] = [
  { names: /^[0-9]$/, body: 0.4, width: 0, count: byColumns },
  { names: /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}0-9]$/u, body: 0.4, width: 1.15, count: byColumns },
  { names: /^/, body: 0, width: 1.5, count: (_, aspect) => Math.max(2, Math.round(aspect)) },
];

/**
 * @param ink how much every pixel differs from the ground; 0 where there is no ink
 * @param darkest the difference of solid ink
 * @param known names of what the model tells apart; they say which script it reads
 * @returns at least 1
 */
export function countCharacters(ink: Coarse, darkest: number, known: readonly string[]): number {
  const script = SCRIPTS.find(({ names }) => known.every((name) => names.test(name))) as Script;
  const all = piecesOf(ink, EDGE * darkest);
  const heaviest = Math.max(...all.map(({ mass }) => mass));
  const pieces = all.filter(({ mass }) => mass >= LEAST_INK * heaviest);
  const highest = Math.max(...pieces.map(heightOf));
  const bodies = pieces.filter((piece) => heightOf(piece) >= script.body * highest);
  const columns = columnsOf(bodies);
  if (columns.length < 2) return 1;
  const { left, right, top, bottom } = boxOf(
    bodies.flatMap(({ pixels }) => pixels),
    ink.width,
  );
  const aspect = (right - left) / (bottom - top);
  return aspect >= script.width ? script.count(columns.length, aspect) : 1;
}

/** What is said of a picture with several. */
export const severalCharacters = (count: number): string =>
  `${count} characters found; this model reads one at a time: cut them apart, or read whole numbers with ductus read`;

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

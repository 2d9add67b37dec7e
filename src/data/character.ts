/**
 * Which of the ink in a scan or photograph is the character: not dust, not the printed lines of the paper, not a neighbour
 * that the border cuts off, and not the desk around the sheet. Last part of ink.ts's step of the preprocessing; it
 * looks at connected pieces (over sides and corners) only, so it knows nothing about any script.
 */
import { largestAround } from "./ground.ts";

/** A piece with less than this part of the main one's ink is dust. */
const SMALLEST_PIECE = 0.02;
/** Paler and paler ink is left out in such steps until the character hangs together with nothing at the border. */
const PALER = 1.25;
/** Ink that pale beside the darkest is looked for; what is darker is no printed line. */
const DARKEST_LINE = 0.75;
/** Of ink that was left out, what lies within so many pixels of the character belongs to it: the soft edge of its strokes. */
const SOFT_EDGE = 2;
/** What is so many times as wide as the character's strokes is no stroke. */
const BROAD = 1.6;
/** A piece belongs to the character if this part of it lies in its box, widened by so much of its longer side. */
const NEAR = { part: 0.3, margin: 0.15 };

/** A connected piece of ink. */
interface Piece {
  readonly pixels: Int32Array;
  readonly mass: number;
  /** Mean width of its strokes, in pixels. */
  readonly strokeWidth: number;
  /** One past the last pixel to the right and at the bottom. */
  readonly box: Box;
  /** Which borders of the picture it touches. */
  readonly touches: readonly [left: boolean, top: boolean, right: boolean, bottom: boolean];
}

/** A rectangle of pixels; `right` and `bottom` are one past the last. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * Erases everything but the character from `data` (how much every pixel differs from the ground, 0 where it is ground).
 * A picture in which nothing touches the border loses its dust alone.
 * @param darkest the difference of solid ink
 * @returns false where there is nothing but dust
 */
export function keepCharacter(data: Float32Array, width: number, height: number, darkest: number): boolean {
  const smallest = Math.max(width, height) / 16;
  const all = piecesOf(data, width, height, 0);
  const largest = heaviest(all);
  if (largest === undefined || largest.pixels.length < smallest) return false;
  const found = all.some(isCut) ? characterIn(data, width, height, darkest, smallest) : undefined;
  const pieces = found?.pieces ?? all.filter(({ mass }) => mass >= SMALLEST_PIECE * largest.mass);

  const kept = new Float32Array(data.length);
  for (const { pixels } of pieces) for (const at of pixels) kept[at] = 1;
  const near = found?.isPaler ? largestAround(kept, width, height, SOFT_EDGE) : kept;
  for (let i = 0; i < data.length; i++) data[i] *= near[i];
  return true;
}

/** The pieces of a character that touches no border, and whether pale ink had to be left out to find it; undefined without one. */
function characterIn(
  data: Float32Array,
  width: number,
  height: number,
  darkest: number,
  smallest: number,
): { readonly pieces: readonly Piece[]; readonly isPaler: boolean } | undefined {
  const palest = data.reduce((least, value) => (value > 0 && value < least ? value : least), darkest);
  const trials: { level: number; pieces: Piece[]; main: Piece }[] = [];
  for (let level = 0; level <= DARKEST_LINE * darkest; level = Math.max(level, palest) * PALER) {
    const pieces = piecesOf(data, width, height, level);
    const main = heaviest(pieces.filter((piece) => !isCut(piece) && piece.pixels.length >= smallest));
    if (main !== undefined) trials.push({ level, pieces, main });
  }
  // Where lines run through it there are only splinters inside, until one level sets the character free.
  const most = heaviest(trials.map(({ main }) => main))?.mass ?? 0;
  const trial = trials.find(({ main }) => main.mass >= most / 2);
  if (trial === undefined) return undefined;

  const { main, level } = trial;
  const pieces = trial.pieces.filter(
    (piece) =>
      piece.mass >= SMALLEST_PIECE * main.mass && !(isCut(piece) && piece.strokeWidth > BROAD * main.strokeWidth),
  );
  const cut = pieces.filter(isCut);
  // A character at the border is none of the neighbours; and a picture with ink at all four was cropped to its ink.
  if (cut.some((piece) => piece.pixels.length > 2 * main.pixels.length)) return undefined;
  const isCropped = main.touches.every((_, side) => cut.some(({ touches }) => touches[side]));
  return {
    pieces: pieces.filter((piece) => !isCut(piece) || isCropped || isNear(piece, main, width)),
    isPaler: level > 0,
  };
}

const isCut = ({ touches }: Piece): boolean => touches.some(Boolean);

function heaviest(pieces: readonly Piece[]): Piece | undefined {
  return pieces.reduce<Piece | undefined>((best, piece) => (piece.mass > (best?.mass ?? 0) ? piece : best), undefined);
}

function isNear({ pixels }: Piece, { box }: Piece, width: number): boolean {
  const margin = NEAR.margin * Math.max(box.right - box.left, box.bottom - box.top);
  const inside = pixels.filter((at) => {
    const x = at % width;
    const y = (at - x) / width;
    return x >= box.left - margin && x < box.right + margin && y >= box.top - margin && y < box.bottom + margin;
  });
  return inside.length >= NEAR.part * pixels.length;
}

/** All pieces of what differs from the ground by more than `level`. */
function piecesOf(data: Float32Array, width: number, height: number, level: number): Piece[] {
  const pieces: Piece[] = [];
  const seen = new Uint8Array(data.length);
  const stack = new Int32Array(data.length);
  for (let seed = 0; seed < data.length; seed++) {
    if (data[seed] <= level || seen[seed] === 1) continue;
    let count = 1;
    let mass = 0;
    let outline = 0;
    let [left, top, right, bottom] = [width, height, 0, 0];
    stack[0] = seed;
    seen[seed] = 1;
    // The stack is never popped: what is behind `next` is the piece itself.
    for (let next = 0; next < count; next++) {
      const at = stack[next];
      mass += data[at];
      const x = at % width;
      const y = (at - x) / width;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const neighbour = v * width + u;
          if (data[neighbour] <= level) {
            if (u === x || v === y) outline++;
          } else if (seen[neighbour] === 0) {
            seen[neighbour] = 1;
            stack[count++] = neighbour;
          }
        }
      }
    }
    pieces.push({
      pixels: stack.slice(0, count),
      mass,
      strokeWidth: (2 * count) / Math.max(1, outline),
      box: { left, top, right, bottom },
      touches: [left === 0, top === 0, right === width, bottom === height],
    });
  }
  return pieces;
}

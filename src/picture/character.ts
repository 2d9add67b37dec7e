/**
 * Which of the ink in a scan or photograph is the character: not dust, not the printed lines of the paper, not a neighbor
 * that the border cuts off, and not the desk around the sheet. Last part of ink.ts's step of the preprocessing; it
 * looks at connected pieces (over sides and corners) only, so it knows nothing about any script.
 */
import { type Coarse, largestAround } from "./ground.ts";
import type { Ink } from "./ink.ts";
import { type Box, boxOf, regionsOf } from "./regions.ts";
import { isSmallScan } from "./scan-size.ts";

/** A piece with less than this part of the main one's ink is dust. */
const SMALLEST_PIECE = 0.02;
/** Paler and paler ink is left out in such steps until the character hangs together with nothing at the border. */
const PALER = 1.25;
/** Ink that pale beside the darkest is looked for; what is darker is no printed line. */
const DARKEST_LINE = 0.75;
/** Lines are still on a character that keeps this part of its mass in this part of its box's sides without ink that is paler than the rest. */
const FREED = { mass: 0.5, sides: 0.75 };
/** Of ink that was left out, what lies within so many pixels of the character belongs to it: the soft edge of its strokes. */
const SOFT_EDGE = 2;
/** What is, in the mean, paler than this part of the character is none of its strokes. */
const PALE = 0.6;
/** What is so many times as wide as the character's strokes is no stroke. */
const BROAD = 1.6;
/**
 * Lines of the paper go through so much of the picture along both axes and cover at most this part of their box; a character beside them
 * is at least so high, in parts of the picture's shorter side.
 */
const THROUGH = 0.75;
const THIN = 0.4;
const LEAST_HEIGHT = 0.2;
/** A stroke around a character covers this part of the border, and is at least so many times as broad as the others. */
const AROUND = 0.3;
const BROAD_AS = 0.8;
/** A line along a side lies within this part of the picture's size, is so many times as long as thick, and goes along this part of the side. */
const RULE = { edge: 0.25, aspect: 4, long: 0.5 };
/** A picture that was cropped to its ink has margins up to this part of its longer side. */
const CROPPED = 0.02;
/** A piece belongs to the character if this part of it lies in its box, widened by so much of its longer side: less for what the border cuts off. */
const NEAR = { part: 0.3, margin: 0.4, cutMargin: 0.15 };

/** A connected piece of ink. */
export interface Piece {
  readonly pixels: readonly number[];
  readonly mass: number;
  /** Sides of its pixels beyond which it does not go on. */
  readonly outline: number;
  readonly box: Box;
  /** Whether it goes on, perhaps, beyond the border of the picture. */
  readonly isCut: boolean;
}

/**
 * Erases everything but the character from `ink.data`. A picture in which nothing touches the border loses its dust alone.
 * @param darkest the difference of solid ink
 * @returns the pieces of the character and of whole ones beside it, which were erased; undefined where there is nothing but dust
 */
export function keepCharacter(ink: Ink, darkest: number): readonly Piece[] | undefined {
  const { data, width, height } = ink;
  const all = piecesOf(ink, 0);
  const largest = heaviest(all);
  if (largest === undefined || largest.pixels.length < leastPixels(ink)) return undefined;
  const found = all.some(({ isCut }) => isCut) ? characterIn(ink, all, darkest) : undefined;
  const pieces = found?.pieces ?? all.filter(({ mass }) => mass >= SMALLEST_PIECE * largest.mass);

  const kept = new Float32Array(data.length);
  for (const { pixels } of pieces) for (const at of pixels) kept[at] = 1;
  const near = found?.isPaler ? largestAround(kept, width, height, SOFT_EDGE) : kept;
  for (let i = 0; i < data.length; i++) data[i] *= near[i];
  return found?.written ?? pieces;
}

/** A character has at least so many pixels. */
const leastPixels = ({ width, height }: Ink): number => Math.max(width, height) / 16;

/** The pieces of a character that touches no border, all that is written beside it, and whether pale ink had to be left out to find it; undefined without one. */
function characterIn(
  ink: Ink,
  all: readonly Piece[],
  darkest: number,
): { readonly pieces: readonly Piece[]; readonly written: readonly Piece[]; readonly isPaler: boolean } | undefined {
  const trials: { level: number; pieces: readonly Piece[]; main: Piece }[] = [];
  for (let level = 0; level <= DARKEST_LINE * darkest; level = Math.max(level, ink.threshold) * PALER) {
    const pieces = level === 0 ? all : piecesOf(ink, level);
    const main = heaviest(pieces.filter((piece) => !piece.isCut && piece.pixels.length >= leastPixels(ink)));
    if (main !== undefined) trials.push({ level, pieces, main });
  }
  // Where lines run through it there are only splinters inside, until one level sets the character free.
  const most = heaviest(trials.map(({ main }) => main))?.mass ?? 0;
  const trial = trials.find(
    ({ main }, k) => main.mass >= most / 2 && !trials.slice(k + 1).some((later) => isFreedBy(main, later.main)),
  );
  if (trial === undefined) return undefined;

  const { main, level } = trial;
  const isOfPaper = (piece: Piece): boolean => isFrame(piece, main, ink) || isRule(piece, ink);
  const pieces = trial.pieces.filter((piece) => piece === main || (isOfItsInk(piece, main) && !isOfPaper(piece)));
  // A character at the border is none of the neighbors; and a picture without a margin was cropped to its ink.
  if (pieces.some((piece) => piece.isCut && piece.pixels.length > 2 * main.pixels.length)) return undefined;
  const isCropped = isCroppedTo(pieces, ink);
  return {
    pieces: isCropped ? pieces : pieces.filter((piece) => isNear(piece, main, ink.width)),
    written: isCropped ? pieces : pieces.filter(({ isCut }) => !isCut),
    isPaler: level > 0,
  };
}

/** Neither dust nor what is left of pale lines, and no broad ground at the border. */
function isOfItsInk(piece: Piece, main: Piece): boolean {
  const isPale = darkness(piece) < PALE * darkness(main);
  const isBroad = piece.isCut && strokeWidth([piece]) > BROAD * strokeWidth([main]);
  return piece.mass >= SMALLEST_PIECE * main.mass && !isPale && !isBroad;
}

/** Whether one piece is the other without the pale lines that were on it. */
function isFreedBy(piece: Piece, later: Piece): boolean {
  const sides = ({ left, top, right, bottom }: Box): number => right - left + bottom - top;
  const lost = (piece.mass - later.mass) / Math.max(1, piece.pixels.length - later.pixels.length);
  return (
    lost < PALE * darkness(later) &&
    later.mass >= FREED.mass * piece.mass &&
    sides(later.box) <= FREED.sides * sides(piece.box)
  );
}

const darkness = ({ mass, pixels }: Piece): number => mass / pixels.length;

/**
 * Whether a piece is lines of the paper that run around a character, or cross beside it: thin, and from one end of the picture to the
 * other along both axes. A stroke around a character, of its breadth, is its own where the picture was cropped to it: there it
 * runs along the border.
 */
function isFrame(piece: Piece, main: Piece, ink: Ink): boolean {
  const { width, height } = ink;
  const [across, down] = [piece.box.right - piece.box.left, piece.box.bottom - piece.box.top];
  const isWide = across >= THROUGH * width && down >= THROUGH * height;
  if (!isWide || !piece.isCut || piece.pixels.length > THIN * across * down) return false;
  if (main.box.bottom - main.box.top < LEAST_HEIGHT * Math.min(width, height)) return false;
  const along = piece.pixels.filter((at) => {
    const x = at % width;
    return x === 0 || x === width - 1 || at < width || at >= width * (height - 1);
  });
  const isAround = along.length >= AROUND * 2 * (width + height);
  return !isAround || strokeWidth([piece]) < BROAD_AS * strokeWidth([main]);
}

/** Whether a piece is a line of the paper along one side of a small scan, whose ends are too pale for ink, or two that cross in a corner. */
function isRule({ box }: Piece, { width, height }: Ink): boolean {
  if (!isSmallScan(width, height)) return false;
  const [across, down] = [box.right - box.left, box.bottom - box.top];
  const isAtEnd = (from: number, to: number, size: number): boolean =>
    to <= RULE.edge * size || from >= (1 - RULE.edge) * size;
  const [isBeside, isAbove] = [isAtEnd(box.left, box.right, width), isAtEnd(box.top, box.bottom, height)];
  if (isBeside && isAbove) return true;
  if (across >= RULE.aspect * down) return isAbove && across >= RULE.long * width;
  return isBeside && down >= RULE.aspect * across && down >= RULE.long * height;
}

/** Whether the picture has no margin around these pieces. */
function isCroppedTo(pieces: readonly Piece[], { width, height }: Ink): boolean {
  const { left, top, right, bottom } = boxOf(
    pieces.flatMap(({ pixels }) => pixels),
    width,
  );
  return Math.max(left, top, width - right, height - bottom) <= CROPPED * Math.max(width, height);
}

function heaviest(pieces: readonly Piece[]): Piece | undefined {
  return pieces.reduce<Piece | undefined>((best, piece) => (piece.mass > (best?.mass ?? 0) ? piece : best), undefined);
}

function isNear({ pixels, isCut }: Piece, { box }: Piece, width: number): boolean {
  const margin = (isCut ? NEAR.cutMargin : NEAR.margin) * Math.max(box.right - box.left, box.bottom - box.top);
  const inside = pixels.filter((at) => {
    const x = at % width;
    const y = (at - x) / width;
    return x >= box.left - margin && x < box.right + margin && y >= box.top - margin && y < box.bottom + margin;
  });
  return inside.length >= NEAR.part * pixels.length;
}

/** Mean width of the strokes in pixels: twice their area by the length of their outline. */
export function strokeWidth(pieces: readonly Piece[]): number {
  const [area, outline] = pieces.reduce((sum, piece) => [sum[0] + piece.pixels.length, sum[1] + piece.outline], [0, 0]);
  return (2 * area) / Math.max(1, outline);
}

/** All pieces of what differs from the ground by more than `level`. */
export function piecesOf({ data, width, height }: Coarse, level: number): Piece[] {
  return regionsOf(width, height, "corners", (_, to) => data[to] > level).map((pixels) => {
    const box = boxOf(pixels, width);
    let mass = 0;
    let outline = 0;
    for (const at of pixels) {
      const x = at % width;
      mass += data[at];
      for (const beside of [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, at - width, at + width]) {
        // Beyond the picture there is nothing to compare with.
        if (!(data[beside] > level)) outline++;
      }
    }
    return {
      pixels,
      mass,
      outline,
      box,
      isCut: box.left === 0 || box.top === 0 || box.right === width || box.bottom === height,
    };
  });
}

/** What is written on a page, apart from what is printed around it: the ink in pieces, without lines, and the cells of its boxes and grids. */
import { transposed } from "./bitmap.ts";
import { withoutLines } from "./erase.ts";
import { withFaintLines } from "./faint.ts";
import { framesOf } from "./frames.ts";
import type { Gray } from "./gray.ts";
import type { Cell } from "./grids.ts";
import { inkOfPage, type PageInk } from "./paper.ts";
import { type Piece, type Pieces, piecesOf } from "./pieces.ts";
import { isStrike } from "./strikes.ts";
import { type Track, tracksOf } from "./tracks.ts";

export interface PageWriting extends PageInk {
  /** Of the ink without lines; dust and what shines through the paper are not among `all`. */
  readonly pieces: Pieces;
  readonly cells: readonly Cell[];
  /** The usual height of writing in pixels. */
  readonly textHeight: number;
}

/** Lines are up to so many strokes thick, chains of them at least so many long; gaps up to so many are bridged. */
const LINE = { thickest: 2.5, shortest: 3, gap: 8 };
/** A character is between so many strokes high. */
const CHARACTER = { least: 2.5, most: 40 };
/** Without any, writing is taken to be so many strokes high. */
const USUAL_HEIGHT = 6;
/** A piece smaller than this part of a stroke is dust; one paler than this part of the usual ink shines through. */
const DUST = 0.6;
const PALE = 0.2;
/**
 * What is so many times as long as thick, so many heights long and in the mean of so many strokes is what is left of a line, and no
 * writing that a stroke joins; what is so many heights high is no writing.
 */
const LONG = { aspect: 10, heights: 2, strokes: 1.8 };
const LARGE = 8;

/** @param gray a page with dark ink  @param ink its ink, where that is known already */
export function writingOfPage(gray: Gray, ink = inkOfPage(gray)): PageWriting {
  const { width, height, mask, stroke } = ink;
  const bitmap = { data: mask, width, height };
  const size = {
    thickest: LINE.thickest * stroke + 1,
    shortest: Math.max(8, LINE.shortest * stroke),
    gap: LINE.gap * stroke,
  };
  const linesOf = (ink: typeof bitmap, darkness: Uint8Array) => {
    const lined = withFaintLines(ink, darkness, stroke);
    return { bitmap: lined, tracks: tracksOf(lined, size) };
  };
  const across = linesOf(bitmap, ink.darkness);
  const turnedDarkness = transposed({ data: ink.darkness, width, height });
  const down = linesOf(transposed(bitmap), turnedDarkness.data);
  const frames = framesOf(across, down, stroke);
  const writingWithout = (across: readonly Track[]) => {
    const found = piecesOf(withoutLines(bitmap, across, frames.down), Math.ceil((DUST * stroke) ** 2 / 2));
    const clean = withoutDust(found, ink);
    return { found, clean, textHeight: usualHeight(clean, stroke) };
  };
  const first = writingWithout(frames.across);
  const byLeft = first.clean.toSorted((a, b) => a.left - b.left);
  const rules = frames.across.filter((track) => !isStrike(track, byLeft, first.textHeight));
  const { found, clean, textHeight } = rules.length === frames.across.length ? first : writingWithout(rules);
  const all = clean.filter((piece) => isWriting(piece, textHeight, stroke));
  return { ...ink, pieces: { ...found, all }, cells: frames.cells, textHeight };
}

/** The median height of what may be a character, by its ink. */
function usualHeight(pieces: readonly Piece[], stroke: number): number {
  const isCharacter = ({ left, top, right, bottom }: Piece): boolean =>
    bottom - top >= CHARACTER.least * stroke &&
    bottom - top <= CHARACTER.most * stroke &&
    right - left <= CHARACTER.most * stroke;
  const characters = pieces.filter(isCharacter).sort((a, b) => a.bottom - a.top - (b.bottom - b.top));
  const total = characters.reduce((sum, { area }) => sum + area, 0);
  let sum = 0;
  for (const { top, bottom, area } of characters) {
    sum += area;
    if (sum >= total / 2) return bottom - top;
  }
  return USUAL_HEIGHT * stroke;
}

function withoutDust({ all, labels }: Pieces, { darkness, stroke, level }: PageInk): Piece[] {
  const sums = new Float64Array(all.length + 1);
  for (let i = 0; i < labels.length; i++) if (labels[i] !== 0) sums[labels[i]] += darkness[i];
  return all.filter(({ label, area, left, top, right, bottom }) => {
    const isDust = Math.max(right - left, bottom - top) < DUST * stroke;
    return !isDust && sums[label] >= PALE * level * area;
  });
}

function isWriting({ left, top, right, bottom, area }: Piece, textHeight: number, stroke: number): boolean {
  const [width, height] = [right - left, bottom - top];
  const [thick, long] = width < height ? [width, height] : [height, width];
  const isLine = long > LONG.aspect * thick && long > LONG.heights * textHeight && area < LONG.strokes * stroke * long;
  return !isLine && height <= LARGE * textHeight;
}

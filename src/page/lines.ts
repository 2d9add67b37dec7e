/**
 * Lines of writing: pieces of ink of about one height, side by side, in a row that may slant. A row is divided into numbers where
 * a gap is wider than the gaps between its characters. Words are left out as far as their letters tell (words.ts); what else is no
 * number, a reader has to refuse.
 */
import type { Box } from "../picture/regions.ts";
import type { Point, Quad } from "./geometry.ts";
import type { Piece } from "./pieces.ts";
import { centerOf, heightOf, middle, placeOf } from "./rows.ts";
import { wordsAmong } from "./words.ts";

/** Pieces that may be one number. */
export interface Writing {
  readonly pieces: readonly Piece[];
  /** The rectangle around them, in the direction of their row. */
  readonly quad: Quad;
  /** The usual height of its characters in pixels. */
  readonly height: number;
}

/** Neighbors in a row: the lower has this part of the other's height, and this part of it lies beside it; gaps in heights of the higher one. */
const NEIGHBOR = { height: 0.45, beside: 0.4, gap: 1.6 };
/** A gap divides numbers if it is wider than these, in heights and in usual gaps of the row. */
const DIVIDES = { least: 0.6, height: 0.2, gaps: 2.2, most: 1.5 };
/** Small parts belong to a number so many heights above, below and beside its characters. */
const PART = { above: 0.3, beside: 0.6 };
/** Strokes that divide a line are so high beside what is written, so wide by their height, of one height, and so many. */
const TICK = { height: 0.6, width: 0.35, spread: 0.15, least: 2 };
/** Pieces of this part of the height of writing are small letters, if anything. */
const LOWER = 0.55;
/** A row of so many parts of which this part is words is a sentence, numbers and all. */
const SENTENCE = { parts: 4, words: 0.5 };
/** Rows of fewer characters tell nothing about their direction. */
const LEAST_ROW = 3;
/** So many pieces are looked at, the largest; a page with more shows no writing. */
const MOST_PIECES = 20_000;

/**
 * Numbers, and what may be some, among pieces of ink.
 * @param height of writing, at least; lower pieces are dots, dashes, parts of characters
 * @param slope of rows too short to tell their own
 */
export function writingsOf(pieces: readonly Piece[], height: number, slope = 0): Writing[] {
  const most = [...pieces].sort((a, b) => b.area - a.area).slice(0, MOST_PIECES);
  // Small letters may be lower than writing; they tell that what stands beside them is print.
  const bodies = most.filter((piece) => heightOf(piece) >= LOWER * height).sort((a, b) => a.left - b.left);
  const rows = rowsOf(bodies).map(withoutTicks);
  const slopes = rows.map(slopeOf);
  const directed = rows.map((row, k) => ({ row, slope: slopes[k] ?? slopeAround(rows, slopes, row) ?? slope }));
  const isBody = new Set(bodies);
  const parts = most.filter((piece) => !isBody.has(piece));
  const grid = new Buckets(parts, 4 * height);
  const dividedRows = directed.map(({ row, slope }) => ({ slope, numbers: divided(row, slope) }));
  const isWord = wordsAmong(dividedRows);
  return dividedRows.flatMap(({ slope, numbers }) => {
    const others = numbers.filter((number) => !isWord.has(number));
    const words = numbers.length - others.length;
    if (numbers.length >= SENTENCE.parts && words >= SENTENCE.words * numbers.length) return [];
    return others
      .filter((number) => number.some((piece) => heightOf(piece) >= height))
      .map((number) => written(number, grid, slope));
  });
}

/** Bodies that follow one another, each joined with the nearest to its right that may be its neighbor. */
function rowsOf(bodies: readonly Piece[]): Piece[][] {
  const highest = bodies.reduce((most, body) => Math.max(most, heightOf(body)), 0);
  const next = new Int32Array(bodies.length).fill(-1);
  const before = new Int32Array(bodies.length).fill(-1);
  const gaps = new Float64Array(bodies.length).fill(Number.POSITIVE_INFINITY);
  for (const [a, left] of bodies.entries()) {
    let nearest = Number.POSITIVE_INFINITY;
    for (let b = a + 1; b < bodies.length; b++) {
      const right = bodies[b];
      const gap = right.left - left.right;
      if (gap > Math.min(nearest, NEIGHBOR.gap * highest)) break;
      if (gap >= nearest || !areNeighbors(left, right, gap)) continue;
      nearest = gap;
      next[a] = b;
    }
    const b = next[a];
    if (b < 0) continue;
    // A body has one neighbor to its left, too: the nearest.
    if (nearest < gaps[b]) {
      if (before[b] >= 0) next[before[b]] = -1;
      before[b] = a;
      gaps[b] = nearest;
    } else next[a] = -1;
  }
  const rows: Piece[][] = [];
  for (const [a] of bodies.entries()) {
    if (before[a] >= 0) continue;
    const row: Piece[] = [];
    for (let at = a; at >= 0; at = next[at]) row.push(bodies[at]);
    rows.push(row);
  }
  return rows;
}

/** A row without the short strokes of one height that divide its line into places for characters. */
function withoutTicks(row: Piece[]): Piece[] {
  const height = middle(row.map(heightOf));
  const thin = row.filter(
    (piece) => heightOf(piece) <= TICK.height * height && piece.right - piece.left <= TICK.width * heightOf(piece),
  );
  const usual = thin.length > 0 ? middle(thin.map(heightOf)) : 0;
  const ticks = new Set(thin.filter((piece) => Math.abs(heightOf(piece) - usual) <= TICK.spread * usual));
  return ticks.size >= TICK.least && ticks.size < row.length ? row.filter((piece) => !ticks.has(piece)) : row;
}

function areNeighbors(a: Piece, b: Piece, gap: number): boolean {
  const [low, high] = heightOf(a) < heightOf(b) ? [heightOf(a), heightOf(b)] : [heightOf(b), heightOf(a)];
  const beside = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return low >= NEIGHBOR.height * high && beside >= NEIGHBOR.beside * low && gap <= NEIGHBOR.gap * high;
}

/** The direction of a row: the median slope between characters that are at least half of the row apart (Theil and Sen). */
function slopeOf(row: readonly Piece[]): number | undefined {
  if (row.length < LEAST_ROW) return undefined;
  const step = Math.ceil(row.length / 64);
  const points = row.filter((_, k) => k % step === 0).map(centerOf);
  const apart = Math.floor(points.length / 2);
  const slopes: number[] = [];
  for (let a = 0; a + apart < points.length; a++) {
    for (let b = a + apart; b < points.length; b++) {
      slopes.push((points[b].y - points[a].y) / Math.max(1, points[b].x - points[a].x));
    }
  }
  slopes.sort((a, b) => a - b);
  return (slopes[(slopes.length - 1) >> 1] + slopes[slopes.length >> 1]) / 2;
}

/** The slope of the longest row near one that is too short to have its own. */
function slopeAround(
  rows: readonly (readonly Piece[])[],
  slopes: readonly (number | undefined)[],
  row: readonly Piece[],
): number | undefined {
  let best: number | undefined;
  let length = LEAST_ROW;
  const { y } = centerOf(row[0]);
  const reach = 10 * Math.max(...row.map(heightOf));
  for (const [k, other] of rows.entries()) {
    if (other.length <= length || Math.abs(centerOf(other[0]).y - y) > reach) continue;
    length = other.length;
    best = slopes[k];
  }
  return best;
}

/** A row cut where gaps are wide. */
function divided(row: readonly Piece[], slope: number): Piece[][] {
  const places = row.map((piece) => ({ piece, ...placeOf(piece, slope) })).sort((a, b) => a.from - b.from);
  const height = middle(row.map(heightOf));
  let end = places[0].to;
  const gaps = places.slice(1).map(({ from, to }) => {
    const gap = Math.max(0, from - end);
    end = Math.max(end, to);
    return gap;
  });
  const usual = [...gaps].sort((a, b) => a - b)[(gaps.length - 1) >> 1] ?? 0;
  const wide = Math.min(
    DIVIDES.most * height,
    Math.max(DIVIDES.least * height, DIVIDES.height * height + DIVIDES.gaps * usual),
  );
  const numbers: Piece[][] = [[places[0].piece]];
  for (const [k, gap] of gaps.entries()) {
    if (gap > wide) numbers.push([]);
    (numbers.at(-1) as Piece[]).push(places[k + 1].piece);
  }
  return numbers;
}

/** A number with its small parts, and the rectangle around all. */
function written(bodies: readonly Piece[], parts: Buckets, slope: number): Writing {
  const height = middle(bodies.map(heightOf));
  const places = bodies.map((piece) => placeOf(piece, slope));
  const [from, to] = [Math.min(...places.map(({ from }) => from)), Math.max(...places.map(({ to }) => to))];
  const [top, bottom] = [Math.min(...places.map(({ top }) => top)), Math.max(...places.map(({ bottom }) => bottom))];
  const box = {
    left: Math.min(...bodies.map(({ left }) => left)) - height,
    right: Math.max(...bodies.map(({ right }) => right)) + height,
    top: Math.min(...bodies.map(({ top }) => top)) - height,
    bottom: Math.max(...bodies.map(({ bottom }) => bottom)) + height,
  };
  const own = parts.within(box).filter((piece) => {
    const place = placeOf(piece, slope);
    return (
      place.to > from - PART.beside * height &&
      place.from < to + PART.beside * height &&
      place.bottom > top - PART.above * height &&
      place.top < bottom + PART.above * height
    );
  });
  const pieces = [...bodies, ...own];
  const all = pieces.map((piece) => placeOf(piece, slope));
  return {
    pieces,
    height,
    quad: rectangle(
      Math.min(...all.map(({ from }) => from)),
      Math.max(...all.map(({ to }) => to)),
      Math.min(...all.map(({ top }) => top)),
      Math.max(...all.map(({ bottom }) => bottom)),
      slope,
    ),
  };
}

function rectangle(from: number, to: number, top: number, bottom: number, slope: number): Quad {
  const norm = Math.hypot(1, slope);
  const corner = (along: number, below: number): Point => ({
    x: (along - slope * below) / norm,
    y: (below + slope * along) / norm,
  });
  return [corner(from, top), corner(to, top), corner(to, bottom), corner(from, bottom)];
}

/** Pieces by where they are, so that those in a box are found without looking at all. */
export class Buckets {
  readonly #size: number;
  readonly #places = new Map<string, Piece[]>();

  constructor(pieces: readonly Piece[], size: number) {
    this.#size = Math.max(1, size);
    for (const piece of pieces) {
      const { x, y } = centerOf(piece);
      const key = `${Math.floor(x / this.#size)} ${Math.floor(y / this.#size)}`;
      const list = this.#places.get(key);
      if (list === undefined) this.#places.set(key, [piece]);
      else list.push(piece);
    }
  }

  /** The pieces whose centers are in a box. */
  within({ left, top, right, bottom }: { left: number; top: number; right: number; bottom: number }): Piece[] {
    const found: Piece[] = [];
    for (let v = Math.floor(top / this.#size); v <= Math.floor(bottom / this.#size); v++) {
      for (let u = Math.floor(left / this.#size); u <= Math.floor(right / this.#size); u++) {
        for (const piece of this.#places.get(`${u} ${v}`) ?? []) {
          const { x, y } = centerOf(piece);
          if (x >= left && x <= right && y >= top && y <= bottom) found.push(piece);
        }
      }
    }
    return found;
  }
}

/** Things in reading order: rows from top to bottom, each from left to right. @param boxOf where each is */
export function inRows<T>(things: readonly T[], boxOf: (thing: T) => Box): T[] {
  const placed = things.map((thing) => ({ thing, box: boxOf(thing) })).sort((a, b) => a.box.top - b.box.top);
  const rows: (typeof placed)[] = [];
  for (const each of placed) {
    const row = rows.at(-1);
    const first = row?.[0].box;
    const middle = (each.box.top + each.box.bottom) / 2;
    if (
      row !== undefined &&
      first !== undefined &&
      middle < first.bottom &&
      each.box.top < (first.top + first.bottom) / 2
    ) {
      row.push(each);
    } else rows.push([each]);
  }
  return rows.flatMap((row) => row.sort((a, b) => a.box.left - b.box.left).map(({ thing }) => thing));
}

/**
 * Boxes, combs and grids of cells: lines along x and along y that meet in corners. A cell is the smallest quadrilateral at a
 * corner whose four sides are drawn; cells that share sides are a grid, with rows and columns. What is no side of a cell but long
 * and straight is a rule.
 */
import type { Box } from "../picture/regions.ts";
import { type Bitmap, hasInk } from "./bitmap.ts";
import { areaOf, boxOf, isInside, mapQuad, type Point, type Quad, sizeOf } from "./geometry.ts";
import { type Cell, type Drawn, type Grid, gridsOf } from "./grids.ts";
import { middleAt, type Track } from "./tracks.ts";

/** The cells of a page and all lines that are printed on it: sides of cells, and rules. */
export interface Frames {
  readonly cells: readonly Cell[];
  /** Lines along x, and along y (whose x and y have changed places). */
  readonly across: readonly Track[];
  readonly down: readonly Track[];
}

/** Lines meet if they end so many strokes from each other; a side is drawn if this part of it is. */
const MEET = 1;
const DRAWN = 0.85;
/** A cell is at least so many strokes wide and high. */
const LEAST_CELL = 5;
/** Opposite sides of a cell lie in nearly one direction, in radians. */
const PARALLEL = 0.12;
/** So far its corners are from right angles. */
const SHEARED = 0.4;
/** Of two cells that share this part of the smaller one's box, one is false. */
const OVERLAP = 0.2;
/** Lines are rules from so many strokes on … */
const RULE = 30;
/** … where this part of them is drawn with nothing crossing, and if they leave a straight line by at most this part of their length. */
const BARE = 0.7;
const BENT = 0.03;
/** A line with less than this part of it drawn is none if it is a side of less than this part of the cells it could be. */
const SOLID = 0.8;
const STRAY = 0.5;
/** No rule runs for more than this part of its length through cells; so many of its points are looked at. */
const WITHIN = 0.25;
const LOOKED_AT = 32;
/** How many lines beyond the next are tried as the other side of a cell: stray strokes may lie between. */
const TRIED = 16;
/** More corners than this are no form. */
const MOST_CORNERS = 20_000;

interface Corner extends Point {
  readonly across: number;
  readonly down: number;
}

/** Lines in one direction, and the bitmap in which they run along x. */
export interface Lines {
  readonly tracks: readonly Track[];
  readonly bitmap: Bitmap;
}

/** @param down lines along y, whose bitmap is transposed  @param stroke the usual width of strokes in pixels */
export function framesOf(
  { tracks: across, bitmap }: Lines,
  { tracks: down, bitmap: turned }: Lines,
  stroke: number,
): Frames {
  const corners = cornersOf(across, down, MEET * stroke + 1);
  const cellsOn = (some: readonly Corner[]): Drawn[] =>
    cellsOf(some, { bitmap, tracks: across }, { bitmap: turned, tracks: down }, stroke);
  const first = cellsOn(corners);
  const strays = straysOf(first, across, down);
  const drawn =
    strays.size === 0
      ? first
      : cellsOn(corners.filter(({ across: a, down: d }) => !strays.has(across[a]) && !strays.has(down[d])));
  const kept = withoutFrames(drawn);
  const [row, column] = [across, down].map((tracks) => sameLines(tracks, (LEAST_CELL / 2) * stroke));
  const named = kept.map(({ quad, top, bottom, left, right }) => ({
    quad,
    top: row[top],
    bottom: row[bottom],
    left: column[left],
    right: column[right],
  }));
  const grids = withoutOverlaps(gridsOf(named, bitmap, turned, stroke));
  const before = new Map(named.map((cell, k) => [cell, kept[k]]));
  const sides = grids.flatMap(({ lines }) => lines.map((cell) => before.get(cell) as Drawn));
  const rows = new Set(sides.flatMap(({ top, bottom }) => [top, bottom]));
  const columns = new Set(sides.flatMap(({ left, right }) => [left, right]));
  const cells = grids.flatMap(({ cells }) => cells);
  const quads = cells.map(({ quad }) => quad);
  const turnedQuads = quads.map((quad) => mapQuad(quad, ({ x, y }) => ({ x: y, y: x })));
  return {
    cells,
    across: across.filter((track, k) => rows.has(k) || (isRule(track, stroke) && !isWithin(track, quads))),
    down: down.filter((track, k) => columns.has(k) || (isRule(track, stroke) && !isWithin(track, turnedQuads))),
  };
}

/** For each track the number of the first that is of the same line: they foresee each other in the middle of the gap between them, or of what both cover. */
function sameLines(tracks: readonly Track[], aside: number): number[] {
  const order = [...tracks.keys()].sort((a, b) => tracks[a].start - tracks[b].start);
  const first = tracks.map((_, k) => k);
  for (const [k, a] of order.entries()) {
    const left = tracks[a];
    for (const b of order.slice(k + 1)) {
      const right = tracks[b];
      const gap = right.start - left.end;
      const length = Math.min(left.middle.length, right.middle.length);
      // What is foreseen from short tracks is not foreseen far.
      if (gap > 2 * length || first[b] !== b) continue;
      const x = (Math.min(left.end, right.end) + right.start) / 2;
      if (Math.abs(middleAt(left, x) - middleAt(right, x)) <= aside / 2) first[b] = first[a];
    }
  }
  return first;
}

/** Lines with gaps that are sides of few of the cells along them: strokes of writing that happen to reach from side to side. */
function straysOf(cells: readonly Drawn[], across: readonly Track[], down: readonly Track[]): Set<Track> {
  const uses = new Map<Track, { readonly beside: Set<number>; size: number }>();
  const count = (track: Track, beside: number, size: number): void => {
    const known = uses.get(track) ?? { beside: new Set<number>(), size };
    known.beside.add(beside);
    uses.set(track, known);
  };
  for (const { quad, top, bottom, left, right } of cells) {
    const { width, height } = sizeOf(quad);
    for (const line of [left, right]) count(down[line], top, height);
    for (const line of [top, bottom]) count(across[line], left, width);
  }
  const strays = [...uses].filter(
    ([track, { beside, size }]) =>
      track.coverage < SOLID && beside.size < STRAY * ((track.end - track.start + 1) / size),
  );
  return new Set(strays.map(([track]) => track));
}

/** Whether much of a line runs through the insides of cells, as digits do that stand in a row. */
function isWithin({ start, end, middle, thickness }: Track, quads: readonly Quad[]): boolean {
  const points = Array.from({ length: LOOKED_AT }, (_, k) => {
    const at = Math.round(((end - start) * (k + 0.5)) / LOOKED_AT);
    return { x: start + at, y: middle[at] };
  });
  const away = thickness;
  const inside = points.filter(({ x, y }) =>
    quads.some((quad) => isInside(quad, { x, y: y - away }) && isInside(quad, { x, y: y + away })),
  );
  return inside.length > WITHIN * LOOKED_AT;
}

function isRule(track: Track, stroke: number): boolean {
  const length = track.end - track.start;
  if (length < RULE * stroke || track.coverage < BARE) return false;
  const { middle } = track;
  const slope = (middle[middle.length - 1] - middle[0]) / length;
  let bent = 0;
  for (let k = 0; k < middle.length; k++) bent = Math.max(bent, Math.abs(middle[k] - middle[0] - slope * k));
  return bent <= BENT * length + track.thickness;
}

/** Where two lines meet, if they do. */
function cornerOf(across: Track, down: Track, reach: number): Point | undefined {
  let x = down.middle[down.middle.length >> 1];
  let y = 0;
  for (let k = 0; k < 4; k++) {
    y = middleAt(across, x);
    x = middleAt(down, y);
  }
  const meets =
    x >= across.start - reach && x <= across.end + reach && y >= down.start - reach && y <= down.end + reach;
  return meets ? { x, y } : undefined;
}

/** All corners, sorted along each line across and along each line down. */
function cornersOf(across: readonly Track[], down: readonly Track[], reach: number): Corner[] {
  const byStart = [...down.keys()].sort((a, b) => leftOf(down[a]) - leftOf(down[b]));
  const corners: Corner[] = [];
  for (const [a, line] of across.entries()) {
    for (const d of byStart) {
      if (leftOf(down[d]) > line.end + reach) break;
      const corner = cornerOf(line, down[d], reach + (line.thickness + down[d].thickness) / 2);
      if (corner !== undefined) corners.push({ ...corner, across: a, down: d });
    }
    if (corners.length > MOST_CORNERS) break;
  }
  return corners;
}

const leftOf = ({ middle }: Track): number => Math.min(middle[0], middle[middle.length - 1]);

function cellsOf(
  corners: readonly Corner[],
  { tracks: across, bitmap }: Lines,
  { tracks: down, bitmap: turned }: Lines,
  stroke: number,
): Drawn[] {
  const rights = across.map((): Corner[] => []);
  const belows = down.map((): Corner[] => []);
  const byLines = new Map<number, Corner>();
  for (const corner of corners) {
    rights[corner.across].push(corner);
    belows[corner.down].push(corner);
    byLines.set(corner.across * down.length + corner.down, corner);
  }
  for (const list of rights) list.sort((a, b) => a.x - b.x);
  for (const list of belows) list.sort((a, b) => a.y - b.y);
  const least = LEAST_CELL * stroke;
  const found: Drawn[] = [];
  for (const corner of corners) {
    const right = after(rights[corner.across], corner);
    const below = after(belows[corner.down], corner);
    const cell = smallest(
      corner,
      right,
      below,
      least,
      (a, d) => byLines.get(a * down.length + d),
      (quad, a, d) => {
        const [north, south, west, east] = [across[corner.across], across[a], down[corner.down], down[d]];
        return (
          isUpright(quad) &&
          isDrawn(bitmap, north, quad[0].x + west.thickness / 2, quad[1].x - east.thickness / 2) &&
          isDrawn(bitmap, south, quad[3].x + west.thickness / 2, quad[2].x - east.thickness / 2) &&
          isDrawn(turned, west, quad[0].y + north.thickness / 2, quad[3].y - south.thickness / 2) &&
          isDrawn(turned, east, quad[1].y + north.thickness / 2, quad[2].y - south.thickness / 2)
        );
      },
    );
    if (cell !== undefined) found.push(cell);
  }
  return found;
}

const after = (list: readonly Corner[], corner: Corner): Corner[] => {
  const at = list.indexOf(corner);
  return list.slice(at + 1, at + 1 + TRIED);
};

/** The cell with the least area whose top left corner this is. */
function smallest(
  corner: Corner,
  right: readonly Corner[],
  below: readonly Corner[],
  least: number,
  cornerAt: (across: number, down: number) => Corner | undefined,
  isCell: (quad: Quad, across: number, down: number) => boolean,
): Drawn | undefined {
  let best: Drawn | undefined;
  let area = Number.POSITIVE_INFINITY;
  for (const b of right) {
    if (b.x - corner.x < least) continue;
    for (const d of below) {
      const size = (b.x - corner.x) * (d.y - corner.y);
      if (d.y - corner.y < least || size >= area) continue;
      const c = cornerAt(d.across, b.down);
      if (c === undefined) continue;
      const quad: Quad = [corner, b, c, d];
      if (!isCell(quad, d.across, b.down)) continue;
      area = size;
      best = { quad, top: corner.across, bottom: d.across, left: corner.down, right: b.down };
    }
  }
  return best;
}

/** Whether opposite sides lie in nearly one direction, and neighboring ones at nearly right angles. */
function isUpright([a, b, c, d]: Quad): boolean {
  const turn = (from: Point, to: Point): number => Math.atan2(to.y - from.y, to.x - from.x);
  const [top, bottom, left, right] = [turn(a, b), turn(d, c), turn(a, d), turn(b, c)];
  return (
    Math.abs(top - bottom) <= PARALLEL &&
    Math.abs(left - right) <= PARALLEL &&
    Math.abs(left - top - Math.PI / 2) <= SHEARED &&
    Math.abs(right - bottom - Math.PI / 2) <= SHEARED
  );
}

/** Whether a line is drawn nearly all the way from one x to another, with paper on one side of it at least. */
function isDrawn(bitmap: Bitmap, line: Track, from: number, to: number): boolean {
  const { data, width } = bitmap;
  const reach = Math.ceil(line.thickness / 2);
  const beside = Math.ceil(1.5 * line.thickness) + 1;
  const first = Math.max(0, Math.round(from));
  const last = Math.min(width - 1, Math.round(to));
  let drawn = 0;
  for (let x = first; x <= last; x++) {
    const middle = Math.round(middleAt(line, x));
    if (data[(middle - beside) * width + x] === 1 && data[(middle + beside) * width + x] === 1) continue;
    if (hasInk(bitmap, x, middle - reach, x, middle + reach)) drawn++;
  }
  return drawn >= DRAWN * (last - first + 1);
}

/** What surrounds the middle of a smaller cell is no cell, but a frame. */
function withoutFrames(cells: readonly Drawn[]): Drawn[] {
  const centers = cells.map(({ quad: [a, b, c, d] }) => ({
    x: (a.x + b.x + c.x + d.x) / 4,
    y: (a.y + b.y + c.y + d.y) / 4,
  }));
  const areas = cells.map(({ quad }) => areaOf(quad));
  return cells.filter(
    ({ quad }, k) => !centers.some((center, other) => areas[other] < areas[k] && isInside(quad, center)),
  );
}

/** Of cells that lie upon one another, those of the larger grid. */
function withoutOverlaps(grids: readonly Grid[]): Grid[] {
  const kept: Box[] = [];
  return [...grids]
    .sort((a, b) => b.cells.length - a.cells.length)
    .filter(({ cells }) => {
      const boxes = cells.map(({ quad }) => boxOf(quad));
      if (boxes.some((box) => kept.some((other) => overlap(box, other) > OVERLAP))) return false;
      kept.push(...boxes);
      return true;
    });
}

/** Which part of the smaller of two boxes both share. */
function overlap(a: Box, b: Box): number {
  const shared = (low: number, high: number): number => Math.max(0, high - low);
  const width = shared(Math.max(a.left, b.left), Math.min(a.right, b.right));
  const height = shared(Math.max(a.top, b.top), Math.min(a.bottom, b.bottom));
  const size = ({ left, top, right, bottom }: Box): number => (right - left) * (bottom - top);
  return (width * height) / Math.max(1, Math.min(size(a), size(b)));
}

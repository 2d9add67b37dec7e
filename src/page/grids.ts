/**
 * Rows and columns of cells that meet in their corners. Lines of a grid are put in order by the cells between them, so a cell over
 * two rows counts for two. Where a cell is missing or covers several because a line is faint there, and a part of that line is
 * to be seen, it is made from the lines of its row and its column.
 */
import { type Bitmap, hasInk } from "./bitmap.ts";
import { along, crossing, distance, type Point, type Quad, sizeOf } from "./geometry.ts";

/** A cell as it is drawn, and the numbers of the lines that are its sides. */
export interface Drawn {
  readonly quad: Quad;
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

/** A quadrilateral with four sides, in pixels of the bitmap. */
export interface Cell {
  readonly quad: Quad;
  /** Which grid it is in, from 0; one that shares no corner is alone in its grid. */
  readonly grid: number;
  /** Place in the grid, from 0. */
  readonly row: number;
  readonly column: number;
}

/** Cells that hang together, in reading order, and the lines around those that were found. */
export interface Grid {
  readonly cells: readonly Cell[];
  readonly lines: readonly Drawn[];
}

/** Grids are completed if at least this part of their cells was found. */
const FOUND = 0.5;
/** A grid is regular if at least this part of its cells remains without those on stray lines; so many rows or columns show it. */
const REGULAR = 0.7;
const LEAST_PLACES = 4;
/** Cells of a row are so high, at least, beside the usual one of the row; those of a column so wide. */
const ALIKE = 0.75;
/** A side that was not found has ink, at least faint ink, along this part of it. */
const HINT = 0.25;

/** @param bitmap ink and faint lines along x  @param turned likewise along y, transposed */
export function gridsOf(drawn: readonly Drawn[], bitmap: Bitmap, turned: Bitmap, stroke: number): Grid[] {
  return groupsOf(drawn).map((group, grid) => {
    const cells = withoutStrays(group);
    const all = completed(spansOf(cells), bitmap, turned, stroke);
    const order = [...all].sort((a, b) => a.top - b.top || a.left - b.left);
    return { lines: cells, cells: order.map(({ quad, top, left }) => ({ quad, grid, row: top, column: left })) };
  });
}

/** Cells with the places of their sides among the lines of their grid. */
function spansOf(cells: readonly Drawn[]): Drawn[] {
  const rows = orderOf(cells.map(({ top, bottom }) => [top, bottom]));
  const columns = orderOf(cells.map(({ left, right }) => [left, right]));
  return cells.map(({ quad, top, bottom, left, right }) => ({
    quad,
    top: rows.get(top) ?? 0,
    bottom: rows.get(bottom) ?? 0,
    left: columns.get(left) ?? 0,
    right: columns.get(right) ?? 0,
  }));
}

/**
 * The cells of a grid but those with sides on stray lines: in a grid that is regular otherwise, a line that few of the cells along it
 * have as a side is a stroke of writing.
 */
function withoutStrays(cells: readonly Drawn[]): readonly Drawn[] {
  const spans = spansOf(cells);
  const rows = Math.max(...spans.map(({ bottom }) => bottom));
  const columns = Math.max(...spans.map(({ right }) => right));
  const strayRows = strays(
    spans.map(({ top, bottom, left }) => [top, bottom, left]),
    rows,
    columns,
  );
  const strayColumns = strays(
    spans.map(({ left, right, top }) => [left, right, top]),
    columns,
    rows,
  );
  const heights = mediansOf(spans.map(({ quad, top }) => [top, sizeOf(quad).height]));
  const widths = mediansOf(spans.map(({ quad, left }) => [left, sizeOf(quad).width]));
  const kept = cells.filter((_, k) => {
    const { quad, top, bottom, left, right } = spans[k];
    const { width, height } = sizeOf(quad);
    return (
      ![top, bottom].some((line) => strayRows.has(line)) &&
      ![left, right].some((line) => strayColumns.has(line)) &&
      height >= ALIKE * (heights.get(top) ?? 0) &&
      width >= ALIKE * (widths.get(left) ?? 0)
    );
  });
  return kept.length >= REGULAR * cells.length ? kept : cells;
}

/** The median of the values of each place. */
function mediansOf(values: readonly (readonly [place: number, value: number])[]): Map<number, number> {
  const lists = new Map<number, number[]>();
  for (const [place, value] of values) lists.set(place, [...(lists.get(place) ?? []), value]);
  return new Map([...lists].map(([place, list]) => [place, list.sort((a, b) => a - b)[list.length >> 1]]));
}

/** Lines that are a side for less than half of the places along them. @param sides the two lines of each cell, and its place along them */
function strays(sides: readonly (readonly [number, number, number])[], lines: number, places: number): Set<number> {
  if (places < LEAST_PLACES) return new Set();
  const used = Array.from({ length: lines + 1 }, () => new Set<number>());
  for (const [first, second, place] of sides) {
    used[first].add(place);
    used[second].add(place);
  }
  return new Set([...used.keys()].filter((line) => used[line].size < places / 2));
}

/** Cells that hang together by their corners. */
function groupsOf(drawn: readonly Drawn[]): Drawn[][] {
  const parents = drawn.map((_, k) => k);
  const root = (k: number): number => {
    let at = k;
    while (parents[at] !== at) at = parents[at];
    parents[k] = at;
    return at;
  };
  const byCorner = new Map<string, number>();
  for (const [k, { top, bottom, left, right }] of drawn.entries()) {
    for (const corner of [`${top} ${left}`, `${top} ${right}`, `${bottom} ${left}`, `${bottom} ${right}`]) {
      const other = byCorner.get(corner);
      if (other === undefined) byCorner.set(corner, k);
      else parents[root(k)] = root(other);
    }
  }
  const groups = new Map<number, Drawn[]>();
  for (const [k, cell] of drawn.entries()) {
    const group = groups.get(root(k));
    if (group === undefined) groups.set(root(k), [cell]);
    else group.push(cell);
  }
  return [...groups.values()];
}

/** Numbers lines so that of each pair the second comes after the first; the longest path to each. */
function orderOf(pairs: readonly (readonly [number, number])[]): Map<number, number> {
  const order = new Map(pairs.flat().map((line) => [line, 0]));
  // Lines that cross one another could chase each other up for ever.
  for (let round = 0; round < order.size; round++) {
    let isDone = true;
    for (const [first, second] of pairs) {
      const after = (order.get(first) ?? 0) + 1;
      if ((order.get(second) ?? 0) >= after) continue;
      order.set(second, after);
      isDone = false;
    }
    if (isDone) break;
  }
  return order;
}

function completed(spans: readonly Drawn[], bitmap: Bitmap, turned: Bitmap, stroke: number): readonly Drawn[] {
  const rows = Math.max(...spans.map(({ bottom }) => bottom));
  const columns = Math.max(...spans.map(({ right }) => right));
  const whole = spans.filter(({ top, bottom, left, right }) => bottom - top === 1 && right - left === 1);
  if (whole.length === rows * columns || whole.length < FOUND * rows * columns) return spans;
  const corners = cornersOf(spans, rows, columns);
  const isWhole = new Set(whole.map(({ top, left }) => top * columns + left));
  const made: Drawn[] = [];
  for (let top = 0; top < rows; top++) {
    for (let left = 0; left < columns; left++) {
      if (isWhole.has(top * columns + left)) continue;
      const quad = [corners(top, left), corners(top, left + 1), corners(top + 1, left + 1), corners(top + 1, left)];
      if (quad.some((corner) => corner === undefined)) continue;
      const [a, b, c, d] = quad as unknown as Quad;
      const isHinted =
        hint(bitmap, a, b, stroke) >= HINT &&
        hint(bitmap, d, c, stroke) >= HINT &&
        hint(turned, turn(a), turn(d), stroke) >= HINT &&
        hint(turned, turn(b), turn(c), stroke) >= HINT;
      if (isHinted) made.push({ quad: [a, b, c, d], top, bottom: top + 1, left, right: left + 1 });
    }
  }
  const isMade = new Set(made.map(({ top, left }) => top * columns + left));
  // A cell over several places gives way if all of them are made.
  const kept = spans.filter(({ top, bottom, left, right }) => {
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) if (!isMade.has(row * columns + column)) return true;
    }
    return bottom - top === 1 && right - left === 1;
  });
  const isCovered = new Set(
    kept.flatMap(({ top, bottom, left, right }) => {
      const places: number[] = [];
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) places.push(row * columns + column);
      }
      return places;
    }),
  );
  return [...kept, ...made.filter(({ top, left }) => !isCovered.has(top * columns + left))];
}

const turn = ({ x, y }: Point): Point => ({ x: y, y: x });

/** The corners of a grid: as they were found, or where the lines of their row and their column meet. */
function cornersOf(
  spans: readonly Drawn[],
  rows: number,
  columns: number,
): (row: number, column: number) => Point | undefined {
  const known = new Map<number, Point>();
  const key = (row: number, column: number): number => row * (columns + 1) + column;
  for (const { quad, top, bottom, left, right } of spans) {
    known.set(key(top, left), quad[0]);
    known.set(key(top, right), quad[1]);
    known.set(key(bottom, right), quad[2]);
    known.set(key(bottom, left), quad[3]);
  }
  /** The two known corners nearest to a place along a line, from both sides if there are. */
  const nearest = (count: number, at: number, cornerAt: (k: number) => Point | undefined): Point[] => {
    const before: Point[] = [];
    const behind: Point[] = [];
    for (let k = at - 1; k >= 0 && before.length < 2; k--) before.push(...[cornerAt(k) ?? []].flat());
    for (let k = at + 1; k <= count && behind.length < 2; k++) behind.push(...[cornerAt(k) ?? []].flat());
    return before.length > 0 && behind.length > 0 ? [before[0], behind[0]] : before.length > 1 ? before : behind;
  };
  return (row, column) => {
    const found = known.get(key(row, column));
    if (found !== undefined) return found;
    const [a, b] = nearest(columns, column, (k) => known.get(key(row, k)));
    const [c, d] = nearest(rows, row, (k) => known.get(key(k, column)));
    return b === undefined || d === undefined ? undefined : crossing(a, b, c, d);
  };
}

/** Which part of a straight line, mostly along x, has ink no farther than a stroke from it. */
function hint(bitmap: Bitmap, from: Point, to: Point, stroke: number): number {
  const steps = Math.max(1, Math.round(distance(from, to)));
  const reach = Math.max(1, Math.round(stroke));
  let inked = 0;
  for (let k = 0; k <= steps; k++) {
    const point = along(from, to, k / steps);
    const [x, middle] = [Math.round(point.x), Math.round(point.y)];
    if (hasInk(bitmap, x, middle - reach, x, middle + reach)) inked++;
  }
  return inked / (steps + 1);
}

/** Points, quadrilaterals, and the projective maps between pictures. */
import type { Box } from "../picture/regions.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Four corners, from the top left clockwise. */
export type Quad = readonly [Point, Point, Point, Point];

/**
 * A projective map, row by row: (x, y) goes to ((m₀x + m₁y + m₂) / w, (m₃x + m₄y + m₅) / w) with w = m₆x + m₇y + m₈.
 */
export type Homography = readonly [number, number, number, number, number, number, number, number, number];

export const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

/** The point a part of the way from one to another. */
export const along = (a: Point, b: Point, part: number): Point => ({
  x: a.x + (b.x - a.x) * part,
  y: a.y + (b.y - a.y) * part,
});

/** Where a map takes a point. */
export function project(m: Homography, { x, y }: Point): Point {
  const w = m[6] * x + m[7] * y + m[8];
  return { x: (m[0] * x + m[1] * y + m[2]) / w, y: (m[3] * x + m[4] * y + m[5]) / w };
}

/** A quadrilateral with each corner moved. */
export const mapQuad = ([a, b, c, d]: Quad, move: (corner: Point) => Point): Quad => [
  move(a),
  move(b),
  move(c),
  move(d),
];

/** The corners of an upright rectangle. */
export const rectangle = (x: number, y: number, width: number, height: number): Quad => [
  { x, y },
  { x: x + width, y },
  { x: x + width, y: y + height },
  { x, y: y + height },
];

/** The map that makes a picture so many times as wide and high. */
export const scaling = (x: number, y: number): Homography => [x, 0, 0, 0, y, 0, 0, 0, 1];

/** Means of opposite sides: how wide and high a quadrilateral is. */
export function sizeOf([a, b, c, d]: Quad): { readonly width: number; readonly height: number } {
  return { width: (distance(a, b) + distance(d, c)) / 2, height: (distance(a, d) + distance(b, c)) / 2 };
}

export const areaOf = ([a, b, c, d]: Quad): number =>
  Math.abs((c.x - a.x) * (d.y - b.y) - (d.x - b.x) * (c.y - a.y)) / 2;

/** The smallest upright box around a quadrilateral. */
export const boxOf = (quad: Quad): Box => ({
  left: Math.min(...quad.map(({ x }) => x)),
  top: Math.min(...quad.map(({ y }) => y)),
  right: Math.max(...quad.map(({ x }) => x)),
  bottom: Math.max(...quad.map(({ y }) => y)),
});

/** Whether a point lies inside; the corners go clockwise, or all counterclockwise. */
export function isInside(quad: Quad, { x, y }: Point): boolean {
  let [left, right] = [false, false];
  for (let k = 0; k < 4; k++) {
    const [a, b] = [quad[k], quad[(k + 1) % 4]];
    const side = (b.x - a.x) * (y - a.y) - (b.y - a.y) * (x - a.x);
    if (side > 0) right = true;
    if (side < 0) left = true;
  }
  return !(left && right);
}

/** The map that takes a rectangle of this size, with corners (0, 0) and (width, height), to a quadrilateral (Heckbert 1989, section 2.2.3). */
export function rectangleTo([a, b, c, d]: Quad, width: number, height: number): Homography {
  const [dx1, dx2, sx] = [b.x - c.x, d.x - c.x, a.x - b.x + c.x - d.x];
  const [dy1, dy2, sy] = [b.y - c.y, d.y - c.y, a.y - b.y + c.y - d.y];
  const determinant = dx1 * dy2 - dx2 * dy1;
  const g = determinant === 0 ? 0 : (sx * dy2 - dx2 * sy) / determinant;
  const h = determinant === 0 ? 0 : (dx1 * sy - sx * dy1) / determinant;
  return [
    (b.x - a.x + g * b.x) / width,
    (d.x - a.x + h * d.x) / height,
    a.x,
    (b.y - a.y + g * b.y) / width,
    (d.y - a.y + h * d.y) / height,
    a.y,
    g / width,
    h / height,
    1,
  ];
}

/** The map that undoes another. */
export function inverse([a, b, c, d, e, f, g, h, i]: Homography): Homography {
  return [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ];
}

/** The map that does `second` after `first`. */
export function composed(second: Homography, first: Homography): Homography {
  const out = new Array<number>(9).fill(0);
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) {
      for (let k = 0; k < 3; k++) out[3 * row + column] += second[3 * row + k] * first[3 * k + column];
    }
  }
  return out as unknown as Homography;
}

/** Where the straight lines through a, b and through c, d meet; undefined where they are nearly parallel. */
export function crossing(a: Point, b: Point, c: Point, d: Point): Point | undefined {
  const [ux, uy, vx, vy] = [b.x - a.x, b.y - a.y, d.x - c.x, d.y - c.y];
  const turn = ux * vy - uy * vx;
  if (Math.abs(turn) <= 0.1 * Math.hypot(ux, uy) * Math.hypot(vx, vy)) return undefined;
  return along(a, b, ((c.x - a.x) * vy - (c.y - a.y) * vx) / turn);
}

/** The map that takes one quadrilateral to another. */
export const quadToQuad = (from: Quad, to: Quad): Homography =>
  composed(rectangleTo(to, 1, 1), inverse(rectangleTo(from, 1, 1)));

/**
 * The map that takes points to others with the least squares of their distances, nearly: the equations are linear in it (Hartley and
 * Zisserman, Multiple View Geometry, section 4.1), with both sets moved and scaled to the unit square first.
 * @returns undefined where the points leave it open
 */
export function fitHomography(from: readonly Point[], to: readonly Point[]): Homography | undefined {
  if (from.length < 4) return undefined;
  const [unitFrom, unitTo] = [normalizing(from), normalizing(to)];
  const rows = Array.from({ length: 8 }, () => new Float64Array(9));
  for (const [k, point] of from.entries()) {
    const { x, y } = project(unitFrom, point);
    const { x: u, y: v } = project(unitTo, to[k]);
    for (const [equation, value] of [
      [[x, y, 1, 0, 0, 0, -u * x, -u * y], u],
      [[0, 0, 0, x, y, 1, -v * x, -v * y], v],
    ] as const) {
      for (let i = 0; i < 8; i++) {
        for (let j = 0; j < 8; j++) rows[i][j] += equation[i] * equation[j];
        rows[i][8] += equation[i] * value;
      }
    }
  }
  const h = solve(rows);
  return h && composed(inverse(unitTo), composed([h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7], 1], unitFrom));
}

function normalizing(points: readonly Point[]): Homography {
  const x = points.reduce((sum, point) => sum + point.x, 0) / points.length;
  const y = points.reduce((sum, point) => sum + point.y, 0) / points.length;
  const spread = points.reduce((sum, point) => sum + Math.hypot(point.x - x, point.y - y), 0) / points.length || 1;
  return [1 / spread, 0, -x / spread, 0, 1 / spread, -y / spread, 0, 0, 1];
}

/** Gauss's elimination with the largest pivots. @param rows of coefficients, with the right side last */
function solve(rows: Float64Array[]): number[] | undefined {
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let i = k + 1; i < size; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[pivot][k])) pivot = i;
    if (Math.abs(rows[pivot][k]) < 1e-10) return undefined;
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = 0; i < size; i++) {
      if (i === k) continue;
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= size; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  return rows.map((row, k) => row[size] / row[k]);
}

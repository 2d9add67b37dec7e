/**
 * Augmentations that move a picture. Each multiplies what it draws into the sample's map (picture-map.ts), given
 * backwards, from where a pixel is to where it was; the picture itself is sampled once, when all have spoken.
 */
import type { Random } from "../engine/random.ts";
import type { PictureMap } from "./picture-map.ts";
import type { Interval } from "./rules.ts";
import type { Frame } from "./workspace.ts";

export type Move = (map: PictureMap, random: Random) => void;

/** Draws nothing where there is nothing to choose. */
export function draw(random: Random, [low, high]: Interval): number {
  return low === high ? low : random.between(low, high);
}

/** Whether something of probability `p` happens. A certain event draws nothing. */
export function happens(p: number, random: Random): boolean {
  return p === 1 || random.uniform() < p;
}

export const radians = (degrees: number): number => (degrees * Math.PI) / 180;

export function rotate(degrees: Interval): Move {
  return (map, random) => {
    const angle = radians(draw(random, degrees));
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    map.affine(cos, -sin, 0, sin, cos, 0);
  };
}

export function flip(axis: "horizontal" | "vertical"): Move {
  const [x, y] = axis === "horizontal" ? [-1, 1] : [1, -1];
  return (map) => map.affine(x, 0, 0, 0, y, 0);
}

export function zoom(scale: Interval, aspect: Interval): Move {
  return (map, random) => {
    const factor = draw(random, scale);
    // Half of the aspect to each axis, so that it does not change the area.
    const stretch = Math.sqrt(draw(random, aspect));
    map.affine(1 / (factor * stretch), 0, 0, 0, stretch / factor, 0);
  };
}

export function shift(x: Interval, y: Interval, { width, height }: Frame): Move {
  return (map, random) => {
    const right = draw(random, x) * width;
    const down = draw(random, y) * height;
    map.affine(1, 0, -right, 0, 1, -down);
  };
}

export function shear(x: Interval, y: Interval): Move {
  return (map, random) => {
    const lean = Math.tan(radians(draw(random, x)));
    const fall = Math.tan(radians(draw(random, y)));
    map.affine(1, lean, 0, 0, 1, 0);
    map.affine(1, 0, 0, -fall, 1, 0);
  };
}

export function crop(padding: number): Move {
  return (map, random) => {
    const right = random.integer(2 * padding + 1) - padding;
    const down = random.integer(2 * padding + 1) - padding;
    map.affine(1, 0, right, 0, 1, down);
  };
}

/** The corners of the picture, and the direction from each to the inside, clockwise from the upper left. */
const CORNERS = [
  [-1, -1],
  [1, -1],
  [1, 1],
  [-1, 1],
] as const;

export function perspective(distortion: number, { width, height }: Frame): Move {
  return (map, random) => {
    const corners = CORNERS.map(([x, y]): [number, number] => [
      (x * width * (1 - distortion * random.uniform())) / 2,
      (y * height * (1 - distortion * random.uniform())) / 2,
    ]);
    map.projective(quadToRectangle(corners, width, height));
  };
}

/**
 * The projective map, row by row, that takes a quadrangle's corners (clockwise from the upper left) to those of a centered
 * rectangle: P. Heckbert, "Fundamentals of texture mapping and image warping", 1989, section 2.2.3, inverted.
 */
export function quadToRectangle(
  corners: readonly (readonly [x: number, y: number])[],
  width: number,
  height: number,
): number[] {
  const [[x0, y0], [x1, y1], [x2, y2], [x3, y3]] = corners;
  const [sumX, sumY] = [x0 - x1 + x2 - x3, y0 - y1 + y2 - y3];
  const [dx1, dy1, dx2, dy2] = [x1 - x2, y1 - y2, x3 - x2, y3 - y2];
  const det = dx1 * dy2 - dx2 * dy1;
  const g = (sumX * dy2 - dx2 * sumY) / det;
  const h = (dx1 * sumY - sumX * dy1) / det;
  const [a, b, c] = [x1 - x0 + g * x1, x3 - x0 + h * x3, x0];
  const [d, e, f] = [y1 - y0 + g * y1, y3 - y0 + h * y3, y0];
  // The adjugate of [a b c; d e f; g h 1] takes the quadrangle to the unit square: a map needs its inverse up to a factor.
  const w = [d * h - e * g, b * g - a * h, a * e - b * d];
  const u = [e - f * h, c * h - b, b * f - c * e].map((value, i) => width * (value - w[i] / 2));
  const v = [f * g - d, a - c * g, c * d - a * f].map((value, i) => height * (value - w[i] / 2));
  return [...u, ...v, ...w];
}

/** Pictures for tests: a digit drawn with a round pen, at any size, place, polarity and shade. */
import type { Picture } from "../../src/picture/picture.ts";

/** A "5" as a polyline in the unit square. */
const FIVE = [
  [0.85, 0.05],
  [0.25, 0.05],
  [0.2, 0.45],
  [0.5, 0.38],
  [0.8, 0.55],
  [0.8, 0.8],
  [0.5, 0.97],
  [0.12, 0.85],
] as const;

export interface Drawing {
  readonly size: number;
  readonly left: number;
  readonly top: number;
  /** Side of the unit square, and width of the pen, in pixels. */
  readonly side: number;
  readonly pen: number;
  readonly ink: number;
  readonly paper: (x: number, y: number) => number;
}

/** Draws the five with soft edges of one pixel. */
export function drawFive(drawing: Drawing): Picture & { data: Uint8Array } {
  const { size, left, top, side, pen, ink, paper } = drawing;
  const data = new Uint8Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const distance = distanceToFive((x + 0.5 - left) / side, (y + 0.5 - top) / side) * side;
      const cover = Math.max(0, Math.min(1, pen / 2 - distance + 0.5));
      data[y * size + x] = Math.round(ink * cover + paper(x, y) * (1 - cover));
    }
  }
  return { width: size, height: size, channels: 1, data };
}

function distanceToFive(x: number, y: number): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < FIVE.length; i++) {
    const [ax, ay] = FIVE[i - 1];
    const [dx, dy] = [FIVE[i][0] - ax, FIVE[i][1] - ay];
    const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)));
    nearest = Math.min(nearest, Math.hypot(x - ax - t * dx, y - ay - t * dy));
  }
  return nearest;
}

/** Mean difference of two byte pictures, of 255. */
export function meanDifference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}

/** What else is in the picture of a number: what was left of boxes, combs and rules, dirt, pieces of other lines, noise. */
import type { Random } from "../engine/random.ts";
import type { Canvas } from "./canvas.ts";
import type { Layout } from "./layout.ts";

/** Shares of pictures that have it. */
export interface Clutter {
  /** Boxes around digits, or combs. */
  readonly box: number;
  /** Rules above or below. */
  readonly rule: number;
  /** Specks, and pieces of other lines at the upper and lower edge. */
  readonly dirt: number;
  readonly noise: number;
}

/** @param begin, end where the ink of the string begins and ends */
export function addClutter(
  canvas: Canvas,
  layout: Layout,
  count: number,
  { box, rule, dirt, noise }: Clutter,
  begin: number,
  end: number,
  random: Random,
): void {
  if (random.uniform() < box) addBoxes(canvas, layout, count, begin, end, random);
  if (random.uniform() < rule) addRule(canvas, begin, end, random);
  if (random.uniform() < dirt) addDirt(canvas, begin, end, random);
  if (random.uniform() < noise) {
    canvas.noise(random.between(0, 0.4), random.between(0, 12), Math.min(canvas.columns, Math.ceil(end) + 4), random);
  }
}

/** Lines were removed before, so pieces of them are left, seldom whole ones. */
function broken(
  canvas: Canvas,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  radius: number,
  ink: number,
  random: Random,
): void {
  const pieces = 1 + random.integer(4);
  for (let k = 0; k < pieces; k++) {
    const from = (k + 0.6 * random.uniform()) / pieces;
    const to = Math.min(1, from + random.uniform() / pieces);
    canvas.line(x0 + from * (x1 - x0), y0 + from * (y1 - y0), x0 + to * (x1 - x0), y0 + to * (y1 - y0), radius, ink);
  }
}

function addBoxes(canvas: Canvas, layout: Layout, count: number, begin: number, end: number, random: Random): void {
  const [radius, ink] = [random.between(0.2, 0.9), random.between(70, 230)];
  const bottom = canvas.height - 1 - random.between(0, 1.5);
  const top = random.between(0, 1.5);
  const isComb = random.uniform() < 0.35;
  const upper = isComb ? bottom - random.between(4, 9) : top;
  for (let k = 0; k + 1 < count; k++) {
    const gap = layout.left[k + 1] - layout.right[k];
    // A line through a digit is none of a box.
    if (gap < 3) continue;
    const x = (layout.right[k] + layout.left[k + 1]) / 2;
    broken(canvas, [x, upper, x, bottom], radius, ink, random);
  }
  if (random.uniform() < 0.7) broken(canvas, [begin - 3, bottom, end + 3, bottom], radius, ink, random);
  if (!isComb && random.uniform() < 0.7) broken(canvas, [begin - 3, top, end + 3, top], radius, ink, random);
}

function addRule(canvas: Canvas, begin: number, end: number, random: Random): void {
  const [radius, ink] = [random.between(0.1, 0.8), random.between(60, 230)];
  const y = random.uniform() < 0.8 ? canvas.height - 1 - random.between(0, 3) : random.between(0, 1.5);
  const tilt = random.between(-1, 1);
  broken(canvas, [begin - 4, y - tilt, end + 4, y + tilt], radius, ink, random);
}

function addDirt(canvas: Canvas, begin: number, end: number, random: Random): void {
  for (let specks = random.integer(4); specks > 0; specks--) {
    const [x, y] = [random.between(begin - 4, end + 4), random.between(0, canvas.height - 1)];
    canvas.line(x, y, x + random.between(-0.5, 0.5), y, random.between(0, 0.4), random.between(60, 160));
  }
  for (let pieces = random.integer(3); pieces > 0; pieces--) {
    const x = random.between(begin, end);
    const isUpper = random.uniform() < 0.5;
    const edge = isUpper ? 0 : canvas.height - 1;
    const depth = random.between(0, 2) * (isUpper ? 1 : -1);
    const y = edge + depth;
    canvas.line(x, edge, x + random.between(-4, 4), y, random.between(0.5, 1.3), random.between(120, 255));
  }
}

/** Draws over a number so that it does not count any more. */
export function strikeOut(canvas: Canvas, begin: number, end: number, random: Random): void {
  const { height } = canvas;
  const radius = random.between(0.8, 1.6);
  const [low, high] = [0.2 * height, 0.8 * height];
  const across = (): number => random.between(low, high);
  if (random.uniform() < 0.5) {
    // To and fro over all of it.
    let [x, y] = [begin - 1, across()];
    const step = random.between(3, 8);
    for (let isDown = true; x < end; isDown = !isDown) {
      const next = isDown ? random.between(0.65, 0.9) * height : random.between(0.1, 0.35) * height;
      canvas.line(x, y, x + step, next, radius, 255);
      [x, y] = [x + step, next];
    }
    return;
  }
  for (let lines = 2 + random.integer(3); lines > 0; lines--) {
    canvas.line(begin - random.between(0, 3), across(), end + random.between(0, 3), across(), radius, 255);
  }
}

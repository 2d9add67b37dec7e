/**
 * Characters as strokes of our own: lines and arcs in a frame, drawn with a pen of some width. No font is needed for them.
 * print.ts, letters.ts and signs.ts have the strokes; what comes out are pictures like those of a data set.
 */

/** Points of one stroke, x and y in turn, in a frame whose height is 1: digits stand between y = 0 (top) and 1 (baseline). */
export type Stroke = readonly number[];

/** How strokes become pixels. */
export interface Pen {
  /** Side of the picture. */
  readonly side: number;
  /** Pixels from y = 0 to y = 1. */
  readonly height: number;
  /** Pixels that x = 1 is from x = 0. */
  readonly width: number;
  /** Half the width of upright strokes, in pixels. */
  readonly upright: number;
  /** Half the width of level strokes; below `upright` as in a book's type. */
  readonly level: number;
  /** Columns by which the top leans to the right. */
  readonly slant?: number | undefined;
}

/** Draws strokes around the middle of a picture, of which the frame's x = ½ and y = ½ come to lie in the middle. */
export function drawStrokes(strokes: readonly Stroke[], pen: Pen): Uint8Array {
  const { side, height, width, upright, level, slant = 0 } = pen;
  const pixels = new Uint8Array(side * side);
  const middle = (side - 1) / 2;
  // A pen that is wider than it is high is a round one on paper that is stretched.
  const stretch = upright / level;
  for (const stroke of strokes) {
    for (let k = 0; k + 3 < stroke.length || k === 0; k += 2) {
      const end = k + 3 < stroke.length ? k + 2 : k;
      const [x0, y0, x1, y1] = [stroke[k], stroke[k + 1], stroke[end], stroke[end + 1]];
      const ax = middle + (x0 - 0.5) * width - (y0 - 0.5) * slant;
      const ay = middle + (y0 - 0.5) * height;
      const bx = middle + (x1 - 0.5) * width - (y1 - 0.5) * slant;
      const by = middle + (y1 - 0.5) * height;
      segment(pixels, side, [ax, ay, bx, by], upright, stretch);
    }
  }
  return pixels;
}

function segment(
  pixels: Uint8Array,
  side: number,
  [ax, ay, bx, by]: readonly [number, number, number, number],
  radius: number,
  stretch: number,
): void {
  const [dx, dy] = [bx - ax, (by - ay) * stretch];
  const length = dx * dx + dy * dy;
  const reach = radius + 1;
  const top = Math.max(0, Math.floor(Math.min(ay, by) - reach));
  const bottom = Math.min(side - 1, Math.ceil(Math.max(ay, by) + reach));
  const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
  const right = Math.min(side - 1, Math.ceil(Math.max(ax, bx) + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x - ax, (y - ay) * stretch];
      const along = length === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length));
      const [ex, ey] = [px - along * dx, py - along * dy];
      const value = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - Math.sqrt(ex * ex + ey * ey))));
      if (value > pixels[y * side + x]) pixels[y * side + x] = value;
    }
  }
}

/** Points on a circle by quarters: cos and sin of 0°, 22.5°, 45° and 67.5°, so that no machine rounds them otherwise. */
const COS = [1, 0.92387953, Math.SQRT1_2, 0.38268343];
const cosine = (step: number): number => {
  const k = ((step % 16) + 16) % 16;
  if (k < 4) return COS[k];
  if (k === 4) return 0;
  if (k <= 8) return -cosine(8 - k);
  return cosine(16 - k);
};

/**
 * A part of an ellipse.
 * @param from, to in sixteenths of a turn, 0 on the right, 4 at the bottom; backwards where `to` is less
 */
export function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): number[] {
  const points: number[] = [];
  const step = from <= to ? 1 : -1;
  for (let k = from; step > 0 ? k <= to : k >= to; k += step) {
    points.push(cx + rx * cosine(k), cy + ry * cosine(k - 4));
  }
  return points;
}

/**
 * The ground behind the ink of a scan or photograph: how bright the paper is at every pixel, also under the strokes and
 * across the edge of a shadow. Part of ink.ts's step of the preprocessing; nothing here is learned or drawn by lot.
 */
import type { InkSide } from "./ink.ts";
import { resize } from "./resize.ts";

/** The ground has no detail finer than this part of the picture's longer side. */
const DETAIL = 64;
/** Strokes are narrower than this part of the picture's shorter side. */
const WIDEST_STROKE = 0.3;
/** A border whose middle three fifths differ more than this, of 255, shows a shaded ground. */
const EVEN_BORDER = 16;
/** For the side of the ink so much is enough. */
const COARSE = 32;

/** A coarse copy of a picture, or of something known about every part of it. */
export interface Coarse {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** The pixels of the border. */
export function borderOf(gray: Float32Array, width: number, height: number): number[] {
  const border: number[] = [];
  for (let x = 0; x < width; x++) border.push(gray[x], gray[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) border.push(gray[y * width], gray[y * width + width - 1]);
  return border;
}

/** Sorts the values. */
export function median(values: number[] | Float32Array): number {
  values.sort((a: number, b: number) => a - b);
  return values.length === 0 ? 0 : values[values.length >> 1];
}

/** Whether light falls unevenly on a scan, as its border tells. */
export function isShaded({ data, width, height }: Coarse): boolean {
  const border = borderOf(data, width, height).sort((a, b) => a - b);
  const at = (share: number): number => border[Math.round(share * (border.length - 1))];
  return at(0.8) - at(0.2) > EVEN_BORDER;
}

/** How much each part of a still coarser copy differs from the median around it: shades and their edges fall out, strokes stay. */
export function withoutShades(small: Coarse): Float32Array {
  const { data, width: w, height: h } = shrink(small, COARSE);
  const radius = Math.ceil(Math.min(w, h) / 10);
  return data.map((value, i) => {
    const [x, y] = [i % w, Math.floor(i / w)];
    const around: number[] = [];
    for (let v = Math.max(0, y - radius); v <= Math.min(h - 1, y + radius); v++) {
      for (let u = Math.max(0, x - radius); u <= Math.min(w - 1, x + radius); u++) around.push(data[v * w + u]);
    }
    return value - median(around);
  });
}

/**
 * Brightness of the ground everywhere, as a coarse copy: the gray-scale closing of the picture (opening, for light ink), which fills
 * whatever is narrower than its window and leaves ramps and edges where they are (J. Serra, Image Analysis and
 * Mathematical Morphology, 1982, chapter XII).
 */
export function groundOf(small: Coarse, side: InkSide): Coarse {
  const radius = Math.max(2, Math.round((WIDEST_STROKE / 2) * Math.min(small.width, small.height)));
  // Beyond an even border there may be ink; beyond a shaded one, the shade goes on.
  const margin = isShaded(small) ? radius : 0;
  const [w, h] = [small.width + 2 * margin, small.height + 2 * margin];
  const isLight = side === "light-on-dark";
  const padded = new Float32Array(w * h);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      const value = small.data[y * small.width + x];
      padded[(y + margin) * w + x + margin] = isLight ? 255 - value : value;
    }
  }
  const dilated = largestAround(padded, w, h, radius);
  const closed = smallestAround(dilated, w, h, radius);
  const ground = new Float32Array(small.data.length);
  for (let i = 0; i < ground.length; i++) {
    const from = (Math.floor(i / small.width) + margin) * w + (i % small.width) + margin;
    ground[i] = isLight ? 255 - closed[from] : closed[from];
  }
  return { ...small, data: ground };
}

/**
 * The largest value in a square of 2·radius + 1 pixels around each, one axis after the other, in a time that does not depend on
 * the radius.
 */
export function largestAround(data: Float32Array, width: number, height: number, radius: number): Float32Array {
  const rows = largestAlong(data, height, width, width, 1, radius);
  return largestAlong(rows, width, height, 1, width, radius);
}

/** The smallest value around each, likewise. Values are at most 255. */
export function smallestAround(data: Float32Array, width: number, height: number, radius: number): Float32Array {
  const inverted = data.map((value) => 255 - value);
  return largestAround(inverted, width, height, radius).map((value) => 255 - value);
}

function largestAlong(
  data: Float32Array,
  lines: number,
  length: number,
  lineStride: number,
  stride: number,
  radius: number,
): Float32Array {
  const out = new Float32Array(data.length);
  const places = new Int32Array(length);
  for (let line = 0; line < lines; line++) {
    const start = line * lineStride;
    // Places whose values fall: what stands before a larger one is the largest of no window that ends behind that.
    let [first, end] = [0, 0];
    for (let i = 0; i < length + radius; i++) {
      if (i < length) {
        const value = data[start + i * stride];
        while (end > first && data[start + places[end - 1] * stride] <= value) end--;
        places[end++] = i;
      }
      const middle = i - radius;
      if (middle < 0) continue;
      while (places[first] < middle - radius) first++;
      out[start + middle * stride] = data[start + places[first] * stride];
    }
  }
  return out;
}

/** A coarse copy, `longest` pixels wide or high; the picture's own size where it is smaller. */
export function shrink({ data, width, height }: Coarse, longest = DETAIL): Coarse {
  const scale = Math.min(1, longest / Math.max(width, height));
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  return { data: resize(data, height, width, 1, h, w), width: w, height: h };
}

/** Draws pages for tests: strokes of a pen and printed lines seen by a camera, then blur, shadow and noise. */
import type { Homography, Point, Quad } from "../../src/page/geometry.ts";
import { project } from "../../src/page/geometry.ts";
import type { Picture } from "../../src/picture/picture.ts";

/** Digits as lines in a box of 1×1, some in several strokes. */
const arc = (x: number, y: number, rx: number, ry: number, from: number, to: number): [number, number][] =>
  Array.from({ length: 13 }, (_, k) => {
    const angle = ((from + ((to - from) * k) / 12) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
const DIGITS: readonly [number, number][][][] = [
  [arc(0.5, 0.5, 0.36, 0.5, 0, 360)],
  [
    [
      [0.35, 0.18],
      [0.55, 0],
      [0.5, 1],
    ],
  ],
  [[...arc(0.5, 0.27, 0.34, 0.27, 180, 380), [0.12, 1], [0.9, 1]]],
  [[...arc(0.45, 0.25, 0.34, 0.25, 200, 450), ...arc(0.45, 0.74, 0.38, 0.26, 270, 510)]],
  [
    [
      [0.45, 0],
      [0.1, 0.65],
      [0.92, 0.65],
    ],
    [
      [0.7, 0.3],
      [0.66, 1],
    ],
  ],
  [[[0.85, 0], [0.28, 0], [0.22, 0.45], ...arc(0.45, 0.7, 0.38, 0.3, 240, 500)]],
  [[[0.7, 0], ...arc(0.46, 0.7, 0.34, 0.3, 200, 560)]],
  [
    [
      [0.1, 0.02],
      [0.9, 0],
      [0.4, 1],
    ],
  ],
  [arc(0.5, 0.24, 0.28, 0.24, 90, 450), arc(0.5, 0.74, 0.35, 0.26, -90, 270)],
  [[...arc(0.5, 0.28, 0.32, 0.28, 0, 360), [0.72, 1]]],
];

interface Stroke {
  readonly points: readonly Point[];
  readonly width: number;
  readonly darkness: number;
}

/** A page that is drawn in its own coordinates and then photographed. */
export class DrawnPage {
  readonly #strokes: Stroke[] = [];

  line(from: Point, to: Point, width = 2, darkness = 200): this {
    // In pieces, as a camera may bend nothing but could turn long lines.
    const points = Array.from({ length: 9 }, (_, k) => ({
      x: from.x + ((to.x - from.x) * k) / 8,
      y: from.y + ((to.y - from.y) * k) / 8,
    }));
    this.#strokes.push({ points, width, darkness });
    return this;
  }

  box(x: number, y: number, width: number, height: number, pen = 2): this {
    const [a, b, c, d] = rectangle(x, y, width, height);
    return this.line(a, b, pen).line(b, c, pen).line(c, d, pen).line(d, a, pen);
  }

  /** A number whose digits are `height` high, with their lower left at x, y; returns nothing, see `spanOf`. */
  number(
    text: string,
    x: number,
    y: number,
    height: number,
    { pen = 3, slope = 0, gap = 0.3, darkness = 210 } = {},
  ): this {
    for (const [k, digit] of [...text].entries()) {
      const left = k * height * (0.6 + gap);
      for (const points of DIGITS[Number(digit)]) {
        this.#strokes.push({
          points: points.map(([u, v]) => {
            const [along, up] = [left + u * height * 0.6, (1 - v) * height];
            return { x: x + along + slope * up, y: y - up + slope * along };
          }),
          width: pen,
          darkness,
        });
      }
    }
    return this;
  }

  /** The page as a camera sees it. @param camera from the page to the picture */
  photograph(
    width: number,
    height: number,
    { camera, paper = 230, blur = 0, noise = 0, shadow = false }: Shot = {},
  ): Picture {
    const darkness = new Float32Array(width * height);
    for (const { points, width: pen, darkness: ink } of this.#strokes) {
      const seen = camera === undefined ? points : points.map((point) => project(camera, point));
      for (let k = 1; k < seen.length; k++) draw(darkness, width, height, seen[k - 1], seen[k], pen, ink);
    }
    const soft = blur > 0 ? blurred(darkness, width, height, blur) : darkness;
    const data = new Uint8Array(width * height);
    let seed = 12345;
    const random = (): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const light = shadow ? (x + y > 0.9 * width ? 0.55 : 1) * (1 - (0.3 * y) / height) : 1;
        const grain = noise * (random() + random() + random() + random() - 2);
        data[i] = Math.max(0, Math.min(255, (paper * light * (255 - Math.min(230, soft[i]))) / 255 + grain));
      }
    }
    return { width, height, channels: 1, data };
  }
}

interface Shot {
  readonly camera?: Homography | undefined;
  readonly paper?: number | undefined;
  readonly blur?: number | undefined;
  readonly noise?: number | undefined;
  readonly shadow?: boolean | undefined;
}

export const rectangle = (x: number, y: number, width: number, height: number): Quad => [
  { x, y },
  { x: x + width, y },
  { x: x + width, y: y + height },
  { x, y: y + height },
];

function draw(out: Float32Array, width: number, height: number, a: Point, b: Point, pen: number, ink: number): void {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = dx * dx + dy * dy;
  const reach = pen / 2 + 1;
  for (
    let y = Math.max(0, Math.floor(Math.min(a.y, b.y) - reach));
    y <= Math.min(height - 1, Math.max(a.y, b.y) + reach);
    y++
  ) {
    for (
      let x = Math.max(0, Math.floor(Math.min(a.x, b.x) - reach));
      x <= Math.min(width - 1, Math.max(a.x, b.x) + reach);
      x++
    ) {
      const part = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - a.x) * dx + (y - a.y) * dy) / length));
      const away = Math.hypot(x - a.x - part * dx, y - a.y - part * dy);
      const cover = Math.max(0, Math.min(1, pen / 2 + 0.5 - away));
      out[y * width + x] = Math.max(out[y * width + x], cover * ink);
    }
  }
}

/** Three means of 2·radius + 1 pixels along both axes. */
function blurred(data: Float32Array, width: number, height: number, radius: number): Float32Array {
  let out = data;
  for (let pass = 0; pass < 3; pass++) {
    for (const [step, length] of [
      [1, width],
      [width, height],
    ]) {
      const from = out;
      out = new Float32Array(data.length);
      for (let i = 0; i < data.length; i++) {
        const at = step === 1 ? i % width : Math.floor(i / width);
        let sum = 0;
        for (let k = -radius; k <= radius; k++) if (at + k >= 0 && at + k < length) sum += from[i + k * step];
        out[i] = sum / (2 * radius + 1);
      }
    }
  }
  return out;
}

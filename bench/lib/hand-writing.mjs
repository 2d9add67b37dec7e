/** Numbers in the hand of one of MNIST's writers, for printed-pages.mjs: digits from his pictures, other signs by strokes of our own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const SIDE = 28;
/** Signs that MNIST lacks, as strokes in a box of 1×1 on the baseline, y downwards; and how wide they are, by the height of digits. */
const SIGNS = {
  ".": {
    width: 0.12,
    strokes: [
      [
        [0.5, 0.97],
        [0.6, 1],
      ],
    ],
  },
  ",": {
    width: 0.16,
    strokes: [
      [
        [0.6, 0.95],
        [0.3, 1.15],
      ],
    ],
  },
  "-": {
    width: 0.4,
    strokes: [
      [
        [0.05, 0.55],
        [0.95, 0.53],
      ],
    ],
  },
  "/": {
    width: 0.45,
    strokes: [
      [
        [0.95, -0.05],
        [0.05, 1.05],
      ],
    ],
  },
  $: {
    width: 0.5,
    strokes: [
      [
        [0.9, 0.2],
        [0.6, 0.1],
        [0.25, 0.15],
        [0.12, 0.3],
        [0.3, 0.45],
        [0.7, 0.55],
        [0.88, 0.7],
        [0.75, 0.85],
        [0.4, 0.92],
        [0.08, 0.8],
      ],
      [
        [0.5, -0.05],
        [0.5, 1.05],
      ],
    ],
  },
  "€": {
    width: 0.6,
    strokes: [
      [
        [0.95, 0.12],
        [0.7, 0.02],
        [0.45, 0.1],
        [0.28, 0.35],
        [0.26, 0.65],
        [0.42, 0.92],
        [0.7, 0.98],
        [0.95, 0.88],
      ],
      [
        [0.05, 0.4],
        [0.7, 0.38],
      ],
      [
        [0.05, 0.6],
        [0.65, 0.58],
      ],
    ],
  },
};

/** The pictures of each writer of MNIST's test part, by digit. @param folder with `mnist` and `mnist-writers` */
export function openWriters(folder) {
  const read = (...path) => gunzipSync(readFileSync(join(folder, ...path)));
  const pictures = read("mnist", "t10k-images-idx3-ubyte.gz").subarray(16);
  const labels = read("mnist", "t10k-labels-idx1-ubyte.gz").subarray(8);
  const records = read("mnist-writers", "qmnist-test-labels-idx2-int.gz");
  const writers = new Map();
  for (let i = 0; i < labels.length; i++) {
    const id = records.readInt32BE(12 + 4 * (8 * i + 2));
    if (!writers.has(id))
      writers.set(
        id,
        Array.from({ length: 10 }, () => []),
      );
    writers.get(id)[labels[i]].push(pictures.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE));
  }
  return [...writers.values()].filter((digits) => digits.every((own) => own.length > 0));
}

/**
 * Pictures of the characters of a text, side by side.
 * @param digits of the writer  @param height of digits in pixels
 * @returns { width, characters: [{ text, left, top, width, height, ink }] } with ink from 0 to 1, baseline at y = 0
 */
export function writeNumber(text, digits, height, spacing, random) {
  const characters = [];
  const pen = height * (0.09 + 0.05 * random.uniform());
  const slope = 0.04 * (random.uniform() - 0.5);
  let x = 0;
  for (const sign of text) {
    if (sign === " ") {
      x += 0.45 * height;
      continue;
    }
    const size = height * (1 + 0.1 * (random.uniform() - 0.5));
    const drawn = /\d/.test(sign) ? digitOf(digits[sign], size, random) : signOf(SIGNS[sign], size, pen);
    characters.push({ text: sign, ...drawn, left: Math.round(x), top: Math.round(drawn.top + slope * x) });
    x += drawn.width + height * (spacing + 0.06 * (random.uniform() - 0.5));
  }
  return { width: x, characters };
}

/** A digit of MNIST, enlarged and with a sharp edge. */
function digitOf(own, height, random) {
  const picture = own[Math.floor(random.uniform() * own.length)];
  let [left, top, right, bottom] = [SIDE, SIDE, -1, -1];
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      if (picture[y * SIDE + x] < 60) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  const scale = height / (bottom - top + 1);
  const [w, h] = [Math.ceil((right - left + 3) * scale), Math.ceil((bottom - top + 3) * scale)];
  const at = (x, y) => (x >= 0 && y >= 0 && x < SIDE && y < SIDE ? picture[y * SIDE + x] / 255 : 0);
  const ink = new Float32Array(w * h);
  for (let y = 0, i = 0; y < h; y++) {
    for (let x = 0; x < w; x++, i++) {
      const [u, v] = [x / scale + left - 1, y / scale + top - 1];
      const [a, b] = [Math.floor(u), Math.floor(v)];
      const [s, t] = [u - a, v - b];
      const value =
        (at(a, b) * (1 - s) + at(a + 1, b) * s) * (1 - t) + (at(a, b + 1) * (1 - s) + at(a + 1, b + 1) * s) * t;
      ink[i] = Math.max(0, Math.min(1, (value - 0.32) / 0.3));
    }
  }
  return { top: Math.round(-height - scale), width: w, height: h, ink };
}

function signOf({ width, strokes }, height, pen) {
  const pad = Math.ceil(pen);
  const rise = 0.1 * height;
  const [w, h] = [Math.ceil(width * height + 2 * pad), Math.ceil(1.3 * height + 2 * pad)];
  const ink = new Float32Array(w * h);
  for (const stroke of strokes) {
    const points = stroke.map(([x, y]) => [pad + x * width * height, pad + rise + y * height]);
    for (let k = 1; k < points.length; k++) drawStroke(ink, w, h, points[k - 1], points[k], pen / 2);
  }
  return { top: Math.round(-height - rise - pad), width: w, height: h, ink };
}

function drawStroke(ink, width, height, [ax, ay], [bx, by], radius) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy || 1;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const part = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
      const away = Math.hypot(x - ax - part * dx, y - ay - part * dy);
      ink[i] = Math.max(ink[i], Math.max(0, Math.min(1, radius + 0.5 - away)));
    }
  }
}

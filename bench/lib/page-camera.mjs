/** Fills in the pages of printed-pages.mjs by hand and photographs them: perspective, turns, curled paper, shadows, blur, noise, JPEG. What stands where is known. */
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { UsageError } from "../../dist/engine/errors.js";
import { inverse, project, rectangleTo } from "../../dist/page/geometry.js";
import { writeNumber } from "./hand-writing.mjs";
import { drawing, htmlOf, placesInPage } from "./printed-pages.mjs";

const PATHS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Pixels of a page by CSS pixels, of which there are 96 an inch. */
const DENSITY = 2.5;
const INKS = {
  blue: [28, 44, 120, 0.93],
  black: [24, 24, 30, 0.95],
  pencil: [90, 90, 94, 0.75],
  ball: [40, 60, 150, 0.85],
};

/** @throws UsageError where there is no Chromium */
export async function openPrinter() {
  const executablePath = PATHS.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new UsageError("there is no Chromium here; CHROMIUM names one");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--font-render-hinting=none"] });
  const page = await browser.newPage({ viewport: { width: 800, height: 1131 }, deviceScaleFactor: DENSITY });
  return { page, close: () => browser.close() };
}

/**
 * A page of a kind, filled in: { data, width, height, labels, words, blank } with RGB pixels. `labels` say what stands where by hand: text, the
 * box of the ink, and each character's box and points of ink. `words` are what is printed.
 */
export async function filledPage({ page }, kind, writers, random) {
  const d = drawing(random);
  await page.setContent(htmlOf(kind, d));
  const { hands, combs, words, height } = await page.evaluate(placesInPage);
  await page.setViewportSize({ width: 800, height: Math.max(400, Math.ceil(height)) });
  const shot = await page.screenshot();
  const { data, info } = await sharp(shot).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const blank = Buffer.from(data);
  const sheet = { data, width: info.width, height: info.height };
  const ink = INKS[d.pick(Object.keys(INKS))];
  const digits = d.pick(writers);
  const spacing = 0.02 + 0.2 * random.uniform();
  const labels = [
    ...hands.map(({ text, size, align, box }) => {
      const [left, top, width, high] = box.map((value) => value * DENSITY);
      let digit = high * size * (0.85 + 0.3 * random.uniform());
      let written = writeNumber(text, digits, digit, spacing, random);
      if (written.width > 0.96 * width) {
        digit *= (0.96 * width) / written.width;
        written = writeNumber(text, digits, digit, Math.min(spacing, 0.08), random);
      }
      const x = left + align * width * random.uniform() + 0.02 * width;
      const base = top + high - Math.max(2, 0.45 * (high - digit)) + 0.06 * high * (random.uniform() - 0.5);
      return stamped(sheet, text, written.characters, x, base, ink);
    }),
    ...combs.map(({ text, side, box }) => {
      const [left, top, , high] = box.map((value) => value * DENSITY);
      const characters = [...text].map((sign, k) => {
        const { characters } = writeNumber(sign, digits, high * 0.6 * (0.9 + 0.2 * random.uniform()), 0, random);
        const room = side * DENSITY - characters[0].width;
        return { ...characters[0], left: Math.round(k * side * DENSITY + room * (0.35 + 0.3 * random.uniform())) };
      });
      return stamped(sheet, text, characters, left, top + 0.84 * high, ink);
    }),
  ];
  return {
    ...sheet,
    kind,
    blank,
    labels,
    words: words.map(({ text, box }) => ({ text, box: box.map((value) => value * DENSITY) })),
    fields: [...hands, ...combs].map(({ text, box }) => ({ text, box: box.map((value) => value * DENSITY) })),
  };
}

function stamped({ data, width, height }, text, characters, x, base, [r, g, b, strength]) {
  const own = characters.map(({ text, left, top, ink, ...size }) => {
    const [x0, y0] = [Math.round(x + left), Math.round(base + top)];
    const points = [];
    let box = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
    for (let v = 0, i = 0; v < size.height; v++) {
      for (let u = 0; u < size.width; u++, i++) {
        const [px, py] = [x0 + u, y0 + v];
        if (ink[i] === 0 || px < 0 || py < 0 || px >= width || py >= height) continue;
        const a = ink[i] * strength * (0.92 + 0.08 * Math.sin(px * 12.9898 + py * 78.233));
        const at = (py * width + px) * 3;
        data[at] = data[at] * (1 - a) + Math.min(data[at], r) * a;
        data[at + 1] = data[at + 1] * (1 - a) + Math.min(data[at + 1], g) * a;
        data[at + 2] = data[at + 2] * (1 - a) + Math.min(data[at + 2], b) * a;
        if (ink[i] < 0.6) continue;
        points.push([px + 0.5, py + 0.5]);
        box = [Math.min(box[0], px), Math.min(box[1], py), Math.max(box[2], px + 1), Math.max(box[3], py + 1)];
      }
    }
    return { text, box, points };
  });
  const all = own.map(({ box }) => box);
  const edge = (k, most) => most(...all.map((box) => box[k]));
  return { text, characters: own, box: [edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)] };
}

/** How pages are photographed; each draws what varies. `scan` is flat and upright. */
export const CAMERAS = {
  scan: () => ({
    turn: 0,
    tilt: 0,
    room: 0.0,
    curl: 0,
    shadow: 0,
    blur: 0.3,
    noise: 3,
    jpeg: 88,
    paper: [250, 250, 250],
    pixels: 2e6,
  }),
  plain: (r) => ({
    turn: 6 * (r() - 0.5),
    tilt: 0.06,
    room: 0.05,
    curl: 0,
    shadow: 0.25,
    blur: 0.6,
    noise: 5,
    jpeg: 80,
    paper: [236, 233, 226],
    pixels: 3e6,
  }),
  hard: (r) => ({
    turn: 50 * (r() - 0.5),
    tilt: 0.18,
    room: 0.08,
    curl: 0.02 * (r() - 0.3),
    shadow: 0.5,
    edge: true,
    blur: 0.9,
    noise: 8,
    jpeg: 70,
    paper: pickPaper(r),
    pixels: 1.2e6 + 5e6 * r(),
  }),
  turned: (r) => ({
    turn: [90, 180, 270][Math.floor(3 * r())] + 8 * (r() - 0.5),
    tilt: 0.08,
    room: 0.05,
    curl: 0,
    shadow: 0.3,
    blur: 0.7,
    noise: 6,
    jpeg: 75,
    paper: [236, 233, 226],
    pixels: 3e6,
  }),
  large: (r) => ({
    turn: 10 * (r() - 0.5),
    tilt: 0.08,
    room: 0.06,
    curl: 0.008,
    shadow: 0.35,
    blur: 1.4,
    noise: 7,
    jpeg: 85,
    paper: [232, 228, 218],
    pixels: 15e6,
  }),
};
const pickPaper = (r) =>
  [
    [236, 233, 226],
    [244, 232, 180],
    [196, 220, 236],
    [240, 206, 206],
    [204, 230, 200],
    [206, 190, 160],
  ][Math.floor(6 * r())];

/**
 * A sheet as a camera sees it.
 * @returns { bytes: a JPEG file, width, height, geometry: for {@link mapsOf} }
 */
export async function photographed(sheet, name, random, pixels = sheet.data) {
  const r = () => random.uniform();
  const shot = CAMERAS[name](r);
  const { width: w, height: h } = sheet;
  const angle = (shot.turn * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  // The corners of the page around its middle, turned, seen from a little aside, in a picture that has room around it.
  const lean = [shot.tilt * (r() - 0.5), shot.tilt * (r() - 0.5)];
  const corners = [
    [-w / 2, -h / 2],
    [w / 2, -h / 2],
    [w / 2, h / 2],
    [-w / 2, h / 2],
  ].map(([x, y]) => {
    const depth = 1 + (2 * lean[0] * x) / w + (2 * lean[1] * y) / h;
    return [(cos * x - sin * y) / depth, (sin * x + cos * y) / depth];
  });
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const [spanX, spanY] = [Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)];
  const scale = Math.sqrt((shot.pixels / (spanX * spanY)) * (1 - 2 * shot.room) ** 2);
  const [width, height] = [spanX, spanY].map((span) => Math.round((span * scale) / (1 - 2 * shot.room)));
  const quad = corners.map(([x, y]) => ({
    x: (x - Math.min(...xs)) * scale + shot.room * width,
    y: (y - Math.min(...ys)) * scale + shot.room * height,
  }));
  const camera = rectangleTo(quad, w, h);
  const back = inverse(camera);
  const curl = { height: shot.curl * h, width: w };
  const bend = (x) => bent(curl, x);
  const light = lightOf(shot, r);
  const desk = [
    [70, 52, 40],
    [40, 42, 46],
    [150, 128, 100],
    [96, 96, 92],
  ][Math.floor(4 * r())];
  const out = Buffer.alloc(width * height * 3);
  let seed = random.uint32();
  const tint = shot.paper.map((value) => value / 255);
  const sheetScale = 1 / scale;
  const steps = sheetScale > 1.6 ? 2 : 1;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i += 3) {
      let [red, green, blue] = [0, 0, 0];
      for (let s = 0; s < steps * steps; s++) {
        const [px, py] = [x + ((s % steps) + 0.5) / steps, y + (Math.floor(s / steps) + 0.5) / steps];
        const z = back[6] * px + back[7] * py + back[8];
        const u = (back[0] * px + back[1] * py + back[2]) / z;
        const v = (back[3] * px + back[4] * py + back[5]) / z - (shot.curl === 0 ? 0 : bend(u));
        if (u < 0 || v < 0 || u >= w - 1 || v >= h - 1) {
          const grain = 1 + 0.12 * Math.sin(px * 0.02 + 6 * Math.sin(py * 0.004)) * Math.sin(py * 0.15);
          red += desk[0] * grain;
          green += desk[1] * grain;
          blue += desk[2] * grain;
          continue;
        }
        const [a, b] = [u | 0, v | 0];
        const [p, q] = [u - a, v - b];
        const at = (b * w + a) * 3;
        const [k0, k1, k2, k3] = [(1 - p) * (1 - q), p * (1 - q), (1 - p) * q, p * q];
        const below = at + 3 * w;
        red += (pixels[at] * k0 + pixels[at + 3] * k1 + pixels[below] * k2 + pixels[below + 3] * k3) * tint[0];
        green +=
          (pixels[at + 1] * k0 + pixels[at + 4] * k1 + pixels[below + 1] * k2 + pixels[below + 4] * k3) * tint[1];
        blue += (pixels[at + 2] * k0 + pixels[at + 5] * k1 + pixels[below + 2] * k2 + pixels[below + 5] * k3) * tint[2];
      }
      const factor = light(x / width, y / height) / (steps * steps);
      out[i] = red * factor;
      out[i + 1] = green * factor;
      out[i + 2] = blue * factor;
    }
  }
  const seen = sharp(out, { raw: { width, height, channels: 3 } });
  const soft = shot.blur > 0.3 ? await seen.blur(shot.blur).raw().toBuffer() : out;
  for (let i = 0; i < soft.length; i++) {
    let sum = 0;
    for (let k = 0; k < 2; k++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      sum += seed / 2 ** 32 - 0.5;
    }
    soft[i] = Math.max(0, Math.min(255, soft[i] + shot.noise * 1.6 * sum));
  }
  const bytes = await sharp(soft, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: shot.jpeg })
    .toBuffer();
  return { bytes, width, height, geometry: { camera, curl } };
}

/** Curled paper is higher in its middle. */
const bent = ({ height, width }, x) => height * Math.sin((Math.PI * x) / width);

/** From pixels of a picture to those of its page, and back. */
export function mapsOf({ camera, curl }) {
  const back = inverse(camera);
  return {
    toPage: (point) => {
      const { x, y } = project(back, point);
      return { x, y: y - bent(curl, x) };
    },
    toPicture: ({ x, y }) => project(camera, { x, y: y + bent(curl, x) }),
  };
}

/** How light falls, at x and y from 0 to 1: a gradient, the corners of the lens, and a shadow with a soft or a hard edge. */
function lightOf({ shadow, edge = false }, r) {
  const [angle, at, hard] = [2 * Math.PI * r(), 0.25 + 0.5 * r(), edge ? 120 : 12];
  const vignette = 0.25 * shadow;
  return (x, y) => {
    const across = 0.5 + (x - 0.5) * Math.cos(angle) + (y - 0.5) * Math.sin(angle);
    const fall = 1 - shadow * (0.45 * across + 0.5 / (1 + Math.exp((at - across) * hard)));
    return fall * (1 - vignette * 2 * ((x - 0.5) ** 2 + (y - 0.5) ** 2));
  };
}

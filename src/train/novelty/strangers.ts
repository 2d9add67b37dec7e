/**
 * Samples of no class, as a classifier's novelty network gets them: letters and signs that it does not know, strokes without
 * meaning, several of its own characters in one, textures. What its novelty score is fitted against (learn-novelty.ts).
 */
import type { Random } from "../../engine/random.ts";
import type { Picture } from "../../picture/picture.ts";
import { applyPreprocessing } from "../../picture/preprocess.ts";
import type { Preprocessing } from "../../picture/preprocessing.ts";
import { resize } from "../../picture/resize.ts";
import { drawStrokes, type Stroke } from "../../synthesis/strokes.ts";
import { grayOf, NOVELTY_SIDE as SEEN } from "../../task/classify/novelty.ts";
import { dash, drawingsOf, meaningless, pseudoLetter, serifs, strangeLetters } from "./shapes.ts";

/** Side of the pictures that are drawn: small ones, every pixel of which is ink or ground. */
const SIDE = 42;
const HEIGHT = 24;
/** How far points are moved, in parts of the height; how strongly lines bend. */
const UNSTEADY = 0.05;
const BENT = 0.08;
/** What has no upright is turned by so many eighths of half a turn: cosine and sine. */
const TURNS = [
  [1, 0],
  [0.92387953, 0.38268343],
  [Math.SQRT1_2, Math.SQRT1_2],
  [0.38268343, 0.92387953],
  [0, 1],
  [-0.38268343, 0.92387953],
  [-Math.SQRT1_2, Math.SQRT1_2],
  [-0.92387953, 0.38268343],
] as const;

/** What strangers are made of. */
export interface Known {
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** A sample as the novelty network gets it, as bytes. */
  readonly sample: (index: number) => Uint8Array;
  /** Its class; undefined where that is not known. */
  readonly label: ((index: number) => number) | undefined;
  readonly count: number;
}

/** How one kind of stranger is made. */
interface Kind {
  /** How often it comes; all shares are 1. */
  readonly share: number;
  readonly draw: (random: Random, known: Known) => Picture;
  /** Whether it covers all of a photograph, so that what is ink in it has to be found as in one. */
  readonly isCovering?: boolean;
}

const KINDS: readonly Kind[] = [
  { share: 0.46, draw: (random, { classes }) => letter(strangeLetters(classes), random) },
  { share: 0.06, draw: (random) => drawn(pseudoLetter(random), random) },
  { share: 0.05, draw: (random) => drawn(dash(random), random) },
  { share: 0.02, draw: dot },
  { share: 0.17, draw: (random) => drawn(turned(meaningless(random), random), random) },
  { share: 0.06, draw: several },
  { share: 0.06, draw: mirrored },
  { share: 0.03, draw: struckOut },
  { share: 0.06, draw: (random) => texture(random, SIDE) },
  { share: 0.03, draw: (random) => texture(random, SEEN), isCovering: true },
];

/** Sample number `index` of no class, as the novelty network gets it; the same for the same seed, whatever was made before. */
export function stranger(random: Random, index: number, known: Known, preprocessing: Preprocessing): Uint8Array {
  // A blank one shows nothing; another drawing does.
  for (let attempt = 0; ; attempt++) {
    random.item(index, attempt);
    let left = random.uniform();
    const { draw, isCovering = false } = KINDS.find(({ share }) => (left -= share) < 0) ?? KINDS[0];
    const pixels = seen(draw(random, known), preprocessing, random, isCovering);
    if (pixels.some((value) => value !== pixels[0])) return pixels;
  }
}

/** A class drawn by strokes, as the novelty network gets it; undefined for one whose name is no digit, letter or sign. */
export function knownDrawing(random: Random, name: string, preprocessing: Preprocessing): Uint8Array | undefined {
  const ways = drawingsOf(name);
  return ways.length === 0 ? undefined : seen(letter(ways, random), preprocessing, random);
}

/** Light ink on black as the model's preprocessing and then the novelty network have it; on some paper where ink is not looked for. */
function seen(picture: Picture, preprocessing: Preprocessing, random: Random, isCovering = false): Uint8Array {
  if (preprocessing.kind === "ink") {
    const polarity = isCovering ? preprocessing.polarity : "light-on-dark";
    const pixels = applyPreprocessing({ ...preprocessing, polarity, keepBlank: true }, picture);
    return bytesOf(grayOf(pixels, [preprocessing.height, preprocessing.width, 1], 255));
  }
  const { data, width, height } = picture;
  const [ink, paper] = [random.integer(256), random.integer(256)];
  const shades = Float32Array.from(data, (value) => (paper + ((ink - paper) * value) / 255) / 255);
  return bytesOf(resize(shades, height, width, 1, SEEN, SEEN));
}

const bytesOf = (gray: Float32Array): Uint8Array => Uint8Array.from(gray, (value) => Math.round(255 * value));

const chosen = <T>(list: readonly T[], random: Random): T => list[random.integer(list.length)];

const pictureOf = (data: Uint8Array, width: number, height: number): Picture => ({ data, width, height, channels: 1 });

/** One of the drawings in some type or hand. */
const letter = (drawings: readonly (readonly Stroke[])[], random: Random): Picture =>
  drawn(serifs(chosen(drawings, random), random), random);

/** Strokes in some hand, with some pen. */
function drawn(strokes: readonly Stroke[], random: Random): Picture {
  const width = HEIGHT * random.between(0.45, 1);
  const slant = HEIGHT * random.between(-0.15, 0.35);
  const lean = random.between(-0.2, 0.2);
  const unsteady = random.between(0, UNSTEADY);
  const [bx, by, sx, sy] = Array.from({ length: 4 }, () => random.between(-BENT, BENT));
  const moved = strokes.map((stroke) => {
    const points = stroke.slice();
    // Of a curve's many points each moves less, or it would tremble.
    const far = stroke.length > 16 ? unsteady / 3 : unsteady;
    for (let k = 0; k + 1 < points.length; k += 2) {
      const [x, y] = [points[k] + random.between(-far, far), points[k + 1] + random.between(-far, far)];
      points[k] = x + bx * (4 * y * (1 - y)) + sx * (16 * y * (1 - y) * (0.5 - y));
      points[k + 1] = y + by * (4 * x * (1 - x)) + sy * (16 * x * (1 - x) * (0.5 - x)) + lean * (x - 0.5);
    }
    return points;
  });
  const radius = random.between(0.6, 2.7);
  const pen = { side: SIDE, height: HEIGHT, width, slant, upright: radius, level: radius * random.between(0.6, 1) };
  return pictureOf(drawStrokes(moved, pen), SIDE, SIDE);
}

/** Two of the known characters beside each other, or one on the other. */
function several(random: Random, { sample, count }: Known): Picture {
  const [a, b] = [sample(random.integer(count)), sample(random.integer(count))];
  const gap = random.uniform() < 0.5 ? 10 + random.integer(10) : 3 + random.integer(5);
  const drop = random.integer(9) - 4;
  const [wide, high] = [SEEN + gap, SEEN + 8];
  const data = new Uint8Array(wide * high);
  for (let y = 0; y < SEEN; y++) {
    for (let x = 0; x < SEEN; x++) {
      const first = (y + 4) * wide + x;
      const second = (y + 4 + drop) * wide + x + gap;
      data[first] = Math.max(data[first], a[y * SEEN + x]);
      data[second] = Math.max(data[second], b[y * SEEN + x]);
    }
  }
  return pictureOf(data, wide, high);
}

/** A disc or an oval: what the point of a pen leaves, cut out. */
function dot(random: Random): Picture {
  const [rx, ry] = [random.between(2, 9), random.between(0.7, 1.4)];
  const ragged = random.between(0, 0.25);
  const data = new Uint8Array(SIDE * SIDE);
  const middle = (SIDE - 1) / 2;
  for (let i = 0; i < data.length; i++) {
    const x = (i % SIDE) - middle;
    const y = (Math.floor(i / SIDE) - middle) / ry;
    const inside = rx * (1 + ragged * (random.uniform() - 0.5)) - Math.sqrt(x * x + y * y);
    data[i] = Math.round(255 * Math.min(1, Math.max(0, inside + 0.5)));
  }
  return pictureOf(data, SIDE, SIDE);
}

/** One of the known characters with two to five strokes through it. */
function struckOut(random: Random, { sample, count }: Known): Picture {
  const isUpright = random.uniform() < 0.3;
  const strokes = Array.from({ length: 2 + random.integer(4) }, () => {
    const slope = random.between(-0.25, 0.25);
    const at = random.between(0.25, 0.75);
    const [x0, y0, x1, y1] = [random.between(-0.1, 0.2), at - slope, random.between(0.8, 1.1), at + slope];
    return isUpright ? [y0, x0, y1, x1] : [x0, y0, x1, y1];
  });
  const radius = random.between(0.6, 1.4);
  const lines = drawStrokes(strokes, { side: SEEN, height: 20, width: 20, upright: radius, level: radius });
  const data = sample(random.integer(count)).map((value, i) => Math.max(value, lines[i]));
  return pictureOf(data, SEEN, SEEN);
}

/** Strokes turned around the middle. */
function turned(strokes: readonly Stroke[], random: Random): readonly Stroke[] {
  const [cosine, sine] = TURNS[random.integer(TURNS.length)];
  return strokes.map((stroke) =>
    stroke.map((_, i) => {
      const k = i - (i % 2);
      const [x, y] = [stroke[k] - 0.5, stroke[k + 1] - 0.5];
      return 0.5 + (i % 2 === 0 ? cosine * x - sine * y : sine * x + cosine * y);
    }),
  );
}

/** A digit in a mirror or on its side, where the classes are digits; otherwise a drawing. */
function mirrored(random: Random, { classes, sample, count, label }: Known): Picture {
  if (label === undefined || !classes.every((name) => /^\d$/.test(name))) {
    return letter(strangeLetters(classes), random);
  }
  const way = random.integer(WAYS.length);
  const { digits, from } = WAYS[way];
  for (let attempt = 0; attempt < 20; attempt++) {
    const index = random.integer(count);
    if (!digits.includes(classes[label(index)])) continue;
    const pixels = sample(index);
    const data = pixels.map((_, i) => pixels[from(i % SEEN, Math.floor(i / SEEN))]);
    return pictureOf(data, SEEN, SEEN);
  }
  return drawn(meaningless(random), random);
}

/** A way of turning digits, which of them are none then, and where a pixel comes from. */
const WAYS = [
  { digits: "34679", from: (x: number, y: number) => y * SEEN + SEEN - 1 - x },
  { digits: "23456789", from: (x: number, y: number) => x * SEEN + SEEN - 1 - y },
  { digits: "23456789", from: (x: number, y: number) => (SEEN - 1 - x) * SEEN + y },
] as const;

/** Gets the place of a pixel, gives a shade 0 … 1. */
type Shades = (x: number, y: number) => number;

/** From 0 to 1 and back for each whole number. */
const triangle = (t: number): number => Math.abs(2 * (t - Math.floor(t)) - 1);

/** Kinds of textures, each for a picture of so many pixels a side. */
const TEXTURES: readonly ((random: Random, side: number) => Shades)[] = [
  // Noise, in pixels of any size.
  (random, side) => {
    const coarse = 1 + random.integer(5);
    const noise = Array.from({ length: side * side }, () => random.uniform());
    return (x, y) => noise[Math.floor(y / coarse) * side + Math.floor(x / coarse)];
  },
  // Clouds.
  (random, side) => {
    const cells = 4 + random.integer(9);
    const noise = Float32Array.from({ length: cells * cells }, () => random.uniform());
    const clouds = resize(noise, cells, cells, 1, side, side);
    return (x, y) => clouds[y * side + x];
  },
  // Stripes, or shade that comes from one side.
  (random, side) => {
    const [dx, dy] = [random.between(-1, 1), random.between(-1, 1)];
    const period = random.uniform() < 0.7 ? random.between(2, 12) : random.between(side, 3 * side);
    return (x, y) => triangle((x * dx + y * dy) / period);
  },
  // Checks.
  (random) => {
    const coarse = 1 + random.integer(7);
    return (x, y) => (Math.floor(x / coarse) + Math.floor(y / coarse)) % 2;
  },
  // Lattices, tiles, dots in rows.
  (random) => {
    const [across, down, level] = [random.between(3, 10), random.between(3, 10), random.between(0.2, 1.5)];
    return (x, y) => (triangle(x / across) + triangle(y / down) > level ? 1 : 0);
  },
  // Rings.
  (random, side) => {
    const [cx, cy, period] = [random.between(0, side), random.between(0, side), random.between(3, 10)];
    return (x, y) => triangle(Math.sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy)) / period);
  },
  // Spots.
  (random, side) => {
    const spots = Array.from({ length: 8 + random.integer(25) }, () => {
      return [random.between(0, side), random.between(0, side), random.between(0.6, 4), random.between(0.4, 1)];
    });
    return (x, y) => {
      const inside = spots.filter(([sx, sy, radius]) => (x - sx) * (x - sx) + (y - sy) * (y - sy) < radius * radius);
      return inside.reduce((most, [, , , shade]) => Math.max(most, shade), 0);
    };
  },
];

/** A texture all over a picture of so many pixels a side. */
function texture(random: Random, side: number): Picture {
  const shade = chosen(TEXTURES, random)(random, side);
  const data = Uint8Array.from({ length: side * side }, (_, i) =>
    Math.round(255 * shade(i % side, Math.floor(i / side))),
  );
  return pictureOf(data, side, side);
}

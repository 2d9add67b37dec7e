/** What is drawn as pictures of no class: letters and signs by strokes, and strokes without meaning. Used by strangers.ts. */
import type { Random } from "../../engine/random.ts";
import { LETTER_STROKES } from "../../synthesis/letters.ts";
import { DIGIT_SHAPES } from "../../synthesis/print.ts";
import { arc, type Stroke } from "../../synthesis/strokes.ts";

type Drawing = readonly Stroke[];

/**
 * Letters and signs that look like no digit, by their names, each in one or more ways. In a frame from (0, 0), top left, to (1, 1).
 * Capitals and small letters that are drawn alike stand once.
 */
const LETTERS: Readonly<Record<string, readonly Drawing[]>> = {
  A: [LETTER_STROKES.A],
  C: [[arc(0.55, 0.5, 0.45, 0.5, -2, -14)]],
  D: [
    [
      [0.1, 0, 0.1, 1],
      [0.1, 0, ...arc(0.3, 0.5, 0.6, 0.5, -4, 4), 0.1, 1],
    ],
  ],
  E: [LETTER_STROKES.E, [[...arc(0.55, 0.25, 0.4, 0.25, -2, -12), ...arc(0.55, 0.75, 0.45, 0.25, -4, -14)]]],
  F: [LETTER_STROKES.F],
  G: [[arc(0.55, 0.5, 0.45, 0.5, -2, -14), [0.6, 0.55, 0.95, 0.55, 0.95, 1]]],
  H: [LETTER_STROKES.H],
  J: [
    [
      [0.3, 0, 0.95, 0],
      [0.7, 0, ...arc(0.4, 0.75, 0.3, 0.25, 0, 8)],
    ],
  ],
  K: [LETTER_STROKES.K],
  L: [[[0.1, 0, 0.1, 1, 0.85, 1]]],
  M: [LETTER_STROKES.M],
  N: [LETTER_STROKES.N],
  P: [
    [
      [0.1, 0, 0.1, 1],
      [0.1, 0, ...arc(0.45, 0.27, 0.4, 0.27, -4, 4), 0.1, 0.54],
    ],
  ],
  Q: [[arc(0.5, 0.45, 0.45, 0.45, -4, 12), [0.55, 0.6, 1, 1.1]]],
  R: [LETTER_STROKES.R],
  T: [
    [
      [0, 0, 1, 0],
      [0.5, 0, 0.5, 1],
    ],
  ],
  U: [LETTER_STROKES.U],
  V: [[[0.05, 0, 0.5, 1, 0.95, 0]]],
  W: [LETTER_STROKES.W],
  X: [LETTER_STROKES.X],
  Y: [LETTER_STROKES.Y],
  a: [
    [[...arc(0.5, 0.6, 0.4, 0.4, -1, -17)], [0.9, 0.2, 0.9, 1]],
    [[...arc(0.45, 0.3, 0.4, 0.3, 8, 17), 0.85, 1], arc(0.45, 0.72, 0.4, 0.28, -1, -15)],
  ],
  d: [[arc(0.45, 0.7, 0.4, 0.3, 0, 16), [0.88, 0, 0.9, 1]]],
  e: [[[0.1, 0.5, 0.9, 0.5, ...arc(0.5, 0.5, 0.4, 0.5, 0, -14)]]],
  f: [
    [
      [...arc(0.6, 0.2, 0.3, 0.2, -1, -8), 0.3, 1],
      [0, 0.4, 0.8, 0.4],
    ],
  ],
  h: [
    [
      [0.1, 0, 0.1, 1],
      [0.1, 0.7, ...arc(0.5, 0.7, 0.4, 0.3, 8, 16), 0.9, 1],
    ],
  ],
  i: [
    [
      [0.5, 0.35, 0.5, 1],
      [0.5, 0, 0.51, 0.05],
    ],
  ],
  j: [
    [
      [0.6, 0.3, ...arc(0.35, 0.8, 0.25, 0.2, 0, 7)],
      [0.6, 0, 0.61, 0.05],
    ],
  ],
  k: [
    [
      [0.1, 0, 0.1, 1],
      [0.7, 0.35, 0.1, 0.7, 0.75, 1],
    ],
  ],
  m: [
    [
      [0, 1, 0.05, 0.4],
      [0.05, 0.6, ...arc(0.28, 0.6, 0.22, 0.2, 8, 16), 0.5, 1],
      [0.5, 0.6, ...arc(0.74, 0.6, 0.22, 0.2, 8, 16), 0.96, 1],
    ],
  ],
  n: [
    [
      [0.1, 1, 0.1, 0.2],
      [0.1, 0.55, ...arc(0.5, 0.55, 0.4, 0.35, 8, 16), 0.9, 1],
    ],
  ],
  p: [[[0.1, 0, 0.1, 1], arc(0.48, 0.3, 0.4, 0.3, -8, 8)]],
  r: [
    [
      [0.2, 0.2, 0.2, 1],
      [0.2, 0.55, ...arc(0.55, 0.5, 0.35, 0.3, 8, 14)],
    ],
  ],
  t: [
    [
      [0.4, 0, 0.4, 0.8, ...arc(0.65, 0.8, 0.25, 0.2, 8, 3)],
      [0, 0.3, 0.8, 0.3],
    ],
    LETTER_STROKES.t,
  ],
  u: [
    [
      [0.1, 0.2, ...arc(0.5, 0.65, 0.4, 0.35, 8, 0)],
      [0.9, 0.2, 0.9, 1],
    ],
  ],
  w: [[[0, 0, ...arc(0.25, 0.7, 0.25, 0.3, 8, 0), 0.5, 0.2, ...arc(0.75, 0.7, 0.25, 0.3, 8, 0), 1, 0]]],
  y: [
    [
      [0.1, 0, 0.5, 0.55],
      [0.9, 0, 0.3, 1],
    ],
  ],
  "&": [[[0.95, 1, 0.25, 0.3, ...arc(0.45, 0.17, 0.2, 0.17, 8, 18), ...arc(0.4, 0.75, 0.35, 0.25, -6, -15), 0.9, 0.6]]],
  "#": [
    [
      [0.35, 0, 0.25, 1],
      [0.75, 0, 0.65, 1],
      [0.05, 0.35, 0.95, 0.35],
      [0.05, 0.65, 0.95, 0.65],
    ],
  ],
  "+": [
    [
      [0.5, 0.1, 0.5, 0.9],
      [0.1, 0.5, 0.9, 0.5],
    ],
  ],
  "=": [
    [
      [0.1, 0.35, 0.9, 0.35],
      [0.1, 0.65, 0.9, 0.65],
    ],
  ],
  "?": [
    [
      [...arc(0.5, 0.25, 0.35, 0.25, 8, 20), 0.5, 0.7],
      [0.5, 0.92, 0.5, 1],
    ],
  ],
  "-": [[[0, 0.5, 1, 0.5]], [[0, 0.53, 0.5, 0.47, 1, 0.52]]],
  ".": [[[0.49, 0.5, 0.51, 0.5]]],
  "*": [
    [
      [0.1, 0.1, 0.9, 0.9],
      [0.9, 0.1, 0.1, 0.9],
      [0.5, 0, 0.5, 1],
    ],
  ],
  $: [LETTER_STROKES.$],
  "@": [[arc(0.5, 0.5, 0.2, 0.2, 0, 16), arc(0.5, 0.5, 0.45, 0.45, 0, -13)]],
  "%": [[[0.9, 0, 0.1, 1], arc(0.2, 0.2, 0.2, 0.2, 0, 16), arc(0.8, 0.8, 0.2, 0.2, 0, 16)]],
  "~": [[[...arc(0.25, 0.5, 0.25, 0.2, 8, 16), ...arc(0.75, 0.5, 0.25, 0.2, 8, 0)]]],
  "<": [[[0.9, 0.1, 0.1, 0.5, 0.9, 0.9]]],
  ">": [[[0.1, 0.1, 0.9, 0.5, 0.1, 0.9]]],
  "^": [[[0.1, 0.8, 0.5, 0.1, 0.9, 0.8]]],
  "△": [[[0.5, 0, 0, 1, 1, 1, 0.5, 0]]],
  "□": [[[0, 0, 1, 0, 1, 1, 0, 1, 0, 0]]],
  "☒": [
    [
      [0, 0, 1, 0, 1, 1, 0, 1, 0, 0],
      [0, 0, 1, 1],
      [1, 0, 0, 1],
    ],
  ],
  Θ: [[arc(0.5, 0.5, 0.45, 0.5, -4, 12), [0.1, 0.5, 0.9, 0.5]]],
  Π: [
    [
      [0, 0, 1, 0],
      [0.2, 0, 0.2, 1],
      [0.8, 0, 0.8, 1],
    ],
  ],
  Ω: [[[0, 1, 0.3, 1, ...arc(0.5, 0.5, 0.45, 0.45, 6, 18), 0.7, 1, 1, 1]]],
  "✓": [[[0.05, 0.55, 0.35, 0.95, 0.95, 0.05]]],
};

/** The drawings of letters and signs but for those that a model knows, however they are cased. */
export function strangeLetters(known: readonly string[]): readonly Drawing[] {
  const own = new Set(known.map((name) => name.toLowerCase()));
  return Object.entries(LETTERS).flatMap(([name, ways]) => (own.has(name.toLowerCase()) ? [] : ways));
}

/** The drawings of a class by its name: a digit, a letter or a sign; none for other names. */
export function drawingsOf(name: string): readonly Drawing[] {
  return /^\d$/.test(name) ? DIGIT_SHAPES[Number(name)] : (LETTERS[name] ?? []);
}

/** A line through all of these points, its corners cut three times (Chaikin's curve). */
function rounded(points: readonly number[]): Stroke {
  let from = points;
  for (let time = 0; time < 3; time++) {
    const to = from.slice(0, 2);
    for (let k = 0; k + 3 < from.length; k += 2) {
      for (const part of [0.25, 0.75]) {
        to.push(from[k] + part * (from[k + 2] - from[k]), from[k + 1] + part * (from[k + 3] - from[k + 1]));
      }
    }
    to.push(...from.slice(-2));
    from = to;
  }
  return from;
}

/** A level stroke, straight or a little bent, or two of them. */
export function dash(random: Random): Drawing {
  const one = (y: number): Stroke => {
    const [slope, bend] = [random.between(-0.35, 0.35), random.between(-0.1, 0.1)];
    const half = random.between(0.15, 0.6);
    return rounded([0.5 - half, y - slope * half, 0.5, y + bend, 0.5 + half, y + slope * half]);
  };
  return random.uniform() < 0.85 ? [one(0.5)] : [one(0.35), one(0.65)];
}

/** Two to four lines and bows, each of which begins where another one is: like letters of some script. */
export function pseudoLetter(random: Random): Drawing {
  const strokes: number[][] = [];
  const corner = (): number => [0, 0.5, 1][random.integer(3)];
  for (let k = 2 + random.integer(3); k > 0; k--) {
    const [x, y] =
      strokes.length === 0 ? [corner(), corner()] : pointOf(strokes[random.integer(strokes.length)], random);
    const [tx, ty] = [corner(), corner()];
    if (random.uniform() < 0.6) strokes.push([x, y, tx, ty]);
    else strokes.push(rounded([x, y, x, ty, tx, ty].map((value) => value + random.between(-0.1, 0.1))).slice());
  }
  return strokes;
}

function pointOf(stroke: readonly number[], random: Random): [number, number] {
  const k = 2 * random.integer(stroke.length / 2);
  return [stroke[k], stroke[k + 1]];
}

/** How often strokes get them, and half their length. */
const SERIFS = 0.3;
const SERIF = 0.13;

/** A drawing whose strokes end in short level lines, as in type, or as it is. */
export function serifs(drawing: Drawing, random: Random): Drawing {
  if (random.uniform() > SERIFS) return drawing;
  const half = random.between(SERIF / 2, SERIF);
  const ends = drawing.flatMap((stroke) => [stroke.slice(0, 2), stroke.slice(-2)]);
  return [...drawing, ...ends.filter(([, y]) => y < 0.1 || y > 0.9).map(([x, y]) => [x - half, y, x + half, y])];
}

/** Strokes without meaning. */
const MEANINGLESS: readonly ((random: Random) => Drawing)[] = [
  // A few lines or curves, each of its own.
  (random) =>
    Array.from({ length: 1 + random.integer(4) }, () => {
      const points = Array.from({ length: 2 * (2 + random.integer(3)) }, () => random.uniform());
      return random.uniform() < 0.6 ? rounded(points) : points;
    }),
  // One that goes anywhere.
  (random) => {
    const points = Array.from({ length: 2 * (5 + random.integer(10)) }, () => random.uniform());
    return [random.uniform() < 0.6 ? rounded(points) : points];
  },
  // To and fro.
  (random) => {
    const turns = 4 + random.integer(12);
    const points = Array.from({ length: turns }, (_, k) => {
      const across = k / (turns - 1) + random.between(-0.05, 0.05);
      return [across, k % 2 === 0 ? random.between(0, 0.3) : random.between(0.7, 1)];
    }).flat();
    return [random.uniform() < 0.5 ? rounded(points) : points];
  },
  // Round and round, outwards or onwards.
  (random) => {
    const rounds = 20 + random.integer(60);
    const isSpiral = random.uniform() < 0.5;
    const step = random.uniform() < 0.5 ? 1 : -1;
    const radius = random.between(0.12, 0.3);
    const points = Array.from({ length: rounds }, (_, k) => {
      const part = k / rounds;
      const r = isSpiral ? 0.05 + 0.45 * part : radius;
      const x = isSpiral ? 0.5 : 0.2 + 0.6 * part;
      return arc(x, 0.5, r * random.between(0.9, 1.1), r * random.between(0.9, 1.4), step * k, step * k);
    }).flat();
    return [points];
  },
];

/** Strokes without meaning, in about the frame of a character. */
export function meaningless(random: Random): Drawing {
  return MEANINGLESS[random.integer(MEANINGLESS.length)](random);
}

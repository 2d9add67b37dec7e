/**
 * What stands between and around digits, drawn by strokes, as no data set of digits has it: separators, minus, slash and signs of
 * currencies, in many hands; and what is no symbol at all: letters and scribbles, so that a reader learns to leave these alone.
 */
import { Random } from "../engine/random.ts";
import { Glyphs } from "./glyphs.ts";
import { LETTER_STROKES } from "./letters.ts";
import { arc, drawStrokes, type Stroke } from "./strokes.ts";

/** Signs that a reader of amounts knows. */
export const SIGNS = ".,-/$€£";

type Shape = readonly Stroke[];

const { t, $: dollar, ...CAPITALS } = LETTER_STROKES;

const SHAPES: Readonly<Record<string, readonly Shape[]>> = {
  ".": [[[0.5, 0.97]], [[0.48, 0.96, 0.53, 0.98]]],
  ",": [[[0.52, 0.95, 0.42, 1.16]], [[0.5, 0.94, 0.53, 1.02, 0.42, 1.15]]],
  "-": [[[0.1, 0.52, 0.9, 0.52]], [[0.2, 0.55, 0.8, 0.5]], [[0, 0.5, 0.5, 0.54, 1, 0.5]]],
  "/": [[[0.9, -0.15, 0.1, 1.15]], [[0.8, -0.1, 0.25, 1.1]]],
  $: [
    dollar,
    [
      [...arc(0.5, 0.27, 0.4, 0.24, 15, 4), ...arc(0.5, 0.73, 0.42, 0.24, 12, 23)],
      [0.42, -0.1, 0.42, 1.1],
      [0.6, -0.1, 0.6, 1.1],
    ],
  ],
  "€": [[arc(0.6, 0.5, 0.45, 0.5, 14, 2), [0, 0.42, 0.7, 0.42], [0, 0.58, 0.65, 0.58]]],
  "£": [
    [
      [...arc(0.6, 0.22, 0.3, 0.22, 16, 8), 0.35, 0.75, 0.1, 1, 0.95, 0.95],
      [0.1, 0.5, 0.7, 0.5],
    ],
  ],
};

/** Letters that look like no digit, however they are written. */
const LETTERS: readonly Shape[] = [
  ...Object.values(CAPITALS),
  [
    [0.1, 0, 0.1, 1],
    [0.1, 0.7, ...arc(0.5, 0.7, 0.4, 0.3, 10, 16), 0.9, 1],
  ], // h
  [
    [0, 1, 0.05, 0.4],
    [0.05, 0.6, ...arc(0.28, 0.6, 0.22, 0.2, 10, 16), 0.5, 1],
    [0.5, 0.6, ...arc(0.74, 0.6, 0.22, 0.2, 10, 16), 0.96, 1],
  ], // m
  [
    [0.1, 1, 0.1, 0.4],
    [0.1, 0.65, ...arc(0.5, 0.65, 0.4, 0.25, 10, 16), 0.9, 1],
  ], // n
  [[0.1, 0.4, 0.1, 0.8, ...arc(0.5, 0.75, 0.4, 0.25, 8, 0), 0.9, 0.4, 0.9, 1]], // u
  t,
];

const VARIANTS = 32;
/** Share of a scribble's points that go to and fro. */
const ZIGZAG = 0.4;
const SIDE = 32;
const HEIGHT = 18;
const SYMBOL_WIDTHS: Readonly<Record<string, readonly [low: number, high: number]>> = {
  ".": [4, 6],
  ",": [6, 10],
  "-": [6, 14],
  "/": [6, 13],
};

/** Signs in {@link VARIANTS} hands. @param places of the signs in the alphabet, by their names; others are left out */
export function drawnSigns(places: ReadonlyMap<string, number>): Glyphs | undefined {
  const known = [...SIGNS].filter((sign) => places.has(sign));
  if (known.length === 0) return undefined;
  return drawn(
    known.map((sign) => ({ symbol: places.get(sign) as number, shapes: SHAPES[sign], widths: SYMBOL_WIDTHS[sign] })),
  );
}

/** Letters and scribbles, all of one symbol. */
export function unreadable(symbol: number): Glyphs {
  const random = new Random(0, "synthesis", 2);
  const scribbles = Array.from({ length: 24 }, (): Shape => {
    const points = Array.from({ length: 4 + random.integer(9) }, (_, i) => {
      return random.uniform() < ZIGZAG ? [i / 8, i % 2] : [random.between(-0.1, 1.1), random.between(0, 1)];
    });
    return [points.flat()];
  });
  return drawn([...LETTERS, ...scribbles].map((shape) => ({ symbol, shapes: [shape], widths: [10, 18] })));
}

interface Drawn {
  readonly symbol: number;
  readonly shapes: readonly Shape[];
  readonly widths?: readonly [low: number, high: number] | undefined;
}

/** Each in many hands: points moved a little, pens and widths of all kinds. The signs of one variant are one writer's. */
function drawn(all: readonly Drawn[]): Glyphs {
  const images = new Uint8Array(VARIANTS * all.length * SIDE * SIDE);
  const symbols: number[] = [];
  const writers: number[] = [];
  for (let variant = 0; variant < VARIANTS; variant++) {
    const random = new Random(0, "synthesis", 1).item(variant);
    const radius = random.between(0.8, 1.9);
    const slant = random.between(-1, 5);
    for (const { symbol, shapes, widths: [low, high] = [9, 14] } of all) {
      const shape = shapes[random.integer(shapes.length)].map((stroke) =>
        stroke.map((value) => value + random.between(-0.035, 0.035)),
      );
      const pen = { upright: radius, level: radius, slant, width: random.between(low, high) };
      images.set(drawStrokes(shape, { side: SIDE, height: HEIGHT, ...pen }), symbols.length * SIDE * SIDE);
      symbols.push(symbol);
      writers.push(variant);
    }
  }
  return new Glyphs({ images, height: SIDE, width: SIDE, symbols, writers, middle: "picture" });
}

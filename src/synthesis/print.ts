/**
 * Printed digits of our own design. Type of many faces is not at hand, so each digit is drawn by strokes in a few shapes that printed
 * digits have, and in many widths, weights and slants: grotesque and book type, numbers of a typewriter, the seven bars of a display.
 * They are no fonts, and stand in for them as far as shape goes.
 */
import { Glyphs } from "./glyphs.ts";
import { arc, drawStrokes, type Stroke } from "./strokes.ts";

type Shape = readonly Stroke[];

/** The shapes of each digit; y = 0 is the top, 1 the baseline, x = 0 … 1 the width. */
export const DIGIT_SHAPES: readonly (readonly Shape[])[] = [
  [
    [arc(0.5, 0.5, 0.5, 0.5, 0, 16)],
    [[...arc(0.5, 0.35, 0.45, 0.35, 8, 16), 0.95, 0.65, ...arc(0.5, 0.65, 0.45, 0.35, 0, 8), 0.05, 0.35]],
  ],
  [
    [[0.2, 0.22, 0.55, 0, 0.55, 1]],
    [
      [0.2, 0.22, 0.55, 0, 0.55, 1],
      [0.15, 1, 0.95, 1],
    ],
    [[0.5, 0, 0.5, 1]],
    [
      [0.25, 0.1, 0.55, 0, 0.55, 1],
      [0.25, 1, 0.85, 1],
    ],
  ],
  [
    [[...arc(0.5, 0.3, 0.46, 0.3, 8, 17), 0.04, 1, 1, 1]],
    [[...arc(0.5, 0.28, 0.44, 0.28, 9, 18), 0.3, 0.72, 0.04, 1, 0.98, 1]],
    [[0.05, 0.08, ...arc(0.5, 0.3, 0.44, 0.3, 11, 16), 0.9, 0.45, 0.04, 1, 1, 1]],
  ],
  [
    [
      [...arc(0.48, 0.25, 0.42, 0.25, 9, 20), 0.42, 0.5],
      [0.42, 0.5, ...arc(0.48, 0.74, 0.48, 0.26, 12, 23)],
    ],
    [[0.08, 0, 0.9, 0, 0.45, 0.4, ...arc(0.48, 0.7, 0.48, 0.3, 12, 23)]],
  ],
  [
    [[0.72, 1, 0.72, 0, 0.02, 0.68, 1, 0.68]],
    [
      [0.72, 1, 0.72, 0.3],
      [0.4, 0, 0.04, 0.66, 1, 0.66],
    ],
    [
      [0.78, 1, 0.78, 0],
      [0.1, 0, 0.1, 0.52, 0.98, 0.52],
    ],
  ],
  [
    [[0.9, 0, 0.16, 0, 0.1, 0.45, ...arc(0.48, 0.68, 0.48, 0.32, 10, 23)]],
    [[0.92, 0, 0.14, 0, 0.1, 0.42, 0.45, 0.38, ...arc(0.46, 0.68, 0.5, 0.31, 12, 22)]],
  ],
  [
    [[0.82, 0.04, ...arc(0.52, 0.5, 0.5, 0.5, 12, 8), ...arc(0.5, 0.68, 0.48, 0.32, 8, 24)]],
    [[0.7, 0, 0.1, 0.55, ...arc(0.5, 0.68, 0.46, 0.32, 8, 24)]],
  ],
  [
    [[0.04, 0, 0.96, 0, 0.4, 1]],
    [[0.04, 0.12, 0.04, 0, 0.96, 0, 0.5, 0.55, 0.4, 1]],
    [
      [0.04, 0, 0.96, 0, 0.4, 1],
      [0.3, 0.5, 0.85, 0.5],
    ],
  ],
  [
    [arc(0.5, 0.25, 0.4, 0.25, 0, 16), arc(0.5, 0.74, 0.48, 0.26, 0, 16)],
    [[...arc(0.5, 0.26, 0.4, 0.26, 4, 20)], [...arc(0.5, 0.76, 0.46, 0.24, 0, 16)]],
  ],
  [
    [[0.18, 0.96, ...arc(0.48, 0.5, 0.5, 0.5, 4, 0), ...arc(0.5, 0.32, 0.48, 0.32, 0, 16)]],
    [[0.3, 1, 0.9, 0.45, ...arc(0.5, 0.32, 0.46, 0.32, 0, 16)]],
  ],
];

/** The bars of a display, by name, and which of them each digit lights. */
const BARS: Readonly<Record<string, Stroke>> = {
  a: [0.1, 0, 0.9, 0],
  b: [1, 0.08, 1, 0.42],
  c: [1, 0.58, 1, 0.92],
  d: [0.1, 1, 0.9, 1],
  e: [0, 0.58, 0, 0.92],
  f: [0, 0.08, 0, 0.42],
  g: [0.1, 0.5, 0.9, 0.5],
};
const LIT = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"];
const DISPLAY: readonly Shape[] = LIT.map((lit) => [...lit].map((bar) => BARS[bar]));

/** Half the width of upright and of level strokes, in pixels. */
const WEIGHTS = [
  [0.8, 0.8],
  [1.15, 1.15],
  [1.6, 1.6],
  [2.1, 1.9],
  [1.4, 0.7],
  [1.9, 0.8],
] as const;
const WIDTHS = [9, 11, 13];
const SLANTS = [0, 3];
const SIDE = 28;
const HEIGHT = 18;

/**
 * Digits in all faces; the digits of one face are one writer's.
 * @param places of the digits 0 … 9 in the alphabet
 */
export function printedDigits(places: readonly number[]): Glyphs {
  const faces = WEIGHTS.flatMap(([upright, level], weight) =>
    WIDTHS.flatMap((width, w) =>
      SLANTS.flatMap((slant, s) =>
        [0, 1, 2].map((shape) => {
          // Which shapes go together is arbitrary, as it is in type.
          const variant = shape + weight + 2 * w + s;
          return { upright, level, width, slant, variant, isDisplay: shape === 2 && weight < 2 };
        }),
      ),
    ),
  );
  const images = new Uint8Array(faces.length * 10 * SIDE * SIDE);
  const symbols: number[] = [];
  const writers: number[] = [];
  for (const [face, { isDisplay, variant, ...pen }] of faces.entries()) {
    for (let digit = 0; digit < 10; digit++) {
      const shapes = DIGIT_SHAPES[digit];
      const shape = isDisplay ? DISPLAY[digit] : shapes[(variant * (digit + 1) + face) % shapes.length];
      images.set(drawStrokes(shape, { side: SIDE, height: HEIGHT, ...pen }), symbols.length * SIDE * SIDE);
      symbols.push(places[digit]);
      writers.push(face);
    }
  }
  return new Glyphs({ images, height: SIDE, width: SIDE, symbols, writers });
}

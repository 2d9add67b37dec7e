/** Several characters in one picture are noticed, and one of several pieces is one. */
import { describe, expect, it } from "vitest";
import { severalCharacters } from "../../src/picture/characters.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { examinePicture } from "../../src/picture/preprocess.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { drawFive } from "./pictures.ts";

type Line = readonly (readonly [x: number, y: number])[];

/** Strokes in a unit square each, the pen a tenth of it. */
const SHAPES = {
  "0": [[...Array(25)].map((_, k) => [0.5 + 0.3 * Math.sin(k / 3.8), 0.5 + 0.45 * Math.cos(k / 3.8)] as const)],
  "1": [
    [
      [0.5, 0.05],
      [0.45, 0.95],
    ],
  ],
  "2": [
    [
      [0.2, 0.2],
      [0.5, 0.05],
      [0.75, 0.25],
      [0.2, 0.95],
      [0.8, 0.92],
    ],
  ],
  "7": [
    [
      [0.2, 0.08],
      [0.8, 0.08],
      [0.4, 0.95],
    ],
  ],
  "5 with its bar apart": [
    [
      [0.25, 0.28],
      [0.25, 0.5],
      [0.55, 0.45],
      [0.7, 0.65],
      [0.55, 0.9],
      [0.2, 0.9],
    ],
    [
      [0.35, 0.08],
      [0.85, 0.05],
    ],
  ],
  "4 in two strokes": [
    [
      [0.35, 0.05],
      [0.2, 0.55],
      [0.85, 0.55],
    ],
    [
      [0.65, 0.3],
      [0.62, 0.95],
    ],
  ],
  i: [
    [
      [0.5, 0.4],
      [0.5, 0.95],
    ],
    [
      [0.5, 0.1],
      [0.5, 0.12],
    ],
  ],
  j: [
    [
      [0.55, 0.4],
      [0.55, 0.85],
      [0.3, 0.95],
    ],
    [
      [0.55, 0.1],
      [0.55, 0.12],
    ],
  ],
  ä: [
    [
      [0.3, 0.5],
      [0.6, 0.4],
      [0.65, 0.95],
      [0.3, 0.9],
      [0.35, 0.65],
      [0.65, 0.6],
    ],
    [
      [0.3, 0.1],
      [0.3, 0.12],
    ],
    [
      [0.65, 0.1],
      [0.65, 0.12],
    ],
  ],
  K: [
    [
      [0.15, 0.05],
      [0.15, 0.95],
    ],
    [
      [0.75, 0.05],
      [0.32, 0.5],
      [0.8, 0.95],
    ],
  ],
  三: [
    [
      [0.2, 0.15],
      [0.8, 0.15],
    ],
    [
      [0.25, 0.5],
      [0.75, 0.5],
    ],
    [
      [0.1, 0.9],
      [0.9, 0.9],
    ],
  ],
  川: [
    [
      [0.2, 0.1],
      [0.12, 0.9],
    ],
    [
      [0.5, 0.1],
      [0.5, 0.85],
    ],
    [
      [0.85, 0.1],
      [0.85, 0.95],
    ],
  ],
  八: [
    [
      [0.4, 0.15],
      [0.1, 0.9],
    ],
    [
      [0.6, 0.1],
      [0.92, 0.9],
    ],
  ],
  心: [
    [
      [0.12, 0.45],
      [0.05, 0.75],
    ],
    [
      [0.3, 0.35],
      [0.4, 0.85],
      [0.75, 0.85],
      [0.75, 0.7],
    ],
    [
      [0.5, 0.2],
      [0.58, 0.4],
    ],
    [
      [0.8, 0.35],
      [0.95, 0.55],
    ],
  ],
  明: [
    [
      [0.08, 0.2],
      [0.08, 0.85],
      [0.38, 0.85],
      [0.38, 0.2],
      [0.08, 0.2],
    ],
    [
      [0.6, 0.1],
      [0.55, 0.9],
    ],
    [
      [0.6, 0.1],
      [0.9, 0.1],
      [0.9, 0.92],
    ],
  ],
} satisfies Record<string, readonly Line[]>;

interface Row {
  readonly characters: readonly (keyof typeof SHAPES)[];
  /** Pixels of the unit square, and between two of them. */
  readonly side?: number;
  readonly gap?: number;
  /** Radians by which the line rises. */
  readonly slope?: number;
  readonly isLight?: boolean;
  /** Sizes of the characters, one after the other, in parts of `side`. */
  readonly sizes?: readonly number[];
}

/** Characters side by side on even ground. */
function written({ characters, side = 28, gap = 4, slope = 0, isLight = false, sizes = [1] }: Row): Picture {
  const margin = side / 2;
  const [width, height] = [characters.length * (side + gap) + 2 * margin, 2 * side + 2 * margin].map(Math.round);
  const ink = new Float32Array(width * height);
  for (const [i, name] of characters.entries()) {
    const size = side * sizes[i % sizes.length];
    const left = margin + i * (side + gap);
    const top = margin + side / 2 - Math.tan(slope) * (left - width / 2);
    for (const line of SHAPES[name] as readonly Line[]) {
      for (let k = 1; k < line.length; k++) {
        const [a, b] = [line[k - 1], line[k]].map(([x, y]) => [left + x * size, top + y * size]);
        for (let t = 0; t <= 1; t += 0.8 / side) {
          const [x, y] = [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
          const pen = Math.max(1.2, 0.1 * size) / 2;
          for (let v = Math.floor(y - pen - 1); v <= y + pen + 1; v++) {
            for (let u = Math.floor(x - pen - 1); u <= x + pen + 1; u++) {
              if (u < 0 || v < 0 || u >= width || v >= height) continue;
              const cover = Math.min(1, Math.max(0, pen + 0.5 - Math.hypot(u + 0.5 - x, v + 0.5 - y)));
              ink[v * width + u] = Math.max(ink[v * width + u], cover);
            }
          }
        }
      }
    }
  }
  const data = Uint8Array.from(ink, (cover) => Math.round(255 * (isLight ? cover : 1 - cover)));
  return { width, height, channels: 1, data };
}

const DIGITS = [..."0123456789"];
const LETTERS = [..."abcdefghijklmnopqrstuvwxyzäöüABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const CHINESE = [..."三川八心明"];
const count = (picture: Picture, classes = DIGITS): number =>
  examinePicture(MNIST_PREPROCESSING, picture, classes).characters;
/** Small pictures, in which every pixel counts, and scans. */
const SIDES = [14, 28, 70];

describe("one character of several pieces is one", () => {
  it.each([
    ["5 with its bar apart", DIGITS],
    ["4 in two strokes", DIGITS],
    ["i", LETTERS],
    ["j", LETTERS],
    ["ä", LETTERS],
    ["K", LETTERS],
    ["三", CHINESE],
    ["川", CHINESE],
    ["八", CHINESE],
    ["心", CHINESE],
    ["明", CHINESE],
  ] as const)("%s", (name, classes) => {
    for (const side of SIDES) {
      for (const isLight of [false, true]) {
        expect(count(written({ characters: [name], side, isLight }), [...classes]), `${side}`).toBe(1);
      }
    }
  });

  it("also among specks, on shaded paper and beside a neighbor that the border cuts off", () => {
    const paper = (x: number, y: number): number => 235 - x / 4 - ((x * 7 + y * 13) % 5);
    const five = drawFive({ size: 200, left: 60, top: 50, side: 80, pen: 9, ink: 30, paper });
    expect(count(five)).toBe(1);
    for (const at of [20 * 200 + 20, 21 * 200 + 20, 180 * 200 + 100, 60 * 200 + 180]) five.data[at] = 40;
    expect(count(five)).toBe(1);
    for (let y = 60; y < 120; y++) for (let x = 194; x < 200; x++) five.data[y * 200 + x] = 30;
    expect(count(five)).toBe(1);
  });
});

describe("several are counted", () => {
  it.each([
    [["1", "1"]],
    [["7", "1"]],
    [["0", "2", "7"]],
    [["2", "0", "2", "7"]],
    [["1", "7", "0", "2", "1", "7", "0", "2", "7", "0"]],
  ] as const)("%s, at any size, dark or light, level or not", (characters) => {
    for (const side of SIDES) {
      for (const isLight of [false, true]) {
        const slope = isLight ? 0.08 : 0;
        expect(count(written({ characters, side, isLight, slope })), `${side} ${isLight}`).toBe(characters.length);
      }
    }
  });

  it("of different size, and closely spaced", () => {
    expect(count(written({ characters: ["2", "7", "0"], sizes: [1, 0.6, 0.8], side: 60 }))).toBe(3);
    expect(count(written({ characters: ["2", "7", "0"], gap: -4 }))).toBe(3);
  });

  it("and what is said of them names the command that reads whole numbers", () => {
    expect(severalCharacters(3)).toBe(
      "3 characters found; this model reads one at a time: cut them apart, or read whole numbers with ductus read",
    );
  });

  it("in other scripts where they are wider than one could be", () => {
    expect(count(written({ characters: ["三", "川"] }), CHINESE)).toBe(2);
    expect(count(written({ characters: ["K", "ä", "i"] }), LETTERS)).toBeGreaterThan(1);
  });
});

it("changes nothing of what the network sees, and leaves photographs alone", () => {
  const picture = written({ characters: ["7", "1"] });
  const photograph = { kind: "resize", height: 8, width: 8, channels: 1, invert: false } as const;
  expect(examinePicture(photograph, picture, DIGITS).characters).toBe(1);
  const blank = { ...picture, data: new Uint8Array(picture.data.length) };
  expect(() => count(blank)).toThrow(/blank/);
  const kept = examinePicture({ ...MNIST_PREPROCESSING, keepBlank: true }, blank, DIGITS);
  expect(kept).toEqual({ pixels: new Uint8Array(784), characters: 0 });
});

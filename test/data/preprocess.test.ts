import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conform } from "../../src/data/conform.ts";
import { ImageDataset } from "../../src/data/dataset.ts";
import { Random } from "../../src/engine/random.ts";
import { check, Mismatch } from "../../src/engine/schema.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { applyPreprocessing, detectPolarity } from "../../src/picture/preprocess.ts";
import { MNIST_PREPROCESSING, type Preprocessing } from "../../src/picture/preprocessing.ts";
import { preprocessingSchema } from "../../src/picture/preprocessing-schema.ts";
import { resize } from "../../src/picture/resize.ts";
import { drawFive, meanDifference } from "./pictures.ts";

const size = fc.integer({ min: 1, max: 12 });
const picture = fc.tuple(size, size, fc.integer({ min: 1, max: 3 })).chain(([h, w, c]) =>
  fc.record({
    h: fc.constant(h),
    w: fc.constant(w),
    c: fc.constant(c),
    data: fc.uint8Array({ minLength: h * w * c, maxLength: h * w * c }),
  }),
);

describe("resize", () => {
  it("keeps every value when the size stays", () => {
    fc.assert(
      fc.property(picture, ({ h, w, c, data }) => {
        expect([...resize(data, h, w, c, h, w)]).toEqual([...data]);
      }),
    );
  });

  it("stays within the range of the picture, so a flat one stays flat", () => {
    fc.assert(
      fc.property(picture, size, size, ({ h, w, c, data }, toH, toW) => {
        const [low, high] = [Math.min(...data), Math.max(...data)];
        for (const value of resize(data, h, w, c, toH, toW)) {
          expect(value).toBeGreaterThan(low - 1e-3);
          expect(value).toBeLessThan(high + 1e-3);
        }
      }),
    );
  });

  it("keeps the mean when it shrinks", () => {
    fc.assert(
      fc.property(picture, fc.nat(), fc.nat(), ({ h, w, c, data }, a, b) => {
        const out = resize(data, h, w, c, 1 + (a % h), 1 + (b % w));
        const mean = (values: ArrayLike<number>): number =>
          Array.from(values).reduce((x, y) => x + y, 0) / values.length;
        expect(mean(out)).toBeCloseTo(mean(data), 3);
      }),
    );
  });

  it("commutes with mirroring", () => {
    fc.assert(
      fc.property(picture, size, size, ({ h, w, c, data }, toH, toW) => {
        const mirror = (values: ArrayLike<number>, width: number): number[] =>
          Array.from(values, (_, i) => {
            const [channel, x, y] = [i % c, Math.floor(i / c) % width, Math.floor(i / c / width)];
            return values[(y * width + width - 1 - x) * c + channel];
          });
        const one = mirror(resize(data, h, w, c, toH, toW), toW);
        const other = resize(mirror(data, w), h, w, c, toH, toW);
        for (const [i, value] of one.entries()) expect(value).toBeCloseTo(other[i], 2);
      }),
    );
  });

  it("averages areas exactly, and enlarges a ramp to a ramp", () => {
    expect([...resize([0, 3, 6], 1, 3, 1, 1, 2)]).toEqual([1, 5]);
    const ramp = resize([0, 10, 20, 30, 40, 50], 1, 6, 1, 1, 12);
    for (let i = 4; i < 8; i++) expect(ramp[i]).toBeCloseTo(5 * i - 2.5, 4);
  });

  it("names a size that does not fit", () => {
    expect(() => resize([1, 2], 1, 3, 1, 1, 1)).toThrow("resize: 2 values are not 1×3×1");
    expect(() => resize([1], 1, 1, 1, 0, 1)).toThrow("resize: 0 is not a size in pixels");
  });
});

const canonical = drawFive({ size: 280, left: 68, top: 60, side: 160, pen: 32, ink: 255, paper: () => 0 });
const apply = (p: Picture): Uint8Array => applyPreprocessing(MNIST_PREPROCESSING, p);
const reference = apply(canonical);

describe("ink", () => {
  it("fills 20 pixels of 28 and puts the center of mass in the middle", () => {
    let [left, top, right, bottom, mass, mx, my] = [28, 28, 0, 0, 0, 0, 0];
    for (const [i, value] of reference.entries()) {
      if (value === 0) continue;
      const [x, y] = [i % 28, Math.floor(i / 28)];
      [left, top, right, bottom] = [
        Math.min(left, x),
        Math.min(top, y),
        Math.max(right, x + 1),
        Math.max(bottom, y + 1),
      ];
      [mass, mx, my] = [mass + value, mx + value * x, my + value * y];
    }
    expect(Math.max(right - left, bottom - top)).toBe(20);
    expect(Math.abs(mx / mass - 14)).toBeLessThanOrEqual(0.5);
    expect(Math.abs(my / mass - 14)).toBeLessThanOrEqual(0.5);
    expect(Math.max(...reference)).toBeGreaterThan(240);
  });

  it("leaves what it made as it is", () => {
    const again = apply({ width: 28, height: 28, channels: 1, data: reference });
    expect(again).toEqual(reference);
  });

  const noise = new Random(1, "user");
  const drawings: [string, Picture][] = [
    ["dark on light, 512 pixels wide, in a corner", drawing(20, () => 255)],
    ["light on dark", drawing(230, () => 30)],
    ["pencil on gray paper", drawing(130, () => 190)],
    ["paper with a shadow across it", shaded(drawing(20, () => 250))],
    ["a faint pencil under the edge of a shadow", edged(drawing(120, () => 214 + 3 * noise.normal()))],
    ["chalk under the edge of a shadow", edged(drawing(235, () => 60 + 3 * noise.normal()))],
    ["a noisy scan", drawing(30, () => 225 + 5 * noise.normal())],
    ["in color, on a transparent page", transparent(drawing(0, () => 255))],
    ["a neighbor that the border cuts off", drawing(30, (x, y) => (x > 460 && y > 120 && y < 330 ? 30 : 230))],
    ["a strip of desk at one side", drawing(30, (x) => (x > 430 ? 90 : 230))],
    ["a sheet on a dark desk", onDesk(230, 40)],
    ["a sheet on a bright desk in the shade", shaded(onDesk(250, 170))],
  ];
  for (const [what, input] of drawings) {
    it(`reads ${what} like the plain one`, () => {
      expect(meanDifference(apply(input), reference)).toBeLessThan(4);
    });
  }

  // Where a line meets a stroke a little of it stays, which may shift everything by a pixel.
  const lined: [string, Picture][] = [
    ["squared paper", drawing(30, (x, y) => (x % 60 < 4 || (y + 20) % 60 < 4 ? 130 : 230))],
    ["squares that fade away before the border", drawing(30, (x, y) => fading(x, y))],
    ["a red margin in the shade", shaded(drawing(30, (x) => (x > 150 && x < 158 ? 140 : 240)))],
  ];
  for (const [what, input] of lined) {
    it(`reads the character on ${what}`, () => {
      expect(meanDifference(apply(input), reference)).toBeLessThan(12);
    });
  }

  it("takes dust on a scan for dust", () => {
    const scan = drawing(20, () => 255);
    for (const at of [5 * 512 + 500, 5 * 512 + 501, 500 * 512 + 3]) scan.data[at] = 0;
    expect(meanDifference(apply(scan), reference)).toBeLessThan(4);
  });

  it("keeps all pieces of a character at the border", () => {
    const strokes = (...lines: readonly [x: number, y: number, toX: number, toY: number][]): Picture => ({
      width: 100,
      height: 100,
      channels: 1,
      data: Uint8Array.from({ length: 100 * 100 }, (_, i) => {
        const [x, y] = [i % 100, Math.floor(i / 100)];
        return lines.some(([ax, ay, bx, by]) => {
          const t = Math.max(
            0,
            Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)),
          );
          return Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)) < 5;
        })
          ? 20
          : 240;
      }),
    });
    /** How many strokes the row crosses. */
    const crossed = (input: Uint8Array, row: number): number =>
      [...input.subarray(row * 28, row * 28 + 28)].filter((value, x) => value > 128 && input[row * 28 + x - 1] <= 128)
        .length;
    // 川, cropped to its ink, so that its outer strokes lie at the borders and the one between them does not.
    expect(crossed(apply(strokes([20, 0, 5, 99], [50, 15, 50, 85], [80, 0, 95, 99])), 14)).toBe(3);
    // The stem of a 4 runs into the border, its angle does not.
    expect(crossed(apply(strokes([40, 20, 25, 60], [25, 60, 58, 60], [70, 30, 66, 99])), 12)).toBe(2);
    // The bar of a 5 is apart from the rest, which runs into the border.
    const five = apply(
      strokes([35, 20, 70, 20], [35, 35, 33, 55], [33, 55, 65, 60], [65, 60, 67, 90], [67, 90, 30, 99]),
    );
    expect([5, 9].map((row) => crossed(five, row))).toEqual([1, 1]);
    expect(crossed(five, 21)).toBeGreaterThan(0);
  });

  it("knows the polarity of broad and of tiny characters where light falls unevenly", () => {
    for (const [ink, paper, polarity] of [
      [30, 220, "dark-on-light"],
      [240, 70, "light-on-dark"],
    ] as const) {
      const broad = drawFive({ size: 512, left: 120, top: 100, side: 300, pen: 75, ink, paper: () => paper });
      const tiny = drawFive({ size: 512, left: 240, top: 240, side: 40, pen: 8, ink, paper: () => paper });
      for (const page of [broad, tiny].flatMap((page) => [shaded(page), edged(page)])) {
        expect(detectPolarity(page)).toBe(polarity);
      }
    }
  });

  it("leaves out the lines around a character that was cut out of a grid, and its neighbors", () => {
    const seven = [
      [0.36, 0.3, 0.64, 0.3],
      [0.64, 0.3, 0.46, 0.72],
    ];
    const around = [
      ...[0.09, 0.92].flatMap((at) => [
        [at, 0, at, 1],
        [0, at, 1, at],
      ]),
      [0.99, 0.3, 0.97, 0.7],
    ];
    const cell = (side: number, ...parts: readonly [strokes: number[][], radius: number][]): Picture => ({
      width: side,
      height: side,
      channels: 1,
      data: Uint8Array.from({ length: side * side }, (_, i) => {
        const [x, y] = [((i % side) + 0.5) / side, (Math.floor(i / side) + 0.5) / side];
        const isInk = parts.some(([strokes, radius]) =>
          strokes.some(([ax, ay, bx, by]) => {
            const length = (bx - ax) ** 2 + (by - ay) ** 2;
            const t = Math.max(0, Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length));
            return Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)) < radius;
          }),
        );
        return isInk ? 40 : 210;
      }),
    });
    for (const side of [44, 60, 90, 160]) {
      const plain = apply(cell(side, [seven, 0.035]));
      const cut = apply(cell(side, [seven, 0.035], [around, 0.014]));
      const differ = cut.reduce((sum, value, i) => sum + Math.abs(value - plain[i]), 0) / cut.length;
      expect(differ, `${side} pixels`).toBeLessThan(3);
    }
  });

  it("takes broad light strokes for ink, not for a sheet", () => {
    const chalk = (isInk: (x: number, y: number) => boolean): Picture => ({
      width: 100,
      height: 100,
      channels: 1,
      data: Uint8Array.from({ length: 100 * 100 }, (_, i) =>
        isInk(i % 100, Math.floor(i / 100)) ? 230 + 5 * noise.normal() : 30 + 5 * noise.normal(),
      ),
    });
    const bar = chalk((x, y) => Math.abs(x - 50) < 20 && y > 10 && y < 90);
    const ring = chalk((x, y) => Math.abs(Math.hypot((x - 50) / 30, (y - 50) / 40) - 0.85) < 0.15);
    for (const drawn of [bar, ring]) expect(detectPolarity(drawn)).toBe("light-on-dark");
    expect(apply(ring)[14 * 28 + 14]).toBe(0);
  });

  it("thickens a hairline so that it does not fade away", () => {
    const hairline = drawFive({ size: 512, left: 60, top: 60, side: 380, pen: 3, ink: 0, paper: () => 255 });
    const solid = apply(hairline).filter((value) => value > 200).length;
    expect(solid).toBeGreaterThan(30);
    const thin = applyPreprocessing({ ...MNIST_PREPROCESSING, minStroke: 0 }, hairline);
    expect(thin.filter((value) => value > 200).length).toBeLessThan(solid);
  });

  it("knows the polarity, or is told", () => {
    expect(detectPolarity(canonical)).toBe("light-on-dark");
    expect(detectPolarity(drawing(20, () => 255))).toBe("dark-on-light");
    const told = applyPreprocessing({ ...MNIST_PREPROCESSING, polarity: "light-on-dark" }, canonical);
    expect(told).toEqual(reference);
  });

  it("says that a blank page is blank", () => {
    const blank = (value: (i: number) => number): Picture => ({
      width: 200,
      height: 100,
      channels: 1,
      data: Uint8Array.from({ length: 20_000 }, (_, i) => value(i)),
    });
    const pages = [
      blank(() => 255),
      blank(() => 0),
      blank(() => 200 + 6 * noise.normal()),
      blank((i) => (i % 200) / 2),
    ];
    for (const page of pages) expect(() => apply(page)).toThrow("the picture is blank: no ink found in 200×100 pixels");
  });

  it("makes something of any scan: right size, or blank", () => {
    const side = fc.integer({ min: 64, max: 96 });
    const value = fc.integer({ min: 0, max: 255 });
    const patch = fc.record({ x: fc.nat(90), y: fc.nat(90), w: fc.nat(90), h: fc.nat(90), value });
    fc.assert(
      fc.property(
        side,
        side,
        value,
        fc.nat(60),
        fc.array(patch, { maxLength: 6 }),
        (width, height, paper, grain, patches) => {
          const data = Uint8Array.from({ length: width * height }, (_, i) => {
            const [x, y] = [i % width, Math.floor(i / width)];
            const on = patches.findLast((one) => x >= one.x && x < one.x + one.w && y >= one.y && y < one.y + one.h);
            return (on?.value ?? paper) + ((i * 7919) % (grain + 1));
          });
          try {
            expect(apply({ width, height, channels: 1, data }).length).toBe(784);
          } catch (error) {
            expect(String(error)).toContain("blank");
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("makes something of any picture: right size, or blank", () => {
    fc.assert(
      fc.property(picture, ({ h, w, c, data }) => {
        if (c === 2) return;
        try {
          expect(apply({ height: h, width: w, channels: c as 1 | 3, data }).length).toBe(784);
        } catch (error) {
          expect(String(error)).toContain("blank");
        }
      }),
    );
  });

  function drawing(ink: number, paper: (x: number, y: number) => number): Picture & { data: Uint8Array } {
    return drawFive({ size: 512, left: 24, top: 250, side: 224, pen: 44.8, ink, paper });
  }

  function fading(x: number, y: number): number {
    const faded = 1 - Math.hypot(x - 136, y - 362) / 300;
    return x % 60 < 4 || (y + 20) % 60 < 4 ? 230 - 90 * Math.max(0, faded) : 230;
  }

  /** On a sheet that is turned a little. */
  function onDesk(paper: number, desk: number): Picture {
    const isSheet = (x: number, y: number): boolean => {
      const [u, v] = [x - 0.05 * y, y + 0.05 * x];
      return u > 80 && u < 390 && v > 110 && v < 440;
    };
    return drawFive({
      size: 512,
      left: 140,
      top: 150,
      side: 224,
      pen: 44.8,
      ink: 30,
      paper: (x, y) => (isSheet(x, y) ? paper : desk),
    });
  }

  /** In the shade of a hand: beyond a soft edge across the stroke there is two thirds of the light. */
  function edged({ data, width, ...rest }: Picture): Picture {
    const dimmed = data.map((value, i) => {
      const across = ((i % width) + Math.floor(i / width)) / (2 * width);
      return value * (1 - 0.33 / (1 + Math.exp(40 * (0.3 - across))));
    });
    return { ...rest, width, data: dimmed };
  }

  function shaded(page: Picture): Picture {
    const data = page.data.map((value, i) => value * (1 - (i % 512) / 1500 - i / 512 / 1200));
    return { ...page, data };
  }

  function transparent(gray: Picture): Picture {
    const data = new Uint8Array(512 * 512 * 4);
    for (let i = 0; i < 512 * 512; i++) data.set([10, 20, 60, 255 - gray.data[i]], 4 * i);
    return { width: 512, height: 512, channels: 4, data };
  }
});

describe("resize preprocessing", () => {
  const p: Preprocessing = { kind: "resize", height: 1, width: 1, channels: 1, invert: true };
  it("makes gray, inverts, lays transparency on white", () => {
    const two = (data: number[]): Picture => ({ width: 2, height: 1, channels: 4, data: Uint8Array.from(data) });
    expect([...applyPreprocessing(p, two([0, 0, 0, 255, 0, 0, 0, 0]))]).toEqual([127]);
    const gray: Picture = { width: 1, height: 1, channels: 1, data: Uint8Array.of(9) };
    expect([...applyPreprocessing({ ...p, channels: 3, invert: false }, gray)]).toEqual([9, 9, 9]);
    expect(() => applyPreprocessing(p, { ...gray, width: 2 })).toThrow("picture: 1 bytes are not 2×1 pixels");
  });
});

describe("the record in a model file", () => {
  it("comes back from JSON, and nothing else does", () => {
    expect(check(preprocessingSchema, JSON.parse(JSON.stringify(MNIST_PREPROCESSING)))).toEqual(MNIST_PREPROCESSING);
    for (const wrong of [{ box: 29 }, { height: 1e9 }, { kind: "magic" }, { path: "/etc" }, { polarity: "up" }]) {
      expect(check(preprocessingSchema, { ...MNIST_PREPROCESSING, ...wrong })).toBeInstanceOf(Mismatch);
    }
  });
});

describe("conform", () => {
  const labels = Uint8Array.of(0);
  const classes = ["5"];
  it("returns a set that looks right already", () => {
    const data = new ImageDataset({ name: "d", images: reference, labels, height: 28, width: 28, classes });
    expect(conform(data, MNIST_PREPROCESSING)).toBe(data);
  });
  it("preprocesses every picture of another size or polarity", () => {
    const images = canonical.data.map((value) => 255 - value);
    const other = { name: "d", images, labels, height: 280, width: 280, classes, polarity: "dark-on-light" } as const;
    const data = conform(new ImageDataset(other), MNIST_PREPROCESSING);
    expect(data.images).toEqual(reference);
    expect(data.polarity).toBe("light-on-dark");
    const blank = new ImageDataset({ ...other, images: new Uint8Array(78_400) });
    expect(() => conform(blank, MNIST_PREPROCESSING)).toThrow("d: sample 0: the picture is blank");
  });
});

/** What was drawn on a page is found: lines, boxes, combs, grids, in perspective, shadow, blur and noise; and odd pictures end well. */
import { describe, expect, it } from "vitest";
import { DataError } from "../../src/engine/errors.ts";
import { findNumbers } from "../../src/page/find-numbers.ts";
import { boxOf, type Homography, isInside, project, type Quad, rectangleTo } from "../../src/page/geometry.ts";
import { quadOfColumns, type Region } from "../../src/page/regions.ts";
import type { Picture } from "../../src/picture/picture.ts";
import { DrawnPage, rectangle } from "./drawing.ts";

const KINDS = (regions: readonly Region[]): string[] => regions.map(({ kind }) => kind);

/** Which part of one upright box lies in another. */
function covered(inner: Quad, outer: Quad): number {
  const [a, b] = [boxOf(inner), boxOf(outer)];
  const width = Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left));
  const height = Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  return (width * height) / ((a.right - a.left) * (a.bottom - a.top));
}

/** A picture whose shades are turned around. */
const inverted = (picture: Picture): Picture => ({ ...picture, data: picture.data.map((value) => 255 - value) });

/** A camera that sees a page of this size as this quadrilateral. */
const seenAs = (width: number, height: number, quad: Quad): Homography => rectangleTo(quad, width, height);

const inkIn = ({ crop }: Region): number => crop.data.reduce((sum, value) => sum + 255 - value, 0) / 255;

describe("lines of writing", () => {
  const page = new DrawnPage().number("90210", 60, 100, 40).number("7", 420, 100, 40).number("336", 60, 200, 40);

  it("are found in reading order, divided where gaps are wide", () => {
    const { regions, textHeight, problem } = findNumbers(page.photograph(600, 300));
    expect(problem).toBeUndefined();
    expect(KINDS(regions)).toEqual(["line", "line", "line"]);
    expect(textHeight).toBeGreaterThan(38);
    expect(textHeight).toBeLessThan(46);
    const drawn = [rectangle(60, 60, 175, 40), rectangle(421, 60, 20, 40), rectangle(60, 160, 95, 40)];
    for (const [k, { quad }] of regions.entries()) {
      expect(covered(drawn[k], quad)).toBeGreaterThan(0.9);
      expect(covered(quad, drawn[k])).toBeGreaterThan(0.6);
    }
  });

  it("are dark on white in their crops, and each place in a crop is known on the picture", () => {
    const picture = page.photograph(600, 300, { paper: 150, shadow: true, noise: 4 });
    const [first] = findNumbers(picture).regions;
    const { crop, ink } = first;
    expect(crop.data.reduce((a, b) => Math.max(a, b))).toBe(255);
    expect(crop.data.reduce((a, b) => Math.min(a, b))).toBeLessThan(60);
    expect(ink).toBeDefined();
    for (let y = 0; y < crop.height; y++) {
      for (let x = 0; x < crop.width; x++) {
        if (crop.data[y * crop.width + x] > 60) continue;
        const at = project(first.toPicture, { x: x + 0.5, y: y + 0.5 });
        expect(picture.data[Math.floor(at.y) * 600 + Math.floor(at.x)]).toBeLessThan(100);
      }
    }
    const all = quadOfColumns(first, 0, crop.width);
    const left = quadOfColumns(first, 0, crop.width / 2);
    expect(isInside(all, { x: 150, y: 80 })).toBe(true);
    expect(left[1].x).toBeCloseTo((all[0].x + all[1].x) / 2, 3);
  });

  it.each([-0.2, -0.1, 0.1, 0.2])("may slant by %f", (slope) => {
    const slanted = new DrawnPage().number("4096", 60, 160, 36, { slope }).number("58231", 60, 260, 36, { slope });
    const { regions } = findNumbers(slanted.photograph(420, 360));
    expect(KINDS(regions)).toEqual(["line", "line"]);
    for (const { quad } of regions) {
      expect((quad[1].y - quad[0].y) / (quad[1].x - quad[0].x)).toBeCloseTo(slope, 1);
    }
  });

  it.each([0.5, 2, 4])("are the same on a page that is %f times as large", (times) => {
    const large = new DrawnPage()
      .number("90210", 60 * times, 100 * times, 40 * times, { pen: 4 * times })
      .number("7", 420 * times, 100 * times, 40 * times, { pen: 4 * times })
      .number("336", 60 * times, 200 * times, 40 * times, { pen: 4 * times });
    const { regions } = findNumbers(large.photograph(600 * times, 300 * times));
    expect(KINDS(regions)).toEqual(["line", "line", "line"]);
  });

  it("may be light on dark", () => {
    const dark = inverted(page.photograph(600, 300, { noise: 3 }));
    expect(KINDS(findNumbers(dark).regions)).toEqual(["line", "line", "line"]);
  });

  it("stand on rules, which are erased without breaking what crosses them", () => {
    const bare = new DrawnPage().number("8642", 60, 100, 40);
    const ruled = new DrawnPage().number("8642", 60, 100, 40).line({ x: 20, y: 92 }, { x: 560, y: 96 }, 2, 160);
    const [[without], [withRule]] = [bare, ruled].map((each) => findNumbers(each.photograph(600, 200)).regions);
    expect(inkIn(withRule) / inkIn(without)).toBeGreaterThan(0.9);
    expect(inkIn(withRule) / inkIn(without)).toBeLessThan(1.1);
    expect(withRule.crop.width).toBeLessThan(1.1 * without.crop.width);
  });
});

describe("boxes", () => {
  it("are found with what is written in them, even across their sides", () => {
    const page = new DrawnPage()
      .box(40, 40, 160, 50)
      .number("3907", 55, 96, 40)
      .box(260, 40, 90, 50)
      .number("12", 275, 82, 32)
      .box(40, 140, 160, 50);
    const { regions } = findNumbers(page.photograph(400, 240, { noise: 3 }));
    expect(KINDS(regions)).toEqual(["box", "box", "box"]);
    expect(regions.map(({ ink }) => ink !== undefined)).toEqual([true, true, false]);
    for (const [k, quad] of [rectangle(40, 40, 160, 50), rectangle(260, 40, 90, 50)].entries()) {
      for (const [corner, { x, y }] of regions[k].quad.entries()) {
        expect(Math.hypot(x - quad[corner].x, y - quad[corner].y)).toBeLessThan(4);
      }
    }
    const alone = findNumbers(new DrawnPage().number("3907", 55, 96, 40).photograph(400, 240)).regions[0];
    expect(inkIn(regions[0]) / inkIn(alone)).toBeGreaterThan(0.88);
    expect(inkIn(regions[0]) / inkIn(alone)).toBeLessThan(1.12);
  });

  it("in a row, for a digit each, are one comb", () => {
    const page = new DrawnPage();
    for (let k = 0; k < 6; k++) page.box(60 + 36 * k, 50, 36, 44);
    page.number("502118", 67, 88, 30, { gap: 0.6 });
    const { regions } = findNumbers(page.photograph(360, 140));
    expect(KINDS(regions)).toEqual(["comb"]);
    expect(regions[0].boxes).toBe(6);
    expect(regions[0].ink).toBeDefined();
  });

  it("with several lines are lines", () => {
    const page = new DrawnPage().box(30, 30, 300, 160).number("1357", 50, 90, 36).number("2468", 50, 160, 36);
    expect(KINDS(findNumbers(page.photograph(360, 220)).regions)).toEqual(["line", "line"]);
  });
});

describe("grids of cells", () => {
  /** A grid of 9×9, every cell with a digit but those where row + column is a multiple of five. */
  function sudoku(): DrawnPage {
    const page = new DrawnPage();
    for (let k = 0; k <= 9; k++) {
      const width = k % 3 === 0 ? 4 : 2;
      page.line({ x: 40 + 50 * k, y: 40 }, { x: 40 + 50 * k, y: 490 }, width);
      page.line({ x: 40, y: 40 + 50 * k }, { x: 490, y: 40 + 50 * k }, width);
    }
    for (let row = 0; row < 9; row++) {
      for (let column = 0; column < 9; column++) {
        if ((row + column) % 5 === 0) continue;
        page.number(String((3 * row + column) % 10), 57 + 50 * column, 78 + 50 * row, 26, { pen: 3 });
      }
    }
    return page;
  }
  const flat = rectangle(0, 0, 530, 530);
  const tilted: Quad = [
    { x: 60, y: 30 },
    { x: 520, y: 70 },
    { x: 560, y: 540 },
    { x: 20, y: 500 },
  ];

  it.each([
    ["as it is", flat, {}],
    ["in perspective", tilted, {}],
    ["in perspective, shadow and noise", tilted, { shadow: true, noise: 8, paper: 200 }],
    ["blurred", tilted, { blur: 1, noise: 3 }],
  ])("have rows and columns, %s", (_, quad, shot) => {
    const camera = seenAs(530, 530, quad);
    const { regions } = findNumbers(sudoku().photograph(580, 580, { ...shot, camera }));
    // The edge of a shadow may look like writing, but none of it lies in the grid.
    const cells = regions.filter(({ kind }) => kind === "cell");
    expect(cells.length).toBe(81);
    for (const { quad: other } of regions.filter(({ kind }) => kind !== "cell")) {
      expect(other.some((corner) => cells.some(({ quad }) => isInside(quad, corner)))).toBe(false);
    }
    for (const [k, { kind, place, ink, quad }] of cells.entries()) {
      const [row, column] = [Math.floor(k / 9), k % 9];
      expect(kind).toBe("cell");
      expect(place).toEqual({ grid: 0, row, column });
      expect(ink !== undefined).toBe((row + column) % 5 !== 0);
      const corners = rectangle(40 + 50 * column, 40 + 50 * row, 50, 50).map((point) => project(camera, point));
      for (const [corner, { x, y }] of quad.entries()) {
        expect(Math.hypot(x - corners[corner].x, y - corners[corner].y)).toBeLessThan(5);
      }
    }
  });
});

describe("odd pictures", () => {
  const flat = (width: number, height: number, value: number): Picture => ({
    width,
    height,
    channels: 1,
    data: new Uint8Array(width * height).fill(value),
  });

  it.each([
    [1, 1],
    [1, 500],
    [500, 1],
    [2, 3],
    [300, 200],
  ])("of one shade, %i×%i, have no numbers and say so", (width, height) => {
    for (const value of [0, 128, 255]) {
      const { regions, problem } = findNumbers(flat(width, height, value));
      expect(regions).toEqual([]);
      expect(problem).toMatch(/no number found/);
    }
  });

  it("full of specks or noise end, with no more regions than specks", () => {
    const specks = flat(1500, 1500, 255);
    const noise = flat(700, 700, 0);
    let seed = 1;
    const random = (): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    for (let k = 0; k < 10_000; k++) {
      const at = Math.floor(random() * 1499) * 1500 + Math.floor(random() * 1499);
      for (const next of [at, at + 1, at + 1500, at + 1501]) specks.data[next] = 0;
    }
    for (let i = 0; i < noise.data.length; i++) noise.data[i] = 255 * random();
    expect(findNumbers(specks).regions.length).toBeLessThanOrEqual(10_000);
    expect(findNumbers(noise).regions.length).toBeLessThan(10_000);
  });

  it("with too few bytes are refused", () => {
    expect(() => findNumbers({ width: 3, height: 3, channels: 1, data: new Uint8Array(8) })).toThrow(DataError);
  });

  it("with writing that is too small or blurred say so", () => {
    const page = new DrawnPage().number("12345", 20, 20, 7, { pen: 1 }).number("678", 20, 40, 7, { pen: 1 });
    expect(findNumbers(page.photograph(120, 60)).problem).toMatch(/pixels high: photograph it from nearer/);
    const soft = new DrawnPage().number("4711", 60, 100, 40, { pen: 4 }).photograph(360, 160, { blur: 8 });
    expect(findNumbers(soft).problem).toMatch(/blurred/);
    const sharp = new DrawnPage().number("4711", 60, 100, 40, { pen: 4 }).photograph(360, 160, { blur: 1 });
    expect(findNumbers(sharp).problem).toBeUndefined();
  });
});

describe("what is no number", () => {
  it("lies beside the sheet: the grain of a table, and the sheet's edge", () => {
    const seen: Quad = [
      { x: 130, y: 90 },
      { x: 760, y: 120 },
      { x: 740, y: 500 },
      { x: 110, y: 450 },
    ];
    const camera = seenAs(600, 300, seen);
    const page = new DrawnPage().number("90210", 60, 100, 40).number("336", 60, 200, 40);
    const picture = page.photograph(900, 620, { camera, noise: 3 });
    const data = picture.data.map((value, i) => {
      const [x, y] = [i % 900, Math.floor(i / 900)];
      return isInside(seen, { x, y }) ? value : 70 + 9 * Math.sin(y / 3 + 4 * Math.sin(x / 90)) * Math.sin(x / 40);
    });
    const { regions } = findNumbers({ ...picture, data: Uint8Array.from(data) });
    expect(KINDS(regions)).toEqual(["line", "line"]);
    const written = [rectangle(60, 60, 175, 40), rectangle(60, 160, 95, 40)];
    for (const [k, { quad }] of regions.entries()) {
      const drawn = written[k].map((corner) => project(camera, corner)) as unknown as Quad;
      expect(covered(drawn, quad)).toBeGreaterThan(0.8);
    }
  });

  /** Print: a capital, then small letters on its line. */
  const word = (page: DrawnPage, letters: string, x: number, y: number): DrawnPage =>
    page.number(letters[0], x, y, 30).number(letters.slice(1), x + 27, y, 21);

  it("is print with small letters of one size, and short words of that size beside them", () => {
    const page = new DrawnPage().number("4711", 60, 300, 60);
    word(word(word(page, "60808", 60, 100), "80060", 240, 100), "600", 420, 100);
    expect(KINDS(findNumbers(page.photograph(600, 400)).regions)).toEqual(["line"]);
  });

  it("is not writing with one large character", () => {
    const page = word(new DrawnPage(), "60808", 60, 100).number("4711", 60, 300, 60);
    expect(KINDS(findNumbers(page.photograph(600, 400)).regions)).toEqual(["line", "line"]);
  });
});

it("squared paper is no grid of cells, and numbers across its squares stay whole", () => {
  const page = new DrawnPage();
  for (let k = 0; k <= 24; k++) {
    page.line({ x: 20 + 24 * k, y: 20 }, { x: 20 + 24 * k, y: 380 }, 1, 70);
    if (k <= 15) page.line({ x: 20, y: 20 + 24 * k }, { x: 596, y: 20 + 24 * k }, 1, 70);
  }
  page.number("90210", 60, 120, 44, { pen: 4 }).number("336", 60, 260, 44, { pen: 4 });
  expect(KINDS(findNumbers(page.photograph(620, 400)).regions.filter(({ ink }) => ink !== undefined))).toEqual([
    "line",
    "line",
  ]);
});

/** Pages are read with a reader of bars that needs no training: what is found, where it is, and why something is refused. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { findNumbers } from "../../src/page/find-numbers.ts";
import { boxAround, numberJson } from "../../src/read/answers.ts";
import { PageReader } from "../../src/read/page-reader.ts";
import "../../src/index.ts";
import { bars, box, page, tallyReader } from "./tally.ts";

let reader: PageReader;

beforeAll(async () => {
  reader = await PageReader.open(tallyReader());
});

afterAll(() => reader.close());

it("numbers on a page are read where they stand, each character in its place", async () => {
  const picture = page(800, 500, [...bars(3, 100, 80), ...bars(5, 400, 86), ...bars(2, 120, 300)]);
  const { numbers, problem } = await reader.read(picture);
  expect(problem).toBeUndefined();
  expect(numbers.map(({ text }) => text)).toEqual(["111", "11111", "11"]);
  for (const [i, [count, left]] of [
    [3, 100],
    [5, 400],
    [2, 120],
  ].entries()) {
    const { characters, probability, refused } = numbers[i];
    expect(refused).toBeUndefined();
    expect(probability).toBeGreaterThan(0.9);
    expect(characters).toHaveLength(count);
    characters.forEach(({ quad }, k) => {
      const [x, , width] = boxAround(quad);
      expect(Math.abs(x + width / 2 - (left + k * 24 + 2.5))).toBeLessThan(8);
    });
  }
});

it("a box without ink has nothing there", async () => {
  const picture = page(800, 500, [
    ...box(100, 80, 220, 70),
    ...box(400, 80, 220, 70),
    ...bars(4, 430, 95),
    ...bars(3, 100, 300),
  ]);
  const { numbers } = await reader.read(picture);
  expect(numbers.map(({ text, refused }) => [text, refused])).toEqual([
    ["", "nothing there"],
    ["1111", undefined],
    ["111", undefined],
  ]);
});

it("what may stand there decides, and what does not fit is refused", async () => {
  const picture = page(800, 500, bars(3, 100, 80));
  const [region] = findNumbers(picture).regions;
  const read = async (rules: object) => (await reader.readRegions([{ ...region, name: "sum", rules }]))[0];
  expect(await read({ length: 3 })).toMatchObject({ name: "sum", text: "111", refused: undefined });
  expect(await read({ length: [4, 8] })).toMatchObject({ refused: "does not fit" });
  expect(await read({ values: ["11"] })).toMatchObject({ text: "11", refused: "does not fit" });
});

it("what is struck out says so", async () => {
  const stroke = { left: 90, top: 98, width: 150, height: 5 };
  const marks = [...box(60, 80, 220, 70), ...bars(5, 105, 90), stroke, ...bars(3, 100, 300)];
  const { regions } = findNumbers(page(800, 500, marks));
  const rules = { length: 3 };
  const answers = await reader.readRegions(regions.map((region) => ({ ...region, rules })));
  expect(answers.map(({ refused }) => refused)).toEqual(["struck out", undefined]);
});

it("a stroke through the middle of all characters does not make strokes of them look as wide as they are high", () => {
  const stroke = { left: 105, top: 107, width: 101, height: 5 };
  const { regions, strokeWidth } = findNumbers(page(800, 500, [...bars(5, 105, 90), stroke, ...bars(3, 100, 300)]));
  expect(strokeWidth).toBeLessThan(8);
  expect(regions).toHaveLength(2);
});

it.each([
  [3, 0, 112],
  [5, 30, 106],
  [8, 0, 106],
  [12, 40, 112],
  [20, 0, 108],
])("%i characters with a stroke through them are struck out", async (count, over, top) => {
  const stroke = { left: 105 - over, top, width: count * 24 - 19 + 2 * over, height: 5 };
  const { numbers } = await reader.read(page(900, 500, [...bars(count, 105, 90), stroke, ...bars(3, 100, 300)]));
  expect(numbers.map(({ refused }) => refused)).toEqual(["struck out", undefined]);
});

it("a rule below writing, or through it and far beyond, is one", async () => {
  const rules = [
    { left: 60, top: 134, width: 600, height: 3 },
    { left: 40, top: 320, width: 700, height: 3 },
  ];
  const { numbers } = await reader.read(page(800, 500, [...bars(8, 105, 90), ...bars(5, 105, 300), ...rules]));
  expect(numbers.map(({ text, refused }) => [text, refused])).toEqual([
    ["11111111", undefined],
    ["11111", undefined],
  ]);
});

it("an answer that is less probable than asked for is unsure", async () => {
  const picture = page(800, 500, bars(3, 100, 80));
  const { numbers } = await reader.read(picture, { minProbability: 1 });
  expect(numbers).toMatchObject([{ text: "111", refused: "unsure" }]);
});

it("as JSON it has boxes in whole pixels", async () => {
  const { numbers } = await reader.read(page(800, 500, bars(3, 100, 80)));
  expect(numberJson(numbers[0])).toMatchObject({
    kind: "line",
    text: "111",
    refused: null,
    box: [expect.any(Number), expect.any(Number), expect.any(Number), expect.any(Number)],
    characters: [{ text: "1" }, { text: "1" }, { text: "1" }],
  });
});

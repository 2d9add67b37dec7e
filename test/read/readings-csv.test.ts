/** The table of what was read, with and without what a person said of it. */
import { expect, it } from "vitest";
import { linesCsv, readingsCsv } from "../../src/read/readings-csv.ts";

const quad = (left: number) =>
  [
    { x: left, y: 10 },
    { x: left + 30, y: 10 },
    { x: left + 30, y: 25 },
    { x: left, y: 25 },
  ] as const;

const NUMBERS = [
  { name: "sum", quad: quad(5), text: "1,50", probability: 0.98765432 },
  { quad: quad(50), text: "77", probability: 0.5, refused: "unsure" as const },
  {
    place: { grid: 0, row: 2, column: 0 },
    quad: quad(90),
    text: "",
    probability: 1,
    refused: "nothing there" as const,
  },
  { quad: quad(130), text: "3", probability: 0.6, refused: "unsure" as const },
];

it("has a line for each place", () => {
  expect(
    readingsCsv([{ name: "a.png", numbers: NUMBERS }]),
  ).toBe(`file,place,text,probability,refused,left,top,width,height
a.png,sum,"1,50",0.987654,,5,10,30,15
a.png,2,77,0.5,unsure,50,10,30,15
a.png,"row 3, column 1",,1,nothing there,90,10,30,15
a.png,4,3,0.6,unsure,130,10,30,15
`);
});

it("says what a person has changed and confirmed, in a column behind the others", () => {
  const corrections = new Map([
    [1, { text: "71" }],
    [3, { text: "3" }],
  ]);
  const pages = [
    { name: "a.png", numbers: NUMBERS, corrections },
    { name: "b.png", numbers: NUMBERS.slice(3) },
  ];
  expect(readingsCsv(pages)).toBe(`file,place,text,probability,refused,left,top,width,height,corrected
a.png,sum,"1,50",0.987654,,5,10,30,15,
a.png,2,71,,,50,10,30,15,changed
a.png,"row 3, column 1",,1,nothing there,90,10,30,15,
a.png,4,3,,,130,10,30,15,confirmed
b.png,1,3,0.6,unsure,130,10,30,15,
`);
});

it("lists lines to learn from, of which some may be empty", () => {
  const lines = [
    ["lines/1.png", "1,50"],
    ["lines/2.png", ""],
  ] as const;
  expect(linesCsv(lines)).toBe('file,text\nlines/1.png,"1,50"\nlines/2.png,\n');
});

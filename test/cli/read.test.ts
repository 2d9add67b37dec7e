/** `ductus read` in a child process, with a reader of bars that needs no training. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import "../../src/index.ts";
import { LETTER_STROKES } from "../../src/synthesis/letters.ts";
import { drawStrokes } from "../../src/synthesis/strokes.ts";
import { encodeModel, TrainedModel } from "../../src/use/trained-model.ts";
import { bars, box, page, pngOf, printedForm, tallyReader } from "../read/tally.ts";
import { ductus, ensureBuilt, type Result } from "./run-cli.ts";

let folder: string;
let model: string;

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), "ductus-read-"));
  model = join(folder, "tally.safetensors");
  writeFileSync(model, await encodeModel(TrainedModel.of(tallyReader())));
  const pages = {
    "one.png": page(800, 500, [...bars(3, 100, 80), ...bars(5, 400, 86)]),
    "two.png": page(800, 500, [...box(60, 80, 220, 70), ...box(400, 80, 220, 70), ...bars(4, 430, 95)]),
    "empty.png": page(800, 500, []),
  };
  for (const [name, picture] of Object.entries(pages)) {
    writeFileSync(join(folder, name), await pngOf(picture));
  }
  writeFileSync(join(folder, "bad.png"), "no picture");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (...words: string[]): Promise<Result> => ductus(folder, "read", ...words, "--model", model);

it("prints what it read on each page, and goes on after a bad one", async () => {
  const { out, err, status } = await read("one.png", "bad.png", "two.png");
  expect(status).toBe(1);
  expect(out).toMatch(
    /one\.png\n {2}1 +111 +\d+\.\d+ %\n {2}2 +11111 +\d+\.\d+ %\ntwo\.png\n {2}1 +0?.*nothing there\n {2}2 +1111/,
  );
  expect(err).toContain("ductus: bad.png");
  expect(err).toContain("3 numbers read, 0 for a person to look at, 1 places empty, 1 pictures could not be read");
});

it("writes JSON, a table and a page", async () => {
  const { out, status } = await read("one.png", "two.png", "--json", "--csv", "all.csv", "--out", "all.html");
  expect(status).toBe(0);
  const { format, pages } = JSON.parse(out);
  expect(format).toBe(1);
  expect(pages).toMatchObject([
    { picture: "one.png", width: 800, height: 500, numbers: [{ text: "111", refused: null }, { text: "11111" }] },
    {
      picture: "two.png",
      numbers: [
        { text: "", refused: "nothing there" },
        { text: "1111", kind: "box" },
      ],
    },
  ]);
  const table = readFileSync(join(folder, "all.csv"), "utf8").trim().split("\n");
  expect(table[0]).toBe("file,place,text,probability,refused,left,top,width,height");
  expect(table.slice(1).map((line) => line.split(",").slice(0, 3).join())).toEqual([
    "one.png,1,111",
    "one.png,2,11111",
    "two.png,1,",
    "two.png,2,1111",
  ]);
  const html = readFileSync(join(folder, "all.html"), "utf8");
  expect(html.match(/<polygon/g)).toHaveLength(3);
  expect(html).toContain("4 places, 1 of them for a person to look at");
});

it("says that there are no numbers on a page", async () => {
  const { out, status } = await read("empty.png");
  expect(status).toBe(0);
  expect(out).toContain("empty.png\n  ");
  expect(out).not.toMatch(/\d %/);
});

it("leaves words alone", async () => {
  const picture = page(800, 300, bars(4, 80, 200));
  let left = 80;
  for (const letter of "KNAXMEW" as Iterable<keyof typeof LETTER_STROKES>) {
    const side = 48;
    const pen = { side, height: 34, width: 24, upright: 2, level: 2 };
    for (const [i, ink] of drawStrokes(LETTER_STROKES[letter], pen).entries()) {
      const at = (60 + Math.floor(i / side)) * picture.width + left + (i % side);
      picture.data[at] -= Math.round((ink / 255) * 180);
    }
    left += 34;
  }
  writeFileSync(join(folder, "word.png"), await pngOf(picture));
  const { out, err } = await ductus(folder, "read", "word.png", "--out", "word.html", "--csv", "word.csv");
  expect(out).toMatch(/^word\.png\n +2 +\S+ +\d/);
  expect(out).not.toContain("no number");
  expect(err).toMatch(/ 0 places empty, 1 left alone, such as words; /);
  const html = readFileSync(join(folder, "word.html"), "utf8");
  expect(html.match(/<polygon/g)).toHaveLength(1);
  expect(html).toContain(": what was read</");
  expect(readFileSync(join(folder, "word.csv"), "utf8")).toMatch(/word\.png,1,[^,]*,[\d.e-]+,no number,/);
});

it("does not write over what it reads, and needs no model of one's own", async () => {
  expect((await read("one.png", "--out", "one.png")).err).toContain("one.png would be overwritten");
  const { out, status } = await ductus(folder, "read", "one.png", "--json");
  expect(status).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ model: "reader", pages: [{ picture: "one.png" }] });
});

it("reads the fields of a form", async () => {
  const { blank, filled, fields } = printedForm();
  writeFileSync(join(folder, "blank.png"), await pngOf(blank));
  writeFileSync(join(folder, "filled.png"), await pngOf(filled));
  const described = fields.map((field, k) =>
    k === 0 ? { ...field, values: { file: "codes.csv", column: "code" } } : field,
  );
  writeFileSync(join(folder, "codes.csv"), "city,code\nA,11\r\nB,111\n\n");
  writeFileSync(join(folder, "form.json"), JSON.stringify({ picture: "blank.png", fields: described }));
  const { out, status } = await read("filled.png", "--fields", "form.json", "--json");
  expect(status).toBe(0);
  expect(JSON.parse(out).pages[0].numbers).toMatchObject([
    { name: "first", text: "111", refused: null },
    { name: "second", text: "", refused: "nothing there" },
  ]);
  const other = await read("one.png", "--fields", "form.json");
  expect(other.err).toMatch(/one\.png: the form is not found in the photograph/);
  writeFileSync(join(folder, "wrong.json"), "{");
  expect((await read("filled.png", "--fields", "wrong.json")).err).toMatch(/wrong\.json: is no JSON/);
});

it.each([
  [{ values: "cities.csv" }, 1, /the field "sum": cities\.csv: has several columns.*"city", "code"/],
  [
    { values: { file: "cities.csv", column: "town" } },
    1,
    /cities\.csv: has no column "town"; its first line has "city", "code"/,
  ],
  [{ values: ["12"] }, 2, /the field "sum": values: "12" has "2", which the reader cannot read/],
  [{ values: ["11"], length: 3 }, 2, /the field "sum": no string of .* meets length .*3/],
  [{ box: [790, 20, 40, 40] }, 1, /form\.json: form: the field "sum" lies outside of its picture of 800×500 pixels/],
])("refuses a form that cannot be read before it reads anything: %j", async (wrong, expected, message) => {
  const own = mkdtempSync(join(folder, "form-"));
  writeFileSync(join(own, "cities.csv"), "city,code\nA,11\nB,111\n");
  writeFileSync(join(own, "form.png"), readFileSync(join(folder, "one.png")));
  const fields = [{ name: "sum", box: [20, 20, 40, 40], ...wrong }];
  writeFileSync(join(own, "form.json"), JSON.stringify({ picture: "form.png", fields }));
  const { err, status } = await read("one.png", "--fields", join(own, "form.json"));
  expect(err).toMatch(message);
  expect(status).toBe(expected);
});

/** `ductus predict` on many things at once: folders, patterns and tables, and its answers as CSV. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeIdx } from "../../src/data/formats/idx.ts";
import { barsCsv, NAMES } from "./bars-csv.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

const MODEL = "run/best.safetensors";
/** More than one batch of samples. */
const ROWS = 70;
let cwd = "";

/** The pixels of the rows, and what they show. */
const bars = barsCsv(ROWS)
  .trim()
  .split("\n")
  .map((line) => {
    const [label, ...pixels] = line.split(",");
    return { label, pixels: pixels.map(Number) };
  });

const predict = (...words: readonly string[]) => ductus(cwd, "predict", MODEL, ...words);

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-predict-"));
  await writeFile(join(cwd, "bars.csv"), barsCsv(90));
  const { status, err } = await ductus(
    cwd,
    ..."train --data bars.csv --model mlp --epochs 3 --seed 1 --out run".split(" "),
  );
  expect({ status, err }).toMatchObject({ status: 0 });
  await mkdir(join(cwd, "scans", "more"), { recursive: true });
  for (const [i, { pixels }] of bars.slice(0, 4).entries()) {
    const raw = { width: 28, height: 28, channels: 1 } as const;
    const file = join(cwd, "scans", i % 2 === 1 ? "more" : "", `${i}.png`);
    await sharp(Uint8Array.from(pixels), { raw }).png().toFile(file);
  }
}, 120_000);
afterAll(() => rm(cwd, { recursive: true }));

describe("tables", () => {
  const header = Array.from({ length: 784 }, (_, i) => `pixel${i}`).join(",");
  const lines = (rows: readonly { pixels: readonly number[] }[]): string =>
    `${header}\n${rows.map(({ pixels }) => `${pixels.join(",")}\n`).join("")}`;

  it("of pixels without labels become one of the two columns that a competition wants", async () => {
    await writeFile(join(cwd, "test.csv"), lines(bars));
    const { status, out, err } = await predict("test.csv", "--csv", "answers.csv", "--columns", "ImageId,Label");
    expect({ status, out }).toEqual({ status: 0, out: "" });
    expect(err).toMatch(/^70 answers to answers\.csv in [^\n]+\n$/);
    const expected = bars.map(({ label }, i) => `${i + 1},${label}\n`).join("");
    expect(await readFile(join(cwd, "answers.csv"), "utf8")).toBe(`ImageId,Label\n${expected}`);
  });

  it("with labels and names of rows, on another scale, and as IDX, give the same", async () => {
    const named = bars.slice(0, 5).map(({ label, pixels }, i) => [`s${i}`, label, ...pixels.map((v) => v / 255)]);
    await writeFile(join(cwd, "named.csv"), `id,label,${header}\n${named.map((row) => `${row.join(",")}\n`).join("")}`);
    const csv = await predict("named.csv", "--csv", "-");
    expect(csv.err).toContain("note     named.csv: values from 0 to 1 were scaled to 0 … 255");
    const rows = csv.out
      .trim()
      .split("\n")
      .map((line) => line.split(","));
    expect(rows.map(([row, label]) => `${row} ${label}`)).toEqual([
      "row label",
      ...bars.slice(0, 5).map(({ label }, i) => `s${i} ${label}`),
    ]);
    for (const [, , probability] of rows.slice(1)) expect(Number(probability)).toBeGreaterThan(1 / NAMES.length);

    const data = Uint8Array.from(bars.slice(0, 5).flatMap(({ pixels }) => pixels));
    await writeFile(join(cwd, "five-images-idx3-ubyte"), writeIdx({ type: "uint8", dims: [5, 28, 28], data }));
    const json = JSON.parse((await predict("five-images-idx3-ubyte", "--json")).out);
    expect(json.predictions.map(({ row, class: name }: { row: string; class: string }) => [row, name])).toEqual(
      bars.slice(0, 5).map(({ label }, i) => [String(i + 1), label]),
    );
  });
});

describe("pictures", () => {
  it("of a folder and those below it, and of a pattern, are read; one that is damaged stops nothing", async () => {
    await writeFile(join(cwd, "scans", "bad.png"), "no picture");
    const { status, out, err } = await predict("scans", "--csv", "-");
    expect(status).toBe(1);
    expect(err).toMatch(/^ductus: scans\/bad\.png\b[^\n]*\n/);
    expect(err).toMatch(/\n4 answers in [^\n]+, 1 could not be read\n$/);
    const rows = out
      .trim()
      .split("\n")
      .map((line) => line.replace(/\w+,0?[\d.]+$/, "…"));
    expect(rows).toEqual([
      "file,label,probability",
      "scans/0.png,…",
      "scans/2.png,…",
      "scans/bad.png,,",
      "scans/more/1.png,…",
      "scans/more/3.png,…",
    ]);
    const few = await predict("scans/**/[1-3].png", "scans/?.png", "--csv", "-");
    expect(few.err).toContain("scans/**/[1-3].png: no file matches this pattern");
    const pattern = await predict("scans/**/?.png", "--csv", "-");
    expect(pattern.out.match(/^scans\/(more\/)?\d\.png/gm)).toHaveLength(4);
  });

  it("are refused with what to do instead", async () => {
    await mkdir(join(cwd, "empty"), { recursive: true });
    for (const [words, message] of [
      [["empty"], /^ductus: empty: no pictures in this folder .*; of tables, give the file\n$/],
      [["scans/0.png", "--columns", "a,b"], /^ductus: --columns names the columns of --csv\n$/],
      [["scans/0.png", "--csv", "-", "--columns", "a"], /^ductus: --columns: 1 names, but the columns are file, label/],
    ] as const) {
      const { status, out, err } = await predict(...words);
      expect({ out, err: err.split("\n").length }).toEqual({ out: "", err: 2 });
      expect(status).toBeGreaterThan(0);
      expect(err).toMatch(message);
    }
  });
});

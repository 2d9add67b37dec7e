/** `--augment` of the real command: mosaics, training, and one line for what is wrong. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/engine/random.ts";
import { decodeImage } from "../../src/platform/node/images.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

let cwd: string;

/** Noisy bars of 12×12 pixels at one of two places, as CSV. */
function csv(count: number): string {
  const random = new Random(1, "user");
  return Array.from({ length: count }, (_, i) => {
    const isInk = (p: number): boolean => Math.floor((p % 12) / 3) === 2 * (i % 2);
    const pixels = Array.from({ length: 144 }, (_, p) => (isInk(p) ? 150 + random.integer(100) : 0));
    return [i % 2 === 0 ? "left" : "right", ...pixels].join(",");
  }).join("\n");
}

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-augment-"));
  await writeFile(join(cwd, "bars.csv"), csv(50));
  await writeFile(join(cwd, "mine.json"), JSON.stringify([{ name: "rotate", degrees: [90, 90] }]));
  await writeFile(join(cwd, "wrong.json"), JSON.stringify([{ name: "rotate", degrees: [0, 900] }]));
  await writeFile(join(cwd, "broken.json"), "[{");
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

describe("data inspect", () => {
  it("draws originals and what becomes of them", async () => {
    const words = ["data", "inspect", "bars.csv", "--augment", "mine.json", "--mosaic", "mosaic.png", "--json"];
    const { status, out, err } = await ductus(cwd, ...words);
    expect({ status, err }).toMatchObject({ status: 0 });
    expect(JSON.parse(out)).toMatchObject({ mosaic: "mosaic.png", augment: [{ name: "rotate", degrees: [90, 90] }] });
    const { width, height, channels, data } = await decodeImage(join(cwd, "mosaic.png"));
    // Two samples of each of two classes; every pixel is drawn as 2×2.
    expect([width, height]).toEqual([12 * 26 + 4, 4 * 26 + 2]);
    const gray = (row: number, column: number, y: number, x: number): number => {
      const left = 2 + column * 26 + (column > 0 ? 2 : 0);
      return data[((2 + row * 26 + 2 * y) * width + left + 2 * x) * channels];
    };
    for (let row = 0; row < 4; row++) {
      for (let y = 0; y < 12; y++) {
        for (let x = 0; x < 12; x++) {
          // A quarter turn to the left: what is on the right comes to lie on top.
          if (gray(row, 5, 11 - x, y) !== gray(row, 0, y, x)) expect.fail(`row ${row}, pixel ${x}, ${y}`);
        }
      }
    }
  });

  it("draws beside where it is called, when nothing else is said", async () => {
    const { status, out, err } = await ductus(cwd, "data", "inspect", "bars.csv", "--augment", "mine.json");
    expect({ status, err }).toMatchObject({ status: 0 });
    expect(out).toContain("bars.csv-mine.png: 4 samples, one per row");
    expect((await decodeImage(join(cwd, "bars.csv-mine.png"))).width).toBe(12 * 26 + 4);
  });

  it("draws another mosaic for another seed, the same for the same", async () => {
    const draw = async (name: string, seed: string): Promise<Buffer> => {
      const words = ["data", "inspect", "bars.csv", "--augment", "digits", "--mosaic", name, "--seed", seed];
      const { status, out } = await ductus(cwd, ...words);
      expect({ status, out }).toMatchObject({ status: 0, out: expect.stringContaining(name) });
      return readFile(join(cwd, name));
    };
    const [a, b, c] = await Promise.all([draw("a.png", "1"), draw("b.png", "1"), draw("c.png", "2")]);
    expect(b.equals(a)).toBe(true);
    expect(c.equals(a)).toBe(false);
  });
});

it("train writes down what was done, and gives the same result for any number of threads", async () => {
  const run = async (threads: string, augment: string) => {
    const folder = `run-${threads}-${augment}`;
    const words = ["--augment", augment, "--threads", threads, "--model", "mlp", "--epochs", "1", "--batch-size", "8"];
    const { status, err } = await ductus(cwd, "train", "--data", "bars.csv", ...words, "--out", folder);
    expect({ status, err }).toMatchObject({ status: 0 });
    const file = async (name: string): Promise<string> => readFile(join(cwd, folder, name), "utf8");
    const [line] = (await file("metrics.jsonl")).split("\n");
    return { args: JSON.parse(await file("args.json")), loss: JSON.parse(line).trainingLoss };
  };
  const [one, two, plain] = await Promise.all([run("1", "digits"), run("2", "digits"), run("1", "none")]);
  expect(one.args.augmentations).toContainEqual({ name: "rotate", degrees: 12 });
  expect(one.loss).toBe(two.loss);
  expect(one.loss).not.toBe(plain.loss);
});

it.each([
  ["train --data bars.csv --augment digit", 2, /unknown augmentation preset "digit"; did you mean "digits"\?/],
  ["train --data bars.csv --augment wrong.json", 2, /augmentation rotate: degrees is 900 but must be from -180 to 180/],
  ["train --data bars.csv --augment broken.json", 1, /broken.json: not a JSON file; expected a list like/],
  ["train --data bars.csv --augment none.json", 1, /cannot read none.json: there is no such file/],
  ["data inspect bars.csv --mosaic no/m.png", 1, /cannot write no\/m.png: the folder no does not exist/],
])("%s: one line, exit %i", async (line, status, message) => {
  const { err, ...ended } = await ductus(cwd, ...line.split(" "));
  expect(ended.status).toBe(status);
  const complaint = err.trim().split("\n").at(-1);
  expect(complaint).toMatch(message);
  expect(complaint).toMatch(/^ductus: /);
});

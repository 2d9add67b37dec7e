/** A model remembers what numbers meant in the table that it learned from, and reads other tables with that. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeIdx } from "../../src/data/formats/idx.ts";
import { Random } from "../../src/engine/random.ts";
import { decodeModelFile } from "../../src/formats/model-file.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

const SIDE = 8;
let cwd: string;

/** Bars of 8×8 whose brightest dots are `ink` of 16, upright, level or none. */
function rows(count: number, ink: number, seed: number): number[][] {
  const random = new Random(seed, "user");
  return Array.from({ length: count }, (_, n) => {
    const place = 2 + random.integer(3);
    const pixels = Array.from({ length: SIDE * SIDE }, (_, p) => {
      const across = n % 2 === 0 ? p % SIDE : Math.floor(p / SIDE);
      return Math.abs(across - place) < 2 ? ink - random.integer(3) : 0;
    });
    return [...pixels, n % 2];
  });
}
const csv = (lines: readonly (readonly number[])[]): string => `${lines.map((line) => line.join(",")).join("\n")}\n`;

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-span-"));
  await writeFile(join(cwd, "bars.csv"), csv(rows(60, 16, 1)));
  const faint = rows(24, 7, 2);
  await writeFile(join(cwd, "faint.csv"), csv(faint));
  await writeFile(join(cwd, "with-one-more.csv"), csv([...faint, ...rows(1, 16, 3)]));
  const data = Uint8Array.from(faint.flatMap((row) => row.slice(0, -1)));
  await writeFile(join(cwd, "faint-idx3-ubyte"), writeIdx({ type: "uint8", dims: [24, SIDE, SIDE], data }));
  await writeFile(
    join(cwd, "bytes.csv"),
    csv(faint.map((row) => row.map((value, i) => (i < 64 ? value * 30 : value)))),
  );
  const train = ["--data", "bars.csv", "--model", "mlp", "--epochs", "2", "--augment", "none", "--out", "run"];
  const { status, err } = await ductus(cwd, "train", ...train);
  expect(status, err).toBe(0);
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

const model = "run/best.safetensors";
const note = /^note {5}faint\S*: values from 0 to 16, as the model was trained on, were scaled to 0 … 255$/m;

async function answers(table: string): Promise<{ probabilities: number[]; err: string }> {
  const { out, err, status } = await ductus(cwd, "predict", model, table, "--json");
  expect(status, err).toBe(0);
  const { predictions } = JSON.parse(out);
  return { probabilities: predictions.map(({ probability }: { probability: number }) => probability), err };
}

describe("numbers from 0 to 16 that a model was trained on", () => {
  it("are what the model file says", async () => {
    const { dataset } = decodeModelFile(await readFile(join(cwd, model)), model);
    expect(dataset.valueSpan).toEqual({ low: 0, high: 16 });
  });

  it("are what faint pictures are read as, in CSV and in IDX files", async () => {
    const { probabilities } = await answers("with-one-more.csv");
    const faint = await answers("faint.csv");
    expect(faint.probabilities).toEqual(probabilities.slice(0, -1));
    expect(faint.err).toMatch(note);
    const idx = await answers("faint-idx3-ubyte");
    expect(idx.probabilities).toEqual(faint.probabilities);
    expect(idx.err).toMatch(note);
  });

  it("are not what bytes are read as, which is said", async () => {
    expect((await answers("bytes.csv")).err).toContain(
      "bytes.csv: the model was trained on values from 0 to 16, but these are taken as 0 to 255",
    );
  });

  it.each([
    ["evaluate", "--data", "faint.csv"],
    ["finetune", "--data", "faint.csv", "--epochs", "1", "--no-compare", "--out", "finer"],
  ])(
    "hold for %s",
    async (verb, ...more) => {
      const { status, err } = await ductus(cwd, verb, model, ...more);
      expect(status, err).toBe(0);
      expect(err).toMatch(note);
    },
    60_000,
  );

  it("are remembered where the table was streamed", async () => {
    const how = ["--data", "bars.csv", "--model", "mlp", "--epochs", "1", "--stream", "--out", "streamed"];
    const { status, err } = await ductus(cwd, "train", ...how);
    expect(status, err).toBe(0);
    const path = "streamed/best.safetensors";
    expect(decodeModelFile(await readFile(join(cwd, path)), path).dataset.valueSpan).toEqual({ low: 0, high: 16 });
  }, 60_000);
});

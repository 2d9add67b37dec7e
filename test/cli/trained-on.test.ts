/** `ductus evaluate` on samples that the model was trained on, wherever they are kept: never a plain accuracy. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/engine/random.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

let cwd: string;
const MODEL = "run/best.safetensors";

/** A bright bar in the upper or the lower half of 8×8 pixels, every row another. */
function rows(from: number, to: number): string[] {
  const all = Array.from({ length: to }, (_, i) => {
    const random = new Random(i, "user");
    const pixels = Array.from({ length: 64 }, (_, p) => (p < 32 === i % 2 > 0 ? 120 : 0) + random.integer(100));
    return [i % 2 > 0 ? "up" : "down", ...pixels].join(",");
  });
  return all.slice(from);
}

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-trained-"));
  const write = (name: string, lines: readonly string[]): Promise<void> =>
    writeFile(join(cwd, name), `${lines.join("\n")}\n`);
  await write("samples.csv", rows(0, 60));
  await write("reversed.csv", rows(0, 60).reverse());
  await write("mixture.csv", [...rows(100, 150), ...rows(0, 10), ...rows(150, 190)]);
  await write("others.csv", rows(200, 260));
  const { status, err } = await ductus(
    cwd,
    ...[
      "train",
      "--data",
      "samples.csv",
      "--model",
      "mlp",
      "--epochs",
      "8",
      "--val",
      "0",
      "--threads",
      "1",
      "--out",
      "run",
    ],
  );
  expect(status, err).toBe(0);
}, 60_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function evaluate(
  data: string,
  ...more: readonly string[]
): Promise<{ out: string; json: Record<string, unknown> }> {
  const words = ["evaluate", MODEL, "--data", data, "--threads", "1", ...more];
  const [{ status, out, err }, json] = await Promise.all([ductus(cwd, ...words), ductus(cwd, ...words, "--json")]);
  expect(status, err).toBe(0);
  return { out, json: JSON.parse(json.out) };
}

describe("what was trained on is never called a test", () => {
  it.each(["train", "test"])("in another order, %s part", async (split) => {
    const { out, json } = await evaluate("reversed.csv", "--split", split);
    expect(out).toMatch(/samples? (was|were) trained on/);
    expect(out).toMatch(/accuracy on training samples \d/);
    expect(out).not.toMatch(/(^|\n)accuracy \d/);
    expect(json).toMatchObject({ trainedOn: { trained: expect.any(Number) } });
    expect((json.trainedOn as { trained: number }).trained).toBeGreaterThan(0);
  });

  it("a few among others, which are measured apart", async () => {
    const [train, test] = [
      await evaluate("mixture.csv", "--split", "train"),
      await evaluate("mixture.csv", "--split", "test"),
    ];
    const counts = [train, test].map(({ json }) => json.trainedOn as { trained: number; checked: number });
    // Those of the ten that were not put aside for the test of the run.
    const trained = counts[0].trained + counts[1].trained;
    expect(trained).toBeGreaterThanOrEqual(6);
    expect(trained).toBeLessThanOrEqual(10);
    expect(counts.map(({ checked }) => checked)).toEqual([train.json.count, test.json.count]);
    expect(train.out).toMatch(/of \d+ samples were trained on; accuracy on training samples 1?\d+\.\d\d %/);
    expect(train.out).toMatch(/accuracy on the others \d+\.\d\d % \(95 % interval/);
    expect(train.json).toMatchObject({ accuracy: expect.any(Number), trainingAccuracy: expect.any(Number) });
  });

  it("and others are measured as ever", async () => {
    const { out, json } = await evaluate("others.csv");
    expect(out).toMatch(/^accuracy \d+\.\d\d %/);
    expect(out).not.toContain("trained on");
    expect(json).toMatchObject({ accuracy: expect.any(Number), isTrainingData: false, trainedOn: { trained: 0 } });
    expect(json).not.toHaveProperty("trainingAccuracy");
  });
});

it("a model that was started from this one knows its samples too", async () => {
  const words = ["train", "--data", "others.csv", "--model", "mlp", "--epochs", "1", "--threads", "1", "--val", "0"];
  const { status, err } = await ductus(cwd, ...words, "--init", MODEL, "--out", "next");
  expect(status, err).toBe(0);
  const { out } = await ductus(cwd, "evaluate", "next/best.safetensors", "--data", "samples.csv", "--json");
  expect(JSON.parse(out)).toMatchObject({ trainedOn: { trained: 0 } });
  const train = await ductus(
    cwd,
    "evaluate",
    "next/best.safetensors",
    "--data",
    "samples.csv",
    "--split",
    "train",
    "--json",
  );
  expect(JSON.parse(train.out)).toMatchObject({ isTrainingData: true, trainedOn: { trained: 48, checked: 48 } });
});

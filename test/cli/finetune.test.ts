/** `ductus finetune` as its user runs it: what becomes of the head, and that few labels never make a model worse. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { barsCsv } from "./bars-csv.ts";
import { ductus, ensureBuilt } from "./run-cli.ts";

let cwd: string;
const MODEL = "base/best.safetensors";

beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-finetune-"));
  await writeFile(join(cwd, "bars.csv"), barsCsv(60));
  // The same pictures under the names of their neighbors, and under names that no model knows.
  await writeFile(join(cwd, "turned.csv"), barsCsv(60, ["middle", "right", "left"]));
  await writeFile(join(cwd, "new.csv"), barsCsv(60, ["a", "b", "c"]));
  const how = ["--epochs", "2", "--batch-size", "16", "--out", "base", "--model", "mlp"];
  expect((await ductus(cwd, "train", "--data", "bars.csv", ...how)).status).toBe(0);
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function finetune(data: string, out: string, ...more: readonly string[]): Promise<Record<string, unknown>> {
  const words = ["finetune", MODEL, "--data", data, "--out", out, "--no-compare", "--json", ...more];
  const { status, out: text, err } = await ductus(cwd, ...words);
  expect(status, err).toBe(0);
  return JSON.parse(text);
}

const weights = async (path: string): Promise<Buffer> => readFile(join(cwd, path));

describe("few labels of known classes", () => {
  it("leave a model alone that has them right already", async () => {
    const result = await finetune("bars.csv", "same", "--shots", "3");
    expect(result).toMatchObject({
      kept: "base",
      crossValidation: { samples: 9, bothRight: 9, onlyFirst: 0, onlySecond: 0, pValue: 1 },
      test: { accuracy: 1 },
    });
    const read = async (model: string): Promise<string> =>
      (await ductus(cwd, "evaluate", model, "--data", "bars.csv", "--json")).out.replaceAll(model, "");
    const loss = (text: string): unknown => JSON.parse(text).loss;
    expect(loss(await read("same/best.safetensors"))).toEqual(loss(await read(MODEL)));
  }, 60_000);

  it("change a model that has them wrong", async () => {
    const result = await finetune("turned.csv", "turned", "--shots", "4", "--lr", "0.01");
    expect(result).toMatchObject({
      kept: "finetuned",
      crossValidation: { samples: 12, onlySecond: 0 },
      test: { accuracy: 1 },
      comparison: { base: { test: 0 }, finetuned: { test: 1 } },
    });
  }, 60_000);

  it("change it in any case where that is wanted", async () => {
    const result = await finetune("bars.csv", "unchecked", "--shots", "3", "--steps", "5", "--no-check");
    expect(result).toMatchObject({ kept: "finetuned" });
    expect(result).not.toHaveProperty("crossValidation");
    expect(await weights("unchecked/best.safetensors")).not.toEqual(await weights(MODEL));
  }, 60_000);
});

it("leaves what a training leaves: records, and a report with what it stands beside", async () => {
  await finetune("turned.csv", "kept", "--shots", "4", "--steps", "6", "--no-check");
  const page = await readFile(join(cwd, "kept/report.html"), "utf8");
  for (const text of ["What fine-tuning was worth", "base model, untouched", "Confusion matrix"]) {
    expect(page).toContain(text);
  }
  expect(await readFile(join(cwd, "kept/results.csv"), "utf8")).toMatch(/^epoch,/);
  const files = await readdir(join(cwd, "kept"));
  expect(files).toEqual(expect.arrayContaining(["results.json", "test-predictions.safetensors"]));
  expect(files.filter((name) => name.startsWith("events.out.tfevents."))).toHaveLength(1);
  const compared = await ductus(cwd, "compare", "kept", "base");
  expect(compared.status, compared.err).toBe(0);
  expect(compared.out).toContain("mlp-finetuned");
}, 60_000);

it("stops where the test data are those that are trained on", async () => {
  await mkdir(join(cwd, "twice"));
  for (const name of ["train.csv", "test.csv"]) await writeFile(join(cwd, "twice", name), barsCsv(12));
  const { status, err } = await ductus(cwd, "finetune", MODEL, "--data", "twice", "--out", "leak", "--steps", "2");
  expect(status).toBe(1);
  expect(err).toMatch(/9 of 12 test samples are in training too .*would say nothing about new samples/);
}, 60_000);

describe("new classes", () => {
  it("get a head of their own, trained at the rate of the model's recipe", async () => {
    const result = await finetune("new.csv", "new", "--shots", "4");
    expect(result).toMatchObject({ kept: "finetuned", test: { accuracy: 1 } });
    expect(result).not.toHaveProperty("crossValidation");
    expect((await ductus(cwd, "info", "new/best.safetensors")).out).toContain("a b c");
  }, 60_000);
});

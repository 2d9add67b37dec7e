/** The examples run as they stand, against the built package under its own name. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureBuilt } from "./run-cli.ts";

let cwd: string;
beforeAll(async () => {
  ensureBuilt();
  cwd = await mkdtemp(join(tmpdir(), "ductus-examples-"));
}, 120_000);
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function example(name: string, ...words: string[]): Promise<string> {
  const path = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
  const { DUCTUS_DATA: _, ...inherited } = process.env;
  const env = { ...inherited, DUCTUS_OFFLINE: "1", XDG_CACHE_HOME: join(cwd, "cache") };
  return (await promisify(execFile)(process.execPath, [path, ...words], { cwd, env })).stdout;
}

const accuracy = (text: string): number => Number(/accuracy ([\d.]+)/.exec(text)?.[1]);

it("own-dataset.mjs", async () => {
  expect(accuracy(await example("own-dataset.mjs"))).toBeGreaterThan(90);
});

it("own-network.mjs: the model file gives the same accuracy without the class", async () => {
  const out = await example("own-network.mjs");
  expect(accuracy(out)).toBeGreaterThan(0.8);
  expect(Number(/loaded again: ([\d.]+)/.exec(out)?.[1])).toBeCloseTo(accuracy(out), 3);
});

it("own-loss-metric-callback.mjs", async () => {
  const out = await example("own-loss-metric-callback.mjs");
  expect(out).toMatch(/stopped: good enough/);
  expect(out).toMatch(/mean margin \d/);
  expect(Number(/^accuracy ([\d.]+) %/m.exec(out)?.[1])).toBeGreaterThan(87);
});

it("train-mnist.mjs, and predict-picture.mjs with what it saved", async () => {
  expect(accuracy(await example("train-mnist.mjs", "1"))).toBeGreaterThan(87);
  const drawing = (path: string): Buffer =>
    Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200"><rect width="200" height="200" fill="#fff"/><path d="${path}" stroke="#111" stroke-width="16" fill="none"/></svg>`,
    );
  await sharp(drawing("M55 50 L145 50 L95 155")).png().toFile(join(cwd, "seven.png"));
  await sharp(drawing("M100 45 L98 155")).jpeg().toFile(join(cwd, "one.jpg"));
  const out = await example("predict-picture.mjs", "digits.safetensors", "seven.png", "one.jpg");
  expect(out).toMatch(/^seven\.png: 7 \(.*\n.*one\.jpg: 1 \(/);
});

it("names.mjs: writes what it has learned, in the letters that it has seen", async () => {
  const syllables = ["ba", "do", "ki", "lu", "me"];
  const names = Array.from({ length: 2000 }, (_, i) =>
    [1, 5, 25].map((n) => syllables[Math.floor(i / n) % 5]).join(""),
  );
  await writeFile(join(cwd, "names.txt"), names.join("\n"));
  const out = await example("names.mjs", "names.txt");
  // A syllable has two letters; only the first leaves a choice, among five, and the end of a name none.
  expect(Number(/perplexity +([\d.]+)/.exec(out)?.[1])).toBeLessThan(3);
  const written = out.trim().split("\n").slice(-10);
  expect(written.filter((name) => /^(ba|do|ki|lu|me)+$/.test(name)).length).toBeGreaterThan(7);
});

it("sentences.mjs", async () => {
  const [first, last] = [
    ["Who", "Where", "When", "How", "Why", "What"],
    ["sails", "sleeps", "sings", "waits"],
  ];
  const line = (i: number): string => `${i % 6} ${first[i % 6]} does the ${i % 35} ${last[i % 4]} ?`;
  const lines = Array.from({ length: 700 }, (_, i) => line(i));
  await writeFile(join(cwd, "train.txt"), lines.slice(0, 600).join("\n"));
  await writeFile(join(cwd, "test.txt"), lines.slice(600).join("\n"));
  const out = await example("sentences.mjs", "train.txt", "test.txt");
  expect(accuracy(out.replace(/.*on the others/, "accuracy"))).toBeGreaterThan(95);
  expect(out).toMatch(/name: 'description'/);
});

it("strings.mjs: reads strings, after few of them not yet well", async () => {
  const out = await example("strings.mjs", "2000");
  expect(Number(/symbol error rate +([\d.]+) %/.exec(out)?.[1])).toBeLessThan(70);
});

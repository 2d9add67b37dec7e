/** `--tokenizer` of the real command: byte pairs that are learned or come from a file, in a model that writes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import "../../src/index.ts";
import type { Generate } from "../../src/task/generate/generate.ts";
import { learnBytePairs } from "../../src/text/byte-pairs.ts";
import { load } from "../../src/use/trained-model.ts";
import { ductus, ensureBuilt, type Result } from "./run-cli.ts";

let cwd: string;
const TEXT = Array.from(
  { length: 60 },
  (_, i) => `${(i * 7919) % 1009} the cat sat on mat ${i * i}, 床前明月光\n`,
).join("");

beforeAll(() => {
  ensureBuilt();
  cwd = mkdtempSync(join(tmpdir(), "ductus-tokenizers-"));
  writeFileSync(join(cwd, "text.txt"), TEXT);
  writeFileSync(join(cwd, "tokenizer.json"), JSON.stringify(learnBytePairs([TEXT], 262)));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const train = (tokenizer: string, data = "text.txt"): Promise<Result> => {
  const how = ["--model", "llama-s:width=16,layers=1,heads=2,hidden=16,context=16", "--steps", "2", "--threads", "1"];
  return ductus(cwd, "train", "--data", data, ...how, "--tokenizer", tokenizer, "--out", "run");
};

it.each([
  ["bytes", 256],
  ["bpe:270", 270],
  ["tokenizer.json", 262],
])("%s", async (tokenizer, count) => {
  const trained = await train(tokenizer);
  expect(trained.status, trained.err).toBe(0);
  const model = await load<Generate>(join(cwd, "run"));
  expect(model.task.tokenizer.tokens).toHaveLength(count);
  expect(model.task.tokenizer.decode(model.task.tokenizer.encode(TEXT))).toBe(TEXT);
  const { out, status } = await ductus(cwd, "generate", "run", "明月", "--tokens", "5", "--json");
  expect(status).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ prompt: "明月", texts: [expect.any(String)] });
  rmSync(join(cwd, "run"), { recursive: true });
});

it("pairs are learned of the training part alone", async () => {
  mkdirSync(join(cwd, "parts"));
  writeFileSync(join(cwd, "parts", "train.txt"), TEXT);
  writeFileSync(join(cwd, "parts", "test.txt"), "zqzqzqzq ".repeat(200));
  expect((await train("bpe:280", "parts")).status).toBe(0);
  const { tokens } = (await load<Generate>(join(cwd, "run"))).task.tokenizer;
  expect(tokens).toHaveLength(280);
  expect(tokens.filter((token) => /zq/.test(token))).toEqual([]);
  rmSync(join(cwd, "run"), { recursive: true });
});

it.each([
  ["wrods", 2, 'unknown tokenizer "wrods"; did you mean "words"?'],
  ["bpe", 2, "--tokenizer bpe: expected chars, words, bytes, bpe:N (such as bpe:1000), or a tokenizer.json"],
  ["bpe:12", 2, "byte pairs: 12 tokens; expected a whole number from 256 to 1048576"],
  ["nothing.json", 1, "cannot read nothing.json: there is no such file"],
])("%s is refused in one line", async (tokenizer, code, message) => {
  const { err, status } = await train(tokenizer);
  expect(status).toBe(code);
  expect(err).toContain(`ductus: ${message}`);
});

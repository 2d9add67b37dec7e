/** By what a data set is known: all that is in it, so that a run that goes on has the data that it had. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fingerprintIfKnown } from "../../src/data/fingerprint.ts";
import { type data, loadCheckpoint, runFolder, text, fit as trainModel } from "../../src/index.ts";
import { letters } from "../helpers/sequence-models.ts";

const { tokenizer } = letters().task;
const TEXTS = ["ab", "abcdefg", "gf", "gfedc", "aa", "ab", "ce", "gg"];
const samples = new text.Texts(TEXTS, { tokenizer });

describe("by what a data set is known", () => {
  const lines = (strings: readonly string[], ink = 9): text.Lines =>
    new text.Lines({ images: new Uint8Array(2 * 6).fill(ink), height: 2, width: 3, strings, alphabet: "12" });
  const labeled = (label: number, word = "ab"): text.LabeledTexts =>
    new text.LabeledTexts([{ text: word, label }], { tokenizer, classes: ["one", "two"] });

  it("is all that is in it, and nothing else", async () => {
    const same = (pair: readonly data.Dataset[]): Promise<boolean> =>
      Promise.all(pair.map(fingerprintIfKnown)).then(([a, b]) => a !== undefined && a === b);
    const texts = (...all: string[]): text.Texts => new text.Texts(all, { tokenizer });
    expect(await same([texts("ab", "cd"), texts("ab", "cd")])).toBe(true);
    expect(await same([texts("ab", "cd"), texts("cd", "ab")])).toBe(false);
    expect(await same([texts("abc", "de"), texts("ab", "cde")])).toBe(false);
    expect(await same([labeled(0), labeled(0)])).toBe(true);
    expect(await same([labeled(0), labeled(1)])).toBe(false);
    expect(await same([labeled(0), labeled(0, "ba")])).toBe(false);
    expect(await same([lines(["12", "1"]), lines(["12", "1"])])).toBe(true);
    expect(await same([lines(["12", "1"]), lines(["1", "21"])])).toBe(false);
    expect(await same([lines(["12", "1"]), lines(["12", "1"], 8)])).toBe(false);
  });

  it("keeps a run from going on with other texts", async () => {
    const path = await mkdtemp(join(tmpdir(), "ductus-tokens-"));
    const options = { epochs: 2, batchSize: 4, seed: 1 };
    try {
      const controller = new AbortController();
      const callbacks = [runFolder({ path, args: {}, environment: {} }), { onEpoch: () => controller.abort() }];
      await trainModel(letters(), samples, { ...options, callbacks, signal: controller.signal });
      const resume = await loadCheckpoint(join(path, "last.safetensors"));
      const others = new text.Texts([...TEXTS].reverse(), { tokenizer });
      await expect(trainModel(letters(), others, { ...options, resume })).rejects.toThrow("cannot go on");
      const again = new text.Texts(TEXTS, { tokenizer });
      expect((await trainModel(letters(), again, { ...options, resume })).history).toHaveLength(2);
    } finally {
      await rm(path, { recursive: true });
    }
  });
});

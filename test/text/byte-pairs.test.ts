/** Byte pairs: learned as Hugging Face's tokenizers learn them, and read as these read them. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { DataError, UsageError } from "../../src/engine/errors.ts";
import type { JsonRecord } from "../../src/formats/model-file.ts";
import { BYTES, byteTokenizer, learnBytePairs } from "../../src/text/byte-pairs.ts";
import { JsonTokenizer } from "../../src/text/json-tokenizer.ts";
import { readTokenizer } from "../../src/text/tokenizer.ts";

interface Golden {
  readonly text: string;
  readonly size: number;
  readonly merges: readonly (readonly [string, string])[];
  readonly probes: readonly (readonly [text: string, ids: readonly number[]])[];
}

/** Made with Python's `tokenizers`; which version, the file says. */
const golden: Golden = JSON.parse(readFileSync(new URL("../golden/byte-pairs.json", import.meta.url), "utf8"));
const learned = (): JsonTokenizer => new JsonTokenizer(learnBytePairs([golden.text], golden.size));

it("the same pairs become tokens, in the same order", () => {
  const { model } = learnBytePairs([golden.text], golden.size) as { model: { merges: unknown } };
  expect(model.merges).toEqual(golden.merges);
  expect(learned().tokens).toHaveLength(BYTES + golden.merges.length);
});

it("a text may come in pieces, and fewer tokens come where there is nothing more to learn", () => {
  const whole = learnBytePairs([golden.text], 300);
  expect(learnBytePairs(golden.text.split(/(?<=\n)/), 300)).toEqual(whole);
  expect(new JsonTokenizer(learnBytePairs(["abab"], 1000)).tokens.slice(BYTES)).toEqual(["ab"]);
  expect(learnBytePairs([golden.text], BYTES)).toEqual(byteTokenizer());
});

it("texts are cut into the same tokens", () => {
  const tokenizer = learned();
  for (const [text, ids] of golden.probes) expect([...tokenizer.encode(text)], JSON.stringify(text)).toEqual(ids);
});

it.each([
  ["byte pairs", learned],
  ["bytes", () => new JsonTokenizer(byteTokenizer())],
])("%s give every text back, and travel through a file", async (name, make) => {
  const tokenizer = make();
  const read = await readTokenizer(JSON.parse(JSON.stringify(tokenizer.record())), "a");
  expect(read).toBeInstanceOf(JsonTokenizer);
  expect(read.tokens).toEqual(tokenizer.tokens);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const ids = tokenizer.encode(text);
      expect(tokenizer.decode(ids)).toBe(text);
      expect(read.encode(text)).toEqual(ids);
      if (name === "bytes") expect(ids).toHaveLength(new TextEncoder().encode(text).length);
    }),
    { seed: 2, numRuns: 200 },
  );
});

it("half a character is U+FFFD until the other half is there", () => {
  const tokenizer = new JsonTokenizer(byteTokenizer());
  const ids = [...tokenizer.encode("a語")];
  expect(ids.map((_, i) => tokenizer.decode(ids.slice(0, i + 1)))).toEqual(["a", "a\uFFFD", "a\uFFFD", "a語"]);
});

it("refuses sizes that make no sense, and files that are no tokenizers", () => {
  for (const size of [255, 2.5, 2 ** 20 + 1]) expect(() => learnBytePairs(["a"], size)).toThrow(UsageError);
  const whole = byteTokenizer();
  const wrong: readonly (readonly [JsonRecord, RegExp])[] = [
    [{}, /^t\.json: .*it is no tokenizer\.json$/],
    [{ model: { type: "BPE", vocab: { a: -1 } } }, /^t\.json: model\.vocab/],
    [{ ...whole, model: { type: "BPE", vocab: { a: 2 ** 40 }, merges: [] } }, /far above their count/],
    [{ ...whole, model: { type: "Sorcery", vocab: { a: 0 } } }, /^t\.json: /],
    [{ ...whole, pre_tokenizer: { type: "Sorcery" } }, /^t\.json: /],
  ];
  for (const [json, message] of wrong) {
    expect(() => new JsonTokenizer(json, "t.json"), JSON.stringify(json).slice(0, 60)).toThrow(DataError);
    expect(() => new JsonTokenizer(json, "t.json")).toThrow(message);
  }
});

/** Tokenizers, and data sets of texts: what a batch of them holds, filled up and not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { Loader } from "../../src/data/loader.ts";
import { type Arrays, arraysFor, IGNORED } from "../../src/data/port.ts";
import { DataError, UsageError } from "../../src/engine/errors.ts";
import { LabeledTexts, Texts } from "../../src/text/texts.ts";
import { CharacterTokenizer, readTokenizer, WordTokenizer } from "../../src/text/tokenizer.ts";

describe("a tokenizer of characters", () => {
  it("gives every text back, and travels through a file", async () => {
    const property = fc.asyncProperty(
      fc.string({ unit: "grapheme", minLength: 1 }),
      fc.string(),
      async (text, other) => {
        const tokenizer = CharacterTokenizer.of(text, other);
        const ids = tokenizer.encode(text);
        expect(ids).toHaveLength([...text].length);
        expect(tokenizer.decode(ids)).toBe(text);
        const read = await readTokenizer(JSON.parse(JSON.stringify(tokenizer.record())), "a");
        expect(read).toBeInstanceOf(CharacterTokenizer);
        expect(read.tokens).toEqual(tokenizer.tokens);
        expect(read.encode(other)).toEqual(tokenizer.encode(other));
      },
    );
    await fc.assert(property, { seed: 1, numRuns: 200 });
  });

  it("numbers characters by their code points, those beyond 16 bits too", () => {
    const { tokens } = CharacterTokenizer.of("b😀a", "\uffeea");
    expect(tokens).toEqual(["a", "b", "\uffee", "😀"]);
  });

  it("refuses what it does not know, and what is no set of characters", () => {
    const tokenizer = CharacterTokenizer.of("ab");
    expect(() => tokenizer.encode("abc")).toThrow(
      new DataError('the character "c" is none of the 2 that this model knows'),
    );
    expect(() => CharacterTokenizer.of("")).toThrow(UsageError);
    for (const tokens of [["a", "a"], ["ab"], [""]]) {
      expect(() => new CharacterTokenizer(tokens)).toThrow(/is not one character, or occurs twice/);
    }
  });
});

describe("a tokenizer of words", () => {
  const TEXTS = ["The cat sat.", "the cat's hat; THE mat", "Überall 3 Käse"];

  it("has a token for each word, number and sign, frequent ones first, unknown ones together", async () => {
    const tokenizer = WordTokenizer.of(TEXTS);
    expect(tokenizer.tokens.slice(0, 2)).toEqual(["<unk>", "the"]);
    expect([...tokenizer.tokens.slice(2)].sort()).toEqual(
      [".", "3", ";", "cat", "cat's", "hat", "käse", "mat", "sat", "überall"].sort(),
    );
    expect(tokenizer.decode(tokenizer.encode("THE dog's  cat's hat."))).toBe("the <unk> cat's hat .");
    expect([...tokenizer.encode("dog")]).toEqual([0]);
    expect([...tokenizer.encode(" \n")]).toEqual([]);
    expect(WordTokenizer.of(TEXTS, { minCount: 2 }).tokens).toEqual(["<unk>", "the"]);
    expect(WordTokenizer.of(TEXTS, { maxTokens: 3 }).tokens).toEqual(tokenizer.tokens.slice(0, 3));
    const read = await readTokenizer(JSON.parse(JSON.stringify(tokenizer.record())), "a");
    expect(read).toBeInstanceOf(WordTokenizer);
    expect(read.encode(TEXTS[1])).toEqual(tokenizer.encode(TEXTS[1]));
  });
});

it.each([
  [null],
  [{ kind: "bytes", tokens: ["a"] }],
  [{ kind: "words", tokens: [] }],
  [{ kind: "words", tokens: [1] }],
  [{ kind: "subwords" }],
])("a file's tokenizer %j is refused in one line", async (stored) => {
  await expect(readTokenizer(stored, "m.safetensors")).rejects.toThrow(
    /^m\.safetensors: its tokenizer is damaged or newer: .*; update ductus$/,
  );
});

/** What a data set writes for some samples, whatever was in the memory before. */
function readAll(dataset: Dataset, indices: readonly number[], time: number): Arrays {
  const arrays = arraysFor({ ...dataset.inputs, ...dataset.targets }, indices.length, { time });
  for (const array of Object.values(arrays)) array.fill(77);
  dataset.read([9, ...indices], 1, indices.length, arrays, { time });
  return arrays;
}

const tokenizer = CharacterTokenizer.of("abcdefg");

describe("texts of which the next token is learned", () => {
  it("are filled up with what does not count", () => {
    const texts = new Texts(["abc", "a", "gfedc"], { tokenizer });
    // One token alone has none after it.
    expect(texts.length).toBe(2);
    expect([texts.sizes(0), texts.sizes(1)]).toEqual([{ time: 2 }, { time: 4 }]);
    const { x, y, length } = readAll(texts, [1, 0], 5);
    expect([...x]).toEqual([6, 5, 4, 3, 0, 0, 1, 0, 0, 0]);
    expect([...y]).toEqual([5, 4, 3, 2, IGNORED, 1, 2, IGNORED, IGNORED, IGNORED]);
    expect([...length]).toEqual([4, 2]);
  });

  it("cut into windows foresee every token but the first once", () => {
    const text = fc.string({ unit: fc.constantFrom(..."abcdefg"), minLength: 2, maxLength: 60 });
    const property = fc.property(text, fc.integer({ min: 1, max: 20 }), (all, window) => {
      const texts = new Texts(all, { tokenizer, window });
      const pairs = Array.from({ length: texts.length }, (_, i) => {
        const time = texts.sizes(i).time;
        expect(time).toBeLessThanOrEqual(window);
        const { x, y } = readAll(texts, [i], time);
        return [...x].map((token, t) => `${token} ${y[t]}`);
      });
      const ids = [...tokenizer.encode(all)];
      expect(pairs.flat()).toEqual(ids.slice(1).map((token, i) => `${ids[i]} ${token}`));
    });
    fc.assert(property, { seed: 2, numRuns: 200 });
  });

  it("are refused where there is nothing to learn", () => {
    expect(() => new Texts(["a", ""], { tokenizer, name: "t" })).toThrow(/^t: no text has two tokens/);
    expect(() => new Texts("abc", { tokenizer, window: 0 })).toThrow(/a window is 0; expected a whole number/);
    expect(() => new Texts("abx", { tokenizer })).toThrow(/the character "x"/);
  });
});

describe("texts with classes", () => {
  const options = { tokenizer, classes: ["low", "high"] };
  const samples = [
    { text: "ab", label: 0 },
    { text: "gfe", label: 1 },
    { text: "c", label: 1 },
  ];

  it("have their tokens, their length and their class", () => {
    const texts = new LabeledTexts(samples, { ...options, maxLength: 2 });
    expect([0, 1, 2].map((i) => texts.sizes(i).time)).toEqual([2, 2, 1]);
    expect([0, 1, 2].map((i) => texts.label(i))).toEqual([0, 1, 1]);
    const { x, y, length } = readAll(texts, [2, 1], 3);
    expect([...x]).toEqual([2, 0, 0, 6, 5, 0]);
    expect([...length]).toEqual([1, 2]);
    expect([...y]).toEqual([1, 1]);
  });

  it("are refused without tokens or class", () => {
    const make = (text: string, label: number) => () => new LabeledTexts([{ text, label }], { ...options, name: "t" });
    expect(make("", 0)).toThrow("t: text 0 is empty; leave it out");
    for (const label of [2, -1, 0.5]) expect(make("a", label)).toThrow(/^t: label .* of text 0 is outside 0…1/);
  });

  it("come in batches as long as their longest, rounded up, and none longer than the longest of all", () => {
    const lengths = [1, 5, 2, 7, 3, 3, 1];
    const texts = new LabeledTexts(
      lengths.map((n) => ({ text: "g".repeat(n), label: n % 2 })),
      options,
    );
    const loader = new Loader(texts, { batchSize: 2 });
    const seen: [time: number | undefined, lengths: number[]][] = [];
    loader.start(0);
    // What is further ahead is known too.
    expect([0, 1, 2, 3, 4].map((skip) => loader.ahead(skip).sizes?.time)).toEqual([6, 7, 3, 1, 1]);
    for (let shape = loader.ahead(); shape.batch > 0; shape = loader.ahead()) {
      const arrays = arraysFor({ ...texts.inputs, ...texts.targets }, shape.batch, shape.sizes);
      loader.next(arrays, shape);
      seen.push([shape.sizes?.time, [...arrays.length]]);
    }
    expect(seen).toEqual([
      [6, [1, 5]],
      [7, [2, 7]],
      [3, [3, 3]],
      [1, [1]],
    ]);
    expect(loader.largest).toEqual([
      { batch: 2, sizes: { time: 7 } },
      { batch: 1, sizes: { time: 7 } },
    ]);
  });
});

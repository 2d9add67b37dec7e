/** Texts that are written: what is remembered changes no answer, and what is drawn, told and left out. */
import { beforeAll, describe, expect, it } from "vitest";
import { createFor, networksFor } from "../../src/models/networks.ts";
import { nodePlatform } from "../../src/platform/node/platform.ts";
import { setPlatform } from "../../src/platform/platform.ts";
import { Generate } from "../../src/task/generate/generate.ts";
import { CharacterTokenizer } from "../../src/text/tokenizer.ts";
import { type GenerateOptions, generate, goOn } from "../../src/use/generate.ts";
import { TextReader } from "../../src/use/read-text.ts";
import { TextWriter } from "../../src/use/write-text.ts";

beforeAll(() => setPlatform(nodePlatform));

const TOKENIZER = new CharacterTokenizer([..."abcdefgh"]);
const small = (name: string) =>
  createFor(name, new Generate(TOKENIZER), { options: { width: 16, layers: 2, context: 24 }, seed: 3 });
const TEXT = Int32Array.from({ length: 40 }, (_, i) => (i * i * 5 + i) % 8);

describe.each(networksFor("generate", "text"))("%s", (name) => {
  it("answers as if it read all tokens again, however many it is given first", async () => {
    const model = await small(name);
    const reader = await TextReader.open(model);
    const byToken = (candidates: readonly { index: number; probability: number }[]): number[] =>
      candidates.toSorted((a, b) => a.index - b.index).map(({ probability }) => probability);
    try {
      for (const first of [1, 5, 16]) {
        const writer = await TextWriter.open(model);
        const most = Math.min(writer.room, TEXT.length);
        for (let length = first; length <= most; length += length % 5 === 0 ? 3 : 1) {
          const tokens = TEXT.slice(0, length);
          const want = byToken(await reader.readTokens(tokens));
          const got = await writer.next(tokens);
          for (const [i, probability] of got.entries()) {
            expect(Math.abs(probability - want[i]), `${length} tokens after ${first}`).toBeLessThan(1e-5);
          }
        }
        // Another text, and one that is no longer than what is known.
        for (const other of [Int32Array.of(7, 7, 1), Int32Array.of(7, 7), TEXT.slice(9, 20)]) {
          expect((await writer.next(other))[0]).toBeCloseTo(byToken(await reader.readTokens(other))[0], 5);
        }
        await writer.close();
      }
    } finally {
      await reader.close();
    }
  });

  it("writes on where it can look back no further", async () => {
    const model = await small(name);
    const text = await generate(model, "abc", { length: 60, seed: 2 });
    expect(text).toMatch(/^[a-h]{60}$/);
    expect(await generate(model, "abc", { length: 60, seed: 2 })).toBe(text);
    expect(await generate(model, "abc", { length: 20, seed: 2 })).toBe(text.slice(0, 20));
  });
});

/** Goes on with "a" where the probabilities are the same everywhere. */
const drawn = (probabilities: readonly number[], options: GenerateOptions): Promise<string> =>
  goOn(new Generate(TOKENIZER).input, "a", options, async () => probabilities);

const SKEWED = [0.05, 0.4, 0.02, 0.3, 0.15, 0.04, 0.03, 0.01];

it("draws among the likeliest that have a probability together, at the temperature", async () => {
  const symbols = async (options: GenerateOptions): Promise<string> =>
    [...new Set(await drawn(SKEWED, { length: 2000, ...options }))].sort().join("");
  expect(await symbols({})).toBe("abcdefgh");
  expect(await symbols({ topP: 0.69 })).toBe("bd");
  expect(await symbols({ topP: 0.71 })).toBe("bde");
  expect(await symbols({ topP: 0.01 })).toBe("b");
  expect(await symbols({ topP: 0.9, topK: 2 })).toBe("bd");
  // Bolder: all are nearly alike, so more of them are needed.
  expect((await symbols({ topP: 0.71, temperature: 10 })).length).toBeGreaterThan(4);
  expect(await symbols({ topP: 0.5, temperature: 0 })).toBe("b");
  // Of those that are equally likely the first.
  const alike = async (options: GenerateOptions) => new Set(await drawn([1, 1, 1, 1], { length: 500, ...options }));
  expect([...(await alike({ topK: 2 }))].sort()).toEqual(["a", "b"]);
  expect([...(await alike({ topP: 0.74 }))].sort()).toEqual(["a", "b", "c"]);
  for (const topP of [0, 1.1, Number.NaN])
    await expect(drawn(SKEWED, { topP })).rejects.toThrow(/topP is .*; expected/);
});

it("draws each token as often as it is likely", async () => {
  const counts = new Map<string, number>();
  const text = await drawn(SKEWED, { length: 20_000, temperature: 0.5, seed: 9 });
  for (const symbol of text) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
  const all = SKEWED.reduce((sum, probability) => sum + probability ** 2, 0);
  for (const [i, probability] of SKEWED.entries()) {
    const share = probability ** 2 / all;
    const error = Math.sqrt((share * (1 - share)) / 20_000);
    expect(Math.abs((counts.get(TOKENIZER.tokens[i]) ?? 0) / 20_000 - share)).toBeLessThan(4 * error + 1e-4);
  }
});

it("ends before a text, and tells nothing of it", async () => {
  const whole = await drawn(SKEWED, { length: 400, seed: 5 });
  const stop = whole.slice(100, 104);
  const pieces: string[] = [];
  const text = await drawn(SKEWED, { length: 400, seed: 5, stop, onText: (piece) => pieces.push(piece) });
  expect(text).toBe(whole.slice(0, whole.indexOf(stop)));
  expect(pieces.join("")).toBe(text);
  expect(pieces.length).toBeGreaterThan(1);
});

it("tells a character when it is whole", async () => {
  // Two tokens a character, as byte-level tokenizers have them.
  const halves = { ...new Generate(TOKENIZER).input, tokenizer: TOKENIZER } as unknown as Generate["input"];
  Object.defineProperty(halves, "tokenizer", {
    value: {
      ...TOKENIZER,
      encode: () => Int32Array.of(0, 0),
      decode: (ids: ArrayLike<number>) => "語".repeat(ids.length >> 1) + (ids.length % 2 === 1 ? "\uFFFD" : ""),
    },
  });
  const pieces: string[] = [];
  const onText = (piece: string) => void pieces.push(piece);
  const next = async () => [1];
  expect(await goOn(halves, "a", { length: 6, onText }, next)).toBe("語語語");
  expect(pieces).toEqual(["語", "語", "語"]);
});

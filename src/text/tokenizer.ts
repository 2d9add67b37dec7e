/**
 * Tokenizers: texts as whole numbers and back. One is part of every model that reads or writes text, and travels in its file.
 */
import { DataError, UsageError } from "../engine/errors.ts";
import { quote } from "../engine/quote.ts";
import { anyRecord, check, list, Mismatch, oneOf, record, text, whole } from "../engine/schema.ts";
import type { JsonRecord } from "../formats/model-file.ts";

/** The kinds of tokenizers, as model files name them. */
type TokenizerKind = "characters" | "words" | "subwords";

/** A text as whole numbers, and back. */
export interface Tokenizer {
  readonly kind: TokenizerKind;
  /** Tokens by their numbers. */
  readonly tokens: readonly string[];
  /** What stands in front of a text where it begins; default: nothing. */
  readonly begin?: Int32Array | undefined;
  /** Tokens that say that a text is over; default: none. */
  readonly ends?: readonly number[] | undefined;
  /** @throws DataError for what it has no token for */
  encode(text: string): Int32Array;
  decode(ids: ArrayLike<number>): string;
  /** What a model file keeps of it. */
  record(): JsonRecord;
}

/** One token for each character (code point), in the order of code points. */
export class CharacterTokenizer implements Tokenizer {
  readonly kind = "characters";
  readonly tokens: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /** @param tokens the characters, each once @throws UsageError for none, for one twice, or for several in one */
  constructor(tokens: readonly string[]) {
    if (tokens.length === 0) throw new UsageError("tokenizer: no characters; give a text that is not empty");
    this.tokens = tokens;
    this.#ids = new Map(tokens.map((token, id) => [token, id]));
    const wrong = tokens.find((token, id) => [...token].length !== 1 || this.#ids.get(token) !== id);
    if (wrong !== undefined) throw new UsageError(`tokenizer: ${quote(wrong)} is not one character, or occurs twice`);
  }

  /** One with all characters of some texts. */
  static of(...texts: readonly string[]): CharacterTokenizer {
    const seen = new Set<string>();
    for (const one of texts) for (const character of one) seen.add(character);
    return new CharacterTokenizer(
      [...seen].sort((a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number)),
    );
  }

  encode(given: string): Int32Array {
    return Int32Array.from(given, (character) => {
      const id = this.#ids.get(character);
      if (id !== undefined) return id;
      throw new DataError(
        `the character ${quote(character)} is none of the ${this.tokens.length} that this model knows`,
      );
    });
  }

  decode(ids: ArrayLike<number>): string {
    return Array.from(ids, (id) => this.tokens[id] ?? "").join("");
  }

  record(): JsonRecord {
    return { kind: this.kind, tokens: this.tokens };
  }
}

/** Which words have a token of their own. */
export interface WordOptions {
  /** Words that occur at least so often have a token of their own; default 1. */
  readonly minCount?: number | undefined;
  /** Most tokens, the most frequent words first; default: no limit. */
  readonly maxTokens?: number | undefined;
}

/** Stands for every word that has no token of its own. Number 0. */
const UNKNOWN = "<unk>";
/** Words, numbers and signs, whatever stands between them. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}]+)?|[^\s\p{L}\p{M}\p{N}]/gu;

/** One token for each word, number or sign, in lower case; words that it does not know are one token together. */
export class WordTokenizer implements Tokenizer {
  readonly kind = "words";
  readonly tokens: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /** @param tokens words in lower case; the first stands for all others */
  constructor(tokens: readonly string[]) {
    if (tokens.length === 0) throw new UsageError("tokenizer: no words; give texts that are not empty");
    this.tokens = tokens;
    this.#ids = new Map(tokens.map((token, id) => [token, id]));
  }

  /** One with the words of some texts, frequent ones first. */
  static of(
    texts: Iterable<string>,
    { minCount = 1, maxTokens = Number.POSITIVE_INFINITY }: WordOptions = {},
  ): WordTokenizer {
    const counts = new Map<string, number>();
    for (const one of texts) for (const word of wordsOf(one)) counts.set(word, (counts.get(word) ?? 0) + 1);
    const words = [...counts]
      .filter(([, count]) => count >= minCount)
      .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return new WordTokenizer([UNKNOWN, ...words.map(([word]) => word)].slice(0, maxTokens));
  }

  encode(given: string): Int32Array {
    return Int32Array.from(wordsOf(given), (word) => this.#ids.get(word) ?? 0);
  }

  decode(ids: ArrayLike<number>): string {
    return Array.from(ids, (id) => this.tokens[id] ?? UNKNOWN).join(" ");
  }

  record(): JsonRecord {
    return { kind: this.kind, tokens: this.tokens };
  }
}

const wordsOf = (given: string): string[] => given.toLowerCase().match(WORD) ?? [];

/** Most tokens that a network may have more than its tokenizer names. */
const MOST = 2 ** 24;

type Read = (stored: JsonRecord, name: string) => Tokenizer | Promise<Tokenizer>;

const listed = record({ tokens: list(text, 1) }, {}, "ignored");

const carried = record({ json: anyRecord }, { size: whole(1, MOST), ends: list(whole(0)) }, "ignored");

/** Of a list of tokens. */
const ofTokens =
  (make: (tokens: readonly string[]) => Tokenizer): Read =>
  (stored, name) => {
    const found = check(listed, stored);
    if (found instanceof Mismatch) throw damaged(found, name);
    return make(found.tokens);
  };

const KINDS: Readonly<Record<TokenizerKind, Read>> = {
  characters: ofTokens((tokens) => new CharacterTokenizer(tokens)),
  words: ofTokens((tokens) => new WordTokenizer(tokens)),
  subwords: async (stored, name) => {
    const found = check(carried, stored);
    if (found instanceof Mismatch) throw damaged(found, name);
    return new (await import("./json-tokenizer.ts")).JsonTokenizer(found.json as JsonRecord, name, found);
  },
};

const schema = record({ kind: oneOf("characters", "words", "subwords") }, {}, "ignored");

const damaged = ({ path, message }: Mismatch, name: string): DataError =>
  new DataError(`${name}: its tokenizer is damaged or newer: ${path} ${message}; update ductus`);

/** A tokenizer that a file holds. @param name starts the message @throws DataError when it is damaged, or newer */
export async function readTokenizer(stored: unknown, name: string): Promise<Tokenizer> {
  const found = check(schema, stored);
  if (found instanceof Mismatch) throw damaged(found, name);
  return KINDS[found.kind](stored as JsonRecord, name);
}

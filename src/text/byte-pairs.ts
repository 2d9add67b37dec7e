/**
 * Learns byte-level byte pairs of texts (P. Gage 1994; R. Sennrich et al., arXiv 1508.07909; as GPT-2 has them): each text is cut into
 * words, signs and space, each of these into bytes; then the pair of neighbors that is most frequent becomes a token, again and again.
 * What comes out is a `tokenizer.json`, the same that Hugging Face's `ByteLevelBPETokenizer` learns. json-tokenizer.ts carries it out.
 */
import { UsageError } from "../engine/errors.ts";
import type { JsonRecord } from "../formats/model-file.ts";

/** Tokens that there are before anything is learned: one for each byte. */
export const BYTES = 256;
/** Most tokens. */
const MOST = 2 ** 20;

/** What stands together, as GPT-2 cuts texts. */
const PARTS = /'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** The character that stands for each byte, which can be printed: itself where it can, others from U+0100 on. */
const CHARACTERS: readonly string[] = (() => {
  const isPlain = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = BYTES;
  return Array.from({ length: BYTES }, (_, byte) => String.fromCodePoint(isPlain(byte) ? byte : next++));
})();

/** The bytes in the order of their characters: the first tokens. */
const ORDER = CHARACTERS.map((character, byte) => ({ character, byte })).sort((a, b) =>
  a.character < b.character ? -1 : 1,
);

/** One token for each byte, as `tokenizer.json` says it. */
export const byteTokenizer = (): JsonRecord => tokenizerJson([]);

/**
 * Learns the pairs of bytes and tokens that occur most in some texts, as a `tokenizer.json` for `JsonTokenizer`.
 * @param size tokens to learn, those of the bytes included; fewer come where no two tokens stand side by side more than once
 * @throws UsageError for a size below 256, or beyond a million
 */
export function learnBytePairs(texts: Iterable<string>, size: number): JsonRecord {
  if (!(Number.isSafeInteger(size) && size >= BYTES && size <= MOST)) {
    throw new UsageError(`byte pairs: ${size} tokens; expected a whole number from ${BYTES} to ${MOST}`);
  }
  const pairs = new Pairs(wordsOf(texts));
  const merges: (readonly [number, number])[] = [];
  while (BYTES + merges.length < size) {
    const best = pairs.takeBest();
    if (best === undefined) break;
    pairs.merge(best, BYTES + merges.length);
    merges.push(best);
  }
  return tokenizerJson(merges);
}

/** The parts of all texts, as tokens of bytes, and how often each occurs. */
function wordsOf(texts: Iterable<string>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [part] of text.matchAll(PARTS)) counts.set(part, (counts.get(part) ?? 0) + 1);
  }
  const tokenOf = new Uint8Array(BYTES);
  for (const [token, { byte }] of ORDER.entries()) tokenOf[byte] = token;
  const encoder = new TextEncoder();
  return [...counts].map(([part, count]) => ({
    tokens: Array.from(encoder.encode(part), (byte) => tokenOf[byte]),
    count,
  }));
}

interface Word {
  tokens: number[];
  readonly count: number;
}

interface Candidate {
  readonly key: number;
  /** When it was put up; its pair may be rarer by now. */
  readonly count: number;
}

const keyOf = (a: number, b: number): number => a * MOST + b;

/** All pairs of neighbors in some words: how often each occurs, where, and which is the most frequent. */
class Pairs {
  readonly #words: readonly Word[];
  readonly #counts = new Map<number, number>();
  /** The words in which a pair occurs, or did. */
  readonly #places = new Map<number, Set<number>>();
  /** A heap, the best first. */
  readonly #heap: Candidate[] = [];

  constructor(words: readonly Word[]) {
    this.#words = words;
    for (const [place, { tokens, count }] of words.entries()) this.#add(tokens, count, place);
    for (const [key, count] of this.#counts) this.#offer({ key, count });
  }

  /** The most frequent pair, of those that are equally frequent the one with the lowest numbers; undefined for none that occurs twice. */
  takeBest(): readonly [number, number] | undefined {
    for (;;) {
      const best = this.#take();
      if (best === undefined) return undefined;
      const { key } = best;
      const count = this.#counts.get(key) ?? 0;
      if (count !== best.count) {
        if (count > 0) this.#offer({ key, count });
        continue;
      }
      return count < 2 ? undefined : [Math.floor(key / MOST), key % MOST];
    }
  }

  /** Puts a token in the place of a pair. */
  merge([a, b]: readonly [number, number], token: number): void {
    const key = keyOf(a, b);
    const changed = new Set<number>();
    for (const place of this.#places.get(key) ?? []) {
      const word = this.#words[place];
      const { tokens, count } = word;
      const merged: number[] = [];
      for (let i = 0; i < tokens.length; i++) {
        if (tokens[i] === a && tokens[i + 1] === b) {
          merged.push(token);
          i++;
        } else merged.push(tokens[i]);
      }
      if (merged.length === tokens.length) continue;
      this.#add(tokens, -count, place);
      word.tokens = merged;
      for (const pair of this.#add(merged, count, place)) changed.add(pair);
    }
    this.#counts.delete(key);
    this.#places.delete(key);
    // Rarer ones are found to be so when their turn comes.
    for (const pair of changed) {
      const count = this.#counts.get(pair) ?? 0;
      if (count > 0 && (pair % MOST === token || Math.floor(pair / MOST) === token)) this.#offer({ key: pair, count });
    }
  }

  /** Counts the pairs of a word. @returns them */
  #add(tokens: readonly number[], count: number, place: number): number[] {
    const keys: number[] = [];
    for (let i = 1; i < tokens.length; i++) {
      const key = keyOf(tokens[i - 1], tokens[i]);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
      keys.push(key);
      if (count < 0) continue;
      const places = this.#places.get(key);
      if (places === undefined) this.#places.set(key, new Set([place]));
      else places.add(place);
    }
    return keys;
  }

  #offer(candidate: Candidate): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(candidate);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBetter(candidate, heap[above])) break;
      heap[at] = heap[above];
      at = above;
    }
    heap[at] = candidate;
  }

  #take(): Candidate | undefined {
    const heap = this.#heap;
    const [best] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return best;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBetter(heap[below + 1], heap[below])) below++;
      if (!isBetter(heap[below], last)) break;
      heap[at] = heap[below];
      at = below;
    }
    heap[at] = last;
    return best;
  }
}

const isBetter = (a: Candidate, b: Candidate): boolean => a.count > b.count || (a.count === b.count && a.key < b.key);

function tokenizerJson(merges: readonly (readonly [number, number])[]): JsonRecord {
  const tokens = ORDER.map(({ character }) => character);
  for (const [a, b] of merges) tokens.push(tokens[a] + tokens[b]);
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(([a, b]) => [tokens[a], tokens[b]]),
    },
  };
}

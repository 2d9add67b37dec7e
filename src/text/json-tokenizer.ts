/**
 * Tokenizers as Hugging Face writes them, `tokenizer.json`: byte-level byte pairs as GPT-2's, and their kin. A library reads and
 * carries them out (docs/decisions.md); byte-pairs.ts makes new ones of texts.
 */
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { DataError } from "../engine/errors.ts";
import { check, dictionary, list, Mismatch, oneOf, record, text, whole } from "../engine/schema.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import type { Tokenizer } from "./tokenizer.ts";

const schema = record(
  { model: record({ type: oneOf("BPE", "WordPiece"), vocab: dictionary(whole(0)) }, {}, "ignored") },
  { added_tokens: list(record({ id: whole(0), content: text }, {}, "ignored")) },
  "ignored",
);

/** So many numbers may have no token, beside as many as there are tokens. */
const UNNAMED = 1024;

/** What a model knows of its tokenizer beside what `tokenizer.json` says. */
export interface JsonTokenizerOptions {
  /** Tokens of the network, where it has more than the tokenizer names; default: as many. */
  readonly size?: number | undefined;
  /** Tokens that say that a text is over; default: none. */
  readonly ends?: readonly number[] | undefined;
}

/** A tokenizer by what its file says. No token is added to a text that is not in it. */
export class JsonTokenizer implements Tokenizer {
  readonly kind = "subwords";
  readonly tokens: readonly string[];
  readonly begin: Int32Array;
  readonly ends: readonly number[] | undefined;
  readonly #json: JsonRecord;
  readonly #size: number | undefined;
  readonly #library: Library;

  /**
   * @param json the content of `tokenizer.json`  @param name starts the message
   * @throws DataError where it is none, or of a kind that is not known, or has more tokens than `size`
   */
  constructor(json: JsonRecord, name = "tokenizer.json", { size, ends }: JsonTokenizerOptions = {}) {
    const found = check(schema, json);
    if (found instanceof Mismatch)
      throw new DataError(`${name}: ${found.path} ${found.message}; it is no tokenizer.json`);
    const added = (found.added_tokens ?? []).map(({ id, content }) => [content, id] as const);
    const all = [...Object.entries(found.model.vocab), ...added];
    const count = all.reduce((most, [, id]) => Math.max(most, id + 1), 0);
    if (count > 2 * all.length + UNNAMED) throw new DataError(`${name}: its tokens have numbers far above their count`);
    if (count > (size ?? count)) throw new DataError(`${name}: it has ${count} tokens, but the network ${size}`);
    const tokens: string[] = new Array(size ?? count).fill("");
    for (const [token, id] of all) tokens[id] = token;
    this.tokens = tokens;
    this.#json = json;
    this.#size = size;
    this.ends = ends;
    try {
      this.#library = new Library(json, {});
      this.begin = Int32Array.from(this.#library.encode("").ids);
    } catch (cause) {
      throw new DataError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }

  encode(given: string): Int32Array {
    return Int32Array.from(this.#library.encode(given, { add_special_tokens: false }).ids);
  }

  /** Bytes that are no whole characters are U+FFFD. */
  decode(ids: ArrayLike<number>): string {
    const known = Array.from(ids).filter((id) => (this.tokens[id] ?? "") !== "");
    if (known.length === 0) return "";
    return this.#library.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  record(): JsonRecord {
    const [size, ends] = [this.#size, this.ends];
    return {
      kind: this.kind,
      json: this.#json,
      ...(size !== undefined && { size }),
      ...(ends !== undefined && { ends }),
    };
  }
}

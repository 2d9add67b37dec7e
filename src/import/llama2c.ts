/** Models of llama2.c with their tokenizers, as models of `llama-s`. */
import { DataError } from "../engine/errors.ts";
import { type Piece, parseLlama2c, parseTokenizer } from "../formats/llama2c.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import type { Generate } from "../task/generate/generate.ts";
import { JsonTokenizer } from "../text/json-tokenizer.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import { llamaOf } from "./llama.ts";

/** A file with its name, which starts messages. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * @param tokenizer `tokenizer.bin` of llama2.c
 * @throws DataError where one of the files is damaged, or they do not belong together
 */
export function importLlama2c(file: NamedFile, tokenizer: NamedFile): TrainedModel<Generate> {
  const { sizes, weights } = parseLlama2c(file.bytes, file.name);
  const pieces = parseTokenizer(tokenizer.bytes, tokenizer.name);
  if (pieces.length !== sizes.tokens) {
    throw new DataError(
      `${tokenizer.name} has ${pieces.length} tokens, but ${file.name} ${sizes.tokens}; give its own`,
    );
  }
  const { tokens: _, isTied, ...others } = sizes;
  const tokens = new JsonTokenizer(tokenizerJson(pieces), tokenizer.name, { ends: ENDS });
  // What llama2.c has in its code.
  const fixed = { theta: 10_000, eps: 1e-5 };
  return llamaOf(file.name, { ...others, ...fixed, tied: isTied ? 1 : 0 }, weights, tokens);
}

/** The first numbers: what is not known, where a text begins and ends. Then come the 256 bytes. */
const [UNKNOWN, BEGIN, END] = ["<unk>", "<s>", "</s>"];
const SPECIAL = [UNKNOWN, BEGIN, END];
/** Where another text begins, this one is over, too: it was trained on texts one behind the other. */
const ENDS = [1, 2];

/**
 * The same tokenizer as `tokenizer.json` says it: pieces are joined in the order of their scores; characters that are no piece are
 * bytes; in front of a text stands a space.
 */
function tokenizerJson(pieces: readonly Piece[]): JsonRecord {
  const names = pieces.map(({ text }, id) => SPECIAL[id] ?? text);
  const ids = new Map(names.map((name, id) => [name, id]));
  const merges = pieces
    .flatMap(({ text, score }, id) => {
      const characters = id < SPECIAL.length ? [] : [...text];
      return characters.slice(1).map((_, k) => {
        const [a, b] = [characters.slice(0, k + 1).join(""), characters.slice(k + 1).join("")];
        return { a, b, score, id };
      });
    })
    .filter(({ a, b }) => ids.has(a) && ids.has(b))
    .sort((x, y) => y.score - x.score || x.id - y.id);
  const token = (content: string, id: number): object => ({
    ...{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map(token),
    normalizer: { type: "Prepend", prepend: " " },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: BEGIN, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { [BEGIN]: { id: BEGIN, ids: [SPECIAL.indexOf(BEGIN)], tokens: [BEGIN] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [{ type: "ByteFallback" }, { type: "Fuse" }, { type: "Strip", content: " ", start: 1, stop: 0 }],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: UNKNOWN,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(ids),
      merges: merges.map(({ a, b }) => [a, b]),
    },
  };
}

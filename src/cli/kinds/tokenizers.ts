/** Kinds of tokens by the names that `--tokenizer` takes. */
import { unknownName } from "../../engine/errors.ts";
import { CharacterTokenizer, type Tokenizer, WordTokenizer } from "../../text/tokenizer.ts";

const TOKENIZERS: Readonly<Record<string, (texts: readonly string[]) => Tokenizer>> = {
  chars: (texts) => CharacterTokenizer.of(...texts),
  words: (texts) => WordTokenizer.of(texts),
};

export const TOKENIZER_NAMES = Object.keys(TOKENIZERS);

/** A tokenizer for some texts. @throws UsageError for an unknown name */
export function tokenizerFor(name: string, texts: readonly string[]): Tokenizer {
  if (!Object.hasOwn(TOKENIZERS, name)) throw unknownName("tokenizer", name, TOKENIZER_NAMES);
  return TOKENIZERS[name](texts);
}

/** `text`: texts as numbers, and data sets of them and of pictures of them. An entry point, so the one place that may re-export. */

export { Lines, type LinesSource } from "../data/lines.ts";
export { byteTokenizer, learnBytePairs } from "../text/byte-pairs.ts";
export { JsonTokenizer, type JsonTokenizerOptions } from "../text/json-tokenizer.ts";
export { type LabeledText, LabeledTexts, type LabeledTextsOptions, Texts, type TextsOptions } from "../text/texts.ts";
export { CharacterTokenizer, type Tokenizer, type WordOptions, WordTokenizer } from "../text/tokenizer.ts";

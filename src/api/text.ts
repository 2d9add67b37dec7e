/** `text`: texts as numbers. An entry point, so the one place that may re-export. */
export { CharacterTokenizer, type Tokenizer, type WordOptions, WordTokenizer } from "../text/tokenizer.ts";

/** What texts are cut into, as `--tokenizer` says it: a name, one with a number, or the file of a tokenizer. */
import { UsageError, unknownName } from "../../engine/errors.ts";
import type { Complete } from "../../engine/options.ts";
import type { JsonRecord } from "../../formats/model-file.ts";
import { decodeUtf8, parseStrictJson } from "../../formats/text.ts";
import { readFileChecked } from "../../platform/node/atomic.ts";
import { CharacterTokenizer, type Tokenizer, WordTokenizer } from "../../text/tokenizer.ts";

/** What a tokenizer is made of. */
export interface TokenizedTexts {
  /** From which something may be learned. */
  readonly train: readonly string[];
  /** All of which the characters are no secret; default: the same. */
  readonly all?: readonly string[] | undefined;
}

type Make = (texts: Complete<TokenizedTexts>, count: number) => Tokenizer | Promise<Tokenizer>;

const ofJson = async () => (await import("../../text/json-tokenizer.ts")).JsonTokenizer;

/** By what is typed in front of a colon. */
const TOKENIZERS: Readonly<Record<string, { readonly counted?: boolean; readonly make: Make }>> = {
  chars: { make: ({ all }) => CharacterTokenizer.of(...all) },
  words: { make: ({ all }) => WordTokenizer.of(all) },
  bytes: { make: async () => new (await ofJson())((await import("../../text/byte-pairs.ts")).byteTokenizer()) },
  bpe: {
    counted: true,
    make: async ({ train }, count) =>
      new (await ofJson())((await import("../../text/byte-pairs.ts")).learnBytePairs(train, count)),
  },
};

export const TOKENIZERS_EXPECTED = "chars, words, bytes, bpe:N (such as bpe:1000), or a tokenizer.json";

const isFile = (spec: string): boolean => spec.endsWith(".json");

/** @throws UsageError for what is none of {@link TOKENIZERS_EXPECTED} */
export function checkTokenizer(spec: string): void {
  if (isFile(spec)) return;
  const [name, ...numbers] = spec.split(":");
  if (!Object.hasOwn(TOKENIZERS, name)) throw unknownName("tokenizer", name, Object.keys(TOKENIZERS));
  const isRight =
    TOKENIZERS[name].counted === true ? numbers.length === 1 && /^\d+$/.test(numbers[0]) : numbers.length === 0;
  if (!isRight) throw new UsageError(`--tokenizer ${spec}: expected ${TOKENIZERS_EXPECTED}`);
}

/**
 * A tokenizer for some texts.
 * @throws UsageError for what is none of {@link TOKENIZERS_EXPECTED}, or a number of tokens that cannot be
 * @throws DataError for a file that is missing, or no tokenizer
 */
export async function tokenizerFor(spec: string, { train, all = train }: TokenizedTexts): Promise<Tokenizer> {
  checkTokenizer(spec);
  if (isFile(spec)) {
    const json = parseStrictJson(decodeUtf8(await readFileChecked(spec), spec), spec);
    return new (await ofJson())(json as JsonRecord, spec);
  }
  const [name, count] = spec.split(":");
  return TOKENIZERS[name].make({ train, all }, Number(count));
}

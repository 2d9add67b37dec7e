/** The codec of inputs that are texts: token numbers, filled up to the length of the longest text of a batch, and its own length. */
import { INDEX, type Ports } from "../data/port.ts";
import { UsageError } from "../engine/errors.ts";
import type { Random } from "../engine/random.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import { readTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import type { InputCodec } from "./input.ts";
import type { Tensors } from "./task.ts";

/** Tokens that are part of an example, of those that there are. */
const EXAMPLE_LENGTH = 11;

/** The ports of a text: `x`, its tokens, and `length`, how many of them are its own. */
export const TEXT_PORTS = { x: { shape: ["time"], dtype: "int32" }, length: INDEX } as const satisfies Ports;

/** How much of a text is read. */
export interface TextInputOptions {
  /** Most tokens that are read, the first ones; default: all. */
  readonly maxLength?: number | undefined;
}

/** Texts as token numbers, filled up to one length within a batch, and their own lengths. */
export class TextInput implements InputCodec {
  readonly kind = "text";
  readonly ports: Ports = TEXT_PORTS;
  readonly tokenizer: Tokenizer;
  readonly maxLength: number | undefined;

  constructor(tokenizer: Tokenizer, { maxLength }: TextInputOptions = {}) {
    if (maxLength !== undefined && !(Number.isSafeInteger(maxLength) && maxLength >= 1)) {
      throw new UsageError(`a text's maxLength is ${maxLength}; expected a whole number of at least 1`);
    }
    this.tokenizer = tokenizer;
    this.maxLength = maxLength;
  }

  get tokens(): readonly string[] {
    return this.tokenizer.tokens;
  }

  prepare(inputs: Tensors): Tensors {
    return inputs;
  }

  /** The tokens of a text that are read. */
  encode(text: string): Int32Array {
    return this.tokenizer.encode(text).slice(0, this.maxLength);
  }

  example(port: string, length: number, random: Random): Int32Array {
    const next = port === "length" ? () => EXAMPLE_LENGTH : () => random.integer(this.tokenizer.tokens.length);
    return Int32Array.from({ length }, next);
  }

  record(): JsonRecord {
    const { kind, tokenizer, maxLength = null } = this;
    return { kind, tokenizer: tokenizer.record(), maxLength };
  }
}

/** @param name starts the message @throws DataError when it is damaged, or newer than this version */
export async function readTextInput({ tokenizer, maxLength }: JsonRecord, name: string): Promise<TextInput> {
  return new TextInput(await readTokenizer(tokenizer, name), typeof maxLength === "number" ? { maxLength } : {});
}

/**
 * Samples of models that read texts: a text as it is, in JSON or as the body, or its tokens by number. Each is filled up to the
 * length of a bucket (engine/programs.ts), so that few programs are compiled and texts of about one length run together.
 */
import { DataError } from "../engine/errors.ts";
import type { TextInput } from "../task/text-input.ts";
import { completed, grouped, type Samples } from "./batch.ts";
import type { InputView, Intaking } from "./inputs.ts";
import { checkCount, checkNumber, type Intake, type Range } from "./intake.ts";
import { answerTo, RequestError } from "./request-error.ts";
import { base64File, unwrapped } from "./samples.ts";

/** Most tokens of a text that says nothing else: a network's work may grow with the square of them. */
const MAX_LENGTH = 4096;

/** What `x` has of what. */
const WORDS = ["tokens", "text"] as const;

export const texts: InputView = {
  takes: "a text in UTF-8",
  mediaTypes: ["text/plain"],
  // A text may begin with anything.
  isJson: () => false,
  field: "text",
  describe: ({ input }) => {
    const { ports, tokenizer, maxLength = MAX_LENGTH } = input as TextInput;
    const x: Range = { least: 0, most: tokenizer.tokens.length - 1, isWhole: true };
    return { ports, ranges: { x, length: { least: 1, most: maxLength, isWhole: true } }, maxLength };
  },
  rows: (intake, rows) => {
    checkCount(intake, rows.length);
    const texts = rows.map((row, i) => readRow(intake, unwrapped(row, "text"), i));
    return { count: rows.length, pictures: [], texts };
  },
  file: async (intaking, bytes) => ({ samples: encoded(intaking, decodedText(bytes)) }),
  gather: async (intaking, { texts: given = [] }) =>
    grouped(
      given.map((text, i) => {
        try {
          return encoded(intaking, text);
        } catch (error) {
          const { status, message } = answerTo(error);
          throw status === 500
            ? error
            : new RequestError(status, given.length === 1 ? message : `sample ${i}: ${message}`);
        }
      }),
    ),
  complete: (intake, given) => completed(intake, given, WORDS),
};

function readRow(intake: Intake, value: unknown, index: number): string | Int32Array {
  if (typeof value === "string") return value;
  const bytes = base64File(value);
  if (bytes !== undefined) return decodedText(bytes);
  if (Array.isArray(value)) return Int32Array.from(value, (token) => checkNumber(token, intake.ranges.x));
  throw new RequestError(
    400,
    `sample ${index} is no text; "${intake.name}" takes { "text": "…" }, or the numbers of its tokens in a list`,
  );
}

/** @throws RequestError 400 for what is no UTF-8 */
export function decodedText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new RequestError(400, "the text is not in UTF-8");
  }
}

/** The tokens of a text that are read. @throws DataError for a character that the model does not know */
export function tokensOf({ intake, input }: Pick<Intaking, "intake" | "input">, text: string | Int32Array): Int32Array {
  const tokens = typeof text === "string" ? (input as TextInput).encode(text) : text;
  if (tokens.length === 0) throw new DataError("the text is empty: there is nothing to read");
  if (tokens.length > intake.maxLength) {
    throw new RequestError(
      413,
      `the text has ${tokens.length} tokens; at most ${intake.maxLength} are read, send less of it`,
    );
  }
  return tokens;
}

function encoded(intaking: Pick<Intaking, "intake" | "input">, text: string | Int32Array): Samples {
  return ofTokens(intaking.intake, tokensOf(intaking, text));
}

/** One text as a sample, filled up. */
export function ofTokens(intake: Intake, tokens: Int32Array): Samples {
  return completed(intake, { count: 1, sizes: { time: tokens.length }, arrays: { x: tokens } }, WORDS);
}

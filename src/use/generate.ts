/** Writes texts with a model that knows what comes next: token by token, each drawn by its probability. */
import { UsageError } from "../engine/errors.ts";
import { filled } from "../engine/options.ts";
import { Random } from "../engine/random.ts";
import type { AnyModel, Model } from "../models/model.ts";
import { Generate } from "../task/generate/generate.ts";
import type { AnyTask } from "../task/task.ts";
import type { TextInput } from "../task/text-input.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { drawToken } from "./draw-token.ts";
import { TextWriter } from "./write-text.ts";

/** How {@link generate} goes on with a text. */
export interface GenerateOptions {
  /** Most tokens that are written; default 200. */
  readonly length?: number | undefined;
  /** Above 1 bolder, below 1 safer; 0 always takes the likeliest. Default 1. */
  readonly temperature?: number | undefined;
  /** Draws among the likeliest only; default: all. */
  readonly topK?: number | undefined;
  /**
   * Draws among the likeliest only that together have at least this probability, at the given temperature (A. Holtzman et al.,
   * arXiv 1904.09751), 0 < p ≤ 1; default 1: all.
   */
  readonly topP?: number | undefined;
  /** Ends before this text; default: it goes on. */
  readonly stop?: string | undefined;
  /** Default 0. The same seed writes the same. */
  readonly seed?: number | undefined;
  /** Most of the last tokens that the network looks at; default: all that it can look at, or 256 of a network of one's own. */
  readonly context?: number | undefined;
  /** Hears what is written as it comes, piece by piece; all pieces together are what {@link generate} gives. */
  readonly onText?: ((piece: string) => void) | undefined;
}

/**
 * Goes on with a prompt.
 * @param prompt at least one token
 * @returns what was written, without the prompt
 * @throws UsageError when the model is for another task, or an option is out of range @throws DataError for a prompt that the tokenizer does not know
 */
export async function generate(model: AnyModel, prompt: string, options: GenerateOptions = {}): Promise<string> {
  const generator = writerOf(model);
  const writer = await TextWriter.open(generator);
  try {
    return await goOn(
      generator.task.input,
      prompt,
      filled<GenerateOptions>({ context: writer.room }, options),
      (tokens) => writer.next(tokens),
    );
  } finally {
    await writer.close();
  }
}

/** Where nothing is known of the network. */
const CONTEXT = 256;

/**
 * As {@link generate}, wherever the network runs.
 * @param next how likely each token is to come after some tokens
 */
export async function goOn(
  { tokenizer, maxLength }: TextInput,
  prompt: string,
  options: GenerateOptions,
  next: (tokens: Int32Array) => Promise<ArrayLike<number>>,
): Promise<string> {
  const { length = 200, temperature = 1, topK, topP = 1, seed = 0, context = maxLength ?? CONTEXT } = options;
  for (const [name, value] of Object.entries({ length, topK, context })) {
    if (value === undefined || value === Number.POSITIVE_INFINITY) continue;
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new UsageError((option) => `${option(name)} is ${value}; expected a whole number of at least 1`);
  }
  if (!(temperature >= 0 && Number.isFinite(temperature))) {
    throw new UsageError((option) => `${option("temperature")} is ${temperature}; expected a number of at least 0`);
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new UsageError((option) => `${option("topP")} is ${topP}; expected more than 0, and 1 at most`);
  }
  const random = new Random(seed, "user");
  const own = [...tokenizer.encode(prompt)];
  const tokens = [...beginOf(tokenizer, own), ...own];
  const begin = tokens.length - own.length;
  // Some tokenizers leave out a space in front of a text: what is written is what a longer text has more.
  const given = tokenizer.decode(own).length;
  const written = new Written(options.stop, options.onText);
  for (let count = 0; count < length && !written.isOver; count++) {
    const probabilities = await next(Int32Array.from(context < tokens.length ? tokens.slice(-context) : tokens));
    const token = drawToken(probabilities, { temperature, topK, topP }, random);
    if (tokenizer.ends?.includes(token)) break;
    tokens.push(token);
    written.become(tokenizer.decode(tokens.slice(begin)).slice(given));
  }
  return written.end();
}

/** What stands in front of a prompt: what a text begins with, unless it is there already. */
function beginOf({ begin = new Int32Array(0) }: Tokenizer, prompt: readonly number[]): Int32Array {
  return begin.every((token, i) => token === prompt[i]) ? new Int32Array(0) : begin;
}

/** What has been written, told piece by piece: nothing of what ends it, and no character of which a part is still to come. */
class Written {
  readonly #stop: string | undefined;
  readonly #tell: ((piece: string) => void) | undefined;
  #text = "";
  #told = 0;
  isOver = false;

  constructor(stop: string | undefined, tell: ((piece: string) => void) | undefined) {
    this.#stop = stop === "" ? undefined : stop;
    this.#tell = tell;
  }

  /** @param text all that has been written */
  become(text: string): void {
    const at = this.#stop === undefined ? -1 : text.indexOf(this.#stop);
    this.isOver = at >= 0;
    this.#text = this.isOver ? text.slice(0, at) : text;
    this.#tellUpTo(this.isOver ? at : text.length - this.#unsure(text));
  }

  /** @returns all of it */
  end(): string {
    this.#tellUpTo(this.#text.length);
    return this.#text;
  }

  /** How many of the last characters may be the beginning of what ends it, or of one that is not whole yet. */
  #unsure(text: string): number {
    if (text.endsWith(UNKNOWN_CHARACTER)) return text.length - text.search(/\uFFFD+$/);
    const stop = this.#stop ?? "";
    for (let count = Math.min(stop.length - 1, text.length); count > 0; count--) {
      if (text.endsWith(stop.slice(0, count))) return count;
    }
    return 0;
  }

  #tellUpTo(end: number): void {
    if (end <= this.#told) return;
    this.#tell?.(this.#text.slice(this.#told, end));
    this.#told = end;
  }
}

/** What stands for bytes that are no whole character. */
const UNKNOWN_CHARACTER = "\uFFFD";

/** @throws UsageError when the model does not go on with texts */
function writerOf(model: AnyModel): Model<Generate> {
  if (model.task instanceof Generate) return model as Model<AnyTask> as Model<Generate>;
  throw new UsageError(
    `this model does not go on with texts; it is for another task: to ${model.task.kind}: see predict`,
  );
}

/** Writes texts with a model that knows what comes next: token by token, each drawn by its probability. */
import { UsageError } from "../engine/errors.ts";
import { Random } from "../engine/random.ts";
import type { AnyModel, Model } from "../models/model.ts";
import type { Candidate } from "../task/classify/ranking.ts";
import { Generate } from "../task/generate/generate.ts";
import type { AnyTask } from "../task/task.ts";
import type { TextInput } from "../task/text-input.ts";
import { TextReader } from "./read-text.ts";

/** How {@link generate} goes on with a text. */
export interface GenerateOptions {
  /** Most tokens that are written; default 200. */
  readonly length?: number | undefined;
  /** Above 1 bolder, below 1 safer; 0 always takes the likeliest. Default 1. */
  readonly temperature?: number | undefined;
  /** Draws among the likeliest only; default: all. */
  readonly topK?: number | undefined;
  /** Ends before this token; default: it goes on. */
  readonly stop?: string | undefined;
  /** Default 0. The same seed writes the same. */
  readonly seed?: number | undefined;
  /** Most of the last tokens that the network looks at; default: as many as its input takes, or 256. */
  readonly context?: number | undefined;
}

const CONTEXT = 256;

/**
 * Goes on with a prompt.
 * @param prompt at least one token
 * @returns what was written, without the prompt
 * @throws UsageError when the model is for another task, or an option is out of range @throws DataError for a prompt that the tokenizer does not know
 */
export async function generate(model: AnyModel, prompt: string, options: GenerateOptions = {}): Promise<string> {
  const writer = writerOf(model);
  const reader = await TextReader.open(writer);
  try {
    return await goOn(writer.task.input, prompt, options, (tokens) => reader.readTokens(tokens));
  } finally {
    await reader.close();
  }
}

/**
 * As {@link generate}, wherever the network runs.
 * @param next what may come after some tokens, the likeliest first
 */
export async function goOn(
  { tokenizer, maxLength }: TextInput,
  prompt: string,
  options: GenerateOptions,
  next: (tokens: Int32Array) => Promise<readonly Candidate[]>,
): Promise<string> {
  const { length = 200, temperature = 1, topK, stop, seed = 0, context = maxLength ?? CONTEXT } = options;
  for (const [name, value] of Object.entries({ length, topK, context })) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new UsageError((option) => `${option(name)} is ${value}; expected a whole number of at least 1`);
  }
  if (!(temperature >= 0 && Number.isFinite(temperature))) {
    throw new UsageError((option) => `${option("temperature")} is ${temperature}; expected a number of at least 0`);
  }
  const random = new Random(seed, "user");
  const tokens = [...tokenizer.encode(prompt)];
  const begin = tokens.length;
  for (let written = 0; written < length; written++) {
    const chosen = draw(await next(Int32Array.from(tokens.slice(-context))), temperature, topK, random);
    if (chosen.name === stop) break;
    tokens.push(chosen.index);
  }
  return tokenizer.decode(tokens.slice(begin));
}

/** @throws UsageError when the model does not go on with texts */
function writerOf(model: AnyModel): Model<Generate> {
  if (model.task instanceof Generate) return model as Model<AnyTask> as Model<Generate>;
  throw new UsageError(
    `this model does not go on with texts; it is for another task: to ${model.task.kind}: see predict`,
  );
}

/** One of some candidates, the likeliest first, by their probabilities to the power 1 / temperature. */
function draw(
  candidates: readonly Candidate[],
  temperature: number,
  topK: number | undefined,
  random: Random,
): Candidate {
  if (temperature === 0) return candidates[0];
  const some = candidates.slice(0, topK);
  const weights = some.map(({ probability }) => (probability / some[0].probability) ** (1 / temperature));
  let rest = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  return some[weights.findIndex((weight) => (rest -= weight) < 0)] ?? some[0];
}

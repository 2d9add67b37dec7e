/** What `ductus predict` is given for a model that reads sequences of numbers: JSON files, a sequence each. */
import { DataError, DuctusError, UsageError } from "../engine/errors.ts";
import type { AnyModel } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { NumbersReader } from "../use/read-numbers.ts";
import type { Answered, Asked, Inputs } from "./predict-inputs.ts";

/** @throws UsageError when nothing is given, or texts */
export async function openSequences({ words, texts }: Asked, model: AnyModel): Promise<Inputs> {
  if (words.length === 0 || texts.length > 0) {
    throw new UsageError(
      "this model reads sequences of numbers; give JSON files with a list of steps each, [[0, 1], …]",
    );
  }
  return {
    total: words.length,
    files: words.length,
    tables: 0,
    notes: [],
    answers: () => answersTo(words, model),
  };
}

async function* answersTo(files: readonly string[], model: AnyModel): AsyncIterable<Answered> {
  const reader = await NumbersReader.open(model);
  try {
    for (const file of files) yield { file, place: { file }, answer: await answerTo(file, reader) };
  } finally {
    await reader.close();
  }
}

/** What the model says of a file, or why it says nothing. */
async function answerTo(file: string, reader: NumbersReader<AnyModel["task"]>): Promise<unknown> {
  try {
    return await reader.read(parsed(new TextDecoder().decode(await platform().readFile(file)), file));
  } catch (error) {
    if (error instanceof DuctusError) return error;
    throw error;
  }
}

function parsed(text: string, file: string): number[] {
  try {
    return JSON.parse(text) as number[];
  } catch {
    throw new DataError(`${file}: is no JSON; a sequence is a list of steps, [[0, 1], …]`);
  }
}

/** What `ductus predict` is given for a model that reads texts: sentences, and files with a text in each line. */
import { text as textOf } from "node:stream/consumers";
import { DataError, DuctusError, UsageError } from "../engine/errors.ts";
import { shortened } from "../engine/quote.ts";
import type { AnyModel } from "../models/model.ts";
import { pathKind } from "../platform/node/files.ts";
import { platform } from "../platform/platform.ts";
import { TextReader } from "../use/read-text.ts";
import type { Answered, Asked, Inputs } from "./predict-inputs.ts";

interface Line extends Pick<Answered, "file" | "row" | "place"> {
  readonly text: string;
}

/** @throws DataError when there is no text @throws UsageError when nothing is given */
export async function openTexts({ words, texts }: Asked, model: AnyModel): Promise<Inputs> {
  if (words.length === 0 && texts.length === 0) {
    throw new UsageError(
      'give what to read: "a sentence", --text "…", files with a text in each line, or - for standard input',
    );
  }
  const areFiles = await Promise.all(words.map(isFile));
  const files = words.filter((_, i) => areFiles[i]);
  const sentences = [...texts, ...words.filter((_, i) => !areFiles[i])];
  const typed = sentences.map((text) => ({ file: shortened(text), place: { text }, text }));
  const lines: Line[] = [...typed, ...(await Promise.all(files.map(linesOf))).flat()];
  if (lines.length === 0) throw new DataError(`${words.join(", ")}: there is no text, only empty lines`);
  return {
    total: lines.length,
    files: files.length,
    tables: files.length,
    notes: [],
    answers: () => answersTo(lines, model),
  };
}

/** Whether a word names a file: several words that name none are a sentence. */
const isFile = async (word: string): Promise<boolean> =>
  word === "-" || !/\s/.test(word.trim()) || (await pathKind(word)) !== "nothing";

/** The lines of a file that are not empty, by their numbers. @param word a path, or - for standard input */
async function linesOf(word: string): Promise<Line[]> {
  const file = word === "-" ? "standard input" : word;
  const text = word === "-" ? await textOf(process.stdin) : new TextDecoder().decode(await platform().readFile(word));
  return text
    .split(/\r?\n/)
    .map((line, i) => ({ file, row: String(i + 1), place: { file, row: String(i + 1) }, text: line }))
    .filter((line) => line.text !== "");
}

async function* answersTo(lines: readonly Line[], model: AnyModel): AsyncIterable<Answered> {
  const reader = await TextReader.open(model);
  try {
    for (const { text, ...place } of lines) yield { ...place, answer: await orWhyNot(() => reader.read(text)) };
  } finally {
    await reader.close();
  }
}

/** One text that cannot be read is no reason to leave the others unread. */
async function orWhyNot(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DuctusError) return error;
    throw error;
  }
}

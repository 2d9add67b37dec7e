/** What `ductus predict` is given to read, by what a model reads: pictures, texts or lines, one after the other with an answer each. */
import type { DuctusError } from "../engine/errors.ts";
import type { AnyModel } from "../models/model.ts";
import type { InputKind } from "../task/input.ts";

/** What was typed. */
export interface Asked {
  /** Files, folders, patterns. */
  readonly words: readonly string[];
  /** Of `--text`. */
  readonly texts: readonly string[];
}

/** What was read, and what the model says of it. */
export interface Answered {
  /** What people see it by: a file, or the beginning of a text. */
  readonly file: string;
  /** Of a table or a file of lines: what it calls the row, or its number. */
  readonly row?: string | undefined;
  /** The same as plain data. */
  readonly place: Readonly<Record<string, string>>;
  /** Of a picture file with several pages or frames: how many. */
  readonly pages?: number | undefined;
  /** How many characters a picture shows, see `Seen`. */
  readonly characters?: number | undefined;
  /** What the task answers, or why there is no answer. */
  readonly answer: unknown | DuctusError;
}

/** All that is to be read. */
export interface Inputs {
  readonly total: number;
  /** Files that it comes from, and those among them that have rows. */
  readonly files: number;
  readonly tables: number;
  /** What was changed in tables, a sentence each. */
  readonly notes: readonly string[];
  /** @param batch so many are read together, where that is possible */
  answers(batch: number): AsyncIterable<Answered>;
}

/**
 * Looks at everything that is given, and reads tables.
 * @throws DataError when a path, a pattern or a folder gives nothing, or a table cannot be read
 * @throws UsageError when it is nothing for this model
 */
export const OPEN: Readonly<Record<InputKind, (asked: Asked, model: AnyModel) => Promise<Inputs>>> = {
  numbers: async (asked, model) => (await import("./predict-pictures.ts")).openPictures(asked, model),
  sequence: async (asked, model) => (await import("./predict-sequences.ts")).openSequences(asked, model),
  text: async (asked, model) => (await import("./predict-texts.ts")).openTexts(asked, model),
  line: async (asked, model) => (await import("./predict-lines.ts")).openLines(asked, model),
};

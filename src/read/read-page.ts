/**
 * Reads places of a page with a reader of lines: what is written there goes through the network (use/read-line.ts), and what
 * that says becomes answers (answering.ts). What page-reader.ts and `ductus/runtime` have in common.
 */
import type { Model } from "../models/model.ts";
import type { Form } from "../page/form.ts";
import type { Line } from "../picture/line.ts";
import type { Picture } from "../picture/picture.ts";
import type { LineInput } from "../task/line-input.ts";
import type { Transcribe } from "../task/transcribe/transcribe.ts";
import type { LineReader } from "../use/read-line.ts";
import type { ReadOptions } from "./answer-of.ts";
import { answersFor, type RuleBook, scoresOf } from "./answering.ts";
import type { NumberAnswer, PageAnswer } from "./answers.ts";
import type { FormField } from "./form-file.ts";
import { linesAt, type Place, placesOn } from "./places.ts";

/** A model that reads lines, with all that reading a page takes. */
export interface PageModel {
  readonly model: Model<Transcribe>;
  readonly input: LineInput;
  readonly lines: LineReader<Transcribe>;
  readonly rules: RuleBook;
}

/**
 * Reads the fields of a form in a photograph, or without one what is found on it.
 * @throws DataError when the form is not to be found in the picture; UsageError for rules that no string meets
 */
export async function readPage(
  reader: PageModel,
  picture: Picture,
  form: Form<FormField> | undefined,
  options: ReadOptions,
): Promise<PageAnswer> {
  const { places, ...page } = placesOn(picture, form);
  return { ...page, numbers: await readPlaces(reader, places, options) };
}

/** @throws UsageError for rules that no string over the model's alphabet meets */
export async function readPlaces(
  { model: { task, temperature }, input, lines: reader, rules: book }: PageModel,
  places: readonly Place[],
  options: ReadOptions,
): Promise<NumberAnswer[]> {
  // Rules that nothing meets are refused before anything is read.
  book.check(places);
  const lines = linesAt(input.preprocessing, places);
  const written = lines.filter((line): line is Line => line !== undefined);
  const scores = await reader.run(written, (outputs, index, at) =>
    scoresOf(task, temperature, written[at], outputs, index),
  );
  let next = 0;
  const scoresAt = lines.map((line) => (line === undefined ? undefined : scores[next++]));
  return answersFor(places, scoresAt, book, options);
}

/**
 * The part of `ductus/runtime` for models that read lines of writing: a line, or a whole page. It is fetched when such a model is loaded,
 * and builds on the part that compiles (runtime-compiler.ts), so that bundlers leave that in one piece.
 */
import { type Pixels, withChannels } from "./export/standalone/pixels.ts";
import type { JsonRecord } from "./formats/model-file.ts";
import { type AnyModel, Model } from "./models/model.ts";
import { Form } from "./page/form.ts";
import { lineOf } from "./picture/line.ts";
import type { ReadOptions } from "./read/answer-of.ts";
import { RuleBook, scoresOf } from "./read/answering.ts";
import type { PageAnswer } from "./read/answers.ts";
import { type FormField, parseFields } from "./read/form-file.ts";
import { type LineReading, lineReading } from "./read/line-reading.ts";
import { readPage } from "./read/read-page.ts";
import { compilerOf, type LinesFile, readsNeither } from "./runtime-compiler.ts";
import { readLineInput } from "./task/line-input.ts";
import { readTranscribe, type Transcribe } from "./task/transcribe/transcribe.ts";
import { verified } from "./use/inference.ts";
import { LineReader } from "./use/read-line.ts";

/** A form that is looked for in photographs. */
export interface FormPicture {
  /** A picture of a blank one. */
  readonly picture: Pixels;
  /** What its `form.json` holds, or the list of its fields alone. */
  readonly fields: unknown;
}

/** How a page is read. */
export interface ReadPageOptions extends ReadOptions {
  /** The form that the page shows, whose fields are read; default: the numbers that are found on it. Kept for the next page. */
  readonly form?: FormPicture | undefined;
}

/** A model that reads lines of writing, ready to read them and whole pages. */
export interface PageRecognizer {
  /** The symbols that strings consist of. */
  readonly alphabet: readonly string[];
  /** Reads the picture of one line, such as a number, of any size, dark on light or light on dark. */
  recognize(line: Pixels): Promise<LineReading>;
  /**
   * Finds the numbers on a photographed page, or the fields of a form in it, and reads them.
   * @throws DataError when the form is not as described, or not to be found in the picture; UsageError for rules that nothing meets
   */
  read(page: Pixels, options?: ReadPageOptions): Promise<PageAnswer>;
}

/** @throws DataError when the file is damaged, or its model reads no lines of writing */
export async function openReader({ file, budget }: LinesFile, name: string): Promise<PageRecognizer> {
  const stored = file.task.input as JsonRecord;
  if (stored?.kind !== "line") {
    throw readsNeither(name);
  }
  const input = readLineInput(stored, name);
  const task = readTranscribe(file.task, input, name);
  const { temperature } = file;
  const { network, backend } = await compilerOf(file, budget);
  const model = new Model<Transcribe>(network, { task, temperature });
  (await verified(model as AnyModel, file, { backend, budget, name })).dispose();
  const { preprocessing } = input;
  const lines = await LineReader.open(model, backend);
  const recognize = async (picture: Pixels): Promise<LineReading> => {
    const line = lineOf(preprocessing, withChannels(picture));
    const [scores] = await lines.run([line], (outputs, i) => scoresOf(task, temperature, line, outputs, i));
    return lineReading(scores, task.alphabet, picture.width);
  };
  const reader = { model, input, lines, rules: new RuleBook(task.alphabet) };
  const forms = new WeakMap<FormPicture, Form<FormField>>();
  const read = async (page: Pixels, { form, ...options }: ReadPageOptions = {}): Promise<PageAnswer> => {
    let known = form && forms.get(form);
    if (form !== undefined && known === undefined) {
      known = new Form(withChannels(form.picture), parseFields(form.fields, "form"));
      forms.set(form, known);
    }
    return readPage(reader, withChannels(page), known, options);
  };
  return { alphabet: task.alphabet, recognize, read };
}

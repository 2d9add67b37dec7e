/**
 * Reads the numbers on a page: places are found or given by a form (places.ts), a model reads what is written there
 * (read-page.ts), and of what it says the likeliest string that may stand there is the answer (answering.ts).
 */
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import type { Model } from "../models/model.ts";
import type { Form } from "../page/form.ts";
import type { Picture } from "../picture/picture.ts";
import { LineInput } from "../task/line-input.ts";
import type { AnyTask } from "../task/task.ts";
import { Transcribe } from "../task/transcribe/transcribe.ts";
import { loadPackaged } from "../use/packaged.ts";
import { LineReader } from "../use/read-line.ts";
import type { KnownRegion, ReadOptions } from "./answer-of.ts";
import { RuleBook } from "./answering.ts";
import type { NumberAnswer, PageAnswer } from "./answers.ts";
import type { FormField } from "./form-file.ts";
import { type PageModel, readPage, readPlaces } from "./read-page.ts";

/** A model ready to read one page after the other. Close it in the end. */
export class PageReader {
  readonly #reader: PageModel;

  private constructor(reader: PageModel) {
    this.#reader = reader;
  }

  /**
   * @param model default: the reader of numbers that comes with Ductus
   * @param backend what runs the network, closed with the reader; default: a new one
   * @throws UsageError when the model does not read strings from pictures of lines
   */
  static async open(model?: Model<AnyTask>, backend?: Backend): Promise<PageReader> {
    if (model === undefined) return PageReader.open(await loadPackaged("reader"), backend);
    const { task } = model;
    if (!(task instanceof Transcribe && task.input instanceof LineInput)) {
      throw new UsageError("this model reads no lines of writing; train one with ductus train --recipe reader");
    }
    const reader = model as Model<Transcribe>;
    const [lines, rules] = [await LineReader.open(reader, backend), new RuleBook(task.alphabet)];
    return new PageReader({ model: reader, input: task.input, lines, rules });
  }

  /**
   * Finds the numbers on a page and reads them.
   * @throws DataError when the picture's bytes do not fit its size
   */
  async read(picture: Picture, options: ReadOptions = {}): Promise<PageAnswer> {
    return readPage(this.#reader, picture, undefined, options);
  }

  /**
   * Finds a form in a photograph and reads its fields, in the order of the form.
   * @throws DataError when the form is not to be found in the picture
   */
  async readForm(picture: Picture, form: Form<FormField>, options: ReadOptions = {}): Promise<PageAnswer> {
    return readPage(this.#reader, picture, form, options);
  }

  /**
   * Reads places that are known.
   * @throws UsageError for rules that no string over the model's alphabet meets
   */
  async readRegions(regions: readonly KnownRegion[], options: ReadOptions = {}): Promise<NumberAnswer[]> {
    return readPlaces(
      this.#reader,
      regions.map((region) => ({ name: region.name, rules: region.rules, quad: region.quad, region })),
      options,
    );
  }

  /**
   * Looks at what may stand in the fields of a form before anything is read.
   * @throws UsageError naming the first field whose rules no string over the model's alphabet meets
   */
  check(fields: readonly FormField[]): void {
    this.#reader.rules.check(fields);
  }

  async close(): Promise<void> {
    await this.#reader.lines.close();
  }
}

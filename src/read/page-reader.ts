/**
 * Reads the numbers on a page: places are found or given by a form (places.ts), a model reads all that is written there together
 * (use/read-line.ts), and of what it says the likeliest string that may stand there is the answer (answering.ts).
 */
import { UsageError } from "../engine/errors.ts";
import type { Model } from "../models/model.ts";
import type { Form } from "../page/form.ts";
import type { Line } from "../picture/line.ts";
import type { Picture } from "../picture/picture.ts";
import { LineInput } from "../task/line-input.ts";
import type { AnyTask } from "../task/task.ts";
import { Transcribe } from "../task/transcribe/transcribe.ts";
import { loadPackaged } from "../use/packaged.ts";
import { LineReader } from "../use/read-line.ts";
import type { KnownRegion, ReadOptions } from "./answer-of.ts";
import { answersFor, RuleBook, scoresOf } from "./answering.ts";
import type { NumberAnswer, PageAnswer } from "./answers.ts";
import type { FormField } from "./form-file.ts";
import { linesAt, type PagePlaces, type Place, placesOn } from "./places.ts";

/** A model ready to read one page after the other. Close it in the end. */
export class PageReader {
  readonly #model: Model<Transcribe>;
  readonly #input: LineInput;
  readonly #lines: LineReader<Transcribe>;
  readonly #rules: RuleBook;

  private constructor(model: Model<Transcribe>, input: LineInput, lines: LineReader<Transcribe>) {
    this.#model = model;
    this.#input = input;
    this.#lines = lines;
    this.#rules = new RuleBook(model.task.alphabet);
  }

  /**
   * @param model default: the reader of numbers that comes with Ductus
   * @throws UsageError when the model does not read strings from pictures of lines
   */
  static async open(model?: Model<AnyTask>): Promise<PageReader> {
    if (model === undefined) return PageReader.open(await loadPackaged("reader"));
    const { task } = model;
    if (!(task instanceof Transcribe && task.input instanceof LineInput)) {
      throw new UsageError("this model reads no lines of writing; train one with ductus train --recipe reader");
    }
    const reader = model as Model<Transcribe>;
    return new PageReader(reader, task.input, await LineReader.open(reader));
  }

  /**
   * Finds the numbers on a page and reads them.
   * @throws DataError when the picture's bytes do not fit its size
   */
  async read(picture: Picture, options: ReadOptions = {}): Promise<PageAnswer> {
    return this.#readPage(placesOn(picture), options);
  }

  /**
   * Finds a form in a photograph and reads its fields, in the order of the form.
   * @throws DataError when the form is not to be found in the picture
   */
  async readForm(picture: Picture, form: Form<FormField>, options: ReadOptions = {}): Promise<PageAnswer> {
    return this.#readPage(placesOn(picture, form), options);
  }

  /**
   * Reads places that are known.
   * @throws UsageError for rules that no string over the model's alphabet meets
   */
  async readRegions(regions: readonly KnownRegion[], options: ReadOptions = {}): Promise<NumberAnswer[]> {
    return this.#readPlaces(
      regions.map((region) => ({ name: region.name, rules: region.rules, quad: region.quad, region })),
      options,
    );
  }

  /**
   * Looks at what may stand in the fields of a form before anything is read.
   * @throws UsageError naming the first field whose rules no string over the model's alphabet meets
   */
  check(fields: readonly FormField[]): void {
    this.#rules.check(fields);
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }

  async #readPage({ places, ...page }: PagePlaces, options: ReadOptions): Promise<PageAnswer> {
    return { ...page, numbers: await this.#readPlaces(places, options) };
  }

  async #readPlaces(places: readonly Place[], options: ReadOptions): Promise<NumberAnswer[]> {
    // Rules that nothing meets are refused before anything is read.
    this.#rules.check(places);
    const lines = linesAt(this.#input.preprocessing, places);
    const written = lines.filter((line): line is Line => line !== undefined);
    const { task, temperature } = this.#model;
    const scores = await this.#lines.run(written, (outputs, index, at) =>
      scoresOf(task, temperature, written[at], outputs, index),
    );
    let next = 0;
    const scoresAt = lines.map((line) => (line === undefined ? undefined : scores[next++]));
    return answersFor(places, scoresAt, this.#rules, options);
  }
}

/**
 * Reads the numbers on a page: places are found or given by a form (page/), what each shows is cut out, a model reads all of them
 * together (use/read-line.ts), and of what it says the likeliest string that may stand there is the answer (answer-of.ts).
 */
import { UsageError } from "../engine/errors.ts";
import type { Model } from "../models/model.ts";
import { findNumbers } from "../page/find-numbers.ts";
import type { Form } from "../page/form.ts";
import type { Gray } from "../page/gray.ts";
import { lineOf } from "../picture/line.ts";
import type { Picture } from "../picture/picture.ts";
import { LineInput } from "../task/line-input.ts";
import type { AnyTask } from "../task/task.ts";
import { type Automaton, without } from "../task/transcribe/fields/automaton.ts";
import { type FieldRules, fieldAutomaton } from "../task/transcribe/fields/field.ts";
import { readField } from "../task/transcribe/reading.ts";
import { Transcribe, UNREADABLE } from "../task/transcribe/transcribe.ts";
import { loadPackaged } from "../use/packaged.ts";
import { LineReader } from "../use/read-line.ts";
import { answerOf, type KnownRegion, NOTHING, type ReadOptions } from "./answer-of.ts";
import type { NumberAnswer, PageAnswer } from "./answers.ts";
import type { FormField } from "./form-file.ts";

/** A model ready to read one page after the other. Close it in the end. */
export class PageReader {
  readonly #model: Model<Transcribe>;
  readonly #input: LineInput;
  readonly #lines: LineReader<Transcribe>;
  /** Rules that have been made into automata. */
  readonly #automata = new Map<FieldRules, Automaton>();

  private constructor(model: Model<Transcribe>, input: LineInput, lines: LineReader<Transcribe>) {
    this.#model = model;
    this.#input = input;
    this.#lines = lines;
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
    const { regions, problem } = findNumbers(picture);
    const numbers = await this.readRegions(regions, options);
    return { width: picture.width, height: picture.height, numbers, problem };
  }

  /**
   * Finds a form in a photograph and reads its fields, in the order of the form.
   * @throws DataError when the form is not to be found in the picture
   */
  async readForm(picture: Picture, form: Form<FormField>, options: ReadOptions = {}): Promise<PageAnswer> {
    const { fields, problem } = form.find(picture);
    const regions = fields.flatMap(({ field: { name, rules }, region }) =>
      region === undefined ? [] : [{ ...region, name, rules }],
    );
    const answers = new Map((await this.readRegions(regions, options)).map((answer) => [answer.name, answer]));
    const numbers = fields.map(
      ({ field: { name }, quad }) =>
        answers.get(name) ?? { ...NOTHING, name, kind: "box" as const, quad, refused: "not in the picture" as const },
    );
    return { width: picture.width, height: picture.height, numbers, problem };
  }

  /**
   * Reads places that are known.
   * @throws UsageError for rules that no string over the model's alphabet meets
   */
  async readRegions(regions: readonly KnownRegion[], options: ReadOptions = {}): Promise<NumberAnswer[]> {
    const written = regions.filter(({ ink }) => ink !== undefined);
    const allowed = written.map(({ rules }) => this.#allowed(rules));
    const lines = written.map(({ crop }) => lineOf(this.#input.preprocessing, asPicture(crop)));
    const { task, temperature } = this.#model;
    const readings = await this.#lines.run(lines, (outputs, index, i) => {
      const sample = task.frames(outputs, index, temperature);
      const frames = outputs.outputs.logits.length / outputs.count / sample.classes;
      const reading = readField(sample, task.alphabet, { allowed: allowed[i] });
      return { reading, columnsOfFrame: outputs.sizes.columns / frames };
    });
    const results = new Map(written.map((region, i) => [region, { ...readings[i], line: lines[i] }]));
    return regions.map((region) => answerOf(region, results.get(region), options));
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }

  #allowed(rules: FieldRules | undefined): Automaton | undefined {
    if (rules === undefined) return undefined;
    let automaton = this.#automata.get(rules);
    if (automaton === undefined) {
      const { alphabet } = this.#model.task;
      // What cannot be read is no string that may stand there.
      automaton = without(fieldAutomaton(rules, alphabet), alphabet.indexOf(UNREADABLE));
      this.#automata.set(rules, automaton);
    }
    return automaton;
  }
}

const asPicture = ({ data, width, height }: Gray): Picture => ({ data, width, height, channels: 1 });

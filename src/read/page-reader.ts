/**
 * Reads the numbers on a page: places are found or given by a form (page/), what each shows is cut out, a model reads all of them
 * together (use/read-line.ts), and of what it says the likeliest string that may stand there is the answer. The last step from a
 * photograph to text.
 */
import { UsageError } from "../engine/errors.ts";
import type { Model } from "../models/model.ts";
import { findNumbers } from "../page/find-numbers.ts";
import type { Form } from "../page/form.ts";
import type { Gray } from "../page/gray.ts";
import { quadOfColumns, type Region } from "../page/regions.ts";
import { type Line, lineOf } from "../picture/line.ts";
import type { Picture } from "../picture/picture.ts";
import { LineInput } from "../task/line-input.ts";
import type { AnyTask } from "../task/task.ts";
import { type Automaton, without } from "../task/transcribe/fields/automaton.ts";
import { type FieldRules, fieldAutomaton } from "../task/transcribe/fields/field.ts";
import { type FieldReading, readField } from "../task/transcribe/reading.ts";
import { Transcribe, UNREADABLE } from "../task/transcribe/transcribe.ts";
import { loadPackaged } from "../use/packaged.ts";
import { LineReader } from "../use/read-line.ts";
import type { NumberAnswer, PageAnswer, Refusal } from "./answers.ts";
import type { FormField } from "./form-file.ts";
import { isStruckOut } from "./struck-out.ts";

/** Below this probability an answer is unsure, unless told otherwise. */
export const MIN_PROBABILITY = 0.9;
/** A picture that is less likely than this to show anything that may stand there shows something else. */
const LEAST_FIT = 0.5;

/** A place of which more is known than that there may be a number. */
export interface KnownRegion extends Region {
  readonly name?: string | undefined;
  readonly rules?: FieldRules | undefined;
}

/** How pages are read. */
export interface ReadOptions {
  /** Answers that are less probable are refused as unsure; default 0.9. */
  readonly minProbability?: number | undefined;
}

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

/** What the network says of a line, and how its frames lie on it. */
interface ReadLine {
  readonly line: Line;
  readonly reading: FieldReading | undefined;
  readonly columnsOfFrame: number;
}

const asPicture = ({ data, width, height }: Gray): Picture => ({ data, width, height, channels: 1 });

/** The answer where nothing is written. */
const NOTHING = { text: "", probability: 1, characters: [], alternatives: [] };

function answerOf(region: KnownRegion, read: ReadLine | undefined, options: ReadOptions): NumberAnswer {
  const { name, kind, place, quad } = region;
  const where = { name, kind, place, quad };
  const reading = read?.reading;
  if (read === undefined) return { ...where, ...NOTHING, refused: "nothing there" };
  if (reading === undefined) return { ...where, ...NOTHING, probability: 0, refused: "does not fit" };
  const { text, probability, alternatives } = reading;
  const { left, scale } = read.line;
  const at = (frame: number): number => {
    return Math.max(0, Math.min(region.crop.width, left + frame * read.columnsOfFrame * scale));
  };
  const characters = reading.characters.map(({ start, end, ...character }) => ({
    ...character,
    quad: quadOfColumns(region, at(start), at(end)),
  }));
  const refused = refusalOf(region, reading, options);
  return { ...where, text, probability, characters, alternatives, refused };
}

/** Why a reading should not be taken as it is; the first that holds. */
const REFUSALS: readonly (readonly [
  Refusal,
  (reading: FieldReading, region: KnownRegion, minProbability: number) => boolean,
])[] = [
  ["struck out", (_, { crop }) => isStruckOut(crop, "the middle")],
  ["struck out", ({ text, fit }, { crop }) => (isNoNumber(text) || fit < LEAST_FIT) && isStruckOut(crop, "anything")],
  ["no number", ({ text }) => isNoNumber(text)],
  ["does not fit", ({ fit }) => fit < LEAST_FIT],
  ["unsure", ({ probability }, _, minProbability) => probability < minProbability],
];

/** Signs without a digit or letter, or with something that cannot be read. */
const isNoNumber = (text: string): boolean => text.includes(UNREADABLE) || !/[\p{L}\p{N}]/u.test(text);

function refusalOf(
  region: KnownRegion,
  reading: FieldReading,
  { minProbability = MIN_PROBABILITY }: ReadOptions,
): Refusal | undefined {
  return REFUSALS.find(([, holds]) => holds(reading, region, minProbability))?.[0];
}

/**
 * Pictures in a CSV file, one per line: a label and pixels, row by row, as in the "MNIST in CSV" files. Which column holds
 * the label is found from the header, or from the first rows (csv-columns.ts); what the numbers mean, from their range
 * (value-range.ts). `,`, `;`, tab and blanks all separate. The bytes are parsed as they are: 60,000 lines are over 100 MB,
 * more than is wise to split into strings.
 */
import { DataError } from "../../engine/errors.ts";
import { quote, shortened } from "../../engine/quote.ts";
import { ImageDataset } from "../dataset.ts";
import { RangeFinder, type SpanSources, settleSpan, spanNotes, spanOf } from "../value-range.ts";
import { BYTES, isBytes, rescale, sameSpan, toBytes, type ValueSpan } from "../value-span.ts";
import { type Columns, doubtsAbout, findColumns, isHeader, isNoLabel, labelOf } from "./csv-columns.ts";
import {
  asPlainText,
  countLines,
  fieldsOf,
  findSeparator,
  isGarbled,
  isRemark,
  type Line,
  linesOf,
  SAVE_AS_UTF8,
} from "./csv-lines.ts";
import { type RowNames, RowParser } from "./csv-row.ts";

/** How to read a CSV file; everything but `name` has a default. What the numbers mean, their range says: see `spanOf`. */
export interface CsvOptions extends SpanSources {
  /** Name of the data set and, in messages, of the file. */
  readonly name: string;
  /** Default: square pictures. */
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  /** Values per pixel, interleaved: 1 (default) or 3. */
  readonly channels?: 1 | 3 | undefined;
  /** Class names in order. Default: "0" … the largest label, or the sorted names that occur. */
  readonly classes?: readonly string[] | undefined;
  readonly polarity?: "light-on-dark" | "dark-on-light" | undefined;
  readonly origin?: string | undefined;
}

/**
 * Parses a CSV file of pictures.
 * @throws DataError as {@link CsvReader} does, and when the file has no labels
 */
export function parseCsv(file: Uint8Array, options: CsvOptions): ImageDataset {
  const { images, end } = readWhole(file, options, true, (reader) => reader.finish());
  const { labels, span, notes, ...shape } = end;
  const { name, polarity, origin } = options;
  const size = shape.height * shape.width * shape.channels;
  return new ImageDataset({
    name,
    images: images.subarray(0, labels.length * size),
    labels,
    polarity,
    origin,
    valueSpan: span,
    notes,
    ...shape,
  });
}

/** Pictures of which it is to be found out what they show. */
export interface CsvSamples {
  /** All of one class without a name. */
  readonly dataset: ImageDataset;
  /** What the file calls each row; its number, counted from 1, where it says nothing. */
  readonly ids: readonly string[];
}

/** Parses a CSV file of pictures that need no labels. @throws DataError as {@link CsvReader} does */
export function parseCsvSamples(file: Uint8Array, options: CsvOptions): CsvSamples {
  const { images, ids, end } = readWhole(file, options, false, (reader) => {
    const { shape } = reader;
    return { ...shape, span: reader.spanOfAll(), notes: reader.notes() };
  });
  const { span, notes, ...shape } = end;
  const { name, polarity, origin } = options;
  const size = shape.height * shape.width * shape.channels;
  const dataset = new ImageDataset({
    name,
    images: images.subarray(0, ids.length * size),
    labels: new Uint8Array(ids.length),
    classes: [""],
    polarity,
    origin,
    valueSpan: span,
    notes,
    ...shape,
  });
  return { dataset, ids };
}

interface Whole<End> {
  /** Room for as many as there are lines. */
  readonly images: Uint8Array;
  readonly ids: readonly string[];
  readonly end: End;
}

/** Reads a file, and once more where its numbers turned out to mean something else, unless they can be scaled as they are. */
function readWhole<End extends { readonly span: ValueSpan }>(
  file: Uint8Array,
  options: CsvOptions,
  takesLabels: boolean,
  finish: (reader: CsvReader) => End,
): Whole<End> {
  const bytes = asPlainText(file);
  const rows = countLines(bytes);
  const read = (reader: CsvReader): Omit<Whole<End>, "end"> => {
    let images = new Uint8Array(0);
    const ids: string[] = [];
    reader.feed(bytes, (pixels, index, { id }) => {
      if (index === 0) images = new Uint8Array(rows * pixels.length);
      images.set(pixels, index * pixels.length);
      ids.push(id ?? String(index + 1));
    });
    return { images, ids };
  };
  const reader = new CsvReader(options, takesLabels);
  const first = read(reader);
  const end = finish(reader);
  const { span } = end;
  if (!reader.mustRepeat) return { ...first, end };
  if (!reader.isWhole) return { ...read(new CsvReader({ ...options, span }, takesLabels)), end };
  rescale(first.images, span);
  return { ...first, end };
}

/** What a CSV file holds beside its pixels. */
export interface CsvTable {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly classes: readonly string[];
  /** Class index of each row. */
  readonly labels: Int32Array;
  /** What the numbers mean. */
  readonly span: ValueSpan;
  readonly notes: readonly string[];
}

/** Rows that are looked at before it is said which column is what. */
const SOME_ROWS = 200;

/**
 * Reads a CSV file in pieces of whole lines, such as fit into memory. Pixels are made by the span that the options give, else
 * bytes stay what they are and others go by the first row; whether that was right is known in the end, see
 * {@link CsvReader.mustRepeat}.
 * @throws DataError naming the line when a row is too short or too long, a pixel is no number 0 … 65,535 or a label is
 *   missing or unknown; when the pictures are not square and no size is given; when there are no rows
 */
export class CsvReader {
  readonly #options: CsvOptions;
  readonly #takesLabels: boolean;
  readonly #numbers: ClassNumbers;
  readonly #range = new RangeFinder();
  /** Of the class among those seen or given, by row. */
  readonly #labels: number[] = [];
  #lines = 0;
  #rows = 0;
  #separator: number | undefined;
  #header: readonly string[] | undefined;
  #columns: Columns | undefined;
  #parser: RowParser | undefined;
  #span: ValueSpan | undefined;
  #isWhole = true;
  #pixels: Uint8Array = new Uint8Array(0);

  /** @param takesLabels whether labels are wanted; otherwise they may be missing or anything */
  constructor(options: CsvOptions, takesLabels = true) {
    this.#options = options;
    this.#takesLabels = takesLabels;
    this.#numbers = new ClassNumbers(options.name, options.classes);
    this.#span = options.span;
  }

  /** Shape of a picture, once there was a row. @throws DataError when there was none */
  get shape(): { readonly height: number; readonly width: number; readonly channels: 1 | 3 } {
    this.#foundColumns();
    return { ...pictureSize(this.#pixels.length, this.#options), channels: this.#options.channels ?? 1 };
  }

  /** Whether a column holds labels, once there was a row. @throws DataError when there was none */
  get hasLabels(): boolean {
    return this.#foundColumns().label !== undefined;
  }

  /** Whether the pixels that were given out were made by another span than that of the whole file. */
  get mustRepeat(): boolean {
    return this.#span !== undefined && !sameSpan(this.#span, this.spanOfAll());
  }

  /** Whether there were whole numbers from 0 to 255 alone. Without a given span, these were given out as they are. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /**
   * @param bytes the next lines, whole
   * @param row gets the pixels of every row, which are overwritten by those of the next one, its number and its names
   */
  feed(bytes: Uint8Array, row: (pixels: Uint8Array, index: number, names: RowNames) => void): void {
    const { name } = this.#options;
    for (const line of linesOf(bytes, this.#lines, name)) {
      this.#lines = line.number;
      if (line.to === line.from) continue;
      if (this.#separator === undefined) {
        if (isRemark(bytes, line)) continue;
        this.#separator = findSeparator(bytes, line, name);
        const fields = fieldsOf(bytes, line, this.#separator);
        if (isHeader(fields)) {
          this.#header = fields;
          continue;
        }
      }
      this.#parser ??= this.#begin(bytes, line);
      const { values, min, max, label, id } = this.#parser.parse(bytes, line);
      this.#range.addPicture(min, max);
      this.#isWhole &&= values instanceof Uint8Array;
      this.#span ??= this.#isWhole ? BYTES : spanOf(this.#range, name);
      if (values instanceof Uint8Array && isBytes(this.#span)) this.#pixels = values;
      else toBytes(values, this.#span, this.#pixels);
      if (label !== undefined && this.#takesLabels) this.#labels.push(this.#numbers.of(label, line.number));
      row(this.#pixels, this.#rows++, { label, id });
    }
  }

  /** After the last line. @throws DataError when there were no rows, or none with a label */
  finish(): CsvTable {
    const { name } = this.#options;
    const columns = this.#foundColumns();
    if (columns.label === undefined) {
      throw new DataError(
        `${name}: ${columns.count} columns of pixels and none of labels; add one named "label", or read the pictures with "ductus predict"`,
      );
    }
    const { classes, places } = this.#numbers.sorted();
    const isSure = columns.isNamed || this.#options.classes !== undefined;
    const doubts = isSure ? undefined : doubtsAbout(this.#numbers.seen, this.#rows);
    if (doubts !== undefined) throw new DataError(`${name}: ${doubts}`);
    const labels = Int32Array.from(this.#labels, (label) => places[label]);
    return { ...this.shape, classes, labels, span: this.spanOfAll(), notes: this.notes() };
  }

  /** What was left aside, taken for something and scaled. */
  notes(): readonly string[] {
    const { name } = this.#options;
    const spans = spanNotes(this.spanOfAll(), this.#range, name, this.#options);
    return [...(this.#columns?.notes ?? []), ...spans];
  }

  /** What the numbers mean, after the last line. @throws DataError when that is nothing sensible */
  spanOfAll(): ValueSpan {
    return settleSpan(this.#range, this.#options, this.#options.name);
  }

  #foundColumns(): Columns {
    if (this.#columns !== undefined) return this.#columns;
    const what = this.#header === undefined ? "no rows" : "a header but no rows";
    throw new DataError(`${this.#options.name}: ${what}; expected lines of label,pixel,pixel,…`);
  }

  /**
   * Finds out which column is what from some rows: this one, and others spread over the rest of the piece, since many
   * files are sorted by class.
   */
  #begin(bytes: Uint8Array, first: Line): RowParser {
    const { name } = this.#options;
    const separator = this.#separator as number;
    const rows: string[][] = [];
    const rest = bytes.subarray(first.from);
    const step = Math.max(1, Math.floor(countLines(rest) / SOME_ROWS));
    for (const { from, to, number } of linesOf(rest, first.number - 1, name)) {
      if ((number - first.number) % step === 0 && to > from)
        rows.push(fieldsOf(bytes, { from: first.from + from, to: first.from + to, number }, separator));
    }
    const isSize = (pixels: number): boolean => sizeOf(pixels, this.#options) !== undefined;
    const columns = findColumns(this.#header, rows, isSize, name);
    pictureSize(columns.pixels.length, this.#options);
    this.#columns = columns;
    this.#pixels = new Uint8Array(columns.pixels.length);
    return new RowParser(columns, separator, name);
  }
}

/** Numbers for classes: those of given names, or in the order in which names turn up, which is sorted out in the end. */
class ClassNumbers {
  readonly #name: string;
  readonly #given: readonly string[] | undefined;
  readonly #numbers: Map<string, number>;

  constructor(name: string, given: readonly string[] | undefined) {
    this.#name = name;
    this.#given = given;
    this.#numbers = new Map((given ?? []).map((className, index) => [className, index]));
  }

  /** The labels that there are, or may be. */
  get seen(): readonly string[] {
    return [...this.#numbers.keys()];
  }

  /** @throws DataError when there is no label, it cannot be read, or is not among the given names */
  of(text: string, line: number): number {
    const problem = isNoLabel(text) ? "is missing" : isGarbled(text) ? SAVE_AS_UTF8 : undefined;
    if (problem !== undefined) throw new DataError(`${this.#name}: line ${line}: the label ${problem}`);
    const label = labelOf(text);
    const known = this.#numbers.get(label);
    if (known !== undefined) return known;
    if (this.#given === undefined) {
      this.#numbers.set(label, this.#numbers.size);
      return this.#numbers.size - 1;
    }
    // "07" is class 7 where classes are numbers.
    const byValue = isIndex(label) ? this.#numbers.get(String(Number(label))) : undefined;
    const byNumber = isIndex(label) && Number(label) < this.#given.length ? Number(label) : undefined;
    const found = byValue ?? byNumber;
    if (found !== undefined) return found;
    throw new DataError(
      `${this.#name}: line ${line}: label ${quote(label)} is not among ${shortened(this.#given.join(", "), 100)}`,
    );
  }

  /** All classes in their order, and the place in it of every number that was given out. */
  sorted(): { classes: readonly string[]; places: readonly number[] } {
    const labels = [...this.#numbers.keys()];
    if (this.#given !== undefined) return { classes: this.#given, places: labels.map((_, index) => index) };
    const classes = findClasses(labels);
    const index = new Map(classes.map((className, place) => [className, place]));
    const places = labels.map((label) => index.get(label) ?? (index.get(String(Number(label))) as number));
    return { classes, places };
  }
}

/** Height and width of pictures of so many values; undefined where they have none. */
function sizeOf(size: number, options: CsvOptions): { height: number; width: number } | undefined {
  const pixels = size / (options.channels ?? 1);
  const side = Math.round(Math.sqrt(pixels));
  const height = options.height ?? (options.width === undefined ? side : pixels / options.width);
  const width = options.width ?? (options.height === undefined ? side : pixels / height);
  const isSize = size > 0 && Number.isInteger(height) && Number.isInteger(width) && height * width === pixels;
  return isSize ? { height, width } : undefined;
}

function pictureSize(size: number, options: CsvOptions): { height: number; width: number } {
  const found = sizeOf(size, options);
  if (found !== undefined) return found;
  const { name, height = "any", width = "any", channels = 1 } = options;
  const isGiven = options.height !== undefined || options.width !== undefined;
  const problem = isGiven ? `is not ${height}×${width}×${channels}` : "is no square; the API takes height and width";
  throw new DataError(`${name}: rows of ${size} pixels: that ${problem}`);
}

function isIndex(label: string): boolean {
  return /^\d{1,5}$/.test(label);
}

/**
 * Numbers are classes from "0" on, though some may not occur; unless most do not, as with code points or labels of a
 * selection. Then, and where there are names, the classes are those that occur.
 */
function findClasses(labels: readonly string[]): string[] {
  if (labels.every(isIndex)) {
    const numbers = [...new Set(labels.map(Number))].sort((a, b) => a - b);
    const largest = numbers[numbers.length - 1] ?? 0;
    if (2 * numbers.length <= largest) return numbers.map(String);
    return Array.from({ length: largest + 1 }, (_, index) => String(index));
  }
  return [...new Set(labels)].sort(byCodePoint);
}

/** The same order on every machine, whatever its language. */
function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

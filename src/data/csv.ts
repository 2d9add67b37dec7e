/**
 * Pictures in a CSV file, one per line: `label,pixel,pixel,…` with pixels 0 … 255 row by row, as in the "MNIST in CSV"
 * files. The first line may be a header; a label is a class index or a class name; `,`, `;` and tab all separate.
 * The bytes are parsed as they are: 60,000 lines are over 100 MB, more than is wise to split into strings.
 */
import { DataError } from "../engine/errors.ts";
import { ImageDataset } from "./dataset.ts";

/** How to read a CSV file; everything but `name` has a default. */
export interface CsvOptions {
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

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const SPACE = 32;
const SEPARATORS = [44, 59, 9];

/**
 * Parses a CSV file of pictures.
 * @throws DataError as {@link CsvReader} does
 */
export function parseCsv(bytes: Uint8Array, options: CsvOptions): ImageDataset {
  const reader = new CsvReader(options);
  const rows = countLines(bytes);
  let images = new Uint8Array(0);
  reader.feed(bytes, (pixels, index) => {
    if (index === 0) images = new Uint8Array(rows * pixels.length);
    images.set(pixels, index * pixels.length);
  });
  const { labels, ...shape } = reader.finish();
  const { name, polarity, origin } = options;
  const size = shape.height * shape.width * shape.channels;
  return new ImageDataset({
    name,
    images: images.subarray(0, labels.length * size),
    labels,
    polarity,
    origin,
    ...shape,
  });
}

/** What a CSV file holds beside its pixels. */
export interface CsvTable {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly classes: readonly string[];
  /** Class index of each row. */
  readonly labels: Int32Array;
}

/**
 * Reads a CSV file in pieces of whole lines, such as fit into memory.
 * @throws DataError naming the line when a row is too short or too long, a pixel is no whole number 0 … 255 or a label
 *   is unknown; when the pictures are not square and no size is given; when there are no rows
 */
export class CsvReader {
  readonly #options: CsvOptions;
  readonly #numbers: ClassNumbers;
  /** Of the class among those seen or given, by row. */
  readonly #labels: number[] = [];
  #lines = 0;
  #separator: number | undefined;
  #pixels = new Uint8Array(0);

  constructor(options: CsvOptions) {
    this.#options = options;
    this.#numbers = new ClassNumbers(options.name, options.classes);
  }

  /** Shape of a picture, once there was a row. */
  get shape(): { readonly height: number; readonly width: number; readonly channels: 1 | 3 } {
    return { ...pictureSize(this.#pixels.length, this.#options), channels: this.#options.channels ?? 1 };
  }

  /**
   * @param bytes the next lines, whole
   * @param row gets the pixels of every row, which are overwritten by those of the next one, and its number
   */
  feed(bytes: Uint8Array, row: (pixels: Uint8Array, index: number) => void): void {
    const { name } = this.#options;
    for (const line of linesOf(bytes, this.#lines)) {
      this.#lines = line.number;
      if (line.to === line.from) continue;
      const isFirst = this.#separator === undefined;
      const separator = this.#separator ?? findSeparator(bytes, line, name);
      this.#separator = separator;
      if (isFirst && isHeader(bytes, line, separator)) continue;
      if (this.#labels.length === 0) {
        this.#pixels = new Uint8Array(countFields(bytes, line, separator) - 1);
        pictureSize(this.#pixels.length, this.#options);
      }
      const { label, next } = readLabel(bytes, line, separator);
      readPixels(bytes, line, next, separator, this.#pixels, name);
      this.#labels.push(this.#numbers.of(label, line.number));
      row(this.#pixels, this.#labels.length - 1);
    }
  }

  /** After the last line. */
  finish(): CsvTable {
    const { name } = this.#options;
    if (this.#labels.length === 0) {
      const what = this.#separator === undefined ? "no rows" : "a header but no rows";
      throw new DataError(`${name}: ${what}; expected lines of label,pixel,pixel,…`);
    }
    const { classes, places } = this.#numbers.sorted();
    return { ...this.shape, classes, labels: Int32Array.from(this.#labels, (label) => places[label]) };
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

  of(label: string, line: number): number {
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
    throw new DataError(`${this.#name}: line ${line}: label "${label}" is not among ${this.#given.join(", ")}`);
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

interface Line {
  readonly from: number;
  /** One past the last byte, without the line's end. */
  readonly to: number;
  /** Counted from 1. */
  readonly number: number;
}

/** The lines of a piece of a file, of which so many went before. */
function* linesOf(bytes: Uint8Array, before: number): Iterable<Line> {
  // A byte order mark is no part of the first field.
  const hasMark = before === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  let from = hasMark ? 3 : 0;
  for (let number = before + 1; from < bytes.length; number++) {
    const end = bytes.indexOf(NEWLINE, from);
    const next = end < 0 ? bytes.length : end;
    const to = next > from && bytes[next - 1] === RETURN ? next - 1 : next;
    yield { from, to, number };
    from = next + 1;
  }
}

/** At least as many as there are rows. */
function countLines(bytes: Uint8Array): number {
  let count = 1;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

function findSeparator(bytes: Uint8Array, line: Line, name: string): number {
  for (let i = line.from; i < line.to; i++) if (SEPARATORS.includes(bytes[i])) return bytes[i];
  throw new DataError(`${name}: line ${line.number}: no separator; expected label,pixel,pixel,…`);
}

function countFields(bytes: Uint8Array, line: Line, separator: number): number {
  let fields = 1;
  for (let i = readLabelEnd(bytes, line, separator); i < line.to; i++) if (bytes[i] === separator) fields++;
  return fields;
}

/** A header has letters where a row has pixels. */
function isHeader(bytes: Uint8Array, line: Line, separator: number): boolean {
  const rest = decode(bytes, readLabelEnd(bytes, line, separator) + 1, line.to);
  return /[a-z_]/i.test(rest.replace(/\d(?:\.\d+)?e[+-]?\d/gi, ""));
}

/** Index of the separator after the label, which may stand in quotes. */
function readLabelEnd(bytes: Uint8Array, line: Line, separator: number): number {
  let i = line.from;
  if (bytes[i] === QUOTE) {
    const close = bytes.indexOf(QUOTE, i + 1);
    if (close > 0 && close < line.to) i = close;
  }
  while (i < line.to && bytes[i] !== separator) i++;
  return i;
}

function readLabel(bytes: Uint8Array, line: Line, separator: number): { label: string; next: number } {
  const end = readLabelEnd(bytes, line, separator);
  const label = decode(bytes, line.from, end)
    .trim()
    .replace(/^"(.*)"$/, "$1");
  return { label, next: end + 1 };
}

/** Fills `pixels` with the fields of a line. */
function readPixels(
  bytes: Uint8Array,
  line: Line,
  from: number,
  separator: number,
  pixels: Uint8Array,
  name: string,
): void {
  const size = pixels.length;
  const where = `${name}: line ${line.number}`;
  let count = 0;
  for (let i = from; i <= line.to; ) {
    let end = i;
    let value = 0;
    let digits = 0;
    for (; end < line.to && bytes[end] !== separator; end++) {
      const digit = bytes[end] - 48;
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit;
        digits++;
      } else if (bytes[end] !== SPACE) {
        digits = Number.NaN;
      }
    }
    if (!(digits > 0) || value > 255) {
      const text = decode(bytes, i, end).slice(0, 20);
      throw new DataError(`${where}, column ${count + 2}: "${text}" is not a pixel; expected a whole number 0 to 255`);
    }
    if (count === size) throw new DataError(`${where} has more than the ${size} pixels of the first row`);
    pixels[count++] = value;
    i = end + 1;
  }
  if (count !== size) throw new DataError(`${where} has ${count} pixels but the first row ${size}`);
}

function pictureSize(size: number, options: CsvOptions): { height: number; width: number } {
  const { name, channels = 1 } = options;
  const pixels = size / channels;
  const side = Math.round(Math.sqrt(pixels));
  const height = options.height ?? (options.width === undefined ? side : pixels / options.width);
  const width = options.width ?? pixels / height;
  if (size < 1 || !Number.isInteger(height) || !Number.isInteger(width) || height * width !== pixels) {
    const given = options.height === undefined && options.width === undefined;
    const problem = given ? "is no square; give height and width" : `is not ${height}×${width}×${channels}`;
    throw new DataError(`${name}: rows of ${size} pixels: that ${problem}`);
  }
  return { height, width };
}

function isIndex(label: string): boolean {
  return /^\d{1,5}$/.test(label);
}

function findClasses(labels: readonly string[]): string[] {
  if (labels.every(isIndex)) {
    const largest = labels.reduce((max, label) => Math.max(max, Number(label)), 0);
    return Array.from({ length: largest + 1 }, (_, index) => String(index));
  }
  return [...new Set(labels)].sort(byCodePoint);
}

/** The same order on every machine, whatever its language. */
function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function decode(bytes: Uint8Array, from: number, to: number): string {
  return new TextDecoder().decode(bytes.subarray(from, to));
}

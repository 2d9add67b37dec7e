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
  readonly height?: number;
  readonly width?: number;
  /** Values per pixel, interleaved: 1 (default) or 3. */
  readonly channels?: 1 | 3;
  /** Class names in order. Default: "0" … the largest label, or the sorted names that occur. */
  readonly classes?: readonly string[];
  readonly polarity?: "light-on-dark" | "dark-on-light";
  readonly origin?: string;
}

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const SPACE = 32;
const SEPARATORS = [44, 59, 9];

/**
 * Parses a CSV file of pictures.
 * @throws DataError naming the line when a row is too short or too long, a pixel is no whole number 0 … 255 or a label
 *   is unknown; when the pictures are not square and no size is given; when there are no rows
 */
export function parseCsv(bytes: Uint8Array, options: CsvOptions): ImageDataset {
  const { name, channels = 1 } = options;
  const lines = splitLines(bytes);
  if (lines.length === 0) throw new DataError(`${name}: no rows; expected lines of label,pixel,pixel,…`);
  const separator = findSeparator(bytes, lines[0], name);
  const start = isHeader(bytes, lines[0], separator) ? 1 : 0;
  const rows = lines.slice(start);
  if (rows.length === 0) throw new DataError(`${name}: a header but no rows; expected lines of label,pixel,pixel,…`);

  const size = countFields(bytes, rows[0], separator) - 1;
  const { height, width } = pictureSize(size, options);
  const images = new Uint8Array(rows.length * size);
  const labels: string[] = [];
  for (const [index, line] of rows.entries()) {
    const field = readLabel(bytes, line, separator);
    labels.push(field.label);
    readPixels(bytes, line, field.next, separator, images, index * size, size, name);
  }

  const classes = options.classes ?? findClasses(labels);
  const indexOf = new Map(classes.map((className, index) => [className, index]));
  const indices = new Int32Array(labels.length);
  for (const [index, label] of labels.entries()) {
    // "07" is class 7 where classes are numbers.
    const known = indexOf.get(label) ?? (isIndex(label) ? indexOf.get(String(Number(label))) : undefined);
    const byNumber = isIndex(label) && Number(label) < classes.length ? Number(label) : undefined;
    const found = known ?? byNumber;
    if (found === undefined) {
      throw new DataError(`${name}: line ${rows[index].number}: label "${label}" is not among ${classes.join(", ")}`);
    }
    indices[index] = found;
  }
  const { polarity, origin } = options;
  return new ImageDataset({ name, images, labels: indices, height, width, channels, classes, polarity, origin });
}

interface Line {
  readonly from: number;
  /** One past the last byte, without the line's end. */
  readonly to: number;
  /** Counted from 1. */
  readonly number: number;
}

/** All lines that are not empty. */
function splitLines(bytes: Uint8Array): Line[] {
  const lines: Line[] = [];
  // A byte order mark is no part of the first field.
  let from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  for (let number = 1; from < bytes.length; number++) {
    const end = bytes.indexOf(NEWLINE, from);
    const next = end < 0 ? bytes.length : end;
    const to = next > from && bytes[next - 1] === RETURN ? next - 1 : next;
    if (to > from) lines.push({ from, to, number });
    from = next + 1;
  }
  return lines;
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

function readPixels(
  bytes: Uint8Array,
  line: Line,
  from: number,
  separator: number,
  images: Uint8Array,
  offset: number,
  size: number,
  name: string,
): void {
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
    images[offset + count++] = value;
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

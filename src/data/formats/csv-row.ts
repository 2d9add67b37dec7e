/** One line of a CSV file (csv.ts) as the numbers of its pixels, by what its columns are (csv-columns.ts). */
import { DataError } from "../../engine/errors.ts";
import { quote } from "../../engine/quote.ts";
import { LARGEST } from "../value-range.ts";
import { BYTES } from "../value-span.ts";
import type { Columns } from "./csv-columns.ts";
import {
  decimalIn,
  fieldEnd,
  fieldsOf,
  fieldText,
  isMissing,
  type Line,
  nextField,
  numberOf,
  SPACE,
  truthOf,
} from "./csv-lines.ts";

/** Numbers of at most 16 bits, and negative ones of standardized data. */
const isPixel = (value: number): boolean => value >= -BYTES.high && value <= LARGEST;

/** What a row says of itself beside its pixels. */
export interface RowNames {
  readonly label: string | undefined;
  readonly id: string | undefined;
}

/** A line; what it holds is overwritten by the next. */
export interface Row extends RowNames {
  /** Bytes where the line has whole numbers from 0 to 255 alone, as those before it. */
  readonly values: Uint8Array | Float64Array;
  /** No number is below, or above. */
  readonly min: number;
  readonly max: number;
}

const LABEL = -1;
const ID = -2;
const ASIDE = -3;

/** Takes lines apart into numbers. */
export class RowParser {
  readonly #separator: number;
  readonly #name: string;
  /** By column: the place of its pixel, or what else it is. */
  readonly #roles: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #numbers: Float64Array;
  /** As long as there are digits and nothing else. */
  #isPlain = true;
  // Of the line that was parsed last.
  #label: string | undefined;
  #id: string | undefined;
  #min = 0;
  #max = 0;

  constructor({ count, label, id, pixels }: Columns, separator: number, name: string) {
    this.#separator = separator;
    this.#name = name;
    this.#roles = new Int32Array(count).fill(ASIDE);
    for (const [place, column] of pixels.entries()) this.#roles[column] = place;
    if (id !== undefined) this.#roles[id] = ID;
    if (label !== undefined) this.#roles[label] = LABEL;
    this.#bytes = new Uint8Array(pixels.length);
    this.#numbers = new Float64Array(pixels.length);
  }

  /** @throws DataError when the line has too few columns or too many, or a pixel that is no number */
  parse(bytes: Uint8Array, line: Line): Row {
    this.#isPlain &&= this.#parsePlain(bytes, line);
    if (!this.#isPlain) this.#parseAny(bytes, line);
    const values = this.#isPlain ? this.#bytes : this.#numbers;
    return { values, min: this.#min, max: this.#max, label: this.#label, id: this.#id };
  }

  /** A line of bytes, as most have them; false where it is not. */
  #parsePlain(bytes: Uint8Array, line: Line): boolean {
    const separator = this.#separator;
    const roles = this.#roles;
    const pixels = this.#bytes;
    const isBlank = separator === SPACE;
    const { to } = line;
    let at = nextField(bytes, line.from - 1, to, separator);
    let max = 0;
    for (let column = 0; column < roles.length; column++) {
      const role = roles[column];
      let end = at;
      if (role < 0) {
        end = fieldEnd(bytes, at, to, separator);
        this.#take(role, bytes, at, end);
      } else {
        let value = 0;
        for (; end < to; end++) {
          const digit = bytes[end] - 48;
          if (digit < 0 || digit > 9) break;
          value = value * 10 + digit;
        }
        if (end === at || value > 255 || (end < to && bytes[end] !== separator)) return false;
        pixels[role] = value;
        if (value > max) max = value;
      }
      at = isBlank ? nextField(bytes, end, to, separator) : end + 1;
    }
    this.#min = 0;
    this.#max = max;
    return at === to + 1;
  }

  #parseAny(bytes: Uint8Array, line: Line): void {
    const separator = this.#separator;
    const roles = this.#roles;
    const { to } = line;
    let at = nextField(bytes, line.from - 1, to, separator);
    let [min, max] = [Infinity, -Infinity];
    for (const [column, role] of roles.entries()) {
      if (at > to) this.#refuse(bytes, line);
      const end = fieldEnd(bytes, at, to, separator);
      if (role < 0) this.#take(role, bytes, at, end);
      else {
        const value = this.#numberAt(bytes, at, end, line, column);
        this.#numbers[role] = value;
        if (value > max) max = value;
        if (value < min) min = value;
      }
      at = nextField(bytes, end, to, separator);
    }
    if (at <= to) this.#refuse(bytes, line);
    this.#min = min;
    this.#max = max;
  }

  /** What a column holds that is no pixel. */
  #take(role: number, bytes: Uint8Array, from: number, to: number): void {
    if (role === LABEL) this.#label = fieldText(bytes, from, to);
    else if (role === ID) this.#id = fieldText(bytes, from, to);
  }

  #refuse(bytes: Uint8Array, line: Line): never {
    const found = fieldsOf(bytes, line, this.#separator).length;
    throw new DataError(
      `${this.#name}: line ${line.number} has ${found} columns but the first row ${this.#roles.length}`,
    );
  }

  #numberAt(bytes: Uint8Array, from: number, to: number, line: Line, column: number): number {
    const decimal = decimalIn(bytes, from, to);
    // What the numbers mean, the range of the whole decides.
    if (isPixel(decimal)) return decimal;
    const text = fieldText(bytes, from, to);
    const number = numberOf(text);
    const value = Number.isNaN(number) ? truthOf(text) : number;
    if (isPixel(value)) return value;
    const shown = text === "" ? "nothing" : quote(text, 21);
    const problem = isMissing(text) ? `${shown}, a missing value` : shown;
    throw new DataError(
      `${this.#name}: line ${line.number}, column ${column + 1}: ${problem}; expected a pixel, a number from 0 to 255 or of up to 16 bits`,
    );
  }
}

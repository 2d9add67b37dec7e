/** One line of a CSV file (csv.ts) as the numbers of its pixels, by what its columns are (csv-columns.ts). */
import { DataError } from "../engine/errors.ts";
import { type Columns, isNoLabel } from "./csv-columns.ts";
import { fieldEnd, fieldsOf, fieldText, isMissing, type Line, nextField, numberOf, SPACE } from "./csv-lines.ts";
import { BYTES } from "./value-span.ts";

/** What a row says of itself beside its pixels. */
export interface RowNames {
  readonly label: string | undefined;
  readonly id: string | undefined;
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
  readonly #values: Float64Array;

  constructor({ count, label, id, pixels }: Columns, separator: number, name: string) {
    this.#separator = separator;
    this.#name = name;
    this.#roles = new Int32Array(count).fill(ASIDE);
    for (const [place, column] of pixels.entries()) this.#roles[column] = place;
    if (id !== undefined) this.#roles[id] = ID;
    if (label !== undefined) this.#roles[label] = LABEL;
    this.#values = new Float64Array(pixels.length);
  }

  /** The values are overwritten by those of the next line. */
  parse(bytes: Uint8Array, line: Line): RowNames & { readonly values: Float64Array } {
    const separator = this.#separator;
    const roles = this.#roles;
    const { to } = line;
    let label: string | undefined;
    let id: string | undefined;
    let column = 0;
    let hasMore = false;
    const isBlank = separator === SPACE;
    const values = this.#values;
    for (let at = nextField(bytes, line.from - 1, to, separator); at <= to; column++) {
      if (column === roles.length) {
        hasMore = true;
        break;
      }
      const role = roles[column];
      let end = at;
      let value = 0;
      if (role >= 0) {
        // Digits alone, as a rule.
        let digit = bytes[end] - 48;
        while (end < to && digit >= 0 && digit <= 9) {
          value = value * 10 + digit;
          digit = bytes[++end] - 48;
        }
      }
      if (role < 0 || end === at || (end < to && bytes[end] !== separator) || value > BYTES.high) {
        end = fieldEnd(bytes, at, to, separator);
        if (role >= 0) value = this.#numberAt(bytes, at, end, line, column);
        else if (role === LABEL) label = this.#labelAt(bytes, at, end, line);
        else if (role === ID) id = fieldText(bytes, at, end);
      }
      if (role >= 0) values[role] = value;
      at = isBlank ? nextField(bytes, end, to, separator) : end + 1;
    }
    if (column < roles.length || hasMore) this.#refuse(bytes, line);
    return { values, label, id };
  }

  #refuse(bytes: Uint8Array, line: Line): never {
    const found = fieldsOf(bytes, line, this.#separator).length;
    throw new DataError(
      `${this.#name}: line ${line.number} has ${found} columns but the first row ${this.#roles.length}`,
    );
  }

  #numberAt(bytes: Uint8Array, from: number, to: number, line: Line, column: number): number {
    const text = fieldText(bytes, from, to);
    const value = numberOf(text);
    // Below 0, the range of the whole decides.
    if (value >= -BYTES.high && value <= BYTES.high) return value;
    const shown = text === "" ? "nothing" : `"${text.slice(0, 20)}"`;
    const problem = isMissing(text) ? `${shown}, a missing value` : shown;
    throw new DataError(
      `${this.#name}: line ${line.number}, column ${column + 1}: ${problem}; expected a pixel, a number from 0 to 255`,
    );
  }

  #labelAt(bytes: Uint8Array, from: number, to: number, line: Line): string {
    const text = fieldText(bytes, from, to);
    if (isNoLabel(text)) throw new DataError(`${this.#name}: line ${line.number}: the label is missing`);
    return text;
  }
}

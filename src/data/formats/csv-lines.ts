/** The lines and fields of a CSV file (csv.ts), as bytes where there are many and as text where they are looked at. */
import { DataError } from "../../engine/errors.ts";

const NEWLINE = 10;
const RETURN = 13;
const QUOTE = 34;
const TAB = 9;
export const COMMA = 44;
const SEMICOLON = 59;
/** As a separator, it stands for any number of blanks. */
export const SPACE = 32;

/** One line of a file, without its end. */
export interface Line {
  readonly from: number;
  /** One past the last byte. */
  readonly to: number;
  /** Counted from 1. */
  readonly number: number;
}

/**
 * The lines of a piece of a file that are not empty.
 * @param before how many lines went before
 * @throws DataError when the text is UTF-16 without saying so
 */
export function* linesOf(bytes: Uint8Array, before: number, name: string): Iterable<Line> {
  if (before === 0) refuseWideText(bytes, name);
  // A byte order mark is no part of the first field.
  const hasMark = before === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  let from = hasMark ? 3 : 0;
  for (let number = before + 1; from < bytes.length; number++) {
    const end = bytes.indexOf(NEWLINE, from);
    const next = end < 0 ? bytes.length : end;
    let to = next > from && bytes[next - 1] === RETURN ? next - 1 : next;
    while (to > from && bytes[to - 1] === SPACE) to--;
    yield { from, to, number };
    from = next + 1;
  }
}

/** At least as many as there are rows. */
export function countLines(bytes: Uint8Array): number {
  let count = 1;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

/** The encoding that a byte order mark at the beginning of a text says, where that is another than UTF-8. */
export function wideEncoding([first, second]: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : undefined;
}

/**
 * What makes a text UTF-8 with lines that end as everywhere, whatever its byte order mark says and though its lines end
 * in RETURN alone, as some spreadsheets write them. @param first the first piece of the text; the others follow in order
 */
export function plainText(first: Uint8Array): (piece: Uint8Array) => Uint8Array {
  const encoding = wideEncoding(first);
  const decoder = encoding === undefined ? undefined : new TextDecoder(encoding);
  const utf8 = (piece: Uint8Array): Uint8Array =>
    decoder === undefined ? piece : new TextEncoder().encode(decoder.decode(piece, { stream: true }));
  const endsInReturns = !first.includes(NEWLINE) && first.includes(RETURN);
  if (!endsInReturns) return utf8;
  return (piece) => utf8(piece).map((byte) => (byte === RETURN ? NEWLINE : byte));
}

/** A whole text as {@link plainText} makes it. */
export function asPlainText(bytes: Uint8Array): Uint8Array {
  return plainText(bytes)(bytes);
}

/** Whether a line before the first is none of the table: a remark (`# …`), or what tells Excel the separator (`sep=;`). */
export function isRemark(bytes: Uint8Array, { from, to }: Line): boolean {
  return /^(#[ \p{L}][^,;\t]*|"?sep=.?"?)$/iu.test(
    UTF8.decode(bytes.subarray(from, Math.min(to, from + LONGEST_REMARK))),
  );
}
const LONGEST_REMARK = 1000;

/** Digits and separators have one byte that is 0 in UTF-16. */
function refuseWideText(bytes: Uint8Array, name: string): void {
  if (bytes.length > 1 && (bytes[0] === 0) !== (bytes[1] === 0)) {
    throw new DataError(`${name}: this is UTF-16 text; save it as UTF-8`);
  }
}

/**
 * What separates the fields of a line: tabs or semicolons, beside which commas may be decimal ones; commas; blanks.
 * Undefined when there is none of them.
 */
export function separatorIn(bytes: Uint8Array, { from, to }: Line): number | undefined {
  const counts = new Map([TAB, SEMICOLON, COMMA, SPACE].map((separator) => [separator, 0]));
  let isQuoted = false;
  for (let i = from; i < to; i++) {
    if (bytes[i] === QUOTE) isQuoted = !isQuoted;
    const count = isQuoted ? undefined : counts.get(bytes[i]);
    if (count !== undefined) counts.set(bytes[i], count + 1);
  }
  const has = (separator: number): number => counts.get(separator) as number;
  for (const separator of [TAB, SEMICOLON]) {
    if (has(separator) > 0 && 2 * has(separator) >= has(COMMA)) return separator;
  }
  return [COMMA, SPACE].find((separator) => has(separator) > 0);
}

/** @throws DataError when nothing separates the fields of a line */
export function findSeparator(bytes: Uint8Array, line: Line, name: string): number {
  const found = separatorIn(bytes, line);
  if (found !== undefined) return found;
  throw new DataError(`${name}: line ${line.number}: no separator; expected label,pixel,pixel,…`);
}

/** One past the last byte of the field that begins at `from`; a separator in quotes is part of it. */
export function fieldEnd(bytes: Uint8Array, from: number, to: number, separator: number): number {
  let i = from;
  while (i < to && bytes[i] === SPACE) i++;
  if (bytes[i] === QUOTE) {
    const close = bytes.indexOf(QUOTE, i + 1);
    if (close > 0 && close < to) i = close;
  }
  while (i < to && bytes[i] !== separator) i++;
  return i;
}

/** Where the field behind a separator at `end` begins. */
export function nextField(bytes: Uint8Array, end: number, to: number, separator: number): number {
  let i = end + 1;
  if (separator === SPACE) while (i < to && bytes[i] === SPACE) i++;
  return i;
}

const UTF8 = new TextDecoder();
/** Texts up to this long are put together faster than decoded. */
const SHORT = 32;

/** A field as text, without blanks and quotes around it. */
export function fieldText(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  let isPlain = to - from <= SHORT;
  for (let i = from; isPlain && i < to; i++) {
    const byte = bytes[i];
    isPlain = byte > SPACE && byte < 128 && byte !== QUOTE;
    text += String.fromCharCode(byte);
  }
  if (isPlain) return text;
  return UTF8.decode(bytes.subarray(from, to))
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .replaceAll('""', '"')
    .trim();
}

/** All fields of a line as text. */
export function fieldsOf(bytes: Uint8Array, { from, to }: Line, separator: number): string[] {
  const fields: string[] = [];
  for (let at = nextField(bytes, from - 1, to, separator); at <= to; ) {
    const end = fieldEnd(bytes, at, to, separator);
    fields.push(fieldText(bytes, at, end));
    at = nextField(bytes, end, to, separator);
  }
  return fields;
}

/** A number as programs and people write it: `12`, `12.0`, `1.2e1`, `0,5`; NaN for anything else. */
export function numberOf(text: string): number {
  return /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text.replace(",", ".")) : Number.NaN;
}

const MINUS = 45;
const POINT = 46;
const POWERS = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

/**
 * As {@link numberOf} says, of a field that is digits and at most a sign and a point; NaN for all others, numbers or not.
 * Whole numbers up to 2^53 and powers of ten up to 22 are exact, so their quotient is the number that is nearest.
 */
export function decimalIn(bytes: Uint8Array, from: number, to: number): number {
  let i = from;
  while (i < to && bytes[i] === SPACE) i++;
  const isNegative = bytes[i] === MINUS;
  if (isNegative) i++;
  const first = i;
  let value = 0;
  let point = -1;
  for (; i < to; i++) {
    const digit = bytes[i] - 48;
    if (digit >= 0 && digit <= 9) value = value * 10 + digit;
    else if (bytes[i] === POINT && point < 0 && i > first) point = i;
    else break;
  }
  if (i < to || i === first || value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  const decimals = point < 0 ? 0 : i - point - 1;
  if (decimals >= POWERS.length) return Number.NaN;
  const number = decimals === 0 ? value : value / POWERS[decimals];
  return isNegative ? -number : number;
}

/** A truth value as programs write it, as a number; NaN for anything else. */
export function truthOf(text: string): number {
  return /^true$/i.test(text) ? 1 : /^false$/i.test(text) ? 0 : Number.NaN;
}

/** Whether bytes of another encoding were read as UTF-8. Two names that differ may then look the same. */
export function isGarbled(text: string): boolean {
  return text.includes("\ufffd");
}

/** What is to be done about text that {@link isGarbled}. */
export const SAVE_AS_UTF8 = 'is not UTF-8 text; save the file as UTF-8 ("CSV UTF-8" in Excel)';

/** What stands for a value that is not there. */
export function isMissing(text: string): boolean {
  return text === "" || /^(na|n\/a|nan|null|none|#n\/a|\?)$/i.test(text);
}

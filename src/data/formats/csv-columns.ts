/**
 * Which column of a CSV file (csv.ts) is what: labels, pixels, or neither. A header says it by its names; without one, the
 * labels come first, as in the "MNIST in CSV" files, or last, as in those of the UCI repository.
 */

import { DataError } from "../../engine/errors.ts";
import { quote } from "../../engine/quote.ts";
import { isMissing, numberOf, truthOf } from "./csv-lines.ts";

/** What the columns of a file are, by number from 0. */
export interface Columns {
  readonly count: number;
  /** Undefined where the file has no labels. */
  readonly label: number | undefined;
  /** Whether the file itself says that these are the labels. */
  readonly isNamed: boolean;
  /** What names the rows, if anything. */
  readonly id: number | undefined;
  readonly pixels: readonly number[];
  readonly notes: readonly string[];
}

/** What columns of labels are called, in lower case; the first that a file has is taken. */
export const LABEL_NAMES = [
  "label",
  "labels",
  "class",
  "classes",
  "target",
  "y",
  "digit",
  "character",
  "letter",
  "category",
];
const ID_NAMES = ["", "id", "index", "idx", "imageid", "image_id", "row", "rowid", "row_id", "rownames"];

const isIdName = (name: string): boolean =>
  ID_NAMES.includes(name.toLowerCase()) || /^unnamed: ?\d+(_level_\d+)?$/i.test(name);

const isText = (field: string): boolean => !isMissing(field) && Number.isNaN(numberOf(field));

const isTruth = (field: string): boolean => !Number.isNaN(truthOf(field));

/** Fewer numbers than this in a row may count up by chance. */
const SHORTEST_COUNT = 9;

/** Whether the fields of a first line are names: most of them no numbers, or numbers that count up from 0 or 1. */
export function isHeader(fields: readonly string[]): boolean {
  if (2 * fields.filter((field) => isText(field) && !isTruth(field)).length > fields.length) return true;
  const numbers = fields.filter((field) => field !== "" && !isText(field)).map(numberOf);
  const [first] = numbers;
  if (numbers.length < SHORTEST_COUNT || (first !== 0 && first !== 1)) return false;
  return numbers.every((number, i) => number === first + i);
}

/**
 * @param header names of the columns, where the file has them
 * @param rows the first rows
 * @param isSize whether so many pixels make a picture
 * @throws DataError when the header has more names than there are columns
 */
export function findColumns(
  header: readonly string[] | undefined,
  rows: readonly (readonly string[])[],
  isSize: (pixels: number) => boolean,
  name: string,
): Columns {
  const [first] = rows;
  const count = first.length;
  const names = header === undefined ? undefined : namesOf(header, count, name);
  const used = usedColumns(names, rows);
  const all = Array.from({ length: used }, (_, column) => column);
  const ids = names === undefined ? [] : all.filter((column) => isIdName(names[column] ?? "pixel"));
  // In a table of truth values, these are the pixels.
  const areTruths = 2 * first.filter(isTruth).length > used;
  const texts = all.filter(
    (column) => !ids.includes(column) && isText(first[column]) && !(areTruths && isTruth(first[column])),
  );
  const rest = all.filter((column) => !ids.includes(column));
  const found =
    names === undefined ? withoutHeader(rows, rest, texts, isSize) : byNames(names, rows, rest, texts, isSize);
  const { label } = found;
  const aside = [...ids, ...texts].filter((column) => column !== label).sort((a, b) => a - b);
  const pixels = all.filter((column) => column !== label && !aside.includes(column));
  const notes = [...found.notes, ...(aside.length > 0 ? [asideNote(aside, names)] : [])];
  return {
    count,
    label,
    isNamed: found.isNamed,
    id: aside[0],
    pixels,
    notes: notes.map((note) => `${name}: ${note}`),
  };
}

/** Columns up to the last that holds or is called anything; spreadsheets leave empty ones behind it. */
function usedColumns(names: readonly (string | undefined)[] | undefined, rows: readonly (readonly string[])[]): number {
  const isUsed = (column: number): boolean => Boolean(names?.[column]) || rows.some((row) => row[column] !== "");
  let used = rows[0].length;
  while (used > 1 && !isUsed(used - 1)) used--;
  return used;
}

type Found = Pick<Columns, "label" | "isNamed" | "notes">;

/** A name for each column as far as there are. */
function namesOf(header: readonly string[], count: number, name: string): readonly (string | undefined)[] {
  // R writes the names of rows without a name for their column.
  if (header.length === count - 1 && count > 2) return ["", ...header];
  if (header.length > count && header.slice(count).some((each) => each !== "")) {
    throw new DataError(`${name}: the header names ${header.length} columns but the first row has ${count}`);
  }
  return Array.from({ length: count }, (_, column) => header[column]);
}

function byNames(
  names: readonly (string | undefined)[],
  rows: readonly (readonly string[])[],
  rest: readonly number[],
  texts: readonly number[],
  isSize: (pixels: number) => boolean,
): Found {
  const lower = names.map((each) => each?.toLowerCase());
  for (const known of LABEL_NAMES) {
    const label = lower.indexOf(known);
    if (label >= 0) return { label, isNamed: true, notes: [] };
  }
  const said = (label: number): Found => ({
    label,
    isNamed: true,
    notes: [`column ${quote(String(names[label] ?? label + 1))} is taken for the labels`],
  });
  if (texts.length === 1) return said(texts[0]);
  const others = unlikeTheOthers(names, rest);
  if (others.length === 1) return said(others[0]);
  return firstOrLast(rows, rest, isSize);
}

/** The columns that are not called like most (pixel0, pixel1 …), apart from their numbers. */
function unlikeTheOthers(names: readonly (string | undefined)[], rest: readonly number[]): number[] {
  const kinds = new Map<string | undefined, number[]>();
  for (const column of rest) {
    const kind = names[column]?.replace(/\d+/g, "0");
    kinds.set(kind, [...(kinds.get(kind) ?? []), column]);
    // Without a common pattern there is nothing to be seen here.
    if (kinds.size > 2) return [];
  }
  const [few = [], many = []] = [...kinds.values()].sort((a, b) => a.length - b.length);
  return many.length > few.length ? few : [];
}

function withoutHeader(
  rows: readonly (readonly string[])[],
  rest: readonly number[],
  texts: readonly number[],
  isSize: (pixels: number) => boolean,
): Found {
  if (texts.length === 1) return { label: texts[0], isNamed: true, notes: [] };
  return firstOrLast(rows, rest, isSize);
}

/** Where no name says it: the first column, unless only the last looks like labels, or there is no room for any. */
function firstOrLast(
  rows: readonly (readonly string[])[],
  rest: readonly number[],
  isSize: (pixels: number) => boolean,
): Found {
  const [first, last] = [rest[0], rest[rest.length - 1]];
  if (isSize(rest.length) && !isSize(rest.length - 1)) return { label: undefined, isNamed: false, notes: [] };
  if (!isLikeLabels(rows, first) && (isLikeLabels(rows, last) || isBlankBeside(rows, first, last))) {
    return { label: last, isNamed: true, notes: ["no column is named label; the last one is taken for the labels"] };
  }
  return { label: first, isNamed: false, notes: [] };
}

/** Rows from which it can be told whether a column holds labels. */
const ENOUGH_ROWS = 20;
const MANY_CLASSES = 100;

/** Whether a column holds a few values, all whole numbers from 0 or 1 up to the largest. */
function isLikeLabels(rows: readonly (readonly string[])[], column: number): boolean {
  const values = new Set(rows.map((row) => numberOf(row[column] ?? "")));
  if (rows.length < ENOUGH_ROWS || values.size < 2 || values.size > Math.min(MANY_CLASSES, rows.length / 2))
    return false;
  const [smallest, largest] = [Math.min(...values), Math.max(...values)];
  return (smallest === 0 || smallest === 1) && largest - smallest === values.size - 1;
}

/** Whether, in few rows, a first column is a blank corner of the pictures and the last one numbers of classes. */
function isBlankBeside(rows: readonly (readonly string[])[], first: number, last: number): boolean {
  const valuesOf = (column: number): number[] => [...new Set(rows.map((row) => numberOf(row[column] ?? "")))];
  const numbers = valuesOf(last);
  const areIndices = numbers.every((number) => Number.isInteger(number) && number >= 0 && number < MANY_CLASSES);
  return valuesOf(first).join() === "0" && numbers.length > 1 && areIndices;
}

function asideNote(aside: readonly number[], names: readonly (string | undefined)[] | undefined): string {
  const called = aside.map((column) => (names?.[column] ? quote(names[column]) : `${column + 1}`));
  const some = called.length > 3 ? `${called.slice(0, 2).join(", ")} and ${called.length - 2} more` : called.join(", ");
  return `column${aside.length > 1 ? "s" : ""} ${some} left aside`;
}

/**
 * Why labels that nothing names cannot be labels; undefined where they can.
 * @param classes the different labels  @param rows how many rows have them
 */
export function doubtsAbout(classes: readonly string[], rows: number): string | undefined {
  const numbers = classes.map(numberOf);
  const arePixels = numbers.every((number) => number >= 0 && number <= 255);
  if (!arePixels) return undefined;
  const areMany = classes.length >= MANY_CLASSES || (classes.length > 10 && 2 * classes.length > rows);
  return areMany
    ? `the first column has ${classes.length} different values of 0 to 255 in ${rows} rows, which look like pixels; name the column of labels "label" in a header`
    : undefined;
}

/** `5`, `5.0` and `5e0` are one class. */
export function labelOf(text: string): string {
  if (/^\d+[.,]0*$/.test(text)) return text.replace(/[.,]0*$/, "");
  const number = /^\d+([.,]\d+)?e[+-]?\d+$/i.test(text) ? numberOf(text) : Number.NaN;
  return Number.isSafeInteger(number) ? String(number) : text;
}

/** Fields of a row of a table: a picture of 2×2 and its label. */
const FEWEST_FIELDS = 5;

/** Whether the first lines of a text are those of a table of pixels: numbers all, but for a header, labels and names of rows. */
export function looksLikePixels(rows: readonly (readonly string[])[]): boolean {
  const row = rows[rows.length - 1] ?? [];
  return row.length >= FEWEST_FIELDS && row.filter(isText).length <= 2;
}

/** Whether a label is not there. */
export function isNoLabel(text: string): boolean {
  return text === "" || /^(na|nan)$/i.test(text);
}

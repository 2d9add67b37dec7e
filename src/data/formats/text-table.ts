/**
 * Tables of texts: CSV files whose fields are sentences rather than numbers, with quotes and line breaks inside of them (RFC 4180), and
 * files with a JSON record a line. Which columns hold the texts and the labels, their names say.
 */
import { DataError } from "../../engine/errors.ts";
import { quote } from "../../engine/quote.ts";
import { isHeader, isNoLabel, LABEL_NAMES, labelOf } from "./csv-columns.ts";
import { isGarbled, SAVE_AS_UTF8 } from "./csv-lines.ts";

/** What columns of texts are called, in lower case; the first that a table has is taken. */
const TEXT_NAMES = [
  ...["text", "texts", "sentence", "string", "transcription", "transcript", "review", "question", "content"],
  ...["message", "comment", "tweet", "title", "description", "document", "words", "line"],
];

/** A text and what it is, as a table has them. */
export interface TextRow {
  readonly text: string;
  readonly label: string;
}

/** A row of a table, and the line where it begins, counted from 1. */
interface Row {
  readonly line: number;
  readonly fields: readonly string[];
}

/** The separator that the first line has most of. */
function separatorOf(text: string): string {
  const [first] = text.split("\n", 1);
  const count = (separator: string): number => first.split(separator).length;
  return ["\t", ";", ","].reduce((best, each) => (count(each) > count(best) ? each : best), ",");
}

/** The rows of a table that are not empty. @param most ends after so many */
function rowsOf(text: string, most = Number.POSITIVE_INFINITY): Row[] {
  const separator = separatorOf(text);
  const rows: Row[] = [];
  let [line, begin, field, isQuoted] = [1, 1, "", false];
  let fields: string[] = [];
  const endRow = (): void => {
    fields.push(field.trim());
    if (fields.some((each) => each !== "")) rows.push({ line: begin, fields });
    [fields, field, begin] = [[], "", line + 1];
  };
  for (let i = 0; i < text.length && rows.length < most; i++) {
    const c = text[i];
    if (isQuoted) {
      if (c !== '"') field += c;
      else if (text[i + 1] === '"') field += text[i++];
      else isQuoted = false;
    } else if (c === '"' && field.trim() === "") [isQuoted, field] = [true, ""];
    else if (c === separator) {
      fields.push(field.trim());
      field = "";
    } else if (c === "\n") endRow();
    else field += c;
    if (c === "\n") line++;
  }
  if (rows.length < most && (field !== "" || fields.length > 0)) endRow();
  return rows;
}

/** Places of the columns of a table that holds texts. */
interface Columns {
  readonly text: number;
  readonly label: number;
  /** Rows before the first text. */
  readonly header: number;
}

/** Columns by their names; without names the longer one of two. Undefined where these are no texts with labels. */
function columnsOf(rows: readonly Row[]): Columns | undefined {
  const [first] = rows;
  if (first === undefined || first.fields.length < 2) return undefined;
  const names = first.fields.map((name) => name.toLowerCase());
  const named = (known: readonly string[]): number => names.indexOf(known.find((each) => names.includes(each)) ?? "\n");
  const [text, label] = [named(TEXT_NAMES), named(LABEL_NAMES)];
  if (text >= 0 && label >= 0) return { text, label, header: 1 };
  if (first.fields.length !== 2 || rows.some(({ fields }) => fields.length !== 2)) return undefined;
  // A name that is known is the name of a column; two sentences and their classes may look like names, too.
  if (text >= 0) return { text, label: 1 - text, header: 1 };
  const lengths = [0, 1].map((column) => rows.reduce((sum, { fields }) => sum + fields[column].length, 0));
  const longer = lengths[0] > lengths[1] ? 0 : 1;
  const areTexts = rows.filter(({ fields }) => /\p{L}\s+\S/u.test(fields[longer])).length > rows.length / 2;
  if (!areTexts) return undefined;
  const header = label >= 0 && isHeader(first.fields) ? 1 : 0;
  return { text: longer, label: 1 - longer, header };
}

/** Rows by which a table is told. */
const LOOKED_AT = 20;

/** Whether the beginning of a table is that of texts with labels. */
export const looksLikeTexts = (beginning: string): boolean => columnsOf(rowsOf(beginning, LOOKED_AT)) !== undefined;

/** Texts with labels of a CSV file. @param name starts every message @throws DataError where a text or a label is missing */
export function parseTextTable(content: string, name: string): TextRow[] {
  const rows = rowsOf(content);
  const columns = columnsOf(rows.slice(0, LOOKED_AT));
  if (columns === undefined) {
    throw new DataError(`${name}: no columns of texts and of labels; name them in the first line: text,label`);
  }
  const found = rows.slice(columns.header).map(({ line, fields }) => {
    return checked(fields[columns.text] ?? "", fields[columns.label] ?? "", `${name}: line ${line}`);
  });
  return notNone(found, name);
}

/**
 * Texts with labels of a file with a JSON record a line.
 * @param parse reads one record; what it is told starts its messages
 * @throws DataError as {@link parseTextTable} does, or where one is no record
 */
export function parseTextLines(
  content: string,
  name: string,
  parse: (json: string, where: string) => unknown,
): TextRow[] {
  const found = content.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const where = `${name}: line ${i + 1}`;
    const value = parse(line, where);
    const fields = typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
    const [text, label] = [TEXT_NAMES, LABEL_NAMES].map((names) => fields[names.find((each) => each in fields) ?? ""]);
    if (typeof text !== "string" || !["string", "number", "boolean"].includes(typeof label)) {
      throw new DataError(`${where}: expected a record such as {"text": "…", "label": "…"}`);
    }
    return [checked(text.trim(), String(label), where)];
  });
  return notNone(found, name);
}

function checked(text: string, label: string, where: string): TextRow {
  if (isGarbled(text) || isGarbled(label)) throw new DataError(`${where} ${SAVE_AS_UTF8}`);
  if (text === "") throw new DataError(`${where}: the text is empty; leave the line out`);
  if (isNoLabel(label)) throw new DataError(`${where}: ${quote(text)} has no label`);
  return { text, label: labelOf(label) };
}

function notNone(rows: TextRow[], name: string): TextRow[] {
  if (rows.length === 0) throw new DataError(`${name}: there is no text in it`);
  return rows;
}

/**
 * The values of one column of a table, or of a file with one value a line.
 * @param column its name, in the first line; without it the table has one column, whose name may stand above it
 * @throws DataError naming the columns where it is not clear which one is meant
 */
export function columnOf(text: string, column?: string): string[] {
  if (isGarbled(text)) throw new DataError(SAVE_AS_UTF8);
  const [first, ...rest] = rowsOf(text.replace(/^\ufeff/, ""));
  if (first === undefined) throw new DataError("there is nothing in it");
  const named = first.fields.map((name) => quote(name)).join(", ");
  const at = column === undefined ? 0 : first.fields.indexOf(column);
  if (at < 0) throw new DataError(`has no column ${quote(column ?? "")}; its first line has ${named}`);
  if (column === undefined && first.fields.length > 1) {
    throw new DataError(`has several columns; say which, as {"file": …, "column": …}: ${named}`);
  }
  const rows = column === undefined && /\d/.test(first.fields[0]) ? [first, ...rest] : rest;
  const values = rows.map(({ line, fields }) => {
    const value = fields[at];
    if (value === undefined || value === "") throw new DataError(`line ${line} has no value in this column`);
    return value;
  });
  if (values.length === 0) throw new DataError("there are no values in it");
  return values;
}

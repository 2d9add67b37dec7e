/** Pictures that a CSV file lists, a line each: the path of a file, relative to the CSV file, and its label. */
import { dirname, extname, join } from "node:path";
import { isHeader, isNoLabel, LABEL_NAMES, labelOf, looksLikePixels } from "../../data/formats/csv-columns.ts";
import {
  asPlainText,
  COMMA,
  fieldsOf,
  isGarbled,
  isRemark,
  linesOf,
  SAVE_AS_UTF8,
  separatorIn,
  wideEncoding,
} from "../../data/formats/csv-lines.ts";
import { DataError } from "../../engine/errors.ts";
import { quote } from "../../engine/quote.ts";
import { PICTURE_ENDINGS } from "../../formats/picture-formats.ts";
import { byName, listEntries, pathKind, readUnzipped } from "./files.ts";
import type { PictureLists } from "./folder-layout.ts";
import { pieces, wholeLines } from "./pieces.ts";

interface Row {
  readonly number: number;
  readonly fields: readonly string[];
}

function rowsOf(bytes: Uint8Array, name: string, most = Infinity): Row[] {
  let separator: number | undefined;
  const rows: Row[] = [];
  for (const line of linesOf(bytes, 0, name)) {
    if (line.to === line.from || (separator === undefined && isRemark(bytes, line))) continue;
    separator ??= separatorIn(bytes, line) ?? COMMA;
    rows.push({ number: line.number, fields: fieldsOf(bytes, line, separator) });
    if (rows.length === most) break;
  }
  return rows;
}

const isPictureName = (text: string): boolean => PICTURE_ENDINGS.includes(extname(text).toLowerCase());

/** Whether a CSV file lists pictures, by its first lines. */
export async function isPictureTable(path: string): Promise<boolean> {
  for await (const lines of wholeLines(path)) {
    // One column is a list of pictures too, if one without labels.
    const text = new TextDecoder().decode(lines.subarray(0, 4096));
    if (!PICTURE_ENDINGS.some((ending) => text.toLowerCase().includes(ending))) return false;
    return rowsOf(lines, path, 2).some(({ fields }) => fields.some(isPictureName));
  }
  return false;
}

/** Texts have no such bytes, but UTF-16 has. */
const isBinary = (bytes: Uint8Array): boolean =>
  wideEncoding(bytes) === undefined && bytes.subarray(0, LOOKED_AT).includes(0);
const LOOKED_AT = 4096;

/** Whether a file is a table by its name, or by its content: lines of numbers, or of names of pictures. */
export async function isTable(path: string): Promise<boolean> {
  if (isCsv(path)) return true;
  if (isPictureName(path)) return false;
  for await (const piece of pieces(path)) {
    if (isBinary(piece)) return false;
    break;
  }
  for await (const lines of wholeLines(path)) {
    const rows = rowsOf(lines, path, 2).map(({ fields }) => fields);
    return looksLikePixels(rows) || (await isPictureTable(path));
  }
  return false;
}

/** Whether a file is CSV by its name. */
export function isCsv(path: string): boolean {
  return /\.(csv|tsv)(\.gz)?$/i.test(path);
}

/** Names of the columns of a table of pictures, in lower case; undefined where it begins with a picture. */
export async function tableHeader(path: string): Promise<readonly string[] | undefined> {
  for await (const lines of wholeLines(path)) {
    const [first] = rowsOf(lines, path, 1);
    return first === undefined || first.fields.some(isPictureName)
      ? undefined
      : first.fields.map((name) => name.toLowerCase());
  }
  return undefined;
}

/** A picture and what stands in it. */
export interface PictureString {
  readonly path: string;
  readonly text: string;
  /** The file that says so, and the line of a table. */
  readonly where: string;
  /** Who wrote it, where the table has a column of writers. */
  readonly writer?: string | undefined;
}

/** What columns of writers are called. */
const WRITER_NAMES = ["writer", "writer_id", "author", "hand"];

/**
 * Pictures with strings, which may be empty: in the column of one of the names, or the other one of two.
 * A column `writer` says who wrote them.
 * @throws DataError when a line has no picture, or no column holds strings, or two lines say different strings of one picture
 */
export async function readStringTable(path: string, names: readonly string[]): Promise<readonly PictureString[]> {
  const all = rowsOf(asPlainText(await readUnzipped(path)), path);
  const hasHeader = all.length > 0 && !all[0].fields.some(isPictureName);
  const header = hasHeader ? all[0].fields.map((name) => name.toLowerCase()) : undefined;
  const rows = hasHeader ? all.slice(1) : all;
  if (rows.length === 0) throw new DataError(`${path}: a header but no rows`);
  const file = rows[0].fields.findIndex(isPictureName);
  const named = header?.findIndex((name) => names.includes(name)) ?? -1;
  const writers = header?.findIndex((name) => WRITER_NAMES.includes(name)) ?? -1;
  const column = named >= 0 ? named : rows[0].fields.length === 2 ? 1 - file : -1;
  if (column < 0) throw new DataError(`${path}: no column of strings; call it "text" in the first line`);
  const found = rows.map(({ number, fields }) => {
    const name = fields[file] ?? "";
    if (name === "") throw new DataError(`${path}: line ${number}: the name of the picture is missing`);
    const text = fields[column] ?? "";
    if (isGarbled(name) || isGarbled(text)) throw new DataError(`${path}: line ${number} ${SAVE_AS_UTF8}`);
    const writer = fields[writers]?.trim();
    return { name: name.replaceAll("\\", "/"), text, number, writer: writer === "" ? undefined : writer };
  });
  const seen = new Map<string, (typeof found)[number]>();
  for (const row of found) {
    const first = seen.get(row.name);
    if (first === undefined) seen.set(row.name, row);
    else if (first.text !== row.text) {
      throw new DataError(
        `${path}: lines ${first.number} and ${row.number} say that ${row.name} shows ${quote(first.text)} and ${quote(row.text)}; leave the wrong one out`,
      );
    }
  }
  const folder = await folderOf(dirname(path), found[0].name);
  // A picture that is listed twice with the same string is one sample: it would be in two parts.
  return [...seen.values()].map(({ name, text, number, writer }) => ({
    path: join(folder, name),
    text,
    where: `${path}: line ${number}`,
    ...(writer !== undefined && { writer }),
  }));
}

/** What a CSV file says of pictures. */
export interface PictureTable {
  readonly paths: readonly string[];
  /** Undefined where there is no column of labels. */
  readonly labels: readonly string[] | undefined;
  readonly notes: readonly string[];
}

/** @throws DataError when a line has no picture or no label, or it cannot be told where the labels are */
export async function readPictureTable(path: string): Promise<PictureTable> {
  const all = rowsOf(asPlainText(await readUnzipped(path)), path);
  const [first] = all;
  const hasHeader = isHeader(first.fields) && !first.fields.some(isPictureName);
  const header = hasHeader ? first.fields : undefined;
  const rows = hasHeader ? all.slice(1) : all;
  if (rows.length === 0) throw new DataError(`${path}: a header but no rows`);
  const file = rows[0].fields.findIndex(isPictureName);
  const label = labelColumn(header, rows[0].fields.length, file, path);
  const names = rows.map(({ number, fields }) => {
    const name = fields[file] ?? "";
    if (name === "") throw new DataError(`${path}: line ${number}: the name of the picture is missing`);
    if (label !== undefined && isNoLabel(fields[label] ?? "")) {
      throw new DataError(`${path}: line ${number}: the label is missing`);
    }
    if (isGarbled(name) || (label !== undefined && isGarbled(fields[label]))) {
      throw new DataError(`${path}: line ${number} ${SAVE_AS_UTF8}`);
    }
    return name.replaceAll("\\", "/");
  });
  const folder = await folderOf(dirname(path), names[0]);
  const aside = (header ?? []).filter((_, column) => column !== file && column !== label);
  const notes: string[] = [];
  if (folder !== dirname(path)) notes.push(`${path}: the pictures lie in ${folder}`);
  if (aside.length > 0) notes.push(`${path}: columns left aside: ${aside.join(", ")}`);
  return {
    paths: names.map((name) => join(folder, name)),
    labels: label === undefined ? undefined : rows.map(({ fields }) => labelOf(fields[label])),
    notes,
  };
}

function labelColumn(
  header: readonly string[] | undefined,
  count: number,
  file: number,
  path: string,
): number | undefined {
  if (count === 1) return undefined;
  const lower = header?.map((name) => name.toLowerCase()) ?? [];
  const named = LABEL_NAMES.map((name) => lower.indexOf(name)).find((column) => column >= 0 && column !== file);
  if (named !== undefined) return named;
  if (count === 2) return 1 - file;
  throw new DataError(`${path}: ${count} columns, and none is named "label"; name the one that holds the labels`);
}

/** Where the pictures lie: beside the file, or in the one folder there that has the first of them. */
async function folderOf(folder: string, name: string): Promise<string> {
  if ((await pathKind(join(folder, name))) === "file") return folder;
  const inner = (await listEntries(folder)).filter(({ isFolder }) => isFolder).map((entry) => join(folder, entry.name));
  const kinds = await Promise.all(inner.map((place) => pathKind(join(place, name))));
  const holding = inner.filter((_, i) => kinds[i] === "file");
  return holding.length === 1 ? holding[0] : folder;
}

/** The pictures of a table by class, as a folder of pictures is listed. @throws DataError when there are no labels */
export async function listPictureTable(path: string): Promise<PictureLists> {
  const { paths, labels, notes } = await readPictureTable(path);
  if (labels === undefined) {
    throw new DataError(`${path}: no column of labels; to find out what the pictures show, use "ductus predict"`);
  }
  const classes = [...new Set(labels)].sort(byName);
  const numbers = labels.map((label) => classes.indexOf(label));
  const order = paths.map((_, i) => i).sort((a, b) => numbers[a] - numbers[b] || a - b);
  const list = {
    folder: dirname(path),
    classes,
    paths: order.map((i) => paths[i]),
    labels: Int32Array.from(order, (i) => numbers[i]),
  };
  return { parts: [["train", list]], notes };
}

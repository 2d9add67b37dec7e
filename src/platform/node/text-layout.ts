/**
 * What lies at a path that a user gives as data, where it is no data set of pictures by class (layout.ts): texts, texts with classes,
 * or pictures with strings. Found out by names and first lines, before anything is read.
 */
import { extname, join } from "node:path";
import type { SplitName } from "../../data/dataset.ts";
import { LABEL_NAMES } from "../../data/formats/csv-columns.ts";
import { looksLikeTexts } from "../../data/formats/text-table.ts";
import { PICTURE_ENDINGS } from "../../formats/picture-formats.ts";
import { listEntries, pathKind } from "./files.ts";
import { partOf } from "./folder-layout.ts";
import { isCsv, isPictureTable, isTable, tableHeader } from "./picture-table.ts";
import { wholeLines } from "./pieces.ts";

/** Some of the files for each part, in the order train, validation, test. */
export type PartPaths<Source> = readonly (readonly [SplitName, Source])[];

/** Where texts with classes stand: in a table, in a file of JSON records, or a folder of files for each class. */
export type LabeledSource =
  | { readonly kind: "table" | "records"; readonly path: string }
  | { readonly kind: "folder"; readonly path: string; readonly classes: readonly string[] };

/** Where pictures with strings stand: in a table of both, or beside each other. */
export type LineSource =
  | { readonly kind: "table"; readonly path: string }
  | {
      readonly kind: "beside";
      readonly pairs: readonly (readonly [picture: string, text: string])[];
      /** Pictures that have no text beside them. */
      readonly lone: readonly string[];
    };

/** What was found. */
export interface TextLayouts {
  readonly texts?: PartPaths<readonly string[]> | undefined;
  readonly labeledTexts?: PartPaths<LabeledSource> | undefined;
  readonly lines?: PartPaths<LineSource> | undefined;
}

const isText = (name: string): boolean => /\.(txt|text|md)(\.gz)?$/i.test(name);
const isRecords = (name: string): boolean => /\.(jsonl|ndjson)(\.gz)?$/i.test(name);
const isPicture = (name: string): boolean => PICTURE_ENDINGS.includes(extname(name).toLowerCase());

/** What somebody has to give who wants pictures with strings. */
export const LINES_EXPECTED = "a CSV file of file,text or a .txt beside each picture";

/** What columns of strings are called beside one of pictures. */
export const STRING_NAMES = ["text", "string", "transcription", "transcript", "words", "line", "value"];

/** All that a path may be taken for beside pictures by class, what it most likely is first. */
export async function textLayoutsAt(path: string): Promise<TextLayouts> {
  const kind = await pathKind(path);
  if (kind === "nothing") return {};
  return kind === "file" ? fileLayouts(path) : folderLayouts(path);
}

async function fileLayouts(path: string): Promise<TextLayouts> {
  if (isRecords(path)) return { labeledTexts: [["train", { kind: "records", path }]] };
  if (isCsv(path)) return tableLayouts(path);
  if (isText(path) && !(await isTable(path))) return { texts: [["train", [path]]] };
  return {};
}

async function tableLayouts(path: string): Promise<TextLayouts> {
  if (await isPictureTable(path)) {
    const header = await tableHeader(path);
    const areStrings = header?.some((name) => STRING_NAMES.includes(name)) ?? false;
    const hasLabels = header?.some((name) => LABEL_NAMES.includes(name)) ?? false;
    return areStrings && !hasLabels ? { lines: [["train", { kind: "table", path }]] } : {};
  }
  for await (const lines of wholeLines(path)) {
    const isOfTexts = looksLikeTexts(new TextDecoder().decode(lines));
    return isOfTexts ? { labeledTexts: [["train", { kind: "table", path }]] } : {};
  }
  return {};
}

async function folderLayouts(folder: string): Promise<TextLayouts> {
  const entries = await listEntries(folder);
  const files = entries.filter(({ isFolder }) => !isFolder).map(({ name }) => name);
  const folders = entries.filter(({ isFolder }) => isFolder).map(({ name }) => name);
  const beside = besideIn(folder, files);
  if (beside !== undefined) return { lines: [["train", beside]] };
  const inFiles = await layoutsOfFiles(folder, files);
  // A table beside pictures may say what stands in them; texts that lie beside pictures are no data.
  if (files.some(isPicture)) return inFiles?.lines === undefined ? {} : { lines: inFiles.lines };
  if (inFiles !== undefined) return inFiles;
  if (files.some(isText)) return { texts: textParts(files.filter(isText).map((name) => [name, join(folder, name)])) };
  return layoutsOfFolders(folder, folders);
}

/** Tables and records of a folder: one, or one for each part. */
async function layoutsOfFiles(folder: string, files: readonly string[]): Promise<TextLayouts | undefined> {
  const tables = files.filter((name) => isCsv(name) || isRecords(name));
  const parted = tables.flatMap((name) => {
    const split = partOf(stemOf(name));
    return split === undefined ? [] : [[split, join(folder, name)] as const];
  });
  const used = parted.length > 0 ? parted : tables.length === 1 ? ([["train", join(folder, tables[0])]] as const) : [];
  const layouts = await Promise.all(used.map(async ([split, path]) => [split, await fileLayouts(path)] as const));
  return merged(layouts);
}

const stemOf = (name: string): string => name.replace(/(\.[a-z]+)(\.gz)?$/i, "");

/** Layouts of parts as those of the whole: what all of them have. */
function merged(layouts: readonly (readonly [SplitName, TextLayouts])[]): TextLayouts | undefined {
  if (layouts.length === 0) return undefined;
  const of = <K extends keyof TextLayouts>(key: K): TextLayouts[K] => {
    const parts = layouts.map(([split, each]) => each[key]?.map(([, source]) => [split, source] as const));
    return parts.every((each) => each !== undefined) ? (inOrder(parts.flat() as never) as TextLayouts[K]) : undefined;
  };
  const all = { texts: of("texts"), labeledTexts: of("labeledTexts"), lines: of("lines") };
  return Object.values(all).some((each) => each !== undefined) ? all : undefined;
}

const ORDER: readonly SplitName[] = ["train", "validation", "test"];

const inOrder = <Source>(parts: PartPaths<Source>): PartPaths<Source> =>
  ORDER.flatMap((split) => parts.filter(([own]) => own === split));

/** Files of texts by their parts, where their names say any; else all are one. */
function textParts(files: readonly (readonly [name: string, path: string])[]): PartPaths<readonly string[]> {
  const byPart = ORDER.map((split) => files.filter(([name]) => partOf(stemOf(name)) === split).map(([, path]) => path));
  const isParted = byPart.flat().length === files.length && byPart[0].length > 0;
  if (!isParted) return [["train", files.map(([, path]) => path)]];
  return ORDER.flatMap((split, i) => (byPart[i].length > 0 ? [[split, byPart[i]] as const] : []));
}

/** Folders of texts: a class each, or a part each, which hold classes or lines. */
async function layoutsOfFolders(folder: string, folders: readonly string[]): Promise<TextLayouts> {
  const inside = await Promise.all(
    folders.map(async (name) => ({ name, split: partOf(name), files: await listEntries(join(folder, name)) })),
  );
  const parts = inside.filter(({ split }) => split !== undefined);
  if (parts.length > 0) {
    const layouts = await Promise.all(
      parts.map(async ({ name, split }) => [split as SplitName, await folderLayouts(join(folder, name))] as const),
    );
    return merged(layouts) ?? {};
  }
  const holding = inside.filter(({ files }) => files.some(({ name, isFolder }) => !isFolder && isText(name)));
  const areTexts = inside.every(({ files }) => !files.some(({ name, isFolder }) => isFolder || isPicture(name)));
  if (holding.length === 0 || !areTexts) return {};
  const classes = holding.map(({ name }) => name);
  const all = holding.flatMap(({ name, files }) =>
    files.filter((file) => isText(file.name)).map((file) => join(folder, name, file.name)),
  );
  return { labeledTexts: [["train", { kind: "folder", path: folder, classes }]], texts: [["train", all]] };
}

/** Pictures with a file of text beside most of them: `a.png` and `a.txt`, or `a.gt.txt` as other readers of lines name it. */
function besideIn(folder: string, files: readonly string[]): LineSource | undefined {
  const names = new Set(files);
  const pictures = files.filter(isPicture);
  const pairs = pictures.flatMap((name) => {
    const stem = name.slice(0, name.length - extname(name).length);
    const text = [`${stem}.txt`, `${stem}.gt.txt`].find((each) => names.has(each));
    return text === undefined ? [] : [[join(folder, name), join(folder, text)] as const];
  });
  if (pairs.length === 0 || pairs.length < pictures.length / 2) return undefined;
  const paired = new Set(pairs.map(([picture]) => picture));
  const lone = pictures.map((name) => join(folder, name)).filter((picture) => !paired.has(picture));
  return { kind: "beside", pairs, lone };
}

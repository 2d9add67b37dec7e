/**
 * What lies at a path that a user gives as data, found out once by names and first lines: IDX files, CSV files of pixels,
 * or pictures. Both ways of reading, into memory (open-data.ts) and to be streamed (packed.ts), begin here.
 */
import { basename, dirname, join } from "node:path";
import type { SplitName } from "../../data/dataset.ts";
import { CsvReader } from "../../data/formats/csv.ts";
import { DataError } from "../../engine/errors.ts";
import { readFileChecked } from "./atomic.ts";
import { listEntries, pathKind } from "./files.ts";
import { listPictureFolder, type PictureLists } from "./folder-layout.ts";
import { type PartFiles, partFilesIn } from "./part-files.ts";
import { isCsv, isPictureTable, isTable, listPictureTable, readPictureTable } from "./picture-table.ts";
import { wholeLines } from "./pieces.ts";

export type Layout =
  | { readonly kind: "idx"; readonly folder: string; readonly set: string | undefined }
  | {
      readonly kind: "csv";
      /** Paths of the files, that for training first. */
      readonly parts: readonly (readonly [SplitName, string])[];
      readonly notes: readonly string[];
    }
  | { readonly kind: "pictures"; readonly folder: string; readonly lists: PictureLists };

/** @returns undefined when there is nothing  @throws DataError when it cannot be told what is meant, or it is nothing readable */
export async function layoutAt(path: string): Promise<Layout | undefined> {
  const kind = await pathKind(path);
  if (kind === "folder") return folderLayout(path);
  if (kind === "nothing") return namedSet(path);
  if (await isTable(path)) return tableLayout(path);
  throw await notData(path);
}

/** What a file that holds no samples is instead. Tables of other kinds are loaded only here. */
async function notData(path: string): Promise<DataError> {
  const { otherKind } = await import("../../formats/kinds.ts");
  const expected = `${path}: neither a folder nor a table of numbers, one line a picture; for IDX files give the folder they are in`;
  return otherKind(await readFileChecked(path), path, "data") ?? new DataError(expected);
}

/** `folder/emnist-letters`: one of several sets whose files lie in a folder. */
async function namedSet(path: string): Promise<Layout | undefined> {
  const [folder, set] = [dirname(path), basename(path)];
  if ((await pathKind(folder)) !== "folder") return undefined;
  if ((await partFilesIn(folder, "idx", set)) !== undefined) return { kind: "idx", folder, set };
  const files = await partFilesIn<"table">(folder, "csv", set);
  return files === undefined ? undefined : csvLayout(files);
}

async function folderLayout(folder: string): Promise<Layout> {
  const files = await filesOfParts(folder);
  if (files !== undefined) return files;
  const entries = await listEntries(folder);
  const tables = entries.filter(({ name, isFolder }) => !isFolder && isCsv(name));
  const folders = entries.filter(({ isFolder }) => isFolder);
  if (tables.length === 1 && folders.length < 2) return tableLayout(join(folder, tables[0].name));
  if (tables.length > 1 && folders.length === 0) {
    const names = tables.map(({ name }) => name).join(", ");
    throw new DataError(`${folder}: several CSV files (${names}); give one, or name them train.csv and test.csv`);
  }
  return { kind: "pictures", folder, lists: await listPictureFolder(folder) };
}

/** Folders in folders that are gone through for files. */
const DEPTH = 4;

/** IDX or CSV files of parts in a folder, or in the only folder there: torchvision has `MNIST/raw`, archives one of their own. */
async function filesOfParts(folder: string, depth = DEPTH): Promise<Layout | undefined> {
  if ((await partFilesIn(folder, "idx")) !== undefined) return { kind: "idx", folder, set: undefined };
  const files = await partFilesIn<"table">(folder, "csv");
  if (files !== undefined) return csvLayout(files);
  const [only, second] = (await listEntries(folder)).filter(({ isFolder }) => isFolder);
  if (only === undefined || second !== undefined || depth === 0) return undefined;
  return filesOfParts(join(folder, only.name), depth - 1);
}

async function tableLayout(path: string): Promise<Layout> {
  if (!(await isPictureTable(path))) return { kind: "csv", parts: [["train", path]], notes: [] };
  return { kind: "pictures", folder: dirname(path), lists: await listPictureTable(path) };
}

async function csvLayout(files: PartFiles<"table">): Promise<Layout> {
  const parts: [SplitName, string][] = [];
  const notes: string[] = [];
  for (const [split, { table }] of files) {
    const path = table as string;
    if (split === "train" || (await hasLabels(path))) parts.push([split, path]);
    else notes.push(`${path} has no labels and is left aside; "ductus predict" reads it`);
  }
  const [first] = parts;
  if (first !== undefined && (await isPictureTable(first[1]))) return picturesOf(parts, notes);
  return { kind: "csv", parts, notes };
}

/** Several lists of pictures as one, each a part. */
async function picturesOf(tables: readonly (readonly [SplitName, string])[], notes: string[]): Promise<Layout> {
  const lists = await Promise.all(tables.map(async ([split, path]) => ({ split, ...(await listPictureTable(path)) })));
  const { classes } = lists[0].parts[0][1];
  const parts = lists.map(({ split, parts: [[, list]] }) => {
    const unknown = list.classes.find((name) => !classes.includes(name));
    if (unknown !== undefined) throw new DataError(`${list.folder}: class "${unknown}" is not among those of train`);
    const labels = list.labels.map((label) => classes.indexOf(list.classes[label]));
    return [split, { ...list, classes, labels }] as const;
  });
  const all = [...notes, ...lists.flatMap((list) => list.notes)];
  return { kind: "pictures", folder: dirname(tables[0][1]), lists: { parts, notes: all } };
}

async function hasLabels(path: string): Promise<boolean> {
  if (await isPictureTable(path)) return (await readPictureTable(path)).labels !== undefined;
  const reader = new CsvReader({ name: path });
  for await (const lines of wholeLines(path)) {
    reader.feed(lines, () => {});
    break;
  }
  return reader.hasLabels;
}

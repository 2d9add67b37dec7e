/** Data sets in IDX files under MNIST's names (part-files.ts), or in CSV files, in one part or several. */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ImageDataset, SplitName } from "../../data/dataset.ts";
import { type CsvOptions, parseCsv } from "../../data/formats/csv.ts";
import { datasetFromIdx, type OwnIdxDescription } from "../../data/formats/idx-dataset.ts";
import { settled } from "../../data/formats/settled.ts";
import type { SpanSources } from "../../data/value-range.ts";
import { DataError } from "../../engine/errors.ts";
import { filled, type Optional } from "../../engine/options.ts";
import { check, list, Mismatch, refined, text } from "../../engine/schema.ts";
import { listEntries, pathKind, readUnzipped } from "./files.ts";
import type { Parts } from "./folder.ts";
import { partFilesIn } from "./part-files.ts";

/** What Node reads into memory as one file. */
const LARGEST = 2 ** 31 - 1;

const classNames = refined(list(text), (names) =>
  new Set(names).size === names.length && !names.includes("") ? undefined : "must be names, each once",
);

type Known = Pick<OwnIdxDescription, "name" | "classes" | "numbers" | "span" | "trained" | "polarity" | "origin">;

/**
 * Reads a folder of IDX files under MNIST's names, gzip or plain. Class names come from `classes.json` (a list) if it is
 * there. Returns undefined when there are no such files.
 * @param set which one is meant, where the folder has several
 * @throws DataError when a file is missing beside its partner, or is not what it should be
 */
export async function readIdxFolder(folder: string, known: Known, set?: string): Promise<Parts | undefined> {
  const files = await idxFilesIn(folder, set);
  if (files === undefined) return undefined;
  let shared: Known = known.classes === undefined ? { ...known, ...(await classNamesFor(folder, files)) } : known;
  const parts: Partial<Record<SplitName, ImageDataset>> = {};
  for (const [split, pair] of files) {
    const part = await readIdxPair(pair, shared);
    parts[split] = part;
    // All parts have the classes of the first, even where another lacks the last ones.
    shared = { ...shared, classes: part.classes, span: part.valueSpan, polarity: part.polarity };
  }
  return parts;
}

/** Paths of the two files of a part. */
export interface IdxPair {
  readonly images: string;
  readonly labels: string;
}

/**
 * The IDX files in a folder, in the order train, validation, test; undefined where there are none.
 * @param set which one is meant, where the folder has several
 * @throws DataError when there are several sets, or a file is missing beside its partner
 */
export async function idxFilesIn(folder: string, set?: string): Promise<ReadonlyMap<SplitName, IdxPair> | undefined> {
  const files = await partFilesIn<keyof IdxPair>(folder, "idx", set);
  if (files === undefined) return undefined;
  return new Map([...files].map(([split, { images, labels }]) => [split, pairOf(folder, images, labels)]));
}

function pairOf(folder: string, images: string | undefined, labels: string | undefined): IdxPair {
  if (images !== undefined && labels !== undefined) return { images, labels };
  const there = basename((images ?? labels) as string).replace(/\.gz$/i, "");
  const wanted =
    images === undefined
      ? there.replace(/labels/i, "images").replace(/idx1/i, "idx3")
      : there.replace(/images/i, "labels").replace(/idx[34]/i, "idx1");
  throw new DataError(`${folder}: ${wanted} (or .gz) is missing`);
}

async function readIdxPair({ images, labels }: IdxPair, known: Known): Promise<ImageDataset> {
  const read = async (path: string): Promise<{ name: string; bytes: Uint8Array }> => {
    const { size } = await stat(path);
    if (size > LARGEST) {
      throw new DataError(
        `${path}: ${Math.round(size / 2 ** 20)} MiB are too much to read at once; "ductus train --stream" reads them while training`,
      );
    }
    return { name: path, bytes: await readUnzipped(path) };
  };
  const dataset = datasetFromIdx({ ...known, images: await read(images), labels: await read(labels) });
  return settled(dataset, images, known.polarity);
}

/** Of a list of names, beside IDX files. */
export const CLASS_NAMES_FILE = "classes.json";

/** The list in `classes.json`, where there is one. */
export async function readClassNames(folder: string): Promise<readonly string[] | undefined> {
  const path = join(folder, CLASS_NAMES_FILE);
  if ((await pathKind(path)) !== "file") return undefined;
  const json = new TextDecoder().decode(await readUnzipped(path));
  try {
    return classNames(JSON.parse(json), "");
  } catch (cause) {
    throw new DataError(`${path}: expected a JSON list of class names, each once`, { cause });
  }
}

/** How classes are called, and their labels where these are not 0, 1, 2 … */
export type ClassNames = Pick<OwnIdxDescription, "classes" | "numbers">;

const MAPPING = /-mapping\.txt$/i;

/**
 * What a list beside the files says of classes: `classes.json`, or EMNIST's mapping (`emnist-letters-mapping.txt`), whose lines
 * are a label and the codes of the characters that have it. @throws DataError when it is no such list
 */
export async function classNamesFor(folder: string, files: ReadonlyMap<SplitName, IdxPair>): Promise<ClassNames> {
  const [{ images }] = files.values();
  const classes = await readClassNames(folder);
  if (classes !== undefined) return { classes };
  const isOf = (name: string): boolean => MAPPING.test(name) && basename(images).startsWith(name.replace(MAPPING, ""));
  const mapping = (await listEntries(folder)).find(({ name, isFolder }) => !isFolder && isOf(name));
  if (mapping === undefined) return {};
  const path = join(folder, mapping.name);
  const lines = new TextDecoder()
    .decode(await readUnzipped(path))
    .trim()
    .split(/\s*\n\s*/);
  const rows = lines.map((line) => line.split(/\s+/).map(Number));
  const names = rows.map(([, code]) => (code > 32 && code <= 0x10ffff ? String.fromCodePoint(code) : ""));
  if (!rows.flat().every(Number.isSafeInteger) || check(classNames, names) instanceof Mismatch) {
    throw new DataError(`${path}: expected lines of a label and the codes of its characters, each once`);
  }
  return { classes: names, numbers: rows.map(([label]) => label) };
}

/** Reads a CSV file of pictures (see `parseCsv`), gzip or plain; the polarity is found from the pictures. */
export async function readCsvFile(path: string, options: Optional<CsvOptions> = {}): Promise<ImageDataset> {
  const origin = `pictures in ${path}`;
  const dataset = parseCsv(await readUnzipped(path), filled({ name: path, origin }, options));
  return settled(dataset, path, options.polarity);
}

/** Reads the CSV files of the parts of a set, that for training first. */
export async function readCsvParts(
  paths: readonly (readonly [SplitName, string])[],
  { trained }: SpanSources = {},
): Promise<Parts> {
  let known: Optional<CsvOptions> = { trained };
  const parts: Partial<Record<SplitName, ImageDataset>> = {};
  for (const [split, path] of paths) {
    const part = await readCsvFile(path, known);
    parts[split] = part;
    const [height, width] = part.inputShape;
    const { classes, polarity, valueSpan: span } = part;
    known = { classes, span, polarity, height, width };
  }
  return parts;
}

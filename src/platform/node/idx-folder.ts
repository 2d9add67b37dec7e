/** Data sets in IDX files under MNIST's names, or in CSV files, with or without a test part of their own. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type CsvOptions, parseCsv } from "../../data/csv.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { datasetFromIdx, type OwnIdxDescription } from "../../data/idx-dataset.ts";
import { withDetectedPolarity } from "../../data/polarity.ts";
import { FILE_NAMES, FILE_ROLES, type FileRole } from "../../data/sources.ts";
import { DataError } from "../../engine/errors.ts";
import { filled, type Optional } from "../../engine/options.ts";
import { list, refined, text } from "../../engine/schema.ts";
import { listFolder, pathKind, readUnzipped } from "./files.ts";
import type { Parts } from "./folder.ts";

/** What Node reads into memory as one file. */
const LARGEST = 2 ** 31 - 1;

const classNames = refined(list(text), (names) =>
  new Set(names).size === names.length && !names.includes("") ? undefined : "must be names, each once",
);

/**
 * Reads a folder of IDX files under MNIST's names, gzip or plain. Class names come from `classes.json` (a list) if it is
 * there. Returns undefined when there are no such files.
 * @throws DataError when a file is missing beside its partner, or is not what it should be
 */
export async function readIdxFolder(
  folder: string,
  known: Pick<OwnIdxDescription, "name" | "classes" | "span" | "polarity" | "origin">,
): Promise<Parts | undefined> {
  const files = await idxFilesIn(folder);
  if (files === undefined) return undefined;
  const { trainImages, trainLabels, testImages, testLabels } = files;
  const classes = known.classes ?? (await readClassNames(folder));
  if (trainImages === undefined && trainLabels === undefined) {
    return { test: await readIdxPair(folder, { ...known, classes }, testImages, testLabels, "test") };
  }
  const train = await readIdxPair(folder, { ...known, classes }, trainImages, trainLabels, "train");
  if (testImages === undefined && testLabels === undefined) return { train };
  // Both splits have the classes of the first, even where the test split lacks the last ones.
  const shared = { ...known, classes: train.classes, span: train.valueSpan, polarity: train.polarity };
  return { train, test: await readIdxPair(folder, shared, testImages, testLabels, "test") };
}

/** Names of the IDX files in a folder, gzip or plain, by role; undefined where there are none. */
export async function idxFilesIn(folder: string): Promise<Partial<Record<FileRole, string>> | undefined> {
  const names = new Set(await listFolder(folder));
  const found = FILE_ROLES.flatMap((role) => {
    const name = FILE_NAMES[role].flatMap((known) => [known, `${known}.gz`]).find((known) => names.has(known));
    return name === undefined ? [] : [[role, name] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

async function readIdxPair(
  folder: string,
  known: Pick<OwnIdxDescription, "name" | "classes" | "span" | "polarity" | "origin">,
  images: string | undefined,
  labels: string | undefined,
  split: "train" | "test",
): Promise<ImageDataset> {
  if (images === undefined || labels === undefined) {
    const role: FileRole = images === undefined ? `${split}Images` : `${split}Labels`;
    throw new DataError(`${folder}: ${FILE_NAMES[role][split === "test" ? 1 : 0]} (or .gz) is missing`);
  }
  const read = async (name: string): Promise<{ name: string; bytes: Uint8Array }> => {
    const path = join(folder, name);
    const { size } = await stat(path);
    if (size > LARGEST) {
      throw new DataError(
        `${path}: ${Math.round(size / 2 ** 20)} MiB are too much to read at once; "ductus train --stream" reads them while training`,
      );
    }
    return { name: path, bytes: await readUnzipped(path) };
  };
  const dataset = datasetFromIdx({ ...known, images: await read(images), labels: await read(labels) });
  return known.polarity === undefined ? withDetectedPolarity(dataset) : dataset;
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

/** Reads a CSV file of pictures (see `parseCsv`), gzip or plain; the polarity is found from the pictures. */
export async function readCsvFile(path: string, options: Optional<CsvOptions> = {}): Promise<ImageDataset> {
  const origin = `pictures in ${path}`;
  const dataset = parseCsv(await readUnzipped(path), filled({ name: path, origin }, options));
  return options.polarity === undefined ? withDetectedPolarity(dataset) : dataset;
}

/** Reads `train.csv` and `test.csv` (or MNIST's `mnist_train.csv` …) of a folder; undefined when there are none. */
export async function readCsvFolder(folder: string): Promise<Parts | undefined> {
  const files = await csvFilesIn(folder);
  if (files === undefined) return undefined;
  const train = await readCsvFile(files.train);
  if (files.test === undefined) return { train };
  const [height, width] = train.inputShape;
  const { classes, polarity, valueSpan: span } = train;
  return { train, test: await readCsvFile(files.test, { classes, span, polarity, height, width }) };
}

/** Paths of the CSV files of a folder's splits; undefined where there are none. */
export async function csvFilesIn(folder: string): Promise<{ train: string; test?: string | undefined } | undefined> {
  const names = await listFolder(folder);
  const find = (split: string): string | undefined => {
    const name = names.find((known) => new RegExp(`(^|[-_.])${split}\\.csv(\\.gz)?$`, "i").test(known));
    return name && join(folder, name);
  };
  const [train, test] = [find("train"), find("test")];
  return train === undefined ? undefined : { train, test };
}

/** Data sets in IDX files under MNIST's names, or in CSV files, with or without a test part of their own. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type CsvOptions, parseCsv } from "../../data/csv.ts";
import type { ImageDataset } from "../../data/dataset.ts";
import { datasetFromIdx, type IdxDescription } from "../../data/idx.ts";
import { withDetectedPolarity } from "../../data/polarity.ts";
import { FILE_NAMES, type FileRole } from "../../data/sources.ts";
import { DataError } from "../../engine/errors.ts";
import { list, refined, text } from "../../engine/schema.ts";
import { listFolder, readUnzipped } from "./files.ts";
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
  known: Pick<IdxDescription, "name" | "classes" | "polarity" | "origin">,
): Promise<Parts | undefined> {
  const names = new Set(await listFolder(folder));
  const find = (role: FileRole): string | undefined =>
    FILE_NAMES[role].flatMap((name) => [name, `${name}.gz`]).find((name) => names.has(name));
  const roles = { trainImages: find("trainImages"), trainLabels: find("trainLabels") };
  const testRoles = { testImages: find("testImages"), testLabels: find("testLabels") };
  const hasTest = testRoles.testImages !== undefined || testRoles.testLabels !== undefined;
  if (roles.trainImages === undefined && roles.trainLabels === undefined && !hasTest) return undefined;

  const classes = known.classes ?? (await readClassNames(folder, names));
  const train = await readIdxPair(folder, { ...known, classes }, roles.trainImages, roles.trainLabels, "train");
  if (!hasTest) return { train };
  // Both splits have the classes of the first, even where the test split lacks the last ones.
  const shared = { ...known, classes: train.classes, polarity: train.polarity };
  return { train, test: await readIdxPair(folder, shared, testRoles.testImages, testRoles.testLabels, "test") };
}

async function readIdxPair(
  folder: string,
  known: Pick<IdxDescription, "name" | "classes" | "polarity" | "origin">,
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

/** The list in `classes.json`, where there is one. */
export async function readClassNames(
  folder: string,
  names: ReadonlySet<string>,
): Promise<readonly string[] | undefined> {
  if (!names.has("classes.json")) return undefined;
  const path = join(folder, "classes.json");
  const json = new TextDecoder().decode(await readUnzipped(path));
  try {
    return classNames(JSON.parse(json), "");
  } catch (cause) {
    throw new DataError(`${path}: expected a JSON list of class names, each once`, { cause });
  }
}

/** Reads a CSV file of pictures (see `parseCsv`), gzip or plain; the polarity is found from the pictures. */
export async function readCsvFile(path: string, options: Partial<CsvOptions> = {}): Promise<ImageDataset> {
  const origin = `pictures in ${path}`;
  const dataset = parseCsv(await readUnzipped(path), { name: path, origin, ...options });
  return options.polarity === undefined ? withDetectedPolarity(dataset) : dataset;
}

/** Reads `train.csv` and `test.csv` (or MNIST's `mnist_train.csv` …) of a folder; undefined when there are none. */
export async function readCsvFolder(folder: string): Promise<Parts | undefined> {
  const names = await listFolder(folder);
  const find = (split: string): string | undefined =>
    names.find((name) => new RegExp(`(^|[-_.])${split}\\.csv(\\.gz)?$`, "i").test(name));
  const [train, test] = [find("train"), find("test")];
  if (train === undefined) return undefined;
  const dataset = await readCsvFile(join(folder, train));
  if (test === undefined) return { train: dataset };
  const [height, width] = dataset.inputShape;
  const { classes, polarity } = dataset;
  return { train: dataset, test: await readCsvFile(join(folder, test), { classes, polarity, height, width }) };
}

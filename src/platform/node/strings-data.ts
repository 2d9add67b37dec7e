/** Opens strings made of a data set of characters, by name: `strings:mnist`. Who wrote them is read from beside the data, where it is known. */
import { join } from "node:path";
import type { ImageDataset } from "../../data/dataset.ts";
import { parseIdx } from "../../data/formats/idx.ts";
import { splitBy, stratifiedSplit, takeImages } from "../../data/split.ts";
import { DataError, UsageError, unknownName } from "../../engine/errors.ts";
import { Random } from "../../engine/random.ts";
import { STYLES, type Strings, type StyleName } from "../../synthesis/strings.ts";
import { stringsOf } from "../../synthesis/strings-of.ts";
import { pathKind, readUnzipped } from "./files.ts";
import { type OpenOptions, openData } from "./open-data.ts";
import { defaultDataDir } from "./paths.ts";

/** What a name of strings begins with. */
export const STRINGS = "strings:";

/** Strings to train on, to choose by, and to measure by; no writer is in two of them, where writers are known. */
export interface StringsData {
  readonly train: Strings;
  readonly validation: Strings;
  readonly test: Strings;
  /** Where the characters come from. */
  readonly origin: string;
  readonly notes: readonly string[];
}

/** How {@link openStrings} makes strings, beside where it looks for data. */
export interface OpenStringsOptions extends OpenOptions {
  /** Strings of an epoch; default 20,000. */
  readonly length?: number | undefined;
  /** Strings to choose by, and to measure by; default 1,000 and 3,000. */
  readonly validationLength?: number | undefined;
  readonly testLength?: number | undefined;
  /** Of what is drawn; default 0. */
  readonly seed?: number | undefined;
}

/** Part of the writers, or of the characters, from which the strings to choose by are made. */
const ASIDE = 0.1;
/** Characters of strings to choose and to measure by. */
const CHARACTERS = [4, 8] as const;
/** Keeps what is drawn for each part apart. */
const PARTS = { train: 0, validation: 1, test: 2 };

/**
 * Opens `strings:DATA` or `strings:DATA:STYLE`, where the data are a known name or a path, as `openData` takes them.
 * The style is that of the strings to choose and to measure by: "spaced" (default), "touching", "boxed" or "mixed"; those to train on
 * are always mixed.
 * @throws UsageError for data that are no characters or an unknown style  @throws DataError when the data are missing or wrong
 */
export async function openStrings(spec: string, options: OpenStringsOptions = {}): Promise<StringsData> {
  const { data, style } = parseSpec(spec);
  const { length, validationLength = 1000, testLength = 3000, seed = 0 } = options;
  const { train, test, origin, notes } = await openData(data, options);
  const writers = {
    train: await writersOf(train, "train", options),
    test: await writersOf(test, "test", options),
  };
  const parts = apart(train, writers.train);
  const measured = { style, characters: CHARACTERS, isEndless: false, printed: 0 } as const;
  return {
    train: stringsOf(parts.train, { length, seed: seed + PARTS.train, writers: parts.writers, split: "train" }),
    validation: stringsOf(parts.validation, {
      ...measured,
      length: validationLength,
      seed: seed + PARTS.validation,
      writers: parts.validationWriters,
      split: "validation",
    }),
    test: stringsOf(test, {
      ...measured,
      length: testLength,
      seed: seed + PARTS.test,
      writers: writers.test,
      split: "test",
    }),
    origin,
    notes: [
      ...notes,
      writers.train === undefined ? NO_WRITERS : "a string has one writer, and no writer is in two parts",
    ],
  };
}

const NO_WRITERS = "who wrote which character is not known, so a string has characters of several hands";

/** @throws UsageError */
function parseSpec(spec: string): { readonly data: string; readonly style: StyleName } {
  if (!spec.startsWith(STRINGS))
    throw new UsageError(`${spec}: strings are given as ${STRINGS}DATA, such as ${STRINGS}mnist`);
  const rest = spec.slice(STRINGS.length);
  const end = rest.lastIndexOf(":");
  const style = end < 0 ? "spaced" : rest.slice(end + 1);
  if (style in STYLES) return { data: end < 0 ? rest : rest.slice(0, end), style: style as StyleName };
  throw unknownName("style of strings", style, Object.keys(STYLES));
}

/** The characters to train on and those of other writers to choose by, each with its writers. */
function apart(
  dataset: ImageDataset,
  writers: Int32Array | undefined,
): {
  readonly train: ImageDataset;
  readonly validation: ImageDataset;
  readonly writers: Int32Array | undefined;
  readonly validationWriters: Int32Array | undefined;
} {
  const all = new Random(0, "split").shuffle([...new Set(writers ?? [])].sort((a, b) => a - b));
  const chosen = new Set(all.slice(0, Math.max(1, Math.round(ASIDE * all.length))));
  const { train, validation } =
    writers === undefined
      ? stratifiedSplit(dataset, ASIDE, 0)
      : splitBy(
          dataset,
          Uint8Array.from(writers, (writer) => (chosen.has(writer) ? 1 : 0)),
        );
  const take = (indices: Int32Array): Int32Array | undefined => writers && indices.map((index) => writers[index]);
  return {
    train: takeImages(dataset, train.indices),
    validation: takeImages(dataset, validation.indices),
    writers: take(train.indices),
    validationWriters: take(validation.indices),
  };
}

/** By the names of data sets: a folder beside theirs with a row for each sample, in whose third column the writer stands. */
const WRITERS: Readonly<Record<string, Readonly<Record<"train" | "test", string>> & { readonly folder: string }>> = {
  // QMNIST (C. Yadav and L. Bottou, arXiv 1905.10498) found out who wrote which digit of MNIST.
  mnist: {
    folder: "mnist-writers",
    train: "qmnist-train-labels-idx2-int.gz",
    test: "qmnist-test-labels-idx2-int.gz",
  },
};
/** Columns of the class and of the writer. */
const [CLASS, WRITER] = [0, 2];

/** Who wrote each sample; undefined where that is not known. @throws DataError for a file that is of other samples */
async function writersOf(
  dataset: ImageDataset,
  split: "train" | "test",
  { dataDir = defaultDataDir() }: OpenOptions,
): Promise<Int32Array | undefined> {
  const known = Object.hasOwn(WRITERS, dataset.name) ? WRITERS[dataset.name] : undefined;
  if (known === undefined || dataDir === undefined) return undefined;
  const path = join(dataDir, known.folder, known[split]);
  if ((await pathKind(path)) !== "file") return undefined;
  const { data, dims } = parseIdx(await readUnzipped(path), path);
  const columns = dims[1] ?? 0;
  // The file for testing goes on with pictures that MNIST lacks.
  const isRight =
    dims.length === 2 &&
    dims[0] >= dataset.length &&
    columns > WRITER &&
    dataset.labels.every((label, i) => data[i * columns + CLASS] === label);
  if (!isRight) throw new DataError(`${path}: its classes are not those of ${dataset.name}; it is of other samples`);
  return Int32Array.from(dataset.labels, (_, i) => data[i * columns + WRITER]);
}

/**
 * Any data as a folder of plain IDX files with both splits, so that they can be read while training (streamed-idx.ts):
 * pictures by class, CSV files, compressed IDX files and sets without a test split are packed once, piece by piece, into
 * the cache, and are found there until they change.
 */
import * as fs from "node:fs";
import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type CsvOptions, CsvReader } from "../../data/csv.ts";
import { classesOf, idxHeader, parseLabels, pictureDims, picturesShape, writeLabels } from "../../data/idx.ts";
import { type Preprocessing, preprocessedShape } from "../../data/preprocessing.ts";
import { FILE_NAMES, type FileRole, notesOf } from "../../data/sources.ts";
import { markAside } from "../../data/split.ts";
import { checkSpan, spanNotes, spanOf, toBytes, type ValueSpan } from "../../data/value-span.ts";
import { DataError } from "../../engine/errors.ts";
import { list, text } from "../../engine/schema.ts";
import { fileError, readFileChecked, writeFileAtomic } from "./atomic.ts";
import { makeFolder, pathKind, readUnzipped, sha256 } from "./files.ts";
import { decodePictures, listPictureFolder, type PictureList } from "./folder.ts";
import { CLASS_NAMES_FILE, csvFilesIn, idxFilesIn, readClassNames } from "./idx-folder.ts";
import { holdsBytes, idxPictures, idxRange, pictureHeader } from "./idx-pieces.ts";
import { beginsAsGzip, wholeLines } from "./pieces.ts";
import { streamIdx } from "./streamed-idx.ts";

type Split = "train" | "test";

export interface PackOptions {
  /** What pictures go through. */
  readonly preprocessing: Preprocessing;
  /** Part of each class that is put aside where there is no test split, and how it is drawn. */
  readonly aside: { readonly part: number; readonly seed: number };
  /** Where packed data are kept. */
  readonly cacheDir: string;
  /** Told where before anything is packed. */
  readonly onPack?: ((folder: string) => void) | undefined;
  /** What the numbers of IDX files mean, where it is known. */
  readonly span?: ValueSpan | undefined;
  readonly onPicture?: ((done: number, total: number) => void) | undefined;
}

export interface Packed {
  /** Has plain IDX files of both splits. */
  readonly folder: string;
  /** Whether the test split was put aside. */
  readonly isAside: boolean;
  /** Of pictures that were made so; of others, the files say nothing. */
  readonly polarity?: "light-on-dark" | undefined;
  /** What was changed or left aside, a sentence each. */
  readonly notes: readonly string[];
}

/** What the part to train on says of both. */
interface Learned {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly classes?: readonly string[] | undefined;
  readonly span?: ValueSpan | undefined;
  /** What was changed while packing. */
  readonly notes: readonly string[];
}

/** What there is, before it is read. */
interface Source {
  /** Files that the packed form depends on, beside the options. */
  readonly files: readonly string[];
  /** Whether it can be streamed as it is. */
  readonly isPlain: boolean;
  readonly hasTest: boolean;
  readonly polarity?: "light-on-dark" | undefined;
  /** Writes a split; that for testing comes after that for training, and gets what the latter returned. */
  readonly pack: (split: Split, into: string, train?: Learned) => Promise<Learned>;
}

/**
 * @param path a folder of pictures by class, of IDX or CSV files, or a CSV file
 * @throws DataError when the data are missing or wrong  @throws DuctusError when they cannot be written
 */
export async function packData(path: string, options: PackOptions): Promise<Packed> {
  const source = await sourceAt(path, options);
  const isAside = !source.hasTest;
  const { polarity } = source;
  if (source.isPlain && source.hasTest) return { folder: path, isAside, polarity, notes: [] };
  const name = await keyOf(path, source, options);
  const home = join(options.cacheDir, "packed");
  const target = join(home, name);
  const found = async (): Promise<Packed> => ({ folder: target, isAside, polarity, notes: await readNotes(target) });
  if ((await pathKind(target)) === "folder") return found();

  options.onPack?.(target);
  let temporary: string | undefined;
  try {
    await makeFolder(home);
    await removeAbandoned(home);
    temporary = await mkdtemp(join(home, `.${name}-`));
    const notes = await (isAside ? packAside(path, source, temporary, options.aside) : packBoth(source, temporary));
    await writeFileAtomic(join(temporary, NOTES_FILE), JSON.stringify(notes));
    await rename(temporary, target).catch(async (error: unknown) => {
      // Another process may have done the same in the meantime.
      if ((await pathKind(target)) !== "folder") throw error;
    });
  } catch (error) {
    throw fileError(error, "write", target);
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
  return found();
}

/** A list of what was changed or left aside, beside packed files. */
const NOTES_FILE = "notes.json";
const notesSchema = list(text);

async function readNotes(folder: string): Promise<readonly string[]> {
  const json = new TextDecoder().decode(await readFileChecked(join(folder, NOTES_FILE)));
  return notesSchema(JSON.parse(json), "");
}

async function packBoth(source: Source, into: string): Promise<readonly string[]> {
  const train = await source.pack("train", into);
  const test = await source.pack("test", into, train);
  return notesOf(train, test);
}

/** Packs all there is, and parts that. */
async function packAside(
  path: string,
  source: Source,
  into: string,
  { part, seed }: PackOptions["aside"],
): Promise<readonly string[]> {
  const all = source.isPlain ? path : join(into, "all");
  if (!source.isPlain) await makeFolder(all);
  const { notes } = source.isPlain ? { notes: [] } : await source.pack("train", all);
  const { dataset, close } = await streamIdx(all, { name: path });
  const writers = (["train", "test"] as const).map((split) => new SplitWriter(into, split, dataset.inputShape));
  try {
    const aside = markAside(dataset, part, seed);
    const labels: number[][] = [[], []];
    const pixels = new Uint8Array(writers[0].size);
    const target = new Int32Array(1);
    for (let i = 0; i < dataset.length; i++) {
      dataset.read([i], 0, 1, pixels, target);
      const to = aside[i];
      writers[to].put(pixels, labels[to].length);
      labels[to].push(target[0]);
    }
    for (const [i, writer] of writers.entries()) await writer.finish(Int32Array.from(labels[i]), dataset.classes);
  } finally {
    for (const writer of writers) writer.close();
    close();
  }
  if (!source.isPlain) await rm(all, { recursive: true });
  return notes;
}

/** As open-data.ts looks at a path. */
async function sourceAt(path: string, options: PackOptions): Promise<Source> {
  if ((await pathKind(path)) === "file") return csvSource(path);
  const idx = await idxFilesIn(path);
  if (idx !== undefined) return idxSource(path, idx, options.span);
  const csv = await csvFilesIn(path);
  return csv === undefined ? pictureSource(path, options) : csvSource(csv.train, csv.test);
}

async function pictureSource(folder: string, { preprocessing, onPicture }: PackOptions): Promise<Source> {
  const lists = await listPictureFolder(folder);
  const shape = preprocessedShape(preprocessing);
  return {
    files: [...lists.train.paths, ...(lists.test?.paths ?? [])],
    isPlain: false,
    hasTest: lists.test !== undefined,
    polarity: preprocessing.kind === "ink" ? "light-on-dark" : undefined,
    pack: async (split, into) => {
      const { paths, labels, classes } = lists[split] as PictureList;
      const writer = new SplitWriter(into, split, shape);
      try {
        await decodePictures(paths, { preprocessing, onProgress: onPicture }, (pixels, i) => writer.put(pixels, i));
        await writer.finish(labels, classes);
      } finally {
        writer.close();
      }
      return { classes, notes: [] };
    },
  };
}

function csvSource(train: string, test?: string): Source {
  const paths = { train, test };
  return {
    files: test === undefined ? [train] : [train, test],
    isPlain: false,
    hasTest: test !== undefined,
    pack: async (split, into, known) => packCsv(paths[split] as string, split, into, known),
  };
}

async function packCsv(path: string, split: Split, into: string, known?: Learned): Promise<Learned> {
  let writer: SplitWriter | undefined;
  const read = async (options: Partial<CsvOptions>): Promise<CsvReader> => {
    const reader = new CsvReader({ ...options, name: path });
    for await (const lines of wholeLines(path)) {
      reader.feed(lines, (pixels, index) => {
        writer ??= new SplitWriter(into, split, shapeOf(reader.shape));
        writer.put(pixels, index);
      });
    }
    return reader;
  };
  try {
    const { classes, height, width, span } = known ?? {};
    const reader = await read({ classes, height, width, span });
    const table = reader.finish();
    // The second time, the pixels are put where those of the first were.
    if (reader.mustRepeat) await read({ ...table });
    await writer?.finish(table.labels, table.classes);
    return table;
  } finally {
    writer?.close();
  }
}

async function idxSource(
  folder: string,
  files: Partial<Record<FileRole, string>>,
  known: ValueSpan | undefined,
): Promise<Source> {
  const { trainImages, testImages, testLabels } = files;
  const images = [trainImages, testImages].flatMap((name) => (name === undefined ? [] : [join(folder, name)]));
  return {
    files: Object.values(files).map((name) => join(folder, name)),
    isPlain: await arePlain(images, known),
    hasTest: testImages !== undefined || testLabels !== undefined,
    pack: async (split, into, train) => {
      const [imagesPath, labelsPath] = ([`${split}Images`, `${split}Labels`] as const).map((role) => {
        const name = files[role];
        if (name === undefined) throw new DataError(`${folder}: ${FILE_NAMES[role][0]} (or .gz) is missing`);
        return join(folder, name);
      });
      const classes = train?.classes ?? (await readClassNames(folder));
      return packIdx(imagesPath, labelsPath, split, into, { notes: [], ...train, classes, span: train?.span ?? known });
    },
  };
}

/** Whether files of pictures can be read as they are. */
async function arePlain(paths: readonly string[], known: ValueSpan | undefined): Promise<boolean> {
  for (const path of paths) if ((await beginsAsGzip(path)) || !(await holdsBytes(path, known))) return false;
  return true;
}

async function packIdx(
  imagesPath: string,
  labelsPath: string,
  split: Split,
  into: string,
  known: Learned,
): Promise<Learned> {
  const shape = picturesShape(await pictureHeader(imagesPath), imagesPath);
  const labels = parseLabels({ name: labelsPath, bytes: await readUnzipped(labelsPath) }, shape[0], imagesPath);
  const classes = known.classes ?? classesOf(labels, labelsPath);
  const range = await idxRange(imagesPath);
  const span = known.span ?? spanOf(range, imagesPath);
  checkSpan(range, span, imagesPath);
  const writer = new SplitWriter(into, split, shape.slice(1));
  try {
    const pixels = new Uint8Array(writer.size);
    let index = 0;
    for await (const values of idxPictures(imagesPath)) {
      toBytes(values, span, pixels);
      writer.put(pixels, index++);
    }
    await writer.finish(Int32Array.from(labels), classes);
  } finally {
    writer.close();
  }
  return { classes, span, notes: spanNotes(span, range, imagesPath, known.span !== undefined) };
}

const shapeOf = ({ height, width, channels }: CsvReader["shape"]): readonly number[] => [height, width, channels];

/** One split on its way to the disk: pictures at their places, then what stands before them, and the labels. */
class SplitWriter {
  /** Bytes of a picture. */
  readonly size: number;
  readonly #folder: string;
  readonly #split: Split;
  readonly #shape: readonly number[];
  readonly #path: string;
  readonly #offset: number;
  #file: number | undefined;

  constructor(folder: string, split: Split, shape: readonly number[]) {
    this.size = shape.reduce((product, side) => product * side, 1);
    this.#folder = folder;
    this.#split = split;
    this.#shape = shape;
    this.#path = join(folder, FILE_NAMES[`${split}Images`][0]);
    this.#offset = idxHeader("uint8", pictureDims(0, shape)).length;
    this.#file = fs.openSync(this.#path, "wx");
  }

  put(pixels: Uint8Array, index: number): void {
    this.#write(pixels, this.#offset + index * this.size);
  }

  async finish(labels: Int32Array, classes: readonly string[]): Promise<void> {
    this.#write(idxHeader("uint8", pictureDims(labels.length, this.#shape)), 0);
    fs.fsyncSync(this.#file as number);
    this.close();
    const path = join(this.#folder, FILE_NAMES[`${this.#split}Labels`][0]);
    await writeFileAtomic(path, writeLabels(labels, classes.length));
    if (this.#split === "train") await writeFileAtomic(join(this.#folder, CLASS_NAMES_FILE), JSON.stringify(classes));
  }

  close(): void {
    if (this.#file !== undefined) fs.closeSync(this.#file);
    this.#file = undefined;
  }

  #write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(this.#file as number, bytes, done, bytes.length - done, position + done);
    }
  }
}

const STATS_AT_A_TIME = 256;
/** Counts up when the same files are packed into something else than before. */
const FORM = 2;

/** Another name where anything is different: the files, by name, size and time, and what is done to them. */
async function keyOf(path: string, { files, hasTest }: Source, options: PackOptions): Promise<string> {
  const how = [FORM, resolve(path), hasTest ? null : options.aside, options.preprocessing, options.span ?? null];
  const parts = [JSON.stringify(how)];
  for (let i = 0; i < files.length; i += STATS_AT_A_TIME) {
    const some = files.slice(i, i + STATS_AT_A_TIME);
    const lines = some.map(async (file) => {
      const { size, mtimeMs } = await stat(file);
      return JSON.stringify([file, size, mtimeMs]);
    });
    parts.push(...(await Promise.all(lines)));
  }
  const encoder = new TextEncoder();
  return sha256(parts.map((part) => encoder.encode(part))).slice(0, 16);
}

const DAY = 86_400_000;

/** Removes what a killed process began. */
async function removeAbandoned(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.startsWith(".")) continue;
    const path = join(home, name);
    const begun = (await stat(path).catch(() => undefined))?.mtimeMs; // undefined: its owner was faster
    if (begun !== undefined && Date.now() - begun > DAY) await rm(path, { recursive: true, force: true });
  }
}

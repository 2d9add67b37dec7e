/**
 * Any data as a folder of plain IDX files with both splits, so that they can be read while training (streamed-idx.ts):
 * pictures by class, CSV files, compressed IDX files and sets without a test split are packed once, piece by piece, into
 * the cache, and are found there until they change.
 */
import * as fs from "node:fs";
import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { SplitName } from "../../data/dataset.ts";
import { fingerprintEach } from "../../data/fingerprint.ts";
import { type CsvOptions, CsvReader } from "../../data/formats/csv.ts";
import {
  classesOf,
  idxHeader,
  parseLabels,
  pictureDims,
  picturesShape,
  renumbered,
  writeLabels,
} from "../../data/formats/idx.ts";
import { isTransposed, transposedNote, transposeTo } from "../../data/formats/transpose.ts";
import { FILE_NAMES, notesOf } from "../../data/sources.ts";
import { markAside, markGroupsAside } from "../../data/split.ts";
import { settleSpan, spanNotes } from "../../data/value-range.ts";
import { toBytes, type ValueSpan } from "../../data/value-span.ts";
import { DataError } from "../../engine/errors.ts";
import { type Preprocessing, preprocessedShape } from "../../picture/preprocessing.ts";
import { fileError, writeFileAtomic } from "./atomic.ts";
import { makeFolder, pathKind, readUnzipped, sha256 } from "./files.ts";
import { PictureReader } from "./folder.ts";
import type { PictureList } from "./folder-layout.ts";
import { CLASS_NAMES_FILE, type ClassNames, classNamesFor, type IdxPair, idxFilesIn } from "./idx-folder.ts";
import { holdsBytes, idxPictures, idxRange, pictureHeader } from "./idx-pieces.ts";
import type { Layout } from "./layout.ts";
import { type Fingerprints, type Found, type PackedRecord, readRecord, writeRecord } from "./packed-record.ts";
import { beginsAsGzip, wholeLines } from "./pieces.ts";
import { streamIdx, streamParts } from "./streamed-idx.ts";

export interface PackOptions {
  /** What pictures go through. */
  readonly preprocessing: Preprocessing;
  /** Part of each class that is put aside where there is no test split, and how it is drawn. */
  readonly aside: { readonly part: number; readonly seed: number };
  /** Where packed data are kept. */
  readonly cacheDir: string;
  /** Leaves out pictures of a folder that cannot be read or are blank, instead of refusing the folder. */
  readonly skipUnreadable?: boolean | undefined;
  /** Told where before anything is packed, and what was wrong with what was packed there before. */
  readonly onPack?: ((folder: string, damage?: string) => void) | undefined;
  /** What is wrong with what was packed before: it is packed once more, and replaced. */
  readonly damage?: string | undefined;
  /** The names of the classes, where they are known. */
  readonly classes?: readonly string[] | undefined;
  /** What the numbers of IDX files mean, where it is known. */
  readonly span?: ValueSpan | undefined;
  readonly onPicture?: ((done: number, total: number) => void) | undefined;
}

export interface Packed extends Found {
  /** Has plain IDX files of both splits. */
  readonly folder: string;
  /** Whether the test split was put aside. */
  readonly isAside: boolean;
  readonly hasValidation: boolean;
  /** Of pictures that were made so; of others, the files say nothing. */
  readonly polarity?: "light-on-dark" | undefined;
  /** What the parts were when they were packed; absent where files are streamed as they are. */
  readonly fingerprints?: Fingerprints | undefined;
}

/** What the part to train on says of all. */
interface Learned {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  readonly classes?: readonly string[] | undefined;
  /** The label of each class in IDX files, where these are not 0, 1, 2 … */
  readonly numbers?: readonly number[] | undefined;
  /** Number of the writer of each sample. */
  readonly writers?: Int32Array | undefined;
  /** Whether what was put aside are whole writers. */
  readonly isByWriter?: boolean | undefined;
  readonly span?: ValueSpan | undefined;
  /** What was changed while packing. */
  readonly notes: readonly string[];
}

/** What there is, before it is read. */
interface Source {
  /** Files that the packed form depends on, beside the options. */
  readonly files: readonly string[];
  /** The folder of files that can be streamed as they are. */
  readonly plain: string | undefined;
  readonly parts: readonly SplitName[];
  readonly polarity?: "light-on-dark" | undefined;
  /** Writes a part; that for training comes before the others, which get what it returned. */
  readonly pack: (split: SplitName, into: string, train?: Learned) => Promise<Learned>;
  /** What was found in all parts, beside what `pack` says. @throws DataError for what makes them unusable */
  readonly close?: (() => Found) | undefined;
}

/**
 * @param path where the data lie  @param layout what lies there
 * @throws DamagedPack when what was packed before cannot be read: call again with that as `damage`  @throws DataError when the data are missing or wrong  @throws DuctusError when they cannot be written
 */
export async function packData(path: string, layout: Layout, options: PackOptions): Promise<Packed> {
  const source = await sourceOf(layout, options);
  const { polarity, parts } = source;
  if (!parts.includes("train")) {
    throw new DataError(`${path}: there is a ${parts.join(" and a ")} part only, so nothing to train on`);
  }
  const isAside = !parts.includes("test");
  const known = { isAside, hasValidation: parts.includes("validation"), polarity };
  if (source.plain !== undefined && !isAside) return { folder: source.plain, ...known, notes: [] };
  const name = await keyOf(path, source, options);
  const home = join(options.cacheDir, "packed");
  const target = join(home, name);
  const found = async (): Promise<Packed> => ({ folder: target, ...known, ...(await readRecord(target)) });
  const { damage } = options;
  if (damage === undefined && (await pathKind(target)) === "folder") return found();

  options.onPack?.(target, damage);
  let temporary: string | undefined;
  try {
    await makeFolder(home);
    await removeAbandoned(home);
    temporary = await mkdtemp(join(home, `.${name}-`));
    const train = isAside
      ? await packAside(path, source, temporary, options.aside)
      : await source.pack("train", temporary);
    const learned = [train];
    for (const part of parts) if (part !== "train") learned.push(await source.pack(part, temporary, train));
    const closed: Found = source.close?.() ?? { notes: [] };
    const { isByWriter, span } = train;
    const others = parts.filter((part) => part !== "train");
    const fingerprints = await fingerprintsIn(temporary, isAside ? [...others, "test"] : others);
    const all: PackedRecord = { ...closed, isByWriter, span, notes: notesOf(...learned, closed), fingerprints };
    await writeRecord(temporary, all);
    if (damage !== undefined) {
      // Who reads the old files goes on with them. Another process may have taken them away.
      await rename(target, `${temporary}-old`).catch(() => {});
      await rm(`${temporary}-old`, { recursive: true, force: true });
    }
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

/** What parts are found to be, as whoever streams them will find them. */
async function fingerprintsIn(folder: string, parts: readonly SplitName[]): Promise<Fingerprints> {
  const { datasets, close } = await streamParts(folder, parts, {});
  try {
    return await fingerprintEach(datasets, sha256);
  } finally {
    close();
  }
}

/** Packs all there is to train on, and parts that. @returns what the source says of it */
async function packAside(
  path: string,
  source: Source,
  into: string,
  { part, seed }: PackOptions["aside"],
): Promise<Learned> {
  const isPlain = source.plain !== undefined;
  const all = source.plain ?? join(into, "all");
  if (!isPlain) await makeFolder(all);
  let learned: Learned = isPlain ? { notes: [] } : await source.pack("train", all);
  const { dataset, close } = await streamIdx(all, { name: path });
  const writers = (["train", "test"] as const).map((split) => new SplitWriter(into, split, dataset.inputShape));
  try {
    const byWriter = learned.writers && markGroupsAside(dataset, learned.writers, part, seed);
    const aside = byWriter ?? markAside(dataset, part, seed);
    if (byWriter !== undefined) learned = { ...learned, isByWriter: true };
    const labels: number[][] = [[], []];
    const one = { x: new Uint8Array(writers[0].size), y: new Int32Array(1) };
    for (let i = 0; i < dataset.length; i++) {
      dataset.read([i], 0, 1, one);
      const to = aside[i];
      writers[to].put(one.x, labels[to].length);
      labels[to].push(one.y[0]);
    }
    for (const [i, writer] of writers.entries()) await writer.finish(Int32Array.from(labels[i]), dataset.classes);
  } finally {
    for (const writer of writers) writer.close();
    close();
  }
  if (!isPlain) await rm(all, { recursive: true });
  return learned;
}

/** How each kind of data is packed. */
const SOURCES: {
  readonly [K in Layout["kind"]]: (layout: Layout & { kind: K }, options: PackOptions) => Promise<Source>;
} = {
  idx: idxSource,
  csv: async ({ parts, notes }) => csvSource(new Map(parts), notes),
  pictures: async (layout, options) => pictureSource(layout, options),
};

function sourceOf<K extends Layout["kind"]>(layout: Layout & { kind: K }, options: PackOptions): Promise<Source> {
  return SOURCES[layout.kind as K](layout, options);
}

function pictureSource(layout: Layout & { kind: "pictures" }, options: PackOptions): Source {
  const { preprocessing, skipUnreadable, onPicture: onProgress } = options;
  const { folder } = layout;
  const { parts, notes } = layout.lists;
  const lists = new Map(parts);
  const shape = preprocessedShape(preprocessing);
  const reader = new PictureReader(folder, { preprocessing, skipUnreadable, onProgress });
  return {
    files: parts.flatMap(([, { paths }]) => paths),
    plain: undefined,
    parts: [...lists.keys()],
    polarity: preprocessing.kind === "ink" ? "light-on-dark" : undefined,
    pack: async (split, into) => {
      const list = lists.get(split) as PictureList;
      const { classes } = list;
      const writer = new SplitWriter(into, split, shape);
      try {
        const { labels, writers } = await reader.read(split, list, (pixels, index) => writer.put(pixels, index));
        await writer.finish(labels, classes);
        return { classes, writers, notes: [] };
      } finally {
        writer.close();
      }
    },
    close: () => {
      const { preprocessing: used, notes: found } = reader.close();
      return { preprocessing: used, notes: [...notes, ...found] };
    },
  };
}

function csvSource(paths: ReadonlyMap<SplitName, string>, notes: readonly string[]): Source {
  return {
    files: [...paths.values()],
    plain: undefined,
    parts: [...paths.keys()],
    pack: async (split, into, known) => packCsv(paths.get(split) as string, split, into, known),
    close: () => ({ notes }),
  };
}

async function packCsv(path: string, split: SplitName, into: string, known?: Learned): Promise<Learned> {
  let writer: SplitWriter | undefined;
  const read = async (options: Partial<CsvOptions>): Promise<CsvReader> => {
    const reader = new CsvReader({ ...options, name: path });
    for await (const lines of wholeLines(path)) {
      reader.feed(lines, (pixels, index) => {
        writer ??= new SplitWriter(into, split, shapeOf(reader.shape), isTransposed(path));
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
    return { ...table, notes: withTransposed(table.notes, path) };
  } finally {
    writer?.close();
  }
}

async function idxSource(
  { folder, set }: Layout & { kind: "idx" },
  { span: known, classes: names }: PackOptions,
): Promise<Source> {
  const files = (await idxFilesIn(folder, set)) ?? new Map<SplitName, IdxPair>();
  const pairs = [...files.values()];
  const images = pairs.map((pair) => pair.images);
  const named: ClassNames = names === undefined ? await classNamesFor(folder, files) : { classes: names };
  const isPlain = set === undefined && named.numbers === undefined && (await arePlain(images, known));
  return {
    files: pairs.flatMap((pair) => [pair.images, pair.labels]),
    plain: isPlain ? folder : undefined,
    parts: [...files.keys()],
    pack: async (split, into, train) => {
      const classes = named.classes ?? train?.classes;
      const span = train?.span ?? known;
      return packIdx(files.get(split) as IdxPair, split, into, { notes: [], ...named, classes, span });
    },
  };
}

/** Whether files of pictures can be read as they are. */
async function arePlain(paths: readonly string[], known: ValueSpan | undefined): Promise<boolean> {
  for (const path of paths) {
    if (isTransposed(path) || (await beginsAsGzip(path)) || !(await holdsBytes(path, known))) return false;
  }
  return true;
}

async function packIdx(
  { images: imagesPath, labels: labelsPath }: IdxPair,
  split: SplitName,
  into: string,
  known: Learned,
): Promise<Learned> {
  const shape = picturesShape(await pictureHeader(imagesPath), imagesPath);
  const found = parseLabels({ name: labelsPath, bytes: await readUnzipped(labelsPath) }, shape[0], imagesPath);
  const labels = renumbered(found, known.numbers, labelsPath);
  const classes = known.classes ?? classesOf(labels, labelsPath);
  const range = await idxRange(imagesPath);
  const span = settleSpan(range, known, imagesPath);
  const writer = new SplitWriter(into, split, shape.slice(1), isTransposed(imagesPath));
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
  const notes = spanNotes(span, range, imagesPath, known);
  return { classes, span, notes: withTransposed(notes, imagesPath) };
}

function withTransposed(notes: readonly string[], path: string): readonly string[] {
  return isTransposed(path) ? [...notes, transposedNote(path)] : notes;
}

const shapeOf = ({ height, width, channels }: CsvReader["shape"]): readonly number[] => [height, width, channels];

/** One split on its way to the disk: pictures at their places, then what stands before them, and the labels. */
class SplitWriter {
  /** Bytes of a picture. */
  readonly size: number;
  readonly #folder: string;
  readonly #split: SplitName;
  readonly #shape: readonly number[];
  readonly #path: string;
  readonly #offset: number;
  /** Of pictures that lie on their side: room for one, upright. */
  readonly #upright: Uint8Array | undefined;
  #file: number | undefined;

  /** @param shape of the pictures that come  @param isTransposed whether rows and columns are to be exchanged */
  constructor(folder: string, split: SplitName, shape: readonly number[], isTransposed = false) {
    this.size = shape.reduce((product, side) => product * side, 1);
    this.#folder = folder;
    this.#split = split;
    this.#shape = shape;
    this.#upright = isTransposed ? new Uint8Array(this.size) : undefined;
    this.#path = join(folder, FILE_NAMES[`${split}Images`][0]);
    this.#offset = idxHeader("uint8", pictureDims(0, shape)).length;
    this.#file = fs.openSync(this.#path, "wx");
  }

  get #uprightShape(): readonly number[] {
    const [height, width, channels = 1] = this.#shape;
    return this.#upright === undefined ? this.#shape : [width, height, channels];
  }

  put(pixels: Uint8Array, index: number): void {
    const [height, width, channels = 1] = this.#shape;
    if (this.#upright !== undefined) transposeTo(pixels, [height, width, channels], this.#upright);
    this.#write(this.#upright ?? pixels, this.#offset + index * this.size);
  }

  async finish(labels: Int32Array, classes: readonly string[]): Promise<void> {
    this.#write(idxHeader("uint8", pictureDims(labels.length, this.#uprightShape)), 0);
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
const FORM = 5;

/** Another name where anything is different: the files, by name, size and time, and what is done to them. */
async function keyOf(path: string, { files, parts: names }: Source, options: PackOptions): Promise<string> {
  const aside = names.includes("test") ? null : options.aside;
  const how = [
    FORM,
    resolve(path),
    aside,
    options.preprocessing,
    options.span ?? null,
    options.classes ?? null,
    options.skipUnreadable ?? false,
  ];
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

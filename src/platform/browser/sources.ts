/**
 * Data in a web page: the known data sets, from one's own site or from their mirrors; IDX and CSV files from wherever
 * their bytes are; pictures that a user drew, dropped or photographed.
 */
import { ImageDataset } from "../../data/dataset.ts";
import { webSha256 } from "../../data/fingerprint.ts";
import { gunzip, isGzip } from "../../data/gzip.ts";
import { datasetFromIdx, type IdxDescription } from "../../data/idx.ts";
import { MNIST_PREPROCESSING, type Preprocessing, preprocessedShape } from "../../data/preprocessing.ts";
import {
  describeSource,
  FILE_ROLES,
  type FileRole,
  findSource,
  type LoadedData,
  notPublished,
  type SourceRecord,
} from "../../data/sources.ts";
import { BYTES } from "../../data/value-span.ts";
import { DataError } from "../../engine/errors.ts";
import { filled, type Optional } from "../../engine/options.ts";
import { nameOf, readBytes, type Source } from "./bytes.ts";
import { decodePicture, type PictureSource } from "./pictures.ts";

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
    return datasetFromIdx({ name, classes, span: BYTES, polarity, origin: place, images, labels });
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

async function readUnzipped(source: Source): Promise<Uint8Array> {
  const bytes = await readBytes(source);
  return isGzip(bytes) ? gunzip(bytes, nameOf(source, "file")) : bytes;
}

/** What is known of a user's own files beside their content. */
export type OwnDescription = Optional<Pick<IdxDescription, "name" | "classes" | "span" | "polarity" | "origin">>;

/** A data set from a pair of IDX files, gzip or plain; the polarity is found from the pictures unless it is given. */
export async function readIdx(images: Source, labels: Source, known: OwnDescription = {}): Promise<ImageDataset> {
  const name = nameOf(images, "pictures");
  const [imageBytes, labelBytes] = await Promise.all([images, labels].map(readUnzipped));
  const dataset = datasetFromIdx({
    ...filled({ name }, known),
    images: { name, bytes: imageBytes },
    labels: { name: nameOf(labels, "labels"), bytes: labelBytes },
  });
  return known.polarity === undefined ? detected(dataset) : dataset;
}

/** A data set from a CSV file (see `parseCsv`), gzip or plain. */
export async function readCsv(source: Source, known: OwnDescription = {}): Promise<ImageDataset> {
  const name = nameOf(source, "pictures");
  const { parseCsv } = await import("../../data/csv.ts");
  const dataset = parseCsv(await readUnzipped(source), filled({ name, origin: `pictures in ${name}` }, known));
  return known.polarity === undefined ? detected(dataset) : dataset;
}

// What looks at single pictures is loaded when somebody has some: training on a known data set does without.
const detected = async (dataset: ImageDataset): Promise<ImageDataset> =>
  (await import("../../data/polarity.ts")).withDetectedPolarity(dataset);

/** How pictures become samples. */
export interface PictureOptions {
  readonly name?: string | undefined;
  /** Pictures come in all sizes; this makes them alike. Default: MNIST's. */
  readonly preprocessing?: Preprocessing | undefined;
}

/**
 * A data set of pictures by class, in the order given.
 * @throws DataError when a class has none, there is one class only, or a picture cannot be read or is blank
 */
export async function readPictures(
  byClass: Readonly<Record<string, readonly PictureSource[]>>,
  { name = "pictures", preprocessing = MNIST_PREPROCESSING }: PictureOptions = {},
): Promise<ImageDataset> {
  const classes = Object.keys(byClass);
  if (classes.length < 2) throw new DataError(`${name}: ${classes.length} classes; there is nothing to tell apart`);
  const empty = classes.find((each) => byClass[each].length === 0);
  if (empty !== undefined) throw new DataError(`${name}: class "${empty}" has no pictures`);
  const [height, width, channels] = preprocessedShape(preprocessing);
  const size = height * width * channels;
  const labels = Int32Array.from(classes.flatMap((each, label) => byClass[each].map(() => label)));
  const images = new Uint8Array(labels.length * size);
  const { preprocessSample } = await import("../../data/preprocess.ts");
  // One after the other: decoded photographs are large.
  let sample = 0;
  for (const each of classes) {
    for (const [i, source] of byClass[each].entries()) {
      const picture = await decodePicture(source);
      images.set(preprocessSample(preprocessing, picture, `${name}: ${each}, picture ${i + 1}`), size * sample++);
    }
  }
  const dataset = new ImageDataset({ name, images, labels, height, width, channels, classes, origin: name });
  return preprocessing.kind === "ink" ? dataset : detected(dataset);
}

/** IDX files that are read while training, instead of before: see data/streamed.ts. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { SplitName } from "../../data/dataset.ts";
import {
  checkIdxLength,
  classesOf,
  MAX_IDX_HEADER,
  parseIdxHeader,
  parseLabels,
  picturesShape,
} from "../../data/formats/idx.ts";
import { isGzip } from "../../data/gzip.ts";
import { FILE_NAMES } from "../../data/sources.ts";
import { type ByteSource, StreamedDataset, type StreamedSource } from "../../data/streamed.ts";
import { DataError } from "../../engine/errors.ts";
import type { Optional } from "../../engine/options.ts";
import { fileError } from "./atomic.ts";
import { readUnzipped } from "./files.ts";
import { idxFilesIn, readClassNames } from "./idx-folder.ts";

/** How an IDX folder is streamed. */
export interface StreamOptions
  extends Optional<Pick<StreamedSource, "name" | "classes" | "polarity" | "valueSpan" | "memory">> {
  /** Default "train". */
  readonly split?: SplitName | undefined;
}

/** A data set that holds a file open. */
export interface OpenStream {
  readonly dataset: StreamedDataset;
  /** After this, the data set cannot be read any more. */
  close(): void;
}

/**
 * Opens a folder of IDX files under MNIST's names as a data set whose pictures are read from the disk while they are
 * used; labels are read at once. The file of pictures must not be compressed.
 * @throws DataError when files are missing, compressed or not what they should be
 */
export async function streamIdx(folder: string, options: StreamOptions = {}): Promise<OpenStream> {
  const { split = "train", name = folder } = options;
  const pair = (await idxFilesIn(folder))?.get(split);
  if (pair === undefined) throw new DataError(`${folder}: ${FILE_NAMES[`${split}Images`][0]} is missing`);
  const { labels: labelsPath } = pair;
  const file = openFile(pair.images);
  try {
    const [count, height, width, channels] = picturesShape(file.header, file.name);
    if (file.header.type !== "uint8") {
      throw new DataError(`${file.name}: only bytes can be streamed as they are, not ${file.header.type}`);
    }
    const labels = parseLabels({ name: labelsPath, bytes: await readUnzipped(labelsPath) }, count, file.name);
    const classes = options.classes ?? (await readClassNames(folder)) ?? classesOf(labels, labelsPath);
    const { polarity, valueSpan, memory } = options;
    const shape = { offset: file.header.offset, height, width, channels };
    const origin = `${file.name}, read while it is used`;
    const dataset = new StreamedDataset({
      name,
      bytes: file,
      ...shape,
      labels,
      classes,
      polarity,
      valueSpan,
      origin,
      memory,
      split,
    });
    return { dataset, close: file.close };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Parts of one folder, open. */
export interface OpenParts {
  readonly datasets: Readonly<Partial<Record<SplitName, StreamedDataset>>> & { readonly train: StreamedDataset };
  /** After this, none of them can be read any more. */
  close(): void;
}

/**
 * {@link streamIdx} for the training part and others; all have the classes of the first, even where another lacks the last ones.
 * @throws DataError as that does; then none is left open
 */
export async function streamParts(
  folder: string,
  others: readonly SplitName[],
  options: Omit<StreamOptions, "split">,
): Promise<OpenParts> {
  const open: OpenStream[] = [];
  const close = (): void => {
    for (const part of open) part.close();
  };
  const add = async (more: StreamOptions): Promise<StreamedDataset> => {
    const part = await streamIdx(folder, { ...options, ...more });
    open.push(part);
    return part.dataset;
  };
  try {
    const train = await add({ split: "train" });
    const datasets: Partial<Record<SplitName, StreamedDataset>> = {};
    for (const split of others) datasets[split] = await add({ split, classes: train.classes });
    return { datasets: { ...datasets, train }, close };
  } catch (error) {
    close();
    throw error;
  }
}

function openFile(path: string): ByteSource & { header: ReturnType<typeof parseIdxHeader>; close: () => void } {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw fileError(error, "read", path);
  }
  const read = (into: Uint8Array, position: number): void => {
    try {
      for (let done = 0; done < into.length; ) {
        const count = readSync(file, into, done, into.length - done, position + done);
        if (count === 0) throw new DataError(`${path}: the file has become shorter while it was read`);
        done += count;
      }
    } catch (error) {
      throw fileError(error, "read", path);
    }
  };
  try {
    const { size } = fstatSync(file);
    const beginning = new Uint8Array(Math.min(size, MAX_IDX_HEADER));
    read(beginning, 0);
    if (isGzip(beginning)) {
      throw new DataError(`${path}: pictures can only be streamed from an uncompressed file; unpack it with gunzip`);
    }
    const header = parseIdxHeader(beginning, path);
    checkIdxLength(header, size, path);
    return { name: path, read, header, close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    throw fileError(error, "read", path);
  }
}

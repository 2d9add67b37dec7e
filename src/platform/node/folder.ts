/** Data sets of pictures sorted into one folder per class, with or without a test part of their own. */
import { extname, join } from "node:path";
import { ImageDataset } from "../../data/dataset.ts";
import { withDetectedPolarity } from "../../data/polarity.ts";
import { preprocessSample } from "../../data/preprocess.ts";
import { type Preprocessing, preprocessedShape } from "../../data/preprocessing.ts";
import { DataError } from "../../engine/errors.ts";
import { listFolder, pathKind } from "./files.ts";
import { decodeImage, PICTURE_EXTENSIONS } from "./images.ts";

/** A data set, of which `test` is missing where its author made none. */
export interface Parts {
  readonly train: ImageDataset;
  readonly test?: ImageDataset | undefined;
  /** What was left aside beside what the parts say themselves, a sentence each. */
  readonly notes?: readonly string[] | undefined;
}

/** How pictures are decoded. */
export interface FolderOptions {
  /** Pictures come in all sizes; this makes them alike. */
  readonly preprocessing: Preprocessing;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const SPLITS = ["train", "test"] as const;
/** Decoders at work at a time. */
const PARALLEL = 8;

/** Pictures that are there, by class. */
export interface PictureList {
  readonly folder: string;
  readonly classes: readonly string[];
  readonly paths: readonly string[];
  /** Class index of each. */
  readonly labels: Int32Array;
}

/** What a folder of pictures by class holds; `test` is missing where its author made none. */
export interface PictureLists {
  readonly train: PictureList;
  readonly test?: PictureList | undefined;
}

/**
 * Lists `folder/CLASS/*.png` (also .jpg, .jpeg, .webp), or `folder/train/CLASS/…` with `folder/test/CLASS/…`. Classes
 * and files are sorted by name, numbers by value.
 * @throws DataError when a class has no pictures or there is one class only
 */
export async function listPictureFolder(folder: string): Promise<PictureLists> {
  const names = await subfolders(folder);
  if (!names.includes("train")) return { train: await listClasses(folder) };
  const stray = names.filter((name) => name !== "train" && name !== "test");
  if (stray.length > 0) {
    throw new DataError(`${folder}: beside train there is ${stray.join(", ")}; expected train and test only`);
  }
  const train = await listClasses(join(folder, SPLITS[0]));
  if (!names.includes("test")) return { train };
  return { train, test: await listClasses(join(folder, SPLITS[1]), train.classes) };
}

/** Reads what {@link listPictureFolder} lists. @throws DataError as it does, and when a picture cannot be read or is blank */
export async function readPictureFolder(folder: string, options: FolderOptions): Promise<Parts> {
  const { train, test } = await listPictureFolder(folder);
  return { train: await readPictures(train, options), ...(test && { test: await readPictures(test, options) }) };
}

async function listClasses(folder: string, expected?: readonly string[]): Promise<PictureList> {
  const classes = await subfolders(folder);
  if (classes.length === 0) {
    throw new DataError(`${folder}: no folders of pictures; expected ${join(folder, "CLASS", "*.png")}`);
  }
  if (classes.length === 1) {
    throw new DataError(`${folder}: only one class, "${classes[0]}"; there is nothing to tell it from`);
  }
  if (expected !== undefined && expected.join("/") !== classes.join("/")) {
    throw new DataError(`${folder}: classes ${classes.join(", ")} differ from those of train, ${expected.join(", ")}`);
  }
  const paths: string[] = [];
  const labels: number[] = [];
  for (const [label, className] of classes.entries()) {
    const files = (await listFolder(join(folder, className))).filter(isPicture);
    if (files.length === 0) {
      const known = PICTURE_EXTENSIONS.join(", ");
      throw new DataError(`${join(folder, className)}: class "${className}" has no pictures (${known})`);
    }
    for (const file of files) {
      paths.push(join(folder, className, file));
      labels.push(label);
    }
  }
  return { folder, classes, paths, labels: Int32Array.from(labels) };
}

async function readPictures(list: PictureList, options: FolderOptions): Promise<ImageDataset> {
  const { folder, classes, paths, labels } = list;
  const [height, width, channels] = preprocessedShape(options.preprocessing);
  const size = height * width * channels;
  const images = new Uint8Array(paths.length * size);
  await decodePictures(paths, options, (pixels, index) => images.set(pixels, index * size));
  const origin = `pictures in ${folder}`;
  const dataset = new ImageDataset({ name: folder, images, labels, height, width, channels, classes, origin });
  return options.preprocessing.kind === "ink" ? dataset : withDetectedPolarity(dataset);
}

/** Decodes and preprocesses, several at a time; `put` is told the place of each, whichever is done first. */
export async function decodePictures(
  paths: readonly string[],
  { preprocessing, onProgress }: FolderOptions,
  put: (pixels: Uint8Array, index: number) => void,
): Promise<void> {
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < paths.length) {
      const index = next++;
      const picture = await decodeImage(paths[index]);
      put(preprocessSample(preprocessing, picture, paths[index]), index);
      onProgress?.(++done, paths.length);
    }
  };
  const ends = await Promise.allSettled(
    Array.from({ length: PARALLEL }, () =>
      work().catch((error: unknown) => {
        next = paths.length;
        throw error;
      }),
    ),
  );
  // Not before all have stopped: nothing may be put anywhere afterwards.
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** Folders in a folder; a link to a folder is one. */
async function subfolders(folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const name of await listFolder(folder)) {
    if ((await pathKind(join(folder, name))) === "folder") names.push(name);
  }
  return names;
}

function isPicture(name: string): boolean {
  return (PICTURE_EXTENSIONS as readonly string[]).includes(extname(name).toLowerCase());
}

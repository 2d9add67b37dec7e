/** Data sets of pictures sorted into one folder per class, with or without a test part of their own. */
import { extname, join } from "node:path";
import { preprocessSample } from "../../data/conform.ts";
import { ImageDataset } from "../../data/dataset.ts";
import { withDetectedPolarity } from "../../data/polarity.ts";
import { type Preprocessing, preprocessedShape } from "../../data/preprocess.ts";
import { DataError } from "../../engine/errors.ts";
import { listFolder, pathKind } from "./files.ts";
import { decodeImage, PICTURE_EXTENSIONS } from "./images.ts";

/** A data set, of which `test` is missing where its author made none. */
export interface Parts {
  readonly train: ImageDataset;
  readonly test?: ImageDataset;
}

/** How pictures are decoded. */
export interface FolderOptions {
  /** Pictures come in all sizes; this makes them alike. */
  readonly preprocessing: Preprocessing;
  readonly onProgress?: (done: number, total: number) => void;
}

const SPLITS = ["train", "test"] as const;
/** Decoders at work at a time. */
const PARALLEL = 8;

/**
 * Reads `folder/CLASS/*.png` (also .jpg, .jpeg, .webp), or `folder/train/CLASS/…` with `folder/test/CLASS/…`. Classes
 * and files are sorted by name, numbers by value.
 * @throws DataError when a class has no pictures, there is one class only, or a picture cannot be read or is blank
 */
export async function readPictureFolder(folder: string, options: FolderOptions): Promise<Parts> {
  const names = await subfolders(folder);
  if (!names.includes("train")) return { train: await readClasses(folder, undefined, options) };
  const stray = names.filter((name) => name !== "train" && name !== "test");
  if (stray.length > 0) {
    throw new DataError(`${folder}: beside train there is ${stray.join(", ")}; expected train and test only`);
  }
  const train = await readClasses(join(folder, SPLITS[0]), undefined, options);
  if (!names.includes("test")) return { train };
  return { train, test: await readClasses(join(folder, SPLITS[1]), train.classes, options) };
}

async function readClasses(
  folder: string,
  expected: readonly string[] | undefined,
  options: FolderOptions,
): Promise<ImageDataset> {
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
  const images = await decodeAll(paths, options);
  const [height, width, channels] = preprocessedShape(options.preprocessing);
  const dataset = new ImageDataset({
    name: folder,
    images,
    labels: Int32Array.from(labels),
    height,
    width,
    channels,
    classes,
    origin: `pictures in ${folder}`,
  });
  return options.preprocessing.kind === "ink" ? dataset : withDetectedPolarity(dataset);
}

/** Decodes and preprocesses; each picture has its place, so the result does not depend on which is done first. */
async function decodeAll(paths: readonly string[], options: FolderOptions): Promise<Uint8Array> {
  const { preprocessing, onProgress } = options;
  const size = preprocessedShape(preprocessing).reduce((product, side) => product * side, 1);
  const images = new Uint8Array(paths.length * size);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < paths.length) {
      const index = next++;
      const picture = await decodeImage(paths[index]);
      images.set(preprocessSample(preprocessing, picture, paths[index]), index * size);
      onProgress?.(++done, paths.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, work));
  } catch (error) {
    next = paths.length;
    throw error;
  }
  return images;
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

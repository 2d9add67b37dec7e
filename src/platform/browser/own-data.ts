/** A user's own data in a page: IDX and CSV files from wherever their bytes are, pictures that were drawn, dropped or photographed. */

import { ImageDataset } from "../../data/dataset.ts";
import { parseCsv } from "../../data/formats/csv.ts";
import { datasetFromIdx, type OwnIdxDescription } from "../../data/formats/idx-dataset.ts";
import { settled } from "../../data/formats/settled.ts";
import { DataError } from "../../engine/errors.ts";
import { filled, type Optional } from "../../engine/options.ts";
import { withDetectedPolarity } from "../../picture/polarity.ts";
import { preprocessSample } from "../../picture/preprocess.ts";
import { MNIST_PREPROCESSING, type Preprocessing, preprocessedShape } from "../../picture/preprocessing.ts";
import { nameOf, type Source } from "./bytes.ts";
import { decodePicture, type PictureSource } from "./pictures.ts";
import { readUnzipped } from "./unzipped.ts";

/** What is known of a user's own files beside their content. */
export type OwnDescription = Optional<
  Pick<OwnIdxDescription, "name" | "classes" | "span" | "trained" | "polarity" | "origin">
>;

/** A data set from a pair of IDX files, gzip or plain; the polarity is found from the pictures unless it is given. */
export async function readIdx(images: Source, labels: Source, known: OwnDescription = {}): Promise<ImageDataset> {
  const name = nameOf(images, "pictures");
  const [imageBytes, labelBytes] = await Promise.all([images, labels].map(readUnzipped));
  const dataset = datasetFromIdx({
    ...filled({ name }, known),
    images: { name, bytes: imageBytes },
    labels: { name: nameOf(labels, "labels"), bytes: labelBytes },
  });
  return settled(dataset, name, known.polarity);
}

/** A data set from a CSV file (see `parseCsv`), gzip or plain. */
export async function readCsv(source: Source, known: OwnDescription = {}): Promise<ImageDataset> {
  const name = nameOf(source, "pictures");
  const dataset = parseCsv(await readUnzipped(source), filled({ name, origin: `pictures in ${name}` }, known));
  return settled(dataset, name, known.polarity);
}

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
  // One after the other: decoded photographs are large.
  let sample = 0;
  for (const each of classes) {
    for (const [i, source] of byClass[each].entries()) {
      const picture = await decodePicture(source);
      images.set(preprocessSample(preprocessing, picture, `${name}: ${each}, picture ${i + 1}`), size * sample++);
    }
  }
  const dataset = new ImageDataset({ name, images, labels, height, width, channels, classes, origin: name });
  return preprocessing.kind === "ink" ? dataset : withDetectedPolarity(dataset);
}

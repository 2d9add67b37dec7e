/** Makes a data set look as a model wants it: the preprocessing that pictures get when it is used, and its numbers for classes. */
import { DataError } from "../engine/errors.ts";
import { sameShape, sizeOf } from "../engine/shape.ts";
import type { Picture } from "../picture/picture.ts";
import { preprocessSample } from "../picture/preprocess.ts";
import { type Preprocessing, preprocessedShape } from "../picture/preprocessing.ts";
import type { Dataset, ImageDataset, Locality, SplitName } from "./dataset.ts";
import { type Arrays, INDEX, type Ports } from "./port.ts";
import type { StreamedDataset } from "./streamed.ts";
import type { ValueSpan } from "./value-span.ts";

/** What is known of pictures before they are conformed. */
type Kind = Pick<ImageDataset, "inputShape" | "polarity">;

/** What has to be done to each picture; undefined where they are as they should be. */
function stepFor({ inputShape, polarity }: Kind, preprocessing: Preprocessing): Preprocessing | undefined {
  const hasShape = sameShape(inputShape, preprocessedShape(preprocessing));
  const hasPolarity = preprocessing.kind === "resize" || polarity === "light-on-dark";
  // The polarity of a whole data set is known better than that of one picture.
  const step: Preprocessing =
    preprocessing.kind === "ink"
      ? { ...preprocessing, polarity }
      : { ...preprocessing, invert: preprocessing.invert && polarity === "dark-on-light" };
  return hasShape && hasPolarity && !(step.kind === "resize" && step.invert) ? undefined : step;
}

/** The polarity that pictures have after a step. */
function polarityAfter(step: Preprocessing, { polarity }: Kind): ImageDataset["polarity"] {
  return step.kind === "ink" || step.invert ? "light-on-dark" : polarity;
}

/**
 * The data set with every picture put through `preprocessing`. A set that has the size already, with light ink on a dark
 * ground, is returned as it is: its authors did that work, and MNIST is the model for it.
 * @throws DataError naming the sample when a picture is blank
 */
export function conform(dataset: ImageDataset, preprocessing: Preprocessing): ImageDataset {
  const step = stepFor(dataset, preprocessing);
  if (step === undefined) return dataset;
  const [height, width, channels] = preprocessedShape(preprocessing);
  const size = height * width * channels;
  const images = new Uint8Array(dataset.length * size);
  for (let i = 0; i < dataset.length; i++) images.set(throughStep(dataset, i, step), i * size);
  return dataset.with({ images, height, width, channels, polarity: polarityAfter(step, dataset) });
}

/** One sample as {@link conform} gives it. @throws DataError naming the sample when it is blank */
export function conformedSample(dataset: ImageDataset, index: number, preprocessing: Preprocessing): Uint8Array {
  const step = stepFor(dataset, preprocessing);
  return step === undefined ? dataset.image(index) : throughStep(dataset, index, step);
}

function throughStep(dataset: ImageDataset, index: number, step: Preprocessing): Uint8Array {
  const [height, width, channels] = dataset.inputShape;
  const data = dataset.image(index);
  const picture: Picture = { height, width, channels: channels as Picture["channels"], data };
  return preprocessSample(step, picture, `${dataset.name}: sample ${index}`);
}

/** As {@link conform}, for pictures that do not fit into memory: each is put through `preprocessing` when it is read. */
export function conformStream(dataset: StreamedDataset, preprocessing: Preprocessing): Dataset {
  const step = stepFor(dataset, preprocessing);
  return step === undefined ? dataset : new ConformedStream(dataset, step);
}

class ConformedStream implements Dataset {
  readonly name: string;
  readonly length: number;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly inputs: Ports;
  readonly targets: Ports = { y: INDEX };
  readonly classes: readonly string[];
  readonly ground: number | undefined;
  readonly locality: Locality;
  readonly split: SplitName | undefined;
  readonly valueSpan: ValueSpan | undefined;
  readonly #base: StreamedDataset;
  readonly #step: Preprocessing;
  readonly #one: Uint8Array;

  constructor(base: StreamedDataset, step: Preprocessing) {
    const { name, length, classes, locality, split, valueSpan, inputShape } = base;
    this.name = name;
    this.length = length;
    this.inputShape = preprocessedShape(step);
    this.inputs = { x: { shape: this.inputShape, dtype: "uint8" } };
    this.classes = classes;
    this.ground = this.inputShape[2] > 1 ? undefined : polarityAfter(step, base) === "light-on-dark" ? 0 : 255;
    this.locality = locality;
    this.split = split;
    this.valueSpan = valueSpan;
    this.#base = base;
    this.#step = step;
    this.#one = new Uint8Array(sizeOf(inputShape));
  }

  label(index: number): number {
    return this.#base.label(index);
  }

  read(indices: ArrayLike<number>, start: number, count: number, { x, y }: Arrays): void {
    const [height, width, channels] = this.#base.inputShape;
    const shape = { height, width, channels: channels as Picture["channels"] };
    const size = sizeOf(this.inputShape);
    for (let k = 0; k < count; k++) {
      const index = indices[start + k];
      this.#base.read([index], 0, 1, { x: this.#one, y });
      const made = preprocessSample(this.#step, { ...shape, data: this.#one }, `${this.name}: sample ${index}`);
      x.set(made, k * size);
    }
    for (let k = 0; k < count; k++) y[k] = this.label(indices[start + k]);
  }
}

/**
 * The same pictures with the labels that classes of their names have among `classes`.
 * @throws DataError when a class is not among them
 */
export function relabeled(dataset: ImageDataset, classes: readonly string[]): ImageDataset {
  const map = dataset.classes.map((name) => classes.indexOf(name));
  const unknown = dataset.classes.filter((_, from) => map[from] < 0);
  if (unknown.length > 0) {
    throw new DataError(
      `${dataset.name} has classes that the model does not know (${some(unknown)}); it tells ${some(classes)} apart: fine-tune it, or rename the classes`,
    );
  }
  if (map.length === classes.length && map.every((to, from) => to === from)) return dataset;
  const labels = Int32Array.from({ length: dataset.length }, (_, i) => map[dataset.label(i)]);
  return dataset.with({ labels, classes });
}

/** The first names of a list. */
function some(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 5).join(", ")} …` : names.join(", ");
}

/** Makes a data set look as a model wants it: the preprocessing that pictures get when it is used, and its numbers for classes. */
import { DataError } from "../engine/errors.ts";
import type { ImageDataset } from "./dataset.ts";
import type { Picture } from "./picture.ts";
import { applyPreprocessing, type Preprocessing, preprocessedShape } from "./preprocess.ts";

/**
 * The data set with every picture put through `preprocessing`. A set that has the size already, with light ink on a dark
 * ground, is returned as it is: its authors did that work, and MNIST is the model for it.
 * @throws DataError naming the sample when a picture is blank
 */
export function conform(dataset: ImageDataset, preprocessing: Preprocessing): ImageDataset {
  const [height, width, channels] = preprocessedShape(preprocessing);
  const [fromHeight, fromWidth, fromChannels] = dataset.inputShape;
  const hasShape = fromHeight === height && fromWidth === width && fromChannels === channels;
  const hasPolarity = preprocessing.kind === "resize" || dataset.polarity === "light-on-dark";
  // The polarity of a whole data set is known better than that of one picture.
  const { polarity: known } = dataset;
  const step: Preprocessing =
    preprocessing.kind === "ink"
      ? { ...preprocessing, polarity: known }
      : { ...preprocessing, invert: preprocessing.invert && known === "dark-on-light" };
  if (hasShape && hasPolarity && !(step.kind === "resize" && step.invert)) return dataset;

  const size = height * width * channels;
  const images = new Uint8Array(dataset.length * size);
  for (let i = 0; i < dataset.length; i++) {
    const picture: Picture = {
      height: fromHeight,
      width: fromWidth,
      channels: fromChannels as Picture["channels"],
      data: dataset.image(i),
    };
    images.set(preprocessSample(step, picture, `${dataset.name}: sample ${i}`), i * size);
  }
  const polarity = step.kind === "ink" || step.invert ? "light-on-dark" : known;
  return dataset.with({ images, height, width, channels, polarity });
}

/**
 * The same pictures with the labels that classes of their names have among `classes`.
 * @throws DataError when a class is not among them
 */
export function relabelled(dataset: ImageDataset, classes: readonly string[]): ImageDataset {
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

/** {@link applyPreprocessing}, with the name of the picture in front of what goes wrong. */
export function preprocessSample(preprocessing: Preprocessing, picture: Picture, name: string): Uint8Array {
  try {
    return applyPreprocessing(preprocessing, picture);
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

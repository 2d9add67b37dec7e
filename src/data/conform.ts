/** Makes a data set look as a model wants it: the same preprocessing that its pictures get when it is used. */
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

/** {@link applyPreprocessing}, with the name of the picture in front of what goes wrong. */
export function preprocessSample(preprocessing: Preprocessing, picture: Picture, name: string): Uint8Array {
  try {
    return applyPreprocessing(preprocessing, picture);
  } catch (error) {
    if (error instanceof DataError) throw new DataError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

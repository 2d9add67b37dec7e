/** What a model learns about itself from the data that it is trained on: class names, preprocessing, where it comes from. */
import type { Dataset } from "../data/dataset.ts";
import { fingerprintIfKnown } from "../data/fingerprint.ts";
import { SOURCES } from "../data/sources.ts";
import { isBytes } from "../data/value-span.ts";
import { sameShape } from "../engine/shape.ts";
import type { Model } from "../models/model.ts";
import { MNIST_PREPROCESSING, type Preprocessing, preprocessedShape } from "../picture/preprocessing.ts";
import { TrainedModel } from "../use/trained-model.ts";

/** The same network as a model that can be saved, with what `dataset` says about it. */
export async function describeTraining(
  model: Model,
  dataset: Dataset,
  preprocessing?: Preprocessing,
): Promise<TrainedModel> {
  const { classes: named, valueSpan } = dataset;
  const found = preprocessing ?? model.preprocessing ?? defaultPreprocessing(dataset);
  return TrainedModel.of(model, {
    classes: named?.length === model.classes.length ? named : model.classes,
    preprocessing: found && { ...found },
    dataset: {
      name: dataset.name,
      fingerprint: (await fingerprintIfKnown(dataset)) ?? "none",
      ...(valueSpan !== undefined && !isBytes(valueSpan) && { valueSpan: { ...valueSpan } }),
    },
  });
}

/** That of a known data set; else by shape: one channel is taken for handwriting, three for photographs. */
function defaultPreprocessing(dataset: Dataset): Preprocessing | undefined {
  const [height, width, channels] = dataset.inputShape;
  if (dataset.inputType !== "uint8" || dataset.inputShape.length !== 3) return undefined;
  const source = Object.values(SOURCES).find(({ name }) => name === dataset.name);
  if (source !== undefined && sameShape(preprocessedShape(source.preprocessing), dataset.inputShape)) {
    return source.preprocessing;
  }
  if (channels === 3) return { kind: "resize", height, width, channels, invert: false };
  if (channels !== 1) return undefined;
  const { box, height: room } = MNIST_PREPROCESSING;
  const scaled = Math.max(1, Math.round((Math.min(height, width) * box) / room));
  return { ...MNIST_PREPROCESSING, height, width, box: scaled };
}

/** What a model learns about itself from the data that it is trained on: class names, preprocessing, where it comes from. */
import type { Dataset } from "../data/dataset.ts";
import { fingerprintIfKnown } from "../data/fingerprint.ts";
import { pictureSize } from "../data/port.ts";
import { SOURCES } from "../data/sources.ts";
import { isBytes } from "../data/value-span.ts";
import { sameShape } from "../engine/shape.ts";
import type { Model } from "../models/model.ts";
import { MNIST_PREPROCESSING, type Preprocessing, preprocessedShape } from "../picture/preprocessing.ts";
import { NumbersInput } from "../task/input.ts";
import type { AnyTask } from "../task/task.ts";
import { TrainedModel } from "../use/trained-model.ts";

/** The same network as a model that can be saved, with what `dataset` says about it. */
export async function describeTraining<T extends AnyTask>(
  model: Model<T>,
  dataset: Dataset,
  preprocessing?: Preprocessing,
): Promise<TrainedModel<T>> {
  const { valueSpan } = dataset;
  return TrainedModel.of(model, {
    task: withPreprocessing(model.task.adopt?.(dataset) ?? model.task, dataset, preprocessing) as T,
    dataset: {
      name: dataset.name,
      fingerprint: (await fingerprintIfKnown(dataset)) ?? "none",
      ...(valueSpan !== undefined && !isBytes(valueSpan) && { valueSpan: { ...valueSpan } }),
    },
  });
}

/** A task that reads pictures, knowing how they become samples; any other as it is. */
function withPreprocessing(task: AnyTask, dataset: Dataset, given: Preprocessing | undefined): AnyTask {
  const { input } = task;
  if (!(input instanceof NumbersInput)) return task;
  const found = given ?? input.preprocessing ?? defaultPreprocessing(dataset, task);
  return found === undefined ? task : task.reading(input.with({ preprocessing: { ...found } }));
}

/**
 * That of a known data set; else by task and shape: where places matter the picture as a whole; one channel is otherwise taken for a
 * written character, three for a photograph.
 */
function defaultPreprocessing(dataset: Dataset, { isPlaced = false }: AnyTask): Preprocessing | undefined {
  const size = pictureSize(dataset.inputs);
  if (size === undefined) return undefined;
  const [height, width, channels] = size;
  const source = Object.values(SOURCES).find(({ name }) => name === dataset.name);
  if (source !== undefined && sameShape(preprocessedShape(source.preprocessing), size)) return source.preprocessing;
  if (channels === 3 || (channels === 1 && isPlaced)) return { kind: "resize", height, width, channels, invert: false };
  if (channels !== 1) return undefined;
  const { box, height: room } = MNIST_PREPROCESSING;
  const scaled = Math.max(1, Math.round((Math.min(height, width) * box) / room));
  return { ...MNIST_PREPROCESSING, height, width, box: scaled };
}

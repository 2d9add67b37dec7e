/** Reads pictures with a model: preprocessing, one compiled program, probabilities. */
import { conform, conformStream } from "../data/conform.ts";
import { type Dataset, ImageDataset } from "../data/dataset.ts";
import type { Picture } from "../data/picture.ts";
import { applyPreprocessing } from "../data/preprocess.ts";
import { type Preprocessing, preprocessedShape } from "../data/preprocessing.ts";
import { preprocessingSchema } from "../data/preprocessing-schema.ts";
import { type Candidate, rank, writePixels } from "../data/ranking.ts";
import type { StreamedDataset } from "../data/streamed.ts";
import type { Backend, Program } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { check, Mismatch } from "../engine/schema.ts";
import { formatShape, sameShape } from "../engine/shape.ts";
import type { Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { inferenceGraph } from "./trained-model.ts";

export type { Candidate };

/** What a model makes of one picture. */
export interface Prediction extends Candidate {
  /** All classes, the likeliest first. */
  readonly ranking: readonly Candidate[];
  /** The picture as the network got it: bytes [height, width, channels]. */
  readonly seen: Uint8Array;
}

/** The preprocessing that a model carries. @throws UsageError when it has none, or none for its own input */
export function preprocessingOf(model: Pick<Model, "inputShape" | "preprocessing">): Preprocessing {
  const preprocessing = check(preprocessingSchema, model.preprocessing);
  if (preprocessing instanceof Mismatch) {
    throw new UsageError(
      "this model does not say how pictures become its inputs; train it with fit, or set model.preprocessing",
    );
  }
  const shape = preprocessedShape(preprocessing);
  if (!sameShape(shape, model.inputShape)) {
    throw new UsageError(
      `the model's preprocessing gives ${formatShape(shape)} but it takes ${formatShape(model.inputShape)}`,
    );
  }
  return preprocessing;
}

/**
 * A data set as the model wants it. One that has its shape, with light ink on a dark ground, is returned as it is;
 * any other goes through the model's preprocessing.
 */
export function conformTo(model: Model, dataset: ImageDataset): ImageDataset;
export function conformTo(model: Model, dataset: ImageDataset | StreamedDataset): Dataset;
export function conformTo(model: Model, dataset: ImageDataset | StreamedDataset): Dataset {
  const isReady = sameShape(model.inputShape, dataset.inputShape);
  if (isReady && (dataset.polarity === "light-on-dark" || model.preprocessing === undefined)) return dataset;
  const preprocessing = preprocessingOf(model);
  return dataset instanceof ImageDataset ? conform(dataset, preprocessing) : conformStream(dataset, preprocessing);
}

/** A model ready to read one picture after the other. Close it in the end. */
export class Predictor {
  readonly #model: Model;
  readonly #preprocessing: Preprocessing;
  readonly #backend: Backend;
  readonly #program: Program;

  private constructor(model: Model, backend: Backend, program: Program) {
    this.#model = model;
    this.#preprocessing = preprocessingOf(model);
    this.#backend = backend;
    this.#program = program;
  }

  /** Compiles the model for single pictures. @throws UsageError when the model has no preprocessing */
  static async open(model: Model): Promise<Predictor> {
    preprocessingOf(model);
    // One picture is too little work to share between threads.
    const backend = await platform().createBackend({ threads: 1 });
    return new Predictor(model, backend, await backend.compile(inferenceGraph(model, 1)));
  }

  /** @throws DataError when the picture is blank */
  predict(picture: Picture): Prediction {
    const pixels = applyPreprocessing(this.#preprocessing, picture);
    writePixels(pixels, this.#program.inputs.x, this.#model.inputType);
    this.#program.run();
    const ranking = rank(this.#model, this.#program.outputs.logits);
    return { ...ranking[0], ranking, seen: pixels };
  }

  async close(): Promise<void> {
    this.#program.dispose();
    await this.#backend.close();
  }
}

/**
 * Reads one picture of any size and polarity. For many, keep a {@link Predictor}.
 * @param picture decoded pixels, the path of a picture file, or its bytes
 */
export async function predict(model: Model, picture: Picture | string | Uint8Array): Promise<Prediction> {
  const pixels = await decoded(picture);
  const predictor = await Predictor.open(model);
  try {
    return predictor.predict(pixels);
  } finally {
    await predictor.close();
  }
}

/** The pixels of a picture that is given as pixels, by path or as the bytes of a file. */
export async function decoded(picture: Picture | string | Uint8Array): Promise<Picture> {
  const isDecoded = typeof picture === "object" && !(picture instanceof Uint8Array);
  return isDecoded ? picture : platform().decodePicture(picture);
}

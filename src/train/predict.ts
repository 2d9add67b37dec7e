/** Reads pictures with a model: preprocessing, one compiled program, probabilities. */
import { conform } from "../data/conform.ts";
import type { ImageDataset } from "../data/dataset.ts";
import type { Picture } from "../data/picture.ts";
import { applyPreprocessing, type Preprocessing, preprocessedShape, preprocessingSchema } from "../data/preprocess.ts";
import type { Backend, Program } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { formatShape, sameShape } from "../engine/shape.ts";
import type { Model } from "../models/model.ts";
import { platform } from "../platform/platform.ts";
import { inferenceGraph } from "./trained-model.ts";

export interface Candidate {
  readonly name: string;
  /** Index of the class. */
  readonly index: number;
  /** 0 … 1; the softmax of the network's outputs. */
  readonly probability: number;
}

/** What a model makes of one picture. */
export interface Prediction extends Candidate {
  /** All classes, the likeliest first. */
  readonly ranking: readonly Candidate[];
}

/** The preprocessing that a model carries. @throws UsageError when it has none, or none for its own input */
export function preprocessingOf(model: Model): Preprocessing {
  const checked = preprocessingSchema.safeParse(model.preprocessing);
  if (!checked.success) {
    throw new UsageError(
      "this model does not say how pictures become its inputs; train it with fit, or set model.preprocessing",
    );
  }
  const shape = preprocessedShape(checked.data);
  if (!sameShape(shape, model.inputShape)) {
    throw new UsageError(
      `the model's preprocessing gives ${formatShape(shape)} but it takes ${formatShape(model.inputShape)}`,
    );
  }
  return checked.data;
}

/**
 * A data set as the model wants it. One that has its shape, with light ink on a dark ground, is returned as it is;
 * any other goes through the model's preprocessing.
 */
export function conformTo(model: Model, dataset: ImageDataset): ImageDataset {
  const isReady = sameShape(model.inputShape, dataset.inputShape);
  if (isReady && (dataset.polarity === "light-on-dark" || model.preprocessing === undefined)) return dataset;
  return conform(dataset, preprocessingOf(model));
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
    const { x } = this.#program.inputs;
    // A model that takes numbers was trained on numbers 0 … 1, one that takes bytes on bytes.
    const unit = this.#model.inputType === "uint8" ? 1 : 255;
    for (let i = 0; i < pixels.length; i++) x[i] = pixels[i] / unit;
    this.#program.run();
    const probabilities = softmax(this.#program.outputs.logits);
    const ranking = this.#model.classes
      .map((name, index) => ({ name, index, probability: probabilities[index] }))
      .sort((a, b) => b.probability - a.probability || a.index - b.index);
    return { ...ranking[0], ranking };
  }

  async close(): Promise<void> {
    this.#program.dispose();
    await this.#backend.close();
  }
}

/**
 * Reads one picture of any size and polarity. For many, keep a {@link Predictor}.
 * @param picture decoded pixels, the path of a PNG, JPEG or WebP file, or its bytes
 */
export async function predict(model: Model, picture: Picture | string | Uint8Array): Promise<Prediction> {
  const isDecoded = typeof picture === "object" && !(picture instanceof Uint8Array);
  const decoded = isDecoded ? picture : await platform().decodePicture(picture);
  const predictor = await Predictor.open(model);
  try {
    return predictor.predict(decoded);
  } finally {
    await predictor.close();
  }
}

/** Shifted by the largest, so nothing overflows. */
function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const top = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Reads pictures with a model: preprocessing, one compiled program, probabilities. */
import { conform, conformStream } from "../data/conform.ts";
import { type Dataset, ImageDataset } from "../data/dataset.ts";
import { isNumbers, type Numbers } from "../data/sample-numbers.ts";
import type { StreamedDataset } from "../data/streamed.ts";
import type { ImmediateBackend, ImmediateProgram } from "../engine/backends/backend.ts";
import { DuctusError, UsageError } from "../engine/errors.ts";
import { quoteValue } from "../engine/quote.ts";
import { check, Mismatch } from "../engine/schema.ts";
import { formatShape, sameShape } from "../engine/shape.ts";
import type { AnyModel, Model } from "../models/model.ts";
import type { Picture } from "../picture/picture.ts";
import { examinePicture } from "../picture/preprocess.ts";
import { type Preprocessing, preprocessedShape } from "../picture/preprocessing.ts";
import { preprocessingSchema } from "../picture/preprocessing-schema.ts";
import { platform } from "../platform/platform.ts";
import type { Classify } from "../task/classify/classify.ts";
import type { Novelty } from "../task/classify/novelty.ts";
import { loadNovelty } from "../task/classify/novelty-of.ts";
import { type Candidate, writePixels } from "../task/classify/ranking.ts";
import type { InputKind } from "../task/input.ts";
import type { AnswerOf, AnyTask } from "../task/task.ts";
import { inferenceGraph } from "./inference.ts";
import { takeChecked } from "./trained-model.ts";

export type { Candidate };

/** A picture as it was seen. */
export interface Seen {
  /** The picture as the network got it: bytes [height, width, channels]. */
  readonly seen: Uint8Array;
  /**
   * How many characters the picture shows (picture/characters.ts). A classifier reads one: where there are more, the answer is about all
   * of them together and means nothing. Undefined where no picture was looked at, but a sample as the network gets it.
   */
  readonly characters?: number | undefined;
}

/** What a model makes of one picture: of a classifier the likeliest class and its `ranking`. */
export type Prediction<T extends AnyTask = Classify> = AnswerOf<T> & Seen;

/** The preprocessing that a model carries. @throws UsageError when it has none, or none for its own input */
export function preprocessingOf(model: Pick<AnyModel, "inputShape" | "preprocessing">): Preprocessing {
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
export function conformTo(model: AnyModel, dataset: ImageDataset): ImageDataset;
export function conformTo(model: AnyModel, dataset: ImageDataset | StreamedDataset): Dataset;
export function conformTo(model: AnyModel, dataset: ImageDataset | StreamedDataset): Dataset {
  const isReady = sameShape(model.inputShape, dataset.inputShape);
  if (isReady && (dataset.polarity === "light-on-dark" || model.preprocessing === undefined)) return dataset;
  const preprocessing = preprocessingOf(model);
  return dataset instanceof ImageDataset ? conform(dataset, preprocessing) : conformStream(dataset, preprocessing);
}

/** How a {@link Predictor} reads. */
export interface PredictorOptions {
  /** Samples that are read together, by all threads where there are several; default 1. */
  readonly batch?: number | undefined;
}

/** A model ready to read one picture, or batch of pictures, after the other. Close it in the end. */
export class Predictor<T extends AnyTask = Classify> {
  readonly #model: Model<T>;
  readonly #preprocessing: Preprocessing;
  readonly #backend: ImmediateBackend;
  readonly #program: ImmediateProgram;
  readonly #batch: number;
  readonly #novelty: Novelty | undefined;
  /** How many characters the picture of a prepared sample shows. */
  readonly #characters = new WeakMap<Uint8Array, number>();

  private constructor(
    model: Model<T>,
    backend: ImmediateBackend,
    program: ImmediateProgram,
    batch: number,
    novelty: Novelty | undefined,
  ) {
    this.#model = model;
    this.#novelty = novelty;
    this.#preprocessing = preprocessingOf(model);
    this.#backend = backend;
    this.#program = program;
    this.#batch = batch;
  }

  /** Compiles the model for so many pictures at a time. @throws UsageError when the model has no preprocessing */
  static async open<T extends AnyTask = Classify>(
    model: Model<T>,
    { batch = 1 }: PredictorOptions = {},
  ): Promise<Predictor<T>> {
    preprocessingOf(model);
    const novelty = await loadNovelty(model.task);
    const checked = batch === 1 ? takeChecked(model) : undefined;
    if (checked !== undefined) return new Predictor(model, checked.backend, checked.program, batch, novelty);
    // One picture is too little work to share between threads.
    const backend = await platform().createBackend(batch === 1 ? { threads: 1 } : {});
    return new Predictor(model, backend, await backend.compile(inferenceGraph(model, batch)), batch, novelty);
  }

  /** @throws DataError when the picture is blank, DuctusError when the network gives no finite numbers for it */
  predict(picture: Picture): Prediction<T> {
    const [prediction] = this.read([this.prepare(picture)]);
    if (prediction instanceof DuctusError) throw prediction;
    return prediction;
  }

  /** The picture as the network gets it. @throws DataError when it is blank */
  prepare(picture: Picture): Uint8Array {
    const { pixels, characters } = examinePicture(this.#preprocessing, picture, this.#model.task.names);
    // A reader of strings is there for several.
    if (this.#model.task.isPlaced !== true) this.#characters.set(pixels, characters);
    return pixels;
  }

  /**
   * Reads samples that are as the network gets them, at most as many as the batch.
   * @returns for each what it is, or why there is no answer
   */
  read(samples: readonly Uint8Array[]): (Prediction<T> | DuctusError)[] {
    if (samples.length > this.#batch) throw new UsageError(`${samples.length} samples for a batch of ${this.#batch}`);
    const input = this.#program.inputs.x;
    const size = input.length / this.#batch;
    for (const [i, pixels] of samples.entries()) {
      writePixels(pixels, input.subarray(i * size, (i + 1) * size), this.#model.inputType);
    }
    this.#program.run();
    const { outputs } = this.#program;
    const { task, temperature } = this.#model;
    return samples.map((seen, i) => {
      try {
        const answer = task.decode({ outputs, sizes: {}, count: this.#batch }, i, temperature);
        const noClass = this.#novelty?.noClassOf(task.input.ports.x, input, i);
        return { ...answer, ...(noClass !== undefined && { noClass }), seen, characters: this.#characters.get(seen) };
      } catch (error) {
        if (error instanceof DuctusError) return error;
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    this.#program.dispose();
    await this.#backend.close();
  }
}

/** What `predict` takes, by what a model reads. */
export interface Readable {
  /** Decoded pixels, the path of a picture file, or its bytes. */
  readonly numbers: Picture | string | Uint8Array | Numbers;
  /** Nested lists of numbers or one flat list: so many steps as there are. */
  readonly sequence: Numbers;
  readonly text: string;
  /** A picture of one line of writing. */
  readonly line: Picture | string | Uint8Array;
}

const ONE: { readonly [Kind in InputKind]: (model: AnyModel, value: Readable[Kind]) => Promise<unknown> } = {
  numbers: async (model, value) => {
    if (isMeasured(model, value)) return readNumbers(model, value);
    const pixels = await decoded(value);
    const predictor = await Predictor.open(model);
    try {
      return predictor.predict(pixels);
    } finally {
      await predictor.close();
    }
  },
  sequence: readNumbers,
  text: async (model, text) => {
    const { TextReader } = await import("./read-text.ts");
    const reader = await TextReader.open(model);
    try {
      return await reader.read(text);
    } finally {
      await reader.close();
    }
  },
  line: async (model, picture) => {
    const { LineReader } = await import("./read-line.ts");
    const reader = await LineReader.open(model);
    try {
      return await reader.read(await decoded(picture));
    } finally {
      await reader.close();
    }
  },
};

/** Whether a value is a sample as the network gets it: numbers that are no file of a picture. */
const isMeasured = (model: AnyModel, value: unknown): value is Numbers =>
  isNumbers(value) && !(value instanceof Uint8Array && model.preprocessing !== undefined);

async function readNumbers(model: AnyModel, sample: Numbers): Promise<unknown> {
  const { NumbersReader } = await import("./read-numbers.ts");
  const reader = await NumbersReader.open(model);
  try {
    return await reader.read(sample);
  } finally {
    await reader.close();
  }
}

/**
 * Reads one picture of any size and polarity, one text, or one sample of numbers, whichever the model is for. For many pictures, keep a
 * {@link Predictor}; for many texts, a {@link TextReader}; for many sequences or measurements, a {@link NumbersReader}.
 * @param value decoded pixels, the path of a picture file, or its bytes; a text, for a model that reads texts; nested or flat lists of
 *   numbers in the model's own units, for one that reads sequences or other numbers
 */
export async function predict<T extends AnyTask = Classify>(
  model: Model<T>,
  value: Readable[InputKind],
): Promise<Prediction<T>> {
  const { kind } = model.task.input;
  return ONE[kind](model, value as never) as Promise<Prediction<T>>;
}

/** The pixels of a picture that is given as pixels, by path or as the bytes of a file. */
export async function decoded(picture: Picture | string | Uint8Array): Promise<Picture> {
  if (typeof picture === "string" || picture instanceof Uint8Array) return platform().decodePicture(picture);
  if (typeof picture === "object" && picture !== null) return picture;
  throw new UsageError(
    `this model reads pictures, not ${quoteValue(picture)}; give the path of a file, its bytes or pixels`,
  );
}

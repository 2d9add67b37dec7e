/** One version of a model in service: what it is, its queue, and who still uses it. */

import { DuctusError } from "../engine/errors.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Model } from "../models/model.ts";
import { probabilitiesOf } from "../task/classify/ranking.ts";
import type { Batcher, Patience, Samples } from "./batcher.ts";
import type { Intake } from "./intake.ts";
import { RequestError } from "./request-error.ts";

/** What a network says about some samples. */
export interface Outputs {
  /** [count, classes] */
  readonly logits: Float32Array;
  /** What the model answers, [count, classes]: their softmax at its temperature. */
  readonly probabilities: Float32Array;
}

/** What a server has to know of a model, which need not be there itself, and where it comes from, as far as that is known. */
export type Signature = Pick<Model, "inputShape" | "inputType" | "classes" | "preprocessing" | "temperature"> &
  Partial<Pick<Model, "architecture" | "dataset" | "metrics">>;

export class ServedModel {
  readonly name: string;
  readonly version: string;
  readonly model: Signature;
  readonly batcher: Batcher;
  /** What reading samples for it takes. */
  readonly intake: Intake;
  #users = 0;
  #isRetired = false;

  constructor(name: string, version: string, model: Signature, batcher: Batcher) {
    this.name = name;
    this.version = version;
    this.model = model;
    this.batcher = batcher;
    const { inputShape, inputType, classes, preprocessing } = model;
    const sampleSize = sizeOf(inputShape);
    this.intake = { name, inputShape, inputType, classes, preprocessing, sampleSize, maxCount: batcher.maxCount };
  }

  /** Lets `work` use this version, which is not taken down before it ends. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await work();
    } finally {
      this.#users--;
      await this.#closeWhenUnused();
    }
  }

  /** No new request gets this version; it is closed after the last that has it. */
  async retire(): Promise<void> {
    if (this.#isRetired) return;
    this.#isRetired = true;
    await this.#closeWhenUnused();
  }

  /** Runs the network on `count` samples. @throws RequestError naming a sample that was too much for float32 arithmetic */
  async run(samples: Samples, count: number, signal?: Patience): Promise<Outputs> {
    const logits = await this.batcher.run(samples, count, signal);
    const classes = this.model.classes.length;
    const probabilities = new Float32Array(logits.length);
    for (let i = 0; i < logits.length; i += classes) {
      try {
        probabilities.set(probabilitiesOf(this.model, logits.subarray(i, i + classes)), i);
      } catch (error) {
        if (!(error instanceof DuctusError)) throw error;
        // Bytes are small: if these are too much, it is the weights.
        if (this.model.inputType === "uint8")
          throw new RequestError(500, "the network gives no finite numbers; its weights are at fault");
        throw new RequestError(
          400,
          `sample ${i / classes}: its numbers are too large for this network, which gives no finite outputs`,
        );
      }
    }
    return { logits, probabilities };
  }

  async #closeWhenUnused(): Promise<void> {
    if (this.#isRetired && this.#users === 0) await this.batcher.close();
  }
}

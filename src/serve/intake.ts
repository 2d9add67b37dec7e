/** What has to be known of a model to read samples for it: plain data, which threads that read for others are given, too. */

import { DataError } from "../engine/errors.ts";
import type { Picture } from "../picture/picture.ts";
import { examinePicture } from "../picture/preprocess.ts";
import { writePixels } from "../task/classify/ranking.ts";
import { preprocessingOf } from "../use/predict.ts";
import type { Samples } from "./batcher.ts";
import { RequestError } from "./request-error.ts";
import type { Signature } from "./served-model.ts";

export interface Intake extends Pick<Signature, "inputShape" | "inputType" | "classes" | "preprocessing"> {
  /** For messages. */
  readonly name: string;
  /** Numbers in one sample. */
  readonly sampleSize: number;
  /** Samples of one request at most. */
  readonly maxCount: number;
}

/** Room for `count` samples. @throws RequestError 413 when these are too many */
export function allocate({ maxCount, sampleSize, inputType }: Intake, count: number): Samples {
  if (count > maxCount) throw tooManySamples(count, maxCount);
  const size = count * sampleSize;
  return inputType === "uint8" ? new Uint8Array(size) : new Float32Array(size);
}

export function tooManySamples(count: number, maxCount: number): RequestError {
  return new RequestError(413, `${count} samples in one request; at most ${maxCount} are allowed`);
}

/** A picture of any size and polarity as a sample. */
export interface ReadPicture {
  readonly sample: Samples;
  /** How many characters it shows; the model reads one. */
  readonly characters: number;
}

/** @throws RequestError 400 when the picture is blank */
export function preparePicture(intake: Intake, picture: Picture): ReadPicture {
  try {
    const { pixels, characters } = examinePicture(preprocessingOf(intake), picture, intake.classes);
    const sample = allocate(intake, 1);
    writePixels(pixels, sample, intake.inputType);
    return { sample, characters };
  } catch (error) {
    if (error instanceof DataError) throw new RequestError(400, error.message);
    throw error;
  }
}

/** One picture file from outside, as a sample of a model: what is decoded is no larger than it said it was. */

import type { TypedArray } from "../engine/dtype.ts";
import { DataError, DuctusError } from "../engine/errors.ts";
import { type LineFrame, lineOf } from "../picture/line.ts";
import type { Picture } from "../picture/picture.ts";
import { examinePicture } from "../picture/preprocess.ts";
import { platform } from "../platform/platform.ts";
import { writePixels } from "../task/classify/ranking.ts";
import type { InputKind } from "../task/input.ts";
import { preprocessingOf } from "../use/predict.ts";
import { allocate, type Intake, shapeOfSample } from "./intake.ts";
import { RequestError } from "./request-error.ts";

/** Decodes a picture file; whatever it throws, the picture is what is wrong. */
export type DecodePicture = (bytes: Uint8Array, options: { readonly maxPixels: number }) => Promise<Picture>;

/** A picture of any size and polarity as a sample. */
export interface ReadPicture {
  readonly sample: TypedArray;
  /** How many characters it shows, where that was looked at. */
  readonly characters?: number | undefined;
}

export interface DecodedPicture extends ReadPicture {
  readonly pixels: number;
}

/** @throws RequestError 413 (or TooLargeError) when there are too many pixels, 400 (or DataError) when it is damaged or blank */
export async function readPicture(
  intake: Intake,
  bytes: Uint8Array,
  maxPixels: number,
  decode: DecodePicture | undefined,
): Promise<DecodedPicture> {
  const picture = await decoded(bytes, maxPixels, decode);
  return { ...preparePicture(intake, picture), pixels: picture.width * picture.height };
}

/**
 * The pixels of a picture file.
 * @param decode default: the platform's
 * @throws RequestError 413 (or TooLargeError) when there are too many, 400 (or DataError) when it is damaged
 */
export async function decoded(
  bytes: Uint8Array,
  maxPixels: number,
  decode: DecodePicture = platform().decodePicture,
): Promise<Picture> {
  let picture: Picture;
  try {
    picture = await decode(bytes, { maxPixels });
  } catch (cause) {
    if (cause instanceof DuctusError) throw cause;
    throw new RequestError(400, `the picture cannot be decoded: ${cause instanceof Error ? cause.message : cause}`);
  }
  // A decoder from elsewhere may keep the 16 bits of a PNG.
  if (picture.data.BYTES_PER_ELEMENT !== 1) throw new DuctusError("decodePicture must give one byte per channel");
  if (picture.width * picture.height > maxPixels) throw tooManyPixels();
  return picture;
}

/** @throws RequestError 400 when the picture is blank, or the model reads none */
function preparePicture(intake: Intake, picture: Picture): ReadPicture {
  const { preprocessing } = intake;
  if (preprocessing === undefined) {
    throw new RequestError(400, `"${intake.name}" does not say how pictures become its inputs; send numbers`);
  }
  try {
    return PREPARE[intake.kind](intake, preprocessing, picture);
  } catch (error) {
    if (error instanceof DataError) throw new RequestError(400, error.message);
    throw error;
  }
}

type Prepare = (intake: Intake, preprocessing: NonNullable<Intake["preprocessing"]>, picture: Picture) => ReadPicture;

const PREPARE: Readonly<Record<InputKind, Prepare>> = {
  numbers: (intake, preprocessing, picture) => {
    const known = preprocessingOf({ inputShape: shapeOfSample(intake), preprocessing });
    const { pixels, characters } = examinePicture(known, picture, intake.names);
    const sample = allocate(intake, 1);
    writePixels(pixels, sample, sample instanceof Uint8Array ? "uint8" : "float32");
    return { sample, characters };
  },
  sequence: () => {
    throw new RequestError(400, "a sequence of numbers was expected, not a picture");
  },
  text: () => {
    throw new RequestError(400, "a text was expected, not a picture");
  },
  line: (_, preprocessing, picture) => ({ sample: lineOf(preprocessing as LineFrame & object, picture).pixels }),
};

export function tooManyPixels(): RequestError {
  return new RequestError(413, "the pictures of this request have too many pixels together");
}

/** One picture file from outside, as a sample of a model: what is decoded is no larger than it said it was. */

import { DuctusError } from "../engine/errors.ts";
import type { Picture } from "../picture/picture.ts";
import { platform } from "../platform/platform.ts";
import { type Intake, preparePicture, type ReadPicture } from "./intake.ts";
import { RequestError } from "./request-error.ts";

/** Decodes a picture file; whatever it throws, the picture is what is wrong. */
export type DecodePicture = (bytes: Uint8Array, options: { readonly maxPixels: number }) => Promise<Picture>;

export interface DecodedPicture extends ReadPicture {
  readonly pixels: number;
}

/** @throws RequestError 413 (or TooLargeError) when there are too many pixels, 400 (or DataError) when it is damaged */
export async function readPicture(
  intake: Intake,
  bytes: Uint8Array,
  maxPixels: number,
  decode: DecodePicture = platform().decodePicture,
): Promise<DecodedPicture> {
  let picture: Picture;
  try {
    picture = await decode(bytes, { maxPixels });
  } catch (cause) {
    if (cause instanceof DuctusError) throw cause;
    throw new RequestError(400, `the picture cannot be decoded: ${cause instanceof Error ? cause.message : cause}`);
  }
  // A decoder from elsewhere may keep the 16 bits of a PNG.
  if (picture.data.BYTES_PER_ELEMENT !== 1) throw new DuctusError("decodePicture must give one byte per channel");
  const pixels = picture.width * picture.height;
  if (pixels > maxPixels) throw tooManyPixels();
  return { ...preparePicture(intake, picture), pixels };
}

export function tooManyPixels(): RequestError {
  return new RequestError(413, "the pictures of this request have too many pixels together");
}

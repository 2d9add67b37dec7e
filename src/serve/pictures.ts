/** Picture files of a request: only kinds that were asked for reach the decoder, and no larger ones than allowed. */
import { PICTURE_KINDS, pictureFormatOf } from "../formats/picture-formats.ts";
import { pictureSize } from "../formats/picture-size.ts";
import type { Service } from "./context.ts";
import { type ReadPicture, tooManyPixels } from "./decode-picture.ts";
import type { Intaking } from "./inputs.ts";
import type { Intake } from "./intake.ts";
import type { Reading } from "./reading.ts";
import { RequestError } from "./request-error.ts";
import type { ServedModel } from "./served-model.ts";

/** A decoder may count more pixels than the head of a file says, such as those of a frame around it, but not many more. */
const TOLERANCE = 1.5;
const FRAME = 4096;

/**
 * Reads one picture file after the other, all of one request, which have at most so many pixels together.
 * @returns what throws RequestError 415 for what is no picture, 413 (or TooLargeError) for too many pixels, 400 (or
 * DataError) for what is damaged or blank, 503 when there is no room for it
 */
export function pictureReader(
  reading: Reading,
  intake: Intake,
  maxPixels: number,
  request: Request,
): (bytes: Uint8Array<ArrayBuffer>) => Promise<ReadPicture> {
  let left = maxPixels;
  return async (bytes) => {
    const read = await reading.do("picture", { intake, body: bytes, ...admitted(bytes, left) }, request);
    left -= read.pixels;
    return read;
  };
}

/**
 * How many pixels a picture has by its first bytes, and how many its decoder may give.
 * @param left how many there may be
 * @throws RequestError 415 for what is no picture, 413 for too many pixels
 */
export function admitted(bytes: Uint8Array, left: number): { readonly pixels: number; readonly maxPixels: number } {
  if (pictureFormatOf(bytes) === undefined) throw new RequestError(415, `expected a picture: ${PICTURE_KINDS}`);
  const size = pictureSize(bytes);
  const pixels = size === undefined ? left : size.width * size.height;
  if (left < 1 || pixels > left) throw tooManyPixels();
  return { pixels, maxPixels: Math.min(left, Math.ceil(pixels * TOLERANCE) + FRAME) };
}

/** What samples of a request are put together with. */
export function intakingOf({ reading, limits }: Service, { intake, task }: ServedModel, request: Request): Intaking {
  return { intake, input: task.input, readPicture: pictureReader(reading, intake, limits.maxPixels, request) };
}

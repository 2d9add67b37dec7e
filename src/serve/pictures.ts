/** Picture files from outside: only kinds that were asked for reach the decoder, and no larger ones than allowed. */
import type { Picture } from "../data/picture.ts";
import { DuctusError } from "../engine/errors.ts";
import { PICTURE_KINDS, pictureFormatOf } from "../formats/picture-formats.ts";
import { platform } from "../platform/platform.ts";
import { RequestError } from "./request-error.ts";

/** Decodes a picture file; whatever it throws, the picture is what is wrong. */
export type DecodePicture = (bytes: Uint8Array, options: { readonly maxPixels: number }) => Promise<Picture>;

/**
 * Reads one picture file after the other.
 * @throws RequestError 415 when it is none, 413 (or TooLargeError) when there are too many pixels, 400 (or DataError) when
 * it is damaged
 */
export type ReadPicture = (bytes: Uint8Array) => Promise<Picture>;

/** A reader for one request, whose pictures have at most so many pixels together. */
export function pictureReader(maxPixels: number, decode: DecodePicture = platform().decodePicture): ReadPicture {
  let left = maxPixels;
  const refuse = (): never => {
    throw new RequestError(413, "the pictures of this request have too many pixels together");
  };
  return async (bytes) => {
    if (pictureFormatOf(bytes) === undefined) throw new RequestError(415, `expected a picture: ${PICTURE_KINDS}`);
    if (left < 1) refuse();
    let picture: Picture;
    try {
      picture = await decode(bytes, { maxPixels: left });
    } catch (cause) {
      if (cause instanceof DuctusError) throw cause;
      throw new RequestError(400, `the picture cannot be decoded: ${cause instanceof Error ? cause.message : cause}`);
    }
    // A decoder from elsewhere may keep the 16 bits of a PNG.
    if (picture.data.BYTES_PER_ELEMENT !== 1) throw new DuctusError("decodePicture must give one byte per channel");
    left -= picture.width * picture.height;
    return left < 0 ? refuse() : picture;
  };
}

/** Picture files from outside: only kinds that were asked for reach the decoder, and no larger ones than allowed. */
import type { Picture } from "../data/picture.ts";
import { platform } from "../platform/platform.ts";
import { RequestError } from "./request-error.ts";

const text = (characters: string): number[] => [...characters].map((character) => character.charCodeAt(0));
/** First bytes by kind; undefined: any byte. */
const SIGNATURES: Readonly<Record<string, readonly (number | undefined)[]>> = {
  PNG: [0x89, ...text("PNG\r\n"), 0x1a, 0x0a],
  JPEG: [0xff, 0xd8, 0xff],
  WebP: [...text("RIFF"), undefined, undefined, undefined, undefined, ...text("WEBP")],
};

/** Pixels that a request may still decode. */
export interface PixelBudget {
  pixels: number;
}

/**
 * Decodes a PNG, JPEG or WebP file, and takes its pixels from the budget.
 * @throws RequestError 415 when it is nothing of the kind, TooLargeError when it has too many pixels, DataError when it
 * is damaged
 */
export async function decodePicture(bytes: Uint8Array<ArrayBuffer>, budget: PixelBudget): Promise<Picture> {
  const isKnown = Object.values(SIGNATURES).some((signature) =>
    signature.every((byte, i) => byte === undefined || bytes[i] === byte),
  );
  if (!isKnown) throw new RequestError(415, `expected a picture: ${Object.keys(SIGNATURES).join(", ")}`);
  if (budget.pixels < 1) throw new RequestError(413, "the pictures of this request have too many pixels together");
  const picture = await platform().decodePicture(bytes, { maxPixels: budget.pixels });
  budget.pixels -= picture.width * picture.height;
  return picture;
}

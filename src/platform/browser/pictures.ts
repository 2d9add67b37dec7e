/** Decodes pictures with what the browser has: everything that an `<img>` shows, and what canvases and cameras give. */

import { DataError, TooLargeError } from "../../engine/errors.ts";
import type { Picture } from "../../picture/picture.ts";
import type { DecodeOptions } from "../platform.ts";
import { nameOf, readBytes, type Source } from "./bytes.ts";

/** What browsers show, in words. */
export const SHOWN_KINDS = "PNG, JPEG, WebP, GIF or AVIF";

/** A picture may have so many pixels; more would be a mistake or an attack. */
const MAX_PIXELS = 100_000_000;

/** A picture in one of its many forms: an encoded file, decoded pixels, or something that a canvas can draw. */
export type PictureSource = Source | ImageData | Exclude<CanvasImageSource, SVGImageElement>;

/**
 * Pixels of a picture, turned upright if its camera said how it was held.
 * @returns RGBA bytes
 * @throws DataError when it is no picture that the browser can decode, TooLargeError when it has too many pixels
 */
export async function decodePicture(
  source: PictureSource,
  { maxPixels = MAX_PIXELS }: DecodeOptions = {},
): Promise<Picture> {
  if (source instanceof ImageData) return fromImageData(source);
  const [name, drawn] = isEncoded(source)
    ? [nameOf(source, "picture"), new Blob([new Uint8Array(await readBytes(source))])]
    : ["picture", source];
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(drawn);
  } catch (cause) {
    throw new DataError(`${name}: cannot read the picture; expected a whole ${SHOWN_KINDS} file`, { cause });
  }
  try {
    const { width, height } = bitmap;
    if (width * height > maxPixels) throw new TooLargeError(`${name}: ${width}×${height} pixels are too many`);
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null) throw new DataError(`${name}: the browser has no canvas of ${width}×${height} pixels`);
    context.drawImage(bitmap, 0, 0);
    return fromImageData(context.getImageData(0, 0, width, height));
  } finally {
    bitmap.close();
  }
}

function isEncoded(source: Exclude<PictureSource, ImageData>): source is Source {
  return (
    typeof source === "string" ||
    source instanceof URL ||
    source instanceof Blob ||
    source instanceof Response ||
    source instanceof ArrayBuffer ||
    source instanceof Uint8Array
  );
}

const fromImageData = ({ width, height, data }: ImageData): Picture => ({
  width,
  height,
  channels: 4,
  data: data as Uint8ClampedArray,
});

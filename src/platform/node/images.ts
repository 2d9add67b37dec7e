/** Decodes PNG, JPEG and WebP files and writes PNG through sharp; every step between, the resize included, is our own code. */

import type { Picture } from "../../data/picture.ts";
import { DataError, DuctusError, TooLargeError } from "../../engine/errors.ts";
import type { DecodeOptions } from "../platform.ts";
import { readFileChecked } from "./atomic.ts";

/** What a file name of a picture ends in. */
export const PICTURE_EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp"] as const;

/** A picture may have so many pixels; more would be a mistake or an attack. */
const MAX_PIXELS = 100_000_000;

/**
 * Decodes one picture, turned upright if its camera said how it was held.
 * @param source the path of a file, or its bytes
 * @param name for messages; default: the path
 * @returns RGB or RGBA bytes
 * @throws DataError naming the file when it cannot be read or is no picture, TooLargeError when it has too many pixels
 */
export async function decodeImage(
  source: string | Uint8Array,
  name = typeof source === "string" ? source : "picture",
  { maxPixels = MAX_PIXELS }: DecodeOptions = {},
): Promise<Picture> {
  const sharp = await loadSharp();
  const bytes = typeof source === "string" ? await readFileChecked(source) : source;
  if (bytes.length === 0) throw new DataError(`${name}: the file is empty; expected a PNG, JPEG or WebP picture`);
  try {
    const { data, info } = await sharp(bytes, { failOn: "error", limitInputPixels: maxPixels })
      .autoOrient()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: info.channels, data };
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0];
    if (/pixel limit/.test(reason)) {
      throw new TooLargeError(`${name}: the picture has more than ${maxPixels} pixels; send a smaller one`, { cause });
    }
    throw new DataError(`${name}: cannot read the picture (${reason}); expected a whole PNG, JPEG or WebP file`, {
      cause,
    });
  }
}

/** The bytes of a PNG file. */
export async function encodePng({ width, height, channels, data }: Picture): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const file = sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 9 });
  return channels < 3 ? file.toColourspace("b-w").toBuffer() : file.toBuffer();
}

/** Loaded when the first picture is decoded: training on IDX files needs no decoder. */
async function loadSharp(): Promise<typeof import("sharp").default> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim().split("\n")[0] : String(cause);
    throw new DuctusError(`pictures need the package sharp, which does not load (${reason}); run npm i sharp`, {
      cause,
    });
  }
}

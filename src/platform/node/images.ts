/** Decodes picture files (formats/picture-formats.ts) and writes PNG through sharp; every step between, the resize included, is our own code. */

import { DataError, DuctusError, TooLargeError } from "../../engine/errors.ts";
import { otherKindOf, PICTURE_KINDS, type PictureFormat, pictureFormatOf } from "../../formats/picture-formats.ts";
import type { Picture } from "../../picture/picture.ts";
import type { DecodeOptions } from "../platform.ts";
import { readFileChecked } from "./atomic.ts";

/** A picture may have so many pixels; more would be a mistake or an attack. */
export const MAX_PIXELS = 100_000_000;

/**
 * Decodes one picture, turned upright if its camera said how it was held; of an animation the first frame, of a file with
 * pages the first page.
 * @param source the path of a file, or its bytes
 * @param name for messages; default: the path
 * @returns RGB or RGBA bytes; 16 bits become 8, palettes and CMYK colors
 * @throws DataError naming the file when it cannot be read or is no picture, TooLargeError when it has too many pixels
 */
export async function decodeImage(
  source: string | Uint8Array,
  name = typeof source === "string" ? source : "picture",
  { maxPixels = MAX_PIXELS }: DecodeOptions = {},
): Promise<Picture> {
  const sharp = await loadSharp();
  const bytes = typeof source === "string" ? await readFileChecked(source) : source;
  if (bytes.length === 0) throw new DataError(`${name}: the file is empty; expected a ${PICTURE_KINDS} picture`);
  const format = pictureFormatOf(bytes);
  if (format === undefined) {
    const known = otherKindOf(bytes);
    const { otherKind } = await import("../../formats/kinds.ts");
    const wrong = known === undefined ? otherKind(bytes, name, "picture") : undefined;
    throw wrong ?? unreadable(name, `it is ${known ?? "no picture"}`);
  }
  try {
    const image = sharp(bytes, { failOn: "error", limitInputPixels: maxPixels });
    const { pages } = format.hasPages === true ? await image.metadata() : {};
    const { data, info } = await image
      .autoOrient()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    return { width, height, channels, data, ...(pages !== undefined && pages > 1 && { pages }) };
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0];
    if (/pixel limit/.test(reason)) {
      throw new TooLargeError(`${name}: the picture has more than ${maxPixels} pixels; send a smaller one`, { cause });
    }
    throw unreadable(name, whatIsWrong(format, bytes, reason), cause);
  }
}

/** What a decoder says of a file that is cut off is anybody's guess; the file itself tells. */
function whatIsWrong({ name, isWhole }: PictureFormat, bytes: Uint8Array, reason: string): string {
  if (isWhole?.(bytes) === false) return "the file is cut off, its end is missing";
  const words = reason.replace(/^Input buffer has corrupt header: /, "");
  return words === "" || /unknown error/i.test(words) ? `damaged ${name} data` : words;
}

function unreadable(name: string, reason: string, cause?: unknown): DataError {
  return new DataError(`${name}: cannot read the picture (${reason}); expected a whole ${PICTURE_KINDS} file`, {
    cause,
  });
}

/** The bytes of a PNG file. */
export async function encodePng({ width, height, channels, data }: Picture): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const file = sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 9 });
  return channels < 3 ? file.toColourspace("b-w").toBuffer() : file.toBuffer();
}

/** Loads what decodes, before the first picture is opened. @throws DuctusError when it does not load */
export async function needDecoder(): Promise<void> {
  await loadSharp();
}

/**
 * Loaded when the first picture is decoded: training on IDX files needs no decoder. Of this file only: types that are seen
 * from outside may not name the package's, which want those of Node.
 */
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

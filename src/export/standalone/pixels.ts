/** Pictures as callers of an exported recognizer have them. */
import { DataError } from "../../engine/errors.ts";
import type { Picture } from "../../picture/picture.ts";

/** Pixels row by row, channels interleaved: gray, gray + alpha, RGB or RGBA. A canvas's `ImageData` is one. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** @throws DataError when the bytes are no picture */
export function withChannels({ width, height, data }: Pixels): Picture {
  const channels = data.length / (width * height);
  if (![1, 2, 3, 4].includes(channels)) {
    throw new DataError(`picture: ${data.length} bytes are not ${width}×${height} pixels of 1 to 4 channels`);
  }
  return { width, height, data, channels: channels as Picture["channels"] };
}

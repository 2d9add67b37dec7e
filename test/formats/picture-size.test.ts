/** Sizes of pictures from the heads of their files, against what sharp finds. */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { pictureSize } from "../../src/formats/picture-size.ts";

const picture = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp({ create: { width, height, channels, background: { r: 200, g: 30, b: 9, alpha: 0.5 } } });

const KINDS = {
  PNG: picture(300, 7).png(),
  "interlaced PNG": picture(31, 300).png({ progressive: true }),
  JPEG: picture(640, 33).jpeg(),
  "progressive JPEG with metadata": picture(33, 640).withMetadata({ orientation: 6 }).jpeg({ progressive: true }),
  GIF: picture(19, 501).gif(),
  "lossy WebP": picture(222, 11).webp(),
  "lossless WebP": picture(400, 3).webp({ lossless: true }),
  "WebP with transparency": picture(17, 401, 4).webp(),
  TIFF: picture(71, 12).tiff(),
  AVIF: picture(90, 70).avif({ effort: 0 }),
};

describe("the size of a picture", () => {
  it.each(Object.entries(KINDS))("%s", async (_, file) => {
    const { data, info } = await file.toBuffer({ resolveWithObject: true });
    expect(pictureSize(data)).toEqual({ width: info.width, height: info.height });
    for (let length = 0; length < Math.min(data.length, 700); length++) pictureSize(data.subarray(0, length));
  });

  it("of what is none", () => {
    for (const bytes of [[], [0xff, 0xd8], [0x89], [...Array(64).keys()]]) {
      expect(pictureSize(Uint8Array.from(bytes))).toBeUndefined();
    }
  });
});

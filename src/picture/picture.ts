/**
 * A decoded picture as it comes from a PNG, a camera or a canvas, and its first step towards a model's input: one gray
 * value per pixel. How files are decoded is the platform's business.
 */
import { DataError } from "../engine/errors.ts";

/** Pixels 0 … 255, row by row, channels interleaved: gray, gray + alpha, RGB or RGBA. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array | Uint8ClampedArray;
  /** How many pages or frames its file has, where it has more than one; this is the first. */
  readonly pages?: number | undefined;
}

/** What a transparent picture is laid on; "auto" picks the ground on which its ink shows. */
export type Ground = "white" | "black" | "auto";

/** @throws DataError when the pixels do not fit the size or there are none */
export function checkPicture(picture: Picture): void {
  const { width, height, channels, data } = picture;
  if (width < 1 || height < 1 || data.length !== width * height * channels) {
    throw new DataError(`picture: ${data.length} bytes are not ${width}×${height} pixels of ${channels} channels`);
  }
}

/** Lays a picture with transparency on its ground; 1 or 3 channels come out. */
export function flattenAlpha(picture: Picture, ground: Ground): Picture & { readonly channels: 1 | 3 } {
  checkPicture(picture);
  const { width, height, channels, data } = picture;
  if (channels === 1 || channels === 3) return { width, height, channels, data };
  const colors = channels === 2 ? 1 : 3;
  const back = ground === "white" ? 255 : ground === "black" ? 0 : contrastingGround(picture);
  const flat = new Uint8Array(width * height * colors);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[i * channels + colors] / 255;
    for (let c = 0; c < colors; c++) {
      flat[i * colors + c] = Math.round(data[i * channels + c] * alpha + back * (1 - alpha));
    }
  }
  return { width, height, channels: colors, data: flat };
}

/** A pixel has a color of its own if its channels differ this much, of 255: scanners and JPEG tint gray ones less. */
const TINT = 40;
/** Of its pixels, how many a colored picture colors at least: a thin stroke is enough. */
const COLORED_SHARE = 0.005;
/** Pixels that are looked at. */
const LOOKED_AT = 10_000;

/** Whether a picture shows color, clearly more than scanners and JPEG leave on gray ones. */
export function isColored({ width, height, channels, data }: Picture): boolean {
  if (channels < 3) return false;
  const pixels = width * height;
  const step = Math.max(1, Math.floor(pixels / LOOKED_AT));
  let looked = 0;
  let colored = 0;
  for (let pixel = 0; pixel < pixels; pixel += step) {
    const at = pixel * channels;
    const [red, green, blue] = [data[at], data[at + 1], data[at + 2]];
    const difference = Math.max(red, green, blue) - Math.min(red, green, blue);
    const opacity = channels === 4 ? data[at + 3] : 255;
    if ((difference * opacity) / 255 >= TINT) colored++;
    looked++;
  }
  return colored > COLORED_SHARE * looked;
}

/** One brightness per pixel (Rec. 601 luma), transparency laid on `ground`. */
export function toGray(picture: Picture, ground: Ground): Float32Array {
  const { width, height, channels, data } = flattenAlpha(picture, ground);
  const gray = new Float32Array(width * height);
  for (let i = 0; i < gray.length; i++) gray[i] = luma(data, i * channels, channels);
  return gray;
}

function luma(data: Uint8Array | Uint8ClampedArray, at: number, channels: number): number {
  if (channels < 3) return data[at];
  return (299 * data[at] + 587 * data[at + 1] + 114 * data[at + 2]) / 1000;
}

/**
 * Where most of the picture is transparent, what is opaque is ink and gets the opposite ground; where little is (rounded
 * corners), the opaque part is the page and goes on to the edge.
 */
function contrastingGround(picture: Picture): number {
  const { width, height, channels, data } = picture;
  const pixels = width * height;
  let opacity = 0;
  let light = 0;
  for (let i = 0; i < pixels; i++) {
    const alpha = data[(i + 1) * channels - 1];
    opacity += alpha;
    light += alpha * luma(data, i * channels, channels);
  }
  const isLight = light > opacity * 127.5;
  const isInk = opacity < pixels * 127.5;
  return isLight === isInk ? 0 : 255;
}

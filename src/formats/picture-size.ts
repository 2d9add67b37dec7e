/**
 * How large a picture is, from the first bytes of its file: what decoding it will cost is known before it is decoded
 * (serve/pictures.ts). It reads the formats of picture-formats.ts; decoders check again.
 */

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** Bytes of an AVIF file that are looked through for its size; it stands in the first box that is not the type. */
const AVIF_HEAD = 2 ** 16;
/** Boxes, segments and entries of a file that are looked at. */
const MOST = 10_000;

/** Undefined where a file does not say it, or not where files usually say it. */
export function pictureSize(bytes: Uint8Array): PictureSize | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (bytes[0] === 0x89) return { width: view.getUint32(16), height: view.getUint32(20) };
    if (bytes[0] === 0xff) return jpegSize(view);
    if (named(view, 0, "GIF8")) return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (named(view, 0, "RIFF")) return webpSize(view);
    if (named(view, 0, "II") || named(view, 0, "MM")) return tiffSize(view);
    return named(view, 4, "ftyp") ? avifSize(view) : undefined;
  } catch {
    return undefined; // the file ends before its size
  }
}

function named(view: DataView, at: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (view.getUint8(at + i) !== name.charCodeAt(i)) return false;
  return true;
}

/** The frame header, ISO/IEC 10918-1, B.2.2. */
function jpegSize(view: DataView): PictureSize | undefined {
  for (let at = 2, n = 0; n < MOST; n++) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) at += 1;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else {
      // SOF0 … SOF15, without DHT, JPG and DAC among them.
      const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
      if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
      at += 2 + view.getUint16(at + 2);
    }
  }
  return undefined;
}

/** RFC 9649, sections 2.5 to 2.7. */
function webpSize(view: DataView): PictureSize | undefined {
  if (named(view, 12, "VP8 "))
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (named(view, 12, "VP8L")) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (!named(view, 12, "VP8X")) return undefined;
  const uint24 = (at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 2 ** 16;
  return { width: uint24(24) + 1, height: uint24(27) + 1 };
}

/** The first directory, TIFF 6.0, section 2; large files (BigTIFF) are left to the decoder. */
function tiffSize(view: DataView): PictureSize | undefined {
  const little = view.getUint8(0) === 0x49;
  if (view.getUint16(2, little) !== 42) return undefined;
  const directory = view.getUint32(4, little);
  const found = new Map<number, number>();
  for (let i = 0; i < view.getUint16(directory, little); i++) {
    const entry = directory + 2 + 12 * i;
    const isShort = view.getUint16(entry + 2, little) === 3;
    found.set(
      view.getUint16(entry, little),
      isShort ? view.getUint16(entry + 8, little) : view.getUint32(entry + 8, little),
    );
  }
  const [width, height] = [found.get(256), found.get(257)];
  return width === undefined || height === undefined ? undefined : { width, height };
}

/** The largest image spatial extent, ISO/IEC 23008-12, section 6.5.3. */
function avifSize(view: DataView): PictureSize | undefined {
  let largest: PictureSize | undefined;
  for (let at = 0; at + 16 <= Math.min(view.byteLength, AVIF_HEAD); at++) {
    if (!named(view, at, "ispe")) continue;
    const size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (largest === undefined || size.width * size.height > largest.width * largest.height) largest = size;
  }
  return largest;
}

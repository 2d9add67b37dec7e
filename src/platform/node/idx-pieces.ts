/** The pictures of an IDX file one after the other, however large it is, of whatever type, gzip or plain. */
import {
  checkIdxLength,
  type IdxHeader,
  MAX_IDX_HEADER,
  parseIdxHeader,
  picturesShape,
  readValues,
} from "../../data/formats/idx.ts";
import { LARGEST_SMALL, RangeFinder, spanOf } from "../../data/value-range.ts";
import { isBytes, type ValueSpan } from "../../data/value-span.ts";
import { pieces } from "./pieces.ts";

/** One picture's numbers, which are overwritten by those of the next. */
export type PictureValues = ReturnType<typeof readValues>;

/** What a file of pictures begins with. @throws DataError when it is none */
export async function pictureHeader(path: string): Promise<IdxHeader> {
  let begun = new Uint8Array(0);
  for await (const piece of pieces(path)) {
    begun = Buffer.concat([begun, piece]);
    if (begun.length >= MAX_IDX_HEADER) break;
  }
  const header = parseIdxHeader(begun.subarray(0, MAX_IDX_HEADER), path);
  picturesShape(header, path);
  return header;
}

/** @throws DataError when the file does not hold what its header says */
export async function* idxPictures(path: string): AsyncIterable<PictureValues> {
  const header = await pictureHeader(path);
  const size = (header.bytes - header.offset) / header.dims[0];
  let rest = new Uint8Array(0);
  let skip = header.offset;
  let length = 0;
  for await (const piece of pieces(path)) {
    length += piece.length;
    const skipped = Math.min(skip, piece.length);
    skip -= skipped;
    const bytes = Buffer.concat([rest, piece.subarray(skipped)]);
    const whole = length > header.bytes ? 0 : Math.floor(bytes.length / size);
    for (let i = 0; i < whole; i++) yield readValues(bytes.subarray(i * size, (i + 1) * size), header.type);
    rest = bytes.subarray(whole * size);
  }
  checkIdxLength(header, length, path);
}

/** The range of all pictures of a file; of bytes, only as far as it takes to see that they are bytes. */
export async function idxRange(path: string): Promise<RangeFinder> {
  const { type } = await pictureHeader(path);
  const range = new RangeFinder();
  for await (const values of idxPictures(path)) {
    range.add(values);
    if (type === "uint8" && range.max > LARGEST_SMALL) break;
  }
  return range;
}

/** Whether a file holds pixels that need not be changed. */
export async function holdsBytes(path: string, span?: ValueSpan): Promise<boolean> {
  const { type } = await pictureHeader(path);
  return type === "uint8" && isBytes(span ?? spanOf(await idxRange(path), path));
}

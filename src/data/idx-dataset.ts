/** A user's own IDX files as a data set: whatever their numbers mean, they become pixels 0 … 255 (value-span.ts). */
import type { ImageDataset } from "./dataset.ts";
import {
  assembleIdx,
  type IdxArray,
  type IdxDescription,
  type NamedBytes,
  type Pixels,
  parseIdxHeader,
  picturesShape,
  writeLabels,
} from "./idx.ts";
import {
  checkSpan,
  isBytes,
  LARGEST_SMALL,
  RangeFinder,
  spanNotes,
  spanOf,
  toBytes,
  type ValueSpan,
} from "./value-span.ts";

export interface OwnIdxDescription extends IdxDescription {
  /** What the numbers mean, where it is known. Default: by their range, see `spanOf`. */
  readonly span?: ValueSpan | undefined;
}

/** @throws DataError as `assembleIdx` does, and when the numbers are no pixels */
export function datasetFromIdx({ span, ...description }: OwnIdxDescription): ImageDataset {
  return assembleIdx(description, (array, size, name) => pixelsOf(array, size, span, name));
}

/** Numbers as bytes; those that are pixels already are not copied. */
function pixelsOf({ type, data }: IdxArray, size: number, known: ValueSpan | undefined, name: string): Pixels {
  if (type === "uint8" && known !== undefined && isBytes(known)) return { data, span: known };
  const range = new RangeFinder();
  for (let at = 0; at < data.length && !(type === "uint8" && range.max > LARGEST_SMALL); at += size) {
    range.add(data, at, at + size);
  }
  const span = known ?? spanOf(range, name);
  checkSpan(range, span, name);
  const notes = spanNotes(span, range, name, known !== undefined);
  if (type === "uint8" && isBytes(span)) return { data, span, notes };
  const bytes = new Uint8Array(data.length);
  toBytes(data, span, bytes);
  return { data: bytes, span, notes };
}

/** Pictures of which it is to be found out what they show: all of one class without a name. */
export function samplesFromIdx(images: NamedBytes, name: string): ImageDataset {
  const [count] = picturesShape(parseIdxHeader(images.bytes, images.name), images.name);
  const labels = { name: images.name, bytes: writeLabels(new Int32Array(count), 1) };
  return datasetFromIdx({ name, images, labels, classes: [""] });
}

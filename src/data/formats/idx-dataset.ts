/** A user's own IDX files as a data set: whatever their numbers mean, they become pixels 0 … 255 (value-range.ts). */
import type { ImageDataset } from "../dataset.ts";
import { LARGEST_SMALL, RangeFinder, type SpanSources, settleSpan, spanNotes } from "../value-range.ts";
import { isBytes, toBytes } from "../value-span.ts";
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

/** What the numbers mean, their range says where nothing else does: see `spanOf`. */
export type OwnIdxDescription = IdxDescription & SpanSources;

/** @throws DataError as `assembleIdx` does, and when the numbers are no pixels */
export function datasetFromIdx({ span, trained, ...description }: OwnIdxDescription): ImageDataset {
  return assembleIdx(description, (array, size, name) => pixelsOf(array, size, { span, trained }, name));
}

/** Numbers as bytes; those that are pixels already are not copied. */
function pixelsOf({ type, data }: IdxArray, size: number, known: SpanSources, name: string): Pixels {
  if (type === "uint8" && known.span !== undefined && isBytes(known.span)) return { data, span: known.span };
  const range = new RangeFinder();
  for (let at = 0; at < data.length && !(type === "uint8" && range.max > LARGEST_SMALL); at += size) {
    range.add(data, at, at + size);
  }
  const span = settleSpan(range, known, name);
  const notes = spanNotes(span, range, name, known);
  if (type === "uint8" && isBytes(span)) return { data, span, notes };
  const bytes = new Uint8Array(data.length);
  toBytes(data, span, bytes);
  return { data: bytes, span, notes };
}

/** Pictures of which it is to be found out what they show: all of one class without a name. */
export function samplesFromIdx(images: NamedBytes, name: string, known: SpanSources = {}): ImageDataset {
  const [count] = picturesShape(parseIdxHeader(images.bytes, images.name), images.name);
  const labels = { name: images.name, bytes: writeLabels(new Int32Array(count), 1) };
  return datasetFromIdx({ name, images, labels, classes: [""], ...known });
}

/**
 * The IDX format of the MNIST files: two zero bytes, a type byte, the number of axes, the big-endian size of each axis,
 * then the values. All its element types are read; bytes (pictures, class indices) and 32-bit integers are written.
 * Format: Y. LeCun, C. Cortes and C. Burges, "The MNIST database", section "the IDX file format".
 */
import { DataError, ShapeError } from "../../engine/errors.ts";
import { ImageDataset } from "../dataset.ts";
import type { ValueSpan } from "../value-span.ts";

/** The element types of the format: code in the header, what holds values of it, and how a `DataView` reads one. */
const TYPES = {
  uint8: { code: 8, Values: Uint8Array, read: "getUint8" },
  int8: { code: 9, Values: Int8Array, read: "getInt8" },
  int16: { code: 11, Values: Int16Array, read: "getInt16" },
  int32: { code: 12, Values: Int32Array, read: "getInt32" },
  float32: { code: 13, Values: Float32Array, read: "getFloat32" },
  float64: { code: 14, Values: Float64Array, read: "getFloat64" },
} as const satisfies Record<
  IdxType,
  { readonly code: number; readonly Values: unknown; readonly read: keyof DataView }
>;

/** What holds the values of each type. */
interface IdxData {
  readonly uint8: Uint8Array;
  readonly int8: Int8Array;
  readonly int16: Int16Array;
  readonly int32: Int32Array;
  readonly float32: Float32Array;
  readonly float64: Float64Array;
}

export type IdxType = keyof IdxData;

/** An array read from an IDX file; `data` has as many values as the product of `dims`. */
export type IdxArray = {
  [T in IdxType]: { readonly type: T; readonly dims: readonly number[]; readonly data: IdxData[T] };
}[IdxType];

const MAX_AXES = 4;

/** What the first bytes of an IDX file say. */
export interface IdxHeader {
  readonly type: IdxType;
  readonly dims: readonly number[];
  /** Bytes before the first value, and of the whole file. */
  readonly offset: number;
  readonly bytes: number;
}

/** The longest header: of four axes. */
export const MAX_IDX_HEADER = 4 + 4 * MAX_AXES;

/**
 * Reads the header of an IDX file.
 * @param bytes the beginning of the file, {@link MAX_IDX_HEADER} bytes or all it has
 * @throws DataError when they are no header of an IDX file
 */
export function parseIdxHeader(bytes: Uint8Array, name: string): IdxHeader {
  if (bytes.length < 4) throw new DataError(`${name}: ${bytes.length} bytes is too short for an IDX file`);
  const [zero, alsoZero, code, axes] = bytes;
  const type = (Object.keys(TYPES) as IdxType[]).find((each) => TYPES[each].code === code);
  if (zero !== 0 || alsoZero !== 0 || type === undefined || axes === 0) {
    const magic = [zero, alsoZero, code, axes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new DataError(`${name}: not an IDX file (it starts with ${magic}, expected 00 00 08 01 … 00 00 0c 04)`);
  }
  if (axes > MAX_AXES) throw new DataError(`${name}: IDX file with ${axes} axes; at most ${MAX_AXES} are supported`);

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offset = 4 + 4 * axes;
  if (bytes.length < offset) throw new DataError(`${name}: IDX header cut short at ${bytes.length} of ${offset} bytes`);
  const dims = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = dims.reduce((product, size) => product * size, 1);
  return { type, dims, offset, bytes: offset + count * TYPES[type].Values.BYTES_PER_ELEMENT };
}

/** @throws DataError when a file has not the length that its header says */
export function checkIdxLength({ type, dims, bytes }: IdxHeader, length: number, name: string): void {
  if (length === bytes) return;
  const problem = length < bytes ? "truncated" : "too long";
  throw new DataError(
    `${name}: ${problem}; the header says [${dims.join(", ")}] ${type}, ${bytes} bytes, but there are ${length}`,
  );
}

/**
 * Parses an IDX file that is no longer compressed. Byte arrays are views of `bytes`, not copies.
 * @param name the file's name, for messages
 * @throws DataError when the bytes are no IDX file, too short or too long
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const header = parseIdxHeader(bytes, name);
  checkIdxLength(header, bytes.length, name);
  const { type, dims, offset } = header;
  return { type, dims, data: readValues(bytes.subarray(offset), type) } as IdxArray;
}

/** Values as they stand in a file; bytes are not copied. */
export function readValues(bytes: Uint8Array, type: IdxType): IdxData[IdxType] {
  if (type === "uint8") return bytes;
  const { Values, read } = TYPES[type];
  const size = Values.BYTES_PER_ELEMENT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Values(bytes.length / size);
  for (let i = 0; i < data.length; i++) data[i] = view[read](size * i);
  return data;
}

/** What Ductus writes: pictures and labels as bytes, labels of many classes as integers. */
type WrittenType = "uint8" | "int32";

/**
 * The bytes of an IDX file.
 * @throws ShapeError when `dims` do not describe `data` or there are none or more than four
 */
export function writeIdx(array: IdxArray & { readonly type: WrittenType }): Uint8Array<ArrayBuffer> {
  const { type, dims, data } = array;
  const count = dims.reduce((product, size) => product * size, 1);
  if (dims.length === 0 || dims.length > MAX_AXES || count !== data.length) {
    throw new ShapeError(`writeIdx: [${dims.join(", ")}] does not describe ${data.length} values in 1 to 4 axes`);
  }
  const header = idxHeader(type, dims);
  const bytes = new Uint8Array(header.length + data.length * (type === "uint8" ? 1 : 4));
  bytes.set(header);
  if (type === "uint8") bytes.set(data, header.length);
  else {
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) view.setInt32(header.length + 4 * i, data[i]);
  }
  return bytes;
}

/** What an IDX file begins with. */
export function idxHeader(type: WrittenType, dims: readonly number[]): Uint8Array {
  const header = new Uint8Array(4 + 4 * dims.length);
  const view = new DataView(header.buffer);
  header[2] = TYPES[type].code;
  header[3] = dims.length;
  for (const [axis, size] of dims.entries()) view.setUint32(4 + 4 * axis, size);
  return header;
}

/** The axes of a file of so many pictures: the channels only where there are several. */
export function pictureDims(count: number, [height, width, channels]: readonly number[]): readonly number[] {
  return channels === 1 ? [count, height, width] : [count, height, width, channels];
}

/** The bytes of a file of labels. */
export function writeLabels(labels: Int32Array, classes: number): Uint8Array<ArrayBuffer> {
  const dims = [labels.length];
  return writeIdx(
    classes <= 256 ? { type: "uint8", dims, data: Uint8Array.from(labels) } : { type: "int32", dims, data: labels },
  );
}

/** A data set as the bytes of two IDX files: pictures [N, H, W] or [N, H, W, C], labels [N]. */
export function toIdx(dataset: ImageDataset): { images: Uint8Array<ArrayBuffer>; labels: Uint8Array<ArrayBuffer> } {
  const { length, inputShape, images, classes } = dataset;
  return {
    images: writeIdx({ type: "uint8", dims: pictureDims(length, inputShape), data: images }),
    labels: writeLabels(
      Int32Array.from({ length }, (_, i) => dataset.label(i)),
      classes.length,
    ),
  };
}

/** One file: its name, for messages, and its uncompressed bytes. */
export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What is known of a pair of IDX files beside their bytes. */
export interface IdxDescription {
  readonly name: string;
  readonly images: NamedBytes;
  readonly labels: NamedBytes;
  /** Default: "0" … the largest label. */
  readonly classes?: readonly string[] | undefined;
  /** The label of each class, in order. Default: 0, 1, 2 … */
  readonly numbers?: readonly number[] | undefined;
  readonly polarity?: "light-on-dark" | "dark-on-light" | undefined;
  readonly origin?: string | undefined;
}

/** The numbers of pictures as bytes. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly span?: ValueSpan | undefined;
  readonly notes?: readonly string[] | undefined;
}

/**
 * A data set from a file of pictures, [N, H, W] or [N, H, W, C], and one of labels, [N].
 * @param pixelsOf makes bytes of the numbers of pictures of so many values. Default: they must be bytes, and stay what
 *   they are; idx-dataset.ts looks what they mean
 * @throws DataError when a file is no IDX file of that shape, counts differ or a label is out of range
 */
export function assembleIdx(
  description: IdxDescription,
  pixelsOf: (array: IdxArray, size: number, name: string) => Pixels = bytesAlone,
): ImageDataset {
  const { name, images, labels, polarity, origin } = description;
  const pixels = parseIdx(images.bytes, images.name);
  const [count, height, width, channels] = picturesShape(pixels, images.name);
  const indices = renumbered(parseLabels(labels, count, images.name), description.numbers, labels.name);
  const classes = description.classes ?? classesOf(indices, labels.name);
  const { data, span, notes } = pixelsOf(pixels, height * width * channels, images.name);
  const shape = { height, width, channels };
  const source = { name, images: data, labels: indices, ...shape, classes, polarity, origin, valueSpan: span, notes };
  return new ImageDataset(source);
}

function bytesAlone({ type, data }: IdxArray, _size: number, name: string): Pixels {
  if (type === "uint8") return { data };
  throw new DataError(`${name}: pictures must be bytes, not ${type}`);
}

/** @throws DataError when a file holds something else than pictures */
export function picturesShape(
  { dims }: Pick<IdxHeader, "dims">,
  name: string,
): readonly [count: number, height: number, width: number, channels: number] {
  const [count, height, width, channels = 1] = dims;
  if (dims.length < 3) {
    throw new DataError(`${name}: pictures must be [N, H, W] or [N, H, W, C], not [${dims.join(", ")}]`);
  }
  if (count === 0 || height === 0 || width === 0 || (channels !== 1 && channels !== 3)) {
    throw new DataError(`${name}: [${dims.join(", ")}] holds no pictures of 1 or 3 channels`);
  }
  return [count, height, width, channels];
}

/**
 * Labels as the places of classes. @param numbers the label of each class, where these are not 0, 1, 2 …
 * @throws DataError when a label is none of them
 */
export function renumbered(
  labels: Uint8Array | Int32Array,
  numbers: readonly number[] | undefined,
  name: string,
): Uint8Array | Int32Array {
  if (numbers === undefined) return labels;
  const places = new Map(numbers.map((number, place) => [number, place]));
  return labels.map((label) => {
    const place = places.get(label);
    if (place === undefined) throw new DataError(`${name}: label ${label} is not in the list of classes`);
    return place;
  });
}

/**
 * The labels of `count` pictures: an axis [N], or rows [N, M] that begin with the class, as QMNIST's. @throws DataError when they are no labels, or others' */
export function parseLabels({ name, bytes }: NamedBytes, count: number, images: string): Uint8Array | Int32Array {
  const { dims, data: all } = parseIdx(bytes, name);
  const [, columns = 1] = dims;
  if (dims.length > 2 || columns === 0) {
    throw new DataError(`${name}: labels must be [N], or [N, M] with the class first, not [${dims.join(", ")}]`);
  }
  const data = columns === 1 ? all : all.filter((_, i) => i % columns === 0);
  if (data.length !== count) {
    throw new DataError(
      `${images} holds ${count} pictures but ${name} ${data.length} labels; they do not belong together`,
    );
  }
  if (data instanceof Uint8Array) return data;
  const wrong = data.findIndex((label) => !Number.isInteger(label));
  if (wrong >= 0) throw new DataError(`${name}: label ${data[wrong]} is no whole number`);
  return Int32Array.from(data);
}

const MAX_UNNAMED_CLASSES = 10_000;

/** "0" … the largest label. */
export function classesOf(labels: Uint8Array | Int32Array, name: string): string[] {
  let largest = 0;
  for (const label of labels) largest = Math.max(largest, label);
  if (largest >= MAX_UNNAMED_CLASSES) throw new DataError(`${name}: label ${largest} is too large for a class index`);
  return Array.from({ length: largest + 1 }, (_, index) => String(index));
}

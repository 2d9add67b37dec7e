/**
 * What a batch consists of: arrays by name. A data set says which it writes, a task which it needs, and a compiled program has
 * inputs of the same names, so a batch is read straight into the memory that the network reads.
 */
import { allocate, type DType, type TypedArray } from "../engine/dtype.ts";
import { ShapeError } from "../engine/errors.ts";
import { type Shape, sizeOf } from "../engine/shape.ts";

/** How long an axis is, or the name of an axis that is as long as the longest sample of a batch: `"time"`. */
export type Dim = number | string;

/** One array: what one sample has in it, without the batch axis, and its element type. */
export interface Port {
  readonly shape: readonly Dim[];
  readonly dtype: DType;
}

/** Arrays by their names: `{ x, length }`. */
export type Ports = Readonly<Record<string, Port>>;

/** Arrays by the names of their ports; sample after sample from the front. */
export type Arrays = Readonly<Record<string, TypedArray>>;

/** The arrays of a batch to be trained on, or measured: `x` and `y` are always there. */
export interface BatchArrays extends Arrays {
  readonly x: TypedArray;
  readonly y: TypedArray;
}

/** Lengths of named axes. */
export type Sizes = Readonly<Record<string, number>>;

/** A target that does not count: it fills up what is shorter than others of its batch. PyTorch's number for it. */
export const IGNORED = -100;
/**
 * The port of a data set of strings that says where each symbol of `y` stands: its middle, in columns of `x`; {@link IGNORED} for
 * none. Data that were made have it.
 */
export const PLACES = "at";

/** One whole number for each sample: the index of a class, or a length. */
export const INDEX: Port = { shape: [], dtype: "int32" };

/** The shape of one sample. @throws ShapeError when an axis has a name for which there is no length */
export function shapeAt({ shape }: Port, sizes: Sizes = {}): Shape {
  return shape.map((dim) => {
    const length = typeof dim === "number" ? dim : sizes[dim];
    if (length === undefined) throw new ShapeError(`the axis "${dim}" has no length yet; the data set has to say it`);
    return length;
  });
}

/** The names of the axes that differ from batch to batch, each once. */
export function openAxes(...all: readonly Ports[]): string[] {
  const dims = all.flatMap((ports) => Object.values(ports).flatMap(({ shape }) => shape));
  return [...new Set(dims.filter((dim): dim is string => typeof dim === "string"))];
}

/** Room for `count` samples. */
export function arraysFor(ports: Ports, count: number, sizes?: Sizes): BatchArrays {
  const arrays = Object.entries(ports).map(([name, port]) => {
    return [name, allocate(port.dtype, count * sizeOf(shapeAt(port, sizes)))] as const;
  });
  return Object.fromEntries(arrays) as unknown as BatchArrays;
}

/** A port in words: `uint8 [28, 28, 1]`. */
export const formatPort = ({ shape, dtype }: Port): string => `${dtype} [${shape.join(", ")}]`;

/** Several in words, with their names: `x uint8 [28, 28, 1]`. */
export const formatPorts = (ports: Ports): string =>
  Object.entries(ports)
    .map(([name, port]) => `${name} ${formatPort(port)}`)
    .join(", ");

/** Whether two ports take the same samples. */
export function samePort(a: Port, b: Port): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((dim, i) => dim === b.shape[i]);
}

/** The memory of an array as bytes. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Whether two lists have the same names in the same order. */
export const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a === b || (a.length === b.length && a.every((name, i) => name === b[i]));

/** What samples are called where they are counted: `1,200 images/s`. */
export const nounOf = (ports: Ports): "images" | "samples" => (pictureSize(ports) === undefined ? "samples" : "images");

/** [height, width, channels] of samples that are pictures of bytes; undefined where they are something else. */
export function pictureSize(ports: Ports): readonly [height: number, width: number, channels: number] | undefined {
  const { x } = ports;
  const isPicture = x !== undefined && x.dtype === "uint8" && x.shape.length === 3;
  const [height, width, channels] = isPicture ? x.shape : [];
  if (typeof height !== "number" || typeof width !== "number" || typeof channels !== "number") return undefined;
  return [height, width, channels];
}

/** Rows of samples that are pictures of lines of writing: columns of bytes, one after the other, and how many count; else undefined. */
export function lineRows({ x, length }: Ports): number | undefined {
  const [columns, rows, channels] = x?.shape ?? [];
  const isLine = x?.dtype === "uint8" && x.shape.length === 3 && typeof columns === "string" && channels === 1;
  return isLine && length !== undefined && typeof rows === "number" ? rows : undefined;
}

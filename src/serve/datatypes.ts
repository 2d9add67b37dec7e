/**
 * Element types of tensors in the Open Inference Protocol. A client may send numbers in any of these: what counts is whether
 * the values are ones that the network takes, not how they were written down.
 */
import type { DType, TypedArray } from "../engine/dtype.ts";
import { shown } from "./body.ts";
import { checkNumber, FLOAT32_MAX, type Range } from "./intake.ts";
import { RequestError } from "./request-error.ts";

interface Datatype {
  /** Of one element. */
  readonly bytes: number;
  readonly least: number;
  readonly most: number;
  readonly isWhole: boolean;
  /** The element at a byte; tensors in bytes are little-endian. */
  readonly read: (view: DataView, at: number) => number;
}

function integer(bits: number, isSigned: boolean, read: Datatype["read"]): Datatype {
  const least = isSigned ? -(2 ** (bits - 1)) : 0;
  return { bytes: bits / 8, least, most: least + 2 ** bits - 1, isWhole: true, read };
}

function float(bits: number, most: number, read: Datatype["read"]): Datatype {
  return { bytes: bits / 8, least: -most, most, isWhole: false, read };
}

const DATATYPES = {
  UINT8: integer(8, false, (view, at) => view.getUint8(at)),
  UINT16: integer(16, false, (view, at) => view.getUint16(at, true)),
  UINT32: integer(32, false, (view, at) => view.getUint32(at, true)),
  UINT64: integer(64, false, (view, at) => Number(view.getBigUint64(at, true))),
  INT8: integer(8, true, (view, at) => view.getInt8(at)),
  INT16: integer(16, true, (view, at) => view.getInt16(at, true)),
  INT32: integer(32, true, (view, at) => view.getInt32(at, true)),
  INT64: integer(64, true, (view, at) => Number(view.getBigInt64(at, true))),
  FP32: float(32, FLOAT32_MAX, (view, at) => view.getFloat32(at, true)),
  FP64: float(64, Number.MAX_VALUE, (view, at) => view.getFloat64(at, true)),
} as const satisfies Readonly<Record<string, Datatype>>;

export type DatatypeName = keyof typeof DATATYPES;

/** Names of the types that inputs may have. */
export const DATATYPE_NAMES = Object.keys(DATATYPES) as DatatypeName[];

/** The types that need no conversion. */
export const NATIVE: Readonly<Record<DType, DatatypeName>> = { uint8: "UINT8", int32: "INT32", float32: "FP32" };

/** @throws RequestError 400 for a type that inputs cannot have */
export function datatypeNamed(value: unknown): DatatypeName {
  const known = DATATYPE_NAMES.find((name) => name === value);
  if (known !== undefined) return known;
  throw new RequestError(400, `"datatype" is one of ${DATATYPE_NAMES.join(", ")}; not ${shown(value)}`);
}

/** Bytes of one element. */
export const bytesOf = (name: DatatypeName): number => DATATYPES[name].bytes;

/** Writes numbers from JSON. @throws RequestError 400 for what is no value of the type, or none that the network takes */
export function writeList(numbers: readonly unknown[], name: DatatypeName, samples: TypedArray, range: Range): void {
  const { least, most, isWhole } = DATATYPES[name];
  for (let i = 0; i < numbers.length; i++) {
    const value = checkNumber(numbers[i], range);
    if (value < least || value > most || (isWhole && !Number.isInteger(value))) {
      throw new RequestError(400, `${value} is no value of ${name}`);
    }
    samples[i] = value;
  }
}

/** Writes a tensor from its bytes. @throws RequestError 400 for a value that the network does not take */
export function writeBytes(bytes: Uint8Array, name: DatatypeName, samples: TypedArray, range: Range): void {
  if (name === (samples instanceof Uint8Array ? "UINT8" : samples instanceof Int32Array ? "INT32" : "FP32")) {
    // Every machine that runs WebAssembly is little-endian, too.
    new Uint8Array(samples.buffer).set(bytes);
    // Any byte is one that a network of bytes takes.
    if (!(samples instanceof Uint8Array)) for (const value of samples) checkNumber(value, range);
    return;
  }
  const { bytes: size, read } = DATATYPES[name];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < samples.length; i++) samples[i] = checkNumber(read(view, i * size), range);
}

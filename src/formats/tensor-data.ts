/**
 * Tensors as files hold them: a shape and a typed array in row-major order. The formats of this folder meet here; the
 * engine's own tensors never appear.
 */
import { DataError } from "../engine/errors.ts";

/** A weight as the rest of Ductus uses it: `data` in row-major order, as many values as the product of `shape`. */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

interface ArrayTypes {
  readonly F64: Float64Array;
  readonly F32: Float32Array;
  readonly F16: Uint16Array;
  readonly BF16: Uint16Array;
  readonly I64: BigInt64Array;
  readonly U64: BigUint64Array;
  readonly I32: Int32Array;
  readonly U32: Uint32Array;
  readonly I16: Int16Array;
  readonly U16: Uint16Array;
  readonly I8: Int8Array;
  readonly U8: Uint8Array;
  readonly BOOL: Uint8Array;
}

/** Element types, by their names in safetensors. */
export type Dtype = keyof ArrayTypes;

/** How the values of a stored tensor read as float32; 16-bit floats are kept as their bits. */
const WIDEN = {
  F64: (data) => new Float32Array(data),
  F32: (data) => new Float32Array(data),
  F16: (data) => mapToFloat32(data, halfToFloat),
  BF16: (data) => new Float32Array(new Uint32Array(data).map((bits) => bits << 16).buffer),
  I64: (data) => mapToFloat32(data, Number),
  U64: (data) => mapToFloat32(data, Number),
  I32: (data) => new Float32Array(data),
  U32: (data) => new Float32Array(data),
  I16: (data) => new Float32Array(data),
  U16: (data) => new Float32Array(data),
  I8: (data) => new Float32Array(data),
  U8: (data) => new Float32Array(data),
  BOOL: (data) => new Float32Array(data),
} satisfies { readonly [D in Dtype]: (data: ArrayTypes[D]) => Float32Array };

/** The array that holds each element type; its `BYTES_PER_ELEMENT` is the size in the file. */
export const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const satisfies { readonly [D in Dtype]: unknown };

/** A tensor in the element type of its file. `F16` and `BF16` hold the 16 bits of each value; `BOOL` holds 0 and 1. */
export type StoredTensor = {
  readonly [D in Dtype]: {
    readonly dtype: D;
    readonly shape: readonly number[];
    readonly data: ArrayTypes[D];
  };
}[Dtype];

/** The values as float32, a copy. 64-bit values are rounded to the nearest float32. */
export function toFloat32(tensor: StoredTensor): Float32Array {
  // The table is total and keyed by the same dtype; TypeScript cannot follow the pair through the union.
  const widen = WIDEN[tensor.dtype] as (data: StoredTensor["data"]) => Float32Array;
  return widen(tensor.data);
}

/** The values as int32, a copy; null when a value is no whole number of that range. */
export function toInt32(tensor: StoredTensor): Int32Array | null {
  const out = new Int32Array(tensor.data.length);
  for (let i = 0; i < out.length; i++) {
    const value = Number(tensor.data[i]);
    if (value !== (value | 0)) return null;
    out[i] = value;
  }
  return out;
}

/** `count` values of type `dtype` from `bytes` at `offset` (which need not be aligned), as a copy. */
export function readArray(dtype: Dtype, bytes: Uint8Array, offset: number, count: number): StoredTensor["data"] {
  const array = ARRAYS[dtype];
  const copy = new Uint8Array(count * array.BYTES_PER_ELEMENT);
  copy.set(bytes.subarray(offset, offset + copy.length));
  return new array(copy.buffer);
}

/** The bytes of a typed array, in the little-endian order that every format here wants; a view where that is free. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** How many values a tensor of this shape has, or null where that is beyond exact whole numbers. */
export function elementCount(shape: readonly number[]): number | null {
  let count = 1;
  for (const size of shape) {
    // A zero further on does not excuse an overflow: no honest file has such a shape.
    if (size !== 0) count *= size;
    if (!Number.isSafeInteger(count)) return null;
  }
  return shape.includes(0) ? 0 : count;
}

/** Strides of a tensor of this shape whose values lie in row-major order, in values. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= Math.max(1, shape[axis]);
  }
  return strides;
}

/** Checks that a shape is a list of at most 32 whole numbers ≥ 0; `what` stands in front of the message. */
export function checkShape(shape: unknown, what: string): readonly number[] {
  const good = Array.isArray(shape) && shape.length <= 32 && shape.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!good) throw new DataError(`${what} has a shape that is not a short list of whole numbers`);
  return shape;
}

function mapToFloat32<T>(data: ArrayLike<T>, convert: (value: T) => number): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = convert(data[i]);
  return out;
}

const FLOAT = new Float32Array(1);
const FLOAT_BITS = new Uint32Array(FLOAT.buffer);

/** The bits of the binary16 number nearest to a float32 number, of two the even one; beyond 65,504 the infinities (IEEE 754). */
export function floatToHalf(value: number): number {
  FLOAT[0] = value;
  const [sign, exponent] = [(FLOAT_BITS[0] >>> 16) & 0x8000, ((FLOAT_BITS[0] >>> 23) & 255) - 127];
  if (Number.isNaN(value)) return sign | 0x7e00;
  // Numbers of one exponent are so far apart; below 2⁻¹⁴ all are.
  const least = Math.max(exponent, -14);
  const steps = Math.abs(FLOAT[0]) / 2 ** (least - 10);
  const down = Math.floor(steps);
  const isUp = steps - down > 0.5 || (steps - down === 0.5 && down % 2 === 1);
  // A carry out of the fraction is one into the exponent, as it should.
  return sign | Math.min(0x7c00, 1024 * (least + 14) + down + (isUp ? 1 : 0));
}

/** The same values as binary16, where each is one exactly; else undefined. */
export function asHalves(data: Float32Array): Uint16Array | undefined {
  const halves = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    halves[i] = floatToHalf(data[i]);
    if (!Object.is(halfToFloat(halves[i]), data[i])) return undefined;
  }
  return halves;
}

/** IEEE 754 binary16 to a number, exactly. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

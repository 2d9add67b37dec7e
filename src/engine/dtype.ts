/**
 * Element types. Arithmetic is float32; int32 carries indices, targets, comparisons and random keys; uint8 exists only
 * for pictures on their way in, and is cast before anything else happens to it.
 */

export type DType = "float32" | "int32" | "uint8";

export interface TypedArrays {
  float32: Float32Array;
  int32: Int32Array;
  uint8: Uint8Array;
}

export type TypedArray = TypedArrays[DType];

export const BYTES = { float32: 4, int32: 4, uint8: 1 } as const satisfies Record<DType, number>;

const CONSTRUCTORS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;

/** A zeroed array of `length` elements. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new CONSTRUCTORS[dtype](length);
}

/** A view of `length` elements at byte `offset` of a buffer. */
export function viewOf<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  offset: number,
  length: number,
): TypedArrays[D] {
  return new CONSTRUCTORS[dtype](buffer as ArrayBuffer, offset, length) as TypedArray as TypedArrays[D];
}

/** Bytes of a tensor's elements. */
export const bytesOf = ({ size, dtype }: { readonly size: number; readonly dtype: DType }): number =>
  size * BYTES[dtype];

/** Small things that several op families share: attribute types, batch rules, index walks for the reference loops. */
import type { DType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import type { BatchRule, Call, Spec } from "../tensor.ts";

export type NoAttrs = Record<string, never>;
export const NO_ATTRS: NoAttrs = {};

/** @throws ShapeError unless the tensor has the given type */
export function requireType(op: string, spec: Spec, dtype: DType, role = "input"): void {
  if (spec.dtype !== dtype) {
    throw new ShapeError(
      `${op}: ${role} is ${spec.dtype} ${formatShape(spec.shape)} but must be ${dtype}; cast it first`,
    );
  }
}

/** @throws ShapeError unless the tensor has the given number of axes */
export function requireRank(op: string, spec: Spec, rank: number, meaning: string, role = "input"): void {
  if (spec.shape.length !== rank) {
    throw new ShapeError(`${op}: ${role} has shape ${formatShape(spec.shape)} but must have ${rank} axes, ${meaning}`);
  }
}

/** For ops whose first input alone may carry the batch axis and keeps it in place. */
export function mapFirst(batched: readonly boolean[]): BatchRule {
  return batched[0] && !batched.slice(1).some(Boolean) ? "map" : "whole";
}

/** For elementwise ops: samples stay apart when every input is batched in full or repeated over the batch. */
export function mapAligned(batched: readonly boolean[], call: Call<never>): BatchRule {
  const { shape } = call.output;
  const apart = call.inputs.every((input, i) =>
    batched[i]
      ? input.shape.length === shape.length && input.shape[0] === shape[0]
      : input.shape.length < shape.length || input.shape[0] === 1,
  );
  return apart ? "map" : "whole";
}

/** Calls `visit(offsetA, offsetB, …)` for every index of `shape`, in row-major order, with one offset per stride list. */
export function walk(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (index: number, offsets: readonly number[]) => void,
): void {
  const total = sizeOf(shape);
  const index = shape.map(() => 0);
  const offsets = strides.map(() => 0);
  for (let n = 0; n < total; n++) {
    visit(n, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      for (let s = 0; s < strides.length; s++) offsets[s] += strides[s][axis];
      if (index[axis] < shape[axis]) break;
      for (let s = 0; s < strides.length; s++) offsets[s] -= strides[s][axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

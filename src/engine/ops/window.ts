/**
 * Slices whose place is an input, and their adjoint: `slice` and `place` (movement.ts) with starts that are int32 numbers of
 * the program, so that one compiled program reads and writes wherever it is told to. Sizes are fixed. As XLA's DynamicSlice
 * (openxla.org/xla/operation_semantics) a start is clamped so that the window lies inside, also where it is negative.
 */
import { ShapeError } from "../errors.ts";
import { formatShape, normalizeAxis, type Shape, stridesOf } from "../shape.ts";
import {
  apply,
  type BatchRule,
  type NdArray,
  type Primitive,
  type Reference,
  type Spec,
  type Tensor,
} from "../tensor.ts";
import { reshape } from "./movement.ts";
import { requireType, walk } from "./op-helpers.ts";
import { type AttrChecks, axis as axisCheck, list, MAX_RANK, number, shape as shapeCheck } from "./stored.ts";

/** A window: the second input, int32 [axes], says where it begins along each of `axes`; others are whole. */
export interface WindowAttrs {
  readonly axes: readonly number[];
  /** Of the result: the window of a slice, or what the window is placed in. */
  readonly shape: Shape;
}

export interface PlaceAtAttrs extends WindowAttrs {
  /** What stands around the window. */
  readonly fill: number;
}

/** Checks a window in a tensor of another shape. @throws ShapeError */
function requireWindow(name: string, starts: Spec, axes: readonly number[], within: Shape, window: Shape): void {
  requireType(name, starts, "int32", "starts");
  const fits =
    window.length === within.length &&
    window.every((dim, axis) => (axes.includes(axis) ? dim >= 1 && dim <= within[axis] : dim === within[axis]));
  if (!fits) {
    throw new ShapeError(
      `${name}: a window ${formatShape(window)} does not lie in ${formatShape(within)} along ${formatShape(axes)}; sizes go from 1 to the length of the axis, and other axes are whole`,
    );
  }
  if (starts.shape.length !== 1 || starts.shape[0] !== axes.length) {
    throw new ShapeError(
      `${name}: starts are ${formatShape(starts.shape)} but must be [${axes.length}], one for each of the axes ${formatShape(axes)}`,
    );
  }
}

/** Where a window begins, in elements of the tensor that it lies in. */
function offsetOf(starts: NdArray, axes: readonly number[], within: Shape, window: Shape): number {
  const strides = stridesOf(within);
  return axes.reduce((sum, axis, i) => {
    const start = Math.max(0, Math.min(starts.data[i], within[axis] - window[axis]));
    return sum + start * strides[axis];
  }, 0);
}

/** A window that is as long as the batch begins at 0, wherever it is asked for. */
const batchRule = ([x, starts]: readonly boolean[], from: Shape, to: Shape): BatchRule =>
  x && !starts && from[0] === to[0] ? "map" : "whole";

const windowChecks: AttrChecks<WindowAttrs> = { axes: list(axisCheck, 1, MAX_RANK), shape: shapeCheck };

const windowFits = ([x]: readonly Tensor[], { axes }: WindowAttrs): string | undefined =>
  new Set(axes).size === axes.length && axes.every((axis) => axis < x.rank)
    ? undefined
    : `${formatShape(axes)} are no axes of ${formatShape(x.shape)}`;

export const sliceAtOp: Primitive<WindowAttrs> = {
  name: "sliceAt",
  stored: { inputs: [2, 2], attrs: windowChecks, fits: windowFits },
  infer: ([x, starts], { axes, shape }) => {
    requireWindow("sliceAt", starts, axes, x.shape, shape);
    return { shape, dtype: x.dtype };
  },
  batch: (batched, { inputs: [x], attrs }) => batchRule(batched, x.shape, attrs.shape),
  gradient: (g, { inputs: [x, starts], attrs: { axes } }) => [
    apply(placeAtOp, [g, starts], { axes, shape: x.shape, fill: 0 }),
    undefined,
  ],
};

export const sliceAtReference: Reference<WindowAttrs> = ([x, starts], output, { axes }) => {
  const offset = offsetOf(starts, axes, x.shape, output.shape);
  walk(output.shape, [stridesOf(x.shape)], (n, [at]) => {
    output.data[n] = x.data[offset + at];
  });
};

export const placeAtOp: Primitive<PlaceAtAttrs> = {
  name: "placeAt",
  stored: { inputs: [2, 2], attrs: { ...windowChecks, fill: number }, fits: windowFits },
  infer: ([x, starts], { axes, shape }) => {
    requireWindow("placeAt", starts, axes, shape, x.shape);
    return { shape, dtype: x.dtype };
  },
  batch: (batched, { inputs: [x], attrs }) => batchRule(batched, x.shape, attrs.shape),
  gradient: (g, { inputs: [x, starts], attrs: { axes } }) => [
    apply(sliceAtOp, [g, starts], { axes, shape: x.shape }),
    undefined,
  ],
};

export const placeAtReference: Reference<PlaceAtAttrs> = ([x, starts], output, { axes, fill }) => {
  const offset = offsetOf(starts, axes, output.shape, x.shape);
  output.data.fill(fill);
  walk(x.shape, [stridesOf(output.shape)], (n, [at]) => {
    output.data[offset + at] = x.data[n];
  });
};

/** Axes, starts and the result's shape as the ops want them; `sizes` are the lengths along the axes. */
function windowOf(name: string, x: Tensor, starts: Tensor, sizes: Shape, axes: readonly number[]) {
  const along = axes.map((axis) => normalizeAxis(name, axis, x.rank));
  if (new Set(along).size !== along.length || sizes.length !== along.length) {
    throw new ShapeError(
      `${name}: ${formatShape(sizes)} must be one size for each of the axes ${formatShape(axes)}, and no axis come twice`,
    );
  }
  const shape = x.shape.map((dim, axis) => (along.includes(axis) ? sizes[along.indexOf(axis)] : dim));
  return { starts: starts.rank === 0 ? reshape(starts, [1]) : starts, attrs: { axes: along, shape } };
}

/**
 * A window of a tensor that begins where an input says: `sliceAt(x, position, [3], [1])` takes three rows of axis 1. As
 * jax.lax.dynamic_slice: a start is clamped so that the window lies inside. Gradients flow to x, as if all else were 0.
 * @param starts int32 [axes], or [] for one axis
 * @param sizes of the window, one for each axis
 * @param axes default: all, in order; those that are not named are whole
 * @throws ShapeError when sizes and axes do not fit x
 */
export function sliceAt(
  x: Tensor,
  starts: Tensor,
  sizes: Shape,
  axes: readonly number[] = x.shape.map((_, axis) => axis),
): Tensor {
  const window = windowOf("sliceAt", x, starts, sizes, axes);
  return apply(sliceAtOp, [x, window.starts], window.attrs);
}

/**
 * x in a larger tensor, beginning where an input says and filled elsewhere; the adjoint of {@link sliceAt}, clamped as there.
 * @param starts int32 [axes], or [] for one axis
 * @param sizes lengths of the result, one for each axis
 * @param axes default: all, in order; along those that are not named the result is as long as x
 * @throws ShapeError when x does not fit
 */
export function placeAt(
  x: Tensor,
  starts: Tensor,
  sizes: Shape,
  axes: readonly number[] = x.shape.map((_, axis) => axis),
  fill = 0,
): Tensor {
  const window = windowOf("placeAt", x, starts, sizes, axes);
  return apply(placeAtOp, [x, window.starts], { ...window.attrs, fill });
}

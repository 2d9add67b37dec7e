/**
 * Ops that move numbers without computing: reshape, permute, expand, and the adjoint pair slice ↔ place, from which
 * flip, pad and the gradients of strided windows are made; concat. All but reshape are one affine copy.
 */
import { ShapeError } from "../errors.ts";
import {
  broadcastShapes,
  broadcastStrides,
  formatShape,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from "../shape.ts";
import { apply, type BatchRule, type Primitive, type Reference, type Tensor } from "../tensor.ts";
import { walk } from "./op-helpers.ts";
import {
  type AttrChecks,
  anywhere,
  axes,
  axis as axisCheck,
  inRank,
  MAX_INPUTS,
  number,
  shape as shapeCheck,
} from "./stored.ts";

export interface ShapeAttrs {
  readonly shape: Shape;
}

export const reshapeOp: Primitive<ShapeAttrs> = {
  name: "reshape",
  stored: {
    inputs: [1, 1],
    attrs: { shape: shapeCheck },
    fits: ([x], { shape }) =>
      sizeOf(shape) === x.size ? undefined : `cannot make ${formatShape(x.shape)} into ${formatShape(shape)}`,
  },
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  batch: () => "order",
  gradient: (g, { inputs: [x] }) => [reshape(g, x.shape)],
};

export const reshapeReference: Reference<ShapeAttrs> = ([x], output) => output.data.set(x.data);

/** Same elements, other shape; one dimension may be -1 and is worked out. @throws ShapeError when the sizes differ */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((size, dim) => (dim === -1 ? size : size * dim), 1);
  const full = shape.map((dim) => (dim === -1 ? x.size / known : dim));
  if (sizeOf(full) !== x.size || !full.every(Number.isInteger) || shape.filter((dim) => dim === -1).length > 1) {
    throw new ShapeError(
      `reshape: ${formatShape(x.shape)} has ${x.size} elements and does not fit ${formatShape(shape)}`,
    );
  }
  return apply(reshapeOp, [x], { shape: full });
}

/**
 * Joins the axes from `start` to the last into one: `flatten(x, 1)` gives [batch, features].
 * @param start 0 would join the batch axis, too, so there is no default
 * @throws ShapeError when x has no such axis
 */
export function flatten(x: Tensor, start: number): Tensor {
  if (!Number.isInteger(start) || start < 0 || start >= x.rank) {
    throw new ShapeError(
      `flatten: ${formatShape(x.shape)} has no axis ${start}; say where to begin: flatten(x, 1) gives [batch, features]`,
    );
  }
  return reshape(x, [...x.shape.slice(0, start), sizeOf(x.shape.slice(start))]);
}

export interface PermuteAttrs {
  /** Axis i of the output is axis `order[i]` of the input. */
  readonly order: readonly number[];
}

export const permuteOp: Primitive<PermuteAttrs> = {
  name: "permute",
  stored: {
    inputs: [1, 1],
    attrs: { order: axes },
    fits: ([x], { order }) =>
      order.length === x.rank && new Set(order).size === x.rank && order.every((a) => a < x.rank)
        ? undefined
        : `${formatShape(order)} is no order of ${x.rank} axes`,
  },
  infer: ([x], { order }) => ({ shape: order.map((axis) => x.shape[axis]), dtype: x.dtype }),
  batch: (_, { attrs }) => (attrs.order[0] === 0 ? "map" : "whole"),
  gradient: (g, { attrs: { order } }) => [
    permute(
      g,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ],
};

export const permuteReference: Reference<PermuteAttrs> = ([x], output, { order }) => {
  const strides = stridesOf(x.shape);
  walk(output.shape, [order.map((axis) => strides[axis])], (n, [at]) => {
    output.data[n] = x.data[at];
  });
};

/** Reorders axes: axis i of the result is axis `order[i]` of x. @throws ShapeError unless order is a permutation */
export function permute(x: Tensor, order: readonly number[]): Tensor {
  const positive = order.map((axis) => normalizeAxis("permute", axis, x.rank));
  if (positive.length !== x.rank || new Set(positive).size !== x.rank) {
    throw new ShapeError(`permute: ${formatShape(order)} is no order of the ${x.rank} axes of ${formatShape(x.shape)}`);
  }
  return apply(permuteOp, [x], { order: positive });
}

/** Swaps the last two axes. */
export function transpose(x: Tensor): Tensor {
  const order = x.shape.map((_, axis) => axis);
  return permute(x, [...order.slice(0, -2), x.rank - 1, x.rank - 2]);
}

export const expandOp: Primitive<ShapeAttrs> = {
  name: "expand",
  stored: {
    inputs: [1, 1],
    attrs: { shape: shapeCheck },
    fits: ([x], { shape }) =>
      sameShape(broadcastShapes("expand", [x.shape, shape]), shape)
        ? undefined
        : `cannot repeat ${formatShape(x.shape)} to ${formatShape(shape)}`,
  },
  infer: ([x], { shape }) => {
    broadcastShapes("expand", [x.shape, shape]);
    return { shape, dtype: x.dtype };
  },
  // What has no axis 0 of its own is the same for every sample.
  batch: (_, { inputs: [x], attrs }) =>
    x.rank === attrs.shape.length && x.shape[0] === attrs.shape[0] ? "map" : "source",
  gradient: (g) => [g],
};

export const expandReference: Reference<ShapeAttrs> = ([x], output) => {
  walk(output.shape, [broadcastStrides(x.shape, output.shape)], (n, [at]) => {
    output.data[n] = x.data[at];
  });
};

/** Repeats axes of length 1 (and missing leading axes) up to `shape`. */
export function expand(x: Tensor, shape: Shape): Tensor {
  return x.rank === shape.length && x.shape.every((dim, axis) => dim === shape[axis])
    ? x
    : apply(expandOp, [x], { shape });
}

/** A regular grid of positions in a tensor: along axis a, `starts[a] + i·steps[a]`; steps may be negative. */
export interface GridAttrs {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly shape: Shape;
}

export interface PlaceAttrs extends GridAttrs {
  /** What stands between the placed elements. */
  readonly fill: number;
}

/** Offset of a grid's first position and its strides, in elements of the tensor that it lies in. */
export function gridStrides(within: Shape, { starts, steps }: GridAttrs): { offset: number; strides: number[] } {
  const strides = stridesOf(within);
  const offset = starts.reduce((sum, start, axis) => sum + start * strides[axis], 0);
  return { offset, strides: strides.map((stride, axis) => stride * steps[axis]) };
}

const untouchedBatch = (starts: readonly number[], steps: readonly number[], a: Shape, b: Shape): BatchRule =>
  starts[0] === 0 && steps[0] === 1 && a[0] === b[0] ? "map" : "whole";

const gridChecks: AttrChecks<GridAttrs> = { starts: anywhere, steps: anywhere, shape: shapeCheck };

const gridFits = ([x]: readonly Tensor[], { starts, steps, shape }: GridAttrs): string | undefined =>
  [starts, steps, shape].every(({ length }) => length === x.rank)
    ? undefined
    : `needs ${x.rank} starts, steps and lengths`;

export const sliceOp: Primitive<GridAttrs> = {
  name: "slice",
  stored: { inputs: [1, 1], attrs: gridChecks, fits: gridFits },
  infer: ([x], { starts, steps, shape }) => {
    requireInside("slice", x.shape, starts, steps, shape);
    return { shape, dtype: x.dtype };
  },
  batch: (_, { inputs: [x], attrs }) => untouchedBatch(attrs.starts, attrs.steps, x.shape, attrs.shape),
  gradient: (g, { inputs: [x], attrs: { starts, steps } }) => [place(g, { starts, steps, shape: x.shape, fill: 0 })],
};

export const sliceReference: Reference<GridAttrs> = ([x], output, attrs) => {
  const { offset, strides } = gridStrides(x.shape, attrs);
  walk(output.shape, [strides], (n, [at]) => {
    output.data[n] = x.data[offset + at];
  });
};

export const placeOp: Primitive<PlaceAttrs> = {
  name: "place",
  stored: {
    inputs: [1, 1],
    attrs: { ...gridChecks, fill: number },
    // Steps of 0 would write every element to one place.
    fits: (inputs, grid) =>
      gridFits(inputs, grid) ?? (grid.steps.every((step) => step !== 0) ? undefined : "has a step of 0"),
  },
  infer: ([x], { starts, steps, shape }) => {
    requireInside("place", shape, starts, steps, x.shape);
    return { shape, dtype: x.dtype };
  },
  batch: (_, { inputs: [x], attrs }) => untouchedBatch(attrs.starts, attrs.steps, x.shape, attrs.shape),
  gradient: (g, { inputs: [x], attrs: { starts, steps } }) => [apply(sliceOp, [g], { starts, steps, shape: x.shape })],
};

export const placeReference: Reference<PlaceAttrs> = ([x], output, attrs) => {
  const { offset, strides } = gridStrides(output.shape, attrs);
  output.data.fill(attrs.fill);
  walk(x.shape, [strides], (n, [at]) => {
    output.data[offset + at] = x.data[n];
  });
};

function requireInside(
  op: string,
  within: Shape,
  starts: readonly number[],
  steps: readonly number[],
  count: Shape,
): void {
  within.forEach((dim, axis) => {
    const last = starts[axis] + steps[axis] * (count[axis] - 1);
    if (count[axis] < 1 || Math.min(starts[axis], last) < 0 || Math.max(starts[axis], last) >= dim) {
      throw new ShapeError(
        `${op}: axis ${axis} of ${formatShape(within)} has ${dim} positions; ${count[axis]} from ${starts[axis]} in steps of ${steps[axis]} do not fit`,
      );
    }
  });
}

/** Puts x on a grid of positions in a tensor of the given shape, filled elsewhere; the adjoint of slice. */
export const place = (x: Tensor, attrs: PlaceAttrs): Tensor => apply(placeOp, [x], attrs);

/** A range of one axis, as in Python: from `start` up to but not including `end`, both may be negative. */
export interface Range {
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly step?: number | undefined;
}

/** Takes a range of each axis, `slice(x, [{}, { start: 1, end: -1 }])`; axes not given are kept whole. */
export function slice(x: Tensor, ranges: readonly Range[]): Tensor {
  const spans = x.shape.map((dim, axis) => {
    const { start, end, step = 1 } = ranges[axis] ?? {};
    const clampTo = (value: number): number =>
      Math.min(Math.max(value < 0 ? value + dim : value, step < 0 ? -1 : 0), step < 0 ? dim - 1 : dim);
    const from = start === undefined ? (step < 0 ? dim - 1 : 0) : clampTo(start);
    const to = end === undefined ? (step < 0 ? -1 : dim) : clampTo(end);
    return { from, step, count: Math.ceil((to - from) / step) };
  });
  return apply(sliceOp, [x], {
    starts: spans.map((span) => span.from),
    steps: spans.map((span) => span.step),
    shape: spans.map((span) => span.count),
  });
}

/** Reverses the given axes. */
export function flip(x: Tensor, axes: readonly number[]): Tensor {
  const flipped = axes.map((axis) => normalizeAxis("flip", axis, x.rank));
  return slice(
    x,
    x.shape.map((_, axis) => (flipped.includes(axis) ? { step: -1 } : {})),
  );
}

/** Adds `[before, after]` elements of `value` around each axis. */
export function pad(x: Tensor, amounts: readonly (readonly [before: number, after: number])[], value = 0): Tensor {
  if (amounts.length !== x.rank) {
    throw new ShapeError(`pad: ${amounts.length} pairs for the ${x.rank} axes of ${formatShape(x.shape)}`);
  }
  return place(x, {
    starts: amounts.map(([before]) => before),
    steps: x.shape.map(() => 1),
    shape: x.shape.map((dim, axis) => dim + amounts[axis][0] + amounts[axis][1]),
    fill: value,
  });
}

export interface ConcatAttrs {
  readonly axis: number;
}

export const concatOp: Primitive<ConcatAttrs> = {
  name: "concat",
  layer: { kind: "Concat" },
  stored: { inputs: [1, MAX_INPUTS], attrs: { axis: axisCheck }, fits: inRank },
  infer: (inputs, { axis }) => {
    const [{ shape, dtype }] = inputs;
    for (const x of inputs) {
      const fits =
        x.dtype === dtype && x.shape.length === shape.length && x.shape.every((d, a) => a === axis || d === shape[a]);
      if (!fits) {
        throw new ShapeError(
          `concat: ${formatShape(shape)} and ${formatShape(x.shape)} must be of one type and agree on every axis but ${axis}`,
        );
      }
    }
    const total = inputs.reduce((sum, x) => sum + x.shape[axis], 0);
    return { shape: shape.map((dim, a) => (a === axis ? total : dim)), dtype };
  },
  batch: (batched, { attrs }) => (attrs.axis !== 0 && batched.every(Boolean) ? "map" : "whole"),
  gradient: (g, { inputs, attrs: { axis } }) => {
    let start = 0;
    return inputs.map((x) => {
      const range = { start, end: start + x.shape[axis] };
      start = range.end;
      return slice(
        g,
        x.shape.map((_, a) => (a === axis ? range : {})),
      );
    });
  },
};

export const concatReference: Reference<ConcatAttrs> = (inputs, output, { axis }) => {
  const strides = stridesOf(output.shape);
  let start = 0;
  for (const x of inputs) {
    const offset = start * strides[axis];
    walk(x.shape, [strides], (n, [at]) => {
      output.data[offset + at] = x.data[n];
    });
    start += x.shape[axis];
  }
};

/** Joins tensors along an axis. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  if (tensors.length === 0) throw new ShapeError("concat: needs at least one tensor");
  return apply(concatOp, tensors, { axis: normalizeAxis("concat", axis, tensors[0].rank) });
}

/** Reductions over axes: sum, max, argmax, ln Σ eˣ, what is made of them, and running sums. */
import { ShapeError } from "../errors.ts";
import { formatShape, normalizeAxes, normalizeAxis, type Shape, sizeOf, stridesOf } from "../shape.ts";
import {
  apply,
  type BatchRule,
  type Call,
  type Composite,
  type LayerRole,
  type NdArray,
  type Primitive,
  type Reference,
  type Tensor,
} from "../tensor.ts";
import { abs, add, cast, detach, div, eq, exp, log, maximum, mul, neg, sub, where } from "./elementwise.ts";
import { expand, pad, type Range, reshape, slice } from "./movement.ts";
import { requireType, walk } from "./op-helpers.ts";
import { alongAxis, axes, axis, inRank, type StoredForm, truth } from "./stored.ts";

export interface ReduceAttrs {
  /** Sorted, non-negative. */
  readonly axes: readonly number[];
  /** Whether reduced axes stay, with length 1. */
  readonly keepDims: boolean;
}

/** The shape that is left when `axes` are reduced. */
export function reducedShape(shape: Shape, { axes, keepDims }: ReduceAttrs): Shape {
  return shape.flatMap((dim, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [dim]));
}

/** Splits the index space of a reduction: kept axes, reduced axes, and the strides of the input along each. */
function splitAxes(shape: Shape, axes: readonly number[]): { kept: number[]; reduced: number[]; strides: number[] } {
  const kept = shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  return { kept, reduced: [...axes], strides: stridesOf(shape) };
}

const storedReduction: StoredForm<ReduceAttrs> = {
  inputs: [1, 1],
  attrs: { axes, keepDims: truth },
  fits: ([x], attrs) =>
    attrs.axes.every((a, i) => a < x.rank && (i === 0 || a > attrs.axes[i - 1]))
      ? undefined
      : `cannot reduce axes ${formatShape(attrs.axes)} of ${formatShape(x.shape)}`,
};

function reduction(record: {
  readonly name: string;
  readonly layer: LayerRole;
  readonly sumsBatch: boolean;
  readonly gradient: (g: Tensor, x: Tensor, y: Tensor) => Tensor;
}): Primitive<ReduceAttrs> {
  const { name, layer, gradient } = record;
  return {
    name,
    layer,
    stored: storedReduction,
    infer: ([x], attrs) => {
      if (x.dtype === "uint8") throw new ShapeError(`${name}: input is uint8; cast to float32 first`);
      return { shape: reducedShape(x.shape, attrs), dtype: x.dtype };
    },
    batch: (_, { attrs }): BatchRule => (!attrs.axes.includes(0) ? "map" : record.sumsBatch ? "sum" : "whole"),
    // The rule sees gradient and result with the reduced axes kept, so that both broadcast against x.
    gradient: (g, { inputs: [x], output, attrs }) => {
      const kept = reducedShape(x.shape, { ...attrs, keepDims: true });
      return [gradient(reshape(g, kept), x, reshape(output, kept))];
    },
  };
}

/** Goes through what is reduced to each element, from `start` on. */
function reduceAll(
  x: NdArray,
  output: NdArray,
  axes: readonly number[],
  start: number,
  step: (total: number, x: number) => number,
): void {
  const { kept, reduced, strides } = splitAxes(x.shape, axes);
  const inner = reduced.map((axis) => x.shape[axis]);
  walk(
    kept.map((axis) => x.shape[axis]),
    [kept.map((axis) => strides[axis])],
    (n, [base]) => {
      let total = start;
      walk(inner, [reduced.map((axis) => strides[axis])], (_, [at]) => {
        total = step(total, x.data[base + at]);
      });
      output.data[n] = total;
    },
  );
}

export const sumOp = reduction({
  name: "sum",
  layer: { kind: "Sum", completed: "Mean" },
  sumsBatch: true,
  gradient: (g, x) => expand(g, x.shape),
});

export const sumReference: Reference<ReduceAttrs> = ([x], output, { axes }) =>
  reduceAll(x, output, axes, 0, (total, value) => total + value);

// Ties share the gradient equally, as torch.amax does.
export const maxOp = reduction({
  name: "max",
  layer: { kind: "Max" },
  sumsBatch: false,
  gradient: (g, x, y) => {
    const winners = cast(eq(x, y), "float32");
    const axes = x.shape.flatMap((dim, axis) => (y.shape[axis] === 1 && dim !== 1 ? [axis] : []));
    return mul(winners, div(g, sum(winners, axes, true)));
  },
});

export const maxReference: Reference<ReduceAttrs> = ([x], output, { axes }) =>
  reduceAll(x, output, axes, Number.NEGATIVE_INFINITY, Math.max);

/**
 * ln Σ eˣ over the last axes, from the first of `axes` on, shifted by the largest element so that nothing overflows. Only the
 * result is stored: softmax and cross-entropy work out eˣ⁻ʸ where they need it. A row of −∞ gives −∞.
 */
export const logSumExpOp: Primitive<ReduceAttrs> = {
  name: "logSumExp",
  layer: { kind: "LogSumExp" },
  stored: storedReduction,
  infer: ([x], attrs) => {
    requireType("logSumExp", x, "float32");
    if (!isTrailing(attrs.axes, x.shape.length)) {
      throw new ShapeError(`logSumExp: axes ${attrs.axes.join(", ")} are not the last ones of ${formatShape(x.shape)}`);
    }
    return { shape: reducedShape(x.shape, attrs), dtype: "float32" };
  },
  batch: (_, { attrs }) => (attrs.axes.includes(0) ? "whole" : "map"),
  // d ln Σ eˣ = softmax(x)
  gradient: (g, { inputs: [x], output, attrs }) => {
    const kept = reducedShape(x.shape, { ...attrs, keepDims: true });
    return [mul(reshape(g, kept), exp(sub(x, reshape(output, kept))))];
  },
};

export const logSumExpReference: Reference<ReduceAttrs> = ([x], output, { axes }) => {
  const length = sizeOf(axes.map((axis) => x.shape[axis]));
  for (let row = 0; row < output.data.length; row++) {
    const values = x.data.subarray(row * length, (row + 1) * length);
    let top = Number.NEGATIVE_INFINITY;
    for (const value of values) top = Math.max(top, value);
    const shift = Number.isFinite(top) ? top : 0;
    let total = 0;
    for (const value of values) total += Math.exp(value - shift);
    output.data[row] = Math.log(total) + shift;
  }
};

/** Whether axes, in order, are the last ones of so many. */
const isTrailing = (axes: readonly number[], rank: number): boolean =>
  axes.length > 0 && axes.every((axis, i) => axis === rank - axes.length + i);

export interface ArgmaxAttrs {
  readonly axis: number;
  readonly keepDims: boolean;
}

/** Index of the first largest element along an axis. */
export const argmaxOp: Primitive<ArgmaxAttrs> = {
  name: "argmax",
  stored: { inputs: [1, 1], attrs: { axis, keepDims: truth }, fits: inRank },
  infer: ([x], { axis, keepDims }) => {
    requireType("argmax", x, "float32");
    return { shape: reducedShape(x.shape, { axes: [axis], keepDims }), dtype: "int32" };
  },
  batch: (_, { attrs }: Call<ArgmaxAttrs>) => (attrs.axis === 0 ? "whole" : "map"),
  gradient: null,
};

export const argmaxReference: Reference<ArgmaxAttrs> = ([x], output, { axis }) => {
  const { kept, strides } = splitAxes(x.shape, [axis]);
  walk(
    kept.map((a) => x.shape[a]),
    [kept.map((a) => strides[a])],
    (n, [base]) => {
      let best = 0;
      for (let i = 1; i < x.shape[axis]; i++) {
        if (x.data[base + i * strides[axis]] > x.data[base + best * strides[axis]]) best = i;
      }
      output.data[n] = best;
    },
  );
};

export interface ScanAttrs {
  readonly axis: number;
}

/**
 * y[i] = ln Σ_{j ≤ i} exp x[j] along an axis. Every round adds to each element the sum that ends `reach` before it, and
 * doubles the reach (Hillis & Steele, CACM 1986): log₂ n rounds, none of which over- or underflows.
 */
export const logCumsumExpOp: Composite<ScanAttrs> = {
  name: "logCumsumExp",
  layer: { kind: "LogCumsumExp" },
  stored: alongAxis,
  infer: ([x]) => {
    requireType("logCumsumExp", x, "float32");
    return x;
  },
  body: ([x], { axis }) => {
    let y = x;
    for (let reach = 1; reach < x.shape[axis]; reach *= 2) {
      const along = <T>(value: T, other: T): T[] => x.shape.map((_, a) => (a === axis ? value : other));
      const kept = slice(y, along<Range>({ end: -reach }, {}));
      y = logAddExp(y, pad(kept, along<[number, number]>([reach, 0], [0, 0]), Number.NEGATIVE_INFINITY));
    }
    return y;
  },
};

/** ln(eᵃ + eᵇ) = max(a, b) + ln(1 + e^−|a − b|); −∞ where both are. */
function logAddExp(a: Tensor, b: Tensor): Tensor {
  const difference = where(eq(a, b), 0, sub(a, b)); // ∞ − ∞ is NaN
  return add(maximum(a, b), log(add(exp(neg(abs(difference))), 1)));
}

type Axes = number | readonly number[] | undefined;

/** Sum over axes (all when undefined). */
export function sum(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return apply(sumOp, [x], { axes: normalizeAxes("sum", axes, x.rank), keepDims });
}

/** Largest element over axes (all when undefined). */
export function max(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return apply(maxOp, [x], { axes: normalizeAxes("max", axes, x.rank), keepDims });
}

/** Smallest element over axes (all when undefined). */
export const min = (x: Tensor, axes?: Axes, keepDims = false): Tensor => neg(max(neg(x), axes, keepDims));

/** Mean over axes (all when undefined). */
export function mean(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  requireType("mean", x, "float32");
  const list = normalizeAxes("mean", axes, x.rank);
  return mul(sum(x, list, keepDims), 1 / sizeOf(list.map((axis) => x.shape[axis])));
}

/** Index of the first largest element along an axis (the last by default), int32. */
export function argmax(x: Tensor, axis = -1, keepDims = false): Tensor {
  return apply(argmaxOp, [x], { axis: normalizeAxis("argmax", axis, x.rank), keepDims });
}

/** Variance over axes, divided by n (not n − 1), by the two-pass formula. Axes are kept when asked. */
export function variance(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  const centered = sub(x, mean(x, axes, true));
  return mean(mul(centered, centered), axes, keepDims);
}

/** ln Σ exp of all elements up to each one along an axis (the last by default), as torch.logcumsumexp. */
export const logCumsumExp = (x: Tensor, axis = -1): Tensor =>
  apply(logCumsumExpOp, [x], { axis: normalizeAxis("logCumsumExp", axis, x.rank) });

/** log Σ exp x over axes (all when undefined), shifted by the largest element so that nothing overflows. */
export function logsumexp(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  const list = normalizeAxes("logsumexp", axes, x.rank);
  if (isTrailing(list, x.rank)) return apply(logSumExpOp, [x], { axes: list, keepDims });
  const top = detach(max(x, list, true)); // the shift cancels out, so no gradient needs to pass through it
  const total = add(log(sum(exp(sub(x, top)), list, true)), top);
  return keepDims ? total : reshape(total, reducedShape(x.shape, { axes: list, keepDims }));
}

/** Sums a gradient back to the shape of an operand that was broadcast: the one place where broadcasting is undone. */
export function sumToShape(g: Tensor, shape: Shape): Tensor {
  const lead = g.rank - shape.length;
  const axes = g.shape.flatMap((dim, axis) => (axis < lead || (shape[axis - lead] === 1 && dim !== 1) ? [axis] : []));
  return axes.length === 0 ? g : reshape(sum(g, axes), shape);
}

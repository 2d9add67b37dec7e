/** Operators that reduce axes: sums, extremes, norms, and logarithms of sums. */
import { DataError } from "../engine/errors.ts";
import { abs, div, log, maximum, mul, sqrt } from "../engine/ops/elementwise.ts";
import { argmax, logsumexp, max, mean, min, sum } from "../engine/ops/reduce.ts";
import type { Tensor } from "../engine/tensor.ts";
import { axisOf, type NodeRule, need, setting } from "./onnx-call.ts";
import { dimsOf, mapped, reshaped, type Value } from "./onnx-value.ts";

type Reduce = (x: Tensor, axes: readonly number[], keepDims: boolean) => Tensor;

/** The smallest normal number: below the root of a sum, it keeps the gradient of an empty sum at 0. */
const TINY = 2 ** -126;

const squares: Reduce = (x, axes, keepDims) => sum(mul(x, x), axes, keepDims);

const reduction =
  (op: Reduce): NodeRule =>
  (call) => {
    const x = need(call, 0);
    const all = x.order.map((_, axis) => axis);
    const named = setting(call, "axes", 1) ?? [];
    if (named.length === 0 && call.attrs.int("noop_with_empty_axes", 0) !== 0) return x;
    const axes = named.length === 0 ? all : named.map((axis) => axisOf(x, axis));
    const kept: Value = {
      tensor: op(
        x.tensor,
        axes.map((axis) => x.order[axis]),
        true,
      ),
      order: x.order,
    };
    if (call.attrs.int("keepdims", 1) !== 0) return kept;
    return reshaped(
      kept,
      dimsOf(kept).filter((_, axis) => !axes.includes(axis)),
    );
  };

const absolute: Reduce = (x, axes, keepDims) => sum(abs(x), axes, keepDims);
const euclidean: Reduce = (x, axes, keepDims) => sqrt(maximum(squares(x, axes, keepDims), TINY));

/** LpNormalization: an axis divided by its norm, 0 where that is 0. */
export const lpNormalization: NodeRule = (call) => {
  const x = need(call, 0);
  const axis = x.order[axisOf(x, call.attrs.int("axis", -1))];
  const norm = call.attrs.int("p", 2) === 1 ? absolute : euclidean;
  return mapped(x, (tensor) => div(tensor, maximum(norm(tensor, [axis], true), TINY)));
};

/** The place of the largest number along an axis, the first of equal ones. */
const largest: NodeRule = (call) => {
  if (call.attrs.int("select_last_index", 0) !== 0) throw new DataError("of equal numbers it takes the last");
  const x = need(call, 0);
  const axis = axisOf(x, call.attrs.int("axis", 0));
  const kept = mapped(x, (tensor) => argmax(tensor, x.order[axis], true));
  if (call.attrs.int("keepdims", 1) !== 0) return kept;
  return reshaped(
    kept,
    dimsOf(kept).filter((_, a) => a !== axis),
  );
};

/** By operator. */
export const REDUCTIONS = {
  ArgMax: largest,
  ReduceMean: reduction(mean),
  ReduceSum: reduction(sum),
  ReduceMax: reduction(max),
  ReduceMin: reduction(min),
  ReduceL1: reduction(absolute),
  ReduceL2: reduction(euclidean),
  ReduceSumSquare: reduction(squares),
  ReduceLogSum: reduction((x, axes, keepDims) => log(sum(x, axes, keepDims))),
  ReduceLogSumExp: reduction(logsumexp),
} satisfies Readonly<Record<string, NodeRule>>;

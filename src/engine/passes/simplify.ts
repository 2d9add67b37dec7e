/**
 * Simplification: computes once what is computed twice, folds scalar constants, and drops ops that change nothing. It
 * runs on primitive ops, before fusion, and never changes a rounding: x / 255 stays a division.
 */

import { type ConstantAttrs, constant } from "../ops/constant.ts";
import type { CastAttrs, ElementwiseOp } from "../ops/elementwise.ts";
import { mul, sqrt, where } from "../ops/elementwise.ts";
import { type PermuteAttrs, permute, reshape } from "../ops/movement.ts";
import { type MaxPoolGradAttrs, maxPool2dGradOp, maxPool2dOp, type PoolAttrs } from "../ops/pool.ts";
import type { ReduceAttrs } from "../ops/reduce.ts";
import { alignment, sameShape } from "../shape.ts";
import { apply, Parameter, type Tensor } from "../tensor.ts";
import { rewrite, withInputs } from "./rewrite.ts";

/** What an op can be replaced by, by op name; a rule returns its tensor when it has nothing to say. */
const RULES: Readonly<Record<string, (tensor: Tensor) => Tensor>> = {
  detach: ({ inputs: [x] }) => x,
  reshape: (tensor) => {
    const [x] = tensor.inputs;
    if (sameShape(x.shape, tensor.shape)) return x;
    return x.op.name === "reshape" ? reshape(x.inputs[0], tensor.shape) : tensor;
  },
  expand: (tensor) => (sameShape(tensor.inputs[0].shape, tensor.shape) ? tensor.inputs[0] : tensor),
  permute: (tensor) => {
    const [x] = tensor.inputs;
    const { order } = tensor.attrs as PermuteAttrs;
    if (x.op.name === "permute") {
      const first = (x.attrs as PermuteAttrs).order;
      return RULES.permute(
        permute(
          x.inputs[0],
          order.map((axis) => first[axis]),
        ),
      );
    }
    // Axes of length 1 may go anywhere: only the order of the others moves numbers.
    const moved = order.filter((axis) => x.shape[axis] !== 1);
    const inPlace = moved.every((axis, i) => i === 0 || axis > moved[i - 1]);
    return inPlace ? RULES.reshape(reshape(x, tensor.shape)) : tensor;
  },
  sum: (tensor) => {
    const [x] = tensor.inputs;
    const { axes } = tensor.attrs as ReduceAttrs;
    return axes.every((axis) => x.shape[axis] === 1) ? RULES.reshape(reshape(x, tensor.shape)) : tensor;
  },
  where: (tensor) => maskedBeforeScatter(tensor),
  add: (tensor) => withoutNeutral(tensor, 0),
  mul: (tensor) => withoutNeutral(tensor, 1),
  // The usual exponents, exactly; pow itself goes through exp and log.
  pow: (tensor) => {
    const [x, exponent] = tensor.inputs;
    const value = scalarOf(exponent);
    if (value === 1 && sameShape(x.shape, tensor.shape)) return x;
    if (value === 2) return mul(x, x);
    if (value === 3) return mul(mul(x, x), x);
    if (value === 0.5) return sqrt(x);
    return tensor;
  },
};

function withoutNeutral(tensor: Tensor, neutral: number): Tensor {
  const [a, b] = tensor.inputs;
  if (scalarOf(b) === neutral && sameShape(a.shape, tensor.shape)) return a;
  if (scalarOf(a) === neutral && sameShape(b.shape, tensor.shape)) return b;
  return tensor;
}

/**
 * where(x > 0, gradient of max pooling x, 0) masks before the gradient is spread: only winners get any, and there x is what
 * the window gave. So x need not be kept, and there is less to mask. The same for any comparison with a scalar.
 */
function maskedBeforeScatter(tensor: Tensor): Tensor {
  const [condition, scattered, otherwise] = tensor.inputs;
  if (scattered.op.name !== "maxPool2dGrad" || scalarOf(otherwise) !== 0) return tensor;
  const [winners, g] = scattered.inputs;
  const [x, bound] = condition.inputs;
  const compares = condition.dtype === "int32" && condition.inputs.length === 2 && scalarOf(bound) !== undefined;
  if (!compares || x !== winners.inputs[0]) return tensor;
  const pooled = apply(maxPool2dOp, [x], winners.attrs as PoolAttrs);
  const mask = apply(condition.op, [pooled, bound], condition.attrs as never);
  return apply(maxPool2dGradOp, [winners, where(mask, g, 0)], scattered.attrs as MaxPoolGradAttrs);
}

/** An elementwise op that reads what is repeated for it where it lies, if another operand has its full shape. */
function withoutRepetition(tensor: Tensor): Tensor {
  const { op, inputs, shape } = tensor;
  if (!("scalar" in op) || !inputs.some((input) => input.op.name !== "expand" && sameShape(input.shape, shape)))
    return tensor;
  const short = (input: Tensor): boolean =>
    input.op.name === "expand" && ["vector", "scalar"].includes(alignment(input.inputs[0].shape, shape));
  return inputs.some(short)
    ? withInputs(
        tensor,
        inputs.map((input) => (short(input) ? input.inputs[0] : input)),
      )
    : tensor;
}

/** The number in a constant whose elements are all alike. */
export function scalarOf(tensor: Tensor): number | undefined {
  if (tensor.op.name !== "constant") return undefined;
  const { value } = tensor.attrs as ConstantAttrs;
  if (typeof value === "number") return value;
  return value.length === 1 ? value[0] : undefined;
}

/** An elementwise op whose operands are all scalars known now. */
function folded(tensor: Tensor): Tensor {
  const values = tensor.inputs.map(scalarOf);
  if (!("scalar" in tensor.op) || values.length === 0 || !values.every((value) => value !== undefined)) return tensor;
  const dtype = tensor.dtype === "int32" ? "int32" : "float32";
  const exact = (tensor.op as unknown as ElementwiseOp<CastAttrs>).scalar(tensor.attrs as CastAttrs)(...values);
  return constant(dtype === "float32" ? Math.fround(exact) : exact, dtype, tensor.shape);
}

/** Simplifies everything that `roots` depend on. */
export function simplify(roots: readonly Tensor[]): Tensor[] {
  const known = new Map<string, Tensor>();
  return rewrite(roots, (original) => {
    const tensor = withoutRepetition(original);
    const simpler = folded(RULES[tensor.op.name]?.(tensor) ?? tensor);
    if (simpler instanceof Parameter || simpler.op.name === "input") return simpler;
    const operands = simpler.inputs.map((input) => input.id).join(",");
    const key = `${simpler.op.name}(${operands}) ${simpler.dtype} ${simpler.shape} ${JSON.stringify(simpler.attrs)}`;
    const same = known.get(key);
    if (same !== undefined) return same;
    known.set(key, simpler);
    return simpler;
  });
}

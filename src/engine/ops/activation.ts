/** Activations made of other ops. Each is a named call, so that exporters and errors see its name; the body is its meaning. */
import { ShapeError } from "../errors.ts";
import { normalizeAxis } from "../shape.ts";
import { apply, type Composite, type Tensor } from "../tensor.ts";
import { uniform } from "./constant.ts";
import {
  abs,
  add,
  detach,
  div,
  erf,
  exp,
  ge,
  gt,
  le,
  log,
  maximum,
  minimum,
  mul,
  neg,
  sigmoid,
  sub,
  tanh,
  where,
} from "./elementwise.ts";
import { requireType } from "./op-helpers.ts";
import { logsumexp, max, sum } from "./reduce.ts";

function activation<A extends object>(
  name: string,
  onnx: string | null,
  body: (x: Tensor, attrs: A) => Tensor,
  gradient?: Composite<A>["gradient"],
): Composite<A> {
  return {
    name,
    onnx,
    infer: ([x]) => {
      requireType(name, x, "float32");
      return { shape: x.shape, dtype: "float32" };
    },
    body: ([x], attrs) => body(x, attrs),
    gradient,
  };
}

export interface SlopeAttrs {
  readonly negativeSlope: number;
}

export interface AlphaAttrs {
  readonly alpha: number;
}

export interface GeluAttrs {
  readonly approximate: "none" | "tanh";
}

export interface ClampAttrs {
  readonly min: number;
  readonly max: number;
}

export interface AxisAttrs {
  readonly axis: number;
}

export const leakyReluOp = activation<SlopeAttrs>("leakyRelu", "LeakyRelu", (x, { negativeSlope }) =>
  where(gt(x, 0), x, mul(x, negativeSlope)),
);

// α(eˣ − 1) below 0; the exponent is held at 0 above, so that the unused branch cannot overflow. The hold is a `where`
// and not a minimum, which would halve the gradient at 0.
export const eluOp = activation<AlphaAttrs>("elu", "Elu", (x, { alpha }) =>
  where(gt(x, 0), x, mul(sub(exp(where(gt(x, 0), 0, x)), 1), alpha)),
);

// x·Φ(x), exactly or by Hendrycks & Gimpel's tanh form (arXiv 1606.08415)
export const geluOp = activation<GeluAttrs>("gelu", "Gelu", (x, { approximate }) => {
  const cube = mul(mul(x, x), x);
  const phi =
    approximate === "none" ? erf(mul(x, Math.SQRT1_2)) : tanh(mul(add(x, mul(cube, 0.044715)), Math.sqrt(2 / Math.PI)));
  return mul(mul(x, 0.5), add(phi, 1));
});

export const siluOp = activation("silu", null, (x) => mul(x, sigmoid(x)));

// ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), which holds at ±100 too; its derivative is σ(x)
export const softplusOp = activation(
  "softplus",
  "Softplus",
  (x) => add(maximum(x, 0), log(add(exp(neg(abs(x))), 1))),
  (g, { inputs: [x] }) => [mul(g, sigmoid(x))],
);

// The gradient passes where min ≤ x ≤ max, as in PyTorch.
export const clampOp = activation<ClampAttrs>(
  "clamp",
  "Clip",
  (x, attrs) => minimum(maximum(x, attrs.min), attrs.max),
  (g, { inputs: [x], attrs }) => [where(mul(ge(x, attrs.min), le(x, attrs.max)), g, 0)],
);

// dx = y(g − Σ g·y)
export const softmaxOp = activation<AxisAttrs>(
  "softmax",
  "Softmax",
  (x, { axis }) => {
    const e = exp(sub(x, detach(max(x, axis, true))));
    return div(e, sum(e, axis, true));
  },
  (g, { output: y, attrs: { axis } }) => [mul(y, sub(g, sum(mul(g, y), axis, true)))],
);

// dx = g − softmax(x)·Σ g
export const logSoftmaxOp = activation<AxisAttrs>(
  "logSoftmax",
  "LogSoftmax",
  (x, { axis }) => sub(x, logsumexp(x, axis, true)),
  (g, { output: y, attrs: { axis } }) => [sub(g, mul(exp(y), sum(g, axis, true)))],
);

export interface DropoutAttrs {
  /** Probability that an element becomes 0. */
  readonly p: number;
  /** Number of the layer, so that layers draw apart. */
  readonly stream: number;
  readonly batched: boolean;
}

/** Zeroes elements with probability p and scales the rest by 1/(1 − p) (Srivastava et al., JMLR 2014). Inputs: x, key. */
export const dropoutOp: Composite<DropoutAttrs> = {
  name: "dropout",
  onnx: "Dropout",
  infer: ([x], { p }) => {
    requireType("dropout", x, "float32");
    if (!(p >= 0 && p < 1)) throw new ShapeError(`dropout: probability ${p} is outside 0 ≤ p < 1`);
    return { shape: x.shape, dtype: "float32" };
  },
  body: ([x, key], { p, stream, batched }) => {
    const keep = ge(uniform(key, { shape: x.shape, stream, batched }), p);
    return where(keep, mul(x, 1 / (1 - p)), 0);
  },
};

export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor => apply(leakyReluOp, [x], { negativeSlope });
export const elu = (x: Tensor, alpha = 1): Tensor => apply(eluOp, [x], { alpha });
export const gelu = (x: Tensor, approximate: "none" | "tanh" = "none"): Tensor => apply(geluOp, [x], { approximate });
export const silu = (x: Tensor): Tensor => apply(siluOp, [x], {});
export const softplus = (x: Tensor): Tensor => apply(softplusOp, [x], {});

/** Limits every element to [min, max]. */
export const clamp = (x: Tensor, lower: number, upper: number): Tensor =>
  apply(clampOp, [x], { min: lower, max: upper });

/** eˣ / Σ eˣ along an axis (the last by default), shifted by the largest element so that nothing overflows. */
export const softmax = (x: Tensor, axis = -1): Tensor =>
  apply(softmaxOp, [x], { axis: normalizeAxis("softmax", axis, x.rank) });

/** ln softmax along an axis (the last by default). */
export const logSoftmax = (x: Tensor, axis = -1): Tensor =>
  apply(logSoftmaxOp, [x], { axis: normalizeAxis("logSoftmax", axis, x.rank) });

/** Dropout with random numbers from `key` (two int32 words); see {@link dropoutOp}. */
export const dropout = (x: Tensor, key: Tensor, attrs: DropoutAttrs): Tensor => apply(dropoutOp, [x, key], attrs);

/** Activations made of other ops. Each is a named call, so that exporters and errors see its name; the body is its meaning. */
import { ShapeError } from "../errors.ts";
import { formatShape, normalizeAxis, sameShape } from "../shape.ts";
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
  lt,
  maximum,
  minimum,
  mul,
  neg,
  relu,
  sigmoid,
  sub,
  tanh,
  where,
} from "./elementwise.ts";
import { slice } from "./movement.ts";
import { requireType } from "./op-helpers.ts";
import { logsumexp, max, sum } from "./reduce.ts";
import { type AttrChecks, alongAxis, finite, number, oneOf, plain } from "./stored.ts";

interface Activation<A extends object> {
  readonly name: string;
  /** PyTorch's name of the layer. */
  readonly layer: string;
  /** What a stored graph may give for each attribute. */
  readonly attrs: AttrChecks<A>;
  readonly body: (x: Tensor, attrs: A) => Tensor;
  readonly gradient?: Composite<A>["gradient"];
}

/** One float32 tensor in, one of the same shape out. Marked, so that bundlers leave out what a page does not use. */
/* @__NO_SIDE_EFFECTS__ */
function activation<A extends object = object>({ name, layer, attrs, body, gradient }: Activation<A>): Composite<A> {
  return {
    name,
    layer: { kind: layer },
    stored: { inputs: [1, 1], attrs },
    infer: ([x]) => {
      requireType(name, x, "float32");
      return { shape: x.shape, dtype: "float32" };
    },
    body: ([x], values) => body(x, values),
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

export const leakyReluOp = activation<SlopeAttrs>({
  name: "leakyRelu",
  layer: "LeakyReLU",
  attrs: { negativeSlope: finite },
  body: (x, { negativeSlope }) => where(gt(x, 0), x, mul(x, negativeSlope)),
});

// α(eˣ − 1) below 0; the exponent is held at 0 above, so that the unused branch cannot overflow. The hold is a `where`
// and not a minimum, which would halve the gradient at 0.
export const eluOp = activation<AlphaAttrs>({
  name: "elu",
  layer: "ELU",
  attrs: { alpha: finite },
  body: (x, { alpha }) => where(gt(x, 0), x, mul(sub(exp(where(gt(x, 0), 0, x)), 1), alpha)),
});

// x·Φ(x), exactly or by Hendrycks & Gimpel's tanh form (arXiv 1606.08415)
export const geluOp = activation<GeluAttrs>({
  name: "gelu",
  layer: "GELU",
  attrs: { approximate: oneOf("none", "tanh") },
  body: (x, { approximate }) => {
    const cube = mul(mul(x, x), x);
    const phi =
      approximate === "none"
        ? erf(mul(x, Math.SQRT1_2))
        : tanh(mul(add(x, mul(cube, 0.044715)), Math.sqrt(2 / Math.PI)));
    return mul(mul(x, 0.5), add(phi, 1));
  },
});

export const siluOp = activation({ name: "silu", layer: "SiLU", attrs: {}, body: (x) => mul(x, sigmoid(x)) });

// x·relu6(x + 3)/6, and as in PyTorch no gradient through relu6 at its corners; Howard et al., arXiv 1905.02244
export const hardswishOp = activation({
  name: "hardswish",
  layer: "Hardswish",
  attrs: {},
  body: (x) => mul(x, mul(where(lt(x, 3), relu(add(x, 3)), 6), 1 / 6)),
});

// ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), which holds at ±100 too; its derivative is σ(x)
export const softplusOp = activation({
  name: "softplus",
  layer: "Softplus",
  attrs: {},
  body: (x) => add(maximum(x, 0), log(add(exp(neg(abs(x))), 1))),
  gradient: (g, { inputs: [x] }) => [mul(g, sigmoid(x))],
});

// The gradient passes where min ≤ x ≤ max, as in PyTorch.
export const clampOp = activation<ClampAttrs>({
  name: "clamp",
  layer: "Hardtanh",
  attrs: { min: number, max: number },
  body: (x, attrs) => minimum(maximum(x, attrs.min), attrs.max),
  gradient: (g, { inputs: [x], attrs }) => [where(mul(ge(x, attrs.min), le(x, attrs.max)), g, 0)],
});

/** An activation along one axis. */
/* @__NO_SIDE_EFFECTS__ */
const alongOneAxis = (
  record: Pick<Activation<AxisAttrs>, "name" | "layer" | "body" | "gradient">,
): Composite<AxisAttrs> => ({ ...activation({ ...record, attrs: alongAxis.attrs }), stored: alongAxis });

// dx = y(g − Σ g·y)
export const softmaxOp = alongOneAxis({
  name: "softmax",
  layer: "Softmax",
  body: (x, { axis }) => {
    const e = exp(sub(x, detach(max(x, axis, true))));
    return div(e, sum(e, axis, true));
  },
  gradient: (g, { output: y, attrs: { axis } }) => [mul(y, sub(g, sum(mul(g, y), axis, true)))],
});

// dx = g − softmax(x)·Σ g
export const logSoftmaxOp = alongOneAxis({
  name: "logSoftmax",
  layer: "LogSoftmax",
  body: (x, { axis }) => sub(x, logsumexp(x, axis, true)),
  gradient: (g, { output: y, attrs: { axis } }) => [sub(g, mul(exp(y), sum(g, axis, true)))],
});

/** a·σ(b), where a and b are the two halves of x along an axis; Dauphin et al., arXiv 1612.08083. */
export const gluOp: Composite<AxisAttrs> = {
  name: "glu",
  layer: { kind: "GLU" },
  stored: alongAxis,
  infer: ([x], { axis }) => {
    requireType("glu", x, "float32");
    if (x.shape[axis] % 2 !== 0) {
      throw new ShapeError(`glu: axis ${axis} of ${formatShape(x.shape)} has no two halves; its length must be even`);
    }
    return { shape: x.shape.map((dim, a) => (a === axis ? dim / 2 : dim)), dtype: "float32" };
  },
  body: ([x], { axis }) => {
    const half = x.shape[axis] / 2;
    const part = (start: number): Tensor =>
      slice(
        x,
        x.shape.map((_, a) => (a === axis ? { start, end: start + half } : {})),
      );
    return mul(part(0), sigmoid(part(half)));
  },
};

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
  layer: { kind: "Dropout" },
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

/** x where it is above 0, else x times the slope. */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor => apply(leakyReluOp, [x], { negativeSlope });
/** x where it is above 0, else alpha · (eˣ − 1), by default with alpha 1. Clevert et al., arXiv 1511.07289. */
export const elu = (x: Tensor, alpha = 1): Tensor => apply(eluOp, [x], { alpha });
/** x · Φ(x), with the distribution function of the normal distribution. Hendrycks and Gimpel, arXiv 1606.08415. */
export const gelu = (x: Tensor, approximate: "none" | "tanh" = "none"): Tensor => apply(geluOp, [x], { approximate });
/** x · sigmoid(x). */
export const silu = (x: Tensor): Tensor => apply(siluOp, [x], {});
/** x · clamp(x + 3, 0, 6) / 6. Howard et al., arXiv 1905.02244. */
export const hardswish = (x: Tensor): Tensor => apply(hardswishOp, [x], {});
/** ln(1 + eˣ), without overflow. */
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

/**
 * The first half of x along an axis (the last by default), gated by the sigmoid of the second; half as long there.
 * @throws ShapeError when the length is odd
 */
export const glu = (x: Tensor, axis = -1): Tensor => apply(gluOp, [x], { axis: normalizeAxis("glu", axis, x.rank) });

// silu(gate)·up; Shazeer, arXiv 2002.05202
export const swigluOp: Composite = {
  name: "swiglu",
  layer: { kind: "SwiGLU" },
  stored: plain(2),
  infer: ([gate, up]) => {
    requireType("swiglu", gate, "float32", "gate");
    requireType("swiglu", up, "float32");
    if (!sameShape(gate.shape, up.shape)) {
      throw new ShapeError(
        `swiglu: the gate is ${formatShape(gate.shape)} but what it gates ${formatShape(up.shape)}; they must agree`,
      );
    }
    return gate;
  },
  body: ([gate, up]) => mul(silu(gate), up),
};

/**
 * silu(gate)·up, the gated unit of Llama's feed-forward layers: `swiglu(w1(x), w3(x))`.
 * @throws ShapeError unless both are float32 of one shape
 */
export const swiglu = (gate: Tensor, up: Tensor): Tensor => apply(swigluOp, [gate, up], {});

/** Dropout with random numbers from `key` (two int32 words); see {@link dropoutOp}. */
export const dropout = (x: Tensor, key: Tensor, attrs: DropoutAttrs): Tensor => apply(dropoutOp, [x, key], attrs);

/** Losses as named calls. All return a scalar, the mean over the batch, unless `reduction` says otherwise. */
import { ShapeError } from "../errors.ts";
import { formatShape } from "../shape.ts";
import { apply, type Composite, type Spec, Tensor } from "../tensor.ts";
import { logSoftmax, softplus } from "./activation.ts";
import { constant } from "./constant.ts";
import { add, cast, div, eq, exp, mul, neg, sigmoid, sub } from "./elementwise.ts";
import { embedding, gather } from "./gather.ts";
import { reshape } from "./movement.ts";
import { requireRank, requireType } from "./op-helpers.ts";
import { mean, sum } from "./reduce.ts";

/** "mean" over the batch (weighted by class weights, as PyTorch), "sum", or "none": one loss per sample. */
export type Reduction = "mean" | "sum" | "none";

export interface CrossEntropyAttrs {
  readonly labelSmoothing: number;
  readonly reduction: Reduction;
}

export interface ReductionAttrs {
  readonly reduction: Reduction;
}

const lossShape = (x: Spec, reduction: Reduction): Spec => ({
  shape: reduction === "none" ? x.shape.slice(0, 1) : [],
  dtype: "float32",
});

/** Rows of the identity: int32 classes [B] → float32 [B, K]. */
export function oneHot(classes: Tensor, count: number): Tensor {
  const numbers = constant(
    Array.from({ length: count }, (_, k) => k),
    "int32",
  );
  return cast(eq(reshape(classes, [...classes.shape, 1]), numbers), "float32");
}

/** Target probabilities [B, K], and the divisor of the mean, from class indices or soft targets and class weights. */
function targetDistribution(
  logits: Tensor,
  target: Tensor,
  weight: Tensor | undefined,
  smoothing: number,
): { p: Tensor; total: Tensor | number } {
  const [B, K] = logits.shape;
  const hard = target.dtype === "int32";
  let p = hard ? oneHot(target, K) : target; // [B, K]
  if (smoothing > 0) p = add(mul(p, 1 - smoothing), smoothing / K);
  if (weight === undefined) return { p, total: B };
  // PyTorch divides by the weights of the target classes, but by the batch size for soft targets.
  const total = hard ? sum(embedding(reshape(weight, [K, 1]), target)) : B;
  return { p: mul(p, weight), total };
}

/**
 * −Σ p·log softmax(logits). Inputs: logits [B, K], target (int32 [B] or float32 [B, K]), optionally weight [K].
 * Fused with the softmax, so the gradient is softmax·Σp − p and nothing over- or underflows.
 */
export const crossEntropyOp: Composite<CrossEntropyAttrs> = {
  name: "crossEntropy",
  infer: ([logits, target, weight], { labelSmoothing, reduction }) => {
    requireRank("crossEntropy", logits, 2, "[batch, classes]", "logits");
    requireType("crossEntropy", logits, "float32", "logits");
    const [B, K] = logits.shape;
    const wanted = target.dtype === "int32" ? [B] : [B, K];
    if (formatShape(target.shape) !== formatShape(wanted)) {
      throw new ShapeError(
        `crossEntropy: logits are ${formatShape(logits.shape)} and ${target.dtype} targets ${formatShape(target.shape)}; expected ${formatShape(wanted)} (int32 classes [batch] or float32 probabilities [batch, classes])`,
      );
    }
    if (weight !== undefined && (weight.shape.length !== 1 || weight.shape[0] !== K)) {
      throw new ShapeError(`crossEntropy: class weights are ${formatShape(weight.shape)} but there are ${K} classes`);
    }
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new ShapeError(`crossEntropy: labelSmoothing ${labelSmoothing} is outside 0 … 1`);
    }
    return lossShape(logits, reduction);
  },
  body: ([logits, target, weight], { labelSmoothing, reduction }) => {
    const { p, total } = targetDistribution(logits, target, weight, labelSmoothing);
    const losses = neg(sum(mul(p, logSoftmax(logits)), 1)); // [B]
    return reduction === "none" ? losses : reduction === "sum" ? sum(losses) : div(sum(losses), total);
  },
  gradient: (g, { inputs: [logits, target, weight], attrs: { labelSmoothing, reduction } }) => {
    const { p, total } = targetDistribution(logits, target, weight, labelSmoothing);
    const scale = reduction === "none" ? reshape(g, [logits.shape[0], 1]) : reduction === "sum" ? g : div(g, total);
    const logProbabilities = logSoftmax(logits);
    // Soft targets: dp = −log softmax, through the smoothing and the class weights
    const dp = mul(logProbabilities, mul(scale, labelSmoothing - 1));
    return [
      mul(sub(mul(exp(logProbabilities), sum(p, 1, true)), p), scale),
      target.dtype === "int32" ? undefined : weight === undefined ? dp : mul(dp, weight),
      undefined,
    ];
  },
};

/** Negative log-likelihood of log-probabilities [B, K]. Inputs: log-probabilities, int32 classes [B], optionally weight [K]. */
export const nllLossOp: Composite<ReductionAttrs> = {
  name: "nllLoss",
  infer: ([logits, target], { reduction }) => {
    requireRank("nllLoss", logits, 2, "[batch, classes]");
    requireType("nllLoss", target, "int32", "target");
    if (target.shape.length !== 1 || target.shape[0] !== logits.shape[0]) {
      throw new ShapeError(
        `nllLoss: input is ${formatShape(logits.shape)} but targets are ${formatShape(target.shape)}; expected [${logits.shape[0]}]`,
      );
    }
    return lossShape(logits, reduction);
  },
  body: ([logits, target, weight], { reduction }) => {
    const [B, K] = logits.shape;
    // Picked, not multiplied by a one-hot row: the others may be −∞, and 0·∞ is NaN.
    const picked = neg(reshape(gather(logits, 1, reshape(target, [B, 1])), [B]));
    const weights = weight && reshape(embedding(reshape(weight, [K, 1]), target), [B]);
    const losses = weights === undefined ? picked : mul(picked, weights);
    const total = weights === undefined ? B : sum(weights);
    return reduction === "none" ? losses : reduction === "sum" ? sum(losses) : div(sum(losses), total);
  },
};

/** Mean of (x − target)². Inputs: x, target of the same shape. */
export const mseLossOp: Composite = {
  name: "mseLoss",
  infer: ([x, target]) => {
    requireSameShape("mseLoss", x, target);
    return { shape: [], dtype: "float32" };
  },
  body: ([x, target]) => {
    const difference = sub(x, target);
    return mean(mul(difference, difference));
  },
};

/** Mean of −t·ln σ(x) − (1 − t)·ln(1 − σ(x)) = softplus(x) − t·x. Inputs: logits, float32 targets in 0 … 1. */
export const bceWithLogitsOp: Composite = {
  name: "bceWithLogits",
  infer: ([x, target]) => {
    requireSameShape("bceWithLogits", x, target);
    return { shape: [], dtype: "float32" };
  },
  body: ([x, target]) => mean(sub(softplus(x), mul(x, target))),
  gradient: (g, { inputs: [x, target] }) => [mul(sub(sigmoid(x), target), div(g, x.size)), neg(mul(x, div(g, x.size)))],
};

function requireSameShape(name: string, x: Spec, target: Spec): void {
  requireType(name, x, "float32");
  requireType(name, target, "float32", "target");
  if (formatShape(x.shape) !== formatShape(target.shape)) {
    throw new ShapeError(
      `${name}: input is ${formatShape(x.shape)} but the target is ${formatShape(target.shape)}; they must agree`,
    );
  }
}

export interface CrossEntropyOptions {
  /** Share of the probability that is spread over all classes; default 0. */
  readonly labelSmoothing?: number | undefined;
  /** Weight of each class, [K]. */
  readonly weight?: Tensor | readonly number[] | undefined;
  readonly reduction?: Reduction | undefined;
}

const asTensor = (weight: Tensor | readonly number[] | undefined): readonly Tensor[] =>
  weight === undefined ? [] : [weight instanceof Tensor ? weight : constant(weight)];

/** Cross-entropy of logits [B, K] against int32 classes [B] or float32 probabilities [B, K]. */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing = 0, reduction = "mean", weight } = options;
  return apply(crossEntropyOp, [logits, target, ...asTensor(weight)], { labelSmoothing, reduction });
}

/** Negative log-likelihood of log-probabilities [B, K] against int32 classes [B]. */
export function nllLoss(
  logProbabilities: Tensor,
  target: Tensor,
  options: Omit<CrossEntropyOptions, "labelSmoothing"> = {},
): Tensor {
  return apply(nllLossOp, [logProbabilities, target, ...asTensor(options.weight)], {
    reduction: options.reduction ?? "mean",
  });
}

/** Mean squared error. */
export const mseLoss = (x: Tensor, target: Tensor): Tensor => apply(mseLossOp, [x, target], {});

/** Binary cross-entropy of logits. */
export const bceWithLogits = (x: Tensor, target: Tensor): Tensor => apply(bceWithLogitsOp, [x, target], {});

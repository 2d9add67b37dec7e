/**
 * Losses as named calls. Classes are the last axis: logits [batch, …, K] with targets [batch, …], where PyTorch has them
 * second. All return a scalar, the mean over all targets, unless `reduction` says otherwise.
 */
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";
import { apply, type Composite, type Spec, Tensor } from "../tensor.ts";
import { logSoftmax, softplus } from "./activation.ts";
import { constant } from "./constant.ts";
import { add, cast, div, eq, exp, ge, lt, mul, ne, neg, sigmoid, sub, where } from "./elementwise.ts";
import { embedding, gather } from "./gather.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./movement.ts";
import { requireType } from "./op-helpers.ts";
import { logsumexp, mean, sum } from "./reduce.ts";

/** "mean" over all targets (weighted by class weights, as PyTorch), "sum", or "none": one loss per target. */
export type Reduction = "mean" | "sum" | "none";

export interface ReductionAttrs {
  readonly reduction: Reduction;
}

export interface NllLossAttrs extends ReductionAttrs {
  /** Targets of this class are left out; none are where it is missing. */
  readonly ignoreIndex?: number | undefined;
}

export interface CrossEntropyAttrs extends NllLossAttrs {
  readonly labelSmoothing: number;
}

/** [batch, …, K] → [batch, …]. */
const rowsOf = (x: Spec): Shape => x.shape.slice(0, -1);
const classesOf = (x: Spec): number => x.shape[x.shape.length - 1];

const lossShape = (x: Spec, reduction: Reduction): Spec => ({
  shape: reduction === "none" ? rowsOf(x) : [],
  dtype: "float32",
});

/** Rows of the identity: int32 classes […] → float32 […, count]. A class outside of 0 … count − 1 gives a row of zeros. */
export function oneHot(classes: Tensor, count: number): Tensor {
  const numbers = constant(
    Array.from({ length: count }, (_, k) => k),
    "int32",
  );
  return cast(eq(reshape(classes, [...classes.shape, 1]), numbers), "float32");
}

/** @throws ShapeError unless x is float32 [batch, …, K], and class weights, if there are any, are [K] */
function requireClasses(name: string, x: Spec, weight: Spec | undefined): void {
  requireType(name, x, "float32", "logits");
  if (x.shape.length < 2) {
    throw new ShapeError(
      `${name}: logits have shape ${formatShape(x.shape)} but must have at least 2 axes, [batch, …, classes]`,
    );
  }
  if (weight !== undefined && (weight.shape.length !== 1 || weight.shape[0] !== classesOf(x))) {
    throw new ShapeError(
      `${name}: class weights are ${formatShape(weight.shape)} but there are ${classesOf(x)} classes`,
    );
  }
}

/** What the targets say, one number a row, each […, 1]. */
interface Labels {
  /** int32 classes. */
  readonly classes: Tensor;
  /** int32, not 0 where the loss of the row counts: the class exists and is not the one to be ignored. */
  readonly counts: Tensor;
  /** What the row's loss is multiplied by: the weight of its class, or 1; 0 where it does not count. */
  readonly weight: Tensor;
}

function labelsOf(target: Tensor, K: number, weight: Tensor | undefined, ignoreIndex: number | undefined): Labels {
  const column = [...target.shape, 1];
  const classes = reshape(target, column);
  const exists = mul(ge(classes, 0), lt(classes, K));
  const counts = ignoreIndex === undefined ? exists : mul(exists, ne(classes, ignoreIndex));
  const own = weight === undefined ? 1 : reshape(embedding(target, reshape(weight, [K, 1])), column);
  return { classes, counts, weight: where(counts, own, constant(0)) };
}

/**
 * What the mean divides by. As PyTorch the weights of all targets that are not ignored; where those are nothing, 1, so that the
 * mean is 0 and not NaN. Without weights and `ignoreIndex` it is the number of targets, which is known before the first is
 * seen: nothing has to wait for the whole batch.
 */
function divisor(
  target: Tensor,
  K: number,
  weight: Tensor | undefined,
  ignoreIndex: number | undefined,
): Tensor | number {
  if (weight === undefined && ignoreIndex === undefined) return target.size;
  const total = sum(labelsOf(target, K, weight, ignoreIndex).weight);
  return where(eq(total, 0), 1, total);
}

const reduced = (losses: Tensor, reduction: Reduction, total: Tensor | number): Tensor =>
  reduction === "none" ? losses : reduction === "sum" ? sum(losses) : div(sum(losses), total);

/**
 * Up to so many classes what a smoothed row adds up to is summed up; longer rows, which nobody wants in memory, are smoothed
 * alike, so that their sums can be worked out from the weights.
 */
const SHORT_ROW = 1024;

/** The distribution p that a row of logits is held against, without that rows of it have to be stored. */
interface Wanted {
  /** […, K], elementwise in what it is made of. */
  readonly p: Tensor;
  /** Σp of each row, […, 1]. */
  readonly sum: Tensor;
  /** −Σ p·ln softmax of each row, […, 1]. */
  readonly losses: Tensor;
  readonly divisor: Tensor | number;
}

function wanted(
  [logits, target, weight]: readonly Tensor[],
  { labelSmoothing: s, ignoreIndex }: CrossEntropyAttrs,
): Wanted {
  const K = classesOf(logits);
  const smoothed = (p: Tensor): Tensor => {
    const spread = s > 0 ? add(mul(p, 1 - s), s / K) : p;
    return weight === undefined ? spread : mul(spread, weight);
  };
  const inFull = (p: Tensor): Pick<Wanted, "p" | "sum" | "losses"> => ({
    p,
    sum: sum(p, -1, true),
    losses: neg(sum(mul(p, logSoftmax(logits)), -1, true)),
  });
  // PyTorch divides by the weights of the target classes, but by the number of rows for soft targets.
  if (target.dtype !== "int32") return { ...inFull(smoothed(target)), divisor: target.size / K };

  const labels = labelsOf(target, K, weight, ignoreIndex);
  const total = divisor(target, K, weight, ignoreIndex);
  if (s > 0 && K <= SHORT_ROW) {
    return { ...inFull(mul(smoothed(oneHot(target, K)), cast(labels.counts, "float32"))), divisor: total };
  }
  const top = logsumexp(logits, -1, true);
  // Picked, not multiplied by a one-hot row: the others may be −∞, and 0·∞ is NaN.
  const picked = mul(sub(top, gather(logits, logits.rank - 1, labels.classes)), labels.weight);
  const hit = mul(oneHot(target, K), labels.weight);
  if (s === 0) return { p: hit, sum: labels.weight, losses: where(labels.counts, picked, 0), divisor: total };
  const [weights, inner] =
    weight === undefined
      ? [constant(K), sum(logits, -1, true)]
      : [sum(weight), matmul(logits, reshape(weight, [K, 1]))];
  const share = mul(cast(labels.counts, "float32"), s / K);
  const spread = mul(sub(mul(top, weights), inner), s / K); // s/K · Σ −w·ln softmax
  return {
    p: add(mul(hit, 1 - s), weight === undefined ? share : mul(share, weight)),
    sum: add(mul(labels.weight, 1 - s), mul(share, weights)),
    losses: where(labels.counts, add(mul(picked, 1 - s), spread), 0),
    divisor: total,
  };
}

/**
 * −Σ p·log softmax(logits). Inputs: logits [batch, …, K], target (int32 [batch, …] or float32 [batch, …, K]), optionally weight
 * [K]. Fused with the softmax, so the gradient is softmax·Σp − p, in one pass, and nothing over- or underflows. Of rows with
 * int32 targets only ln Σ eˣ is stored.
 */
export const crossEntropyOp: Composite<CrossEntropyAttrs> = {
  name: "crossEntropy",
  infer: ([logits, target, weight], { labelSmoothing, reduction, ignoreIndex }) => {
    requireClasses("crossEntropy", logits, weight);
    const expected = target.dtype === "int32" ? rowsOf(logits) : logits.shape;
    if (formatShape(target.shape) !== formatShape(expected)) {
      throw new ShapeError(
        `crossEntropy: logits are ${formatShape(logits.shape)} and ${target.dtype} targets ${formatShape(target.shape)}; expected ${formatShape(expected)} (int32 classes [batch, …] or float32 probabilities [batch, …, classes])`,
      );
    }
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
      throw new ShapeError(`crossEntropy: labelSmoothing ${labelSmoothing} is outside 0 … 1`);
    }
    if (ignoreIndex !== undefined && target.dtype !== "int32") {
      throw new ShapeError(
        "crossEntropy: ignoreIndex is for int32 targets; give rows to be ignored probabilities of 0",
      );
    }
    return lossShape(logits, reduction);
  },
  body: (inputs, attrs) => {
    const { losses, divisor: total } = wanted(inputs, attrs);
    return reduced(reshape(losses, rowsOf(inputs[0])), attrs.reduction, total);
  },
  gradient: (g, { inputs, attrs }) => {
    const [logits, target, weight] = inputs;
    const { p, sum: sumOfP, divisor: total } = wanted(inputs, attrs);
    const { reduction, labelSmoothing } = attrs;
    const scale = reduction === "none" ? reshape(g, [...g.shape, 1]) : reduction === "sum" ? g : div(g, total);
    const logProbabilities = logSoftmax(logits);
    // Soft targets: dp = −log softmax, through the smoothing and the class weights
    const dp = mul(logProbabilities, mul(scale, labelSmoothing - 1));
    return [
      mul(sub(mul(exp(logProbabilities), sumOfP), p), scale),
      target.dtype === "int32" ? undefined : weight === undefined ? dp : mul(dp, weight),
      undefined,
    ];
  },
};

/**
 * Negative log-likelihood. Inputs: log-probabilities [batch, …, K], int32 classes [batch, …], optionally weight [K].
 */
export const nllLossOp: Composite<NllLossAttrs> = {
  name: "nllLoss",
  infer: ([logits, target, weight], { reduction }) => {
    requireClasses("nllLoss", logits, weight);
    requireType("nllLoss", target, "int32", "target");
    if (formatShape(target.shape) !== formatShape(rowsOf(logits))) {
      throw new ShapeError(
        `nllLoss: input is ${formatShape(logits.shape)} but targets are ${formatShape(target.shape)}; expected ${formatShape(rowsOf(logits))}`,
      );
    }
    return lossShape(logits, reduction);
  },
  body: ([logits, target, weight], { reduction, ignoreIndex }) => {
    const K = classesOf(logits);
    const { classes, counts, weight: own } = labelsOf(target, K, weight, ignoreIndex);
    const picked = neg(gather(logits, logits.rank - 1, classes));
    const losses = where(counts, weight === undefined ? picked : mul(picked, own), 0);
    return reduced(reshape(losses, target.shape), reduction, divisor(target, K, weight, ignoreIndex));
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

export interface NllLossOptions {
  /** Weight of each class, [K]. */
  readonly weight?: Tensor | readonly number[] | undefined;
  /** Default "mean". */
  readonly reduction?: Reduction | undefined;
  /**
   * Targets of this class have no loss and no gradient, and do not count in the mean: padding. Default none, where PyTorch has
   * −100: with one, no gradient can be computed before the targets of the whole batch are counted.
   */
  readonly ignoreIndex?: number | undefined;
}

export interface CrossEntropyOptions extends NllLossOptions {
  /** Share of the probability that is spread over all classes; default 0. */
  readonly labelSmoothing?: number | undefined;
}

const asTensor = (weight: Tensor | readonly number[] | undefined): readonly Tensor[] =>
  weight === undefined ? [] : [weight instanceof Tensor ? weight : constant(weight)];

/**
 * Cross-entropy of logits [batch, …, K] against int32 classes [batch, …] or float32 probabilities [batch, …, K], as
 * torch.nn.functional.cross_entropy, but with the classes last. A target outside of 0 … K − 1 has no loss and no gradient, but
 * unlike one of class `ignoreIndex` it counts in the mean. Where all are ignored the mean is 0 (in PyTorch NaN).
 *
 * Computed as ln Σ exp(logits) − logit in single precision: exact to some 2⁻²³ of the largest logit, not of the loss. Where the
 * loss is near 0, or logits are far from 0, it is off by more of itself: at logits [20, 10], by 8e-3 of 4.5e-5.
 * @throws ShapeError when shapes do not fit, or ignoreIndex stands beside probabilities
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing = 0, reduction = "mean", weight, ignoreIndex } = options;
  return apply(crossEntropyOp, [logits, target, ...asTensor(weight)], { labelSmoothing, reduction, ignoreIndex });
}

/**
 * Negative log-likelihood of log-probabilities [batch, …, K] against int32 classes [batch, …], as torch.nn.functional.nll_loss,
 * but with the classes last. For targets that do not exist or are ignored see {@link crossEntropy}.
 * @throws ShapeError when shapes do not fit
 */
export function nllLoss(logProbabilities: Tensor, target: Tensor, options: NllLossOptions = {}): Tensor {
  const { reduction = "mean", weight, ignoreIndex } = options;
  return apply(nllLossOp, [logProbabilities, target, ...asTensor(weight)], { reduction, ignoreIndex });
}

/** Mean squared error. */
export const mseLoss = (x: Tensor, target: Tensor): Tensor => apply(mseLossOp, [x, target], {});

/** Binary cross-entropy of logits. */
export const bceWithLogits = (x: Tensor, target: Tensor): Tensor => apply(bceWithLogitsOp, [x, target], {});

/** Normalizations as named calls: over the batch, over features, over groups of channels (channels last). */
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape, sameShape } from "../shape.ts";
import { apply, type Composite, type Spec, type Tensor } from "../tensor.ts";
import { add, div, mul, neg, sqrt, sub } from "./elementwise.ts";
import { expand, reshape } from "./movement.ts";
import { requireType } from "./op-helpers.ts";
import { mean, sum } from "./reduce.ts";
import { finite, MAX_RANK, MOST, type StoredForm, whole } from "./stored.ts";

export interface NormAttrs {
  /** Added to the variance. */
  readonly eps: number;
}

export interface LayerNormAttrs extends NormAttrs {
  /** How many trailing axes are normalized together. */
  readonly axes: number;
}

export interface GroupNormAttrs extends NormAttrs {
  readonly groups: number;
}

const sameAsFirst = (name: string, [x]: readonly Spec[]): Spec => {
  requireType(name, x, "float32");
  return { shape: x.shape, dtype: "float32" };
};

function requireChannels(name: string, x: Spec, vectors: readonly Spec[]): void {
  const channels = x.shape[x.shape.length - 1];
  for (const { shape } of vectors) {
    if (shape.length !== 1 || shape[0] !== channels) {
      throw new ShapeError(
        `${name}: input ${formatShape(x.shape)} has ${channels} channels (the last axis) but a parameter has shape ${formatShape(shape)}`,
      );
    }
  }
}

/** All axes but the channels'. */
const axesOfSamples = (x: Tensor): number[] => x.shape.map((_, axis) => axis).slice(0, -1);

/** (x − mean) / √(variance + eps) · weight + bias with given statistics per channel. Inputs: x, mean, variance, weight, bias. */
export const batchNormOp: Composite<NormAttrs> = {
  name: "batchNorm",
  layer: { kind: "BatchNorm2d" },
  stored: { inputs: [5, 5], attrs: { eps: finite } },
  infer: (inputs) => {
    requireChannels("batchNorm", inputs[0], inputs.slice(1));
    return sameAsFirst("batchNorm", inputs);
  },
  body: ([x, mu, varianceOfX, weight, bias], { eps }) => {
    const scale = div(weight, sqrt(add(varianceOfX, eps)));
    return add(mul(sub(x, mu), scale), bias);
  },
  // Two sums over all samples give everything: the body's own gradient would take a third, of g · scale.
  gradient: (g, { inputs: [x, mu, varianceOfX, weight], attrs: { eps } }) => {
    const spread = add(varianceOfX, eps);
    const scale = div(weight, sqrt(spread));
    const ofBias = sum(g, axesOfSamples(x));
    const ofScale = sum(mul(g, sub(x, mu)), axesOfSamples(x));
    const ofVariance = mul(ofScale, div(mul(scale, -0.5), spread));
    return [mul(g, scale), neg(mul(ofBias, scale)), ofVariance, div(ofScale, sqrt(spread)), ofBias];
  },
};

/*
 * Statistics of a batch per channel, [N, …, C] → [C]. Every sample has a mean and a sum of squares of its own, which are put together
 * afterwards (Chan, Golub and LeVeque, 1979), so that a sample is read while it is in the cache, before the mean of all is known.
 */
const meanOfSamples = (x: Tensor): Tensor => mean(x, axesOfSamples(x).slice(1), true);
const shareOf = (x: Tensor): number => x.shape[x.rank - 1] / x.size;

const channelMeanOp: Composite = {
  name: "channelMean",
  infer: ([x]) => ({ shape: x.shape.slice(-1), dtype: "float32" }),
  body: ([x]) => mean(meanOfSamples(x), axesOfSamples(x)),
  gradient: (g, { inputs: [x] }) => [expand(mul(g, shareOf(x)), x.shape)],
};

/** The biased variance. Inputs: x, and its mean. */
const channelVarianceOp: Composite = {
  name: "channelVariance",
  infer: ([, mu]) => mu,
  body: ([x, mu]) => {
    const own = meanOfSamples(x);
    const [within, between] = [sub(x, own), sub(own, mu)];
    return mean(add(meanOfSamples(mul(within, within)), mul(between, between)), axesOfSamples(x));
  },
  // The variance is least around the mean, so moving that one changes nothing.
  gradient: (g, { inputs: [x, mu] }) => [mul(sub(x, mu), mul(g, 2 * shareOf(x))), undefined],
};

/** x, and so many parameters less one of the shape of the normalized axes. */
/* @__NO_SIDE_EFFECTS__ */
const overTrailingAxes = (inputs: number): StoredForm<LayerNormAttrs> => ({
  inputs: [inputs, inputs],
  attrs: { eps: finite, axes: whole(1, MAX_RANK) },
  fits: ([x, ...vectors], { axes }) => {
    const wanted = x.shape.slice(Math.max(0, x.rank - axes));
    return axes <= x.rank && vectors.every((vector) => sameShape(vector.shape, wanted))
      ? undefined
      : `cannot normalize ${axes} axes of ${formatShape(x.shape)}`;
  },
});

/** Inputs: x, weight, bias, both of the shape of the normalized axes. */
export const layerNormOp: Composite<LayerNormAttrs> = {
  name: "layerNorm",
  layer: { kind: "LayerNorm" },
  stored: overTrailingAxes(3),
  infer: (inputs) => sameAsFirst("layerNorm", inputs),
  body: ([x, weight, bias], { eps, axes }) => {
    return add(mul(standardize(x, trailing(x, axes), eps), weight), bias);
  },
  // With x̂ the standardized x and h = g·weight: dx = (h − mean h − x̂·mean(h·x̂))/σ. The body's own gradient takes two more sums.
  gradient: (g, { inputs: [x, weight], attrs: { eps, axes } }) => {
    const over = trailing(x, axes);
    const { centered, deviation } = moments(x, over, eps);
    const standard = div(centered, deviation);
    const h = mul(g, weight);
    const along = mul(standard, mean(mul(h, standard), over, true));
    return [div(sub(sub(h, mean(h, over, true)), along), deviation), mul(g, standard), g];
  },
};

const trailing = (x: Tensor, axes: number): number[] => x.shape.map((_, axis) => axis).slice(x.rank - axes);

/** 1/√(mean of x² + eps) of each row. */
const inverseRootMeanSquare = (x: Tensor, over: readonly number[], eps: number): Tensor =>
  div(1, sqrt(add(mean(mul(x, x), over, true), eps)));

/** Inputs: x, weight of the shape of the normalized axes. */
export const rmsNormOp: Composite<LayerNormAttrs> = {
  name: "rmsNorm",
  layer: { kind: "RMSNorm" },
  stored: overTrailingAxes(2),
  infer: (inputs) => sameAsFirst("rmsNorm", inputs),
  body: ([x, weight], { eps, axes }) => mul(mul(x, inverseRootMeanSquare(x, trailing(x, axes), eps)), weight),
  // With r = 1/√(mean x² + eps) and h = g·weight: dx = r·(h − x·r²·mean(h·x)), dweight = Σ g·x·r over rows. Only r is stored.
  gradient: (g, { inputs: [x, weight], attrs: { eps, axes } }) => {
    const over = trailing(x, axes);
    const r = inverseRootMeanSquare(x, over, eps);
    const h = mul(g, weight);
    const along = mul(mean(mul(h, x), over, true), mul(mul(r, r), r));
    return [sub(mul(h, r), mul(x, along)), mul(g, mul(x, r))];
  },
};

/** Inputs: x [N, …, C], weight [C], bias [C]. */
export const groupNormOp: Composite<GroupNormAttrs> = {
  name: "groupNorm",
  layer: { kind: "GroupNorm" },
  stored: { inputs: [3, 3], attrs: { eps: finite, groups: whole(1, MOST) } },
  infer: (inputs, { groups }) => {
    const [x, ...vectors] = inputs;
    requireChannels("groupNorm", x, vectors);
    const channels = x.shape[x.shape.length - 1];
    if (channels % groups !== 0)
      throw new ShapeError(`groupNorm: ${channels} channels cannot be split into ${groups} groups`);
    return sameAsFirst("groupNorm", inputs);
  },
  body: ([x, weight, bias], { eps, groups }) => {
    const channels = x.shape[x.rank - 1];
    const grouped = reshape(x, [...x.shape.slice(0, -1), groups, channels / groups]); // [N, …, G, C/G]
    const over = grouped.shape.map((_, axis) => axis).filter((axis) => axis !== 0 && axis !== grouped.rank - 2);
    return add(mul(reshape(standardize(grouped, over, eps), x.shape), weight), bias);
  },
};

/** x less its mean, and the root of its variance + eps. */
function moments(x: Tensor, axes: readonly number[], eps: number): { centered: Tensor; deviation: Tensor } {
  const centered = sub(x, mean(x, axes, true));
  return { centered, deviation: sqrt(add(mean(mul(centered, centered), axes, true), eps)) };
}

function standardize(x: Tensor, axes: readonly number[], eps: number): Tensor {
  const { centered, deviation } = moments(x, axes, eps);
  return div(centered, deviation);
}

/** Mean and (biased) variance per channel of x [N, …, C], over all other axes. */
export function channelStatistics(x: Tensor): { mean: Tensor; variance: Tensor } {
  const mu = apply(channelMeanOp, [x], {});
  return { mean: mu, variance: apply(channelVarianceOp, [x, mu], {}) };
}

/** Normalizes channels (the last axis) with given statistics; Ioffe & Szegedy, arXiv 1502.03167. */
export function batchNorm(
  x: Tensor,
  mu: Tensor,
  varianceOfX: Tensor,
  weight: Tensor,
  bias: Tensor,
  eps = 1e-5,
): Tensor {
  return apply(batchNormOp, [x, mu, varianceOfX, weight, bias], { eps });
}

/** Distance from 1 to the next float32. */
export const FLOAT32_EPSILON: number = 2 ** -23;

/** @throws ShapeError unless x ends in the weight's shape */
function requireTrailing(name: string, x: Tensor, weight: Tensor): void {
  const expected: Shape = x.shape.slice(Math.max(0, x.rank - weight.rank));
  if (!sameShape(expected, weight.shape)) {
    throw new ShapeError(
      `${name}: input ${formatShape(x.shape)} does not end in the weight's shape ${formatShape(weight.shape)}`,
    );
  }
}

/** Normalizes the trailing axes that `weight` has; Ba et al., arXiv 1607.06450. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  requireTrailing("layerNorm", x, weight);
  return apply(layerNormOp, [x, weight, bias], { eps, axes: weight.rank });
}

/**
 * Divides the trailing axes that `weight` has by the root of their mean square, and multiplies by the weight; Zhang & Sennrich,
 * arXiv 1910.07467.
 * @param eps added to the mean square; the default is PyTorch's, 2⁻²³ (ONNX and most language models have 1e-5 or 1e-6)
 * @throws ShapeError when x does not end in the weight's shape
 */
export function rmsNorm(x: Tensor, weight: Tensor, eps = FLOAT32_EPSILON): Tensor {
  requireTrailing("rmsNorm", x, weight);
  return apply(rmsNormOp, [x, weight], { eps, axes: weight.rank });
}

/** Normalizes each group of channels of each sample; Wu & He, arXiv 1803.08494. */
export function groupNorm(x: Tensor, groups: number, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  return apply(groupNormOp, [x, weight, bias], { eps, groups });
}

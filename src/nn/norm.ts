/** Normalization layers. Channels are the last axis. */
import { ShapeError } from "../engine/errors.ts";
import { constant } from "../engine/ops/constant.ts";
import { add, cast, div, lerp, mul } from "../engine/ops/elementwise.ts";
import { batchNorm, channelStatistics, FLOAT32_EPSILON, groupNorm, layerNorm, rmsNorm } from "../engine/ops/norm.ts";
import { requireRank } from "../engine/ops/op-helpers.ts";
import type { Random } from "../engine/random.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import { describeLayer, requireRange, requireWhole } from "./describe.ts";
import { filled } from "./init.ts";
import { type Context, Module } from "./module.ts";

export interface NormOptions {
  /** Added to the variance; default 1e-5. */
  readonly eps?: number | undefined;
  /** Whether a learned weight and bias follow; default true. */
  readonly affine?: boolean | undefined;
}

export interface BatchNormOptions extends NormOptions {
  /** Share of the new batch in the running statistics, default 0.1; null for a plain average over all batches. */
  readonly momentum?: number | null | undefined;
}

/**
 * Normalizes every channel of pictures: while training by the batch's own mean and variance, which also move the
 * running ones; else by the running ones. As torch.nn.BatchNorm2d: the running variance is the unbiased one.
 */
export class BatchNorm2d extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly running_mean: Parameter;
  readonly running_var: Parameter;
  readonly num_batches_tracked: Parameter<"int32">;
  readonly channels: number;
  readonly eps: number;
  readonly momentum: number | null;

  constructor(channels: number, options: BatchNormOptions = {}) {
    super();
    const { eps = 1e-5, momentum = 0.1, affine = true } = options;
    requireWhole("BatchNorm2d", { channels });
    if (momentum !== null) requireRange("BatchNorm2d", "momentum", momentum, 0, 1);
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? filled([channels], 1) : null;
    this.bias = affine ? filled([channels]) : null;
    this.running_mean = filled([channels], 0, false);
    this.running_var = filled([channels], 1, false);
    this.num_batches_tracked = new Parameter<"int32">([], new Int32Array(1), false);
  }

  override reset(_random: Random): void {
    this.weight?.data.fill(1);
    this.bias?.data.fill(0);
    this.running_mean.data.fill(0);
    this.running_var.data.fill(1);
    this.num_batches_tracked.data.fill(0);
  }

  forward(x: Tensor, context: Context): Tensor {
    requireRank("BatchNorm2d", x, 4, "[batch, height, width, channels]");
    const weight = this.weight ?? constant(1, "float32", [this.channels]);
    const bias = this.bias ?? constant(0, "float32", [this.channels]);
    if (!context.training) return batchNorm(x, this.running_mean, this.running_var, weight, bias, this.eps);

    const { mean, variance } = channelStatistics(x);
    const y = batchNorm(x, mean, variance, weight, bias, this.eps);
    const n = x.size / this.channels;
    if (n < 2) throw new ShapeError(`BatchNorm2d: ${formatShape(x.shape)} has one value per channel; train on more`);
    const seen = add(this.num_batches_tracked, 1);
    const share = this.momentum ?? div(1, cast(seen, "float32"));
    context.update(this.running_mean, lerp(this.running_mean, mean, share));
    context.update(this.running_var, lerp(this.running_var, mul(variance, n / (n - 1)), share));
    context.update(this.num_batches_tracked, seen);
    return y;
  }

  override describe(): string {
    const options = { eps: this.eps, momentum: this.momentum, affine: this.weight !== null };
    return describeLayer("BatchNorm2d", [this.channels], options, { eps: 1e-5, momentum: 0.1, affine: true });
  }
}

/**
 * Normalizes each sample over its trailing axes. As torch.nn.LayerNorm, but on pictures the trailing axes are
 * [height, width, channels] (or channels alone), not [channels, height, width].
 */
export class LayerNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(normalizedShape: number | Shape, options: NormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
    requireWhole("LayerNorm", { normalizedShape });
    const { eps = 1e-5, affine = true } = options;
    this.eps = eps;
    this.weight = affine ? filled(this.normalizedShape, 1) : null;
    this.bias = affine ? filled(this.normalizedShape) : null;
  }

  override reset(_random: Random): void {
    this.weight?.data.fill(1);
    this.bias?.data.fill(0);
  }

  forward(x: Tensor, _context: Context): Tensor {
    const weight = this.weight ?? constant(1, "float32", this.normalizedShape);
    const bias = this.bias ?? constant(0, "float32", this.normalizedShape);
    return layerNorm(x, weight, bias, this.eps);
  }

  override describe(): string {
    const options = { eps: this.eps, affine: this.weight !== null };
    return describeLayer("LayerNorm", [formatShape(this.normalizedShape)], options, { eps: 1e-5, affine: true });
  }
}

export interface RMSNormOptions {
  /** Added to the mean square; default 2⁻²³, as PyTorch. */
  readonly eps?: number | undefined;
  /** Whether a learned weight follows; default true. */
  readonly affine?: boolean | undefined;
}

/** Divides each sample's trailing axes by the root of their mean square. As torch.nn.RMSNorm. */
export class RMSNorm extends Module {
  readonly weight: Parameter | null;
  readonly normalizedShape: Shape;
  readonly eps: number;

  constructor(normalizedShape: number | Shape, { eps = FLOAT32_EPSILON, affine = true }: RMSNormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
    requireWhole("RMSNorm", { normalizedShape });
    this.eps = eps;
    this.weight = affine ? filled(this.normalizedShape, 1) : null;
  }

  override reset(_random: Random): void {
    this.weight?.data.fill(1);
  }

  forward(x: Tensor, _context: Context): Tensor {
    return rmsNorm(x, this.weight ?? constant(1, "float32", this.normalizedShape), this.eps);
  }

  override describe(): string {
    const options = { eps: this.eps, affine: this.weight !== null };
    return describeLayer("RMSNorm", [formatShape(this.normalizedShape)], options, {
      eps: FLOAT32_EPSILON,
      affine: true,
    });
  }
}

/** Normalizes each group of channels of each sample. As torch.nn.GroupNorm. */
export class GroupNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly groups: number;
  readonly channels: number;
  readonly eps: number;

  constructor(groups: number, channels: number, options: NormOptions = {}) {
    super();
    requireWhole("GroupNorm", { groups, channels });
    if (channels % groups !== 0) {
      throw new ShapeError(`GroupNorm: ${channels} channels cannot be split into ${groups} groups`);
    }
    const { eps = 1e-5, affine = true } = options;
    this.groups = groups;
    this.channels = channels;
    this.eps = eps;
    this.weight = affine ? filled([channels], 1) : null;
    this.bias = affine ? filled([channels]) : null;
  }

  override reset(_random: Random): void {
    this.weight?.data.fill(1);
    this.bias?.data.fill(0);
  }

  forward(x: Tensor, _context: Context): Tensor {
    const weight = this.weight ?? constant(1, "float32", [this.channels]);
    const bias = this.bias ?? constant(0, "float32", [this.channels]);
    return groupNorm(x, this.groups, weight, bias, this.eps);
  }

  override describe(): string {
    const options = { eps: this.eps, affine: this.weight !== null };
    return describeLayer("GroupNorm", [this.groups, this.channels], options, { eps: 1e-5, affine: true });
  }
}

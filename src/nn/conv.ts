/**
 * Convolution layers. Weights keep PyTorch's layout [O, C / groups, kH, kW] in the parameter, so that files fit, and are
 * permuted to the engine's [kH, kW, C / groups, O] while tracing.
 */
import { UsageError } from "../engine/errors.ts";
import { conv2d, type Pair, pair } from "../engine/ops/conv.ts";
import { add } from "../engine/ops/elementwise.ts";
import type { Complete } from "../engine/options.ts";
import type { Random } from "../engine/random.ts";
import type { Parameter, Tensor } from "../engine/tensor.ts";
import { describeLayer, requireWhole } from "./describe.ts";
import { drawFirst, filled, resetAffine } from "./init.ts";
import { type Context, Module } from "./module.ts";

/** Options of {@link Conv2d}; as in PyTorch, padding may also be "same". */
export interface Conv2dOptions {
  /** Default 1. */
  readonly stride?: number | Pair | undefined;
  /** Zeros on every side, [height, width], "valid" (none, the default) or "same" (output = input / stride). */
  readonly padding?: number | Pair | "same" | "valid" | undefined;
  /** Default 1. */
  readonly dilation?: number | Pair | undefined;
  /** Default 1; the number of channels for a depthwise convolution. */
  readonly groups?: number | undefined;
  /** Whether a bias is added; default true. */
  readonly bias?: boolean | undefined;
}

const CONV_DEFAULTS = { stride: 1, padding: 0, dilation: 1, groups: 1, bias: true } as const;

/** 2-D convolution: [batch, height, width, inChannels] → [batch, height', width', outChannels]. As torch.nn.Conv2d. */
export class Conv2d extends Module {
  /** [outChannels, inChannels / groups, kernel height, kernel width]. */
  readonly weight: Parameter;
  /** [outChannels]. */
  readonly bias: Parameter | null;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: number | Pair;
  readonly options: Complete<Conv2dOptions>;

  constructor(inChannels: number, outChannels: number, kernelSize: number | Pair, options: Conv2dOptions = {}) {
    super();
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = kernelSize;
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    this.options = { stride, padding, dilation, groups, bias };
    requireWhole("Conv2d", { inChannels, outChannels, kernelSize, stride, dilation, groups });
    if (typeof padding !== "string") requireWhole("Conv2d", { padding }, 0);
    else if (padding !== "same" && padding !== "valid") {
      throw new UsageError(`Conv2d: padding is "${padding}" but must be a number, a pair, "same" or "valid"`);
    }
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new UsageError(`Conv2d: ${inChannels} → ${outChannels} channels cannot be split into ${groups} groups`);
    }
    this.weight = filled([outChannels, inChannels / groups, ...pair(kernelSize)]);
    this.bias = bias ? filled([outChannels]) : null;
    drawFirst(this);
  }

  override reset(random: Random): void {
    resetAffine(this.weight, this.bias, random);
  }

  forward(x: Tensor, _context: Context): Tensor {
    const y = conv2d(x, this.weight.permute([2, 3, 1, 0]), this.options); // [O, C, R, S] → [R, S, C, O]
    return this.bias === null ? y : add(y, this.bias);
  }

  override describe(): string {
    const named = { kernelSize: this.kernelSize, ...this.options };
    return describeLayer("Conv2d", [this.inChannels, this.outChannels], named, CONV_DEFAULTS);
  }
}

/**
 * A convolution in two steps: each channel with a kernel of its own (`depthwise`), then 1×1 over all channels
 * (`pointwise`); Sifre 2014, Howard et al., arXiv 1704.04861. Stride, padding and dilation belong to the first step.
 */
export class DepthwiseSeparableConv2d extends Module {
  readonly depthwise: Conv2d;
  readonly pointwise: Conv2d;

  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number | Pair,
    options: Omit<Conv2dOptions, "groups"> = {},
  ) {
    super();
    this.depthwise = new Conv2d(inChannels, inChannels, kernelSize, { ...options, groups: inChannels });
    this.pointwise = new Conv2d(inChannels, outChannels, 1, { bias: options.bias });
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.pointwise.forward(this.depthwise.forward(x, context), context);
  }
}

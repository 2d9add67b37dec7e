/** Pooling layers over pictures [batch, height, width, channels]. None has parameters. */
import type { Pair } from "../engine/ops/conv.ts";
import { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, maxPool2d, type PoolOptions } from "../engine/ops/pool.ts";
import type { Tensor } from "../engine/tensor.ts";
import { describeLayer, requireWhole } from "./describe.ts";
import { type Context, Module } from "./module.ts";

export interface AvgPoolOptions extends PoolOptions {
  /** Whether padded zeros count in the divisor; default true. */
  readonly countIncludePad?: boolean | undefined;
}

function checkPool(layer: string, kernelSize: number | Pair, { stride, padding }: PoolOptions): void {
  requireWhole(layer, { kernelSize, stride: stride ?? kernelSize });
  requireWhole(layer, { padding: padding ?? 0 }, 0);
}

/** Largest element of each window; windows do not overlap unless a stride is given. As torch.nn.MaxPool2d. */
export class MaxPool2d extends Module {
  readonly kernelSize: number | Pair;
  readonly options: PoolOptions;

  constructor(kernelSize: number | Pair, options: PoolOptions = {}) {
    super();
    checkPool("MaxPool2d", kernelSize, options);
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor, _context: Context): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }

  override describe(): string {
    return describeLayer("MaxPool2d", [this.kernelSize], { ...this.options }, { stride: this.kernelSize, padding: 0 });
  }
}

/** Mean of each window; windows do not overlap unless a stride is given. As torch.nn.AvgPool2d. */
export class AvgPool2d extends Module {
  readonly kernelSize: number | Pair;
  readonly options: AvgPoolOptions;

  constructor(kernelSize: number | Pair, options: AvgPoolOptions = {}) {
    super();
    checkPool("AvgPool2d", kernelSize, options);
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(x: Tensor, _context: Context): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }

  override describe(): string {
    const defaults = { stride: this.kernelSize, padding: 0, countIncludePad: true };
    return describeLayer("AvgPool2d", [this.kernelSize], { ...this.options }, defaults);
  }
}

/** Averages to an output of the given size, whatever the input's. As torch.nn.AdaptiveAvgPool2d. */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: number | Pair;

  constructor(outputSize: number | Pair) {
    super();
    requireWhole("AdaptiveAvgPool2d", { outputSize });
    this.outputSize = outputSize;
  }

  forward(x: Tensor, _context: Context): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }

  override describe(): string {
    return describeLayer("AdaptiveAvgPool2d", [this.outputSize]);
  }
}

/** Mean over the whole picture: [batch, height, width, channels] → [batch, channels]. */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor, _context: Context): Tensor {
    return globalAvgPool2d(x);
  }

  override describe(): string {
    return "GlobalAvgPool2d()";
  }
}

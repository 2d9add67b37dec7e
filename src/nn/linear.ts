/** Layers that are one matrix: Linear multiplies by it, Embedding looks rows up in it. */
import { embedding } from "../engine/ops/gather.ts";
import { linear } from "../engine/ops/matmul.ts";
import type { Random } from "../engine/random.ts";
import type { Parameter, Tensor } from "../engine/tensor.ts";
import { describeLayer, requireWhole } from "./describe.ts";
import { drawFirst, filled, normalInit, resetAffine } from "./init.ts";
import { type Context, Module } from "./module.ts";

export interface LinearOptions {
  /** Whether a bias is added; default true. */
  readonly bias?: boolean | undefined;
}

/** y = x Wᵀ + b over the last axis: […, inFeatures] → […, outFeatures]. As torch.nn.Linear. */
export class Linear extends Module {
  /** [outFeatures, inFeatures]. */
  readonly weight: Parameter;
  /** [outFeatures]. */
  readonly bias: Parameter | null;
  readonly inFeatures: number;
  readonly outFeatures: number;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super();
    requireWhole("Linear", { inFeatures, outFeatures });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = filled([outFeatures, inFeatures]);
    this.bias = (options.bias ?? true) ? filled([outFeatures]) : null;
    drawFirst(this);
  }

  override reset(random: Random): void {
    resetAffine(this.weight, this.bias, random);
  }

  forward(x: Tensor, _context: Context): Tensor {
    return linear(x, this.weight, this.bias ?? undefined);
  }

  override describe(): string {
    return describeLayer("Linear", [this.inFeatures, this.outFeatures], { bias: this.bias !== null }, { bias: true });
  }
}

/** A learned vector per index: int32 […] → float32 […, embeddingDim]. As torch.nn.Embedding. */
export class Embedding extends Module {
  /** [numEmbeddings, embeddingDim]. */
  readonly weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number) {
    super();
    requireWhole("Embedding", { numEmbeddings, embeddingDim });
    this.weight = filled([numEmbeddings, embeddingDim]);
    drawFirst(this);
  }

  override reset(random: Random): void {
    normalInit(this.weight, 1, random);
  }

  forward(index: Tensor, _context: Context): Tensor {
    return embedding(this.weight, index);
  }

  override describe(): string {
    return describeLayer("Embedding", this.weight.shape);
  }
}

/** Layers that are one matrix: Linear multiplies by it, Embedding looks rows up in it. */
import { detach, eq, where } from "../engine/ops/elementwise.ts";
import { embedding } from "../engine/ops/gather.ts";
import { linear } from "../engine/ops/matmul.ts";
import { reshape } from "../engine/ops/movement.ts";
import type { Random } from "../engine/random.ts";
import type { Parameter, Tensor } from "../engine/tensor.ts";
import { describeLayer, requireRange, requireWhole } from "./describe.ts";
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

export interface EmbeddingOptions {
  /** Index whose vector is zeros and gets no gradient: padding. Negative ones count from the end. Default none. */
  readonly paddingIdx?: number | undefined;
}

/** A learned vector per index: int32 […] → float32 […, embeddingDim]. As torch.nn.Embedding; drawn from N(0, 1). */
export class Embedding extends Module {
  /** [numEmbeddings, embeddingDim]. */
  readonly weight: Parameter;
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  /** 0 … numEmbeddings − 1, or null. */
  readonly paddingIdx: number | null;

  /** @throws UsageError for sizes that are no whole numbers, or a padding index that is not in the table */
  constructor(numEmbeddings: number, embeddingDim: number, { paddingIdx }: EmbeddingOptions = {}) {
    super();
    requireWhole("Embedding", { numEmbeddings, embeddingDim });
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = null;
    if (paddingIdx !== undefined) {
      requireWhole("Embedding", { paddingIdx }, -numEmbeddings);
      requireRange("Embedding", "paddingIdx", paddingIdx, -numEmbeddings, numEmbeddings - 1);
      this.paddingIdx = paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx;
    }
    this.weight = filled([numEmbeddings, embeddingDim]);
    drawFirst(this);
  }

  override reset(random: Random): void {
    normalInit(this.weight, 1, random);
    if (this.paddingIdx === null) return;
    const start = this.paddingIdx * this.embeddingDim;
    this.weight.data.fill(0, start, start + this.embeddingDim);
  }

  forward(index: Tensor, context: Context): Tensor {
    const vectors = embedding(index, this.weight);
    if (this.paddingIdx === null || !context.training) return vectors;
    return where(reshape(eq(index, this.paddingIdx), [...index.shape, 1]), detach(vectors), vectors);
  }

  override describe(): string {
    return describeLayer("Embedding", [this.numEmbeddings, this.embeddingDim], {
      paddingIdx: this.paddingIdx ?? undefined,
    });
  }
}

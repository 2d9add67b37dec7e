/** Multi-head attention of a sequence to itself: the layer that transformers are made of. */
import { UsageError } from "../engine/errors.ts";
import { type AttentionOptions, attention, selfAttention } from "../engine/ops/attention.ts";
import { linear } from "../engine/ops/matmul.ts";
import { slice } from "../engine/ops/movement.ts";
import { requireRank } from "../engine/ops/op-helpers.ts";
import type { Random } from "../engine/random.ts";
import type { Parameter, Tensor } from "../engine/tensor.ts";
import { describeLayer, requireWhole } from "./describe.ts";
import { dropoutDraw, requireShare } from "./dropout.ts";
import { drawFirst, filled, uniformInit } from "./init.ts";
import { Linear } from "./linear.ts";
import { type Context, Module } from "./module.ts";
import type { Recall } from "./recall.ts";

/** Options of {@link MultiheadAttention}. */
export interface MultiheadAttentionOptions {
  /** Whether no position sees those behind it; default false. */
  readonly causal?: boolean | undefined;
  /** Whether both projections have a bias; default true. */
  readonly bias?: boolean | undefined;
  /** Probability that a weight of a value becomes 0 while training; default 0. May be changed between two trainings. */
  readonly dropout?: number | undefined;
}

/** Which keys of a sample count. */
export type AttentionMasks = Pick<AttentionOptions, "position" | "length">;

/**
 * Every position takes from all others what it asks for, by several heads: [batch, time, features] → the same shape. As
 * torch.nn.MultiheadAttention with batch_first, given one sequence as query, key and value (Vaswani et al., arXiv 1706.03762).
 */
export class MultiheadAttention extends Module {
  /** Makes queries, keys and values: [3 · features, features]. */
  readonly in_proj_weight: Parameter;
  /** [3 · features]. */
  readonly in_proj_bias: Parameter | null;
  readonly out_proj: Linear;
  readonly features: number;
  readonly heads: number;
  readonly causal: boolean;
  /** May be changed between two trainings: at least 0 and less than 1. */
  dropout: number;

  /** @throws UsageError unless the features can be divided among the heads, and dropout is from 0 to less than 1 */
  constructor(features: number, heads: number, options: MultiheadAttentionOptions = {}) {
    super();
    requireWhole("MultiheadAttention", { features, heads });
    if (features % heads !== 0) {
      throw new UsageError(`MultiheadAttention: ${features} features cannot be divided among ${heads} heads`);
    }
    const { causal = false, bias = true, dropout = 0 } = options;
    requireShare("MultiheadAttention", { dropout });
    this.features = features;
    this.heads = heads;
    this.causal = causal;
    this.dropout = dropout;
    this.in_proj_weight = filled([3 * features, features]);
    this.in_proj_bias = bias ? filled([3 * features]) : null;
    this.out_proj = new Linear(features, features, { bias });
    drawFirst(this);
  }

  override reset(random: Random): void {
    uniformInit(this.in_proj_weight, Math.sqrt(6 / (4 * this.features)), random);
    this.in_proj_bias?.data.fill(0);
  }

  /** @param masks which keys count: all by default */
  forward(x: Tensor, context: Context, masks: AttentionMasks = {}): Tensor {
    requireRank("MultiheadAttention", x, 3, "[batch, time, features]");
    const [B, T, C] = x.shape;
    const qkv = linear(x, this.in_proj_weight, this.in_proj_bias ?? undefined); // [B, T, 3·C]
    const perHead = qkv.reshape([B, T, 3 * this.heads, this.features / this.heads]);
    const draw = dropoutDraw("MultiheadAttention", this.dropout, context);
    const dropout = draw && { ...draw.attrs, key: draw.key };
    const { heads, causal } = this;
    const mixed =
      context.recall === undefined
        ? selfAttention(perHead, { ...masks, heads, causal, dropout })
        : this.#recalling(perHead, context.recall);
    return this.out_proj.forward(mixed.reshape([B, T, C]), context);
  }

  /** Of queries, keys and values of some tokens: what these take from all tokens up to their own. */
  #recalling(perHead: Tensor, recall: Recall): Tensor {
    if (!this.causal) throw new UsageError("MultiheadAttention: only causal attention can read a text piece by piece");
    const { heads } = this;
    const [query, key, value] = [0, 1, 2].map((part) =>
      slice(perHead, [{}, {}, { start: part * heads, end: (part + 1) * heads }]),
    );
    return attention(query, recall.rows(key), recall.rows(value), { position: recall.position });
  }

  override describe(): string {
    const options = { causal: this.causal, bias: this.in_proj_bias !== null, dropout: this.dropout };
    const defaults = { causal: false, bias: true, dropout: 0 };
    return describeLayer("MultiheadAttention", [this.features, this.heads], options, defaults);
  }
}

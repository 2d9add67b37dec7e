/**
 * gpt-s: a small transformer that goes on with texts, of the shape that nanoGPT trains on a processor: learned positions, layer norm
 * before attention and before the two dense layers of a block, GELU (A. Radford et al., 2019).
 */

import { ShapeError } from "../engine/errors.ts";
import { gelu } from "../engine/ops/activation.ts";
import { arange } from "../engine/ops/arange.ts";
import { add } from "../engine/ops/elementwise.ts";
import { embedding } from "../engine/ops/gather.ts";
import { slice } from "../engine/ops/movement.ts";
import type { Random } from "../engine/random.ts";
import type { Parameter, Tensor } from "../engine/tensor.ts";
import { MultiheadAttention } from "../nn/attention.ts";
import { Dropout } from "../nn/dropout.ts";
import { filled, normalInit } from "../nn/init.ts";
import { Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { LayerNorm } from "../nn/norm.ts";
import type { NetworkRecord, NetworkSizes } from "./network.ts";
import { TRANSFORMER_RECIPE } from "./transformer-recipe.ts";

type Option = "width" | "layers" | "heads" | "dropout" | "context";
type Options = Readonly<Record<Option, number>>;

/** Standard deviation of tables and matrices at the start, as GPT-2's. */
const DEVIATION = 0.02;
/** A model file holds the network as a graph that is stored from texts of up to so many tokens, whatever it will read. */
const LEAST_POSITIONS = 40;

class Block extends Module {
  readonly norm1: LayerNorm;
  readonly attention: MultiheadAttention;
  readonly norm2: LayerNorm;
  readonly expand: Linear;
  readonly contract: Linear;
  readonly dropout: Dropout;

  constructor({ width, heads, dropout }: Options) {
    super();
    this.norm1 = new LayerNorm(width);
    this.attention = new MultiheadAttention(width, heads, { causal: true });
    this.norm2 = new LayerNorm(width);
    this.expand = new Linear(width, 4 * width);
    this.contract = new Linear(4 * width, width);
    this.dropout = new Dropout(dropout);
  }

  forward(x: Tensor, context: Context): Tensor {
    const { norm1, attention, norm2, expand, contract, dropout } = this;
    const mixed = attention.forward(norm1.forward(x, context), context); // [B, T, C]
    const h = add(x, dropout.forward(mixed, context));
    const wide = gelu(expand.forward(norm2.forward(h, context), context)); // [B, T, 4·C]
    return add(h, dropout.forward(contract.forward(wide, context), context));
  }
}

class Gpt extends Module {
  /** What stands for each token: [tokens, width]. */
  readonly tokens: Parameter;
  /** What stands for each place in a text: [context, width]. */
  readonly positions: Parameter;
  readonly dropout: Dropout;
  readonly blocks: readonly Block[];
  readonly norm: LayerNorm;
  readonly head: Linear;

  constructor({ tokens, outputs }: NetworkSizes<"text">, options: Options) {
    super();
    const { width, layers, dropout, context } = options;
    this.tokens = filled([tokens, width]);
    this.positions = filled([Math.max(context, LEAST_POSITIONS), width]);
    this.dropout = new Dropout(dropout);
    this.blocks = Array.from({ length: layers }, () => new Block(options));
    this.norm = new LayerNorm(width);
    this.head = new Linear(width, outputs, { bias: false });
  }

  override reset(random: Random): void {
    normalInit(this.tokens, DEVIATION, random);
    normalInit(this.positions, DEVIATION, random);
  }

  /** Token numbers [batch, time] → logits of what comes after each [batch, time, tokens]. */
  forward(x: Tensor, context: Context): Tensor {
    const [, T] = x.shape;
    const [most, C] = this.positions.shape;
    if (T > most) throw new ShapeError(`gpt-s: a text of ${T} tokens, but it reads ${most} at most`);
    const { recall } = context;
    const places =
      recall === undefined
        ? slice(this.positions, [{ start: 0, end: T }])
        : embedding(add(arange(T), recall.position), this.positions);
    let h = this.dropout.forward(add(embedding(x, this.tokens), places.reshape([1, T, C])), context); // [B, T, C]
    for (const block of this.blocks) h = block.forward(h, context);
    return this.head.forward(this.norm.forward(h, context), context);
  }
}

export const gptS: NetworkRecord<"text", Option> = {
  name: "gpt-s",
  title: "language model: transformer of four blocks, four heads, 128 wide, AdamW with one cycle",
  task: "generate",
  input: "text",
  options: {
    width: { default: 128, about: "numbers that stand for a token" },
    layers: { default: 4, about: "blocks" },
    heads: { default: 4, about: "heads of attention, which divide the width" },
    dropout: { default: 0, about: "share of outputs that is dropped while training", isShare: true },
    context: { default: 64, about: "tokens that it looks back at, and of a sample while training", min: 2 },
  },
  recipe: TRANSFORMER_RECIPE,
  window: ({ context }) => context,
  longest: ({ context }) => context,
  create: (sizes, options) => new Gpt(sizes, options),
};

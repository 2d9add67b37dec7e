/**
 * llama-s: a small transformer of Llama's shape (H. Touvron et al., arXiv 2302.13971 and 2307.09288): RMS norm in front, rotary
 * positions (J. Su et al., arXiv 2104.09864), gated dense layers, and heads of keys and values that serve several heads of queries
 * (J. Ainslie et al., arXiv 2305.13245). Weights have the names, and rotary features the order, of Hugging Face's `LlamaForCausalLM`.
 */
import { UsageError } from "../engine/errors.ts";
import { swiglu } from "../engine/ops/activation.ts";
import { attention } from "../engine/ops/attention.ts";
import { add } from "../engine/ops/elementwise.ts";
import { linear } from "../engine/ops/matmul.ts";
import { rope } from "../engine/ops/rope.ts";
import type { Random } from "../engine/random.ts";
import type { Tensor } from "../engine/tensor.ts";
import { normalInit } from "../nn/init.ts";
import { Embedding, Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { RMSNorm } from "../nn/norm.ts";
import type { NetworkRecord, NetworkSizes } from "./network.ts";
import { TRANSFORMER_RECIPE } from "./transformer-recipe.ts";

type Option = "width" | "layers" | "heads" | "groups" | "hidden" | "context" | "theta" | "eps" | "tied";
type Options = Readonly<Record<Option, number>>;

/** Standard deviation of tables and matrices at the start. */
const DEVIATION = 0.02;

/** A linear layer without bias, drawn as Hugging Face draws it. */
class Projection extends Linear {
  constructor(inFeatures: number, outFeatures: number) {
    super(inFeatures, outFeatures, { bias: false });
  }

  override reset(random: Random): void {
    normalInit(this.weight, DEVIATION, random);
  }
}

/** Tokens as vectors. */
class Table extends Embedding {
  override reset(random: Random): void {
    normalInit(this.weight, DEVIATION, random);
  }
}

class Attention extends Module {
  readonly q_proj: Linear;
  readonly k_proj: Linear;
  readonly v_proj: Linear;
  readonly o_proj: Linear;
  readonly #options: Options;

  constructor(options: Options) {
    super();
    const { width, heads, groups } = options;
    const size = width / heads;
    this.q_proj = new Projection(width, width);
    this.k_proj = new Projection(width, groups * size);
    this.v_proj = new Projection(width, groups * size);
    this.o_proj = new Projection(width, width);
    this.#options = options;
  }

  forward(x: Tensor, context: Context): Tensor {
    const { heads, groups, theta, width, context: positions } = this.#options;
    const [B, T] = x.shape;
    const { recall } = context;
    const turned = (layer: Linear, count: number): Tensor => {
      const rows = layer.forward(x, context).reshape([B, T, count, width / heads]);
      const known = recall && { position: recall.position, positions };
      return rope(rows, { style: "half", theta, ...known });
    };
    const query = turned(this.q_proj, heads);
    const key = turned(this.k_proj, groups);
    const value = this.v_proj.forward(x, context).reshape([B, T, groups, width / heads]);
    const mixed =
      recall === undefined
        ? attention(query, key, value, { causal: true })
        : attention(query, recall.rows(key), recall.rows(value), { position: recall.position });
    return this.o_proj.forward(mixed.reshape([B, T, width]), context);
  }
}

class Mlp extends Module {
  readonly gate_proj: Linear;
  readonly up_proj: Linear;
  readonly down_proj: Linear;

  constructor({ width, hidden }: Options) {
    super();
    this.gate_proj = new Projection(width, hidden);
    this.up_proj = new Projection(width, hidden);
    this.down_proj = new Projection(hidden, width);
  }

  forward(x: Tensor, context: Context): Tensor {
    const gated = swiglu(this.gate_proj.forward(x, context), this.up_proj.forward(x, context)); // [B, T, hidden]
    return this.down_proj.forward(gated, context);
  }
}

class Layer extends Module {
  readonly self_attn: Attention;
  readonly mlp: Mlp;
  readonly input_layernorm: RMSNorm;
  readonly post_attention_layernorm: RMSNorm;

  constructor(options: Options) {
    super();
    const { width, eps } = options;
    this.self_attn = new Attention(options);
    this.mlp = new Mlp(options);
    this.input_layernorm = new RMSNorm(width, { eps });
    this.post_attention_layernorm = new RMSNorm(width, { eps });
  }

  forward(x: Tensor, context: Context): Tensor {
    const h = add(x, this.self_attn.forward(this.input_layernorm.forward(x, context), context));
    return add(h, this.mlp.forward(this.post_attention_layernorm.forward(h, context), context));
  }
}

/** All but the last layer: token numbers [batch, time] → [batch, time, width]. */
class Trunk extends Module {
  readonly embed_tokens: Embedding;
  readonly layers: readonly Layer[];
  readonly norm: RMSNorm;

  constructor(tokens: number, options: Options) {
    super();
    this.embed_tokens = new Table(tokens, options.width);
    this.layers = Array.from({ length: options.layers }, () => new Layer(options));
    this.norm = new RMSNorm(options.width, { eps: options.eps });
  }

  forward(x: Tensor, context: Context): Tensor {
    let h = this.embed_tokens.forward(x, context);
    for (const layer of this.layers) h = layer.forward(h, context);
    return this.norm.forward(h, context);
  }
}

class Llama extends Module {
  readonly model: Trunk;
  /** Null where the table of tokens serves as the last layer, too. */
  readonly lm_head: Linear | null;

  constructor({ tokens, outputs }: NetworkSizes<"text">, options: Options) {
    super();
    this.model = new Trunk(tokens, options);
    this.lm_head = options.tied === 1 ? null : new Projection(options.width, outputs);
  }

  /** Token numbers [batch, time] → logits of what comes after each [batch, time, tokens]. */
  forward(x: Tensor, context: Context): Tensor {
    const h = this.model.forward(x, context);
    return this.lm_head?.forward(h, context) ?? linear(h, this.model.embed_tokens.weight);
  }
}

export const llamaS: NetworkRecord<"text", Option> = {
  name: "llama-s",
  title:
    "language model of Llama's shape: four blocks, four heads, two of keys and values, 128 wide, AdamW with one cycle",
  task: "generate",
  input: "text",
  options: {
    width: { default: 128, about: "numbers that stand for a token" },
    layers: { default: 4, about: "blocks" },
    heads: { default: 4, about: "heads of attention, which divide the width" },
    groups: { default: 2, about: "heads of keys and values, which divide the heads" },
    hidden: { default: 344, about: "numbers between the dense layers of a block" },
    context: { default: 64, about: "tokens that it looks back at, and of a sample while training", min: 2 },
    theta: { default: 10_000, about: "base of the angles by which positions turn queries and keys" },
    eps: { default: 1e-5, about: "what norms add to the mean square", isShare: true },
    tied: { default: 1, about: "1: the table of tokens is the last layer, too; 0: it has weights of its own", min: 0 },
  },
  recipe: TRANSFORMER_RECIPE,
  window: ({ context }) => context,
  longest: ({ context }) => context,
  create: (sizes, options) => {
    const { width, heads, groups, tied } = options;
    const problem =
      width % heads !== 0 || (width / heads) % 2 !== 0
        ? `width ${width} must be an even number of times the heads, ${heads}`
        : heads % groups !== 0
          ? `the ${heads} heads are no multiple of the groups, ${groups}`
          : tied > 1
            ? `tied is ${tied}; expected 0 or 1`
            : undefined;
    if (problem !== undefined) throw new UsageError(`llama-s: ${problem}`);
    return new Llama(sizes, options);
  },
};

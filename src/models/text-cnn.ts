/** text-cnn: convolutions over three, four and five words, the largest of each over the text (Y. Kim, arXiv 1408.5882). */
import { cast, lt, mul, relu } from "../engine/ops/elementwise.ts";
import { concat, slice } from "../engine/ops/movement.ts";
import { max } from "../engine/ops/reduce.ts";
import type { Random } from "../engine/random.ts";
import type { Parameter, Tensor } from "../engine/tensor.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { filled } from "../nn/init.ts";
import { Embedding, Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import type { NetworkRecord, NetworkSizes } from "./network.ts";

type Option = "width" | "filters" | "dropout" | "context";

/** Words that a filter sees at a time. */
const SPANS = [3, 4, 5];
/** A model file holds the network as a graph that is stored from texts of up to so many tokens, whatever it will read. */
const LEAST_PLACES = 40;

class TextCnn extends Module {
  readonly embedding: Embedding;
  /** 0, 1, 2 …: what tells a text's own tokens from what fills it up. */
  readonly places: Parameter;
  readonly convs: readonly Conv2d[];
  readonly dropout: Dropout;
  readonly head: Linear;

  constructor(
    { tokens, outputs }: NetworkSizes<"text">,
    { width, filters, dropout, context }: Readonly<Record<Option, number>>,
  ) {
    super();
    this.embedding = new Embedding(tokens, width);
    this.places = filled([Math.max(context, LEAST_PLACES)], 0, false);
    this.convs = SPANS.map((span) => new Conv2d(width, filters, [span, 1], { padding: "same" }));
    this.dropout = new Dropout(dropout);
    this.head = new Linear(SPANS.length * filters, outputs);
    this.#count();
  }

  #count(): void {
    for (let i = 0; i < this.places.data.length; i++) this.places.data[i] = i;
  }

  override reset(_random: Random): void {
    this.#count();
  }

  /** Token numbers [batch, time] → logits [batch, classes]. */
  forward(x: Tensor, context: Context): Tensor {
    const [B, T] = x.shape;
    const { embedding, places, convs, dropout, head } = this;
    const { length = undefined } = context.inputs ?? {};
    const words = embedding.forward(x, context).reshape([B, T, 1, embedding.embeddingDim]);
    const all = slice(places, [{ start: 0, end: T }]).reshape([1, T, 1, 1]);
    const isOwn = length && cast(lt(all, cast(length, "float32").reshape([B, 1, 1, 1])), "float32");
    const own = isOwn === undefined ? words : mul(words, isOwn);
    const found = convs.map((conv) => {
      const seen = relu(conv.forward(own, context)); // [B, T, 1, filters], none below 0
      return max(isOwn === undefined ? seen : mul(seen, isOwn), [1, 2]); // [B, filters]
    });
    return head.forward(dropout.forward(concat(found, 1), context), context);
  }
}

export const textCnn: NetworkRecord<"text", Option> = {
  name: "text-cnn",
  title: "texts into classes: convolutions over 3, 4 and 5 words, 100 filters each, Adam",
  task: "classify",
  input: "text",
  options: {
    width: { default: 128, about: "numbers that stand for a word" },
    filters: { default: 100, about: "filters of each span of words" },
    dropout: { default: 0.5, about: "share of what was found that is dropped while training", isShare: true },
    context: { default: 256, about: "words that are read of a text, the first ones", min: 2 },
  },
  recipe: { optimizer: "adam", lr: 0.001, batchSize: 50, epochs: 10, loss: "crossEntropy" },
  longest: ({ context }) => context,
  create: (sizes, options) => new TextCnn(sizes, options),
};

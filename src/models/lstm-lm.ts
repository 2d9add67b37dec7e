/** lstm-lm: a language model of an LSTM, as those that wrote Shakespeare letter by letter (A. Karpathy, char-rnn, 2015). */
import type { Tensor } from "../engine/tensor.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding, Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { LSTM } from "../nn/recurrent.ts";
import type { NetworkRecord, NetworkSizes } from "./network.ts";

type Option = "width" | "layers" | "dropout" | "context";

class LstmLanguageModel extends Module {
  readonly embedding: Embedding;
  readonly lstm: LSTM;
  readonly dropout: Dropout;
  readonly head: Linear;

  constructor({ tokens, outputs }: NetworkSizes<"text">, { width, layers, dropout }: Readonly<Record<Option, number>>) {
    super();
    this.embedding = new Embedding(tokens, width);
    this.lstm = new LSTM(width, width, { numLayers: layers, dropout });
    this.dropout = new Dropout(dropout);
    this.head = new Linear(width, outputs);
  }

  /** Token numbers [batch, time] → logits of what comes after each [batch, time, tokens]. */
  forward(x: Tensor, context: Context): Tensor {
    const { embedding, lstm, dropout, head } = this;
    const states = lstm.forward(embedding.forward(x, context), context); // [B, T, width]
    return head.forward(dropout.forward(states, context), context);
  }
}

export const lstmLm: NetworkRecord<"text", Option> = {
  name: "lstm-lm",
  title: "language model: two layers of LSTM, 128 wide, Adam with one cycle",
  task: "generate",
  input: "text",
  options: {
    width: { default: 128, about: "numbers that stand for a token, and cells of a layer" },
    layers: { default: 2, about: "layers of LSTM" },
    dropout: { default: 0, about: "share of outputs that is dropped while training", isShare: true },
    context: { default: 64, about: "tokens of a sample while training", min: 2 },
  },
  recipe: {
    optimizer: "adam",
    lr: 0.004,
    schedule: { name: "oneCycle" },
    batchSize: 64,
    epochs: 5,
    loss: "nextToken",
  },
  window: ({ context }) => context,
  create: (sizes, options) => new LstmLanguageModel(sizes, options),
};

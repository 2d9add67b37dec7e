/** lstm: a text by the last states of an LSTM that reads it in both directions. */
import { flatten } from "../engine/ops/movement.ts";
import type { Tensor } from "../engine/tensor.ts";
import { Dropout } from "../nn/dropout.ts";
import { Embedding, Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { LSTM } from "../nn/recurrent.ts";
import type { NetworkRecord, NetworkSizes } from "./network.ts";

type Option = "width" | "dropout" | "context";

class TextLstm extends Module {
  readonly embedding: Embedding;
  readonly dropout: Dropout;
  readonly lstm: LSTM;
  readonly head: Linear;

  constructor({ tokens, outputs }: NetworkSizes<"text">, { width, dropout }: Readonly<Record<Option, number>>) {
    super();
    this.embedding = new Embedding(tokens, width);
    this.dropout = new Dropout(dropout);
    this.lstm = new LSTM(width, width, { bidirectional: true });
    this.head = new Linear(2 * width, outputs);
  }

  /** Token numbers [batch, time] → logits [batch, classes]. */
  forward(x: Tensor, context: Context): Tensor {
    const { embedding, dropout, lstm, head } = this;
    const words = dropout.forward(embedding.forward(x, context), context);
    const { hidden } = lstm.sequence(words, context, { lengths: context.inputs?.length }); // [B, 2, width]
    return head.forward(dropout.forward(flatten(hidden, 1), context), context);
  }
}

export const textLstm: NetworkRecord<"text", Option> = {
  name: "lstm",
  title: "texts into classes: an LSTM in both directions, 64 wide, Adam",
  task: "classify",
  input: "text",
  options: {
    width: { default: 64, about: "numbers that stand for a word, and cells of a direction" },
    dropout: { default: 0.4, about: "share of words and of states that is dropped while training", isShare: true },
    context: { default: 256, about: "words that are read of a text, the first ones", min: 2 },
  },
  recipe: { optimizer: "adam", lr: 0.002, batchSize: 64, epochs: 8, loss: "crossEntropy" },
  longest: ({ context }) => context,
  create: (sizes, options) => new TextLstm(sizes, options),
};

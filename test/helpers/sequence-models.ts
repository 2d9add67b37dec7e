/** Small models of texts and strings with weights of a seed: one that classifies, one that goes on, one that reads strings. */
import { gelu } from "../../src/engine/ops/activation.ts";
import { attention } from "../../src/engine/ops/attention.ts";
import { add } from "../../src/engine/ops/elementwise.ts";
import { permute, reshape, slice } from "../../src/engine/ops/movement.ts";
import { mean } from "../../src/engine/ops/reduce.ts";
import { type RopeOptions, rope } from "../../src/engine/ops/rope.ts";
import type { Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { MultiheadAttention } from "../../src/nn/attention.ts";
import { Embedding, Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { LayerNorm } from "../../src/nn/norm.ts";
import { LSTM } from "../../src/nn/recurrent.ts";
import { MNIST_PREPROCESSING } from "../../src/picture/preprocessing.ts";
import { Classify } from "../../src/task/classify/classify.ts";
import { Generate } from "../../src/task/generate/generate.ts";
import { NumbersInput } from "../../src/task/input.ts";
import { TextInput, type TextInputOptions } from "../../src/task/text-input.ts";
import { Transcribe } from "../../src/task/transcribe/transcribe.ts";
import { CharacterTokenizer, WordTokenizer } from "../../src/text/tokenizer.ts";

/** A sentence by a bidirectional LSTM over its words, as long as it is. */
class Sentences extends Module {
  readonly embedding: Embedding;
  readonly lstm = new LSTM(8, 6, { bidirectional: true });
  readonly head: Linear;

  constructor(tokens: number, classes: number) {
    super();
    this.embedding = new Embedding(tokens, 8);
    this.head = new Linear(12, classes);
  }

  forward(x: Tensor, context: Context): Tensor {
    const words = this.embedding.forward(x, context); // [B, T, 8]
    const { hidden } = this.lstm.sequence(words, context, { lengths: context.inputs?.length });
    return this.head.forward(reshape(hidden, [x.shape[0], 12]), context);
  }
}

export const QUESTIONS = [
  "how many people live here ?",
  "who wrote this book ?",
  "where is the river that flows north ?",
];

/** Puts questions into three classes. */
export function questions(options: TextInputOptions = {}): Model<Classify> {
  const tokenizer = WordTokenizer.of(QUESTIONS);
  const classes = ["number", "person", "place"];
  return new Model(new Sentences(tokenizer.tokens.length, classes.length), {
    task: new Classify(new TextInput(tokenizer, options), classes),
    seed: 5,
  });
}

/** A sentence by the mean of its words, and of what fills it up. */
class Averaged extends Module {
  readonly embedding: Embedding;
  readonly head: Linear;

  constructor(tokens: number, classes: number) {
    super();
    this.embedding = new Embedding(tokens, 8);
    this.head = new Linear(8, classes);
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.head.forward(mean(this.embedding.forward(x, context), 1), context);
  }
}

/** Puts questions into two classes by the mean of their words. */
export function averaged(): Model<Classify> {
  const tokenizer = WordTokenizer.of(QUESTIONS);
  const task = new Classify(new TextInput(tokenizer), ["long", "short"]);
  return new Model(new Averaged(tokenizer.tokens.length, 2), { task, seed: 6 });
}

/** A sentence by what attention makes of its words, as far as they are its own. */
class Weighted extends Module {
  readonly embedding: Embedding;
  readonly attention = new MultiheadAttention(8, 2);
  readonly head: Linear;

  constructor(tokens: number, classes: number) {
    super();
    this.embedding = new Embedding(tokens, 8);
    this.head = new Linear(8, classes);
  }

  forward(x: Tensor, context: Context): Tensor {
    const words = this.embedding.forward(x, context); // [B, T, 8]
    const mixed = this.attention.forward(words, context, { length: context.inputs?.length });
    return this.head.forward(reshape(slice(mixed, [{}, { end: 1 }]), [x.shape[0], 8]), context);
  }
}

/** As {@link questions}, by another network. */
export function weighted(): Model<Classify> {
  const { task } = questions();
  return new Model(new Weighted((task.input as TextInput).tokenizer.tokens.length, 3), { task, seed: 8 });
}

/** One block of a transformer, with learned positions. */
class Gpt extends Module {
  readonly tokens: Embedding;
  readonly positions: Embedding;
  readonly norm1 = new LayerNorm(16);
  readonly attention = new MultiheadAttention(16, 4, { causal: true });
  readonly norm2 = new LayerNorm(16);
  readonly up = new Linear(16, 32);
  readonly down = new Linear(32, 16);
  readonly head: Linear;

  constructor(tokens: number, longest: number) {
    super();
    this.tokens = new Embedding(tokens, 16);
    this.positions = new Embedding(longest, 16);
    this.head = new Linear(16, tokens);
  }

  forward(x: Tensor, context: Context): Tensor {
    const places = slice(this.positions.weight, [{ end: x.shape[1] }]); // [T, 16]
    let h = add(this.tokens.forward(x, context), places);
    h = add(h, this.attention.forward(this.norm1.forward(h, context), context));
    h = add(h, this.down.forward(gelu(this.up.forward(this.norm2.forward(h, context), context)), context));
    return this.head.forward(h, context);
  }
}

/** Goes on with texts of eight letters, of which it sees the last 64. */
export function letters(): Model<Generate> {
  const tokenizer = new CharacterTokenizer([..."\nabcdefg"]);
  return new Model(new Gpt(tokenizer.tokens.length, 64), {
    task: new Generate(new TextInput(tokenizer, { maxLength: 64 })),
    seed: 6,
  });
}

/** As {@link Gpt}, with positions that turn queries and keys. */
class Turning extends Module {
  readonly tokens: Embedding;
  readonly qkv = new Linear(16, 48);
  readonly out = new Linear(16, 16);
  readonly head: Linear;
  readonly #options: RopeOptions;

  constructor(tokens: number, options: RopeOptions) {
    super();
    this.#options = options;
    this.tokens = new Embedding(tokens, 16);
    this.head = new Linear(16, tokens);
  }

  forward(x: Tensor, context: Context): Tensor {
    const [B, T] = x.shape;
    const h = this.tokens.forward(x, context); // [B, T, 16]
    const heads = reshape(this.qkv.forward(h, context), [B, T, 6, 8]);
    const [q, k, v] = [0, 2, 4].map((start) => slice(heads, [{}, {}, { start, end: start + 2 }])); // [B, T, 2, 8]
    const [turnedQ, turnedK] = [q, k].map((part) => rope(part, this.#options));
    const mixed = attention(turnedQ, turnedK, v, { causal: true });
    return this.head.forward(add(h, this.out.forward(reshape(mixed, [B, T, 16]), context)), context);
  }
}

/** As {@link letters}, with rotary positions. */
export function turning(options: RopeOptions): Model<Generate> {
  const { task } = letters();
  return new Model(new Turning(task.names.length, options), { task, seed: 9 });
}

/** Each column of a picture is a frame. */
class Columns extends Module {
  readonly head: Linear;

  constructor(height: number, symbols: number) {
    super();
    this.head = new Linear(height, 1 + symbols);
  }

  forward(x: Tensor, context: Context): Tensor {
    const [B, H, W] = x.shape;
    return this.head.forward(permute(reshape(x, [B, H, W]), [0, 2, 1]), context); // [B, W, 1 + symbols]
  }
}

/** Reads strings of three digits from pictures of 28 columns. */
export function strings(): Model<Transcribe> {
  const input = new NumbersInput({ shape: [28, 28, 1], preprocessing: { ...MNIST_PREPROCESSING } });
  return new Model(new Columns(28, 3), { task: new Transcribe(input, "123"), seed: 7 });
}

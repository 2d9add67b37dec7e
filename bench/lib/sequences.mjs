/** Models of sequences, and a training step of each. */

import { gradients } from "../../dist/engine/autodiff.js";
import { trace } from "../../dist/engine/trace.js";
import { nn, ops, optim } from "../../dist/index.js";
import { Reader } from "../../dist/models/reader.js";
import { inferenceContext, trainingContext } from "../../dist/nn/context.js";

/** Characters of Shakespeare's plays, the vocabulary of all models here. */
const VOCABULARY = 65;

class Block extends nn.Module {
  constructor(width, heads) {
    super();
    this.ln_1 = new nn.LayerNorm(width);
    this.attn = new nn.MultiheadAttention(width, heads, { causal: true });
    this.ln_2 = new nn.LayerNorm(width);
    this.mlp = new nn.Sequential(new nn.Linear(width, 4 * width), new nn.GELU(), new nn.Linear(4 * width, width));
  }

  forward(x, context) {
    const mixed = x.add(this.attn.forward(this.ln_1.forward(x, context), context));
    return mixed.add(this.mlp.forward(this.ln_2.forward(mixed, context), context));
  }
}

/** GPT-2's architecture (Radford et al., 2019). */
class Gpt extends nn.Module {
  constructor({ layers, heads, width, time }) {
    super();
    this.wte = new nn.Embedding(VOCABULARY, width);
    this.wpe = new nn.Embedding(time, width);
    this.h = Array.from({ length: layers }, () => new Block(width, heads));
    this.ln_f = new nn.LayerNorm(width);
    this.lm_head = new nn.Linear(width, VOCABULARY, { bias: false });
  }

  forward(tokens, context) {
    const positions = ops.constant(
      Array.from({ length: tokens.shape[1] }, (_, t) => t),
      "int32",
    );
    let x = this.wte.forward(tokens, context).add(this.wpe.forward(positions, context));
    for (const block of this.h) x = block.forward(x, context);
    return this.lm_head.forward(this.ln_f.forward(x, context), context);
  }
}

/** A character model of recurrent layers, each as wide as the embedding. */
class Recurrent extends nn.Module {
  constructor({ kind, layers, width }) {
    super();
    this.embed = new nn.Embedding(VOCABULARY, width);
    this.rnn = new nn[kind](width, width, { numLayers: layers });
    this.head = new nn.Linear(width, VOCABULARY);
  }

  forward(tokens, context) {
    return this.head.forward(this.rnn.forward(this.embed.forward(tokens, context), context), context);
  }
}

/** Tokens in, the next ones to be guessed: a model takes int32 [batch, time] and gives logits [batch, time, vocabulary]. */
const GUESSING = {
  loss(tracer, model, { batch, time }) {
    const [tokens, next] = ["tokens", "next"].map((input) => tracer.input(input, [batch, time], "int32", true));
    const logits = model.forward(tokens, inferenceContext());
    return ops.crossEntropy(logits.reshape([-1, VOCABULARY]), next.reshape([-1]));
  },
  feed(inputs) {
    for (const key of ["tokens", "next"]) {
      inputs[key].forEach((_, i) => {
        inputs[key][i] = (i * 7919 + (i >> 3)) % VOCABULARY;
      });
    }
  },
};

/** Height of a line, logits of a frame, and symbols of a string. */
const [HEIGHT, OUTPUTS, SYMBOLS] = [28, 19, 6];

/** Pictures of lines, bytes [batch, time, height, 1], and the strings that stand in them, learnt by CTC. Dropout is on. */
const READING = {
  loss(tracer, model, { batch, time }) {
    const x = tracer.input("x", [batch, time, HEIGHT, 1], "uint8", true);
    const symbols = tracer.input("symbols", [batch, SYMBOLS], "int32", true);
    const logits = model.forward(x, trainingContext(tracer, tracer.input("key", [2], "int32")));
    const counts = (count) => ops.constant(count, "int32", [batch]);
    return ops.mean(ops.ctcLoss(logits, symbols, counts(time / 2), counts(SYMBOLS)));
  },
  feed({ x, symbols }) {
    x.forEach((_, i) => {
      x[i] = (i * 7919 + (i >> 3)) % 256;
    });
    symbols.forEach((_, i) => {
      symbols[i] = 1 + ((i * 7) % 10);
    });
  },
};

/** By name: sizes, how a model is made of them, what it learns, and what it is. The same names and sizes stand in peers/sequences_pytorch.py. */
export const SEQUENCES = {
  "gpt-small": {
    about: "GPT, 4 layers, 4 heads, 128 wide",
    batch: 12,
    time: 64,
    make: (time) => new Gpt({ layers: 4, heads: 4, width: 128, time }),
  },
  "gpt-10.8M": {
    about: "GPT, 6 layers, 6 heads, 384 wide",
    batch: 64,
    time: 256,
    make: (time) => new Gpt({ layers: 6, heads: 6, width: 384, time }),
  },
  lstm: {
    about: "LSTM, 2 layers, 128 wide",
    batch: 64,
    time: 64,
    make: () => new Recurrent({ kind: "LSTM", layers: 2, width: 128 }),
  },
  gru: {
    about: "GRU, 2 layers, 128 wide",
    batch: 64,
    time: 64,
    make: () => new Recurrent({ kind: "GRU", layers: 2, width: 128 }),
  },
  reader: {
    about: "reader of lines, 8 convolutions, CTC",
    batch: 64,
    time: 128,
    make: () => new Reader(OUTPUTS, HEIGHT),
    learns: READING,
  },
};

/** A training step by AdamW: the graph, and what writes its inputs once it is compiled. */
export function sequenceStep(name) {
  const { make, learns = GUESSING, ...sizes } = SEQUENCES[name];
  const model = make(sizes.time);
  const optimizer = optim.adamW({ lr: 1e-3 });
  const graph = trace((tracer) => {
    const loss = learns.loss(tracer, model, sizes);
    const parameters = model.trainable();
    const scalars = {};
    const scalar = (key) => {
      scalars[key] ??= tracer.input(key, []);
      return scalars[key];
    };
    gradients(loss, parameters).forEach((grad, i) => {
      for (const { target, value } of optimizer.update(parameters[i], grad, scalar)) tracer.update(target, value);
    });
    return { loss };
  });
  const feed = (inputs) => {
    learns.feed(inputs);
    // A rate of 0 leaves the weights where they are, so that every step does the same work on the same numbers.
    for (const [key, value] of Object.entries(optimizer.scalars(1, 0))) if (key in inputs) inputs[key][0] = value;
  };
  return { graph, feed, tokens: sizes.batch * sizes.time };
}

// A character language model: learns what names look like, letter by letter, and writes new ones.
//
//     npm run build && node examples/names.mjs names.txt      (any text file with one name a line)
import { readFile } from "node:fs/promises";
import { data, evaluate, fit, generate, Model, nn, tasks, text } from "ductus";

/** Each letter by the few before it, by causal convolution. */
class Letters extends nn.Module {
  constructor(tokens, width = 64) {
    super();
    this.embedding = new nn.Embedding(tokens, width);
    this.lstm = new nn.LSTM(width, width);
    this.head = new nn.Linear(width, tokens);
  }

  // x: token numbers [batch, time] → logits [batch, time, tokens]
  forward(x, context) {
    return this.head.forward(this.lstm.forward(this.embedding.forward(x, context), context), context);
  }
}

const names = (await readFile(process.argv[2], "utf8")).split("\n").filter((name) => name !== "");
// A line break begins every name and ends it.
const lines = names.map((name) => `\n${name}\n`);
const tokenizer = text.CharacterTokenizer.of(...lines);
const cut = Math.floor(0.9 * lines.length);
const train = new data.Texts(lines.slice(0, cut), { tokenizer, name: "names" });
const held = new data.Texts(lines.slice(cut), { tokenizer, name: "other names" });

const model = new Model(new Letters(tokenizer.tokens.length), { task: new tasks.Generate(tokenizer), seed: 1 });
const run = await fit(model, train, { epochs: 3, lr: 0.003, batchSize: 64, validation: held });
console.log(await evaluate(run.model, held));
for (let seed = 0; seed < 10; seed++) {
  console.log(await generate(run.model, "\n", { stop: "\n", seed, length: 20 }));
}

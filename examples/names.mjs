// A language model of letters: learns what names look like and writes new ones.
//
//     npm run build && node examples/names.mjs names.txt      (any text file with one name a line)
import { readFile } from "node:fs/promises";
import { fit, generate, Model, nn, tasks, text } from "ductus";

class Letters extends nn.Module {
  constructor(tokens, width = 96) {
    super();
    this.embedding = new nn.Embedding(tokens, width);
    this.lstm = new nn.LSTM(width, width);
    this.head = new nn.Linear(width, tokens);
  }

  // x: token numbers [batch, time] → logits of what comes after each [batch, time, tokens]
  forward(x, context) {
    const letters = this.embedding.forward(x, context);
    return this.head.forward(this.lstm.forward(letters, context), context);
  }
}

const names = (await readFile(process.argv[2], "utf8")).split("\n").filter((name) => name !== "");
// A line break begins every name and ends it.
const lines = names.map((name) => `\n${name}\n`);
const tokenizer = text.CharacterTokenizer.of(...lines);
const all = new text.Texts(lines, { tokenizer, name: "names" });

const model = new Model(new Letters(tokenizer.tokens.length), { task: new tasks.Generate(tokenizer), seed: 1 });
const run = await fit(model, all, { epochs: 3, lr: 0.003, validation: 0.1 });
console.log(run.best.validation);
for (let seed = 0; seed < 10; seed++) {
  console.log(await generate(run.model, "\n", { stop: "\n", seed }));
}

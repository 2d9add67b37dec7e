// A classifier of sentences: what does a question ask for? The data are lines "label question", as TREC's are.
//
//     npm run build && node examples/sentences.mjs TREC.train.all TREC.test.all
import { readFile } from "node:fs/promises";
import { evaluate, fit, Model, nn, ops, predict, tasks, text } from "ductus";

const CLASSES = ["description", "entity", "abbreviation", "person", "place", "number"];

class Sentences extends nn.Module {
  constructor(words, classes, width = 64) {
    super();
    this.embedding = new nn.Embedding(words, width);
    this.dropout = new nn.Dropout(0.4);
    this.lstm = new nn.LSTM(width, width, { bidirectional: true });
    this.head = new nn.Linear(2 * width, classes);
  }

  // x: token numbers [batch, time] → logits [batch, classes]; sentences of a batch are filled up to one length
  forward(x, context) {
    const words = this.dropout.forward(this.embedding.forward(x, context), context);
    const { hidden } = this.lstm.sequence(words, context, { lengths: context.inputs.length }); // [batch, 2, width]
    return this.head.forward(this.dropout.forward(ops.flatten(hidden, 1), context), context);
  }
}

async function questions(path) {
  const lines = (await readFile(path, "latin1")).split("\n").filter((line) => line !== "");
  return lines.map((line) => ({ label: Number(line[0]), text: line.slice(2) }));
}

const [train, test] = await Promise.all(process.argv.slice(2).map(questions));
const tokenizer = text.WordTokenizer.of(train.map((question) => question.text));
const options = { tokenizer, classes: CLASSES };

const input = new tasks.TextInput(tokenizer);
const model = new Model(new Sentences(tokenizer.tokens.length, CLASSES.length), {
  task: new tasks.Classify(input, CLASSES),
  seed: 1,
});
const run = await fit(model, new text.LabeledTexts(train, { ...options, name: "questions" }), {
  epochs: 6,
  lr: 0.002,
  validation: 0.1,
  keep: "best",
});
console.log(
  await evaluate(run.model, new text.LabeledTexts(test, { ...options, name: "other questions", split: "test" })),
);
console.log(await predict(run.model, "Who painted the ceiling of the Sistine Chapel ?"));

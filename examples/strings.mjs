// A reader of digit strings: several digits of MNIST side by side are one picture, and the network learns to read them as a whole
// without being told where they stand (CTC).
//
//     npm run build && node examples/strings.mjs [how many strings to learn from]
import { data, evaluate, fit, Model, nn, ops, Random, tasks, text } from "ductus";

const [HEIGHT, WIDTH, DIGITS] = [28, 120, "0123456789"];

class Reader extends nn.Module {
  constructor(symbols) {
    super();
    this.conv1 = new nn.Conv2d(1, 16, 3, { padding: "same" });
    this.conv2 = new nn.Conv2d(16, 32, 3, { padding: "same" });
    this.pool = new nn.MaxPool2d(2);
    this.column = new nn.Conv2d(32, 64, [7, 5], { padding: [0, 2] });
    this.head = new nn.Linear(64, 1 + symbols);
  }

  // [batch, height, width, 1] → a column of the picture is a frame: logits [batch, frames, 1 + symbols]
  forward(x, context) {
    for (const conv of [this.conv1, this.conv2]) x = this.pool.forward(ops.relu(conv.forward(x, context)), context);
    const columns = ops.relu(this.column.forward(x, context)); // [batch, 1, frames, 64]
    return this.head.forward(ops.reshape(columns, [x.shape[0], x.shape[2], 64]), context);
  }
}

/** Strings of 1 to 4 digits, drawn side by side with a little room between them. */
function strings(digits, count, seed) {
  const random = new Random(seed, "user");
  const images = new Uint8Array(count * HEIGHT * WIDTH);
  const texts = Array.from({ length: count }, (_, i) => {
    let [text, left] = ["", random.integer(12)];
    for (let length = 1 + random.integer(4); length > 0; length--, left += 20 + random.integer(8)) {
      const index = random.integer(digits.length);
      text += DIGITS[digits.label(index)];
      digits.image(index).forEach((ink, p) => {
        const at = (i * HEIGHT + Math.floor(p / 28)) * WIDTH + left + (p % 28);
        images[at] = Math.max(images[at], ink);
      });
    }
    return text;
  });
  return new text.Lines({ images, height: HEIGHT, width: WIDTH, strings: texts, alphabet: DIGITS, name: "strings" });
}

const { train, test } = await data.mnist();
const input = new tasks.NumbersInput({ shape: [HEIGHT, WIDTH, 1] });
const model = new Model(new Reader(DIGITS.length), { task: new tasks.Transcribe(input, DIGITS), seed: 1 });
const run = await fit(model, strings(train, Number(process.argv[2] ?? 5000), 1), {
  epochs: 4,
  batchSize: 32,
  lr: 0.002,
});
console.log(await evaluate(run.model, strings(test, 500, 2)));

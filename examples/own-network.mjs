// A network of one's own, with a residual connection. Modules are plain classes: layers are properties, `forward` says
// how they are joined, and the names of the properties are the names in the file.
//
//     npm run build && node examples/own-network.mjs
import { data, evaluate, fit, load, Model, nn } from "ductus";

class Block extends nn.Module {
  constructor(channels) {
    super();
    this.conv1 = new nn.Conv2d(channels, channels, 3, { padding: 1 });
    this.norm1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1 });
    this.norm2 = new nn.BatchNorm2d(channels);
  }

  forward(x, context) {
    const a = this.norm1.forward(this.conv1.forward(x, context), context).relu();
    const b = this.norm2.forward(this.conv2.forward(a, context), context);
    return b.add(x).relu(); // the way around both convolutions
  }
}

const network = new nn.Sequential(
  new nn.Conv2d(1, 16, 3, { stride: 2, padding: 1 }),
  new Block(16),
  new nn.MaxPool2d(2),
  new nn.Dropout(0.1),
  new nn.Flatten(),
  new nn.Linear(16 * 7 * 7, 10),
);
const model = new Model(network, { inputShape: [28, 28, 1], classes: 10, seed: 1 });
console.log(nn.formatSummary(model.summary()));

const { train, test } = await data.mnist();
// A part of the digits, so that the example is quick.
const run = await fit(model, data.sample(train, 2000), { epochs: 2, schedule: "oneCycle", lr: 0.003 });
console.log(`accuracy ${(await evaluate(run.model, test)).accuracy}`);

// The file holds the traced graph: it loads in a program that has never heard of `Block`.
await run.model.save("own-network.safetensors");
console.log(`loaded again: ${(await evaluate(await load("own-network.safetensors"), test)).accuracy}`);

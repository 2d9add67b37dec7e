/** TensorFlow.js as a contender: `cnn-3x3` with its layers API, on the cpu or the wasm backend. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { serve } from "./serve.mjs";

const [folder, backend] = process.argv.slice(2);
console.log = console.error; // standard output is for answers
const require = createRequire(join(folder, "package.json"));
const tf = require("@tensorflow/tfjs");
if (backend === "wasm") {
  const wasm = require("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(join(folder, "node_modules", "@tensorflow", "tfjs-backend-wasm", "dist", "/"));
}
await tf.setBackend(backend);
await tf.ready();

/** A batch of 64 takes the cpu backend more than a minute. */
const MOST = { training: 4, inference: { cpu: 16, wasm: 1000 }[backend], "one image": 1 };

function network() {
  const { conv2d, maxPooling2d, flatten, dense } = tf.layers;
  const layers = [
    conv2d({ filters: 32, kernelSize: 3, activation: "relu", inputShape: [28, 28, 1] }),
    maxPooling2d({ poolSize: 2 }),
    conv2d({ filters: 64, kernelSize: 3, activation: "relu" }),
    maxPooling2d({ poolSize: 2 }),
    flatten(),
    dense({ units: 128, activation: "relu" }),
    dense({ units: 10 }),
  ];
  return tf.sequential({ layers });
}

await serve({ "tensorflow.js": tf.version.tfjs }, async ({ kind, batch }) => {
  const images = Math.min(batch, MOST[kind]);
  const net = network();
  const x = tf.randomUniform([images, 28, 28, 1]);
  const y = tf.oneHot(tf.range(0, images, 1, "int32").mod(tf.scalar(10, "int32")), 10);
  const optimizer = tf.train.adam(0); // a rate of 0, as in lib/programs.mjs
  const loss = () => tf.losses.softmaxCrossEntropy(y, net.apply(x, { training: true }));
  const train = async () => {
    const value = optimizer.minimize(loss, true);
    await value.data();
    value.dispose();
  };
  const infer = async () => {
    const logits = tf.tidy(() => net.predict(x, { batchSize: images }));
    await logits.data();
    logits.dispose();
  };
  const step = kind === "training" ? train : infer;
  await step();
  return { step, images, note: images < batch ? `batches of ${images}` : undefined };
});

/** jax-js as a contender: `cnn-3x3` written as one writes it there, jitted, on its wasm backend. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { serve } from "./serve.mjs";

const [folder] = process.argv.slice(2);
const root = join(folder, "node_modules", "@jax-js", "jax");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const jax = await import(pathToFileURL(join(root, "dist", "index.js")).href);
const { numpy: np, lax, nn, jit, valueAndGrad } = jax;
await jax.init("wasm");
jax.defaultDevice("wasm");

const MOST = { training: 16, inference: 64, "one image": 1 };

const noise = (shape, scale) => {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return np.array(Float32Array.from({ length: size }, () => (Math.random() * 2 - 1) * scale)).reshape(shape);
};

const parameters = () => ({
  w1: noise([32, 1, 3, 3], 1 / 3),
  b1: noise([32, 1, 1], 1 / 3),
  w2: noise([64, 32, 3, 3], 0.06),
  b2: noise([64, 1, 1], 0.06),
  w3: noise([1600, 128], 0.025),
  b3: noise([128], 0.025),
  w4: noise([128, 10], 0.09),
  b4: noise([10], 0.09),
});

// [B, 1, 28, 28] → [B, 10]. Every use of an array gives it away; `.ref` keeps it.
function forward(p, x) {
  const pool = (a) => lax.reduceWindow(nn.relu(a), np.max, [2, 2], [2, 2]);
  const a = pool(lax.conv(x, p.w1, [1, 1], "VALID").add(p.b1));
  const b = pool(lax.conv(a, p.w2, [1, 1], "VALID").add(p.b2));
  const c = nn.relu(np.dot(b.reshape([x.shape[0], 1600]), p.w3).add(p.b3));
  return np.dot(c, p.w4).add(p.b4);
}

const loss = (p, x, y) => np.mean(np.sum(nn.logSoftmax(forward(p, x)).mul(y), -1)).mul(-1);

/** Adam with a rate of 0 (as in lib/programs.mjs), bias corrections left out. */
const update = jit((w, m, v, g) => {
  const first = m.mul(0.9).add(g.ref.mul(0.1));
  const second = v.mul(0.999).add(np.square(g).mul(0.001));
  return [w.sub(first.ref.div(np.sqrt(second.ref).add(1e-8)).mul(0)), first, second];
});

await serve({ "jax-js": version }, async ({ kind, batch }) => {
  const images = Math.min(batch, MOST[kind]);
  const x = noise([images, 1, 28, 28], 1);
  const y = np.array(
    Float32Array.from({ length: images * 10 }, (_, i) => (i % 10 === Math.floor(i / 10) % 10 ? 1 : 0)),
  );
  const targets = y.reshape([images, 10]);
  const p = parameters();
  const names = Object.keys(p);
  const held = () => Object.fromEntries(names.map((name) => [name, p[name].ref]));
  const moments = Object.fromEntries(names.map((name) => [name, [np.zeros(p[name].shape), np.zeros(p[name].shape)]]));
  const differentiate = jit(valueAndGrad(loss));
  const predict = jit(forward);
  const train = async () => {
    const [value, grads] = differentiate(held(), x.ref, targets.ref);
    for (const name of names) {
      const [w, m, v] = update(p[name], ...moments[name], grads[name]);
      p[name] = w;
      moments[name] = [m, v];
    }
    await jax.blockUntilReady([p, moments]);
    await value.data();
  };
  const infer = async () => {
    await predict(held(), x.ref).data();
  };
  const step = kind === "training" ? train : infer;
  await step();
  return { step, images, note: images < batch ? `batches of ${images}` : undefined };
});

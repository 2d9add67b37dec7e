/**
 * The kernels that matter in the named networks, one entry each: a graph of that op alone, and what it does: `flops`
 * (multiplications and additions) for those that compute, `bytes` (read and written, each operand once) for those that
 * walk through memory. A new kernel or shape is one more entry.
 */

import { gradients } from "../../dist/engine/autodiff.js";
import { conv2dOp } from "../../dist/engine/ops/conv.js";
import { relu } from "../../dist/engine/ops/elementwise.js";
import { crossEntropy } from "../../dist/engine/ops/loss.js";
import { matmul, matmulOp } from "../../dist/engine/ops/matmul.js";
import { pad, permute } from "../../dist/engine/ops/movement.js";
import { maxPool2d } from "../../dist/engine/ops/pool.js";
import { sum } from "../../dist/engine/ops/reduce.js";
import { apply, Parameter } from "../../dist/engine/tensor.js";
import { trace } from "../../dist/engine/trace.js";
import { createOptimizer } from "../../dist/optim/registry.js";

const BATCH = 64;
const size = (shape) => shape.reduce((product, dim) => product * dim, 1);
const weight = (shape) => new Parameter(shape, new Float32Array(size(shape)).fill(0.01));
const VALID = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1], groups: 1 };
const same = (reach) => ({ ...VALID, padding: [reach, reach, reach, reach] });

/** Three kernels of a convolution [BATCH, H, H, C] → O channels with a K × K kernel. */
function convolution(name, H, C, K, O, attrs = VALID, which = ["forward", "data gradient", "weight gradient"]) {
  const P = H + 2 * attrs.padding[0] - attrs.dilation[0] * (K - 1);
  const [xShape, yShape, wShape] = [
    [BATCH, H, H, C],
    [BATCH, P, P, O],
    [K, K, C / attrs.groups, O],
  ];
  const flops = 2 * size(yShape) * K * K * (C / attrs.groups);
  const call = (x, w) => ({ inputs: [x, w], output: apply(conv2dOp, [x, w], attrs), attrs });
  const build = {
    forward: (t) => apply(conv2dOp, [t.input("x", xShape, "float32", true), weight(wShape)], attrs),
    "data gradient": (t) => {
      const g = t.input("g", yShape, "float32", true);
      return conv2dOp.gradient(g, call(t.input("x", xShape, "float32", true), weight(wShape)))[0];
    },
    "weight gradient": (t) => {
      const g = t.input("g", yShape, "float32", true);
      return conv2dOp.gradient(g, call(t.input("x", xShape, "float32", true), weight(wShape)))[1];
    },
  };
  return which.map((part) => ({ name: `${name} ${part}`, flops, graph: graphOf(build[part]) }));
}

/** The three products of a linear layer: x Wᵀ, its data gradient g W and its weight gradient gᵀ x. */
function linearLayer(name, features, out, batch = BATCH) {
  const x = (t) => t.input("x", [batch, features], "float32", true);
  const g = (t) => t.input("g", [batch, out], "float32", true);
  const w = weight([out, features]);
  const flops = 2 * batch * features * out;
  return [
    { name: `${name} x·Wᵀ`, flops, graph: graphOf((t) => matmul(x(t), w, { transposeB: true })) },
    { name: `${name} g·W`, flops, graph: graphOf((t) => matmul(g(t), w)) },
    {
      name: `${name} gᵀ·x`,
      flops,
      graph: graphOf((t) => apply(matmulOp, [g(t), x(t)], { transposeA: true, transposeB: false })),
    },
  ];
}

/** An op from inputs to one output, whose traffic is all of them once. */
function walking(name, shapes, build) {
  const graph = graphOf((t) => build(...shapes.map((shape, i) => t.input(`x${i}`, shape, "float32", true))));
  const bytes = 4 * [...shapes, graph.outputs.y.shape].reduce((total, shape) => total + size(shape), 0);
  return { name, bytes, graph };
}

const graphOf = (build) => trace((tracer) => ({ y: build(tracer) }));

/** The update of one parameter by an optimizer: it reads parameter, state and gradient and writes the first two. */
function update(name, shape) {
  const optimizer = createOptimizer(name, name === "sgd" ? { momentum: 0.9 } : {});
  const parameter = weight(shape);
  const states = Object.keys(optimizer.state(parameter)).length;
  const graph = trace((tracer) => {
    const gradient = tracer.input("gradient", shape);
    const known = new Map();
    const scalar = (key) => known.get(key) ?? known.set(key, tracer.input(key, [])).get(key);
    for (const { target, value } of optimizer.update(parameter, gradient, scalar)) tracer.update(target, value);
    return {};
  });
  return { name: `${name} update [${shape}]`, bytes: 4 * size(shape) * (1 + 2 + 2 * states), graph };
}

const image = (side, channels) => [BATCH, side, side, channels];
const pool = (x) => maxPool2d(x, 2);

export const KERNEL_CASES = [
  ...convolution("conv 3×3 1→32 on 28² (cnn-3x3)", 28, 1, 3, 32, VALID, ["forward", "weight gradient"]),
  ...convolution("conv 3×3 32→64 on 13² (cnn-3x3)", 13, 32, 3, 64),
  ...convolution("conv 5×5 1→32 on 28² (cnn-5x5)", 28, 1, 5, 32, VALID, ["forward", "weight gradient"]),
  ...convolution("conv 5×5 32→64 on 12² (cnn-5x5)", 12, 32, 5, 64),
  ...convolution("conv 3×3 pad 1 32→64 on 14² (cnn-same)", 14, 32, 3, 64, same(1)),
  ...convolution("conv 1×1 16→32 on 28² (separable)", 28, 16, 1, 32),
  ...convolution("depthwise 3×3 16 on 28² (separable)", 28, 16, 3, 16, { ...same(1), groups: 16 }),
  ...convolution("conv 3×3 pad 1 1→1 on 28² (separable)", 28, 1, 3, 1, same(1), ["forward", "weight gradient"]),
  ...convolution("conv 1×1 1→16 on 28² (separable)", 28, 1, 1, 16),
  ...linearLayer("fc 1600→128 (cnn-3x3)", 1600, 128),
  ...linearLayer("fc 3136→1024 (cnn-same)", 3136, 1024),
  ...linearLayer("fc 784→128 (mlp)", 784, 128),
  ...linearLayer("fc 1600→128, 1,000 rows", 1600, 128, 1000).slice(0, 1),
  walking("relu 26²·32", [image(26, 32)], relu),
  walking("max pool 26²·32", [image(26, 32)], pool),
  walking("max pool gradient 26²·32", [image(26, 32)], (x) => gradients(sum(pool(x)), [x])[0]),
  walking("sum over pixels 26²·32", [image(26, 32)], (x) => sum(x, [1, 2])),
  walking("pad columns 14²·32", [image(14, 32)], (x) =>
    pad(x, [
      [0, 0],
      [0, 0],
      [1, 1],
      [0, 0],
    ]),
  ),
  walking("permute NHWC → NCHW 13²·32", [image(13, 32)], (x) => permute(x, [0, 3, 1, 2])),
  walking(
    "soft cross-entropy 1,000 × 10",
    [
      [1000, 10],
      [1000, 10],
    ],
    (x, y) => crossEntropy(x, y),
  ),
  update("adam", [128, 1600]),
  update("sgd", [1024, 1024]),
];

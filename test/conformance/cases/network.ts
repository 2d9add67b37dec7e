/** Cases of the ops that networks are made of: products, convolutions, pools, norms, losses, and chains of them. */
import * as act from "../../../src/engine/ops/activation.ts";
import { constant } from "../../../src/engine/ops/constant.ts";
import * as conv from "../../../src/engine/ops/conv.ts";
import * as e from "../../../src/engine/ops/elementwise.ts";
import type { CompositeName, PrimitiveName } from "../../../src/engine/ops/index.ts";
import * as loss from "../../../src/engine/ops/loss.ts";
import { linear, matmul } from "../../../src/engine/ops/matmul.ts";
import * as m from "../../../src/engine/ops/movement.ts";
import * as norm from "../../../src/engine/ops/norm.ts";
import * as pool from "../../../src/engine/ops/pool.ts";
import * as r from "../../../src/engine/ops/reduce.ts";
import { rope } from "../../../src/engine/ops/rope.ts";
import type { Shape } from "../../../src/engine/shape.ts";
import { apply, type Tensor } from "../../../src/engine/tensor.ts";
import { type Case, type CaseInput, define, ints, w, x } from "./case.ts";

const kinks = { gradient: "kinks" } as const;
const none = { gradient: "none" } as const;

const PRODUCTS: readonly (readonly [label: string, a: CaseInput, b: CaseInput])[] = [
  ["1×1×1", x([1, 1]), w([1, 1])],
  ["4×8×16", x([4, 8]), w([8, 16])],
  ["5×7×3", x([5, 7]), w([7, 3])],
  ["one row", x([1, 33]), w([33, 10])],
  ["one column", x([9, 17]), w([17, 1])],
  ["depth 1", x([6, 1]), w([1, 5])],
  ["13×65×37", x([13, 65]), w([65, 37])],
  ["64×128×10", x([64, 128], [-1, 1]), w([128, 10], [-1, 1])],
  ["both batched", x([6, 5]), x([5, 6].reverse().reverse() as Shape)],
];

const transposed = (shape: Shape, yes: boolean): Shape =>
  yes ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;

const products: Case[] = PRODUCTS.flatMap(([label, a, b]) =>
  [0, 1, 2, 3].map((bits) => {
    const attrs = { transposeA: (bits & 1) === 1, transposeB: (bits & 2) === 2 };
    const left = { ...a, shape: transposed(a.shape, attrs.transposeA), batched: a.batched && !attrs.transposeA };
    const right = { ...b, shape: transposed(b.shape, attrs.transposeB), batched: false };
    return define(`${label}${attrs.transposeA ? ", aᵀ" : ""}${attrs.transposeB ? ", bᵀ" : ""}`, [left, right], (p, q) =>
      matmul(p, q, attrs),
    );
  }),
);

const batchedProducts: Case[] = (
  [
    ["per sample", x([4, 3, 5]), x([4, 5, 2])],
    ["shared right", x([4, 3, 5]), w([5, 7])],
    ["shared left", w([3, 5]), x([4, 5, 7])],
    ["right repeated", x([4, 3, 5]), w([1, 5, 6])],
    ["left repeated", w([1, 3, 5]), x([4, 5, 6])],
    ["heads", x([2, 3, 4, 5]), x([2, 3, 5, 4])],
    ["heads, shared", x([2, 3, 4, 5]), w([3, 5, 4])],
    ["two leading axes cross", w([3, 1, 2, 4]), w([1, 5, 4, 3])],
    ["batch of one", x([1, 8, 4]), x([1, 4, 8])],
  ] as const
).flatMap(([label, a, b]) =>
  [0, 1, 2, 3].map((bits) => {
    const attrs = { transposeA: (bits & 1) === 1, transposeB: (bits & 2) === 2 };
    return define(
      `${label}${attrs.transposeA ? ", aᵀ" : ""}${attrs.transposeB ? ", bᵀ" : ""}`,
      [
        { ...a, shape: transposed(a.shape, attrs.transposeA) },
        { ...b, shape: transposed(b.shape, attrs.transposeB) },
      ],
      (p, q) => matmul(p, q, attrs),
    );
  }),
);

type ConvCase = readonly [
  label: string,
  input: Shape,
  kernel: readonly [number, number],
  out: number,
  options?: conv.ConvOptions,
];

const CONVOLUTIONS: readonly ConvCase[] = [
  ["1×1", [2, 4, 5, 3], [1, 1], 7],
  ["1×1, one pixel", [3, 1, 1, 4], [1, 1], 4],
  ["3×3, one channel", [3, 8, 8, 1], [3, 3], 8],
  ["3×3, 28×28 to 32", [2, 28, 28, 1], [3, 3], 32],
  ["3×3, 8 to 16", [2, 7, 9, 8], [3, 3], 16],
  ["3×3, odd channels", [2, 6, 7, 5], [3, 3], 3],
  ["3×3, one output", [2, 6, 7, 5], [3, 3], 1],
  ["3×3, many channels, odd by even", [2, 7, 8, 16], [3, 3], 16],
  ["3×3, many channels, even by odd, same", [3, 6, 5, 16], [3, 3], 24, { padding: "same" }],
  ["3×3, many channels, padding 2", [2, 4, 6, 20], [3, 3], 32, { padding: 2 }],
  ["3×3, many channels, one pixel", [5, 3, 3, 16], [3, 3], 16],
  ["1×1, many channels", [2, 5, 6, 16], [1, 1], 32],
  ["5×5, many channels", [2, 8, 9, 16], [5, 5], 24],
  ["5×5, many channels, padding 1", [2, 11, 9, 16], [5, 5], 16, { padding: 1 }],
  ["5×5", [2, 12, 12, 4], [5, 5], 8],
  ["kernel as large as the picture", [3, 4, 4, 3], [4, 4], 6],
  [
    "kernel as wide as the picture, stride and padding along the other axis",
    [2, 9, 4, 3],
    [3, 4],
    16,
    { stride: [2, 1], padding: [1, 0] },
  ],
  ["kernel as wide as the picture, one row", [2, 6, 7, 8], [1, 7], 16],
  ["one column", [2, 12, 1, 8], [5, 1], 16, { padding: [2, 0] }],
  ["one column, stride 2, dilation 3", [2, 13, 1, 4], [3, 1], 8, { stride: [2, 1], dilation: [3, 1], padding: [1, 0] }],
  ["one column, 2 groups", [2, 9, 1, 8], [3, 1], 16, { groups: 2 }],
  ["one column, depthwise", [2, 9, 1, 8], [5, 1], 8, { groups: 8, padding: [2, 0] }],
  ["one column, padding beside it", [2, 9, 1, 4], [3, 3], 8, { padding: 1 }],
  ["5×3 kernel", [2, 9, 8, 2], [5, 3], 4],
  ["1×7 kernel", [2, 3, 9, 2], [1, 7], 5],
  ["2×2 kernel", [2, 6, 6, 4], [2, 2], 4],
  ["padding 1", [2, 7, 7, 4], [3, 3], 8, { padding: 1 }],
  ["padding 2", [2, 5, 5, 3], [5, 5], 4, { padding: 2 }],
  ["padding [2, 0]", [2, 5, 7, 3], [3, 3], 4, { padding: [2, 0] }],
  ["padding beyond the kernel", [2, 4, 4, 2], [1, 1], 3, { padding: 2 }],
  ["padding beyond the kernel, stride", [2, 1, 5, 2], [1, 1], 3, { padding: 1, stride: 3 }],
  ["same", [2, 7, 6, 3], [3, 3], 5, { padding: "same" }],
  ["same, even kernel", [2, 6, 6, 3], [4, 2], 5, { padding: "same" }],
  ["same, stride 2", [2, 7, 8, 3], [3, 3], 5, { padding: "same", stride: 2 }],
  ["valid", [2, 7, 6, 3], [3, 3], 5, { padding: "valid" }],
  ["stride 2", [2, 9, 8, 3], [3, 3], 8, { stride: 2 }],
  ["stride 2, padding 1", [2, 8, 8, 4], [3, 3], 8, { stride: 2, padding: 1 }],
  ["stride [3, 1]", [2, 10, 6, 3], [2, 3], 4, { stride: [3, 1] }],
  ["stride 3 beyond the kernel", [2, 11, 11, 2], [2, 2], 4, { stride: 3 }],
  ["1×1, stride 2", [2, 7, 7, 8], [1, 1], 4, { stride: 2 }],
  ["dilation 2", [2, 9, 9, 3], [3, 3], 4, { dilation: 2 }],
  ["dilation [1, 3], padding 2", [2, 6, 9, 2], [3, 3], 4, { dilation: [1, 3], padding: 2 }],
  ["dilation 2, stride 2, padding 1", [2, 10, 9, 2], [3, 3], 4, { dilation: 2, stride: 2, padding: 1 }],
  ["same, dilation 2", [2, 8, 8, 4], [3, 3], 4, { dilation: 2, padding: "same" }],
  ["2 groups", [2, 6, 6, 8], [3, 3], 12, { groups: 2 }],
  ["3 groups of odd size", [2, 5, 6, 9], [3, 3], 6, { groups: 3, padding: 1 }],
  ["4 groups, stride 2", [2, 7, 7, 4], [3, 3], 8, { groups: 4, stride: 2 }],
  ["depthwise", [2, 7, 7, 16], [3, 3], 16, { groups: 16, padding: 1 }],
  ["depthwise, odd channels", [2, 6, 6, 5], [3, 3], 5, { groups: 5 }],
  ["depthwise, one channel", [3, 6, 6, 1], [3, 3], 1, { padding: 1 }],
  ["depthwise, dilation 2", [2, 9, 9, 8], [3, 3], 8, { groups: 8, dilation: 2, padding: 2 }],
  ["depthwise, stride 2", [2, 9, 8, 8], [3, 3], 8, { groups: 8, stride: 2, padding: 1 }],
  ["depthwise, multiplier 2", [2, 6, 6, 4], [3, 3], 8, { groups: 4 }],
  ["batch of one", [1, 8, 8, 4], [3, 3], 8],
  ["batch of 17", [17, 5, 5, 2], [3, 3], 4],
];

const wide = [-1, 1] as const;

const convolutions = CONVOLUTIONS.map(([label, input, kernel, out, options = {}]) =>
  define(label, [x(input, wide), w([...kernel, input[3] / (options.groups ?? 1), out], wide)], (a, b) =>
    conv.conv2d(a, b, options),
  ),
);

const asymmetric: conv.ConvAttrs = { stride: [2, 1], padding: [1, 0, 0, 2], dilation: [1, 2], groups: 1 };

/** The weight gradient on its own, from convolutions that are interesting in another way than those above. */
const weightGradients: Case[] = CONVOLUTIONS.filter((_, i) => i % 4 === 2).map(
  ([label, input, kernel, out, options = {}]) => {
    const { graph, attrs } = convAttrs(input, kernel, out, options);
    return define(
      label,
      [x(input, wide), x(graph, wide)],
      (a, g) => apply(conv.conv2dWeightGradOp, [a, g], { ...attrs, kernel }),
      none,
    );
  },
);

/** The input gradient on its own: linear in both operands, so its gradient is known, too. */
const inputGradients: Case[] = CONVOLUTIONS.map(([label, input, kernel, out, options = {}]) => {
  const { graph, attrs } = convAttrs(input, kernel, out, options);
  const weights = [...kernel, input[3] / attrs.groups, out];
  return define(label, [x(graph, wide), w(weights, wide)], (g, b) =>
    apply(conv.conv2dInputGradOp, [g, b], { ...attrs, input: [input[1], input[2]] }),
  );
});

function convAttrs(
  input: Shape,
  kernel: readonly [number, number],
  out: number,
  options: conv.ConvOptions,
): { graph: Shape; attrs: conv.ConvAttrs } {
  const y = conv.conv2d(
    constant(0, "float32", input),
    constant(0, "float32", [...kernel, input[3] / (options.groups ?? 1), out]),
    options,
  );
  return { graph: y.shape, attrs: y.attrs as conv.ConvAttrs };
}

type PoolCase = readonly [label: string, input: Shape, kernel: number | conv.Pair, options?: pool.PoolOptions];

const POOLS: readonly PoolCase[] = [
  ["2×2", [2, 6, 8, 4], 2],
  ["2×2, odd size, odd channels", [3, 7, 5, 3], 2],
  ["2×2, one channel", [3, 6, 6, 1], 2],
  ["2×2, 32 channels", [2, 4, 4, 32], 2],
  ["3×3", [2, 9, 9, 5], 3],
  ["1×1", [2, 3, 4, 3], 1],
  ["whole picture", [2, 4, 5, 6], [4, 5]],
  ["overlapping", [2, 7, 7, 4], 3, { stride: 2 }],
  ["overlapping, padding 1", [2, 7, 8, 3], 3, { stride: 2, padding: 1 }],
  ["stride 1", [2, 5, 5, 2], 2, { stride: 1 }],
  ["stride 1, padding 1", [2, 5, 5, 8], 3, { stride: 1, padding: 1 }],
  ["gaps", [2, 8, 8, 2], 2, { stride: 3 }],
  ["[3, 1] kernel, [1, 2] stride", [2, 6, 7, 3], [3, 1], { stride: [1, 2] }],
  ["padding [1, 0]", [2, 6, 6, 3], [2, 3], { padding: [1, 0] }],
  ["batch of one", [1, 6, 6, 8], 2],
];

const pooled = (
  input: Shape,
  kernel: number | conv.Pair,
  options: pool.PoolOptions,
): { shape: Shape; attrs: pool.PoolAttrs } => {
  const y = pool.maxPool2d(constant(0, "float32", input), kernel, options);
  return { shape: y.shape, attrs: y.attrs as pool.PoolAttrs };
};

export const networkCases = {
  matmul: [
    ...products,
    ...batchedProducts,
    define("both carry the batch: a sum over samples", [x([9, 4]), x([9, 7])], (a, b) =>
      matmul(a, b, { transposeA: true }),
    ),
    define("with itself", [x([5, 5])], (a) => matmul(a, a)),
    define("large", [x([32, 300], [-1, 1]), w([50, 300], [-1, 1])], (a, b) => matmul(a, b, { transposeB: true })),
  ],
  conv2d: [
    ...convolutions,
    define("asymmetric", [x([2, 7, 8, 3], wide), w([3, 2, 3, 5], wide)], (a, b) =>
      apply(conv.conv2dOp, [a, b], asymmetric),
    ),
    define("weights from the graph", [x([2, 6, 6, 3], wide), w([4, 3, 3, 3], wide)], (a, b) =>
      conv.conv2d(a, m.permute(b, [2, 3, 1, 0]), { padding: 1 }),
    ),
    define("no batched input", [w([2, 6, 6, 3], wide), w([3, 3, 3, 4], wide)], (a, b) => conv.conv2d(a, b)),
  ],
  conv2dInputGrad: [
    ...inputGradients,
    define("cropped", [x([2, 8, 6, 24], wide), w([5, 5, 16, 24], wide)], (g, b) =>
      apply(conv.conv2dInputGradOp, [g, b], {
        stride: [1, 1],
        padding: [0, -1, 0, -2],
        dilation: [1, 1],
        groups: 1,
        input: [13, 12],
      }),
    ),
  ],
  conv2dWeightGrad: [
    ...weightGradients,
    define(
      "asymmetric",
      [x([2, 7, 8, 3], wide), x([2, 3, 8, 5], wide)],
      (a, g) => apply(conv.conv2dWeightGradOp, [a, g], { ...asymmetric, kernel: [3, 2] }),
      none,
    ),
  ],
  maxPool2d: [
    ...POOLS.map(([label, input, kernel, options]) =>
      define(label, [x(input, "distinct")], (a) => pool.maxPool2d(a, kernel, options), { tolerance: 1e-6 }),
    ),
    ...POOLS.slice(0, 12).map(([label, input, kernel, options]) =>
      define(`${label}, ties`, [x(input, "ties")], (a) => pool.maxPool2d(a, kernel, options), {
        ...kinks,
        tolerance: 1e-6,
      }),
    ),
    define("all negative, padded", [x([2, 4, 4, 3], [-9, -1])], (a) => pool.maxPool2d(a, 3, { padding: 1 })),
  ],
  maxPool2dWinners: POOLS.map(([label, input, kernel, options = {}]) => {
    const { attrs } = pooled(input, kernel, options);
    return define(label, [x(input, "ties")], (a) => apply(pool.maxPool2dWinnersOp, [a], attrs), none);
  }),
  maxPool2dGrad: POOLS.map(([label, input, kernel, options = {}]) => {
    const { shape, attrs } = pooled(input, kernel, options);
    const scatter = (a: Tensor, g: Tensor): Tensor =>
      apply(pool.maxPool2dGradOp, [apply(pool.maxPool2dWinnersOp, [a], attrs), g], { ...attrs, inputShape: input });
    return define(label, [x(input, "ties"), x(shape)], scatter, none);
  }),
  avgPool2d: POOLS.flatMap(([label, input, kernel, options]) =>
    (options?.padding === undefined ? [true] : [true, false]).map((countIncludePad) =>
      define(`${label}${countIncludePad ? "" : ", padding not counted"}`, [x(input)], (a) =>
        pool.avgPool2d(a, kernel, { ...options, countIncludePad }),
      ),
    ),
  ),
  avgPool2dGrad: POOLS.flatMap(([label, input, kernel, options = {}]) => {
    const { shape, attrs } = pooled(input, kernel, options);
    return [true, false].map((countIncludePad) =>
      define(
        `${label}, ${countIncludePad ? "" : "not "}counted`,
        [x(shape)],
        (g) => apply(pool.avgPool2dGradOp, [g], { ...attrs, countIncludePad, inputShape: input }),
        none,
      ),
    );
  }),
} satisfies Partial<Record<PrimitiveName, readonly Case[]>>;

const channels = (c: number): CaseInput[] => [
  w([c], [-0.5, 0.5]),
  w([c], [0.5, 2]),
  w([c], [0.5, 1.5]),
  w([c], [-0.5, 0.5]),
];
const classes = (count: number, k: number): CaseInput => ints([count], 0, k);

const whole = (shape: Shape, list: number[]): CaseInput => ({ ...ints(shape, 0, 1), fill: { list } });

export const compositeCases = {
  batchNorm: [
    ...(
      [
        [4, 5, 5, 8],
        [3, 2, 2, 3],
        [6, 7],
        [1, 3, 3, 4],
        [9, 1],
      ] as Shape[]
    ).map((shape) =>
      define(`[${shape}]`, [x(shape), ...channels(shape.at(-1)!)], (a, mu, v, g, b) => norm.batchNorm(a, mu, v, g, b)),
    ),
    ...(
      [
        [4, 5, 5, 8],
        [8, 3, 3, 3],
        [16, 7],
        [17, 2, 2, 4],
      ] as Shape[]
    ).map((shape) =>
      define(`[${shape}], statistics of the batch`, [x(shape), ...channels(shape.at(-1)!).slice(2)], (a, g, b) => {
        const statistics = norm.channelStatistics(a);
        return norm.batchNorm(a, statistics.mean, statistics.variance, g, b);
      }),
    ),
  ],
  layerNorm: [
    define("features", [x([5, 12]), w([12]), w([12])], (a, g, b) => norm.layerNorm(a, g, b)),
    define("odd features", [x([4, 3, 7]), w([7]), w([7])], (a, g, b) => norm.layerNorm(a, g, b)),
    define("two axes", [x([3, 4, 5]), w([4, 5]), w([4, 5])], (a, g, b) => norm.layerNorm(a, g, b)),
    define("eps 0.1", [x([3, 2]), w([2]), w([2])], (a, g, b) => norm.layerNorm(a, g, b, 0.1)),
  ],
  rmsNorm: [
    define("features", [x([5, 12]), w([12])], (a, g) => norm.rmsNorm(a, g)),
    define("a sequence, odd features", [x([4, 3, 7]), w([7])], (a, g) => norm.rmsNorm(a, g, 1e-5)),
    define("two axes", [x([3, 4, 5]), w([4, 5])], (a, g) => norm.rmsNorm(a, g)),
    define("eps 0.1", [x([3, 2]), w([2])], (a, g) => norm.rmsNorm(a, g, 0.1)),
    define("rows of zeros", [x([2, 4], { list: new Array(8).fill(0) }), w([4])], (a, g) => norm.rmsNorm(a, g, 0.01)),
  ],
  swiglu: [
    define("a sequence", [x([3, 4, 6]), x([3, 4, 6])], act.swiglu),
    define("far out", [x([2, 5], [-90, 90]), x([2, 5])], act.swiglu),
  ],
  rope: (["half", "pairs"] as const).flatMap((style) => [
    define(`${style}, heads`, [x([2, 5, 3, 8])], (a) => rope(a, { style })),
    define(`${style}, a sequence from position 7 on`, [x([3, 4, 6])], (a) =>
      rope(a, { style, position: 7, theta: 500 }),
    ),
    define(`${style}, some features`, [x([2, 3, 2, 7])], (a) => rope(a, { style, dims: 4 })),
    define(`${style}, one position for all`, [x([2, 3, 2, 4]), whole([], [5])], (a, position) =>
      rope(a, { style, position, positions: 9 }),
    ),
    define(`${style}, a position for each sample`, [x([3, 2, 4]), whole([3], [5, 0, 2])], (a, position) =>
      rope(a, { style, position, positions: 9 }),
    ),
    define(
      `${style}, all positions, one too far`,
      [x([2, 3, 1, 4]), whole([2, 3], [5, 0, 2, 9, 1, 1])],
      (a, position) => rope(a, { style, position, positions: 9 }),
    ),
  ]),
  groupNorm: [
    define("2 groups", [x([3, 4, 5, 8]), w([8]), w([8])], (a, g, b) => norm.groupNorm(a, 2, g, b)),
    define("one group", [x([3, 4, 4, 6]), w([6]), w([6])], (a, g, b) => norm.groupNorm(a, 1, g, b)),
    define("a group each", [x([2, 4, 4, 3]), w([3]), w([3])], (a, g, b) => norm.groupNorm(a, 3, g, b)),
    define("no pixels", [x([4, 10]), w([10]), w([10])], (a, g, b) => norm.groupNorm(a, 2, g, b)),
  ],
} satisfies Partial<Record<CompositeName, readonly Case[]>>;

const adaptive: readonly (readonly [Shape, number | conv.Pair])[] = [
  [[2, 7, 7, 5], 1],
  [[2, 6, 6, 4], 3],
  [[2, 7, 5, 3], 3],
  [
    [3, 5, 8, 4],
    [2, 3],
  ],
  [[2, 3, 3, 2], 5],
  [
    [2, 10, 7, 1],
    [4, 7],
  ],
];

/** Functions made of ops, and the chains that backends fuse. */
export const networkFunctions = {
  linear: [
    define("with bias", [x([5, 12]), w([7, 12]), w([7])], linear),
    define("without bias", [x([5, 9]), w([10, 9])], (a, b) => linear(a, b)),
    define("three axes", [x([2, 3, 8]), w([4, 8]), w([4])], linear),
    define("one feature, one output", [x([5, 1]), w([1, 1]), w([1])], linear),
    define("row block", [x([33, 64], wide), w([32, 64], wide), w([32])], linear),
  ],
  adaptiveAvgPool2d: adaptive.map(([shape, size]) =>
    define(`[${shape}] to ${size}`, [x(shape)], (a) => pool.adaptiveAvgPool2d(a, size)),
  ),
  globalAvgPool2d: [
    define("8 channels", [x([3, 5, 4, 8])], pool.globalAvgPool2d),
    define("3 channels", [x([3, 7, 7, 3])], pool.globalAvgPool2d),
  ],
  channelStatistics: [
    define("mean", [x([4, 3, 3, 5])], (a) => norm.channelStatistics(a).mean),
    define("variance", [x([4, 3, 3, 5])], (a) => norm.channelStatistics(a).variance),
  ],
  oneHot: [define("beyond the classes", [ints([7], -1, 6)], (t) => loss.oneHot(t, 5), { tolerance: 0 })],
  fusions: [
    define(
      "convolution, bias, relu",
      [x([3, 8, 8, 3], wide), w([3, 3, 3, 8], wide), w([8])],
      (a, k, b) => e.relu(e.add(conv.conv2d(a, k), b)),
      kinks,
    ),
    define(
      "convolution, bias, relu, pool",
      [x([3, 8, 8, 3], wide), w([3, 3, 3, 8], wide), w([8])],
      (a, k, b) => pool.maxPool2d(e.relu(e.add(conv.conv2d(a, k, { padding: 1 }), b)), 2),
      kinks,
    ),
    define(
      "convolution, pool, relu, odd size",
      [x([3, 9, 7, 3], wide), w([3, 3, 3, 5], wide), w([5])],
      (a, k, b) => e.relu(pool.maxPool2d(e.add(conv.conv2d(a, k), b), 2)),
      kinks,
    ),
    define(
      "two convolutions",
      [x([2, 10, 10, 1], wide), w([3, 3, 1, 4], wide), w([4]), w([3, 3, 4, 6], wide)],
      (a, k, b, l) => conv.conv2d(pool.maxPool2d(e.relu(e.add(conv.conv2d(a, k), b)), 2), l),
      kinks,
    ),
    define(
      "convolution used twice",
      [x([2, 6, 6, 3], wide), w([3, 3, 3, 4], wide)],
      (a, k) => {
        const y = conv.conv2d(a, k, { padding: 1 });
        return e.add(e.relu(y), e.tanh(y));
      },
      kinks,
    ),
    define("residual", [x([3, 5, 5, 4], wide), w([3, 3, 4, 4], wide)], (a, k) =>
      e.add(a, conv.conv2d(a, k, { padding: 1 })),
    ),
    define("separable", [x([2, 6, 6, 4], wide), w([3, 3, 1, 4], wide), w([1, 1, 4, 8], wide), w([8])], (a, d, p, b) =>
      e.add(conv.conv2d(conv.conv2d(a, d, { groups: 4, padding: 1 }), p), b),
    ),
    define(
      "flatten, linear, relu, linear",
      [x([4, 3, 3, 5], wide), w([16, 45], wide), w([16]), w([10, 16], wide), w([10])],
      (a, k, b, l, c) => linear(e.relu(linear(m.flatten(a, 1), k, b)), l, c),
      kinks,
    ),
    define("flatten to channel order, linear", [x([4, 3, 3, 5], wide), w([16, 45], wide)], (a, k) =>
      linear(m.flatten(m.permute(a, [0, 3, 1, 2]), 1), k),
    ),
    define("long chain", [x([5, 33]), w([33])], (a, b) =>
      e.tanh(e.mul(e.sigmoid(e.add(e.mul(a, 2), b)), e.sub(a, e.exp(e.neg(e.mul(b, b)))))),
    ),
    define("chain with two lengths", [x([4, 6, 5]), x([4, 6, 1])], (a, b) => e.mul(e.add(a, e.exp(b)), e.sub(1, b))),
    define("chain into a sum", [x([6, 9])], (a) => r.sum(e.exp(e.mul(a, a)), 1)),
    define("sum over the batch used per sample", [x([6, 9])], (a) => e.sub(a, r.mean(a, 0))),
    define("batch to features and back", [x([6, 4])], (a) => e.mul(m.permute(m.permute(a, [1, 0]), [1, 0]), a)),
    define("accuracy", [x([32, 10]), classes(32, 10)], (a, t) => r.mean(e.cast(e.eq(r.argmax(a), t), "float32")), none),
    define("attention", [x([2, 5, 8], wide), w([8, 8], wide)], (a, k) =>
      matmul(act.softmax(matmul(matmul(a, k), a, { transposeB: true })), a),
    ),
  ],
  // Masks that a backend may apply before it spreads the gradient, at ties and where windows overlap, and riders behind it.
  maxPoolMasks: POOLS.flatMap(([label, input, kernel, options]) => [
    define(`relu, ${label}`, [x(input, "ties")], (a) => pool.maxPool2d(e.relu(a), kernel, options), kinks),
    define(
      `clamp, ${label}`,
      [x(input, "ties")],
      (a) => pool.maxPool2d(act.clamp(a, -0.5, 0.5), kernel, options),
      kinks,
    ),
    define(
      `bias, where, ${label}`,
      [x(input, "ties"), w([input[3]])],
      (a, b) => pool.maxPool2d(e.where(e.gt(a, -0.25), e.mul(e.add(a, b), b), 0), kernel, options),
      kinks,
    ),
  ]),
  // What relu gives is computed again in the loop of its gradient, beside steps that stand there already.
  computedAgain: [
    define("relu, gelu, slice", [x([2, 6, 4, 3])], (a) => m.slice(act.gelu(e.relu(e.sub(a, 0.1))), [{}, { step: 2 }])),
    define("relu, gelu, max pool", [x([2, 6, 4, 3])], (a) => pool.maxPool2d(act.gelu(e.relu(e.sub(a, 0.1))), 3)),
    define("relu, where", [x([2, 6, 4, 3])], (a) => {
      const y = e.relu(e.sub(a, 0.1));
      const gated = e.where(e.gt(y, a), e.mul(y, 1), e.mul(a, 1));
      return e.tanh(e.sub(gated, r.mean(gated, [3], true)));
    }),
  ],
  avgPoolRiders: POOLS.map(([label, input, kernel, options]) =>
    define(`tanh, ${label}`, [x(input)], (a) => pool.avgPool2d(e.tanh(a), kernel, options)),
  ),
  // However a backend shares out the samples, none may be lost or counted twice.
  batches: [1, 2, 3, 5, 7, 8, 9, 15, 17, 33].map((size) =>
    define(
      `network on ${size}`,
      [
        x([size, 6, 6, 2], wide),
        classes(size, 5),
        w([3, 3, 2, 4], wide),
        w([4]),
        w([4], [0.5, 1.5]),
        w([5, 16], wide),
        w([5]),
      ],
      (a, t, k, b, scale, l, c) => {
        const y = conv.conv2d(a, k);
        const { mean, variance } = norm.channelStatistics(y);
        const hidden = pool.maxPool2d(e.relu(norm.batchNorm(y, mean, variance, scale, b)), 2);
        return loss.crossEntropy(linear(m.flatten(hidden, 1), l, c), t);
      },
      kinks,
    ),
  ),
} satisfies Record<string, readonly Case[]>;

/** Cases of the elementwise ops and the activations: every op over ranks 0 to 4, odd sizes and all ways to broadcast. */
import * as act from "../../../src/engine/ops/activation.ts";
import { constant } from "../../../src/engine/ops/constant.ts";
import * as e from "../../../src/engine/ops/elementwise.ts";
import type { CompositeName, PrimitiveName } from "../../../src/engine/ops/index.ts";
import * as r from "../../../src/engine/ops/reduce.ts";
import type { Shape } from "../../../src/engine/shape.ts";
import type { Tensor } from "../../../src/engine/tensor.ts";
import { type Case, type CaseInput, define, type Fill, ints, w, x } from "./case.ts";

const SHAPES: readonly Shape[] = [[], [1], [7], [5, 3], [1, 1], [4, 16], [2, 3, 5, 7], [3, 1, 1, 2], [8, 129]];

function unary(f: (x: Tensor) => Tensor, fill: Fill = [-2, 2], options: Parameters<typeof define>[3] = {}): Case[] {
  return SHAPES.map((shape) => define(`[${shape}]`, [x(shape, fill)], f, options));
}

/** Values far out: the formula must not over- or underflow. */
const extreme = (f: (x: Tensor) => Tensor, list: number[], options: Parameters<typeof define>[3] = {}): Case =>
  define(`at ${list.join(" ")}`, [x([list.length], { list })], f, { gradient: "kinks", ...options });

const PAIRS: readonly (readonly [label: string, a: (fill: Fill) => CaseInput, b: (fill: Fill) => CaseInput])[] = [
  ["scalars", (f) => x([], f), (f) => w([], f)],
  ["same", (f) => x([5, 3], f), (f) => x([5, 3], f)],
  ["same, 4-D", (f) => x([3, 4, 5, 8], f), (f) => x([3, 4, 5, 8], f)],
  ["scalar right", (f) => x([4, 7], f), (f) => w([], f)],
  ["scalar left", (f) => w([], f), (f) => x([4, 7], f)],
  ["[1] right", (f) => x([9], f), (f) => w([1], f)],
  ["row right", (f) => x([6, 10], f), (f) => w([10], f)],
  ["row left", (f) => w([10], f), (f) => x([6, 10], f)],
  ["column right", (f) => x([6, 5], f), (f) => x([6, 1], f)],
  ["column left", (f) => x([6, 1], f), (f) => x([6, 5], f)],
  ["batch of one against many", (f) => x([1, 3], f), (f) => w([5, 3], f)],
  ["many against one", (f) => x([5, 3], f), (f) => w([1, 3], f)],
  ["outer", (f) => x([5, 1], f), (f) => w([1, 3], f)],
  ["channels", (f) => x([2, 5, 4, 6], f), (f) => w([6], f)],
  ["per sample", (f) => x([3, 4, 4, 5], f), (f) => x([3, 1, 1, 1], f)],
  ["middle axis", (f) => x([2, 3, 4, 5], f), (f) => w([3, 1, 5], f)],
  ["both sides", (f) => x([6, 1, 5], f), (f) => x([6, 4, 1], f)],
  ["rank 2 against rank 4", (f) => x([2, 3, 4, 5], f), (f) => w([4, 5], f)],
  ["long row", (f) => x([3, 515], f), (f) => w([515], f)],
];

function binary(
  f: (a: Tensor, b: Tensor) => Tensor,
  left: Fill = [-2, 2],
  right: Fill = [-2, 2],
  options: Parameters<typeof define>[3] = {},
): Case[] {
  return PAIRS.map(([label, a, b]) => define(label, [a(left), b(right)], f, options));
}

const comparison = (f: (a: Tensor, b: Tensor) => Tensor): Case[] => [
  ...binary(f, "ties", "ties", { tolerance: 0 }),
  define("int32", [ints([4, 5], -2, 3), ints([5], -2, 3, false)], f, { tolerance: 0 }),
  define("against a number", [x([4, 5], "ties")], (a) => f(a, constant(0.5)), { tolerance: 0 }),
];

const integerPair = (f: (a: Tensor, b: Tensor) => Tensor): Case =>
  define("int32", [ints([4, 7], -50, 50), ints([7], -50, 50, false)], f, { tolerance: 0 });

const kinks = { gradient: "kinks" } as const;
const exact = { tolerance: 0 } as const;

export const elementwiseCases = {
  neg: [...unary(e.neg, [-2, 2], exact), define("int32", [ints([3, 5], -9, 9)], e.neg, exact)],
  abs: [...unary(e.abs, "distinct", exact), define("zero", [x([3, 5], "ties")], e.abs, kinks)],
  exp: [...unary(e.exp), extreme(e.exp, [-200, -100, -88, -20, -1e-6, 0, 1e-6, 20, 80])],
  log: [...unary(e.log, [0.1, 4]), extreme(e.log, [1e-30, 1e-10, 0.5, 0.999999, 1, 1.000001, 2, 1e10, 1e30])],
  sqrt: [...unary(e.sqrt, [0.1, 4]), extreme(e.sqrt, [1e-30, 1e-6, 1, 2, 1e10])],
  tanh: [...unary(e.tanh), extreme(e.tanh, [-100, -20, -9, -1e-4, 0, 1e-4, 0.3, 9, 20, 100])],
  sigmoid: [...unary(e.sigmoid), extreme(e.sigmoid, [-100, -89, -20, -1e-4, 0, 1e-4, 20, 89, 100])],
  relu: [...unary(e.relu, "distinct", exact), define("zero", [x([3, 5], "ties")], e.relu, kinks)],
  erf: [...unary(e.erf), extreme(e.erf, [-100, -6, -3.5, -2.5, -1, -1e-4, 0, 1e-4, 0.5, 1, 2.4, 2.6, 4, 100])],
  detach: [
    define("no gradient", [x([3, 5])], (a) => e.detach(e.mul(a, 2)), { gradient: "kinks" }),
    define("beside a path", [x([3, 5])], (a) => e.mul(e.detach(a), a), { gradient: "kinks" }),
  ],
  cast: [
    define("float32 to int32 rounds towards zero", [x([4, 9], [-9, 9])], (a) => e.cast(a, "int32"), exact),
    define("int32 to float32", [ints([4, 9], -1000, 1000)], (a) => e.cast(a, "float32"), exact),
    define("uint8 to float32", [{ ...ints([3, 5, 7], 0, 256), dtype: "uint8" }], (a) => e.cast(a, "float32"), exact),
    define("uint8 to int32", [{ ...ints([3, 7], 0, 256), dtype: "uint8" }], (a) => e.cast(a, "int32"), exact),
    define("uint8 picture scaled", [{ ...ints([2, 6, 5, 1], 0, 256), dtype: "uint8" }], (a) =>
      e.div(e.sub(e.mul(e.cast(a, "float32"), 1 / 255), 0.1307), 0.3081),
    ),
  ],
  add: [...binary(e.add), integerPair(e.add)],
  sub: [...binary(e.sub), integerPair(e.sub), define("number left", [x([3, 4])], (a) => e.sub(1, a))],
  mul: [...binary(e.mul), integerPair(e.mul), define("squared", [x([5, 6])], (a) => e.mul(a, a))],
  div: [...binary(e.div, [-2, 2], [0.5, 3]), define("number left", [x([3, 4], [0.5, 2])], (a) => e.div(1, a))],
  pow: [
    ...binary(e.pow, [0.2, 3], [-2, 3]),
    define("square of negatives", [x([3, 4])], (a) => e.pow(a, 2), kinks),
    define("cube", [x([3, 4], "distinct")], (a) => e.pow(a, 3), kinks),
    define("root", [x([3, 4], [0.1, 3])], (a) => e.pow(a, 0.5)),
    define(
      "zero base and exponent",
      [x([6], { list: [0, 0, 0, 1, 2, 3] })],
      (a) => e.pow(a, constant([0, 1, 2, 0, 1, 0])),
      kinks,
    ),
    define("exponent as gradient", [w([5], [-2, 2])], (a) => e.pow(constant(2), a)),
  ],
  maximum: [
    ...binary(e.maximum, "distinct", "between", exact),
    ...binary(e.maximum, "ties", "ties", kinks),
    integerPair(e.maximum),
  ],
  minimum: [
    ...binary(e.minimum, "distinct", "between", exact),
    ...binary(e.minimum, "ties", "ties", kinks),
    integerPair(e.minimum),
  ],
  eq: comparison(e.eq),
  ne: comparison(e.ne),
  lt: comparison(e.lt),
  le: comparison(e.le),
  gt: comparison(e.gt),
  ge: comparison(e.ge),
  where: [
    ...PAIRS.map(([label, a, b]) =>
      define(
        `${label}, condition [1]`,
        [a([-2, 2]), b([-2, 2]), ints([1], 0, 2, false)],
        (p, q, c) => e.where(c, p, q),
        exact,
      ),
    ),
    define("full condition", [x([5, 6]), x([5, 6]), ints([5, 6], 0, 2)], (p, q, c) => e.where(c, p, q), exact),
    define("condition wider than both", [w([6]), w([]), ints([5, 6], 0, 2)], (p, q, c) => e.where(c, p, q), exact),
    define("any non-zero is true", [x([8]), x([8]), ints([8], -2, 3)], (p, q, c) => e.where(c, p, q), exact),
    define("numbers as branches", [ints([5, 6], 0, 2)], (c) => e.where(c, 1, -1), exact),
    define("int32 branches", [ints([4, 3], 0, 9), ints([4, 3], 0, 2)], (p, c) => e.where(c, p, 7), exact),
    define("unselected NaN stays out", [x([6], "ties")], (a) => e.where(e.gt(a, 0), e.log(a), 0), kinks),
  ],
} satisfies Partial<Record<PrimitiveName, readonly Case[]>>;

const key = ints([2], -2147483648, 2147483647, false);
const draw = { p: 0.25, stream: 3, batched: true };

export const activationCases = {
  leakyRelu: [
    ...unary((a) => act.leakyRelu(a), "distinct"),
    define("slope 0.2, zero", [x([4, 5], "ties")], (a) => act.leakyRelu(a, 0.2), kinks),
  ],
  elu: [...unary((a) => act.elu(a, 0.7), "distinct"), extreme((a) => act.elu(a), [-100, -20, -1, 0, 1, 100])],
  gelu: [
    ...unary((a) => act.gelu(a)),
    ...unary((a) => act.gelu(a, "tanh")),
    extreme((a) => act.gelu(a), [-100, -10, -3, 0, 3, 10, 100]),
    extreme((a) => act.gelu(a, "tanh"), [-100, -10, -3, 0, 3, 10, 100]),
  ],
  silu: [...unary(act.silu), extreme(act.silu, [-100, -20, 0, 20, 100])],
  hardswish: [
    ...unary(act.hardswish, [-5, 5], kinks),
    ...unary(act.hardswish, [-2.9, 2.9]),
    extreme(act.hardswish, [-100, -3, -1, 0, 1, 3, 100]),
  ],
  softplus: [...unary(act.softplus, "distinct"), extreme(act.softplus, [-100, -20, -1, 0, 1, 20, 100])],
  clamp: [
    ...unary((a) => act.clamp(a, -0.5, 0.75), "distinct"),
    define("at the limits", [x([4, 5], "ties")], (a) => act.clamp(a, -0.5, 0.5), kinks),
    define("one-sided", [x([4, 5], "distinct")], (a) => act.clamp(a, Number.NEGATIVE_INFINITY, 0.25), exact),
  ],
  softmax: [
    ...SHAPES.slice(1).map((shape) => define(`[${shape}]`, [x(shape)], (a) => act.softmax(a))),
    define("first axis", [x([5, 3])], (a) => act.softmax(a, 0)),
    define("middle axis", [x([2, 6, 5])], (a) => act.softmax(a, 1)),
    define("±100", [x([2, 4], { list: [100, -100, 0, 99, -100, -100, -100, -99] })], (a) => act.softmax(a), kinks),
    define("all equal", [x([2, 5], { list: [3, 3, 3, 3, 3, -100, -100, -100, -100, -100] })], (a) => act.softmax(a)),
    define("one class", [x([4, 1])], (a) => act.softmax(a)),
    define("1,000 classes", [x([2, 1000], [-5, 5])], (a) => act.softmax(a)),
  ],
  logSoftmax: [
    ...SHAPES.slice(1).map((shape) => define(`[${shape}]`, [x(shape)], (a) => act.logSoftmax(a))),
    define("first axis", [x([5, 3])], (a) => act.logSoftmax(a, 0)),
    define("middle axis", [x([2, 6, 5])], (a) => act.logSoftmax(a, 1)),
    define("±100", [x([2, 4], { list: [100, -100, 0, 99, -100, -100, -100, -99] })], (a) => act.logSoftmax(a), kinks),
    define("10 classes", [x([33, 10], [-5, 5])], (a) => act.logSoftmax(a)),
  ],
  logCumsumExp: [
    ...SHAPES.slice(1).map((shape) => define(`[${shape}]`, [x(shape)], (a) => r.logCumsumExp(a))),
    define("first axis", [x([5, 3])], (a) => r.logCumsumExp(a, 0)),
    define("middle axis", [x([2, 9, 5])], (a) => r.logCumsumExp(a, 1)),
    define("±100", [x([2, 4], { list: [100, -100, 0, 99, -100, -100, -100, -99] })], (a) => r.logCumsumExp(a), kinks),
    define(
      "−∞ before anything else",
      [x([2, 3], { list: [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, 2, Number.NEGATIVE_INFINITY, 3] })],
      (a) => r.logCumsumExp(a),
      kinks,
    ),
  ],
  glu: [
    define("[4, 6]", [x([4, 6])], (a) => act.glu(a)),
    define("one pair", [x([2])], (a) => act.glu(a)),
    define("channels", [x([2, 3, 5, 8])], (a) => act.glu(a)),
    define("middle axis", [x([2, 6, 5])], (a) => act.glu(a, 1)),
    define("first axis", [w([6, 5])], (a) => act.glu(a, 0)),
    define("±100", [x([2, 4], { list: [1, -100, 100, -100, 2, 3, -100, 100] })], (a) => act.glu(a), kinks),
  ],
  dropout: [
    define("picture", [x([4, 5, 5, 3]), key], (a, k) => act.dropout(a, k, draw)),
    define("not batched", [w([7, 9]), key], (a, k) => act.dropout(a, k, { ...draw, batched: false })),
    define("p = 0", [x([4, 5]), key], (a, k) => act.dropout(a, k, { ...draw, p: 0 })),
    define(
      "two layers",
      [x([4, 17]), key],
      (a, k) => act.dropout(e.relu(act.dropout(a, k, draw)), k, { ...draw, stream: 4, p: 0.5 }),
      kinks,
    ),
  ],
} satisfies Partial<Record<CompositeName, readonly Case[]>>;

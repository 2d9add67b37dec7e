/**
 * What may stand in a stored graph: for each op the number of its inputs and the attributes that it takes, each with a
 * check, since the file may come from anywhere and most ops trust their attributes. Shapes that do not fit each other
 * are found by the ops' own shape rules; only what those take for granted is checked here.
 */
import { type ConvInputGradAttrs, convLength } from "../engine/ops/conv.ts";
import type { OpName } from "../engine/ops/index.ts";
import { broadcastShapes, formatShape, type Shape, sameShape, sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";

/** An attribute as it stands in a node once the batch size is put in. */
export type PlainValue = number | string | boolean | readonly number[];

/** Says what a value must be, or nothing when it is. */
export type Check = (value: PlainValue) => string | undefined;

/** What is known of an op in a stored graph. */
export interface NodeRule {
  readonly inputs: readonly [least: number, most: number];
  readonly attrs: Readonly<Record<string, Check>>;
  /** What is wrong with the attributes for these inputs. */
  readonly fits?: ((inputs: readonly Tensor[], attrs: never) => string | undefined) | undefined;
}

/** Far above anything useful and far below anything that overflows. */
const MOST = 2 ** 31 - 1;
const MAX_RANK = 8;
const MAX_INPUTS = 256;

const whole =
  (low: number, high: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high
      ? undefined
      : `must be a whole number from ${low} to ${high}`;

const list =
  (each: Check, least: number, most = least): Check =>
  (value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      return `must be a list of ${least === most ? least : `${least} to ${most}`} numbers`;
    }
    return value.map(each).find((problem) => problem !== undefined);
  };

const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string) ? undefined : `must be one of ${words.join(", ")}`;

const truth: Check = (value) => (typeof value === "boolean" ? undefined : "must be true or false");
const number: Check = (value) => (typeof value === "number" ? undefined : "must be a number");
const finite: Check = (value) => (Number.isFinite(value) ? undefined : "must be a finite number");
const positivePair = list(whole(1, 65535), 2);
const axis = whole(0, MAX_RANK - 1);
const axes = list(axis, 0, MAX_RANK);
const anywhere = list(whole(-MOST, MOST), 0, MAX_RANK);
const shape: Check = (value) =>
  list(whole(1, MOST), 0, MAX_RANK)(value) ??
  (sizeOf(value as Shape) <= MOST ? undefined : "must not have that many elements");

const plain = (inputs: number): NodeRule => ({ inputs: [inputs, inputs], attrs: {} });

const inRank = ([x]: readonly Tensor[], { axis: a }: { readonly axis: number }): string | undefined =>
  a < x.rank ? undefined : `has no axis ${a} in ${formatShape(x.shape)}`;

const reduction: NodeRule = {
  inputs: [1, 1],
  attrs: { axes, keepDims: truth },
  fits: ([x], attrs: { readonly axes: readonly number[] }) =>
    attrs.axes.every((a, i) => a < x.rank && (i === 0 || a > attrs.axes[i - 1]))
      ? undefined
      : `cannot reduce axes ${formatShape(attrs.axes)} of ${formatShape(x.shape)}`,
};

const alongAxis: NodeRule = { inputs: [1, 1], attrs: { axis }, fits: inRank };

interface Grid {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly shape: Shape;
}

const gridRanks = ([x]: readonly Tensor[], { starts, steps, shape: s }: Grid): string | undefined =>
  [starts, steps, s].every(({ length }) => length === x.rank) ? undefined : `needs ${x.rank} starts, steps and lengths`;

const pooling = { kernel: positivePair, stride: positivePair, padding: list(whole(0, 65535), 2) };

const convolution = {
  stride: positivePair,
  padding: list(whole(0, 65535), 4),
  dilation: positivePair,
  groups: whole(1, MOST),
};

/** null: an op of training, which has no place in a stored graph. */
export const NODE_RULES = {
  input: {
    inputs: [0, 0],
    attrs: {
      name: (value) => (typeof value === "string" ? undefined : "must be a word"),
      shape,
      dtype: oneOf("float32", "int32", "uint8"),
      batched: (value) => (value === true ? undefined : "must be true"),
    },
  },
  parameter: {
    inputs: [0, 0],
    attrs: { name: (value) => (typeof value === "string" ? undefined : "must be a word"), trainable: truth },
  },
  constant: {
    inputs: [0, 0],
    attrs: {
      dtype: oneOf("float32", "int32"),
      shape,
      value: (value) => (Array.isArray(value) ? list(number, 0, MOST)(value) : number(value)),
    },
  },
  uniform: null,

  neg: plain(1),
  abs: plain(1),
  exp: plain(1),
  log: plain(1),
  sqrt: plain(1),
  tanh: plain(1),
  sigmoid: plain(1),
  relu: plain(1),
  erf: plain(1),
  detach: plain(1),
  cast: { inputs: [1, 1], attrs: { dtype: oneOf("float32", "int32") } },
  add: plain(2),
  sub: plain(2),
  mul: plain(2),
  div: plain(2),
  pow: plain(2),
  maximum: plain(2),
  minimum: plain(2),
  eq: plain(2),
  ne: plain(2),
  lt: plain(2),
  le: plain(2),
  gt: plain(2),
  ge: plain(2),
  where: plain(3),

  sum: reduction,
  max: reduction,
  argmax: { inputs: [1, 1], attrs: { axis, keepDims: truth }, fits: inRank },

  reshape: {
    inputs: [1, 1],
    attrs: { shape },
    fits: ([x], attrs: { readonly shape: Shape }) =>
      sizeOf(attrs.shape) === x.size
        ? undefined
        : `cannot make ${formatShape(x.shape)} into ${formatShape(attrs.shape)}`,
  },
  permute: {
    inputs: [1, 1],
    attrs: { order: axes },
    fits: ([x], { order }: { readonly order: readonly number[] }) =>
      order.length === x.rank && new Set(order).size === x.rank && order.every((a) => a < x.rank)
        ? undefined
        : `${formatShape(order)} is no order of ${x.rank} axes`,
  },
  expand: {
    inputs: [1, 1],
    attrs: { shape },
    fits: ([x], attrs: { readonly shape: Shape }) =>
      sameShape(broadcastShapes("expand", [x.shape, attrs.shape]), attrs.shape)
        ? undefined
        : `cannot repeat ${formatShape(x.shape)} to ${formatShape(attrs.shape)}`,
  },
  slice: { inputs: [1, 1], attrs: { starts: anywhere, steps: anywhere, shape }, fits: gridRanks },
  place: { inputs: [1, 1], attrs: { starts: anywhere, steps: anywhere, shape, fill: number }, fits: placeFits },
  concat: { inputs: [1, MAX_INPUTS], attrs: { axis }, fits: inRank },

  gather: { inputs: [2, 2], attrs: { axis }, fits: inRank },
  scatterAdd: null,
  embedding: plain(2),
  embeddingGrad: null,

  matmul: { inputs: [2, 2], attrs: { transposeA: truth, transposeB: truth } },
  conv2d: { inputs: [2, 2], attrs: convolution },
  conv2dInputGrad: { inputs: [2, 2], attrs: { ...convolution, input: positivePair }, fits: inputGradFits },
  conv2dWeightGrad: null,
  maxPool2d: { inputs: [1, 1], attrs: pooling },
  maxPool2dWinners: null,
  maxPool2dGrad: null,
  avgPool2d: { inputs: [1, 1], attrs: { ...pooling, countIncludePad: truth } },
  avgPool2dGrad: null,

  leakyRelu: { inputs: [1, 1], attrs: { negativeSlope: finite } },
  elu: { inputs: [1, 1], attrs: { alpha: finite } },
  gelu: { inputs: [1, 1], attrs: { approximate: oneOf("none", "tanh") } },
  silu: plain(1),
  softplus: plain(1),
  clamp: { inputs: [1, 1], attrs: { min: number, max: number } },
  softmax: alongAxis,
  logSoftmax: alongAxis,
  dropout: null,
  batchNorm: { inputs: [5, 5], attrs: { eps: finite } },
  layerNorm: {
    inputs: [3, 3],
    attrs: { eps: finite, axes: whole(1, MAX_RANK) },
    fits: ([x, ...vectors], attrs: { readonly axes: number }) => {
      const wanted = x.shape.slice(Math.max(0, x.rank - attrs.axes));
      return attrs.axes <= x.rank && vectors.every((vector) => sameShape(vector.shape, wanted))
        ? undefined
        : `cannot normalise ${attrs.axes} axes of ${formatShape(x.shape)}`;
    },
  },
  groupNorm: { inputs: [3, 3], attrs: { eps: finite, groups: whole(1, MOST) } },
  crossEntropy: null,
  nllLoss: null,
  mseLoss: null,
  bceWithLogits: null,
} satisfies Readonly<Record<OpName, NodeRule | null>> as Readonly<Record<OpName, NodeRule | null>>;

function placeFits([x]: readonly Tensor[], grid: Grid): string | undefined {
  // Steps of 0 would write every element to one place.
  return gridRanks([x], grid) ?? (grid.steps.every((step) => step !== 0) ? undefined : "has a step of 0");
}

/** As a layer of its own (a transposed convolution): the convolution that it belongs to must make g of its result. */
function inputGradFits([g, w]: readonly Tensor[], attrs: ConvInputGradAttrs): string | undefined {
  const { stride, padding, dilation, groups, input } = attrs;
  const isFit =
    g.dtype === "float32" &&
    w.dtype === "float32" &&
    g.rank === 4 &&
    w.rank === 4 &&
    g.shape[3] === w.shape[3] &&
    g.shape[3] % groups === 0 &&
    [0, 1].every((a) => {
      const around = padding[2 * a] + padding[2 * a + 1];
      return convLength(input[a], w.shape[a], stride[a], around, dilation[a]) === g.shape[1 + a];
    });
  return isFit
    ? undefined
    : `cannot make ${formatShape(g.shape)} with a weight ${formatShape(w.shape)} into ${formatShape(input)}`;
}

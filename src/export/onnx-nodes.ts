/**
 * What the engine's ops are in ONNX (opset 17), by name: one writer for each op that a network in use can have. Composites
 * that ONNX has no operator for, or none in this opset, have none here: they are written through their bodies.
 */
import { DuctusError } from "../engine/errors.ts";
import type { AlphaAttrs, AxisAttrs, ClampAttrs, SlopeAttrs } from "../engine/ops/activation.ts";
import { type AttentionAttrs, attentionDims, attentionInputs, UNSEEN } from "../engine/ops/attention.ts";
import type { ConvAttrs, ConvInputGradAttrs } from "../engine/ops/conv.ts";
import type { CastAttrs } from "../engine/ops/elementwise.ts";
import type { GatherAttrs } from "../engine/ops/gather.ts";
import type { CompositeName, NetworkPrimitiveName } from "../engine/ops/index.ts";
import type { MatmulAttrs } from "../engine/ops/matmul.ts";
import type { ConcatAttrs, GridAttrs, PlaceAttrs } from "../engine/ops/movement.ts";
import type { LayerNormAttrs, NormAttrs } from "../engine/ops/norm.ts";
import type { AvgPoolAttrs, PoolAttrs } from "../engine/ops/pool.ts";
import { type CellName, cellSizes, type RecurrentAttrs } from "../engine/ops/recurrent.ts";
import type { ArgmaxAttrs, ReduceAttrs } from "../engine/ops/reduce.ts";
import type { WindowAttrs } from "../engine/ops/window.ts";
import { scalarOf } from "../engine/passes/simplify.ts";
import type { Tensor } from "../engine/tensor.ts";
import { ELEMENT_TYPES, type OnnxAttribute } from "../formats/onnx.ts";
import { ONNX_GATES } from "../import/onnx-recurrent.ts";
import type { StoredNumber } from "../models/graph-json.ts";
import { channelsFirst, float, inPlace, int, ints, type OnnxGraph, text } from "./onnx-graph.ts";
import { isFixed, type OnnxSizes } from "./onnx-sizes.ts";

/** What a writer needs beside its tensor. */
export interface Writing {
  readonly graph: OnnxGraph;
  /** A number in a list among the attributes, as a formula where it grows with the batch. */
  readonly stored: (name: string, index: number) => StoredNumber;
  /** Writes sizes that depend on the lengths of axes. */
  readonly sizes: OnnxSizes;
  /** Whether a tensor's axis is as long as the inputs are. */
  readonly isOpen: (tensor: Tensor, axis: number) => boolean;
  /** A vector that is added to the result of a convolution or product, and nothing else is done with that result. */
  readonly bias: Tensor | undefined;
}

/** Writes the nodes of a tensor whose inputs are written, and names it. */
type NodeWriter = (tensor: Tensor, writing: Writing) => void;

const as =
  <A>(write: (tensor: Tensor, attrs: A, writing: Writing) => void): NodeWriter =>
  (tensor, writing) =>
    write(tensor, tensor.attrs as A, writing);

/** Numbers in, numbers out, one by one: operands are broadcast in the order in which the widest was written. */
function elementwise(tensor: Tensor, { graph }: Writing, write: (operands: string[]) => string): void {
  const wide = tensor.inputs.find((input) => input.rank === tensor.rank && graph.orderOf(input) !== undefined);
  const order = (wide && graph.orderOf(wide)) ?? inPlace(tensor);
  const operands = tensor.inputs.map((input) => {
    const missing = tensor.rank - input.rank;
    const own = order.filter((axis) => axis >= missing).map((axis) => axis - missing);
    const name = graph.value(input, own);
    const added = order.flatMap((axis, i) => (axis < missing ? [i] : []));
    // Axes that are missing in front are understood.
    if (input.rank === 0 || added.every((axis, i) => axis === i)) return name;
    return graph.node("Unsqueeze", [name, graph.int64(added, "axes")]);
  });
  graph.name(tensor, write(operands), order);
}

const simple =
  (op: string, attributes: (attrs: never) => Readonly<Record<string, OnnxAttribute>> = () => ({})): NodeWriter =>
  (tensor, writing) =>
    elementwise(tensor, writing, (operands) => writing.graph.node(op, operands, attributes(tensor.attrs as never)));

const cast = (graph: OnnxGraph, value: string, to: keyof typeof ELEMENT_TYPES): string =>
  graph.node("Cast", [value], { to: int(ELEMENT_TYPES[to]) });

/** ONNX's truth values become the engine's int32. */
const comparison =
  (...ops: readonly string[]): NodeWriter =>
  (tensor, writing) =>
    elementwise(tensor, writing, (operands) => {
      const { graph } = writing;
      const truth = ops.slice(1).reduce((value, op) => graph.node(op, [value]), graph.node(ops[0], operands));
      return cast(graph, truth, "I32");
    });

const alongAxis = (op: string): NodeWriter =>
  as<AxisAttrs>((tensor, { axis }, { graph }) => {
    const [x] = tensor.inputs;
    const order = graph.orderOf(x) ?? inPlace(x);
    graph.name(tensor, graph.node(op, [graph.value(x, order)], { axis: int(order.indexOf(axis)) }), order);
  });

const reduction = (op: string, takesAxes: boolean): NodeWriter =>
  as<ReduceAttrs>((tensor, { axes, keepDims }, { graph }) => {
    const [x] = tensor.inputs;
    const order = graph.orderOf(x) ?? inPlace(x);
    const reduced = axes.map((axis) => order.indexOf(axis));
    const left = order.filter((axis) => keepDims || !axes.includes(axis));
    const keepdims = int(Number(keepDims));
    const made = takesAxes
      ? graph.node(op, [graph.value(x, order), graph.int64(reduced, "axes")], { keepdims })
      : graph.node(op, [graph.value(x, order)], { keepdims, axes: ints(reduced) });
    // Axes that are left close ranks.
    const ranks = [...left].sort((a, b) => a - b);
    graph.name(
      tensor,
      made,
      left.map((axis) => ranks.indexOf(axis)),
    );
  });

const pooling = (
  op: string,
  attributes: (attrs: AvgPoolAttrs) => Readonly<Record<string, OnnxAttribute>>,
): NodeWriter =>
  as<PoolAttrs>((tensor, attrs, { graph }) => {
    const { kernel, stride, padding } = attrs;
    const order = channelsFirst(tensor);
    const made = graph.node(op, [graph.value(tensor.inputs[0], order)], {
      kernel_shape: ints(kernel),
      strides: ints(stride),
      pads: ints([...padding, ...padding]),
      ...attributes(attrs as AvgPoolAttrs),
    });
    graph.name(tensor, made, order);
  });

/** Softmax of products, with heads on axis 1; heads that serve several are repeated. */
const attentionNodes = as<AttentionAttrs>((tensor, attrs, { graph, sizes, isOpen }) => {
  const { T, S, H, G } = attentionDims(tensor.inputs, attrs);
  const { arrays, position, length } = attentionInputs(tensor.inputs, attrs);
  const [x, key = x, value = x] = arrays;
  const heads = (from: Tensor, order: readonly number[], first: number, groups: number): string => {
    const all = graph.value(from, order);
    const taken = Array.from({ length: H }, (_, h) => first + Math.floor((h * groups) / H));
    const isWhole = taken.length === from.shape[2] && taken.every((head, h) => head === h);
    return isWhole ? all : graph.node("Gather", [all, graph.int64(taken, "heads")], { axis: int(1) });
  };
  const [firstKey, firstValue] = attrs.packed ? [H, H + G] : [0, 0];
  const q = heads(x, [0, 2, 1, 3], 0, H);
  const k = heads(key, [0, 2, 3, 1], firstKey, G); // [B, H, D, S]
  const products = graph.node("MatMul", [q, k]);
  let scores = graph.node("Mul", [products, graph.float32(attrs.scale, "scale")]);
  /** 0, 1, … below a dimension of a value. */
  const places = (from: string, axis: number): string => counted(graph, sizes.dim(from, axis));
  const wholeNumbers = (from: Tensor): string =>
    graph.node("Cast", [graph.value(from)], { to: int(ELEMENT_TYPES.I64) });
  /** One number for each sample, or for all, beside scores [B, H, T, S]. */
  const perSample = (from: Tensor): string =>
    from.rank === 0
      ? wholeNumbers(from)
      : graph.node("Unsqueeze", [wholeNumbers(from), graph.int64([1, 2, 3], "axes")]);
  const unseen: string[] = [];
  if (position !== undefined || (attrs.causal && (isOpen(x, 1) || isOpen(key, 1)))) {
    const rows = graph.node("Unsqueeze", [places(q, 2), graph.int64([1], "axes")]); // [T, 1]
    const last = position === undefined ? rows : graph.node("Add", [rows, perSample(position)]);
    unseen.push(graph.node("Greater", [places(k, 3), last]));
  } else if (attrs.causal) {
    const never = Float32Array.from({ length: T * S }, (_, at) => (at % S > Math.floor(at / S) ? UNSEEN : 0));
    const mask = graph.constant({ dtype: "F32", shape: [T, S], data: never }, "unseen");
    scores = graph.node("Add", [scores, mask]);
  }
  if (length !== undefined) unseen.push(graph.node("GreaterOrEqual", [places(k, 3), perSample(length)]));
  const [first, ...others] = unseen;
  const none = first && others.reduce((a, b) => graph.node("Or", [a, b]), first);
  if (none !== undefined) scores = graph.node("Where", [none, graph.float32(UNSEEN, "unseen"), scores]);
  let weights = graph.node("Softmax", [scores], { axis: int(3) });
  // A query that sees no key gives 0.
  const mayBeEmpty = position !== undefined || length !== undefined;
  if (none !== undefined && mayBeEmpty) weights = graph.node("Where", [none, graph.float32(0, "nothing"), weights]);
  const mixed = graph.node("MatMul", [weights, heads(value, [0, 2, 1, 3], firstValue, G)]);
  graph.name(tensor, mixed, [0, 2, 1, 3]);
});

/** 0, 1, … below a number that is a list of one. */
function counted(graph: OnnxGraph, end: string): string {
  const [zero, one] = [0n, 1n].map((n) => graph.constant({ dtype: "I64", shape: [], data: BigInt64Array.of(n) }));
  return graph.node("Range", [zero, graph.node("Squeeze", [end]), one]);
}

const convolution = as<ConvAttrs>((tensor, { stride, padding, dilation, groups }, { graph, bias }) => {
  const [x, w] = tensor.inputs;
  const [top, bottom, left, right] = padding;
  const inputs = [graph.value(x, channelsFirst(x)), graph.value(w, [3, 2, 0, 1])]; // [R, S, C, O] as [O, C, R, S]
  if (bias !== undefined) inputs.push(graph.value(bias));
  const made = graph.node("Conv", inputs, {
    kernel_shape: ints(w.shape.slice(0, 2)),
    strides: ints(stride),
    pads: ints([top, left, bottom, right]),
    dilations: ints(dilation),
    group: int(groups),
  });
  graph.name(tensor, made, channelsFirst(tensor));
});

const transposedConvolution = as<ConvInputGradAttrs>((tensor, attrs, { graph }) => {
  const { stride, padding, dilation, groups, input } = attrs;
  const [g, w] = tensor.inputs;
  const [top, bottom, left, right] = padding;
  // What a convolution with this stride would not reach.
  const rest = [0, 1].map((a) => {
    const reach = dilation[a] * (w.shape[a] - 1) + 1;
    return input[a] + padding[2 * a] + padding[2 * a + 1] - reach - stride[a] * (g.shape[1 + a] - 1);
  });
  const inputs = [graph.value(g, channelsFirst(g)), graph.value(w, [3, 2, 0, 1])]; // [R, S, C, O] as [O, C, R, S]
  const made = graph.node("ConvTranspose", inputs, {
    kernel_shape: ints(w.shape.slice(0, 2)),
    strides: ints(stride),
    pads: ints([top, left, bottom, right]),
    output_padding: ints(rest),
    dilations: ints(dilation),
    group: int(groups),
  });
  graph.name(tensor, made, channelsFirst(tensor));
});

const product = as<MatmulAttrs>((tensor, { transposeA, transposeB }, { graph, bias }) => {
  const [a, b] = tensor.inputs;
  if (tensor.rank === 2) {
    const operands = [graph.value(a), graph.value(b), ...(bias === undefined ? [] : [graph.value(bias)])];
    const turns = { transA: int(Number(transposeA)), transB: int(Number(transposeB)) };
    graph.name(tensor, graph.node("Gemm", operands, turns));
    return;
  }
  const read = (x: Tensor, isTurned: boolean): string => {
    const axes = inPlace(x);
    const [row, column] = axes.slice(-2);
    return graph.value(x, isTurned ? [...axes.slice(0, -2), column, row] : axes);
  };
  graph.name(tensor, graph.node("MatMul", [read(a, transposeA), read(b, transposeB)]));
});

const sliced = as<GridAttrs>((tensor, { starts, steps, shape }, { graph, stored, sizes, isOpen }) => {
  const [x] = tensor.inputs;
  const isWhole = (a: number): boolean =>
    starts[a] === 0 && steps[a] === 1 && shape[a] === x.shape[a] && isOpen(tensor, a) === isOpen(x, a);
  const axes = x.shape.flatMap((_, a) => (isWhole(a) ? [] : [a]));
  if (axes.some((a) => !isFixed(stored("starts", a)) || (steps[a] !== 1 && !isFixed(stored("shape", a))))) {
    throw untouchedBatch("slice");
  }
  // Counted down to the first element, the end lies before it: −1 would mean the last.
  const ends = axes.map((a) => {
    const end = starts[a] + steps[a] * shape[a];
    return end < 0 ? -(2 ** 31) : end;
  });
  const order = graph.orderOf(x) ?? inPlace(x);
  const isEndFixed = axes.every((a) => isFixed(stored("shape", a)));
  const names = [
    graph.int64(
      axes.map((a) => starts[a]),
      "starts",
    ),
    isEndFixed
      ? graph.int64(ends, "ends")
      : sizes.list(
          axes.map((a) => stored("shape", a)),
          "ends",
          axes.map((a) => starts[a]),
        ),
    graph.int64(
      axes.map((a) => order.indexOf(a)),
      "axes",
    ),
    graph.int64(
      axes.map((a) => steps[a]),
      "steps",
    ),
  ];
  graph.name(tensor, graph.node("Slice", [graph.value(x, order), ...names]), order);
});

const placed = as<PlaceAttrs>((tensor, { starts, steps, shape, fill }, { graph }) => {
  const [x] = tensor.inputs;
  if (steps.some((step) => step !== 1)) throw new DuctusError("export: ONNX cannot spread elements apart (place)");
  if (shape[0] !== x.shape[0]) throw untouchedBatch("place");
  const order = graph.orderOf(x) ?? inPlace(x);
  const before = order.map((a) => starts[a]);
  const after = order.map((a) => shape[a] - x.shape[a] - starts[a]);
  const pads = graph.int64([...before, ...after], "pads");
  graph.name(tensor, graph.node("Pad", [graph.value(x, order), pads, graph.float32(fill, "fill")]), order);
});

/** A window that begins where an input says, clamped so that it lies inside. */
const slicedAt = as<WindowAttrs>((tensor, { axes }, { graph, sizes, stored }) => {
  const [x, starts] = tensor.inputs;
  const order = graph.orderOf(x) ?? inPlace(x);
  const value = graph.value(x, order);
  const dims = axes.map((axis) => sizes.dim(value, order.indexOf(axis)));
  const lengths = dims.length === 1 ? dims[0] : graph.node("Concat", dims, { axis: int(0) });
  const counts = sizes.list(
    axes.map((axis) => stored("shape", axis)),
    "sizes",
  );
  const asked = graph.node("Cast", [graph.value(starts)], { to: int(ELEMENT_TYPES.I64) });
  const room = graph.node("Sub", [lengths, counts]);
  const first = graph.node("Max", [graph.node("Min", [asked, room]), graph.int64([0], "first")]);
  const places = graph.int64(
    axes.map((axis) => order.indexOf(axis)),
    "axes",
  );
  graph.name(tensor, graph.node("Slice", [value, first, graph.node("Add", [first, counts]), places]), order);
});

/** Its pads would be computed, which runtimes take and importers do not. */
const placedAt: NodeWriter = () => {
  throw new DuctusError(
    "export: placeAt, whose place is an input, cannot be written as ONNX; place at fixed positions with pad",
  );
};

const untouchedBatch = (op: string): DuctusError =>
  new DuctusError(`export: the op ${op} along the batch cannot be written for any batch size`);

const expanded: NodeWriter = (tensor, { graph, stored, sizes, isOpen }) => {
  const [x] = tensor.inputs;
  const lead = tensor.rank - x.rank;
  // 1 stands for "as it is", so that open axes stay open.
  const shape = tensor.shape.map((dim, axis): StoredNumber => {
    const isSame = axis >= lead && x.shape[axis - lead] === dim && isOpen(x, axis - lead) === isOpen(tensor, axis);
    return isSame ? 1 : stored("shape", axis);
  });
  graph.name(tensor, graph.node("Expand", [graph.value(x), sizes.list(shape, "shape")]));
};

/** −1 stands for one dimension that is open; of several, the sizes are worked out. */
const reshaped: NodeWriter = (tensor, { graph, stored, sizes }) => {
  const dims = tensor.shape.map((_, axis) => stored("shape", axis));
  const isOne = dims.filter((dim) => !isFixed(dim)).length <= 1;
  const shape = isOne
    ? graph.int64(
        dims.map((dim) => (isFixed(dim) ? dim : -1)),
        "shape",
      )
    : sizes.list(dims, "shape");
  graph.name(tensor, graph.node("Reshape", [graph.value(tensor.inputs[0]), shape]));
};

const normalized = as<NormAttrs>((tensor, { eps }, { graph }) => {
  const [x, mean, variance, weight, bias] = tensor.inputs;
  const order = tensor.rank > 1 ? channelsFirst(tensor) : inPlace(tensor);
  const inputs = [graph.value(x, order), ...[weight, bias, mean, variance].map((vector) => graph.value(vector))];
  graph.name(tensor, graph.node("BatchNormalization", inputs, { epsilon: float(eps) }), order);
});

const clipped = as<ClampAttrs>((tensor, { min, max }, writing) => {
  const { graph } = writing;
  const bounds = [graph.float32(min, "min"), graph.float32(max, "max")];
  elementwise(tensor, writing, ([x]) => graph.node("Clip", [x, ...bounds]));
});

/** One layer and direction. ONNX has time first and an axis of directions. */
const recurrent = (cell: CellName): NodeWriter =>
  as<RecurrentAttrs>((tensor, { reverse, part }, { graph }) => {
    const { states } = cellSizes(cell);
    const [x, weightIh, weightHh, biasIh, biasHh, ...rest] = tensor.inputs;
    const H = weightHh.shape[1];
    /** Weights behind each other, gates in ONNX's order, with an axis for the one direction. */
    const stored = (kind: string, ...weights: readonly Tensor[]): string => {
      const gates = weights.flatMap((weight) => {
        const values = graph.valuesOf(weight);
        const size = weight.size / ONNX_GATES[cell].length;
        return ONNX_GATES[cell].map((gate) => values.subarray(gate * size, (gate + 1) * size));
      });
      const [rows, ...others] = weights[0].shape;
      const data = Float32Array.from(gates.flatMap((gate) => [...gate]));
      return graph.constant({ dtype: "F32", shape: [1, rows * weights.length, ...others], data }, kind);
    };
    const axis = (place: number): string => graph.int64([place], "axes");
    const before = rest
      .slice(0, states)
      .map((state) => (scalarOf(state) === 0 ? "" : graph.node("Unsqueeze", [graph.value(state), axis(0)])));
    const operands = [
      graph.value(x, [1, 0, 2]),
      stored("weight_ih", weightIh),
      stored("weight_hh", weightHh),
      stored("bias", biasIh, biasHh),
      rest[states] === undefined ? "" : graph.value(rest[states]),
      ...before,
    ];
    const attributes = {
      hidden_size: int(H),
      direction: text(reverse ? "reverse" : "forward"),
      ...(cell === "gru" && { linear_before_reset: int(1) }),
    };
    const given = operands.slice(0, 1 + operands.findLastIndex((name) => name !== ""));
    const place = ["output", "hidden", "cell"].indexOf(part);
    const made = graph.node(cell.toUpperCase(), given, attributes, undefined, place);
    // [T, 1, B, H] as [T, B, H], [1, B, H] as [B, H]
    const squeezed = graph.node("Squeeze", [made, axis(part === "output" ? 1 : 0)]);
    graph.name(tensor, squeezed, part === "output" ? [1, 0, 2] : [0, 1]);
  });

/**
 * A writer for each primitive; "value": written by whoever reads it. Composites may have one, too: the others are written
 * through their bodies.
 */
export const NODE_WRITERS: Readonly<
  Record<NetworkPrimitiveName, NodeWriter | "value"> & Partial<Record<CompositeName, NodeWriter>>
> = {
  input: "value",
  parameter: "value",
  constant: "value",
  permute: "value",

  arange: (tensor, { graph, sizes, stored }) =>
    graph.name(tensor, cast(graph, counted(graph, sizes.size(stored("shape", 0))), "I32")),

  neg: simple("Neg"),
  abs: simple("Abs"),
  exp: simple("Exp"),
  log: simple("Log"),
  sqrt: simple("Sqrt"),
  tanh: simple("Tanh"),
  sigmoid: simple("Sigmoid"),
  relu: simple("Relu"),
  erf: simple("Erf"),
  detach: simple("Identity"),
  cast: as<CastAttrs>((tensor, { dtype }, writing) => {
    elementwise(tensor, writing, ([x]) => cast(writing.graph, x, dtype === "int32" ? "I32" : "F32"));
  }),
  add: simple("Add"),
  sub: simple("Sub"),
  mul: simple("Mul"),
  div: simple("Div"),
  pow: simple("Pow"),
  maximum: simple("Max"),
  minimum: simple("Min"),
  eq: comparison("Equal"),
  ne: comparison("Equal", "Not"),
  lt: comparison("Less"),
  le: comparison("LessOrEqual"),
  gt: comparison("Greater"),
  ge: comparison("GreaterOrEqual"),
  where: (tensor, writing) =>
    elementwise(tensor, writing, ([condition, ...branches]) =>
      writing.graph.node("Where", [cast(writing.graph, condition, "BOOL"), ...branches]),
    ),

  sum: reduction("ReduceSum", true),
  max: reduction("ReduceMax", false),
  logSumExp: reduction("ReduceLogSumExp", false),
  argmax: as<ArgmaxAttrs>((tensor, { axis, keepDims }, { graph }) => {
    const index = graph.node("ArgMax", [graph.value(tensor.inputs[0])], {
      axis: int(axis),
      keepdims: int(Number(keepDims)),
    });
    graph.name(tensor, cast(graph, index, "I32"));
  }),

  reshape: reshaped,
  expand: expanded,
  slice: sliced,
  place: placed,
  concat: as<ConcatAttrs>((tensor, { axis }, { graph }) => {
    const order = graph.orderOf(tensor.inputs[0]) ?? inPlace(tensor);
    const operands = tensor.inputs.map((input) => graph.value(input, order));
    graph.name(tensor, graph.node("Concat", operands, { axis: int(order.indexOf(axis)) }), order);
  }),
  sliceAt: slicedAt,
  placeAt: placedAt,

  gather: as<GatherAttrs>((tensor, { axis }, { graph }) => {
    const operands = tensor.inputs.map((input) => graph.value(input));
    graph.name(tensor, graph.node("GatherElements", operands, { axis: int(axis) }));
  }),
  embedding: (tensor, { graph }) =>
    graph.name(
      tensor,
      graph.node(
        "Gather",
        tensor.inputs.map((input) => graph.value(input)),
      ),
    ),

  attention: attentionNodes,

  matmul: product,
  conv2d: convolution,
  conv2dInputGrad: transposedConvolution,
  maxPool2d: pooling("MaxPool", () => ({})),
  avgPool2d: pooling("AveragePool", ({ countIncludePad }) => ({ count_include_pad: int(Number(countIncludePad)) })),

  leakyRelu: simple("LeakyRelu", ({ negativeSlope }: SlopeAttrs) => ({ alpha: float(negativeSlope) })),
  elu: simple("Elu", ({ alpha }: AlphaAttrs) => ({ alpha: float(alpha) })),
  softplus: simple("Softplus"),
  clamp: clipped,
  softmax: alongAxis("Softmax"),
  logSoftmax: alongAxis("LogSoftmax"),
  batchNorm: normalized,
  layerNorm: as<LayerNormAttrs>((tensor, { eps, axes }, { graph }) => {
    const operands = tensor.inputs.map((input) => graph.value(input));
    graph.name(tensor, graph.node("LayerNormalization", operands, { axis: int(-axes), epsilon: float(eps) }));
  }),
  lstm: recurrent("lstm"),
  gru: recurrent("gru"),
};

/**
 * How each op of the engine is said in PyTorch: one entry of a total map over primitives, so that a new one is a type error
 * until it has its own. Used by torch-module.ts, which writes the lines around them.
 */

import type { ClampAttrs, GeluAttrs, SlopeAttrs } from "../engine/ops/activation.ts";
import { type AttentionAttrs, attentionDims, attentionInputs } from "../engine/ops/attention.ts";
import type { ConstantAttrs } from "../engine/ops/constant.ts";
import type { ConvAttrs, ConvInputGradAttrs } from "../engine/ops/conv.ts";
import type { CompositeName, NetworkPrimitiveName } from "../engine/ops/index.ts";
import type { MatmulAttrs } from "../engine/ops/matmul.ts";
import type { GridAttrs, PlaceAttrs } from "../engine/ops/movement.ts";
import type { GroupNormAttrs, LayerNormAttrs, NormAttrs } from "../engine/ops/norm.ts";
import type { AvgPoolAttrs, PoolAttrs } from "../engine/ops/pool.ts";
import type { RecurrentAttrs } from "../engine/ops/recurrent.ts";
import type { ReduceAttrs } from "../engine/ops/reduce.ts";
import type { PlaceAtAttrs, WindowAttrs } from "../engine/ops/window.ts";
import type { Tensor } from "../engine/tensor.ts";
import { KERNELS, type Order, PICTURES, plainOrder, withoutAxes } from "./axes.ts";

/** A value of the generated code: an expression, and where the engine's axes are in it. */
export interface Value {
  readonly code: string;
  readonly order: Order;
}

/** What an entry of the table may ask about the op that it writes. Inputs go by their position. */
export interface OpCall {
  readonly tensor: Tensor;
  readonly attrs: never;
  /** The order in which an input happens to be. */
  order(input: number): Order;
  /** An expression for an input, brought into an order; default: the one that it has. */
  input(input: number, order?: Order): string;
  /** All inputs in one order, those of a lower rank so that they broadcast; numbers stay numbers. */
  aligned(): { readonly operands: readonly string[]; readonly order: Order };
  /** The sizes of the output in the engine's order, as code: those that grow with the batch are formulas. */
  readonly sizes: readonly string[];
  /** Whether an axis of the first input grows with the batch. */
  grows(axis: number): boolean;
  /** A bias that is added to the result and can be given along; "None" otherwise. */
  readonly bias: string;
  /** @throws DuctusError naming the op */
  refuse(why: string): never;
}

type Writer = (call: OpCall) => Value;

const tuple = (values: readonly (number | string)[]): string =>
  `(${values.join(", ")}${values.length === 1 ? "," : ""})`;
const truth = (value: boolean): string => (value ? "True" : "False");
const attrsOf = <A>(call: OpCall): A => call.attrs as unknown as A;

/** A number as Python has it. */
export function literal(value: number): string {
  if (!Number.isFinite(value)) return `float("${Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"}")`;
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** One tensor in, one out, element by element: any order will do. */
const unary =
  (code: (x: string, call: OpCall) => string): Writer =>
  (call) => ({ code: code(call.input(0), call), order: call.order(0) });

const nary =
  (code: (...operands: string[]) => string): Writer =>
  (call) => {
    const { operands, order } = call.aligned();
    return { code: code(...operands), order };
  };

const infix = (sign: string): Writer => nary((a, b) => `${a} ${sign} ${b}`);
/** Comparisons give 0 or 1 as whole numbers. */
const comparison = (sign: string): Writer => nary((a, b) => `(${a} ${sign} ${b}).int()`);
/** Both operands must be tensors for these. */
const ofTensors = (name: string): Writer =>
  nary((a, b) => `torch.${name}(torch.as_tensor(${a}), torch.as_tensor(${b}))`);

/** Channels second, as PyTorch's layers want them. */
const channelsSecond = (rank: number): Order => [0, ...plainOrder(rank).slice(2), ...(rank > 1 ? [1] : [])];

const reduction =
  (name: string): Writer =>
  (call) => {
    const { axes, keepDims } = attrsOf<ReduceAttrs>(call);
    const order = call.order(0);
    if (axes.length === 0) return { code: call.input(0), order };
    const over = axes.map((axis) => order[axis]).sort((a, b) => a - b);
    const code = `torch.${name}(${call.input(0)}, dim=${tuple(over)}${keepDims ? ", keepdim=True" : ""})`;
    return { code, order: keepDims ? order : withoutAxes(order, axes) };
  };

const alongAxis = (name: string): Writer =>
  unary((x, call) => `${name}(${x}, dim=${call.order(0)[attrsOf<{ axis: number }>(call).axis]})`);

/** In the engine's own order: what shapes and positions are given in. */
const plain =
  (code: (x: string, call: OpCall) => string): Writer =>
  (call) => ({
    code: code(call.input(0, plainOrder(call.tensor.inputs[0].rank)), call),
    order: plainOrder(call.tensor.rank),
  });

const pool =
  (code: (x: string, attrs: PoolAttrs) => string): Writer =>
  (call) => ({ code: code(call.input(0, PICTURES), attrsOf(call)), order: PICTURES });

/** One layer and direction by PyTorch's own function, which knows only the forward one alone: for the other, time is turned. */
const recurrent =
  (name: string, states: number): Writer =>
  (call) => {
    const { reverse, part } = attrsOf<RecurrentAttrs>(call);
    const operands = call.tensor.inputs.map(({ rank }, i) => call.input(i, plainOrder(rank)));
    if (operands.length > 5 + states) call.refuse("takes lengths, which PyTorch wants as a packed sequence");
    const x = `${operands[0]}${reverse ? ".flip(1)" : ""}`;
    const first = operands.slice(5).map((state) => `${state}.unsqueeze(0)`);
    const before = states > 1 ? tuple(first) : first[0];
    const weights = `[${operands.slice(1, 5).join(", ")}]`;
    // Biases, one layer, no dropout, in use, one direction, batch first
    const code = `torch.${name}(${x}, ${before}, ${weights}, True, 1, 0.0, False, False, True)`;
    const results = { output: `[0]${reverse ? ".flip(1)" : ""}`, hidden: "[1].squeeze(0)", cell: "[2].squeeze(0)" };
    return { code: `${code}${results[part]}`, order: plainOrder(call.tensor.rank) };
  };

/** Inputs and parameters are written where they are used; composites without an entry as the ops that they are made of. */
export const TORCH_OPS: Readonly<
  Record<Exclude<NetworkPrimitiveName, "input" | "parameter">, Writer> & Partial<Record<CompositeName, Writer>>
> = {
  constant: (call) => {
    const { value, shape, dtype } = attrsOf<ConstantAttrs>(call);
    const order = plainOrder(shape.length);
    if (typeof value === "number" && shape.length === 0) return { code: literal(value), order };
    const type = `dtype=torch.${dtype}, device=pixels.device`;
    if (typeof value === "number") {
      return { code: `torch.full(${tuple(call.sizes)}, ${literal(value)}, ${type})`, order };
    }
    const numbers = `[${value.map((number) => (dtype === "int32" ? String(number) : literal(number))).join(", ")}]`;
    return { code: `torch.tensor(${numbers}, ${type}).reshape(${tuple(call.sizes)})`, order };
  },

  arange: (call) => ({
    code: `torch.arange(${call.sizes[0]}, dtype=torch.int32, device=pixels.device)`,
    order: plainOrder(1),
  }),

  neg: unary((x) => `-${x}`),
  abs: unary((x) => `${x}.abs()`),
  exp: unary((x) => `${x}.exp()`),
  log: unary((x) => `${x}.log()`),
  sqrt: unary((x) => `${x}.sqrt()`),
  tanh: unary((x) => `torch.tanh(${x})`),
  sigmoid: unary((x) => `torch.sigmoid(${x})`),
  relu: unary((x) => `F.relu(${x})`),
  erf: unary((x) => `torch.erf(${x})`),
  detach: unary((x) => `${x}.detach()`),
  cast: unary((x, call) => `${x}.${call.tensor.dtype === "int32" ? "int" : "float"}()`),
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: infix("/"),
  pow: infix("**"),
  maximum: ofTensors("maximum"),
  minimum: ofTensors("minimum"),
  eq: comparison("=="),
  ne: comparison("!="),
  lt: comparison("<"),
  le: comparison("<="),
  gt: comparison(">"),
  ge: comparison(">="),
  where: nary((condition, a, b) => `torch.where(${condition} != 0, ${a}, ${b})`),

  sum: reduction("sum"),
  max: reduction("amax"),
  logSumExp: reduction("logsumexp"),
  argmax: (call) => {
    const { axis, keepDims } = attrsOf<{ axis: number; keepDims: boolean }>(call);
    const order = call.order(0);
    const code = `torch.argmax(${call.input(0)}, dim=${order[axis]}, keepdim=${truth(keepDims)}).int()`;
    return { code, order: keepDims ? order : withoutAxes(order, [axis]) };
  },

  reshape: plain((x, call) => `${x}.reshape(${tuple(call.sizes)})`),
  // Only written down: the same value, its axes found elsewhere.
  permute: (call) => {
    const order = call.order(0);
    return { code: call.input(0), order: attrsOf<{ order: Order }>(call).order.map((axis) => order[axis]) };
  },
  expand: plain((x, call) => `${x}.expand(${tuple(call.sizes)})`),
  slice: (call) => {
    const { starts, steps, shape } = attrsOf<GridAttrs>(call);
    const order = call.order(0);
    const before = call.tensor.inputs[0].shape;
    const ranges = shape.map((count, axis) => {
      if (starts[axis] === 0 && steps[axis] === 1 && count === before[axis]) return ":";
      if (call.grows(axis)) call.refuse("cuts the batch");
      const last = starts[axis] + steps[axis] * (count - 1);
      const [low, high] = [Math.min(starts[axis], last), Math.max(starts[axis], last)];
      return `${low}:${high + 1}${Math.abs(steps[axis]) === 1 ? "" : `:${Math.abs(steps[axis])}`}`;
    });
    const placed = plainOrder(order.length).map((axis) => ranges[order.indexOf(axis)]);
    const turned = steps.flatMap((step, axis) => (step < 0 ? [order[axis]] : []));
    const flip = turned.length === 0 ? "" : `.flip(${tuple(turned)})`;
    return { code: `${call.input(0)}[${placed.join(", ")}]${flip}`, order };
  },
  place: (call) => {
    const { starts, steps, shape, fill } = attrsOf<PlaceAttrs>(call);
    if (steps.some((step) => step !== 1)) call.refuse("puts numbers between others");
    const order = call.order(0);
    const inner = call.tensor.inputs[0].shape;
    // From the last axis of the value to the first: before, after.
    const amounts = [...plainOrder(order.length)]
      .reverse()
      .map((axis) => order.indexOf(axis))
      .flatMap((axis) => [starts[axis], shape[axis] - inner[axis] - starts[axis]]);
    return { code: `F.pad(${call.input(0)}, ${tuple(amounts)}, value=${literal(fill)})`, order };
  },
  concat: (call) => {
    const order = call.order(0);
    const parts = call.tensor.inputs.map((_, i) => call.input(i, order));
    return { code: `torch.cat(${tuple(parts)}, dim=${order[attrsOf<{ axis: number }>(call).axis]})`, order };
  },

  sliceAt: (call) => {
    const { axes, shape } = attrsOf<WindowAttrs>(call);
    const order = call.order(0);
    const [x, starts] = call.tensor.inputs;
    const code = axes.reduce((value, axis, i) => {
      if (call.grows(axis)) call.refuse("cuts the batch");
      const start = `${call.input(1, plainOrder(starts.rank))}[${i}].clamp(0, ${x.shape[axis] - shape[axis]})`;
      return `${value}.narrow(${order[axis]}, ${start}, ${shape[axis]})`;
    }, call.input(0));
    return { code, order };
  },
  placeAt: (call) => {
    const { axes, shape, fill } = attrsOf<PlaceAtAttrs>(call);
    const order = call.order(0);
    const [x, starts] = call.tensor.inputs;
    // From the last axis of the value to the first: before, after.
    const amounts = [...plainOrder(order.length)]
      .reverse()
      .map((axis) => order.indexOf(axis))
      .flatMap((axis): (string | number)[] => {
        if (!axes.includes(axis)) return [0, 0];
        if (call.grows(axis)) call.refuse("places samples in the batch");
        const room = shape[axis] - x.shape[axis];
        const start = `int(${call.input(1, plainOrder(starts.rank))}[${axes.indexOf(axis)}].clamp(0, ${room}))`;
        return [start, `${room} - ${start}`];
      });
    return { code: `F.pad(${call.input(0)}, ${tuple(amounts)}, value=${literal(fill)})`, order };
  },

  gather: (call) => {
    const [table, index] = call.tensor.inputs.map(({ rank }, i) => call.input(i, plainOrder(rank)));
    const code = `torch.gather(${table}, ${attrsOf<{ axis: number }>(call).axis}, ${index}.long())`;
    return { code, order: plainOrder(call.tensor.rank) };
  },
  embedding: (call) => {
    const [table, index] = call.tensor.inputs.map(({ rank }, i) => call.input(i, plainOrder(rank)));
    return { code: `F.embedding(${index}, ${table})`, order: plainOrder(call.tensor.rank) };
  },

  attention: (call) => {
    const attrs = attrsOf<AttentionAttrs>(call);
    const { inputs, rank } = call.tensor;
    const { T, S, H, G } = attentionDims(inputs, attrs);
    const { arrays, position, length } = attentionInputs(
      inputs.map((input, i) => call.input(i, plainOrder(input.rank))),
      attrs,
    );
    const [x] = arrays;
    const parts = attrs.packed
      ? [`:${H}`, `${H}:${H + G}`, `${H + G}:`].map((heads) => `${x}[:, :, ${heads}]`)
      : arrays;
    const perSample = (numbers: string): string => `torch.as_tensor(${numbers}).reshape(-1, 1, 1, 1)`;
    const seen = [
      ...(position === undefined
        ? []
        : [
            `(torch.arange(${S}, device=pixels.device) <= ${perSample(position)} + torch.arange(${T}, device=pixels.device)[:, None])`,
          ]),
      ...(length === undefined ? [] : [`(torch.arange(${S}, device=pixels.device) < ${perSample(length)})`]),
    ];
    if (attrs.causal && position === undefined && seen.length > 0) {
      seen.push(`(torch.arange(${S}, device=pixels.device) <= torch.arange(${T}, device=pixels.device)[:, None])`);
    }
    const options = [
      ...(seen.length > 0 ? [`attn_mask=${seen.join(" & ")}`] : attrs.causal ? ["is_causal=True"] : []),
      `scale=${attrs.scale}`,
      ...(G === H ? [] : ["enable_gqa=True"]),
    ];
    const operands = parts.map((part) => `${part}.transpose(1, 2)`);
    const code = `F.scaled_dot_product_attention(${[...operands, ...options].join(", ")}).transpose(1, 2)`;
    return { code, order: plainOrder(rank) };
  },

  matmul: (call) => {
    const { transposeA, transposeB } = attrsOf<MatmulAttrs>(call);
    const [a, b] = call.tensor.inputs.map(({ rank }, i) => call.input(i, plainOrder(rank)));
    const order = plainOrder(call.tensor.rank);
    if (isLinear(call.tensor))
      return { code: `F.linear(${a}, ${b}${call.bias === "None" ? "" : `, ${call.bias}`})`, order };
    const [left, right] = [transposeA ? `${a}.mT` : a, transposeB ? `${b}.mT` : b];
    return { code: `${left} @ ${right}`, order };
  },
  conv2d: (call) => {
    const { stride, padding, dilation, groups } = attrsOf<ConvAttrs>(call);
    const [top, bottom, left, right] = padding;
    const isEven = top === bottom && left === right;
    const pictures = call.input(0, PICTURES);
    const x = isEven ? pictures : `F.pad(${pictures}, ${tuple([left, right, top, bottom])})`;
    const options = [
      ...(stride.every((s) => s === 1) ? [] : [`stride=${tuple(stride)}`]),
      ...(isEven && (top > 0 || left > 0) ? [`padding=${tuple([top, left])}`] : []),
      ...(dilation.every((d) => d === 1) ? [] : [`dilation=${tuple(dilation)}`]),
      ...(groups === 1 ? [] : [`groups=${groups}`]),
    ];
    const bias = call.bias === "None" ? [] : [call.bias];
    return { code: `F.conv2d(${[x, call.input(1, KERNELS), ...bias, ...options].join(", ")})`, order: PICTURES };
  },
  conv2dInputGrad: (call) => {
    const { stride, padding, dilation, groups, input } = attrsOf<ConvInputGradAttrs>(call);
    const [g, w] = call.tensor.inputs;
    // Made whole and cut: padding may differ from side to side.
    const ends = [0, 1].map((a) => padding[2 * a] + input[a]);
    const more = [0, 1].map((a) => {
      const reach = dilation[a] * (w.shape[a] - 1) + 1;
      return Math.max(0, ends[a] - stride[a] * (g.shape[1 + a] - 1) - reach);
    });
    const options = `stride=${tuple(stride)}, output_padding=${tuple(more)}, groups=${groups}, dilation=${tuple(dilation)}`;
    const code = `F.conv_transpose2d(${call.input(0, PICTURES)}, ${call.input(1, KERNELS)}, ${options})`;
    return { code: `${code}[:, :, ${padding[0]}:${ends[0]}, ${padding[2]}:${ends[1]}]`, order: PICTURES };
  },
  maxPool2d: pool((x, { kernel, stride, padding }) => {
    return `F.max_pool2d(${x}, ${tuple(kernel)}, ${tuple(stride)}, ${tuple(padding)})`;
  }),
  avgPool2d: pool((x, attrs) => {
    const { kernel, stride, padding, countIncludePad } = attrs as AvgPoolAttrs;
    const counted = `count_include_pad=${truth(countIncludePad)}`;
    return `F.avg_pool2d(${x}, ${tuple(kernel)}, ${tuple(stride)}, ${tuple(padding)}, ${counted})`;
  }),

  leakyRelu: unary((x, call) => `F.leaky_relu(${x}, ${literal(attrsOf<SlopeAttrs>(call).negativeSlope)})`),
  elu: unary((x, call) => `F.elu(${x}, ${literal(attrsOf<{ alpha: number }>(call).alpha)})`),
  gelu: unary((x, call) => `F.gelu(${x}, approximate="${attrsOf<GeluAttrs>(call).approximate}")`),
  silu: unary((x) => `F.silu(${x})`),
  softplus: unary((x) => `F.softplus(${x})`),
  clamp: unary((x, call) => {
    const { min, max } = attrsOf<ClampAttrs>(call);
    return `torch.clamp(${x}, ${literal(min)}, ${literal(max)})`;
  }),
  softmax: alongAxis("torch.softmax"),
  logSoftmax: alongAxis("torch.log_softmax"),
  batchNorm: (call) => {
    const order = channelsSecond(call.tensor.rank);
    const x = call.input(0, order);
    const [mean, variance, weight, bias] = [1, 2, 3, 4].map((i) => call.input(i));
    const eps = attrsOf<NormAttrs>(call).eps;
    const how = `training=self.training, eps=${eps}`;
    return { code: `F.batch_norm(${x}, ${mean}, ${variance}, ${weight}, ${bias}, ${how})`, order };
  },
  layerNorm: plain((x, call) => {
    const { eps, axes } = attrsOf<LayerNormAttrs>(call);
    const shape = tuple(call.sizes.slice(call.tensor.rank - axes));
    return `F.layer_norm(${x}, ${shape}, ${call.input(1)}, ${call.input(2)}, eps=${eps})`;
  }),
  groupNorm: (call) => {
    const { eps, groups } = attrsOf<GroupNormAttrs>(call);
    const order = channelsSecond(call.tensor.rank);
    return {
      code: `F.group_norm(${call.input(0, order)}, ${groups}, ${call.input(1)}, ${call.input(2)}, eps=${eps})`,
      order,
    };
  },
  lstm: recurrent("lstm", 2),
  gru: recurrent("gru", 1),
};

/** Whether a product is a fully connected layer: rows times a matrix that lies as PyTorch has it. */
export function isLinear({ op, inputs, attrs }: Tensor): boolean {
  if (op.name !== "matmul") return false;
  const { transposeA, transposeB } = attrs as MatmulAttrs;
  return !transposeA && transposeB && inputs[1].rank === 2;
}

/**
 * What ONNX's operators mean in ops of the engine, by name: the one list of what can be imported. A rule gets the values of
 * a node and traces the ops; descriptions of operators, with their defaults and older forms (attributes that became
 * inputs): https://onnx.ai/onnx/operators/.
 */
import { DataError } from "../engine/errors.ts";
import { clamp, elu, gelu, leakyRelu, logSoftmax, softmax, softplus } from "../engine/ops/activation.ts";
import { constant } from "../engine/ops/constant.ts";
import * as elementwise from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { concat, expand, pad, slice } from "../engine/ops/movement.ts";
import { batchNorm, groupNorm, layerNorm } from "../engine/ops/norm.ts";
import { max, mean, min, sum } from "../engine/ops/reduce.ts";
import { broadcastShapes, type Shape, sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { ELEMENT_TYPES } from "../formats/onnx.ts";
import { type StoredTensor, toFloat32 } from "../formats/tensor-data.ts";
import type { OnnxAttributes } from "./onnx-attributes.ts";
import * as values from "./onnx-value.ts";
import {
  arranged,
  asValue,
  broadcast,
  dimsOf,
  knownNumbers,
  mapped,
  plain,
  reshaped,
  type Value,
} from "./onnx-value.ts";
import { convolution, pooling } from "./onnx-windows.ts";

/** A node while it is traced. */
export interface NodeCall {
  readonly inputs: readonly (Value | undefined)[];
  readonly attrs: OnnxAttributes;
  readonly outputs: number;
  readonly opset: number;
  /** The batch size that is traced, and the one that the graph was fixed to when it was exported, if it was. */
  readonly batch: number;
  readonly fixedBatch: number | undefined;
  /** For each input whether it depends on the pictures. */
  readonly isOfSamples: readonly boolean[];
}

/** The values of a node's outputs; those that no classifier reads may be left out. */
export type NodeRule = (call: NodeCall) => Value | readonly Value[];

/** An input that must be there. */
function need({ inputs }: NodeCall, i: number): Value {
  const found = inputs[i];
  if (found === undefined) throw new DataError(`its input ${i} is missing`);
  return found;
}

/** Numbers that are an attribute or, in later versions, an input. */
function setting(call: NodeCall, name: string, input: number): readonly number[] | undefined {
  const value = call.inputs[input];
  return value === undefined ? call.attrs.ints(name, undefined) : knownNumbers(value, name);
}

function axisOf(value: Value, axis: number): number {
  const rank = value.order.length;
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= rank) {
    throw new DataError(`there is no axis ${axis} in a value with ${rank} axes`);
  }
  return positive;
}

const unary =
  (op: (x: Tensor, attrs: OnnxAttributes) => Tensor): NodeRule =>
  (call) =>
    mapped(need(call, 0), (x) => op(x, call.attrs));

const binary =
  (op: (a: Tensor, b: Tensor) => Tensor): NodeRule =>
  (call) =>
    broadcast([need(call, 0), need(call, 1)], op);

/** Any number of operands, from left to right. */
const variadic =
  (op: (a: Tensor, b: Tensor) => Tensor): NodeRule =>
  (call) =>
    call.inputs.map((_, i) => need(call, i)).reduce((a, b) => broadcast([a, b], op));

const reduction =
  (op: (x: Tensor, axes: readonly number[], keepDims: boolean) => Tensor): NodeRule =>
  (call) => {
    const x = need(call, 0);
    const all = x.order.map((_, axis) => axis);
    const named = setting(call, "axes", 1) ?? [];
    if (named.length === 0 && call.attrs.int("noop_with_empty_axes", 0) !== 0) return x;
    const axes = named.length === 0 ? all : named.map((axis) => axisOf(x, axis));
    const kept: Value = {
      tensor: op(
        x.tensor,
        axes.map((axis) => x.order[axis]),
        true,
      ),
      order: x.order,
    };
    if (call.attrs.int("keepdims", 1) !== 0) return kept;
    return reshaped(
      kept,
      dimsOf(kept).filter((_, axis) => !axes.includes(axis)),
    );
  };

/** Over all that is not batch or channel. */
const overPicture =
  (op: (x: Tensor, axes: readonly number[], keepDims: boolean) => Tensor): NodeRule =>
  (call) => {
    const x = need(call, 0);
    return { tensor: op(x.tensor, x.order.slice(2), true), order: x.order };
  };

const softmaxLike =
  (op: (x: Tensor, axis: number) => Tensor): NodeRule =>
  (call) => {
    const x = need(call, 0);
    const axis = axisOf(x, call.attrs.int("axis", call.opset < 13 ? 1 : -1));
    const dims = dimsOf(x);
    if (call.opset >= 13 || dims.slice(axis + 1).every((dim) => dim === 1)) {
      return mapped(x, (tensor) => op(tensor, x.order[axis]));
    }
    // Before opset 13 all axes from there on are one.
    const rows = reshaped(x, [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))]);
    return reshaped(
      mapped(rows, (tensor) => op(tensor, 1)),
      dims,
    );
  };

/** A range of some axes. */
function sliced(
  x: Value,
  ranges: ReadonlyMap<number, { start: number; end: number; step?: number | undefined }>,
): Value {
  const byAxis = new Map([...ranges].map(([axis, range]) => [x.order[axis], range]));
  return {
    tensor: slice(
      x.tensor,
      x.tensor.shape.map((_, axis) => byAxis.get(axis) ?? {}),
    ),
    order: x.order,
  };
}

/** Values side by side; all get the order of the first. */
function joined(list: readonly Value[], axis: number): Value {
  const [{ order }] = list;
  const axes = order.map((_, i) => order.indexOf(i));
  return {
    tensor: concat(
      list.map((value) => arranged(value, axes)),
      order[axis],
    ),
    order,
  };
}

function matrixProduct(a: Value, b: Value): Value {
  if (a.order.length < 2 || b.order.length < 2)
    throw new DataError("it multiplies by a vector, which has too few axes");
  // Weights are kept transposed, as PyTorch does: then they are read so.
  const isTurned = b.order.length === 2 && b.order[0] === 1;
  return asValue(isTurned ? matmul(plain(a), b.tensor, { transposeB: true }) : matmul(plain(a), plain(b)));
}

function reshape(call: NodeCall): Value {
  const x = need(call, 0);
  const dims = dimsOf(x);
  const wanted = setting(call, "shape", 1);
  if (wanted === undefined) throw new DataError("its shape is missing");
  const keepsZero = call.attrs.int("allowzero", 0) !== 0;
  const shape = wanted.map((dim, i) => (dim === 0 && !keepsZero ? (dims[i] ?? 0) : dim));
  // Exported for one batch size: the batch axis is that of the batch at hand.
  if (shape[0] === call.fixedBatch && call.isOfSamples[0] && dims[0] === call.batch) shape[0] = call.batch;
  return reshaped(x, shape);
}

function squeeze(call: NodeCall): Value {
  const x = need(call, 0);
  const dims = dimsOf(x);
  const named = setting(call, "axes", 1)?.map((axis) => axisOf(x, axis));
  // Not named, all of length 1 go; the batch is not one of them, whatever its size happens to be.
  const axes = named ?? dims.flatMap((dim, axis) => (dim === 1 && axis > 0 ? [axis] : []));
  if (axes.some((axis) => dims[axis] !== 1)) throw new DataError(`its axes ${axes.join(", ")} are not all of length 1`);
  return reshaped(
    x,
    dims.filter((_, axis) => !axes.includes(axis)),
  );
}

function unsqueeze(call: NodeCall): Value {
  const x = need(call, 0);
  const axes = setting(call, "axes", 1) ?? [];
  const rank = x.order.length + axes.length;
  const added = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  const rest = [...dimsOf(x)];
  return reshaped(
    x,
    Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : (rest.shift() ?? 1))),
  );
}

function flatten(call: NodeCall): Value {
  const x = need(call, 0);
  const dims = dimsOf(x);
  const axis = call.attrs.int("axis", 1);
  const from = axis < 0 ? axis + dims.length : axis;
  return reshaped(x, [sizeOf(dims.slice(0, from)), sizeOf(dims.slice(from))]);
}

function gather(call: NodeCall): Value {
  const x = need(call, 0);
  const axis = axisOf(x, call.attrs.int("axis", 0));
  const index = need(call, 1);
  const { length } = index.order;
  const length0 = dimsOf(x)[axis];
  const picked = knownNumbers(index, "indices").map((i) => {
    const start = i < 0 ? i + length0 : i;
    return sliced(x, new Map([[axis, { start, end: start + 1 }]]));
  });
  if (length > 1 || picked.length === 0 || picked.length > 64) {
    throw new DataError("its indices are no short list; lookups in tables are not supported");
  }
  if (length === 1) return joined(picked, axis);
  return reshaped(
    picked[0],
    dimsOf(x).filter((_, a) => a !== axis),
  );
}

function sliceOf(call: NodeCall): Value {
  const x = need(call, 0);
  const starts = setting(call, "starts", 1) ?? [];
  const ends = setting(call, "ends", 2) ?? [];
  const axes = setting(call, "axes", 3) ?? starts.map((_, i) => i);
  const steps = setting(call, "steps", 4) ?? starts.map(() => 1);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length) || steps.includes(0)) {
    throw new DataError("its starts, ends, axes and steps do not fit each other");
  }
  return sliced(x, new Map(starts.map((start, i) => [axisOf(x, axes[i]), { start, end: ends[i], step: steps[i] }])));
}

function split(call: NodeCall): readonly Value[] {
  const x = need(call, 0);
  const axis = axisOf(x, call.attrs.int("axis", 0));
  const total = dimsOf(x)[axis];
  const part = Math.ceil(total / call.outputs);
  const sizes =
    setting(call, "split", 1) ?? Array.from({ length: call.outputs }, (_, i) => Math.min(part, total - i * part));
  let start = 0;
  return sizes.map((size) => {
    const range = { start, end: start + size };
    start = range.end;
    return sliced(x, new Map([[axis, range]]));
  });
}

function padOf(call: NodeCall): Value {
  const x = need(call, 0);
  const rank = x.order.length;
  const mode = call.attrs.text("mode", "constant");
  if (mode !== "constant") throw new DataError(`its mode is "${mode}"; only "constant" is supported`);
  const amounts = setting(call, "pads", 1) ?? [];
  const axes =
    call.inputs[3] === undefined
      ? x.order.map((_, axis) => axis)
      : knownNumbers(call.inputs[3], "axes").map((axis) => axisOf(x, axis));
  const fill = call.inputs[2] === undefined ? call.attrs.float("value", 0) : knownNumbers(call.inputs[2], "value")[0];
  if (amounts.length !== 2 * axes.length || amounts.some((n) => n < 0)) {
    throw new DataError("its pads are negative or do not fit its axes");
  }
  const sides = Array.from({ length: rank }, (): [number, number] => [0, 0]);
  for (const [i, axis] of axes.entries()) sides[x.order[axis]] = [amounts[i], amounts[i + axes.length]];
  return mapped(x, (tensor) => pad(tensor, sides, fill));
}

function clip(call: NodeCall): Value {
  const bound = (name: string, input: number, otherwise: number): number => {
    const value = call.inputs[input];
    return value === undefined ? call.attrs.float(name, otherwise) : knownNumbers(value, name)[0];
  };
  const [low, high] = [bound("min", 1, Number.NEGATIVE_INFINITY), bound("max", 2, Number.POSITIVE_INFINITY)];
  return mapped(need(call, 0), (x) => clamp(x, low, high));
}

const FLOATS: readonly number[] = [ELEMENT_TYPES.F32, ELEMENT_TYPES.F16, ELEMENT_TYPES.F64, ELEMENT_TYPES.BF16];

function castTo(call: NodeCall): Value {
  const to = call.attrs.int("to", 0);
  if (to === ELEMENT_TYPES.BOOL) return mapped(need(call, 0), (x) => elementwise.ne(x, 0));
  return mapped(need(call, 0), (x) => elementwise.cast(x, FLOATS.includes(to) ? "float32" : "int32"));
}

/** Int32 is what the engine has for whole numbers; beyond it stands "to the end". */
function constantOf(call: NodeCall): Value {
  const { attrs } = call;
  const tensor = attrs.tensor("value");
  if (tensor !== undefined) return asValue(storedConstant(tensor));
  if (attrs.has("value_float")) return asValue(constant(attrs.float("value_float", 0)));
  if (attrs.has("value_int")) return asValue(constant(attrs.int("value_int", 0), "int32"));
  const floats = attrs.floats("value_floats");
  if (floats !== undefined) return asValue(constant(floats));
  return asValue(constant(attrs.ints("value_ints", []), "int32"));
}

/** A stored tensor as a constant of the engine: whole numbers as int32, held to its range. */
export function storedConstant(tensor: StoredTensor): Tensor {
  const { dtype, shape } = tensor;
  if (dtype.includes("F")) return constant([...toFloat32(tensor)], "float32", shape);
  const whole = [...tensor.data].map((n) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Number(n))));
  return constant(whole, "int32", shape);
}

function constantOfShape(call: NodeCall): Value {
  const shape = knownNumbers(need(call, 0), "shape");
  const tensor = call.attrs.tensor("value");
  const value = tensor === undefined ? 0 : Number(toFloat32(tensor)[0]);
  const dtype = tensor === undefined || tensor.dtype.includes("F") ? "float32" : "int32";
  return asValue(constant(value, dtype, shape));
}

function expandTo(call: NodeCall): Value {
  const x = need(call, 0);
  const shape: Shape = knownNumbers(need(call, 1), "shape");
  return asValue(expand(plain(x), broadcastShapes("Expand", [dimsOf(x), shape])));
}

function shapeOf(call: NodeCall): Value {
  const dims = dimsOf(need(call, 0));
  const end = call.attrs.int("end", dims.length);
  return asValue(constant(dims.slice(call.attrs.int("start", 0), end), "int32"));
}

function batchNormalization(call: NodeCall): Value {
  const [x, weight, bias, mu, variance] = [0, 1, 2, 3, 4].map((i) => need(call, i));
  const eps = call.attrs.float("epsilon", 1e-5);
  return values.fromChannelsLast(
    batchNorm(values.channelsLast(x), plain(mu), plain(variance), plain(weight), plain(bias), eps),
  );
}

function instanceNormalization(call: NodeCall): Value {
  const [x, weight, bias] = [0, 1, 2].map((i) => need(call, i));
  const channels = dimsOf(x)[1];
  const eps = call.attrs.float("epsilon", 1e-5);
  return values.fromChannelsLast(groupNorm(values.channelsLast(x), channels, plain(weight), plain(bias), eps));
}

function layerNormalization(call: NodeCall): Value {
  const x = need(call, 0);
  const weight = plain(need(call, 1));
  const over = x.order.length - axisOf(x, call.attrs.int("axis", -1));
  if (weight.rank !== over) throw new DataError(`its weight has ${weight.rank} axes where ${over} are normalised`);
  const bias = call.inputs[2] === undefined ? constant(0, "float32", weight.shape) : plain(call.inputs[2]);
  return asValue(layerNorm(plain(x), weight, bias, call.attrs.float("epsilon", 1e-5)));
}

function gemm(call: NodeCall): Value {
  const { attrs, inputs } = call;
  const turned = (value: Value, name: string): Value =>
    attrs.int(name, 0) === 0 ? value : { tensor: value.tensor, order: [...value.order].reverse() };
  const product = matrixProduct(turned(need(call, 0), "transA"), turned(need(call, 1), "transB"));
  const scaled = (value: Value, factor: number): Value =>
    factor === 1 ? value : mapped(value, (x) => elementwise.mul(x, factor));
  const y = scaled(product, attrs.float("alpha", 1));
  if (inputs[2] === undefined) return y;
  return broadcast([y, scaled(inputs[2], attrs.float("beta", 1))], elementwise.add);
}

const {
  abs,
  add,
  cast,
  div,
  erf,
  exp,
  eq,
  ge,
  gt,
  le,
  log,
  lt,
  maximum,
  minimum,
  mul,
  neg,
  pow,
  relu,
  sigmoid,
  sqrt,
  sub,
  tanh,
  where,
} = elementwise;

/** Whole numbers are divided as such, towards 0. */
const divide = (a: Tensor, b: Tensor): Tensor =>
  a.dtype === "int32" ? cast(div(cast(a, "float32"), cast(b, "float32")), "int32") : div(a, b);

const negate = (call: NodeCall): Value => mapped(need(call, 0), (x) => eq(x, 0));

/** By operator. */
export const ONNX_OPS: Readonly<Record<string, NodeRule>> = {
  // Convolutions, products, pooling
  Conv: (call) => convolution(need(call, 0), need(call, 1), call.inputs[2], call.attrs),
  Gemm: gemm,
  MatMul: (call) => matrixProduct(need(call, 0), need(call, 1)),
  MaxPool: (call) => pooling(need(call, 0), call.attrs, "max"),
  AveragePool: (call) => pooling(need(call, 0), call.attrs, "average"),
  GlobalAveragePool: overPicture(mean),
  GlobalMaxPool: overPicture(max),

  // Normalisation
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,

  // Activations
  Relu: unary(relu),
  LeakyRelu: unary((x, attrs) => leakyRelu(x, attrs.float("alpha", 0.01))),
  PRelu: binary((x, slope) => where(gt(x, 0), x, mul(x, slope))),
  Elu: unary((x, attrs) => elu(x, attrs.float("alpha", 1))),
  Selu: unary((x, attrs) => mul(elu(x, attrs.float("alpha", 1.6732632)), attrs.float("gamma", 1.0507009))),
  Gelu: unary((x, attrs) => gelu(x, attrs.text("approximate", "none") === "tanh" ? "tanh" : "none")),
  Sigmoid: unary(sigmoid),
  HardSigmoid: unary((x, attrs) => clamp(add(mul(x, attrs.float("alpha", 0.2)), attrs.float("beta", 0.5)), 0, 1)),
  HardSwish: unary((x) => mul(x, clamp(add(mul(x, 1 / 6), 0.5), 0, 1))),
  Mish: unary((x) => mul(x, tanh(softplus(x)))),
  Softplus: unary(softplus),
  Softsign: unary((x) => div(x, add(abs(x), 1))),
  Tanh: unary(tanh),
  Softmax: softmaxLike(softmax),
  LogSoftmax: softmaxLike(logSoftmax),
  Clip: clip,

  // Elementwise
  Abs: unary(abs),
  Neg: unary(neg),
  Exp: unary(exp),
  Log: unary(log),
  Sqrt: unary(sqrt),
  Erf: unary(erf),
  Reciprocal: unary((x) => div(1, x)),
  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(divide),
  Pow: binary((x, exponent) => pow(x, cast(exponent, "float32"))),
  Sum: variadic(add),
  Max: variadic(maximum),
  Min: variadic(minimum),
  Equal: binary(eq),
  Greater: binary(gt),
  GreaterOrEqual: binary(ge),
  Less: binary(lt),
  LessOrEqual: binary(le),
  Not: negate,
  Where: (call) => broadcast([need(call, 0), need(call, 1), need(call, 2)], where),
  Cast: castTo,

  // Reductions
  ReduceMean: reduction(mean),
  ReduceSum: reduction(sum),
  ReduceMax: reduction(max),
  ReduceMin: reduction(min),

  // Shapes
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: (call) => {
    const { tensor, order } = need(call, 0);
    const last = order.length - 1;
    const perm = call.attrs.ints(
      "perm",
      order.map((_, axis) => last - axis),
    );
    const isOrder = perm.length === order.length && order.every((_, axis) => perm.includes(axis));
    if (!isOrder) throw new DataError(`its perm [${perm.slice(0, 8).join(", ")}] is no order of ${order.length} axes`);
    return { tensor, order: perm.map((axis) => order[axis]) };
  },
  Concat: (call) => {
    const list = call.inputs.map((_, i) => need(call, i));
    return joined(list, axisOf(list[0], call.attrs.int("axis", 0)));
  },
  Split: split,
  Slice: sliceOf,
  Gather: gather,
  Pad: padOf,
  Expand: expandTo,
  Shape: shapeOf,
  Size: (call) => asValue(constant(need(call, 0).tensor.size, "int32")),
  Constant: constantOf,
  ConstantOfShape: constantOfShape,

  // What changes nothing in use
  Identity: (call) => need(call, 0),
  Dropout: (call) => need(call, 0),
};

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
import { max, mean } from "../engine/ops/reduce.ts";
import { sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { ELEMENT_TYPES } from "../formats/onnx.ts";
import { toFloat32 } from "../formats/tensor-data.ts";
import type { OnnxAttributes } from "./onnx-attributes.ts";
import { axisOf, type NodeCall, type NodeRule, need, needAll } from "./onnx-call.ts";
import {
  concatenate,
  depthToSpace,
  expandTo,
  flatten,
  gather,
  gatherElements,
  padOf,
  range,
  reshape,
  sliceOf,
  spaceToDepth,
  split,
  squeeze,
  tile,
  transpose,
  unsqueeze,
} from "./onnx-movement.ts";
import {
  batchNormalization,
  groupNormalization,
  instanceNormalization,
  layerNormalization,
  localResponse,
} from "./onnx-norms.ts";
import { RECURRENT } from "./onnx-recurrent.ts";
import { lpNormalization, REDUCTIONS } from "./onnx-reductions.ts";
import { resize } from "./onnx-resize.ts";
import {
  asValue,
  broadcast,
  dimsOf,
  knownNumbers,
  mapped,
  plain,
  reshaped,
  storedConstant,
  type Value,
} from "./onnx-value.ts";
import { convolution, pooling, transposedConvolution } from "./onnx-windows.ts";

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
  (op: (a: Tensor, b: Tensor) => Tensor) =>
  (call: NodeCall): Value =>
    needAll(call).reduce((a, b) => broadcast([a, b], op));

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

function matrixProduct(a: Value, b: Value): Value {
  // A vector is a row on the left and a column on the right, and that axis goes again.
  if (a.order.length === 1 && b.order.length > 1) {
    const y = matrixProduct(reshaped(a, [1, ...dimsOf(a)]), b);
    return reshaped(y, [...dimsOf(y).slice(0, -2), ...dimsOf(y).slice(-1)]);
  }
  if (b.order.length === 1) {
    const y = matrixProduct(a.order.length === 1 ? reshaped(a, [1, ...dimsOf(a)]) : a, reshaped(b, [...dimsOf(b), 1]));
    return reshaped(y, a.order.length === 1 ? [] : dimsOf(y).slice(0, -1));
  }
  // Weights are kept transposed, as PyTorch does: then they are read so.
  const isTurned = b.order.length === 2 && b.order[0] === 1;
  return asValue(isTurned ? matmul(plain(a), b.tensor, { transposeB: true }) : matmul(plain(a), plain(b)));
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

function constantOfShape(call: NodeCall): Value {
  const shape = knownNumbers(need(call, 0), "shape");
  const tensor = call.attrs.tensor("value");
  const value = tensor === undefined ? 0 : Number(toFloat32(tensor)[0]);
  const dtype = tensor === undefined || tensor.dtype.includes("F") ? "float32" : "int32";
  return asValue(constant(value, dtype, shape));
}

function shapeOf(call: NodeCall): Value {
  const dims = dimsOf(need(call, 0));
  const end = call.attrs.int("end", dims.length);
  return asValue(constant(dims.slice(call.attrs.int("start", 0), end), "int32"));
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
  ne,
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

function dropout(call: NodeCall): Value {
  const training = call.inputs[2];
  if (training !== undefined && knownNumbers(training, "training_mode")[0] !== 0) {
    throw new DataError("it is in training mode, where outputs are drawn at random; export it in inference mode");
  }
  return need(call, 0);
}

/** What is left of a division: with the sign of the divisor, or with `fmod` that of the dividend. */
function remainder(call: NodeCall): Value {
  const isFmod = call.attrs.int("fmod", 0) !== 0;
  return broadcast([need(call, 0), need(call, 1)], (a, b) => {
    const whole = cast(cast(div(cast(a, "float32"), cast(b, "float32")), "int32"), a.dtype);
    const rest = sub(a, mul(whole, b));
    return isFmod ? rest : where(lt(mul(rest, b), 0), add(rest, b), rest);
  });
}

const negate = (call: NodeCall): Value => mapped(need(call, 0), (x) => eq(x, 0));

/** By operator. */
export const ONNX_OPS: Readonly<Record<string, NodeRule>> = {
  // Convolutions, products, pooling
  Conv: (call) => convolution(need(call, 0), need(call, 1), call.inputs[2], call.attrs),
  ConvTranspose: (call) => transposedConvolution(need(call, 0), need(call, 1), call.inputs[2], call.attrs),
  Gemm: gemm,
  MatMul: (call) => matrixProduct(need(call, 0), need(call, 1)),
  MaxPool: (call) => pooling(need(call, 0), call.attrs, "max"),
  AveragePool: (call) => pooling(need(call, 0), call.attrs, "average"),
  GlobalAveragePool: overPicture(mean),
  GlobalMaxPool: overPicture(max),

  // Normalization
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  LRN: localResponse,
  LpNormalization: lpNormalization,

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
  Celu: unary((x, attrs) => {
    const alpha = attrs.float("alpha", 1);
    return mul(elu(div(x, alpha), 1), alpha);
  }),
  ThresholdedRelu: unary((x, attrs) => where(gt(x, attrs.float("alpha", 1)), x, 0)),
  Shrink: unary((x, attrs) => {
    const [edge, bias] = [attrs.float("lambd", 0.5), attrs.float("bias", 0)];
    return where(gt(x, edge), sub(x, bias), where(lt(x, -edge), add(x, bias), 0));
  }),

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
  Mod: remainder,
  Pow: binary((x, exponent) => pow(x, cast(exponent, "float32"))),
  Sum: variadic(add),
  Max: variadic(maximum),
  Min: variadic(minimum),
  Mean: (call) => mapped(variadic(add)(call), (x) => mul(x, 1 / call.inputs.length)),
  Sign: unary((x) => cast(sub(gt(x, 0), lt(x, 0)), x.dtype)),
  Equal: binary(eq),
  Greater: binary(gt),
  GreaterOrEqual: binary(ge),
  Less: binary(lt),
  LessOrEqual: binary(le),
  Not: negate,
  And: binary(mul),
  Or: binary(maximum),
  Xor: binary(ne),
  Where: (call) => broadcast([need(call, 0), need(call, 1), need(call, 2)], where),
  Cast: castTo,

  ...RECURRENT,

  // Reductions
  ...REDUCTIONS,

  // Shapes
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Concat: concatenate,
  Split: split,
  Slice: sliceOf,
  Gather: gather,
  GatherElements: gatherElements,
  Pad: padOf,
  Tile: tile,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Resize: (call) => resize(call, false),
  Upsample: (call) => resize(call, true),
  Expand: expandTo,
  Range: range,
  Shape: shapeOf,
  Size: (call) => asValue(constant(need(call, 0).tensor.size, "int32")),
  Constant: constantOf,
  ConstantOfShape: constantOfShape,

  // What changes nothing in use
  Identity: (call) => need(call, 0),
  Dropout: dropout,
};

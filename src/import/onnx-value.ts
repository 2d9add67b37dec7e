/**
 * What an ONNX value is while its graph is traced: a tensor of the engine, whose axes may stand in another order. Networks
 * made elsewhere compute channels first, the engine channels last; as a transposition is only another `order`, none is
 * computed until an op needs its axes in place.
 */
import { computePlainly } from "../engine/backends/reference/loops.ts";
import { DataError } from "../engine/errors.ts";
import { type ConstantAttrs, constant } from "../engine/ops/constant.ts";
import { permute, reshape } from "../engine/ops/movement.ts";
import { operationsOf, spendWhileTracing } from "../engine/passes/cost.ts";
import { expandComposites } from "../engine/passes/expand.ts";
import type { Shape } from "../engine/shape.ts";
import type { NdArray, Tensor } from "../engine/tensor.ts";
import { topologicalOrder } from "../engine/trace.ts";
import { type StoredTensor, toFloat32 } from "../formats/tensor-data.ts";

export interface Value {
  readonly tensor: Tensor;
  /** Axis i of the ONNX value is axis `order[i]` of the tensor. */
  readonly order: readonly number[];
}

const upTo = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis);

/** A tensor whose axes are in place. */
export const asValue = (tensor: Tensor): Value => ({ tensor, order: upTo(tensor.rank) });

/** The shape that ONNX sees. */
export const dimsOf = ({ tensor, order }: Value): Shape => order.map((axis) => tensor.shape[axis]);

/** The tensor whose axis i is axis `axes[i]` of the value. */
export function arranged({ tensor, order }: Value, axes: readonly number[]): Tensor {
  const moved = axes.map((axis) => order[axis]);
  return moved.every((axis, i) => axis === i) ? tensor : permute(tensor, moved);
}

/** The tensor with all axes in ONNX's order. */
export const plain = (value: Value): Tensor => arranged(value, upTo(value.order.length));

/** Same elements, other shape. */
export const reshaped = (value: Value, shape: Shape): Value => asValue(reshape(plain(value), shape));

/** [N, C, …] as [N, …, C]. */
export const channelsLast = (value: Value): Tensor =>
  arranged(value, [0, ...upTo(value.order.length).slice(2), ...(value.order.length > 1 ? [1] : [])]);

/** The value whose channels are the last axis of the tensor: [N, …, C] as [N, C, …]. */
export const fromChannelsLast = (tensor: Tensor): Value => ({
  tensor,
  order: [0, tensor.rank - 1, ...upTo(tensor.rank - 1).slice(1)],
});

/** An elementwise op of one operand: the axes stay where they are. */
export const mapped = ({ tensor, order }: Value, op: (x: Tensor) => Tensor): Value => ({ tensor: op(tensor), order });

/** The axis of the value's tensor that ONNX calls `axis`, which may be negative. */
export function tensorAxis({ order }: Value, axis: number): number {
  const found = order[axis < 0 ? axis + order.length : axis];
  if (found === undefined) throw new DataError(`there is no axis ${axis} in a value with ${order.length} axes`);
  return found;
}

/** An elementwise op of several operands, broadcast as NumPy does. The result keeps the axes of its widest operand. */
export function broadcast(values: readonly Value[], op: (...operands: Tensor[]) => Tensor): Value {
  const rank = Math.max(...values.map(({ order }) => order.length));
  const wide = values.filter(({ order }) => order.length === rank);
  const { order } = wide.find((value) => value.order.some((axis, i) => axis !== i)) ?? wide[0];
  const axes = upTo(rank).map((axis) => order.indexOf(axis));
  const isInPlace = axes.every((axis, i) => axis === i);
  const isConstant = values.map(({ tensor }) => tensor.op.name === "constant" && tensor.size === 1);
  const operands = values.map((value, i) => {
    if (isConstant[i] && isConstant.includes(false)) return scalar(value.tensor);
    // The engine adds missing axes in front itself.
    if (isInPlace) return plain(value);
    const missing = rank - value.order.length;
    const full = missing === 0 ? value : reshaped(value, [...new Array<number>(missing).fill(1), ...dimsOf(value)]);
    return arranged(full, axes);
  });
  return { tensor: op(...operands), order };
}

/** The number of a constant without axes, as kernels like it. */
function scalar(tensor: Tensor): Tensor {
  const { dtype, value } = tensor.attrs as ConstantAttrs;
  return constant(typeof value === "number" ? value : value[0], dtype);
}

/** Shapes, axes and bounds are short; more is not worked out while tracing. */
const MOST_KNOWN = 4096;

/** The numbers of a value that constants alone decide, in ONNX's order. @throws DataError when they do not */
export function knownNumbers(value: Value, what: string): number[] {
  const { size } = value.tensor;
  if (size > MOST_KNOWN) throw new DataError(`its ${what} is made of ${size} numbers: too many`);
  const found = evaluated(value);
  if (found === undefined) throw new DataError(`its ${what} depends on the input; export it with constant shapes`);
  return found;
}

/**
 * What constants alone decide, as a constant. Done for every node, so that arithmetic on shapes never becomes a long chain.
 */
export function settled(value: Value): Value {
  const { size, dtype, inputs } = value.tensor;
  const isLeft = size > MOST_KNOWN || inputs.length === 0 || dtype === "uint8" || isOfPlaces(value);
  const found = isLeft ? undefined : evaluated(value);
  return found === undefined ? value : asValue(constant(found, dtype === "int32" ? "int32" : "float32", dimsOf(value)));
}

/**
 * Whether a value is made of places along an axis (arange), and of constants at most. It stays what it is: as a constant it could
 * not be stored for any length.
 */
export function isOfPlaces(value: Value): boolean {
  const leaves = topologicalOrder([value.tensor]).filter(({ inputs }) => inputs.length === 0);
  const isOf = (name: string): boolean => leaves.some(({ op }) => op.name === name);
  return isOf("arange") && !isOf("input") && !isOf("parameter");
}

/** How much longer a reference loop takes than a compiled one, about. */
const SLOWNESS = 50;

/** By the reference loops; undefined when there is an input or a weight in it, or anything long. */
function evaluated(value: Value): number[] | undefined {
  const results = new Map<Tensor, NdArray>();
  const [root] = expandComposites([plain(value)]);
  const order = topologicalOrder([root]);
  const isUnknown = ({ op, size }: Tensor): boolean =>
    op.name === "input" || op.name === "parameter" || size > MOST_KNOWN;
  if (order.some(isUnknown)) return undefined;
  for (const tensor of order) {
    const { op, inputs, shape, size } = tensor;
    spendWhileTracing("operations", SLOWNESS * operationsOf(tensor), `a constant (${op.name})`);
    const result = { shape, data: new Float64Array(size) };
    const operands = inputs.map((input) => results.get(input) as NdArray);
    computePlainly(tensor, operands, result);
    results.set(tensor, result);
  }
  return [...(results.get(root) as NdArray).data];
}

/** A stored tensor as a constant of the engine: whole numbers as int32, held to its range. */
export function storedConstant(tensor: StoredTensor): Tensor {
  const { dtype, shape } = tensor;
  if (dtype.includes("F")) return constant([...toFloat32(tensor)], "float32", shape);
  const whole = [...tensor.data].map((n) => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Number(n))));
  return constant(whole, "int32", shape);
}

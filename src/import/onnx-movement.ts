/** Operators that move numbers without computing: other shapes, orders and sizes, parts, repetitions, and padding. */
import { DataError } from "../engine/errors.ts";
import { arange } from "../engine/ops/arange.ts";
import { type ConstantAttrs, constant } from "../engine/ops/constant.ts";
import { add, lt, where } from "../engine/ops/elementwise.ts";
import { embedding, gather as gatherAlong } from "../engine/ops/gather.ts";
import { concat, expand, pad, slice } from "../engine/ops/movement.ts";
import { sliceAt } from "../engine/ops/window.ts";
import { spendWhileTracing } from "../engine/passes/cost.ts";
import { broadcastShapes, type Shape, sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { quote } from "../formats/text.ts";
import { axisOf, type NodeCall, need, needAll, setting } from "./onnx-call.ts";
import {
  arranged,
  asValue,
  dimsOf,
  isOfPlaces,
  knownNumbers,
  mapped,
  plain,
  reshaped,
  type Value,
} from "./onnx-value.ts";

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step?: number | undefined;
}

/** A range of some axes. Nothing may be left of a constant: exporters cut shapes so, and put the rest beside other sizes. */
function sliced(x: Value, ranges: ReadonlyMap<number, Range>): Value {
  const dims = dimsOf(x);
  const isEmpty = [...ranges].some(([axis, range]) => takesNothing(dims[axis], range));
  if (isEmpty && x.tensor.op.name === "constant") {
    const left = dims.map((dim, axis) => (takesNothing(dim, ranges.get(axis)) ? 0 : dim));
    return asValue(constant([], x.tensor.dtype === "int32" ? "int32" : "float32", left));
  }
  const byAxis = new Map([...ranges].map(([axis, range]) => [x.order[axis], range]));
  return {
    tensor: slice(
      x.tensor,
      x.tensor.shape.map((_, axis) => byAxis.get(axis) ?? {}),
    ),
    order: x.order,
  };
}

/** Whether a range, which may lie outside the axis, holds none of its elements. */
function takesNothing(length: number, range?: Range): boolean {
  if (range === undefined) return length === 0;
  const [start, end] = [range.start, range.end].map((at) => (at < 0 ? at + length : at));
  return (range.step ?? 1) > 0
    ? Math.max(start, 0) >= Math.min(end, length)
    : Math.min(start, length - 1) <= Math.max(end, -1);
}

/** Values side by side; all get the order of the first. Those without elements add nothing. */
function joined(all: readonly Value[], axis: number): Value {
  const filled = all.filter(({ tensor }) => tensor.size > 0);
  if (filled.length === 0) return all[0];
  const [{ order }] = filled;
  const axes = order.map((_, i) => order.indexOf(i));
  return {
    tensor: concat(
      filled.map((value) => arranged(value, axes)),
      order[axis],
    ),
    order,
  };
}

/** Numbers at equal distances, up to a limit that is none of them. */
export function range(call: NodeCall): Value {
  const { dtype } = need(call, 0).tensor;
  const [start, limit, delta] = ["start", "limit", "delta"].map((name, i) => knownNumbers(need(call, i), name)[0]);
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!(count <= MOST_PLACES)) throw new DataError(`it would make ${count} numbers: too many`);
  if (start === 0 && delta === 1 && count > 0 && dtype === "int32") return asValue(arange(count));
  const numbers = Array.from({ length: count }, (_, i) => start + i * delta);
  return asValue(constant(numbers, dtype === "int32" ? "int32" : "float32"));
}

const MOST_PLACES = 2 ** 20;

export function reshape(call: NodeCall): Value {
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

export function squeeze(call: NodeCall): Value {
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

export function unsqueeze(call: NodeCall): Value {
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

export function flatten(call: NodeCall): Value {
  const x = need(call, 0);
  const dims = dimsOf(x);
  const axis = call.attrs.int("axis", 1);
  const from = axis < 0 ? axis + dims.length : axis;
  return reshaped(x, [sizeOf(dims.slice(0, from)), sizeOf(dims.slice(from))]);
}

/** The places of an axis, one after the other, that a list of indices names: as few parts side by side as there are runs. */
export function taken(x: Value, axis: number, indices: readonly number[]): Value {
  const length = dimsOf(x)[axis];
  const runs = runsOf(indices);
  if (runs.length === 0 || runs.length > MOST_RUNS) {
    throw new DataError(`its indices are ${indices.length} in no order; lookups in tables are not supported`);
  }
  const parts = runs.map(({ start, step, count }) => {
    if (step === 0) {
      const one = sliced(x, new Map([[axis, { start, end: start + 1 }]]));
      return mapped(one, (tensor) =>
        expand(
          tensor,
          tensor.shape.map((dim, a) => (a === x.order[axis] ? count : dim)),
        ),
      );
    }
    const end = start + step * count;
    return sliced(x, new Map([[axis, { start, end: end < 0 ? -length - 1 : end, step }]]));
  });
  return parts.length === 1 ? parts[0] : joined(parts, axis);
}

const MOST_RUNS = 128;

interface Run {
  readonly start: number;
  readonly step: number;
  count: number;
}

/** A list of indices as runs that stay, go up, or go down by one. */
function runsOf(indices: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (const index of indices) {
    const last = runs.at(-1);
    if (last !== undefined && index === last.start + last.step * last.count) last.count++;
    else if (last?.count === 1 && Math.abs(index - last.start) <= 1) {
      runs[runs.length - 1] = { start: last.start, step: index - last.start, count: 2 };
    } else runs.push({ start: index, step: 1, count: 1 });
  }
  return runs;
}

export function gather(call: NodeCall): Value {
  const x = need(call, 0);
  const axis = axisOf(x, call.attrs.int("axis", 0));
  const index = need(call, 1);
  const length = dimsOf(x)[axis];
  // Rows of a table, by numbers that come with the samples: tokens, which are no positions from the end.
  if (call.isOfSamples[1] && axis === 0 && x.order.length === 2 && index.tensor.dtype === "int32") {
    return asValue(embedding(plain(index), plain(x)));
  }
  const indices = knownNumbers(index, "indices").map((i) => (i < 0 ? i + length : i));
  if (index.order.length > 1) throw new DataError("its indices are a table; lookups in tables are not supported");
  const outside = indices.find((i) => i < 0 || i >= length);
  if (outside !== undefined) throw new DataError(`its index ${outside} lies outside an axis of ${length}`);
  // The first rows are a part of the table; others by their places, for any length.
  const isTable = axis === 0 && x.order.length === 2 && index.tensor.dtype === "int32";
  if (isTable && index.tensor.op.name !== "arange" && isOfPlaces(index)) {
    return asValue(embedding(plain(index), plain(x)));
  }
  const picked = taken(x, axis, indices);
  if (index.order.length === 1) return picked;
  return reshaped(
    picked,
    dimsOf(x).filter((_, a) => a !== axis),
  );
}

/** One number of an axis for each index, which may count from the end. */
export function gatherElements(call: NodeCall): Value {
  const [x, index] = [need(call, 0), need(call, 1)];
  const axis = axisOf(x, call.attrs.int("axis", 0));
  const length = dimsOf(x)[axis];
  return asValue(gatherAlong(plain(x), axis, where(lt(plain(index), 0), add(plain(index), length), plain(index))));
}

/**
 * A window that begins where computed numbers say, as Ductus writes one: starts are at least 0, and ends lie a fixed number
 * behind them.
 */
function windowAt(call: NodeCall, starts: Tensor): Value {
  const x = need(call, 0);
  const [first, second] = need(call, 2).tensor.inputs;
  const sizes = first === starts ? second : first;
  if (need(call, 2).tensor.op.name !== "add" || sizes === undefined) {
    throw new DataError("its ends are no fixed number behind its starts, which are computed");
  }
  const axes = setting(call, "axes", 3) ?? starts.shape.map((_, i) => i);
  const own = axes.map((axis) => x.order[axisOf(x, axis)]);
  return mapped(x, (tensor) => sliceAt(tensor, starts, knownNumbers(asValue(sizes), "size"), own));
}

export function sliceOf(call: NodeCall): Value {
  const x = need(call, 0);
  const first = call.inputs[1]?.tensor;
  if (first?.op.name === "maximum" && isZero(first.inputs[1])) return windowAt(call, first);
  const starts = setting(call, "starts", 1) ?? [];
  const ends = setting(call, "ends", 2) ?? [];
  const axes = setting(call, "axes", 3) ?? starts.map((_, i) => i);
  const steps = setting(call, "steps", 4) ?? starts.map(() => 1);
  if ([ends, axes, steps].some(({ length }) => length !== starts.length) || steps.includes(0)) {
    throw new DataError("its starts, ends, axes and steps do not fit each other");
  }
  return sliced(x, new Map(starts.map((start, i) => [axisOf(x, axes[i]), { start, end: ends[i], step: steps[i] }])));
}

const isZero = ({ op, attrs }: Tensor): boolean =>
  op.name === "constant" && [(attrs as ConstantAttrs).value].flat().every((number) => number === 0);

export function split(call: NodeCall): readonly Value[] {
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

/** Operations that a number costs which is worked out while a graph is traced. */
const NUMBER_COST = 50;

/** Where the numbers around an axis of `length` come from: which of its elements stands at place i, which may lie outside. */
const PAD_MODES: Readonly<Record<string, (i: number, length: number) => number>> = {
  edge: (i, length) => Math.max(0, Math.min(length - 1, i)),
  // The first and last element are not repeated.
  reflect: (i, length) => {
    const place = modulo(i, Math.max(1, 2 * (length - 1)));
    return Math.min(place, 2 * (length - 1) - place);
  },
  wrap: modulo,
};

function modulo(i: number, length: number): number {
  return ((i % length) + length) % length;
}

/** Pad: amounts before and after each axis; those below 0 cut off. */
export function padOf(call: NodeCall): Value {
  const mode = call.attrs.text("mode", "constant");
  const place = Object.hasOwn(PAD_MODES, mode) ? PAD_MODES[mode] : undefined;
  if (place === undefined && mode !== "constant")
    throw new DataError(`its mode is ${quote(mode)}, which is not supported`);
  let x = need(call, 0);
  const amounts = setting(call, "pads", 1) ?? call.attrs.ints("paddings", []);
  const axes =
    call.inputs[3] === undefined
      ? x.order.map((_, axis) => axis)
      : knownNumbers(call.inputs[3], "axes").map((axis) => axisOf(need(call, 0), axis));
  const isSize = (n: number): boolean => Number.isInteger(n) && Math.abs(n) < 65536;
  if (amounts.length !== 2 * axes.length || !amounts.every(isSize)) {
    throw new DataError("its pads are too large or do not fit its axes");
  }
  const fill = call.inputs[2] === undefined ? call.attrs.float("value", 0) : knownNumbers(call.inputs[2], "value")[0];
  const sides = x.order.map((): [number, number] => [0, 0]);
  for (const [i, axis] of axes.entries()) {
    const [before, after] = [amounts[i], amounts[i + axes.length]];
    const cut = dimsOf(x)[axis] + Math.min(0, before) + Math.min(0, after);
    if (cut < 1) throw new DataError(`its pads leave nothing of axis ${axis}`);
    if (before < 0 || after < 0)
      x = sliced(x, new Map([[axis, { start: Math.max(0, -before), end: Math.max(0, -before) + cut }]]));
    sides[axis] = [Math.max(0, before), Math.max(0, after)];
  }
  if (place === undefined) {
    const byTensor = x.tensor.shape.map((_, axis) => sides[x.order.indexOf(axis)]);
    return mapped(x, (tensor) => pad(tensor, byTensor, fill));
  }
  for (const [axis, [before, after]] of sides.entries()) {
    if (before === 0 && after === 0) continue;
    const length = dimsOf(x)[axis];
    spendWhileTracing("operations", NUMBER_COST * (before + length + after), "its padding");
    const indices = Array.from({ length: before + length + after }, (_, i) => place(i - before, length));
    x = taken(x, axis, indices);
  }
  return x;
}

export function expandTo(call: NodeCall): Value {
  const x = need(call, 0);
  const shape: Shape = knownNumbers(need(call, 1), "shape");
  return asValue(expand(plain(x), broadcastShapes("Expand", [dimsOf(x), shape])));
}

export function transpose(call: NodeCall): Value {
  const { tensor, order } = need(call, 0);
  const last = order.length - 1;
  const perm = call.attrs.ints(
    "perm",
    order.map((_, axis) => last - axis),
  );
  const isOrder = perm.length === order.length && order.every((_, axis) => perm.includes(axis));
  if (!isOrder) throw new DataError(`its perm [${perm.slice(0, 8).join(", ")}] is no order of ${order.length} axes`);
  return { tensor, order: perm.map((axis) => order[axis]) };
}

export function concatenate(call: NodeCall): Value {
  const list = needAll(call);
  const axis = axisOf(list[0], call.attrs.int("axis", 0));
  // Exported for one picture: what stands beside its values, as a class token does, stands beside those of each.
  const isBesideSamples = axis > 0 && call.fixedBatch === 1 && call.isOfSamples.includes(true);
  const forEach = (value: Value, i: number): Value => {
    const [first, ...rest] = dimsOf(value);
    if (!isBesideSamples || call.isOfSamples[i] || first !== 1 || call.batch === 1) return value;
    return asValue(expand(plain(value), [call.batch, ...rest]));
  };
  return joined(list.map(forEach), axis);
}

/** Tile: the whole of an axis again and again. */
export function tile(call: NodeCall): Value {
  const x = need(call, 0);
  const repeats = knownNumbers(need(call, 1), "repeats");
  const isFit = repeats.length === x.order.length && repeats.every((n) => Number.isInteger(n) && n >= 1 && n <= 1024);
  if (!isFit) throw new DataError(`its repeats are [${repeats.slice(0, 8).join(", ")}] for ${x.order.length} axes`);
  return repeats.reduce((made, n, axis) => (n === 1 ? made : joined(new Array<Value>(n).fill(made), axis)), x);
}

/** The height and width of blocks, and the other sizes of a picture. */
function blocksOf(call: NodeCall): { x: Value; dims: Shape; block: number } {
  const x = need(call, 0);
  const dims = dimsOf(x);
  const block = call.attrs.int("blocksize", 0);
  if (dims.length !== 4 || !Number.isInteger(block) || block < 1) {
    throw new DataError(`its blocksize ${block} cannot be applied to ${dims.length} axes`);
  }
  return { x, dims, block };
}

/** Axes split, moved, and joined again. */
const regrouped = (x: Value, split: Shape, perm: readonly number[], shape: Shape): Value => {
  const { tensor, order } = reshaped(x, split);
  return reshaped({ tensor, order: perm.map((axis) => order[axis]) }, shape);
};

/** DepthToSpace: each channel's share of a block becomes pixels. "DCR": the place in the block varies slowest. */
export function depthToSpace(call: NodeCall): Value {
  const { x, dims, block: b } = blocksOf(call);
  const [N, C, H, W] = dims;
  const depth = C / (b * b);
  if (!Number.isInteger(depth)) throw new DataError(`its ${C} channels cannot be split into blocks of ${b}×${b}`);
  const shape = [N, depth, H * b, W * b];
  return call.attrs.text("mode", "DCR") === "CRD"
    ? regrouped(x, [N, depth, b, b, H, W], [0, 1, 4, 2, 5, 3], shape)
    : regrouped(x, [N, b, b, depth, H, W], [0, 3, 4, 1, 5, 2], shape);
}

/** SpaceToDepth: the pixels of a block become channels, the place in the block varying slowest. */
export function spaceToDepth(call: NodeCall): Value {
  const { x, dims, block: b } = blocksOf(call);
  const [N, C, H, W] = dims;
  if (H % b !== 0 || W % b !== 0)
    throw new DataError(`its picture of ${H}×${W} cannot be split into blocks of ${b}×${b}`);
  return regrouped(x, [N, C, H / b, b, W / b, b], [0, 3, 5, 1, 2, 4], [N, C * b * b, H / b, W / b]);
}

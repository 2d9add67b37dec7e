/**
 * Resize and the older Upsample: pictures made larger or smaller. Along each axis the new elements are weighted sums of old
 * ones, so that resizing is a product with a constant matrix; a whole factor without weights is a repetition.
 */

import { VALUES_PER_ENTRY } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { constant } from "../engine/ops/constant.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { expand, reshape } from "../engine/ops/movement.ts";
import { spendWhileTracing } from "../engine/passes/cost.ts";
import { sizeOf } from "../engine/shape.ts";
import { quote } from "../formats/text.ts";
import { axisOf, type NodeCall, need } from "./onnx-call.ts";
import { dimsOf, knownNumbers, type Value } from "./onnx-value.ts";

/** One axis before and after. Coordinates are computed in single precision, as ONNX Runtime does. */
interface Axis {
  readonly from: number;
  readonly to: number;
  /** How much longer it becomes, as the file says. */
  readonly scale: number;
}

const f = Math.fround;
const halfPixel = (i: number, { scale }: Axis): number => f(f(f(i + 0.5) / f(scale)) - 0.5);

/** Where element i of the result lies among the elements that there were. */
const COORDINATES: Readonly<Record<string, (i: number, axis: Axis) => number>> = {
  half_pixel: halfPixel,
  pytorch_half_pixel: (i, axis) => (axis.to > 1 ? halfPixel(i, axis) : 0),
  half_pixel_symmetric: (i, axis) => {
    const adjustment = f(axis.to / f(f(axis.scale) * axis.from));
    const offset = f(f(axis.from / 2) * f(1 - adjustment));
    return f(f(offset + f(f(i + 0.5) / f(axis.scale))) - 0.5);
  },
  align_corners: (i, { from, to }) => (to === 1 ? 0 : f(f(i * (from - 1)) / (to - 1))),
  asymmetric: (i, { scale }) => f(i / f(scale)),
  tf_half_pixel_for_nn: (i, { scale }) => f(f(i + 0.5) / f(scale)),
};

const ROUNDINGS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** What one element is made of: which ones, and how much of each. */
type Taps = readonly (readonly [place: number, weight: number])[];

/** @param x where the element lies @param from how many there were */
function linearTaps(x: number, from: number): Taps {
  const inside = Math.max(0, Math.min(from - 1, x));
  const low = Math.floor(inside);
  return [
    [low, 1 - (inside - low)],
    [Math.min(low + 1, from - 1), inside - low],
  ];
}

/** Keys' cubic convolution (IEEE Trans. ASSP 29, 1981). Elements beyond the edge are the edge's, or left out. */
function cubicTaps(x: number, from: number, a: number, excludeOutside: boolean): Taps {
  const low = Math.floor(x);
  const taps = [-1, 0, 1, 2].map((offset): [number, number] => {
    const d = Math.abs(x - (low + offset));
    const weight = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
    return [low + offset, weight];
  });
  if (!excludeOutside) return taps.map(([place, weight]) => [Math.max(0, Math.min(from - 1, place)), weight]);
  const kept = taps.filter(([place]) => place >= 0 && place < from);
  const total = kept.reduce((sum, [, weight]) => sum + weight, 0);
  return kept.map(([place, weight]) => [place, weight / total]);
}

/** A word among those of a table. */
function chosen<T>(table: Readonly<Record<string, T>>, what: string, word: string): T {
  if (!Object.hasOwn(table, word)) throw new DataError(`its ${what} is ${quote(word)}, which is not supported`);
  return table[word];
}

/** For each axis how each of its elements is made. */
function tapsOf({ attrs, opset }: NodeCall, isOld: boolean): (i: number, axis: Axis) => Taps {
  const coordinates = chosen(
    COORDINATES,
    "coordinate_transformation_mode",
    attrs.text("coordinate_transformation_mode", isOld ? "asymmetric" : "half_pixel"),
  );
  const rounding = chosen(
    ROUNDINGS,
    "nearest_mode",
    attrs.text("nearest_mode", isOld ? "floor" : "round_prefer_floor"),
  );
  const a = attrs.float("cubic_coeff_a", -0.75);
  const excludeOutside = attrs.int("exclude_outside", 0) !== 0;
  if (attrs.int("antialias", 0) !== 0)
    throw new DataError(`its antialias is 1, which is not supported (opset ${opset})`);
  const modes: Readonly<Record<string, (x: number, from: number) => Taps>> = {
    nearest: (x, from) => [[Math.max(0, Math.min(from - 1, rounding(x))), 1]],
    linear: linearTaps,
    bilinear: linearTaps,
    cubic: (x, from) => cubicTaps(x, from, a, excludeOutside),
  };
  const mode = chosen(modes, "mode", attrs.text("mode", "nearest"));
  return (i, axis) => mode(axis.scale === 1 ? i : coordinates(i, axis), axis.from);
}

/** Operations that it costs to find out what one element is made of. */
const TAPS_COST = 500;

/** Resize (scales or sizes, opset 10 and newer) and Upsample. */
export function resize(call: NodeCall, isUpsample: boolean): Value {
  const { attrs, inputs, opset } = call;
  let x = need(call, 0);
  const isOld = isUpsample || opset < 11;
  const policy = attrs.text("keep_aspect_ratio_policy", "stretch");
  if (policy !== "stretch")
    throw new DataError(`its keep_aspect_ratio_policy is ${quote(policy)}, which is not supported`);
  const numbersOf = (i: number, what: string): readonly number[] | undefined => {
    const value = inputs[i];
    if (value === undefined) return undefined;
    const found = knownNumbers(value, what);
    return found.length === 0 ? undefined : found;
  };
  const scales = isUpsample && inputs[1] === undefined ? attrs.floats("scales") : numbersOf(isOld ? 1 : 2, "scales");
  const sizes = isOld ? undefined : numbersOf(3, "sizes");
  const named = attrs.ints("axes", undefined)?.map((axis) => axisOf(x, axis));
  const axes = named ?? x.order.map((_, axis) => axis);
  const wanted = sizes ?? scales;
  if (wanted?.length !== axes.length) throw new DataError("its scales or sizes do not fit its axes");
  const taps = tapsOf(call, isOld);
  for (const [k, axis] of axes.entries()) {
    const from = dimsOf(x)[axis];
    const to = sizes === undefined ? Math.floor(f(from * f(wanted[k]))) : wanted[k];
    // Exported for one batch size, a size of the batch is that of the batch at hand.
    if (axis === 0 && (to === from || (sizes !== undefined && to === (call.fixedBatch ?? 1)))) continue;
    if (!Number.isInteger(to) || to < 1 || to > 65535 || axis === 0) {
      throw new DataError(`its axis ${axis} would be ${to} long instead of ${from}`);
    }
    const scale = sizes === undefined ? wanted[k] : to / from;
    if (to === from && scale === 1) continue;
    spendWhileTracing("operations", TAPS_COST * to, "a resized axis");
    x = resampled(
      x,
      axis,
      Array.from({ length: to }, (_, i) => taps(i, { from, to, scale })),
    );
  }
  return x;
}

/** Makes the elements along an axis anew: `taps[i]` says what the i-th is made of. */
function resampled({ tensor, order }: Value, axis: number, taps: readonly Taps[]): Value {
  const a = order[axis];
  const [length, to] = [tensor.shape[a], taps.length];
  const before = tensor.shape.slice(0, a);
  const after = tensor.shape.slice(a + 1);
  const shape = [...before, to, ...after];
  const factor = to / length;
  const isRepetition =
    Number.isInteger(factor) &&
    taps.every(([[place], ...more], i) => more.length === 0 && place === Math.floor(i / factor));
  if (isRepetition) {
    const apart = reshape(tensor, [...before, length, 1, sizeOf(after)]);
    return { tensor: reshape(expand(apart, [...before, length, factor, sizeOf(after)]), shape), order };
  }
  spendWhileTracing("entries", (to * length) / VALUES_PER_ENTRY, "a resized axis");
  const matrix = new Array<number>(to * length).fill(0);
  for (const [i, list] of taps.entries()) for (const [place, weight] of list) matrix[i * length + place] += weight;
  const rows = reshape(tensor, [...before, length, sizeOf(after)]);
  return { tensor: reshape(matmul(constant(matrix, "float32", [to, length]), rows), shape), order };
}

/**
 * Ops that slide a window over a picture, as ONNX describes them: padding of its own on each side, chosen by rule where
 * `auto_pad` is given, and a last window that may reach over the edge (`ceil_mode`).
 */

import { VALUES_PER_ENTRY } from "../engine/budget.ts";
import { DataError } from "../engine/errors.ts";
import { constant } from "../engine/ops/constant.ts";
import { conv2dInputGradOp, conv2dOp, type Pair } from "../engine/ops/conv.ts";
import { add, maximum, mul } from "../engine/ops/elementwise.ts";
import { pad, slice } from "../engine/ops/movement.ts";
import { avgPool2d, maxPool2d } from "../engine/ops/pool.ts";
import { spendWhileTracing } from "../engine/passes/cost.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import { apply, type Tensor } from "../engine/tensor.ts";
import type { OnnxAttributes } from "./onnx-attributes.ts";
import { arranged, channelsLast, dimsOf, fromChannelsLast, type Value } from "./onnx-value.ts";

/** One axis of a picture under a window. */
interface Axis {
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  /** How far the last window reaches over the padding. */
  readonly over: number;
}

/** All axes behind batch and channels: `size` long, under windows of `kernel`. */
function axesOf(attrs: OnnxAttributes, size: Shape, kernel: Shape): readonly Axis[] {
  const count = size.length;
  const strides = attrs.perAxis("strides", count, 1);
  const dilations = attrs.perAxis("dilations", count, 1);
  const pads = attrs.ints("pads", undefined) ?? new Array<number>(2 * count).fill(0);
  if (pads.length !== 2 * count || !pads.every((n) => Number.isInteger(n) && n >= 0 && n < 65536)) {
    throw new DataError(`its pads are [${pads.slice(0, 8).join(", ")}] and cannot be applied to ${count} axes`);
  }
  const rule = attrs.text("auto_pad", "NOTSET");
  return size.map((length, axis): Axis => {
    const [stride, dilation] = [strides[axis], dilations[axis]];
    const reach = dilation * (kernel[axis] - 1) + 1;
    const common = { length, kernel: kernel[axis], stride, dilation };
    if (rule === "VALID") return { ...common, before: 0, after: 0, over: 0 };
    if (rule === "SAME_UPPER" || rule === "SAME_LOWER") {
      const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
      const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
      return rule === "SAME_UPPER"
        ? { ...common, before: less, after: more, over: 0 }
        : { ...common, before: more, after: less, over: 0 };
    }
    const [before, after] = [pads[axis], pads[axis + count]];
    if (attrs.int("ceil_mode", 0) === 0) return { ...common, before, after, over: 0 };
    const whole = Math.ceil((before + length + after - reach) / stride);
    // A window that begins in the padding at the end is left out.
    const last = whole * stride >= before + length ? whole - 1 : whole;
    return { ...common, before, after, over: Math.max(0, last * stride + reach - (before + length + after)) };
  });
}

function requirePicture(value: Value): void {
  const { length } = value.order;
  if (length !== 4) throw new DataError(`its input has ${length} axes; only pictures (4 axes) are supported`);
}

/** Conv: x [N, C, H, W], weight [O, C / groups, R, S], bias [O]. */
export function convolution(x: Value, weight: Value, bias: Value | undefined, attrs: OnnxAttributes): Value {
  requirePicture(x);
  requirePicture(weight);
  const [, , H, W] = dimsOf(x);
  const [, , R, S] = dimsOf(weight);
  const [rows, columns] = axesOf(attrs, [H, W], [R, S]);
  const y = apply(conv2dOp, [channelsLast(x), arranged(weight, [2, 3, 1, 0])], {
    stride: attrs.pair("strides", [1, 1]),
    padding: [rows.before, rows.after, columns.before, columns.after],
    dilation: attrs.pair("dilations", [1, 1]),
    groups: attrs.int("group", 1),
  });
  return fromChannelsLast(bias === undefined ? y : add(y, bias.tensor));
}

/**
 * ConvTranspose: x [N, C, H, W], weight [C, O / groups, R, S], bias [O]; the gradient of a convolution's input. Its result is
 * as long as what that convolution would make x of: stride·(H − 1) + output padding + reach − padding.
 */
export function transposedConvolution(x: Value, weight: Value, bias: Value | undefined, attrs: OnnxAttributes): Value {
  requirePicture(x);
  requirePicture(weight);
  const sizes = dimsOf(x).slice(2);
  const kernel = dimsOf(weight).slice(2);
  const [stride, dilation] = [attrs.pair("strides", [1, 1]), attrs.pair("dilations", [1, 1])];
  const numbersOf = (name: string, length: number): readonly number[] | undefined => {
    const values = attrs.ints(name, undefined);
    if (
      values !== undefined &&
      (values.length !== length || !values.every((n) => Number.isInteger(n) && n >= 0 && n < 65536))
    ) {
      throw new DataError(`its ${name} is [${values.slice(0, 8).join(", ")}] and cannot be applied to a picture`);
    }
    return values;
  };
  const pads = numbersOf("pads", 4) ?? [0, 0, 0, 0];
  const extra = numbersOf("output_padding", 2) ?? [0, 0];
  const wanted = numbersOf("output_shape", 2);
  const rule = attrs.text("auto_pad", "NOTSET");
  const axes = [0, 1].map((axis) => {
    const whole = stride[axis] * (sizes[axis] - 1) + extra[axis] + dilation[axis] * (kernel[axis] - 1) + 1;
    const isSame = rule === "SAME_UPPER" || rule === "SAME_LOWER";
    const length = wanted?.[axis] ?? (isSame ? sizes[axis] * stride[axis] : undefined);
    if (length === undefined) {
      const [before, after] = rule === "VALID" ? [0, 0] : [pads[axis], pads[axis + 2]];
      return { before, after, length: whole - before - after };
    }
    const total = whole - length;
    if (total < 0) throw new DataError(`its output would be longer (${length}) than its windows reach (${whole})`);
    const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return rule === "SAME_UPPER" ? { before: less, after: more, length } : { before: more, after: less, length };
  });
  if (axes.some(({ length }, axis) => length < 1 || extra[axis] >= stride[axis])) {
    throw new DataError("its padding leaves nothing, or its output_padding is not below its strides");
  }
  const [rows, columns] = axes;
  const groups = attrs.int("group", 1);
  const [, channels] = dimsOf(x);
  if (dimsOf(weight)[0] !== channels || channels % groups !== 0) {
    throw new DataError(
      `its weight ${formatShape(dimsOf(weight))} does not fit ${channels} channels in ${groups} groups`,
    );
  }
  const y = apply(conv2dInputGradOp, [channelsLast(x), arranged(weight, [2, 3, 1, 0])], {
    stride,
    padding: [rows.before, rows.after, columns.before, columns.after],
    dilation,
    groups,
    input: [rows.length, columns.length],
  });
  return fromChannelsLast(bias === undefined ? y : add(y, bias.tensor));
}

/** MaxPool and AveragePool. */
export function pooling(x: Value, attrs: OnnxAttributes, kind: "max" | "average"): Value {
  const size = dimsOf(x).slice(2);
  const axes = axesOf(attrs, size, attrs.perAxis("kernel_shape", size.length));
  const picture = channelsLast(x);
  const countIncludePad = attrs.int("count_include_pad", 0) !== 0;
  if (size.length !== 2 || axes.some(({ dilation }) => dilation !== 1)) {
    return fromChannelsLast(pooledByAxis(picture, axes, kind, countIncludePad));
  }
  const kernel: Pair = [axes[0].kernel, axes[1].kernel];
  const stride: Pair = [axes[0].stride, axes[1].stride];
  const isEven = axes.every(({ before, after, over, kernel: k }) => before === after && over === 0 && 2 * before <= k);
  if (isEven) {
    const padding: Pair = [axes[0].before, axes[1].before];
    return fromChannelsLast(
      kind === "max"
        ? maxPool2d(picture, kernel, { stride, padding })
        : avgPool2d(picture, kernel, { stride, padding, countIncludePad }),
    );
  }
  const sides = axes.map(({ before, after, over }): [number, number] => [before, after + over]);
  const padded = pad(picture, [[0, 0], ...sides, [0, 0]], kind === "max" ? Number.NEGATIVE_INFINITY : 0);
  if (kind === "max") return fromChannelsLast(maxPool2d(padded, kernel, { stride }));
  const averages = avgPool2d(padded, kernel, { stride });
  return fromChannelsLast(mul(averages, corrections(axes, countIncludePad)));
}

/** Windows with gaps, or over another number of axes than two: along one axis after the other. x is [N, …, C]. */
function pooledByAxis(
  picture: Tensor,
  axes: readonly Axis[],
  kind: "max" | "average",
  countIncludePad: boolean,
): Tensor {
  const sides = axes.map(({ before, after, over }): [number, number] => [before, after + over]);
  const padded = pad(picture, [[0, 0], ...sides, [0, 0]], kind === "max" ? Number.NEGATIVE_INFINITY : 0);
  return axes.reduce((x, axis, k) => {
    const { kernel, stride, dilation } = axis;
    if (kernel === 1 && stride === 1) return x;
    const reach = x.shape[k + 1] - dilation * (kernel - 1);
    if (reach < 1) throw new DataError(`its window of ${kernel} does not fit into ${formatShape(x.shape)}`);
    const taps = Array.from({ length: kernel }, (_, r) =>
      slice(
        x,
        x.shape.map((_, a) => (a === k + 1 ? { start: r * dilation, end: r * dilation + reach, step: stride } : {})),
      ),
    );
    if (kind === "max") return taps.reduce((most, tap) => maximum(most, tap));
    const shares = countsOf(axis, countIncludePad).map((count) => 1 / Math.max(count, 1));
    const shape = x.shape.map((_, a) => (a === k + 1 ? shares.length : 1));
    return mul(
      taps.reduce((total, tap) => add(total, tap)),
      constant(shares, "float32", shape),
    );
  }, padded);
}

/** Operations that it costs to look whether a place counts. */
const PLACE_COST = 50;

/** How many elements under each window along an axis an average is divided by. */
function countsOf(axis: Axis, countIncludePad: boolean): number[] {
  const { length, kernel, stride, dilation, before, after, over } = axis;
  const positions = Math.floor((before + length + after + over - dilation * (kernel - 1) - 1) / stride) + 1;
  spendWhileTracing("operations", PLACE_COST * Math.max(0, positions) * kernel, "the edges of a pooling");
  const [first, end] = countIncludePad ? [0, before + length + after] : [before, before + length];
  return Array.from({ length: positions }, (_, i) => {
    const places = Array.from({ length: kernel }, (_, r) => i * stride + r * dilation);
    return places.filter((place) => place >= first && place < end).length;
  });
}

/** What averages over whole windows are multiplied by, so that only what counts was divided by: [1, P, Q, 1]. */
function corrections(axes: readonly Axis[], countIncludePad: boolean): Tensor {
  const [rows, columns] = axes.map((axis) =>
    countsOf(axis, countIncludePad).map((count) => axis.kernel / Math.max(count, 1)),
  );
  spendWhileTracing("entries", (rows.length * columns.length) / VALUES_PER_ENTRY, "the edges of a pooling");
  const factors = rows.flatMap((row) => columns.map((column) => row * column));
  return constant(factors, "float32", [1, rows.length, columns.length, 1]);
}

/**
 * Ops that slide a window over a picture, as ONNX describes them: padding of its own on each side, chosen by rule where
 * `auto_pad` is given, and a last window that may reach over the edge (`ceil_mode`).
 */
import { DataError } from "../engine/errors.ts";
import { constant } from "../engine/ops/constant.ts";
import { conv2dOp, type Pair } from "../engine/ops/conv.ts";
import { add, mul } from "../engine/ops/elementwise.ts";
import { pad } from "../engine/ops/movement.ts";
import { avgPool2d, maxPool2d } from "../engine/ops/pool.ts";
import { apply, type Tensor } from "../engine/tensor.ts";
import type { OnnxAttributes } from "./onnx-attributes.ts";
import { arranged, channelsLast, dimsOf, fromChannelsLast, type Value } from "./onnx-value.ts";

/** One axis of a picture under a window. */
interface Axis {
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
  /** How far the last window reaches over the padding. */
  readonly over: number;
}

function axesOf(attrs: OnnxAttributes, size: Pair, kernel: Pair): readonly [Axis, Axis] {
  const strides = attrs.pair("strides", [1, 1]);
  const dilations = attrs.pair("dilations", [1, 1]);
  const pads = attrs.ints("pads", [0, 0, 0, 0]);
  if (pads.length !== 4 || !pads.every((n) => Number.isInteger(n) && n >= 0 && n < 65536)) {
    throw new DataError(`its pads are [${pads.slice(0, 8).join(", ")}] and cannot be applied to a picture`);
  }
  const rule = attrs.text("auto_pad", "NOTSET");
  const [rows, columns] = [0, 1].map((axis): Axis => {
    const [length, stride] = [size[axis], strides[axis]];
    const reach = dilations[axis] * (kernel[axis] - 1) + 1;
    const common = { length, kernel: kernel[axis], stride };
    if (rule === "VALID") return { ...common, before: 0, after: 0, over: 0 };
    if (rule === "SAME_UPPER" || rule === "SAME_LOWER") {
      const total = Math.max(0, (Math.ceil(length / stride) - 1) * stride + reach - length);
      const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
      return rule === "SAME_UPPER"
        ? { ...common, before: less, after: more, over: 0 }
        : { ...common, before: more, after: less, over: 0 };
    }
    const [before, after] = [pads[axis], pads[axis + 2]];
    if (attrs.int("ceil_mode", 0) === 0) return { ...common, before, after, over: 0 };
    const whole = Math.ceil((before + length + after - reach) / stride);
    // A window that begins in the padding at the end is left out.
    const last = whole * stride >= before + length ? whole - 1 : whole;
    return { ...common, before, after, over: Math.max(0, last * stride + reach - (before + length + after)) };
  });
  return [rows, columns];
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

/** MaxPool and AveragePool. */
export function pooling(x: Value, attrs: OnnxAttributes, kind: "max" | "average"): Value {
  requirePicture(x);
  if (attrs.pair("dilations", [1, 1]).some((dilation) => dilation !== 1)) {
    throw new DataError("its windows have gaps (dilations), which pooling does not support");
  }
  const [, , H, W] = dimsOf(x);
  const kernel = attrs.pair("kernel_shape", [0, 0]);
  const axes = axesOf(attrs, [H, W], kernel);
  const stride: Pair = [axes[0].stride, axes[1].stride];
  const picture = channelsLast(x);
  const isEven = axes.every(({ before, after, over, kernel: k }) => before === after && over === 0 && 2 * before <= k);
  const countIncludePad = attrs.int("count_include_pad", 0) !== 0;
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

/** What averages over whole windows are multiplied by, so that only what counts was divided by: [1, P, Q, 1]. */
function corrections(axes: readonly Axis[], countIncludePad: boolean): Tensor {
  const [rows, columns] = axes.map(({ length, kernel, stride, before, after, over }) => {
    const positions = Math.floor((before + length + after + over - kernel) / stride) + 1;
    const [first, end] = countIncludePad ? [0, before + length + after] : [before, before + length];
    return Array.from({ length: positions }, (_, i) => {
      const counted = Math.min(i * stride + kernel, end) - Math.max(i * stride, first);
      return kernel / Math.max(counted, 1);
    });
  });
  const factors = rows.flatMap((row) => columns.map((column) => row * column));
  return constant(factors, "float32", [1, rows.length, columns.length, 1]);
}

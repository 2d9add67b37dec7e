/**
 * Convolutions. Activations are [N, H, W, C] (channels last), weights [kH, kW, C / groups, O]: the layout in which
 * vectors run over output channels. nn.Conv2d keeps PyTorch's [O, C / groups, kH, kW] and permutes while tracing.
 * Axis letters here: N samples, H × W input, P × Q output pixels, C input and O output channels, R × S kernel.
 */
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";
import { apply, type Primitive, type Reference, type Spec, type Tensor } from "../tensor.ts";
import { constant } from "./constant.ts";
import { flip, permute, place, reshape, slice } from "./movement.ts";
import { mapFirst, requireRank, requireType } from "./op-helpers.ts";
import { type AttrChecks, list, MOST, positivePair, whole } from "./stored.ts";

export type Pair = readonly [height: number, width: number];

export interface ConvAttrs {
  readonly stride: Pair;
  /** Rows and columns of zeros around the picture: top, bottom, left, right. */
  readonly padding: readonly [top: number, bottom: number, left: number, right: number];
  readonly dilation: Pair;
  readonly groups: number;
}

export interface ConvWeightGradAttrs extends ConvAttrs {
  /** Kernel height and width, R × S. */
  readonly kernel: Pair;
}

/** Output positions along one axis. */
export function convLength(length: number, kernel: number, stride: number, padding: number, dilation: number): number {
  return Math.floor((length + padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

function outputSize(
  op: string,
  x: Spec,
  [R, S]: Pair,
  { stride, padding, dilation }: ConvAttrs,
): [P: number, Q: number] {
  const [, H, W] = x.shape;
  const P = convLength(H, R, stride[0], padding[0] + padding[1], dilation[0]);
  const Q = convLength(W, S, stride[1], padding[2] + padding[3], dilation[1]);
  if (P < 1 || Q < 1) {
    throw new ShapeError(
      `${op}: a ${R}×${S} kernel with dilation ${dilation[0]} does not fit into ${formatShape(x.shape)}; pad more or pool less`,
    );
  }
  return [P, Q];
}

export interface ConvInputGradAttrs extends ConvAttrs {
  /** Height and width of the convolution's input. */
  readonly input: Pair;
}

const convChecks: AttrChecks<ConvAttrs> = {
  stride: positivePair,
  padding: list(whole(0, 65535), 4),
  dilation: positivePair,
  groups: whole(1, MOST),
};

export const conv2dOp: Primitive<ConvAttrs> = {
  name: "conv2d",
  layer: { kind: "Conv2d", completed: "Conv2d" },
  stored: { inputs: [2, 2], attrs: convChecks },
  infer: ([x, w], attrs) => {
    requireType("conv2d", x, "float32");
    requireRank("conv2d", x, 4, "[batch, height, width, channels]");
    requireRank("conv2d", w, 4, "[kernel height, kernel width, channels / groups, output channels]", "weight");
    const [R, S, depth, O] = w.shape;
    const { groups } = attrs;
    if (x.shape[3] !== depth * groups) {
      throw new ShapeError(
        `conv2d: input ${formatShape(x.shape)} has ${x.shape[3]} channels but the weight expects ${depth * groups}; channels are the last axis`,
      );
    }
    if (O % groups !== 0) throw new ShapeError(`conv2d: ${O} output channels cannot be split into ${groups} groups`);
    const [P, Q] = outputSize("conv2d", x, [R, S], attrs);
    return { shape: [x.shape[0], P, Q, O], dtype: "float32" };
  },
  batch: mapFirst,
  gradient: (g, { inputs: [x, w], attrs }) => [
    apply(conv2dInputGradOp, [g, w], { ...attrs, input: [x.shape[1], x.shape[2]] }),
    apply(conv2dWeightGradOp, [x, g], { ...attrs, kernel: [w.shape[0], w.shape[1]] }),
  ],
};

export const conv2dReference: Reference<ConvAttrs> = ([x, w], y, attrs) => {
  visitTaps(x.shape, y.shape, [w.shape[0], w.shape[1]], attrs, (atX, atW, atY) => {
    y.data[atY] += x.data[atX] * w.data[atW];
  });
};

/** The gradient of a convolution's input: every g is spread over the pixels that it was summed from. */
export const conv2dInputGradOp: Primitive<ConvInputGradAttrs> = {
  name: "conv2dInputGrad",
  layer: { kind: "ConvTranspose2d" },
  stored: { inputs: [2, 2], attrs: { ...convChecks, input: positivePair }, fits: transposedFits },
  infer: ([g, w], { input, groups }) => ({ shape: [g.shape[0], ...input, w.shape[2] * groups], dtype: "float32" }),
  batch: mapFirst,
  gradient: (d, { inputs: [g, w], attrs: { input: _, ...attrs } }) => [
    apply(conv2dOp, [d, w], attrs),
    apply(conv2dWeightGradOp, [d, g], { ...attrs, kernel: [w.shape[0], w.shape[1]] }),
  ],
};

export const conv2dInputGradReference: Reference<ConvInputGradAttrs> = ([g, w], dx, attrs) => {
  visitTaps(dx.shape, g.shape, [w.shape[0], w.shape[1]], attrs, (atX, atW, atY) => {
    dx.data[atX] += g.data[atY] * w.data[atW];
  });
};

/** As a layer of its own (a transposed convolution): the convolution that it belongs to must make g of its result. */
function transposedFits([g, w]: readonly Tensor[], attrs: ConvInputGradAttrs): string | undefined {
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

export const conv2dWeightGradOp: Primitive<ConvWeightGradAttrs> = {
  name: "conv2dWeightGrad",
  infer: ([x, g], { kernel, groups }) => ({
    shape: [...kernel, x.shape[3] / groups, g.shape[3]],
    dtype: "float32",
  }),
  batch: ([x, g]) => (x && g ? "sum" : "whole"),
  gradient: null,
};

export const conv2dWeightGradReference: Reference<ConvWeightGradAttrs> = ([x, g], dw, attrs) => {
  visitTaps(x.shape, g.shape, attrs.kernel, attrs, (atX, atW, atY) => {
    dw.data[atW] += x.data[atX] * g.data[atY];
  });
};

/** Calls `visit` for every multiplication of a convolution, with the offsets of its input, weight and output element. */
function visitTaps(
  [N, H, W, C]: Shape,
  [, P, Q, O]: Shape,
  [R, S]: Pair,
  { stride, padding, dilation, groups }: ConvAttrs,
  visit: (atX: number, atW: number, atY: number) => void,
): void {
  const depth = C / groups;
  const width = O / groups;
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let r = 0; r < R; r++) {
          for (let s = 0; s < S; s++) {
            const h = p * stride[0] + r * dilation[0] - padding[0];
            const w = q * stride[1] + s * dilation[1] - padding[2];
            if (h < 0 || h >= H || w < 0 || w >= W) continue;
            for (let o = 0; o < O; o++) {
              const group = Math.floor(o / width);
              for (let c = 0; c < depth; c++) {
                visit(
                  ((n * H + h) * W + w) * C + group * depth + c,
                  ((r * S + s) * depth + c) * O + o,
                  ((n * P + p) * Q + q) * O + o,
                );
              }
            }
          }
        }
      }
    }
  }
}

/**
 * {@link conv2dInputGradOp} as a convolution: of g with the weights turned by 180° and their channel axes swapped; a stride
 * becomes zeros between the elements of g. Padding of the turned convolution is dilation·(kernel − 1) − padding; where
 * that is negative, g is cut instead.
 */
export function turnedConvolution(
  g: Tensor,
  w: Tensor,
  { stride, padding, dilation, groups, input: [H, W] }: ConvInputGradAttrs,
): Tensor {
  const [R, S, depth, O] = w.shape;
  const [N, C] = [g.shape[0], depth * groups];
  const size = [H, W];
  const axes = [0, 1].map((axis) => {
    const reach = dilation[axis] * ([R, S][axis] - 1);
    const before = reach - padding[2 * axis];
    // g, spread out by the stride, must cover every input position: spread + before + after − reach = size
    const spread = (g.shape[1 + axis] - 1) * stride[axis] + 1;
    const after = size[axis] + reach - before - spread;
    return { before, after, spread };
  });
  let spread = g;
  if (stride[0] !== 1 || stride[1] !== 1) {
    spread = place(g, {
      starts: [0, 0, 0, 0],
      steps: [1, stride[0], stride[1], 1],
      shape: [N, axes[0].spread, axes[1].spread, O],
      fill: 0,
    });
  }
  const cut = axes.map(({ before, after, spread: length }) => ({
    start: Math.max(-before, 0),
    end: length + Math.min(after, 0),
  }));
  // Every output may lie in the padding: then no gradient reaches the input.
  if (cut.some(({ start, end }) => start >= end)) return constant(0, "float32", [N, H, W, C]);
  if (axes.some(({ before, after }) => before < 0 || after < 0)) spread = slice(spread, [{}, cut[0], cut[1], {}]);
  // [R, S, C/G, G·O/G] → [R, S, O/G, G·C/G]
  const split = reshape(flip(w, [0, 1]), [R, S, depth, groups, O / groups]);
  const turned = reshape(permute(split, [0, 1, 4, 3, 2]), [R, S, O / groups, C]);
  const [rows, columns] = axes.map(({ before, after }) => [Math.max(before, 0), Math.max(after, 0)]);
  const full: ConvAttrs = { stride: [1, 1], padding: [rows[0], rows[1], columns[0], columns[1]], dilation, groups };
  return apply(conv2dOp, [spread, turned], full);
}

export interface ConvOptions {
  /** Default 1. */
  readonly stride?: number | Pair | undefined;
  /** A number of zeros on every side, [height, width], "valid" (none, the default) or "same" (output = input / stride). */
  readonly padding?: number | Pair | "same" | "valid" | undefined;
  /** Default 1. */
  readonly dilation?: number | Pair | undefined;
  /** Default 1; the number of channels for a depthwise convolution. */
  readonly groups?: number | undefined;
}

/** A number stands for both axes. */
export const pair = (value: number | Pair): Pair => (typeof value === "number" ? [value, value] : value);

/**
 * 2-D convolution (cross-correlation, as everywhere in deep learning).
 * @param x [N, H, W, C]  @param weight [R, S, C / groups, O]  @returns [N, P, Q, O]
 */
export function conv2d(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  const stride = pair(options.stride ?? 1);
  const dilation = pair(options.dilation ?? 1);
  requireRank("conv2d", x, 4, "[batch, height, width, channels]");
  const padding = resolvePadding(
    options.padding ?? 0,
    [x.shape[1], x.shape[2]],
    [weight.shape[0], weight.shape[1]],
    stride,
    dilation,
  );
  return apply(conv2dOp, [x, weight], { stride, padding, dilation, groups: options.groups ?? 1 });
}

function resolvePadding(
  padding: number | Pair | "same" | "valid",
  size: Pair,
  kernel: Pair,
  stride: Pair,
  dilation: Pair,
): ConvAttrs["padding"] {
  if (padding === "valid") return [0, 0, 0, 0];
  if (padding === "same") {
    const [rows, columns] = [0, 1].map((axis) => {
      const output = Math.ceil(size[axis] / stride[axis]);
      const total = Math.max(0, (output - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1 - size[axis]);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
    return [rows[0], rows[1], columns[0], columns[1]];
  }
  const [height, width] = pair(padding);
  return [height, height, width, width];
}

/** Pooling over windows of [N, H, W, C]: maximum, average, adaptive average. */
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape } from "../shape.ts";
import { apply, type Primitive, type Reference, type Spec, type Tensor } from "../tensor.ts";
import { constant } from "./constant.ts";
import { convLength, type Pair, pair } from "./conv.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./movement.ts";
import { requireRank, requireType } from "./op-helpers.ts";
import { mean } from "./reduce.ts";
import { type AttrChecks, list, positivePair, truth, whole } from "./stored.ts";

export interface PoolAttrs {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
}

export interface AvgPoolAttrs extends PoolAttrs {
  /** Whether padded zeros count in the divisor (PyTorch's default). */
  readonly countIncludePad: boolean;
}

export interface AvgPoolGradAttrs extends AvgPoolAttrs {
  /** Shape of the pooled input. */
  readonly inputShape: Shape;
}

export interface MaxPoolGradAttrs extends PoolAttrs {
  /** Shape of the pooled input. */
  readonly inputShape: Shape;
}

const poolChecks: AttrChecks<PoolAttrs> = {
  kernel: positivePair,
  stride: positivePair,
  padding: list(whole(0, 65535), 2),
};

function poolShape(op: string, x: Spec, { kernel, stride, padding }: PoolAttrs): Spec {
  requireType(op, x, "float32");
  requireRank(op, x, 4, "[batch, height, width, channels]");
  if (padding.some((p, axis) => 2 * p > kernel[axis])) {
    throw new ShapeError(
      `${op}: padding ${formatShape(padding)} must be at most half of the kernel ${formatShape(kernel)}`,
    );
  }
  const [N, H, W, C] = x.shape;
  const P = convLength(H, kernel[0], stride[0], 2 * padding[0], 1);
  const Q = convLength(W, kernel[1], stride[1], 2 * padding[1], 1);
  if (P < 1 || Q < 1) {
    throw new ShapeError(
      `${op}: a ${kernel[0]}×${kernel[1]} window does not fit into ${formatShape(x.shape)}; pool fewer times`,
    );
  }
  return { shape: [N, P, Q, C], dtype: "float32" };
}

/** An element of a window: its offset in the input, and its number in the window, counted row by row. */
interface Tap {
  readonly at: number;
  readonly number: number;
}

/** Calls `visit(atY, window)` for every output element; `window` lists the input elements under it. */
function visitWindows(
  [, H, W, C]: Shape,
  [N, P, Q]: Shape,
  { kernel, stride, padding }: PoolAttrs,
  visit: (atY: number, window: readonly Tap[]) => void,
): void {
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let c = 0; c < C; c++) {
          const window: Tap[] = [];
          for (let r = 0; r < kernel[0]; r++) {
            for (let s = 0; s < kernel[1]; s++) {
              const h = p * stride[0] + r - padding[0];
              const w = q * stride[1] + s - padding[1];
              if (h < 0 || h >= H || w < 0 || w >= W) continue;
              window.push({ at: ((n * H + h) * W + w) * C + c, number: r * kernel[1] + s });
            }
          }
          visit(((n * P + p) * Q + q) * C + c, window);
        }
      }
    }
  }
}

/** The first largest element of a window, in scan order (PyTorch's choice at ties). */
function firstLargest(data: ArrayLike<number>, window: readonly Tap[]): Tap {
  return window.reduce((best, tap) => (data[tap.at] > data[best.at] ? tap : best), window[0]);
}

// The gradient goes to the first largest element of each window. Which one that was is kept, one small number for each
// window, so that nobody needs the input any more.
export const maxPool2dOp: Primitive<PoolAttrs> = {
  name: "maxPool2d",
  layer: { kind: "MaxPool2d" },
  stored: { inputs: [1, 1], attrs: poolChecks },
  infer: ([x], attrs) => poolShape("maxPool2d", x, attrs),
  batch: () => "map",
  gradient: (g, { inputs: [x], attrs }) => {
    const winners = apply(maxPool2dWinnersOp, [x], attrs);
    return [apply(maxPool2dGradOp, [winners, g], { ...attrs, inputShape: x.shape })];
  },
};

export const maxPool2dReference: Reference<PoolAttrs> = ([x], y, attrs) => {
  visitWindows(x.shape, y.shape, attrs, (at, window) => {
    y.data[at] = x.data[firstLargest(x.data, window).at];
  });
};

/** The first largest element of each window, as its number in the window, row by row: 0 … kH·kW − 1. */
export const maxPool2dWinnersOp: Primitive<PoolAttrs> = {
  name: "maxPool2dWinners",
  infer: ([x], attrs) => ({ ...poolShape("maxPool2dWinners", x, attrs), dtype: "int32" }),
  batch: () => "map",
  gradient: null,
};

export const maxPool2dWinnersReference: Reference<PoolAttrs> = ([x], winners, attrs) => {
  visitWindows(x.shape, winners.shape, attrs, (at, window) => {
    winners.data[at] = firstLargest(x.data, window).number;
  });
};

/** Sends the gradient of each window to its winner. Inputs: winners, gradient. */
export const maxPool2dGradOp: Primitive<MaxPoolGradAttrs> = {
  name: "maxPool2dGrad",
  infer: (_, { inputShape }) => ({ shape: inputShape, dtype: "float32" }),
  batch: ([winners, g]) => (winners && g ? "map" : "whole"),
  gradient: null,
};

export const maxPool2dGradReference: Reference<MaxPoolGradAttrs> = ([winners, g], dx, attrs) => {
  visitWindows(dx.shape, g.shape, attrs, (at, window) => {
    const winner = window.find(({ number }) => number === winners.data[at]);
    if (winner !== undefined) dx.data[winner.at] += g.data[at];
  });
};

/** The number that a window is divided by. */
export function divisor({ kernel, countIncludePad }: AvgPoolAttrs, elements: number): number {
  return countIncludePad ? kernel[0] * kernel[1] : elements;
}

export const avgPool2dOp: Primitive<AvgPoolAttrs> = {
  name: "avgPool2d",
  layer: { kind: "AvgPool2d" },
  stored: { inputs: [1, 1], attrs: { ...poolChecks, countIncludePad: truth } },
  infer: ([x], attrs) => poolShape("avgPool2d", x, attrs),
  batch: () => "map",
  gradient: (g, { inputs: [x], attrs }) => [apply(avgPool2dGradOp, [g], { ...attrs, inputShape: x.shape })],
};

export const avgPool2dReference: Reference<AvgPoolAttrs> = ([x], y, attrs) => {
  visitWindows(x.shape, y.shape, attrs, (at, window) => {
    y.data[at] = window.reduce((total, from) => total + x.data[from.at], 0) / divisor(attrs, window.length);
  });
};

export const avgPool2dGradOp: Primitive<AvgPoolGradAttrs> = {
  name: "avgPool2dGrad",
  infer: (_, { inputShape }) => ({ shape: inputShape, dtype: "float32" }),
  batch: () => "map",
  gradient: null,
};

export const avgPool2dGradReference: Reference<AvgPoolGradAttrs> = ([g], dx, attrs) => {
  visitWindows(dx.shape, g.shape, attrs, (at, window) => {
    for (const to of window) dx.data[to.at] += g.data[at] / divisor(attrs, window.length);
  });
};

export interface PoolOptions {
  /** Default: the kernel size, so that windows do not overlap. */
  readonly stride?: number | Pair | undefined;
  /** Default 0. */
  readonly padding?: number | Pair | undefined;
}

const poolAttrs = (kernel: number | Pair, { stride, padding }: PoolOptions): PoolAttrs => ({
  kernel: pair(kernel),
  stride: pair(stride ?? kernel),
  padding: pair(padding ?? 0),
});

/** Largest element of each window: [N, H, W, C] → [N, P, Q, C]. */
export function maxPool2d(x: Tensor, kernel: number | Pair, options: PoolOptions = {}): Tensor {
  return apply(maxPool2dOp, [x], poolAttrs(kernel, options));
}

/** Mean of each window: [N, H, W, C] → [N, P, Q, C]. */
export function avgPool2d(
  x: Tensor,
  kernel: number | Pair,
  options: PoolOptions & { readonly countIncludePad?: boolean | undefined } = {},
): Tensor {
  return apply(avgPool2dOp, [x], { ...poolAttrs(kernel, options), countIncludePad: options.countIncludePad ?? true });
}

/** Mean over the whole picture: [N, H, W, C] → [N, C]. */
export function globalAvgPool2d(x: Tensor): Tensor {
  requireRank("globalAvgPool2d", x, 4, "[batch, height, width, channels]");
  return mean(x, [1, 2]);
}

/**
 * Average pooling to a given output size, as torch.nn.AdaptiveAvgPool2d: window i covers floor(i·H/P) … ceil((i+1)·H/P).
 * Where the size divides evenly this is avgPool2d; otherwise rows and columns are averaged by two constant matrices.
 */
export function adaptiveAvgPool2d(x: Tensor, size: number | Pair): Tensor {
  requireRank("adaptiveAvgPool2d", x, 4, "[batch, height, width, channels]");
  const [N, H, W, C] = x.shape;
  const [P, Q] = pair(size);
  if (P === 1 && Q === 1) return mean(x, [1, 2], true);
  if (H % P === 0 && W % Q === 0) return avgPool2d(x, [H / P, W / Q]);
  const rows = matmul(averaging(P, H), reshape(x, [N, H, W * C])); // [N, P, W·C]
  const columns = matmul(averaging(Q, W), reshape(rows, [N, P, W, C])); // [N, P, Q, C]
  return columns;
}

/** The matrix [to, from] whose row i averages window i. */
function averaging(to: number, from: number): Tensor {
  const values = new Array<number>(to * from).fill(0);
  for (let i = 0; i < to; i++) {
    const start = Math.floor((i * from) / to);
    const end = Math.ceil(((i + 1) * from) / to);
    for (let j = start; j < end; j++) values[i * from + j] = 1 / (end - start);
  }
  return constant(values, "float32", [to, from]);
}

/**
 * Lowered convolutions: what legalize.ts makes of a graph's convolutions, for kernels that want weights in the order in
 * which they read them. Each is an op of its own, with plain loops as its specification; graphs outside of a backend have
 * none. Axis letters as in ops/conv.ts.
 */
import { type ConvAttrs, type ConvInputGradAttrs, conv2dReference, convLength, type Pair } from "../ops/conv.ts";
import { mapFirst } from "../ops/op-helpers.ts";
import { type Shape, sizeOf, stridesOf } from "../shape.ts";
import type { NdArray, Primitive, Reference } from "../tensor.ts";
import { type Matrix, outputTiling, type Tiling, transposed, weightGradTiling } from "./filtering.ts";

/** Output channels of a panel: two vectors of four. */
export const PANEL = 8;

export interface PanelConvAttrs extends ConvAttrs {
  /** Kernel height and width, R × S. */
  readonly kernel: Pair;
}

/** conv2d with weights [O / PANEL, R, S, C, PANEL]. */
export const conv2dPanelsOp: Primitive<PanelConvAttrs> = {
  name: "conv2dPanels",
  infer: ([x, w], { kernel, stride, padding, dilation }) => {
    const [P, Q] = [0, 1].map((axis) => {
      const around = padding[2 * axis] + padding[2 * axis + 1];
      return convLength(x.shape[1 + axis], kernel[axis], stride[axis], around, dilation[axis]);
    });
    return { shape: [x.shape[0], P, Q, w.shape[0] * PANEL], dtype: "float32" };
  },
  batch: mapFirst,
  gradient: null,
};

export const conv2dPanelsReference: Reference<PanelConvAttrs> = ([x, w], y, { kernel: [R, S], ...attrs }) => {
  const C = x.shape[3];
  const rows = fromPanels(w.data, w.shape[0], R * S * C); // [R·S·C, O]
  conv2dReference([x, { shape: [R, S, C, w.shape[0] * PANEL], data: rows }], y, attrs);
};

/** [panels, rows, PANEL] → [rows, panels·PANEL]. */
function fromPanels(panels: NdArray["data"], count: number, rows: number): Float64Array {
  const wide = count * PANEL;
  return Float64Array.from({ length: rows * wide }, (_, i) => {
    const [row, o] = [Math.floor(i / wide), i % wide];
    return panels[(Math.floor(o / PANEL) * rows + row) * PANEL + (o % PANEL)];
  });
}

export interface WinogradConvAttrs {
  /** Kernel size, which picks the filtering. */
  readonly size: number;
  /** Height and width of what is asked for; the tiles may make more. */
  readonly output: Pair;
}

/**
 * A convolution of stride 1 by Winograd's method (filtering.ts): the input is padded to whole tiles, weights are
 * [O / PANEL, positions, C, PANEL].
 */
export const conv2dWinogradOp: Primitive<WinogradConvAttrs> = {
  name: "conv2dWinograd",
  infer: ([x, w], { output }) => ({ shape: [x.shape[0], ...output, w.shape[0] * PANEL], dtype: "float32" }),
  batch: mapFirst,
  gradient: null,
};

export const conv2dWinogradReference: Reference<WinogradConvAttrs> = ([x, w], y, { size, output }) => {
  const [N, , , C] = x.shape;
  const tiling = outputTiling(size, ...output);
  const { filtering, side, positions } = tiling;
  const O = w.shape[0] * PANEL;
  const weights = fromPanels(w.data, w.shape[0], positions * C); // [positions, C, O]
  overTiles(N, tiling, (n, top, left) => {
    const inputs = tileOf(x, n, [top * side, left * side], filtering.inputs, filtering.input);
    const made = products(inputs, weights, positions, C, O); // [positions, O]
    addTile(y, n, [top * side, left * side], made, filtering.output);
  });
};

export interface WinogradInputGradAttrs extends Pick<ConvInputGradAttrs, "input" | "padding"> {
  /** Kernel size, which picks the filtering. */
  readonly size: number;
}

/** The input gradient of such a convolution: g is padded to whole tiles, weights are [C / PANEL, positions, O, PANEL]. */
export const conv2dInputGradWinogradOp: Primitive<WinogradInputGradAttrs> = {
  name: "conv2dInputGradWinograd",
  infer: ([g, w], { input }) => ({ shape: [g.shape[0], ...input, w.shape[0] * PANEL], dtype: "float32" }),
  batch: mapFirst,
  gradient: null,
};

export const conv2dInputGradWinogradReference: Reference<WinogradInputGradAttrs> = ([g, w], dx, { size, padding }) => {
  const [N, P, Q, O] = g.shape;
  const tiling = outputTiling(size, P, Q);
  const { filtering, side, positions } = tiling;
  const C = w.shape[0] * PANEL;
  const weights = fromPanels(w.data, w.shape[0], positions * O); // [positions, O, C]
  overTiles(N, tiling, (n, row, column) => {
    const place: Pair = [row * side, column * side];
    const gradients = tileOf(g, n, place, side, transposed(filtering.output));
    const made = products(gradients, weights, positions, O, C); // [positions, C]
    addTile(dx, n, [place[0] - padding[0], place[1] - padding[2]], made, transposed(filtering.input));
  });
};

export interface WinogradWeightGradAttrs {
  /** Kernel size, which picks the filtering. */
  readonly size: number;
}

/** Its weight gradient, but for the last transform: both operands are padded to whole tiles, the result is [positions, C, O]. */
export const conv2dWeightGradWinogradOp: Primitive<WinogradWeightGradAttrs> = {
  name: "conv2dWeightGradWinograd",
  infer: ([x, g], { size }) => {
    const [, P, Q, O] = g.shape;
    return { shape: [weightGradTiling(size, P, Q).positions, x.shape[3], O], dtype: "float32" };
  },
  batch: ([x, g]) => (x && g ? "sum" : "whole"),
  gradient: null,
};

export const conv2dWeightGradWinogradReference: Reference<WinogradWeightGradAttrs> = ([x, g], sums, { size }) => {
  const [N, P, Q, O] = g.shape;
  const C = x.shape[3];
  const tiling = weightGradTiling(size, P, Q);
  const { filtering, side, positions } = tiling;
  overTiles(N, tiling, (n, row, column) => {
    const place: Pair = [row * side, column * side];
    const inputs = tileOf(x, n, place, filtering.inputs, filtering.input); // [positions, C]
    const gradients = tileOf(g, n, place, side, filtering.weight); // [positions, O]
    for (let at = 0; at < positions * C * O; at++) {
      const [row, o] = [Math.floor(at / O), at % O]; // row of [positions, C]
      sums.data[at] += inputs[row] * gradients[Math.floor(row / C) * O + o];
    }
  });
};

function overTiles(
  samples: number,
  { rows, columns }: Tiling,
  visit: (n: number, row: number, column: number) => void,
) {
  for (let n = 0; n < samples; n++) {
    for (let row = 0; row < rows; row++) for (let column = 0; column < columns; column++) visit(n, row, column);
  }
}

/** M X Mᵀ of the tile of `size` × `size` pixels at a place, for every channel: [positions, channels]. */
function tileOf({ shape, data }: NdArray, n: number, [h, w]: Pair, size: number, matrix: Matrix): Float64Array {
  const channels = shape[3];
  const strides = stridesOf(shape);
  return sandwich(
    matrix,
    size,
    channels,
    (i, j, c) => data[n * strides[0] + (h + i) * strides[1] + (w + j) * channels + c],
  );
}

/** M X Mᵀ for every channel of X, `size` × `size`. */
function sandwich(
  matrix: Matrix,
  size: number,
  channels: number,
  read: (i: number, j: number, channel: number) => number,
): Float64Array {
  const t = matrix.length;
  const made = new Float64Array(t * t * channels);
  for (let at = 0; at < made.length; at++) {
    const [a, b, c] = [Math.floor(at / channels / t), Math.floor(at / channels) % t, at % channels];
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) made[at] += matrix[a][i] * matrix[b][j] * read(i, j, c);
    }
  }
  return made;
}

/** Of every position: row [depth] times matrix [depth, width]. */
function products(left: Float64Array, right: Float64Array, positions: number, depth: number, width: number) {
  const made = new Float64Array(positions * width);
  for (let at = 0; at < made.length; at++) {
    const [position, column] = [Math.floor(at / width), at % width];
    for (let k = 0; k < depth; k++) {
      made[at] += left[position * depth + k] * right[(position * depth + k) * width + column];
    }
  }
  return made;
}

/** Adds M X Mᵀ of products X to the pixels from a place on, as far as there are any. */
function addTile({ shape, data }: NdArray, n: number, [top, left]: Pair, values: Float64Array, matrix: Matrix): void {
  const [, H, W, channels] = shape as Shape;
  const size = matrix[0].length;
  const [, row, pixel] = stridesOf(shape);
  const tile = sandwich(matrix, size, channels, (i, j, c) => values[(i * size + j) * channels + c]);
  for (let at = 0; at < sizeOf([matrix.length, matrix.length, channels]); at++) {
    const [a, b, c] = [
      Math.floor(at / channels / matrix.length),
      Math.floor(at / channels) % matrix.length,
      at % channels,
    ];
    const [h, w] = [top + a, left + b];
    if (h >= 0 && h < H && w >= 0 && w < W) data[n * H * row + h * row + w * pixel + c] += tile[at];
  }
}

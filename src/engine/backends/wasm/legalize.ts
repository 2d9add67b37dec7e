/**
 * Rewriting that makes graphs fit the kernels: columns of zeros around a convolution's input become a copy of their own,
 * and its weights are laid out in panels, so that a kernel reads them from front to back.
 */

import { constant } from "../../ops/constant.ts";
import { type ConvAttrs, type ConvWeightGradAttrs, conv2dOp, conv2dWeightGradOp, type Pair } from "../../ops/conv.ts";
import { matmul } from "../../ops/matmul.ts";
import { type PermuteAttrs, pad, permute, reshape } from "../../ops/movement.ts";
import { rewrite } from "../../passes/rewrite.ts";
import type { Shape } from "../../shape.ts";
import { apply, type Op, Tensor } from "../../tensor.ts";
import { isDepthwise } from "./kernels/geometry.ts";
import { FILTERINGS, type Filtering, weightTransform } from "./kernels/winograd.ts";

/** Output channels of a panel: two vectors. */
export const PANEL = 8;

/** A convolution whose weights are [O / PANEL, R, S, C, PANEL]. */
export interface PanelConvAttrs extends ConvAttrs {
  readonly panels: true;
  /** Kernel height and width, R × S. */
  readonly kernel: Pair;
}

/** A convolution by Winograd's method: the input is padded to whole tiles, weights are [O / PANEL, t², C, PANEL]. */
export interface WinogradConvAttrs extends ConvAttrs {
  /** Kernel size, which picks one of FILTERINGS. */
  readonly size: number;
  /** Rows and columns of output tiles. */
  readonly tiles: Pair;
}

/** Winograd's method where it applies and pays: enough channels to make up for the transforms. */
function filteringFor([R, S, C, O]: Shape, { stride, dilation, groups }: ConvAttrs): Filtering | undefined {
  const plain = R === S && [...stride, ...dilation, groups].every((number) => number === 1);
  return plain && C % 4 === 0 && C >= 16 && O % PANEL === 0 && O >= 16 ? FILTERINGS[R] : undefined;
}

function winograd(tensor: Tensor, attrs: ConvAttrs, filtering: Filtering): Tensor {
  const [x, w] = tensor.inputs;
  const [, H, W] = x.shape;
  const [, P, Q] = tensor.shape;
  const [R, , C, O] = w.shape;
  const { outputs, inputs } = filtering;
  const [top, , left] = attrs.padding;
  const tiles: Pair = [Math.ceil(P / outputs), Math.ceil(Q / outputs)];
  const rows = [top, Math.max(0, outputs * tiles[0] + R - 1 - H - top)] as const;
  const columns = [left, Math.max(0, outputs * tiles[1] + R - 1 - W - left)] as const;
  const needsPad = [...rows, ...columns].some((amount) => amount > 0);
  const padded = needsPad ? pad(x, [[0, 0], rows, columns, [0, 0]]) : x;
  const matrix = constant(weightTransform(filtering), "float32", [inputs ** 2, R * R]);
  const transformed = matmul(matrix, reshape(w, [R * R, C * O])); // [t², C·O]
  const panels = permute(reshape(transformed, [inputs ** 2, C, O / PANEL, PANEL]), [2, 0, 1, 3]);
  const winogradAttrs: WinogradConvAttrs = { ...attrs, padding: [0, 0, 0, 0], size: R, tiles };
  return new Tensor(conv2dOp as Op<never>, [padded, panels], winogradAttrs, tensor);
}

/** Kernels skip rows outside the picture; depthwise ones columns, too, the others read across its left and right edge. */
function withColumns(x: Tensor, attrs: ConvAttrs, O: number): { x: Tensor; padding: ConvAttrs["padding"] } {
  if (isDepthwise(attrs, x.shape[3], O)) return { x, padding: attrs.padding };
  const [top, bottom, left, right] = attrs.padding;
  const padding: ConvAttrs["padding"] = [top, bottom, 0, Math.min(right, 0)]; // negative: what is cut off
  if (left === 0 && right <= 0) return { x, padding };
  return {
    x: pad(x, [
      [0, 0],
      [0, 0],
      [left, Math.max(right, 0)],
      [0, 0],
    ]),
    padding,
  };
}

/** [R, S, C, O] → [O / PANEL, R, S, C, PANEL]; joined with a permutation before it, so that weights are copied once. */
function inPanels(w: Tensor): Tensor {
  const [source, order] = w.op.name === "permute" ? [w.inputs[0], (w.attrs as PermuteAttrs).order] : [w, [0, 1, 2, 3]];
  const split = order[3]; // the axis of the source that holds the output channels
  const shape = source.shape.flatMap((dim, axis) => (axis === split ? [dim / PANEL, PANEL] : [dim]));
  const moved = (axis: number): number => (axis > split ? axis + 1 : axis);
  return permute(reshape(source, shape), [split, moved(order[0]), moved(order[1]), moved(order[2]), split + 1]);
}

const RULES: Readonly<Record<string, (tensor: Tensor) => Tensor>> = {
  conv2d: (tensor) => {
    const {
      inputs: [input, w],
    } = tensor;
    const attrs = tensor.attrs as ConvAttrs;
    const filtering = filteringFor(w.shape, attrs);
    if (filtering !== undefined) return winograd(tensor, attrs, filtering);
    const { x, padding } = withColumns(input, attrs, tensor.shape[3]);
    const [R, S, , O] = w.shape;
    if (attrs.groups > 1 || O % PANEL !== 0 || O === PANEL) return apply(conv2dOp, [x, w], { ...attrs, padding });
    const panelAttrs: PanelConvAttrs = { ...attrs, padding, panels: true, kernel: [R, S] };
    return new Tensor(conv2dOp as Op<never>, [x, inPanels(w)], panelAttrs, tensor);
  },
  conv2dWeightGrad: (tensor) => {
    const {
      inputs: [input, g],
    } = tensor;
    const attrs = tensor.attrs as ConvWeightGradAttrs;
    const { x, padding } = withColumns(input, attrs, tensor.shape[3]);
    return apply(conv2dWeightGradOp, [x, g], { ...attrs, padding });
  },
};

/** Rewrites everything that `roots` depend on for the wasm kernels. */
export function legalize(roots: readonly Tensor[]): Tensor[] {
  return rewrite(roots, (tensor) => RULES[tensor.op.name]?.(tensor) ?? tensor);
}

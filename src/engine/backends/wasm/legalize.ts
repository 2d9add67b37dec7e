/**
 * Rewriting that makes graphs fit the kernels: columns of zeros around a convolution's input become a copy of their own,
 * and its weights are laid out in panels, so that a kernel reads them from front to back.
 */
import { type ConvAttrs, type ConvWeightGradAttrs, conv2dOp, conv2dWeightGradOp, type Pair } from "../../ops/conv.ts";
import { type PermuteAttrs, pad, permute, reshape } from "../../ops/movement.ts";
import { rewrite } from "../../passes/rewrite.ts";
import { apply, type Op, Tensor } from "../../tensor.ts";

/** Output channels of a panel: two vectors. */
export const PANEL = 8;

/** A convolution whose weights are [O / PANEL, R, S, C, PANEL]. */
export interface PanelConvAttrs extends ConvAttrs {
  readonly panels: true;
  /** Kernel height and width, R × S. */
  readonly kernel: Pair;
}

/** Kernels skip rows outside the picture but read across its left and right edge. */
function withColumns(
  x: Tensor,
  { padding: [top, bottom, left, right] }: ConvAttrs,
): { x: Tensor; padding: ConvAttrs["padding"] } {
  const padding: ConvAttrs["padding"] = [top, bottom, 0, 0];
  if (left === 0 && right === 0) return { x, padding };
  return {
    x: pad(x, [
      [0, 0],
      [0, 0],
      [left, right],
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
    const { x, padding } = withColumns(input, attrs);
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
    const { x, padding } = withColumns(input, attrs);
    return apply(conv2dWeightGradOp, [x, g], { ...attrs, padding });
  },
};

/** Rewrites everything that `roots` depend on for the wasm kernels. */
export function legalize(roots: readonly Tensor[]): Tensor[] {
  return rewrite(roots, (tensor) => RULES[tensor.op.name]?.(tensor) ?? tensor);
}

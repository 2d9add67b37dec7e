/** Rewriting that makes graphs fit the kernels: columns of zeros around a convolution's input become a copy of their own. */
import { type ConvAttrs, type ConvWeightGradAttrs, conv2dOp, conv2dWeightGradOp } from "../../ops/conv.ts";
import { pad } from "../../ops/movement.ts";
import { rewrite } from "../../passes/rewrite.ts";
import { apply, type Tensor } from "../../tensor.ts";

/** Kernels skip rows outside the picture but read across its left and right edge. */
function withColumns(
  x: Tensor,
  { padding: [top, bottom, left, right] }: ConvAttrs,
): { x: Tensor; padding: ConvAttrs["padding"] } {
  if (left === 0 && right === 0) return { x, padding: [top, bottom, 0, 0] };
  return {
    x: pad(x, [
      [0, 0],
      [0, 0],
      [left, right],
      [0, 0],
    ]),
    padding: [top, bottom, 0, 0],
  };
}

const RULES: Readonly<Record<string, (tensor: Tensor) => Tensor>> = {
  conv2d: ({ inputs: [x, w], attrs }) => {
    const columns = withColumns(x, attrs as ConvAttrs);
    return apply(conv2dOp, [columns.x, w], { ...(attrs as ConvAttrs), padding: columns.padding });
  },
  conv2dWeightGrad: ({ inputs: [x, g], attrs }) => {
    const columns = withColumns(x, attrs as ConvWeightGradAttrs);
    return apply(conv2dWeightGradOp, [columns.x, g], { ...(attrs as ConvWeightGradAttrs), padding: columns.padding });
  },
};

/** Rewrites everything that `roots` depend on for the wasm kernels. */
export function legalize(roots: readonly Tensor[]): Tensor[] {
  return rewrite(roots, (tensor) => RULES[tensor.op.name]?.(tensor) ?? tensor);
}

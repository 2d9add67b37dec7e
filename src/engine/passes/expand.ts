/** Replaces composites by their bodies: all of them for a backend, only those without a gradient rule for autodiff. */
import { type Composite, isComposite, type Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** Expands the composites that `which` chooses, and those inside their bodies, until none is left. */
export function expandComposites(
  roots: readonly Tensor[],
  which: (op: Composite<never>) => boolean = () => true,
): Tensor[] {
  return rewrite(roots, (tensor) => {
    const { op } = tensor;
    if (!isComposite(op) || !which(op)) return tensor;
    return expandComposites([op.body(tensor.inputs, tensor.attrs as never)], which)[0];
  });
}

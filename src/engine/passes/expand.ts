/** Replaces composites by their bodies: all of them for a backend, only those without a gradient rule for autodiff. */
import { type Composite, isComposite, type Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** Expands the composites that `which` chooses, and those inside their bodies, until none is left. */
export function expandComposites(
  roots: readonly Tensor[],
  which: (op: Composite<never>) => boolean = () => true,
  before: Iterable<Tensor> = [],
): Tensor[] {
  const expanded = (tensor: Tensor): Tensor => {
    const { op, inputs, attrs } = tensor;
    if (!isComposite(op) || !which(op)) return tensor;
    // Inputs are expanded already: only what the body adds is looked through, or a chain would take quadratic time.
    return expandComposites([op.body(inputs, attrs as never)], which, inputs)[0];
  };
  return rewrite(roots, expanded, before);
}

/** Replaces composites by their bodies: all of them for a backend, only those without a gradient rule for autodiff. */
import { type Composite, isComposite, type Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** What composites are made of, by name. */
export type Bodies = Readonly<Record<string, Composite<never>["body"]>>;

/**
 * Expands the composites that `which` chooses, and those inside their bodies, until none is left.
 * @param before tensors that are looked through no more
 * @param bodies others than their own, by the names of composites
 */
export function expandComposites(
  roots: readonly Tensor[],
  which: (op: Composite<never>) => boolean = () => true,
  before: Iterable<Tensor> = [],
  bodies: Bodies = {},
): Tensor[] {
  const expanded = (tensor: Tensor): Tensor => {
    const { op, inputs, attrs } = tensor;
    if (!isComposite(op) || !which(op)) return tensor;
    const body = bodies[op.name] ?? op.body;
    // Inputs are expanded already: only what the body adds is looked through, or a chain would take quadratic time.
    return expandComposites([body(inputs, attrs as never)], which, inputs, bodies)[0];
  };
  return rewrite(roots, expanded, before);
}

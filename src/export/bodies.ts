/** Composites that a format has no op for are written as what they are made of: the step before its writers go to work. */
import { type Bodies, expandComposites } from "../engine/passes/expand.ts";
import type { Tensor } from "../engine/tensor.ts";

/**
 * The same tensors with the bodies of all composites that `writers`, by name, has no entry for. Those of training stay
 * whole, so that they can be refused by their name.
 * @param bodies that the format takes instead of their own, by the names of composites
 */
export function expandUnwritten(roots: readonly Tensor[], writers: object, bodies: Bodies = {}): Tensor[] {
  const isUnwritten = ({ name, stored }: Tensor["op"]): boolean =>
    stored !== undefined && !Object.hasOwn(writers, name);
  return expandComposites(roots, isUnwritten, [], bodies);
}

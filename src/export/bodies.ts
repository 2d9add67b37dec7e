/** Composites that a format has no op for are written as what they are made of: the step before its writers go to work. */
import { expandComposites } from "../engine/passes/expand.ts";
import type { Tensor } from "../engine/tensor.ts";

/**
 * The same tensor with the bodies of all composites that `writers`, by name, has no entry for. Those of training stay
 * whole, so that they can be refused by their name.
 */
export function expandUnwritten(root: Tensor, writers: object): Tensor {
  const isUnwritten = ({ name, stored }: Tensor["op"]): boolean =>
    stored !== undefined && !Object.hasOwn(writers, name);
  return expandComposites([root], isUnwritten)[0];
}

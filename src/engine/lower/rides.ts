/** What rides on what: which elementwise ops a backend's kernels compute on the results of another op, before they are stored. */
import { isElementwise } from "../passes/storage.ts";
import { alignment } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Which elementwise ops may ride on the results of a root: those with any operands along the last axis, only those whose
 * operands are scalars or of the same shape ("dense": vectors may cross rows), or none.
 */
export type Rides = "all" | "dense" | "none";

/** What a backend says of its kernels. */
export interface RideRules {
  readonly ridesOn: (root: Tensor) => Rides;
  /** Whether an op can be computed beside a root that has the same operands. */
  readonly isTwin: (root: Tensor, tensor: Tensor) => boolean;
}

/** Whether an op may be computed together with a root: on its results, or beside them. */
export function rides({ ridesOn, isTwin }: RideRules, root: Tensor, tensor: Tensor): boolean {
  if (!isElementwise(tensor)) return isTwin(root, tensor);
  const which = ridesOn(root);
  // Bytes are widened by loops over elements alone.
  if (which === "none" || tensor.inputs.some((input) => input.dtype === "uint8")) return false;
  return (
    which === "all" || tensor.inputs.every((input) => ["same", "scalar"].includes(alignment(input.shape, tensor.shape)))
  );
}

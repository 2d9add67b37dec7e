/** Clipping of gradients by their common norm (Pascanu et al., arXiv 1211.5063), as torch.nn.utils.clip_grad_norm_. */
import { UsageError } from "../engine/errors.ts";
import { add, div, minimum, mul, sqrt } from "../engine/ops/elementwise.ts";
import { sum } from "../engine/ops/reduce.ts";
import type { Tensor } from "../engine/tensor.ts";

/** Clipped gradients, and the norm that they had before. */
export interface Clipped {
  readonly gradients: readonly Tensor[];
  /** Scalar. */
  readonly norm: Tensor;
}

/**
 * Scales all gradients by one factor, so that the root of the sum of all squares is at most `maxNorm`; traced into the
 * step. @throws UsageError unless maxNorm is above 0
 */
export function clipByNorm(gradients: readonly Tensor[], maxNorm: number): Clipped {
  if (!(Number.isFinite(maxNorm) && maxNorm > 0)) {
    throw new UsageError(`clip: the norm is ${maxNorm} but must be a finite number above 0`);
  }
  if (gradients.length === 0) throw new UsageError("clip: there are no gradients; does the network have parameters?");
  const norm = sqrt(gradients.map((grad) => sum(mul(grad, grad))).reduce((a, b) => add(a, b)));
  const factor = minimum(div(maxNorm, add(norm, 1e-6)), 1);
  return { gradients: gradients.map((grad) => mul(grad, factor)), norm };
}

/** Losses by name, and the type of a user's own: a function of tensors that returns one number, the mean over the batch. */
import { UsageError, unknownName } from "../engine/errors.ts";
import { bceWithLogits, crossEntropy, mseLoss, nllLoss } from "../engine/ops/loss.ts";
import type { Tensor } from "../engine/tensor.ts";

/** Traced once: `logits` is what the network gives for a batch, `targets` what the data set says. */
export type LossFunction = (logits: Tensor, targets: Tensor) => Tensor;

export const LOSSES = {
  crossEntropy: (logits, targets) => crossEntropy(logits, targets),
  nllLoss: (logits, targets) => nllLoss(logits, targets),
  mseLoss,
  bceWithLogits,
} as const satisfies Record<string, LossFunction>;

export type LossName = keyof typeof LOSSES;

/** @throws UsageError with the nearest name when there is no such loss */
export function findLoss(loss: LossName | LossFunction): LossFunction {
  if (typeof loss === "function") return loss;
  if (!Object.hasOwn(LOSSES, loss)) throw unknownName("loss", loss, Object.keys(LOSSES));
  return LOSSES[loss];
}

/** What training may do to `crossEntropy`, and measuring does not. */
export interface TrainingLossOptions {
  /** Share of the target that is spread over all classes (Szegedy et al., arXiv 1512.00567). */
  readonly labelSmoothing: number;
  /** What the samples of each class count. */
  readonly classWeights?: readonly number[] | undefined;
}

/**
 * The loss to train on; with neither option {@link findLoss}.
 * @throws UsageError for a share outside 0 … 1 or weights that are no numbers, or another loss, which has no such options
 */
export function trainingLoss(
  loss: LossName | LossFunction,
  { labelSmoothing, classWeights }: TrainingLossOptions,
): LossFunction {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new UsageError(
      (option) => `${option("labelSmoothing")} is ${labelSmoothing}; expected at least 0 and less than 1`,
    );
  }
  if (labelSmoothing === 0 && classWeights === undefined) return findLoss(loss);
  if (loss !== "crossEntropy") {
    const [name, verb] = classWeights === undefined ? ["labelSmoothing", "belongs"] : ["classWeights", "belong"];
    throw new UsageError((option) => `${option(name)} ${verb} to the loss crossEntropy; leave it out`);
  }
  return (logits, targets) => crossEntropy(logits, targets, { labelSmoothing, weight: classWeights });
}

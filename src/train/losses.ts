/** Losses by name, and the type of a user's own: a function of tensors that returns one number, the mean over the batch. */
import { unknownName } from "../engine/errors.ts";
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

/**
 * Losses by name, and the type of a user's own: a function of tensors that returns one number, the mean over the batch. Losses
 * that are for one task only stand with it.
 */
import { UsageError, unknownName } from "../engine/errors.ts";
import { bceWithLogits, crossEntropy, mseLoss, nllLoss } from "../engine/ops/loss.ts";
import type { Suggested } from "../engine/options.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { Generate } from "./generate/generate.ts";
import type { AnyTask, Tensors } from "./task.ts";
import type { Transcribe } from "./transcribe/transcribe.ts";

/** All arrays of a batch, by the names of their ports, for losses that need more than the main ones. */
export interface LossBatch {
  readonly inputs: Tensors;
  readonly outputs: Tensors;
  readonly targets: Tensors;
}

/**
 * Traced once: `logits` is what the network gives for a batch, `targets` what the data set says (its port `y`). Gives the mean
 * over the batch.
 */
export type LossFunction = (logits: Tensor, targets: Tensor, batch: LossBatch) => Tensor;

/** Losses for any task. */
export const LOSSES = {
  crossEntropy: (logits, targets) => crossEntropy(logits, targets),
  nllLoss: (logits, targets) => nllLoss(logits, targets),
  mseLoss,
  bceWithLogits,
} as const satisfies Record<string, LossFunction>;

/** The name of a loss, for any task or for one. */
export type LossName = keyof typeof LOSSES | keyof Transcribe["losses"] | keyof Generate["losses"];

/** @throws UsageError with the nearest name when neither the task nor {@link LOSSES} has such a loss */
export function findLoss(loss: Suggested<LossName> | LossFunction, { losses }: Pick<AnyTask, "losses">): LossFunction {
  if (typeof loss === "function") return loss;
  const known: Readonly<Record<string, LossFunction>> = { ...LOSSES, ...losses };
  if (!Object.hasOwn(known, loss)) throw unknownName("loss", loss, Object.keys(known));
  return known[loss];
}

/** What training may do to `crossEntropy`, and to losses of tasks that say so, and measuring does not. */
export interface TrainingLossOptions {
  /** Share of the target that is spread over all outputs alike (Szegedy et al., arXiv 1512.00567). */
  readonly labelSmoothing: number;
  /** What the samples of each class count. */
  readonly classWeights?: readonly number[] | undefined;
}

/**
 * The loss to train on; with neither option {@link findLoss}.
 * @throws UsageError for a share outside 0 … 1 or weights that are no numbers, or another loss, which has no such options
 */
export function trainingLoss(
  loss: Suggested<LossName> | LossFunction,
  task: Pick<AnyTask, "losses" | "smoothed">,
  { labelSmoothing, classWeights }: TrainingLossOptions,
): LossFunction {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new UsageError(
      (option) => `${option("labelSmoothing")} is ${labelSmoothing}; expected at least 0 and less than 1`,
    );
  }
  if (labelSmoothing === 0 && classWeights === undefined) return findLoss(loss, task);
  if (loss !== "crossEntropy") {
    const { smoothed = {} } = task;
    const isSmoothed = typeof loss === "string" && Object.hasOwn(smoothed, loss);
    if (classWeights === undefined && isSmoothed) return smoothed[loss](labelSmoothing);
    const [name, verb] = classWeights === undefined ? ["labelSmoothing", "belongs"] : ["classWeights", "belong"];
    throw new UsageError((option) => `${option(name)} ${verb} to the loss crossEntropy; leave it out`);
  }
  return (logits, targets) => crossEntropy(logits, targets, { labelSmoothing, weight: classWeights });
}

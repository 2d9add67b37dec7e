/**
 * Knowledge distillation (Hinton, Vinyals and Dean, arXiv 1503.02531): a network learns from what another one, or several as
 * one, says of each sample, and not from its label alone. The teacher is traced into the training step (step.ts), so it
 * sees every sample as it is augmented, and costs one more forward pass of its own size.
 */
import { webSha256 } from "../data/fingerprint.ts";
import { formatPorts } from "../data/port.ts";
import { UsageError } from "../engine/errors.ts";
import { softmax } from "../engine/ops/activation.ts";
import { add, mul, sub } from "../engine/ops/elementwise.ts";
import { crossEntropy } from "../engine/ops/loss.ts";
import type { Complete } from "../engine/options.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { AnyModel } from "../models/model.ts";
import { modelName } from "../models/model.ts";
import { inferenceContext } from "../nn/context.ts";
import type { Tensors } from "../task/task.ts";

/** Whom to learn from, and how. */
export interface Teaching {
  /** Takes the same inputs and tells the same apart; `ensembleOf` makes one of several. It is not changed. */
  readonly model: AnyModel;
  /** What logits are divided by before they are compared: the higher, the more the small probabilities count; default 4. */
  readonly temperature?: number | undefined;
  /** Part of the loss that is the teacher's, 0 < share ≤ 1, the rest being the targets'; default 0.9. */
  readonly share?: number | undefined;
}

/** One that teaches, as a training step and a run know it. Loaded with this file, when somebody asks for one. */
export interface Teacher {
  /**
   * What is minimized instead of the loss of the targets.
   * @param loss of the targets, mean over the batch  @param logits [batch, outputs] of the network that learns
   * @param inputs the batch, as both get it
   */
  loss(loss: Tensor, logits: Tensor, inputs: Tensors): Tensor;
  /** What a resumed run compares: the teacher's name, a hash of its weights, and how it teaches. */
  identity(): Promise<string>;
}

/** What teacher and student have in common, in words. */
const MUST_AGREE: Readonly<Record<string, (model: AnyModel) => string>> = {
  inputs: ({ task }) => formatPorts(task.input.ports),
  outputs: ({ task }) => formatPorts(task.outputs),
  "outputs named": ({ task }) => JSON.stringify(task.names),
};

/** A teacher, checked. @throws UsageError when a number is out of range or the teacher is for other samples */
export function teacherOf(teaching: Teaching, student: AnyModel): Teacher {
  const { model, temperature = 4, share = 0.9 } = teaching;
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new UsageError((option) => `${option("teacher: temperature")} is ${temperature}; expected a number above 0`);
  }
  if (!(share > 0 && share <= 1))
    throw new UsageError((option) => `${option("teacher: share")} is ${share}; expected above 0 and at most 1`);
  for (const [part, of] of Object.entries(MUST_AGREE)) {
    const [theirs, ours] = [model, student].map(of);
    if (theirs === ours) continue;
    throw new UsageError(
      (option) =>
        `${option("teacher")} ${modelName(model)} has ${part} ${theirs} but the network to be taught has ${ours}`,
    );
  }
  const complete = { model, temperature, share };
  return {
    loss: (loss, logits, inputs) => distilledLoss(loss, logits, inputs, complete),
    identity: () => identityOf(complete),
  };
}

/**
 * (1 − share) · loss + share · T² · KL(softmax(teacher / T) ‖ softmax(logits / T)): the gradients of section 2 of the paper, which T²
 * keeps of one size for all temperatures, and 0 where both say the same.
 */
function distilledLoss(loss: Tensor, logits: Tensor, inputs: Tensors, teaching: Complete<Teaching>): Tensor {
  const { model, temperature, share } = teaching;
  const theirs = mul(model.outputs(inputs, inferenceContext()).logits, 1 / temperature);
  const told = softmax(theirs);
  const divergence = sub(crossEntropy(mul(logits, 1 / temperature), told), crossEntropy(theirs, told));
  return add(mul(loss, 1 - share), mul(divergence, share * temperature ** 2));
}

async function identityOf({ model, temperature, share }: Complete<Teaching>): Promise<string> {
  const bytes = [...model.network.namedParameters()].map(
    ([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  const hash = (await webSha256(bytes)).slice(0, 16);
  return `${modelName(model)} ${hash}, temperature ${temperature}, share ${share}`;
}

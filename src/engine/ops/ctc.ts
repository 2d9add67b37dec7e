/**
 * Connectionist temporal classification (Graves et al., ICML 2006): the loss of a row of frames against a shorter row of
 * labels, summed over all ways to spread the labels over the frames, with blanks in between. What a network that reads strings
 * is trained with.
 *
 * A target l₁ … l_L stands for 2L + 1 states: blank, l₁, blank, l₂, … blank. In each frame a path stays in its state, goes on
 * to the next, or skips a blank between two labels that differ. α(t, s) is the logarithm of the probability of all ways that
 * are in state s after frame t, β(t, s) that of all ways from there to the end. Both are kept in double precision.
 */
import { ShapeError } from "../errors.ts";
import { formatShape } from "../shape.ts";
import {
  apply,
  type Composite,
  type NdArray,
  type Primitive,
  type Reference,
  type Spec,
  type Tensor,
} from "../tensor.ts";
import { cast, div, maximum } from "./elementwise.ts";
import type { Reduction } from "./loss.ts";
import { requireRank, requireType } from "./op-helpers.ts";
import { logsumexp, mean, sum } from "./reduce.ts";

export interface CtcAttrs {
  /** Class that stands for no label. */
  readonly blank: number;
  /** Whether a target that the frames cannot hold has loss 0 and no gradient, instead of ∞. */
  readonly zeroInfinity: boolean;
}

export interface CtcLossAttrs extends CtcAttrs {
  readonly reduction: Reduction;
}

function requireSequences(logits: Spec, [targets, ...lengths]: readonly Spec[], { blank }: CtcAttrs): void {
  requireType("ctcLoss", logits, "float32", "logits");
  requireRank("ctcLoss", logits, 3, "[batch, time, classes]", "logits");
  requireType("ctcLoss", targets, "int32", "targets");
  requireRank("ctcLoss", targets, 2, "[batch, length]", "targets");
  const [batch, , classes] = logits.shape;
  ["input lengths", "target lengths"].forEach((role, i) => {
    requireType("ctcLoss", lengths[i], "int32", role);
    requireRank("ctcLoss", lengths[i], 1, "[batch]", role);
  });
  for (const { shape } of [targets, ...lengths]) {
    if (shape[0] !== batch) {
      throw new ShapeError(
        `ctcLoss: logits ${formatShape(logits.shape)} are of ${batch} samples but targets or lengths are ${formatShape(shape)}`,
      );
    }
  }
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes) {
    throw new ShapeError(`ctcLoss: blank is ${blank} but the classes are 0 … ${classes - 1}`);
  }
}

/**
 * −ln of the probability of each target. Inputs: logits [B, T, C], ln Σ exp of each frame [B, T, 1], targets [B, L], lengths in
 * frames [B] and in labels [B] → [B]. The gradient takes the second input for a function of the first, as it is.
 */
export const ctcOp: Primitive<CtcAttrs> = {
  name: "ctc",
  infer: ([logits, , ...others], attrs) => {
    requireSequences(logits, others, attrs);
    return { shape: [logits.shape[0]], dtype: "float32" };
  },
  // All inputs go by samples, whether their numbers come with the batch or are the same for all.
  batch: () => "map",
  gradient: (g, { inputs, attrs }) => [
    apply(ctcGradOp, [...inputs, g], attrs),
    ...inputs.slice(1).map(() => undefined),
  ],
};

export const ctcReference: Reference<CtcAttrs> = (inputs, output, attrs) => {
  for (let n = 0; n < output.data.length; n++) {
    const { logProbability } = alignmentsOf(inputs, n, attrs);
    output.data[n] = attrs.zeroInfinity && logProbability === Number.NEGATIVE_INFINITY ? 0 : -logProbability;
  }
};

/**
 * (softmax − the share of the alignments' probability that gives the class to the frame) · g, 0 behind a sample's last frame.
 * Inputs: those of {@link ctcOp}, g [B] → [B, T, C]. Where a network is sure, gradients are differences of numbers near 1: these
 * cancel in double precision, to some millionths of a frame's largest gradient. Where no alignment is possible NaN, as in PyTorch, or 0 with `zeroInfinity`.
 */
export const ctcGradOp: Primitive<CtcAttrs> = {
  name: "ctcGrad",
  infer: ([{ shape }]) => ({ shape, dtype: "float32" }),
  batch: () => "map",
  gradient: null,
};

export const ctcGradReference: Reference<CtcAttrs> = (inputs, output, attrs) => {
  const [logits, logSums] = inputs;
  const g = inputs[inputs.length - 1];
  const [N, T, C] = output.shape;
  for (let n = 0; n < N; n++) {
    const { states, frames, alpha, logProbability } = alignmentsOf(inputs, n, attrs);
    const at = n * T * C;
    if (logProbability === Number.NEGATIVE_INFINITY) {
      output.data.fill(attrs.zeroInfinity ? 0 : Number.NaN, at, at + frames * C);
      continue;
    }
    const steps = stepsOf(states);
    let after = states.map((_, s) => (s === states.length - 1 ? 0 : Number.NEGATIVE_INFINITY));
    for (let t = frames - 1; t >= 0; t--) {
      const frame = at + t * C;
      const logSum = logSums.data[n * T + t];
      const beta = states.map((_, s) =>
        logAdd(
          after[s],
          after[s + 1] ?? Number.NEGATIVE_INFINITY,
          steps[s + 2] ? after[s + 2] : Number.NEGATIVE_INFINITY,
        ),
      );
      const whole = beta.map((b, s) => alpha[t + 1][s] + b).reduce((total, x) => logAdd(total, x));
      // By sums of their own: what was rounded in the given one would be all that is left where a network is sure.
      const row = logits.data.subarray(frame, frame + C);
      const ownSum = logAdd(...row);
      const differences = Float64Array.from(row, (x) => Math.exp(x - ownSum));
      states.forEach((c, s) => {
        differences[c] -= Math.exp(alpha[t + 1][s] + beta[s] - whole);
      });
      for (let c = 0; c < C; c++) output.data[frame + c] = g.data[n] * differences[c];
      after = beta.map((b, s) => b + logits.data[frame + states[s]] - logSum);
    }
  }
};

interface Alignments {
  /** The class of each state; empty where a label is no class. */
  readonly states: readonly number[];
  readonly frames: number;
  /** α by frame and state; row t + 1 is frame t. */
  readonly alpha: readonly (readonly number[])[];
  readonly logProbability: number;
}

const limited = (length: number, most: number): number => Math.min(Math.max(length, 0), most);

/** Which states may be reached from two before: those with another class. */
const stepsOf = (states: readonly number[]): boolean[] => states.map((c, s) => s >= 2 && c !== states[s - 2]);

function alignmentsOf(inputs: readonly NdArray[], n: number, { blank }: CtcAttrs): Alignments {
  const [logits, logSums, targets, inputLengths, targetLengths] = inputs;
  const [, T, C] = logits.shape;
  const L = targets.shape[1];
  const frames = limited(inputLengths.data[n], T);
  const labels = [...targets.data.subarray(n * L, n * L + limited(targetLengths.data[n], L))];
  if (labels.some((label) => label < 0 || label >= C)) {
    return { states: [], frames, alpha: [], logProbability: Number.NEGATIVE_INFINITY };
  }
  const states = [blank, ...labels.flatMap((label) => [label, blank])];
  const steps = stepsOf(states);
  const alpha: number[][] = [states.map((_, s) => (s === 0 ? 0 : Number.NEGATIVE_INFINITY))];
  for (let t = 0; t < frames; t++) {
    const before = alpha[t];
    alpha.push(
      states.map(
        (c, s) =>
          logAdd(
            before[s],
            before[s - 1] ?? Number.NEGATIVE_INFINITY,
            steps[s] ? before[s - 2] : Number.NEGATIVE_INFINITY,
          ) +
          logits.data[(n * T + t) * C + c] -
          logSums.data[n * T + t],
      ),
    );
  }
  const last = alpha[frames];
  const [end, endWithoutBlank] = [last[states.length - 1], last[states.length - 2] ?? Number.NEGATIVE_INFINITY];
  return { states, frames, alpha, logProbability: logAdd(end, endWithoutBlank) };
}

/** ln Σ eˣ; −∞ of nothing but −∞. */
export function logAdd(...x: number[]): number {
  const top = Math.max(...x);
  return top === Number.NEGATIVE_INFINITY
    ? top
    : top + Math.log(x.reduce((total, value) => total + Math.exp(value - top), 0));
}

/** Inputs: logits [B, T, C], targets [B, L], lengths in frames [B] and in labels [B]. */
export const ctcLossOp: Composite<CtcLossAttrs> = {
  name: "ctcLoss",
  infer: ([logits, ...others], attrs) => {
    requireSequences(logits, others, attrs);
    return { shape: attrs.reduction === "none" ? [logits.shape[0]] : [], dtype: "float32" };
  },
  body: ([logits, ...others], { reduction, ...attrs }) => {
    const losses = apply(ctcOp, [logits, logsumexp(logits, -1, true), ...others], attrs); // [B]
    if (reduction === "none") return losses;
    return reduction === "sum" ? sum(losses) : mean(div(losses, cast(maximum(others[2], 1), "float32")));
  },
};

export interface CtcLossOptions {
  /** Class that stands for no label; default 0, as in PyTorch. */
  readonly blank?: number | undefined;
  /** "mean": each loss divided by the length of its target (at least 1), then the mean over all samples; default. */
  readonly reduction?: Reduction | undefined;
  /** Whether targets that do not fit into their frames have loss 0 and no gradient, instead of ∞ and NaN; default false. */
  readonly zeroInfinity?: boolean | undefined;
}

/**
 * The CTC loss of frames [batch, time, classes] against padded labels [batch, length], as torch.nn.functional.ctc_loss, but with
 * the batch first. It takes logits; log-probabilities give the same, since they are their own log softmax.
 *
 * A target of L labels fits into L frames and one more for every two equal neighbors. Otherwise its loss is ∞ and its gradient
 * NaN; so is that of a target with a label that is no class. Lengths outside of 0 … time and 0 … length are taken for the nearest
 * of those. The loss is exact to some 2⁻²⁴ of the largest logit for each frame, its gradient to some millionths of the largest
 * one, however near to 0 both are. Frames behind a sample's length get no gradient; labels behind a target's length may be anything.
 * @param targets int32 [batch, length]
 * @param inputLengths int32 [batch], in frames
 * @param targetLengths int32 [batch], in labels
 * @throws ShapeError when shapes do not fit or the blank is no class
 */
export function ctcLoss(
  logits: Tensor,
  targets: Tensor,
  inputLengths: Tensor,
  targetLengths: Tensor,
  options: CtcLossOptions = {},
): Tensor {
  const { blank = 0, reduction = "mean", zeroInfinity = false } = options;
  return apply(ctcLossOp, [logits, targets, inputLengths, targetLengths], { blank, reduction, zeroInfinity });
}

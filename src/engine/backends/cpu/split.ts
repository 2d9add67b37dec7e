/**
 * Splitting: decides how the work of each op is divided between threads, so that the result never depends on how many
 * there are. Ops that treat samples apart follow the batch (a thread takes a few samples through layer after layer while
 * they are in its cache); sums over the batch are kept in a fixed number of pieces; all else is divided by output range.
 */
import type { InputAttrs } from "../../ops/constant.ts";
import { detach } from "../../ops/elementwise.ts";
import { withInputs } from "../../passes/rewrite.ts";
import { sizeOf } from "../../shape.ts";
import { Parameter, type Primitive, type Tensor } from "../../tensor.ts";

/**
 * - "samples": by samples of the batch;
 * - "partial": by samples, each chunk of the batch adding into a copy of its own, to be added up later;
 * - "range": by ranges of the output.
 */
export type Split = "samples" | "partial" | "range";

export interface SplitTensor {
  readonly split: Split;
  /** Whether axis 0 runs over the samples of the batch. */
  readonly batched: boolean;
}

/** Above this many elements a weight is read once by all threads together, not once for every few samples. */
const LARGE_WEIGHT = 32 * 1024;

/** Number of samples in the batch: the length of axis 0 of the batched inputs, 0 where there are none. */
export function batchSize(order: readonly Tensor[]): number {
  const input = order.find((tensor) => tensor.op.name === "input" && (tensor.attrs as InputAttrs).batched);
  return input?.shape[0] ?? 0;
}

/**
 * The split of every tensor.
 * @param together whether the threads share what there is to do for a sample: for batches too small to be shared out
 */
export function splitTensors(order: readonly Tensor[], batch: number, together: boolean): Map<Tensor, SplitTensor> {
  const splits = new Map<Tensor, SplitTensor>();
  const whole: SplitTensor = { split: "range", batched: false };
  for (const tensor of order) {
    splits.set(tensor, tensor instanceof Parameter || batch === 0 ? whole : splitOf(tensor, splits, batch, together));
  }
  return splits;
}

function splitOf(
  tensor: Tensor,
  splits: ReadonlyMap<Tensor, SplitTensor>,
  batch: number,
  together: boolean,
): SplitTensor {
  const batched = tensor.inputs.map((input) => splits.get(input)?.batched ?? false);
  const op = tensor.op as Primitive<never>;
  const rule = op.batch(batched, { inputs: tensor.inputs, output: tensor, attrs: tensor.attrs as never });
  const apart = rule === "source" ? tensor.shape[0] === batch : rule !== "whole" && batched.some(Boolean);
  if (!apart) return { split: "range", batched: false };
  if (rule === "sum") {
    // Only products divide well by range; of others, pieces pay unless they are huge.
    const limit = tensor.op.name === "matmul" ? LARGE_WEIGHT : 8 * LARGE_WEIGHT;
    return { split: tensor.size > limit ? "range" : "partial", batched: false };
  }
  const largeWeight =
    tensor.op.name === "matmul" && tensor.inputs.some((x, i) => !batched[i] && sizeOf(x.shape) > LARGE_WEIGHT);
  return { split: largeWeight || together ? "range" : "samples", batched: true };
}

/**
 * Puts an elementwise identity behind every partial sum: reading a partial adds its pieces up, and only elementwise loops
 * can do that (on the way to something else, usually).
 */
export function combinePartials(order: readonly Tensor[], splits: Map<Tensor, SplitTensor>): Map<Tensor, Tensor> {
  const replaced = new Map<Tensor, Tensor>();
  for (const tensor of order) {
    const copy = withInputs(
      tensor,
      tensor.inputs.map((input) => replaced.get(input) ?? input),
    );
    const split = splits.get(tensor) as SplitTensor;
    splits.set(copy, split);
    if (split.split === "partial") {
      const combined = detach(copy);
      splits.set(combined, { split: "range", batched: false });
      replaced.set(tensor, combined);
    } else replaced.set(tensor, copy);
  }
  return replaced;
}

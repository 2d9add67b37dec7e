/**
 * Splitting: decides how the work of each op is divided between threads, so that the result never depends on how many
 * there are. Ops that treat samples apart follow the batch (a thread takes a few samples through layer after layer while
 * they are in its cache); sums over the batch are kept in a fixed number of pieces; all else is divided by output range.
 */
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
  /** How many rows of axis 0 each sample of the batch has, one after the other; 0 where axis 0 is something else. */
  readonly rows: number;
}

/** What does not follow the batch. */
export const UNDIVIDED: SplitTensor = { split: "range", rows: 0 };

/**
 * Above this many elements for each row of a sample a weight is read once by all threads together, not once for every few
 * samples; a sum over the batch is then divided by ranges.
 */
const LARGE_WEIGHT = 32 * 1024;

/**
 * The split of every tensor.
 * @param together whether the threads share what there is to do for a sample: for batches too small to be shared out
 */
export function splitTensors(order: readonly Tensor[], batch: number, together: boolean): Map<Tensor, SplitTensor> {
  const splits = new Map<Tensor, SplitTensor>();
  // Tokens of sequences are rows of a sample, as soon as something joins the two axes.
  const known = new Set([1]);
  for (const tensor of order) {
    const isWhole = tensor instanceof Parameter || batch === 0;
    const split = isWhole ? UNDIVIDED : splitOf(tensor, splits, batch, together, known);
    splits.set(tensor, split);
    known.add(split.rows);
  }
  return splits;
}

function splitOf(
  tensor: Tensor,
  splits: ReadonlyMap<Tensor, SplitTensor>,
  batch: number,
  together: boolean,
  known: ReadonlySet<number>,
): SplitTensor {
  const rowsOf = tensor.inputs.map((input) => splits.get(input)?.rows ?? 0);
  const batched = rowsOf.map((rows) => rows > 0);
  const op = tensor.op as Primitive<never>;
  const rule = op.batch(batched, { inputs: tensor.inputs, output: tensor, attrs: tensor.attrs as never });
  if (rule === "whole" || !(rule === "source" || batched.some(Boolean))) return UNDIVIDED;
  if (rule === "sum") {
    // Only products divide well by range; of others, pieces pay unless they are huge.
    const limit = tensor.op.name === "matmul" ? LARGE_WEIGHT * Math.max(...rowsOf) : 8 * LARGE_WEIGHT;
    return { split: tensor.size > limit ? "range" : "partial", rows: 0 };
  }
  const rows = (tensor.shape[0] ?? 0) / batch;
  if (rows < 1 || !Number.isInteger(rows) || (rule === "source" && !known.has(rows))) return UNDIVIDED;
  const largeWeight =
    tensor.op.name === "matmul" && tensor.inputs.some((x, i) => !batched[i] && sizeOf(x.shape) > LARGE_WEIGHT * rows);
  return { split: largeWeight || together || op.wholeShare === true ? "range" : "samples", rows };
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
      splits.set(combined, UNDIVIDED);
      replaced.set(tensor, combined);
    } else replaced.set(tensor, copy);
  }
  return replaced;
}

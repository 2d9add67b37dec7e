/**
 * The loss of a reader of strings: CTC, and while it trains on data that say at which place each symbol stands (strings that were made
 * do), label smoothing there.
 *
 * To CTC alone "nothing" is one class among others, and a network gives it to whatever looks like none of its symbols: an odd 3 that
 * nobody would overlook is then left out of the number. Where a symbol stands, a share of the target is therefore spread over all
 * symbols, and none of it to nothing (after Szegedy et al., arXiv 1512.00567). A last part of the training without it makes the network
 * as sure again as it may be (docs/records.md).
 */
import { IGNORED, PLACES } from "../../data/port.ts";
import { constant } from "../../engine/ops/constant.ts";
import { ctcLoss } from "../../engine/ops/ctc.ts";
import { add, cast, div, ge, lt, maximum, mul, ne, sub } from "../../engine/ops/elementwise.ts";
import { reshape, slice } from "../../engine/ops/movement.ts";
import { logsumexp, max, mean, sum } from "../../engine/ops/reduce.ts";
import type { Tensor } from "../../engine/tensor.ts";
import type { LossFunction } from "../losses.ts";
import { BLANK } from "./ctc-frames.ts";

/** CTC of symbols, which are one less than their logits. Frames beyond a sample's own and what fills up a string do not count. */
export const ctc: LossFunction = (logits, targets, { outputs: { frames } }) => {
  const isSymbol = cast(ne(targets, IGNORED), "int32");
  return ctcLoss(logits, mul(add(targets, 1), isSymbol), frames, countOf(targets), { blank: BLANK });
};

/** Symbols of each string, int32 [batch]. */
const countOf = (targets: Tensor): Tensor => cast(sum(cast(ne(targets, IGNORED), "float32"), 1), "int32");

/**
 * CTC, and `share` times the mean of −ln of all symbols' probabilities where one stands; for data without places CTC alone.
 * @param share at least 0 and less than 1
 */
export const smoothedCtc =
  (share: number): LossFunction =>
  (logits, targets, batch) => {
    const loss = ctc(logits, targets, batch);
    const places = batch.targets[PLACES];
    if (places === undefined) return loss;
    const spread = anySymbolAt(logits, places, batch.inputs.x.shape[1]);
    const perSymbol = div(spread, maximum(cast(countOf(targets), "float32"), 1));
    return add(loss, mul(mean(perSymbol), share));
  };

/**
 * The mean over all symbols of −ln of their probability, summed over the frames in which symbols stand: [batch].
 * @param places [batch, symbols], in columns  @param columns of the input, as many to a frame as to any other
 */
function anySymbolAt(logits: Tensor, places: Tensor, columns: number): Tensor {
  const [batch, frames, classes] = logits.shape;
  const stride = columns / frames;
  const first = constant(
    Array.from({ length: frames }, (_, t) => t * stride),
    "float32",
    [1, 1, frames],
  );
  // What fills up a string is at −100, before every frame.
  const from = sub(reshape(cast(places, "float32"), [batch, places.shape[1], 1]), first); // [batch, symbols, frames]
  const isHere = mul(cast(ge(from, 0), "float32"), cast(lt(from, stride), "float32"));
  const blank = reshape(slice(logits, [{}, {}, { start: BLANK, end: BLANK + 1 }]), [batch, frames]);
  const symbols = mul(sub(sum(logits, 2), blank), 1 / (classes - 1));
  return sum(mul(sub(logsumexp(logits, -1), symbols), max(isHere, 1)), 1);
}

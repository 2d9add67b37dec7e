/**
 * The total map from op to its plain loops, which are the specification of what it computes: an op without an entry is a type
 * error. Each stands beside the op's record, and here apart from it, because few ask for them: the reference backend,
 * passes/fold.ts, and whoever works out a constant while a network is imported. A page that trains or reads does not load any.
 */
import * as convolutions from "../../lower/convolutions.ts";
import type { loweredPrimitives } from "../../lower/lowered-ops.ts";
import * as recurrences from "../../lower/recurrences.ts";
import type { Later } from "../../on-demand.ts";
import * as arange from "../../ops/arange.ts";
import * as attention from "../../ops/attention.ts";
import * as constant from "../../ops/constant.ts";
import * as conv from "../../ops/conv.ts";
import * as ctc from "../../ops/ctc.ts";
import { type ElementwiseOp, elementwiseReference } from "../../ops/elementwise.ts";
import * as gather from "../../ops/gather.ts";
import type { primitives } from "../../ops/index.ts";
import * as matmul from "../../ops/matmul.ts";
import * as movement from "../../ops/movement.ts";
import * as pool from "../../ops/pool.ts";
import * as recurrent from "../../ops/recurrent.ts";
import * as reduce from "../../ops/reduce.ts";
import * as window from "../../ops/window.ts";
import type { NdArray, Primitive, Reference, Tensor } from "../../tensor.ts";

type Records = typeof primitives & typeof loweredPrimitives;
type RecordOf<N extends keyof Records> = Records[N] extends Later<infer R> ? R : Records[N];
/** The loop of every op but the elementwise ones, whose records have all that theirs needs. */
type References = {
  readonly [N in keyof Records as RecordOf<N> extends ElementwiseOp<infer _>
    ? never
    : N]: RecordOf<N> extends Primitive<infer A> ? Reference<A> : never;
};

/** Of inputs and parameters: their numbers are the caller's. */
const given: Reference = () => {};

const REFERENCES: References = {
  input: given,
  parameter: given,
  constant: constant.constantReference,
  arange: arange.arangeReference,

  uniform: constant.uniformReference,
  sum: reduce.sumReference,
  max: reduce.maxReference,
  argmax: reduce.argmaxReference,
  logSumExp: reduce.logSumExpReference,

  reshape: movement.reshapeReference,
  permute: movement.permuteReference,
  expand: movement.expandReference,
  slice: movement.sliceReference,
  place: movement.placeReference,
  sliceAt: window.sliceAtReference,
  placeAt: window.placeAtReference,
  concat: movement.concatReference,

  gather: gather.gatherReference,
  scatterAdd: gather.scatterAddReference,
  embedding: gather.embeddingReference,
  embeddingGrad: gather.embeddingGradReference,
  writeRows: gather.writeRowsReference,

  ctc: ctc.ctcReference,
  ctcGrad: ctc.ctcGradReference,
  attention: attention.attentionReference,
  attentionLse: attention.attentionLseReference,
  attentionGrad: attention.attentionGradReference,
  matmul: matmul.matmulReference,
  conv2d: conv.conv2dReference,
  conv2dPanels: convolutions.conv2dPanelsReference,
  conv2dWinograd: convolutions.conv2dWinogradReference,
  conv2dInputGrad: conv.conv2dInputGradReference,
  conv2dInputGradWinograd: convolutions.conv2dInputGradWinogradReference,
  conv2dWeightGrad: conv.conv2dWeightGradReference,
  conv2dWeightGradWinograd: convolutions.conv2dWeightGradWinogradReference,
  maxPool2d: pool.maxPool2dReference,
  maxPool2dWinners: pool.maxPool2dWinnersReference,
  maxPool2dGrad: pool.maxPool2dGradReference,
  avgPool2d: pool.avgPool2dReference,
  avgPool2dGrad: pool.avgPool2dGradReference,
  recurrence: recurrent.recurrenceReference,
  recurrencePanels: recurrences.recurrencePanelsReference,
  recurrenceGrad: recurrent.recurrenceGradReference,
  recurrenceGradPanels: recurrences.recurrenceGradPanelsReference,
};

/**
 * Computes a tensor by its op's plain loops.
 * @param inputs the numbers of the tensor's inputs
 * @param output what is filled, with zeros in it
 */
export function computePlainly({ op, attrs }: Tensor, inputs: readonly NdArray[], output: NdArray): void {
  const reference =
    "scalar" in op ? elementwiseReference(op as unknown as ElementwiseOp) : REFERENCES[op.name as keyof References];
  (reference as Reference<never>)(inputs, output, attrs as never);
}

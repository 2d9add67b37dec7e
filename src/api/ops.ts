/** `ops`: functions of tensors, for `forward` and for losses. An entry point, so the one place that may re-export. */
export {
  clamp,
  elu,
  gelu,
  glu,
  hardswish,
  leakyRelu,
  logSoftmax,
  silu,
  softmax,
  softplus,
  swiglu,
} from "../engine/ops/activation.ts";
export { arange } from "../engine/ops/arange.ts";
export {
  type AttentionDropout,
  type AttentionOptions,
  attention,
  type SelfAttentionOptions,
  selfAttention,
} from "../engine/ops/attention.ts";
export { constant } from "../engine/ops/constant.ts";
export { conv2d } from "../engine/ops/conv.ts";
export { ctcLoss } from "../engine/ops/ctc.ts";
export {
  abs,
  add,
  cast,
  detach,
  div,
  eq,
  exp,
  ge,
  gt,
  le,
  log,
  lt,
  maximum,
  minimum,
  mul,
  ne,
  neg,
  pow,
  relu,
  sigmoid,
  sqrt,
  sub,
  tanh,
  where,
} from "../engine/ops/elementwise.ts";
export { embedding, gather, writeRows } from "../engine/ops/gather.ts";
export { bceWithLogits, crossEntropy, mseLoss, nllLoss, oneHot } from "../engine/ops/loss.ts";
export { linear, matmul } from "../engine/ops/matmul.ts";
export { concat, expand, flatten, flip, pad, permute, reshape, slice, transpose } from "../engine/ops/movement.ts";
export { rmsNorm } from "../engine/ops/norm.ts";
export { adaptiveAvgPool2d, avgPool2d, globalAvgPool2d, maxPool2d } from "../engine/ops/pool.ts";
export {
  gru,
  lstm,
  type RecurrentOptions,
  type RecurrentPart,
  type RecurrentWeights,
} from "../engine/ops/recurrent.ts";
export { argmax, logCumsumExp, logsumexp, max, mean, min, sum, variance } from "../engine/ops/reduce.ts";
export { type RopeOptions, type RopeStyle, rope } from "../engine/ops/rope.ts";
export { placeAt, sliceAt } from "../engine/ops/window.ts";

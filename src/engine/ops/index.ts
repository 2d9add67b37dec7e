/**
 * The table of ops: the one explicit list. A backend implements every primitive in it through a total map, so a
 * forgotten op is a type error. Families that most networks do without are loaded where a graph has them (on-demand.ts).
 */
import { type Later, later } from "../on-demand.ts";
import type { Composite, Op, Primitive } from "../tensor.ts";
import { parameterOp } from "../tensor.ts";
import * as activation from "./activation.ts";
import * as constant from "./constant.ts";
import * as conv from "./conv.ts";
import * as elementwise from "./elementwise.ts";
import * as gather from "./gather.ts";
import * as matmul from "./matmul.ts";
import * as movement from "./movement.ts";
import * as norm from "./norm.ts";
import * as pool from "./pool.ts";
import * as reduce from "./reduce.ts";

const loss = () => import("./loss.ts");
const sequences = () => import("./sequences.ts");

/** What networks are made of. */
export const networkPrimitives = {
  input: constant.inputOp,
  parameter: parameterOp,
  constant: constant.constantOp,
  arange: later(sequences, "arangeOp"),

  neg: elementwise.negOp,
  abs: elementwise.absOp,
  exp: elementwise.expOp,
  log: elementwise.logOp,
  sqrt: elementwise.sqrtOp,
  tanh: elementwise.tanhOp,
  sigmoid: elementwise.sigmoidOp,
  relu: elementwise.reluOp,
  erf: elementwise.erfOp,
  detach: elementwise.detachOp,
  cast: elementwise.castOp,
  add: elementwise.addOp,
  sub: elementwise.subOp,
  mul: elementwise.mulOp,
  div: elementwise.divOp,
  pow: elementwise.powOp,
  maximum: elementwise.maximumOp,
  minimum: elementwise.minimumOp,
  eq: elementwise.eqOp,
  ne: elementwise.neOp,
  lt: elementwise.ltOp,
  le: elementwise.leOp,
  gt: elementwise.gtOp,
  ge: elementwise.geOp,
  where: elementwise.whereOp,

  sum: reduce.sumOp,
  max: reduce.maxOp,
  argmax: reduce.argmaxOp,
  logSumExp: reduce.logSumExpOp,

  reshape: movement.reshapeOp,
  permute: movement.permuteOp,
  expand: movement.expandOp,
  slice: movement.sliceOp,
  place: movement.placeOp,
  concat: movement.concatOp,
  sliceAt: later(sequences, "sliceAtOp"),
  placeAt: later(sequences, "placeAtOp"),

  gather: gather.gatherOp,
  embedding: gather.embeddingOp,

  attention: later(sequences, "attentionOp"),
  matmul: matmul.matmulOp,
  conv2d: conv.conv2dOp,
  conv2dInputGrad: conv.conv2dInputGradOp,
  maxPool2d: pool.maxPool2dOp,
  avgPool2d: pool.avgPool2dOp,
} as const;

/** What only training computes, or carrying state from run to run; no file holds them and no exporter writes them. */
export const trainingPrimitives = {
  uniform: constant.uniformOp,
  scatterAdd: gather.scatterAddOp,
  embeddingGrad: gather.embeddingGradOp,
  writeRows: gather.writeRowsOp,
  ctc: later(sequences, "ctcOp"),
  ctcGrad: later(sequences, "ctcGradOp"),
  attentionLse: later(sequences, "attentionLseOp"),
  attentionGrad: later(sequences, "attentionGradOp"),
  conv2dWeightGrad: conv.conv2dWeightGradOp,
  maxPool2dWinners: pool.maxPool2dWinnersOp,
  maxPool2dGrad: pool.maxPool2dGradOp,
  avgPool2dGrad: pool.avgPool2dGradOp,

  recurrence: later(sequences, "recurrenceOp"),
  recurrenceGrad: later(sequences, "recurrenceGradOp"),
} as const;

export const primitives = { ...networkPrimitives, ...trainingPrimitives };

export const composites = {
  leakyRelu: activation.leakyReluOp,
  elu: activation.eluOp,
  gelu: activation.geluOp,
  silu: activation.siluOp,
  hardswish: activation.hardswishOp,
  softplus: activation.softplusOp,
  clamp: activation.clampOp,
  softmax: activation.softmaxOp,
  logSoftmax: activation.logSoftmaxOp,
  logCumsumExp: reduce.logCumsumExpOp,
  glu: activation.gluOp,
  swiglu: activation.swigluOp,
  dropout: activation.dropoutOp,
  batchNorm: norm.batchNormOp,
  layerNorm: norm.layerNormOp,
  rmsNorm: norm.rmsNormOp,
  groupNorm: norm.groupNormOp,
  lstm: later(sequences, "lstmOp"),
  gru: later(sequences, "gruOp"),
  rope: later(sequences, "ropeOp"),
  crossEntropy: later(loss, "crossEntropyOp"),
  nllLoss: later(loss, "nllLossOp"),
  mseLoss: later(loss, "mseLossOp"),
  bceWithLogits: later(loss, "bceWithLogitsOp"),
  ctcLoss: later(sequences, "ctcLossOp"),
} as const;

export type NetworkPrimitiveName = keyof typeof networkPrimitives;
export type PrimitiveName = keyof typeof primitives;
export type CompositeName = keyof typeof composites;
export type OpName = PrimitiveName | CompositeName;

/** Every op by name, for reading graphs from files. */
export const opTable: Readonly<Record<OpName, Op<never> | Later<Op<never>>>> = {
  ...(primitives as unknown as Record<PrimitiveName, Primitive<never> | Later<Primitive<never>>>),
  ...(composites as unknown as Record<CompositeName, Composite<never> | Later<Composite<never>>>),
};

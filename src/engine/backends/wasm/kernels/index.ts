/** The total map from op to kernel generator: an op without an entry is a type error. */
import type { LoweredName } from "../../../lower/lowered-ops.ts";
import type { Rides } from "../../../lower/rides.ts";
import type { PrimitiveName } from "../../../ops/index.ts";
import type { PoolAttrs } from "../../../ops/pool.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  attentionDomain,
  attentionGradKernel,
  attentionGradScratch,
  attentionKernel,
  attentionScratch,
} from "./attention.ts";
import { convKernel, panelConvKernel } from "./conv.ts";
import { convWeightGradKernel } from "./conv-weight-grad.ts";
import {
  concatDomain,
  concatKernel,
  expandKernel,
  firstAxisDomain,
  permuteKernel,
  placeKernel,
  sliceKernel,
} from "./copy.ts";
import { ctcDomain, ctcGradKernel, ctcGradScratch, ctcKernel, ctcScratch } from "./ctc.ts";
import { elementwiseDomain, elementwiseKernel } from "./elementwise.ts";
import {
  embeddingDomain,
  embeddingGradDomain,
  embeddingGradKernel,
  embeddingKernel,
  gatherDomain,
  gatherKernel,
  scatterAddKernel,
  writeRowsKernel,
} from "./gather.ts";
import { type Domain, type Kernel, outputRows } from "./kernel.ts";
import type { ElementwiseName } from "./lanes.ts";
import { logSumExpDomain, logSumExpKernel } from "./log-sum-exp.ts";
import { matmulDomain, matmulKernel, matmulScratch } from "./matmul.ts";
import { avgPoolGradKernel, avgPoolKernel, coverOnce, maxPoolGradKernel, maxPoolKernel } from "./pool.ts";
import { uniformDomain, uniformKernel } from "./random.ts";
import {
  recurrenceGradKernel,
  recurrenceGradScratch,
  recurrenceKernel,
  recurrenceScratch,
  samplesDomain,
} from "./recurrent.ts";
import { argmaxDomain, argmaxKernel, reduceDomain, reduceKernel } from "./reduce.ts";
import { winogradDomain, winogradKernel, winogradScratch } from "./winograd.ts";
import { winogradInputGradKernel, winogradInputGradScratch } from "./winograd-input-grad.ts";
import { winogradWeightGradKernel, winogradWeightGradScratch } from "./winograd-weight-grad.ts";

/** How the op at the root of a group becomes code. */
export interface RootKernel {
  /** What is divided between threads when the group does not follow the batch. */
  readonly domain: (group: Kernel["group"]) => Domain;
  readonly emit: (kernel: Kernel) => void;
  readonly rides: Rides | ((root: Tensor) => Rides);
  /**
   * An op with the same operands and attributes that the kernel computes beside the root if it is in the group. Its own
   * name: the op has several results, told apart by the attribute `part`.
   */
  readonly twin?: PrimitiveName | LoweredName | undefined;
  /** Bytes of scratch memory. */
  readonly scratch?: ((root: Tensor, group: Kernel["group"]) => number) | undefined;
}

/** "lowered": legalization leaves none. */
type Kind = RootKernel | "leaf" | "view" | "elementwise" | "lowered";

const elementwise = Object.fromEntries(
  (
    [
      "neg",
      "abs",
      "exp",
      "log",
      "sqrt",
      "tanh",
      "sigmoid",
      "relu",
      "erf",
      "detach",
      "cast",
      "add",
      "sub",
      "mul",
      "div",
      "pow",
      "maximum",
      "minimum",
      "eq",
      "ne",
      "lt",
      "le",
      "gt",
      "ge",
      "where",
    ] as const satisfies ElementwiseName[]
  ).map((name) => [name, "elementwise"]),
) as Record<ElementwiseName, "elementwise">;

/** Gradients that are added up in memory are known only in the end. */
const poolGradRides = (root: Tensor): Rides => (coverOnce(root.attrs as PoolAttrs) ? "all" : "none");

export const KERNELS = {
  input: "leaf",
  parameter: "leaf",
  constant: "leaf",
  reshape: "view",
  ...elementwise,
  uniform: { domain: uniformDomain, emit: uniformKernel, rides: "dense" },
  sum: { domain: reduceDomain, emit: reduceKernel, rides: "dense" },
  max: { domain: reduceDomain, emit: reduceKernel, rides: "dense" },
  argmax: { domain: argmaxDomain, emit: argmaxKernel, rides: "dense" },
  logSumExp: { domain: logSumExpDomain, emit: logSumExpKernel, rides: "dense" },
  permute: { domain: firstAxisDomain, emit: permuteKernel, rides: "dense" },
  expand: { domain: firstAxisDomain, emit: expandKernel, rides: "dense" },
  slice: { domain: firstAxisDomain, emit: sliceKernel, rides: "dense" },
  place: { domain: firstAxisDomain, emit: placeKernel, rides: "none" },
  concat: { domain: concatDomain, emit: concatKernel, rides: "dense" },
  gather: { domain: gatherDomain, emit: gatherKernel, rides: "none" },
  scatterAdd: { domain: gatherDomain, emit: scatterAddKernel, rides: "none" },
  embedding: { domain: embeddingDomain, emit: embeddingKernel, rides: "none" },
  embeddingGrad: { domain: embeddingGradDomain, emit: embeddingGradKernel, rides: "none" },
  ctc: { domain: ctcDomain, emit: ctcKernel, rides: "dense", scratch: ctcScratch },
  ctcGrad: { domain: ctcDomain, emit: ctcGradKernel, rides: "none", scratch: ctcGradScratch },
  writeRows: { domain: firstAxisDomain, emit: writeRowsKernel, rides: "none" },
  attention: {
    domain: attentionDomain,
    emit: attentionKernel,
    rides: "none",
    twin: "attentionLse",
    scratch: attentionScratch,
  },
  attentionLse: {
    domain: attentionDomain,
    emit: attentionKernel,
    rides: "none",
    twin: "attention",
    scratch: attentionScratch,
  },
  attentionGrad: { domain: attentionDomain, emit: attentionGradKernel, rides: "none", scratch: attentionGradScratch },
  matmul: { domain: matmulDomain, emit: matmulKernel, rides: "all", scratch: matmulScratch },
  conv2d: { domain: outputRows, emit: convKernel, rides: "all" },
  conv2dPanels: { domain: outputRows, emit: panelConvKernel, rides: "all" },
  conv2dWinograd: { domain: winogradDomain, emit: winogradKernel, rides: "all", scratch: winogradScratch },
  conv2dInputGrad: "lowered",
  conv2dInputGradWinograd: {
    domain: winogradDomain,
    emit: winogradInputGradKernel,
    rides: "all",
    scratch: winogradInputGradScratch,
  },
  conv2dWeightGrad: { domain: firstAxisDomain, emit: convWeightGradKernel, rides: "none" },
  conv2dWeightGradWinograd: {
    domain: firstAxisDomain,
    emit: winogradWeightGradKernel,
    rides: "none",
    scratch: winogradWeightGradScratch,
  },
  maxPool2d: { domain: outputRows, emit: maxPoolKernel, rides: "all", twin: "maxPool2dWinners" },
  maxPool2dWinners: { domain: outputRows, emit: maxPoolKernel, rides: "all", twin: "maxPool2d" },
  maxPool2dGrad: { domain: firstAxisDomain, emit: maxPoolGradKernel, rides: poolGradRides },
  avgPool2d: { domain: outputRows, emit: avgPoolKernel, rides: "all" },
  avgPool2dGrad: { domain: firstAxisDomain, emit: avgPoolGradKernel, rides: poolGradRides },
  recurrence: "lowered",
  recurrencePanels: {
    domain: samplesDomain,
    emit: recurrenceKernel,
    rides: "none",
    twin: "recurrencePanels",
    scratch: recurrenceScratch,
  },
  recurrenceGrad: "lowered",
  recurrenceGradPanels: {
    domain: samplesDomain,
    emit: recurrenceGradKernel,
    rides: "none",
    twin: "recurrenceGradPanels",
    scratch: recurrenceGradScratch,
  },
} as const satisfies Record<PrimitiveName | LoweredName, Kind>;

/** The generator of a group's root. */
export function rootKernel(root: Tensor): RootKernel {
  const kind: Kind = KERNELS[root.op.name as keyof typeof KERNELS];
  if (typeof kind === "string") throw new Error(`kernel: ${root.op.name} is no root`);
  return kind;
}

/** Which elementwise ops may be computed on the results of a root. */
export function ridesOn(root: Tensor): Rides {
  const { rides } = rootKernel(root);
  return typeof rides === "function" ? rides(root) : rides;
}

/** Whether an op can be computed beside a root that has the same operands. */
export function isTwin(root: Tensor, tensor: Tensor): boolean {
  const shared = (attrs: object): string => JSON.stringify({ ...attrs, part: undefined });
  return rootKernel(root).twin === tensor.op.name && shared(root.attrs) === shared(tensor.attrs);
}

/** What a group's range is divided over. */
export function domainOf(group: Kernel["group"]): Domain {
  return group.root === undefined ? elementwiseDomain(group) : rootKernel(group.root).domain(group);
}

/** Generates the code of a group. */
export function emitKernel(kernel: Kernel, isPartial: (tensor: Tensor) => boolean): void {
  const { root } = kernel.group;
  if (root === undefined) elementwiseKernel(kernel, isPartial);
  else rootKernel(root).emit(kernel);
}

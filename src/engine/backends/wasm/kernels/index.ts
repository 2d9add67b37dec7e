/**
 * The total map from op to kernel generator: an op without an entry is a type error. Families that most networks do without
 * are loaded where a graph has them (on-demand.ts).
 */
import type { LoweredName } from "../../../lower/lowered-ops.ts";
import type { RideRules, Rides } from "../../../lower/rides.ts";
import { type Later, later, loaded } from "../../../on-demand.ts";
import type { PrimitiveName } from "../../../ops/index.ts";
import type { PoolAttrs } from "../../../ops/pool.ts";
import type { Tensor } from "../../../tensor.ts";
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
import { type Domain, type Kernel, outputRows, type RootKernel } from "./kernel.ts";
import type { ElementwiseName } from "./lanes.ts";
import { logSumExpDomain, logSumExpKernel } from "./log-sum-exp.ts";
import { matmulDomain, matmulKernel, matmulScratch } from "./matmul.ts";
import { avgPoolGradKernel, avgPoolKernel, coverOnce, maxPoolGradKernel, maxPoolKernel } from "./pool.ts";
import { uniformDomain, uniformKernel } from "./random.ts";
import { argmaxDomain, argmaxKernel, reduceDomain, reduceKernel } from "./reduce.ts";
import { winogradDomain, winogradKernel, winogradScratch } from "./winograd.ts";
import { winogradInputGradKernel, winogradInputGradScratch } from "./winograd-input-grad.ts";
import { winogradWeightGradKernel, winogradWeightGradScratch } from "./winograd-weight-grad.ts";

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

const sequences = () => import("./sequences.ts");

/** Gradients that are added up in memory are known only in the end. */
const poolGradRides = (root: Tensor): Rides => (coverOnce(root.attrs as PoolAttrs) ? "all" : "none");

export const KERNELS = {
  input: "leaf",
  parameter: "leaf",
  constant: "leaf",
  reshape: "view",
  ...elementwise,
  arange: later(sequences, "arangeRoot"),
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
  sliceAt: later(sequences, "sliceAtRoot"),
  placeAt: later(sequences, "placeAtRoot"),
  gather: { domain: gatherDomain, emit: gatherKernel, rides: "none" },
  scatterAdd: { domain: gatherDomain, emit: scatterAddKernel, rides: "none" },
  embedding: { domain: embeddingDomain, emit: embeddingKernel, rides: "none" },
  embeddingGrad: { domain: embeddingGradDomain, emit: embeddingGradKernel, rides: "none" },
  ctc: later(sequences, "ctcRoot"),
  ctcGrad: later(sequences, "ctcGradRoot"),
  writeRows: { domain: firstAxisDomain, emit: writeRowsKernel, rides: "none" },
  attention: later(sequences, "attentionRoot"),
  attentionLse: later(sequences, "attentionLseRoot"),
  attentionGrad: later(sequences, "attentionGradRoot"),
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
  recurrencePanels: later(sequences, "recurrenceRoot"),
  recurrenceGrad: "lowered",
  recurrenceGradPanels: later(sequences, "recurrenceGradRoot"),
} as const satisfies Record<PrimitiveName | LoweredName, Kind | Later<Kind>>;

/** The kernels that a graph may need, by the name of an op. */
export type KernelTable = ReadonlyMap<string, Kind>;

/** @param names of the ops that the graph has */
export const loadKernels = (names: Iterable<string>): Promise<KernelTable> => loaded<Kind>(KERNELS, names);

/** The generator of a group's root. */
export function rootKernel(kernels: KernelTable, root: Tensor): RootKernel {
  const kind = kernels.get(root.op.name);
  if (typeof kind !== "object") throw new Error(`kernel: ${root.op.name} is no root`);
  return kind;
}

/** What groups may be made of, by what is computed together. */
export const rideRules = (kernels: KernelTable): RideRules => ({
  ridesOn: (root) => {
    const { rides } = rootKernel(kernels, root);
    return typeof rides === "function" ? rides(root) : rides;
  },
  isTwin: (root, tensor) => {
    const shared = (attrs: object): string => JSON.stringify({ ...attrs, part: undefined });
    return rootKernel(kernels, root).twin === tensor.op.name && shared(root.attrs) === shared(tensor.attrs);
  },
});

/** What a group's range is divided over. */
export function domainOf(kernels: KernelTable, group: Kernel["group"]): Domain {
  return group.root === undefined ? elementwiseDomain(group) : rootKernel(kernels, group.root).domain(group);
}

/** Generates the code of a group. */
export function emitKernel(kernels: KernelTable, kernel: Kernel, isPartial: (tensor: Tensor) => boolean): void {
  const { root } = kernel.group;
  if (root === undefined) elementwiseKernel(kernel, isPartial);
  else rootKernel(kernels, root).emit(kernel);
}

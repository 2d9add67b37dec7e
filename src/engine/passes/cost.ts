/**
 * What a graph costs to compile and to run once, from its shapes alone: for summaries, and for the budgets of files that
 * come from strangers (engine/budget.ts).
 */
import type { Budget, BudgetName } from "../budget.ts";
import { VALUES_PER_ENTRY } from "../budget.ts";
import type { ConstantAttrs } from "../ops/constant.ts";
import { type MatmulAttrs, matmulDims } from "../ops/matmul.ts";
import type { PoolAttrs } from "../ops/pool.ts";
import { sizeOf } from "../shape.ts";
import { type Tensor, watched } from "../tensor.ts";
import { topologicalOrder } from "../trace.ts";
import { expandComposites } from "./expand.ts";

/** [B, T] steps, each with both weights. */
const recurrentMultiplyAdds = ({ inputs: [x, weightIh, weightHh] }: Tensor): number =>
  sizeOf(x.shape.slice(0, 2)) * (weightIh.size + weightHh.size);

/** The ops whose cost is a count of multiplications with an addition. */
const MULTIPLY_ADDS: ReadonlyMap<string, (call: Tensor) => number> = new Map([
  // [N, P, Q, O] outputs, R·S·(C / groups) products each
  ["conv2d", ({ shape, inputs: [, w] }: Tensor) => sizeOf(shape) * sizeOf(w.shape.slice(0, 3))],
  // [N, P, Q, O] inputs, R·S·(C / groups) products each
  ["conv2dInputGrad", ({ inputs: [g, w] }: Tensor) => sizeOf(g.shape) * sizeOf(w.shape.slice(0, 3))],
  // [B, T, G·H] gates, H products each
  ["recurrence", ({ inputs: [x, , , hidden] }: Tensor) => sizeOf(x.shape) * hidden.shape[1]],
  ["lstm", recurrentMultiplyAdds],
  ["gru", recurrentMultiplyAdds],
  ["matmul", ({ shape, inputs: [a, b], attrs }: Tensor) => sizeOf(shape) * matmulDims(a, b, attrs as MatmulAttrs).K],
]);

/** Multiplications with an addition in a convolution or matrix product; 0 for other ops, which are small beside them. */
export function multiplyAddsOf(tensor: Tensor): number {
  return MULTIPLY_ADDS.get(tensor.op.name)?.(tensor) ?? 0;
}

/** Ops that make nothing, so that none are compiled: their values are there already. */
export const FREE: ReadonlySet<string> = new Set(["input", "parameter", "reshape"]);

/** An upper bound on elementwise work, in multiply-adds an element: exp and its kind take about as many. */
const PER_ELEMENT = 8;

/** About as many multiply-adds as one op takes. */
export function operationsOf(tensor: Tensor): number {
  if (FREE.has(tensor.op.name)) return 0;
  const { kernel } = tensor.attrs as Partial<PoolAttrs>;
  const window = kernel === undefined ? 1 : kernel[0] * kernel[1];
  const touched = Math.max(tensor.size * window, ...tensor.inputs.map(({ size }) => size));
  return multiplyAddsOf(tensor) + touched * PER_ELEMENT;
}

let tracing: Budget | undefined;

/** A file's network is traced several times until the file is open, so that what is traced counts more than once. */
const TRACED = 2;

/**
 * Traces what a stranger's file describes: every tensor that is made and its operands count as entries, so that a node which
 * stands for thousands of ops is refused while it makes them. Arithmetic on shapes, which is never compiled, may be long.
 * @param budget none is spent without one
 */
export function metered<T>(budget: Budget | undefined, where: string, trace: () => T): T {
  if (budget === undefined) return trace();
  const before = tracing;
  tracing = budget;
  try {
    return watched(({ inputs }) => budget.spend("entries", TRACED * (1 + inputs.length), where), trace);
  } finally {
    tracing = before;
  }
}

/** Spends from the budget of what is being traced, for work that is done at once: lists of numbers, constants worked out. */
export function spendWhileTracing(what: BudgetName, amount: number, where: string): void {
  tracing?.spend(what, amount, where);
}

/**
 * Spends what a graph costs: its operands on compiling, its operations and the bytes of all its tensors on one run.
 * @param samples that the graph works on; the budget pays for one
 * @throws TooLargeError before anything of it is compiled
 */
export function spendGraph(budget: Budget, outputs: readonly Tensor[], where: string, samples = 1): void {
  // Without the composites' bodies first: those may be many.
  const order = topologicalOrder(outputs);
  budget.spend("entries", order.length, where);
  budget.spend("operands", order.filter(({ op }) => !FREE.has(op.name)).length, where);
  for (const tensor of topologicalOrder(expandComposites(outputs))) {
    const what = `${where} (${tensor.op.name})`;
    const { value } = tensor.attrs as Partial<ConstantAttrs>;
    if (Array.isArray(value)) budget.spend("entries", value.length / VALUES_PER_ENTRY, what);
    if (!FREE.has(tensor.op.name)) budget.spend("operands", tensor.inputs.length, what);
    budget.spend("operations", operationsOf(tensor) / samples, what);
    if (!FREE.has(tensor.op.name)) budget.spend("memory", (tensor.size * 4) / samples, what);
  }
}

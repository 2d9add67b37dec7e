/** Elementwise ops on four lanes: the total map from op to instructions, and the evaluation of a group's chain of them. */
import type { CastAttrs } from "../../../ops/elementwise.ts";
import type { primitives } from "../../../ops/index.ts";
import { scalarOf } from "../../../passes/simplify.ts";
import type { Tensor } from "../../../tensor.ts";
import { type Func, splatConst, splatConstI, type V128, v, vi } from "../assembler.ts";
import { erf, exp, type Isa, log, pow, sigmoid, tanh } from "../math.ts";
import type { Kernel } from "./kernel.ts";

/** Four values; a mask has all bits set where a comparison holds. */
export interface Lanes {
  readonly value: V128;
  readonly mask: boolean;
}

/** Lanes as numbers: a comparison's mask becomes 0 or 1. */
export function numeric(lanes: Lanes): V128 {
  return lanes.mask ? v.and(lanes.value, splatConstI(1)) : lanes.value;
}

/** A scalar constant in all lanes. */
function constantLanes(tensor: Tensor): V128 | undefined {
  const value = scalarOf(tensor);
  if (value === undefined) return undefined;
  return tensor.dtype === "int32" ? splatConstI(value) : splatConst(value);
}

/** The names of the ops that have a scalar function. */
export type ElementwiseName = {
  [N in keyof typeof primitives]: (typeof primitives)[N] extends { scalar: unknown } ? N : never;
}[keyof typeof primitives];

type Lower = (f: Func, isa: Isa, x: readonly V128[], tensor: Tensor) => V128;

const float =
  (op: (...x: V128[]) => V128): Lower =>
  (_, __, x) =>
    op(...x);
const either =
  (asFloat: (...x: V128[]) => V128, asInt: (...x: V128[]) => V128): Lower =>
  (_, __, x, tensor) =>
    tensor.inputs[0].dtype === "int32" ? asInt(...x) : asFloat(...x);

/** Ops on numbers. Comparisons give masks; `where` and `cast` look at masks themselves, below. */
const LOWERINGS = {
  neg: either(v.neg, vi.neg),
  abs: either(v.abs, vi.abs),
  exp: (f, isa, [x]) => exp(f, isa, x),
  log: (f, isa, [x]) => log(f, isa, x),
  sqrt: float(v.sqrt),
  tanh: (f, isa, [x]) => tanh(f, isa, x),
  sigmoid: (f, isa, [x]) => sigmoid(f, isa, x),
  relu: (_, __, [x]) => v.pmax(x, splatConst(0)),
  erf: (f, isa, [x]) => erf(f, isa, x),
  detach: (_, __, [x]) => x,
  add: either(v.add, vi.add),
  sub: either(v.sub, vi.sub),
  mul: either(v.mul, vi.mul),
  div: float(v.div),
  pow: (f, isa, [a, b]) => pow(f, isa, a, b),
  maximum: either(v.max, vi.max),
  minimum: either(v.min, vi.min),
  eq: either(v.eq, vi.eq),
  ne: either(v.ne, vi.ne),
  lt: either(v.lt, vi.lt),
  le: either(v.le, vi.le),
  gt: either(v.gt, vi.gt),
  ge: either(v.ge, vi.ge),
  cast: (_, __, [x], tensor) => castLanes(x, tensor),
  where: (_, __, [condition, a, b]) => v.bitselect(b, a, vi.eq(condition, splatConstI(0))),
} as const satisfies Record<ElementwiseName, Lower>;

const COMPARISONS: ReadonlySet<string> = new Set<ElementwiseName>(["eq", "ne", "lt", "le", "gt", "ge"]);

function castLanes(x: V128, tensor: Tensor): V128 {
  const { dtype } = tensor.attrs as CastAttrs;
  const [{ dtype: from }] = tensor.inputs;
  if (from === "float32") return v.truncToI(x);
  return dtype === "float32" ? v.fromI(x) : x; // uint8 lanes are widened when they are loaded
}

/**
 * Evaluates the elementwise nodes of a group on four lanes.
 * @param read loads operands from outside
 * @param made results of the nodes that are no elementwise ops
 */
export function evaluate(
  kernel: Kernel,
  read: (operand: Tensor) => V128,
  made: ReadonlyMap<Tensor, V128> = new Map(),
): Map<Tensor, Lanes> {
  const { f, isa, group } = kernel;
  const known = new Map<Tensor, Lanes>();
  const lanesOf = (operand: Tensor): Lanes => {
    let lanes = known.get(operand);
    if (lanes === undefined) {
      lanes = { value: constantLanes(operand) ?? f.let(read(operand)), mask: false };
      known.set(operand, lanes);
    }
    return lanes;
  };
  for (const node of group.nodes) {
    const result = made.get(node);
    if (result !== undefined) {
      known.set(node, { value: f.let(result), mask: false });
      continue;
    }
    const operands = node.inputs.map(lanesOf);
    const lower: Lower = LOWERINGS[node.op.name as ElementwiseName];
    const maskFirst = operands[0].mask;
    let value: V128;
    if (node.op.name === "where" && maskFirst) {
      value = v.bitselect(numeric(operands[1]), numeric(operands[2]), operands[0].value);
    } else if (node.op.name === "cast" && maskFirst && node.dtype === "float32") {
      value = v.and(operands[0].value, splatConst(1));
    } else {
      value = lower(f, isa, operands.map(numeric), node);
    }
    known.set(node, { value: f.let(value), mask: COMPARISONS.has(node.op.name) });
  }
  return known;
}

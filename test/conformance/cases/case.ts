/** What a conformance case is, and the graph that it stands for. */
import { gradients } from "../../../src/engine/autodiff.ts";
import type { DType, TypedArray } from "../../../src/engine/dtype.ts";
import { constant } from "../../../src/engine/ops/constant.ts";
import { mul } from "../../../src/engine/ops/elementwise.ts";
import { sum } from "../../../src/engine/ops/reduce.ts";
import { expandComposites } from "../../../src/engine/passes/expand.ts";
import { type Shape, sizeOf } from "../../../src/engine/shape.ts";
import { Parameter, type Primitive, type Tensor } from "../../../src/engine/tensor.ts";
import { type Graph, type Tracer, topologicalOrder, trace } from "../../../src/engine/trace.ts";
import { disorder, integerNoise, uniformNoise } from "../../helpers/noise.ts";

/**
 * Where the values of an input come from: uniform in a range; `distinct` odd multiples of 1/64 in disorder (no ties, no
 * zero, so no kinks); `between`, which never equals a `distinct` number; `ties`, few values, 0 among them; a list.
 */
export type Fill = readonly [low: number, high: number] | "distinct" | "between" | "ties" | { readonly list: number[] };

export interface CaseInput {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly fill: Fill;
  /** Whether axis 0 may run over the samples of a batch. */
  readonly batched: boolean;
  /** Whether a gradient with respect to it is asked for. */
  readonly wanted: boolean;
}

export interface Case {
  readonly label: string;
  readonly inputs: readonly CaseInput[];
  readonly build: (...inputs: Tensor[]) => Tensor;
  /** `smooth`: also checked by finite differences; `kinks`: has ties or corners; `none`: no gradient is defined. */
  readonly gradient: "smooth" | "kinks" | "none";
  /** Relative to magnitude; 0 asks for equality. */
  readonly tolerance: number;
}

/** A float input whose axis 0 may be a batch. */
export const x = (shape: Shape, fill: Fill = [-2, 2]): CaseInput => ({
  shape,
  dtype: "float32",
  fill,
  batched: shape.length > 0,
  wanted: true,
});

/** A float input without a batch axis: a weight. */
export const w = (shape: Shape, fill: Fill = [-2, 2]): CaseInput => ({ ...x(shape, fill), batched: false });

/** An int32 input, low ≤ n < high. */
export const ints = (shape: Shape, low: number, high: number, batched = true): CaseInput => ({
  shape,
  dtype: "int32",
  fill: [low, high],
  batched: batched && shape.length > 0,
  wanted: false,
});

/** A float input that no gradient is asked for: a target. */
export const fixed = (input: CaseInput): CaseInput => ({ ...input, wanted: false });

export function define(
  label: string,
  inputs: readonly CaseInput[],
  build: Case["build"],
  options: Partial<Pick<Case, "gradient" | "tolerance">> = {},
): Case {
  return { label, inputs, build, gradient: "smooth", tolerance: 1e-5, ...options };
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;

/** Values of an input; they depend on its position and size only. */
export function valuesOf({ shape, dtype, fill }: CaseInput, position: number): TypedArray {
  const count = sizeOf(shape);
  const seed = 1000 * (position + 1) + count;
  if (fill === "distinct") {
    return Float32Array.from(disorder(seed, count), (k) => (2 * k - count + 1 + (count % 2)) / 64);
  }
  if (fill === "between") return Float32Array.from(disorder(seed, count), (k) => (4 * k - 2 * count + 1) / 128);
  if (fill === "ties") return Float32Array.from(integerNoise(seed, count, -2, 3), (k) => k / 2);
  if ("list" in fill) return ARRAYS[dtype].from(fill.list);
  const [low, high] = fill;
  return dtype === "float32"
    ? uniformNoise(seed, count, low, high)
    : ARRAYS[dtype].from(integerNoise(seed, count, low, high));
}

/**
 * `single`: every input is a plain input; `batched`: inputs that can carry a batch axis do, and the weights are
 * parameters, as in a training step.
 */
export type Mode = "single" | "batched";

export const modes: readonly Mode[] = ["single", "batched"];

/** Whether `batched` says anything that `single` does not. */
export const hasMode = (c: Case, mode: Mode): boolean => mode === "single" || c.inputs.some((input) => input.batched);

export interface CaseGraph {
  readonly graph: Graph;
  readonly feeds: Readonly<Record<string, TypedArray>>;
}

/** The case as a graph: output `y` and, when asked for, the gradient of a weighted sum of y with respect to each input. */
export function caseGraph(c: Case, mode: Mode, withGradients: boolean): CaseGraph {
  const feeds: Record<string, TypedArray> = {};
  const graph = trace((tracer) => {
    const tensors = c.inputs.map((input, i) => {
      const values = valuesOf(input, i);
      if (mode === "batched" && !input.batched && values instanceof Float32Array) {
        return new Parameter(input.shape, values);
      }
      feeds[`x${i}`] = values;
      return tracer.input(`x${i}`, input.shape, input.dtype, mode === "batched" && input.batched);
    });
    const y = c.build(...tensors);
    const wanted = tensors.filter((_, i) => c.inputs[i].wanted);
    if (!withGradients || wanted.length === 0) return { y };
    const grads = gradients(weightedSum(y, tracer, feeds), wanted);
    return { y, ...Object.fromEntries(grads.map((grad, i) => [`d${tensors.indexOf(wanted[i])}`, grad])) };
  });
  return { graph, feeds };
}

/** Whether a gradient of the case can be asked for. */
export function hasGradient(c: Case): boolean {
  if (c.gradient === "none" || !c.inputs.some((input) => input.wanted)) return false;
  return caseGraph(c, "single", false).graph.outputs["y"].dtype === "float32";
}

/** Σ y·v with random v: its gradient is a product with the whole Jacobian. */
function weightedSum(y: Tensor, tracer: Tracer, feeds: Record<string, TypedArray>): Tensor {
  if (y.rank === 0) return mul(y, constant(0.75));
  feeds["v"] = uniformNoise(77, y.size);
  return sum(mul(y, tracer.input("v", y.shape, "float32", carriesBatch(y))));
}

/** Follows the batch axis from the inputs to a tensor by the ops' own rules. */
function carriesBatch(tensor: Tensor): boolean {
  const [root] = expandComposites([tensor]);
  const batched = new Map<Tensor, boolean>();
  for (const t of topologicalOrder([root])) {
    const from = t.inputs.map((input) => batched.get(input) === true);
    const rule = (t.op as Primitive<never>).batch(from, { inputs: t.inputs, output: t, attrs: t.attrs as never });
    const isApart = rule === "map" || (rule === "order" && t.shape[0] === t.inputs[0].shape[0]);
    batched.set(t, rule === "source" || (isApart && from.some(Boolean)));
  }
  return batched.get(root) === true;
}

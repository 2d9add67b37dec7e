/**
 * The oracle: evaluates a graph through the reference loops of the ops with float64 inputs and outputs, so that
 * neither end is rounded. Finite differences need that, and backends are compared with it.
 */
import { computePlainly } from "../../src/engine/backends/reference/loops.ts";
import { allocate } from "../../src/engine/dtype.ts";
import type { InputAttrs } from "../../src/engine/ops/constant.ts";
import { expandComposites } from "../../src/engine/passes/expand.ts";
import { rewriteGraph } from "../../src/engine/passes/rewrite.ts";
import { type NdArray, Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { type Graph, graphOrder } from "../../src/engine/trace.ts";

export type Numbers = NdArray["data"];

/** Values of a graph's outputs; updates are not carried out. */
export function evaluate(source: Graph, inputs: Readonly<Record<string, Numbers>>): Record<string, Numbers> {
  const graph = rewriteGraph(source, (roots) => expandComposites(roots));
  const values = new Map<Tensor, NdArray>();
  for (const tensor of graphOrder(graph)) {
    values.set(tensor, { shape: tensor.shape, data: compute(tensor, inputs, values) });
  }
  return Object.fromEntries(
    Object.entries(graph.outputs).map(([name, tensor]) => [name, (values.get(tensor) as NdArray).data]),
  );
}

function compute(
  tensor: Tensor,
  inputs: Readonly<Record<string, Numbers>>,
  values: ReadonlyMap<Tensor, NdArray>,
): Numbers {
  if (tensor instanceof Parameter) return tensor.data;
  if (tensor.op.name === "input") return inputs[(tensor.attrs as InputAttrs).name];
  const data = tensor.dtype === "float32" ? new Float64Array(tensor.size) : allocate(tensor.dtype, tensor.size);
  const operands = tensor.inputs.map((input) => values.get(input) as NdArray);
  computePlainly(tensor, operands, { shape: tensor.shape, data });
  return data;
}

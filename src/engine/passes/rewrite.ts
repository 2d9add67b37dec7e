/** The walk that all graph-to-graph passes share: rebuild every tensor, inputs first, through one rewriting function. */

import { Tensor } from "../tensor.ts";
import { type Graph, topologicalOrder, writesOf } from "../trace.ts";

/** Returns the replacement of a tensor whose inputs have been rewritten already, or the tensor itself. */
export type Rule = (tensor: Tensor) => Tensor;

/** The tensor with other inputs; itself when they are the same. */
export function withInputs(tensor: Tensor, inputs: readonly Tensor[]): Tensor {
  if (inputs.every((input, i) => input === tensor.inputs[i])) return tensor;
  return new Tensor(tensor.op, inputs, tensor.attrs, tensor);
}

/**
 * Rewrites everything that `roots` depend on. Identity is kept where nothing changes, so parameters stay themselves.
 * @param before tensors that are rewritten already, or stay
 */
export function rewrite(roots: readonly Tensor[], rule: Rule, before: Iterable<Tensor> = []): Tensor[] {
  const replacements = new Map<Tensor, Tensor>();
  const replaced = (tensor: Tensor): Tensor => replacements.get(tensor) ?? tensor;
  for (const tensor of topologicalOrder(roots, before)) {
    replacements.set(tensor, rule(withInputs(tensor, tensor.inputs.map(replaced))));
  }
  return roots.map(replaced);
}

/** Rewrites the outputs, updates and state of a graph. */
export function rewriteGraph(graph: Graph, rewriteRoots: (roots: readonly Tensor[]) => Tensor[]): Graph {
  const names = Object.keys(graph.outputs);
  const values = rewriteRoots([...Object.values(graph.outputs), ...writesOf(graph).map(({ value }) => value)]);
  const written = values.slice(names.length);
  return {
    inputs: graph.inputs,
    outputs: Object.fromEntries(names.map((name, i) => [name, values[i]])),
    updates: graph.updates.map(({ target }, i) => ({ target, value: written[i] })),
    state: graph.state.map(({ target }, i) => ({ target, value: written[graph.updates.length + i] })),
  };
}

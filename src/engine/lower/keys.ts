/** Groups by structure: those that are alike share one function, which gets their tensors as arguments. And by name. */
import type { Group } from "../passes/fuse.ts";
import { scalarOf } from "../passes/simplify.ts";
import { isView, storageOf } from "../passes/storage.ts";
import type { Tensor } from "../tensor.ts";

/** The stored tensors that a group touches, in the order in which code for it gets them. */
export function groupTensors(group: Group): Tensor[] {
  return [...new Set([...group.inputs.map(storageOf), ...group.outputs])];
}

/**
 * Structure of a group as text: equal texts mean equal code.
 * @param mark what else about the place of a stored tensor changes the code that reads it
 */
export function groupKey(group: Group, mark: (tensor: Tensor) => string = () => ""): string {
  const tensors = groupTensors(group);
  const nodeIndex = new Map(group.nodes.map((node, i) => [node, i]));
  const operand = (tensor: Tensor): string => {
    const node = nodeIndex.get(tensor);
    if (node !== undefined) return `n${node}`;
    const storage = storageOf(tensor);
    const place = tensors.indexOf(storage);
    const value = place < 0 ? `c${scalarOf(tensor)}` : `p${place}${mark(storage)}${isView(tensor) ? "v" : ""}`;
    return `${value}:${tensor.dtype}[${tensor.shape}]`;
  };
  const nodes = group.nodes.map((node) => {
    const attrs = JSON.stringify(node.attrs);
    return `${node.op.name}${attrs}(${node.inputs.map(operand)})${node.dtype}[${node.shape}]`;
  });
  const outputs = group.outputs.map((output) => `n${nodeIndex.get(output)}@p${tensors.indexOf(output)}`);
  return `${nodes.join("; ")} → ${outputs}`;
}

/** Names of ops in order, each with how often it comes in a row: `conv2dPanels·add·relu`, `add×2`. */
export function opsOf({ nodes }: Group): string {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op.name, (counts.get(op.name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${name}×${count}` : name)).join("·");
}

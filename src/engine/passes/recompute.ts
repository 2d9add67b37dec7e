/**
 * Recomputation, the last step of fusion (fuse.ts): what follows in a few cheap ops from a tensor that is stored anyway is not stored beside
 * it, but computed again where it is read. So batch norm's differences from the mean and the mask of a relu's gradient never travel to memory.
 */
import { alignment, sameShape } from "../shape.ts";
import { Parameter, type Tensor } from "../tensor.ts";
import type { Draft, Joins } from "./fuse.ts";
import { scalarOf } from "./simplify.ts";
import { isElementwise, storageOf } from "./storage.ts";

/** Ops that cost next to nothing beside reading a number from memory. */
const CHEAP: readonly string[] = ["add", "sub", "mul", "neg", "relu", "gt", "where"];

/** The most ops that are done again for one tensor: those between batch norm's differences and what relu gives. */
const MOST_STEPS = 3;

/**
 * Moves and copies nodes between groups.
 * @param order all tensors, each after its inputs
 * @param asked tensors that must be stored
 * @param homeOf the group that stores a tensor, for all tensors that are computed
 * @param stored tensors that groups read from memory; those that are computed again instead are taken out
 */
export function recompute(
  order: readonly Tensor[],
  asked: ReadonlySet<Tensor>,
  drafts: readonly Draft[],
  homeOf: ReadonlyMap<Tensor, number>,
  stored: Set<Tensor>,
  joins: Joins,
): void {
  const readersOf = new Map<Tensor, Set<Draft>>();
  const reads = (draft: Draft, node: Tensor): void => {
    for (const input of node.inputs) {
      const storage = storageOf(input);
      const readers = readersOf.get(storage);
      if (readers === undefined) readersOf.set(storage, new Set([draft]));
      else readers.add(draft);
    }
  };
  for (const draft of drafts) for (const node of draft.nodes) reads(draft, node);

  for (const tensor of order.toReversed()) {
    const home = drafts[homeOf.get(tensor) ?? -1];
    if (home === undefined || !stored.has(tensor) || asked.has(tensor)) continue;
    const way = wayTo(tensor, stored);
    if (way === undefined) continue;
    const readers = [...(readersOf.get(tensor) ?? [])].filter(({ nodes }) => !nodes.includes(tensor));
    const able = readers.filter(
      ({ nodes, shape }) =>
        sameShape(shape, tensor.shape) &&
        nodes.every((node) => canDoWithout(tensor, node)) &&
        way.steps.every((step) => joins(nodes[0], step)),
    );
    // Where it stays in memory for others, it is read from there unless what it follows from is being read already.
    const all = able.length === readers.length;
    const again = all ? able : able.filter((draft) => readersOf.get(way.from)?.has(draft));
    for (const draft of again) {
      const added = way.steps.filter((step) => !draft.nodes.includes(step));
      draft.nodes.splice(draft.root === undefined ? 0 : 1, 0, ...added);
      // Some steps may have been here already, behind those that now follow from them.
      draft.nodes = inputsFirst(draft.nodes);
      for (const step of added) reads(draft, step);
    }
    if (!all) continue;
    stored.delete(tensor);
    home.nodes = withoutUnread(home.nodes, stored);
  }
}

/** Whether a node reads nothing of a tensor's memory if its group has the tensor: not as a root, nor as a view. */
const canDoWithout = (tensor: Tensor, node: Tensor): boolean =>
  node.inputs.every((input) => storageOf(input) !== tensor || (input === tensor && isElementwise(node)));

/** The ops that lead to a tensor from one stored tensor of its shape, with others that are numbers or vectors. */
function wayTo(tensor: Tensor, stored: ReadonlySet<Tensor>): { steps: Tensor[]; from: Tensor } | undefined {
  const steps: Tensor[] = [];
  const from = new Set<Tensor>();
  const visit = (node: Tensor): boolean => {
    if (steps.includes(node) || scalarOf(node) !== undefined) return true;
    if (node === tensor || !isStored(node, stored)) {
      if (!isElementwise(node) || !CHEAP.includes(node.op.name) || !node.inputs.every(visit)) return false;
      return steps.push(node) <= MOST_STEPS;
    }
    const kind = alignment(node.shape, tensor.shape);
    if (kind === "same") from.add(storageOf(node));
    return kind !== "other";
  };
  const [only, ...others] = visit(tensor) ? from : [];
  // A parameter may have its new value by the time that somebody reads.
  if (only === undefined || only instanceof Parameter || others.length > 0) return undefined;
  return { steps, from: only };
}

/** Whether a tensor can be read from memory: leaves and what groups store. */
function isStored(tensor: Tensor, stored: ReadonlySet<Tensor>): boolean {
  const storage = storageOf(tensor);
  return storage.inputs.length === 0 || stored.has(storage);
}

/** The same nodes, each behind those that it reads; what stands right stays where it is. */
function inputsFirst(nodes: readonly Tensor[]): Tensor[] {
  const left = new Set(nodes);
  const order: Tensor[] = [];
  const put = (node: Tensor): void => {
    if (!left.delete(node)) return;
    node.inputs.forEach(put);
    order.push(node);
  };
  nodes.forEach(put);
  return order;
}

/** What is left of a group's nodes without those that nobody reads. */
function withoutUnread(nodes: readonly Tensor[], stored: ReadonlySet<Tensor>): Tensor[] {
  const read = new Set<Tensor>();
  return nodes
    .toReversed()
    .filter((node) => {
      const needed = stored.has(node) || read.has(node);
      if (needed) for (const input of node.inputs) read.add(input);
      return needed;
    })
    .reverse();
}

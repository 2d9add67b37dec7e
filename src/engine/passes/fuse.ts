/**
 * Fusion: decides which ops are computed together. A group is a root (a convolution, a product, a reduction, a copy) with
 * the elementwise ops that follow it, applied to its results while they are in registers, or elementwise ops alone, in
 * one loop. Groups come in an order in which each depends only on earlier ones.
 */
import { alignment, type Shape, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { recompute } from "./recompute.ts";
import { scalarOf } from "./simplify.ts";
import { isElementwise, isLeaf, isView, storageOf } from "./storage.ts";

export interface Group {
  /** The op that is no elementwise one, if there is one; it is the first node. Only its twin may be another. */
  readonly root: Tensor | undefined;
  /** Everything computed here, inputs before outputs. */
  readonly nodes: readonly Tensor[];
  /** Tensors read from outside, not counting scalar constants, which are written into the code. */
  readonly inputs: readonly Tensor[];
  /** Nodes that others need, so that they are stored. */
  readonly outputs: readonly Tensor[];
  /** Shape that the group's loop runs over. */
  readonly shape: Shape;
}

/** A group that is being made. */
export interface Draft {
  readonly root: Tensor | undefined;
  nodes: Tensor[];
  readonly shape: Shape;
}

/**
 * Decides whether an op may be computed with a group that starts with `first`: an elementwise one, or a twin of `first`,
 * which computes something else from the same operands.
 */
export type Joins = (first: Tensor, tensor: Tensor) => boolean;

/**
 * Groups the tensors of a graph.
 * @param order all tensors, each after its inputs
 * @param roots tensors that must be stored: outputs and new parameter values
 */
export function fuse(order: readonly Tensor[], roots: readonly Tensor[], joins: Joins): Group[] {
  const drafts: Draft[] = [];
  const draftOf = new Map<Tensor, number>();
  // What follows from leaves alone (a momentum's decay) waits for its first reader, to be computed with it.
  const waiting = new Set<Tensor>();
  const put = (tensor: Tensor, host: number | undefined): void => {
    waiting.delete(tensor);
    if (host === undefined) {
      draftOf.set(tensor, drafts.length);
      const root = isElementwise(tensor) ? undefined : tensor;
      drafts.push({ root, nodes: [tensor], shape: tensor.shape });
    } else {
      draftOf.set(tensor, host);
      drafts[host].nodes.push(tensor);
    }
  };
  const place = (tensor: Tensor): void => {
    const host = isElementwise(tensor) ? findHost(tensor, drafts, draftOf, joins) : undefined;
    for (const input of tensor.inputs.map(storageOf)) {
      if (waiting.has(input)) placeWaiting(input, host);
    }
    put(tensor, isElementwise(tensor) ? findHost(tensor, drafts, draftOf, joins) : findTwin(tensor, drafts, joins));
  };
  const placeWaiting = (tensor: Tensor, host: number | undefined): void => {
    for (const input of tensor.inputs) if (waiting.has(input)) placeWaiting(input, host);
    // What it follows from may have been placed in a later group, for another reader.
    const ready = (input: Tensor): boolean => (draftOf.get(storageOf(input)) ?? -1) <= (host as number);
    const fits = host !== undefined && tensor.inputs.every(ready) && fitsInto(tensor, drafts[host], joins);
    put(tensor, fits ? host : findHost(tensor, drafts, draftOf, joins));
  };
  for (const tensor of order) {
    if (isLeaf(tensor) || isView(tensor)) continue;
    const free = tensor.inputs.every((input) => isLeaf(storageOf(input)) || waiting.has(input));
    if (isElementwise(tensor) && free) waiting.add(tensor);
    else place(tensor);
  }
  for (const tensor of waiting) place(tensor);

  const asked = new Set(roots.map(storageOf));
  joinReaders(order, asked, drafts, draftOf, joins);
  const stored = storedTensors(order, asked, draftOf);
  recompute(order, asked, drafts, draftOf, stored, joins);
  return drafts.flatMap(({ root, nodes, shape }, d) => {
    if (nodes.length === 0) return [];
    const inside = new Set(nodes);
    const operands = new Set(nodes.flatMap((node) => node.inputs));
    const written = (operand: Tensor): boolean => scalarOf(operand) !== undefined && !root?.inputs.includes(operand);
    return {
      root,
      nodes,
      shape,
      inputs: [...operands].filter((operand) => !inside.has(operand) && !written(operand)),
      outputs: nodes.filter((node) => stored.has(node) && draftOf.get(node) === d),
    };
  });
}

/** Elementwise groups that a single other one reads are computed there: it may have had to wait for something else. */
function joinReaders(
  order: readonly Tensor[],
  asked: ReadonlySet<Tensor>,
  drafts: readonly Draft[],
  draftOf: Map<Tensor, number>,
  joins: Joins,
): void {
  drafts.forEach((draft, d) => {
    if (draft.root !== undefined || draft.nodes.some((node) => asked.has(node))) return;
    const readers = order.filter(
      (tensor) => draftOf.get(tensor) !== d && tensor.inputs.some((input) => draftOf.get(storageOf(input)) === d),
    );
    const [to, ...others] = new Set(readers.map((reader) => (isView(reader) ? undefined : draftOf.get(reader))));
    if (to === undefined || others.length > 0) return;
    const { root, nodes, shape } = drafts[to];
    if (root !== undefined || !sameShape(shape, draft.shape)) return;
    if (!nodes.every((node) => joins(draft.nodes[0], node))) return;
    for (const node of draft.nodes) draftOf.set(node, to);
    nodes.unshift(...draft.nodes);
    draft.nodes = [];
  });
}

/** The group whose root has the same operands and can compute this op on the way. */
function findTwin(tensor: Tensor, drafts: readonly Draft[], joins: Joins): number | undefined {
  const found = drafts.findIndex(
    ({ root }) =>
      root?.inputs.length === tensor.inputs.length &&
      root.inputs.every((input, i) => input === tensor.inputs[i]) &&
      joins(root, tensor),
  );
  return found < 0 ? undefined : found;
}

/**
 * The group that a tensor can be computed in: the latest among those of its operands, since joining an earlier one could
 * close a cycle.
 */
function findHost(
  tensor: Tensor,
  drafts: readonly Draft[],
  draftOf: ReadonlyMap<Tensor, number>,
  joins: Joins,
): number | undefined {
  const homes = tensor.inputs.map((input) => draftOf.get(storageOf(input)) ?? -1);
  const latest = Math.max(...homes);
  if (latest < 0) return undefined;
  // A view of what the group computes would be read back from memory inside the loop that writes it.
  const readsView = tensor.inputs.some((input, i) => homes[i] === latest && isView(input));
  const outside = tensor.inputs.filter((_, i) => homes[i] !== latest);
  return !readsView && fitsInto(tensor, drafts[latest], joins, outside) ? latest : undefined;
}

/** Whether a tensor's shape, its operands from `outside` and the caller's rule allow computing it in a group. */
function fitsInto(tensor: Tensor, { root, nodes, shape }: Draft, joins: Joins, outside = tensor.inputs): boolean {
  const aligned = (input: Tensor): boolean => alignment(input.shape, tensor.shape) !== "other";
  return sameShape(shape, tensor.shape) && joins(nodes[0], tensor) && (root === undefined || outside.every(aligned));
}

/** Tensors that are read by other groups, or asked for. */
function storedTensors(
  order: readonly Tensor[],
  asked: ReadonlySet<Tensor>,
  draftOf: ReadonlyMap<Tensor, number>,
): Set<Tensor> {
  const stored = new Set(asked);
  for (const tensor of order) {
    const home = draftOf.get(tensor);
    for (const input of tensor.inputs) {
      // A view's reader may stand anywhere, so what lies under a view is always stored.
      if (isView(input) || isView(tensor) || draftOf.get(input) !== home) stored.add(storageOf(input));
    }
  }
  return stored;
}

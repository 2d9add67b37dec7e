/**
 * Lowering: from a traced graph to what code is written for. Composites become their bodies, what nobody reads and what
 * changes nothing goes, ops become those that a backend has kernels for; outputs and what parameters become get tensors of their own. What
 * follows is fusion (passes/fuse.ts) and, where a backend divides its work, planning.
 */
import { detach } from "../ops/elementwise.ts";
import { cropUnread } from "../passes/crop.ts";
import { expandComposites } from "../passes/expand.ts";
import { rewriteGraph } from "../passes/rewrite.ts";
import { simplify } from "../passes/simplify.ts";
import { storageOf } from "../passes/storage.ts";
import { Parameter, type Tensor } from "../tensor.ts";
import { type Graph, opNames, topologicalOrder, type Update, writesOf } from "../trace.ts";

/**
 * The graph in the ops that a backend takes.
 * @param legalizer gives the rewriting for a graph that has ops of these names (legalize.ts)
 */
export async function lowered(
  source: Graph,
  legalizer: (names: readonly string[]) => Promise<(roots: readonly Tensor[]) => Tensor[]>,
): Promise<Graph> {
  const expanded = rewriteGraph(source, (roots) => simplify(cropUnread(expandComposites(roots))));
  const legalize = await legalizer(opNames(expanded));
  return rewriteGraph(expanded, (roots) => simplify(legalize(roots)));
}

/** A graph with what must be there in the end. */
export interface Ended {
  /** With the outputs below. */
  readonly graph: Graph;
  /** Outputs in storage of their own, so that callers can keep reading them. */
  readonly outputs: readonly Tensor[];
  /** By an identity of the new value, or by the rows that are written into the old one: the parameter that takes it. */
  readonly assigned: ReadonlyMap<Tensor, Update["target"]>;
  /** Both: all tensors that must be stored. */
  readonly roots: readonly Tensor[];
  /** Everything in the graph, each after its inputs. */
  readonly order: readonly Tensor[];
}

/** @param made hears of each identity that is added, and of what it copies; undefined for those of updates */
export function withEnds(graph: Graph, made: (copy: Tensor, of: Tensor | undefined) => void = () => {}): Ended {
  const copyOf = (tensor: Tensor): Tensor => {
    const copy = detach(tensor);
    made(copy, tensor);
    return copy;
  };
  const assigned = new Map<Tensor, Update["target"]>();
  for (const { target, value } of writesOf(graph)) {
    // Rows are written into the parameter's own place, where all who read the value find them.
    if (value.op.name === "writeRows" && value.inputs[0] === target && !assigned.has(value)) {
      assigned.set(value, target);
      continue;
    }
    // A parameter that takes another's old value takes it from a copy, in case that one changes too.
    const assignment = detach(storageOf(value) instanceof Parameter ? copyOf(value) : value);
    made(assignment, undefined);
    assigned.set(assignment, target);
  }
  const outputs = Object.values(graph.outputs).map(copyOf);
  const roots = [...outputs, ...assigned.keys()];
  const order = topologicalOrder([...graph.inputs, ...roots]);
  const names = Object.keys(graph.outputs);
  const named = Object.fromEntries(names.map((name, i) => [name, outputs[i]]));
  return { graph: { ...graph, outputs: named }, outputs, assigned, roots, order };
}

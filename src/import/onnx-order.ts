/**
 * The nodes of an ONNX graph that its output needs, each behind those that make its inputs. A file may list them in any
 * order: several converters do. Runs between reading the file and tracing it.
 */
import { DataError } from "../engine/errors.ts";
import type { OnnxModel, OnnxNode } from "../formats/onnx.ts";
import { quote } from "../formats/text.ts";

/** The operator and the name of its node, or its number in the file where it has none. */
export const nodeLabel = ({ op, domain, name }: OnnxNode, i: number): string =>
  `node ${name === "" ? i : quote(name)} (${quote(domain === "" ? op : `${domain}.${op}`).slice(1, -1)})`;

/** A node and its number in the file. */
export interface NumberedNode {
  readonly node: OnnxNode;
  readonly i: number;
}

/**
 * What `output` needs, in the order of the file where that order is possible. Takes time in proportion to the file.
 * @throws DataError for a cycle, a value that nothing makes, or one that is made twice
 */
export function orderedNodes({ nodes, initializers, inputs }: OnnxModel, output: string): readonly NumberedNode[] {
  const makers = new Map<string, number>();
  for (const [i, node] of nodes.entries()) {
    for (const name of node.outputs.filter(Boolean)) {
      if (makers.has(name)) throw new DataError(`${nodeLabel(node, i)}: its output ${quote(name)} is made twice`);
      makers.set(name, i);
    }
  }
  const given = new Set([...initializers.keys(), ...inputs.map(({ name }) => name)]);
  if (!makers.has(output) && !given.has(output)) throw new DataError(`no node makes its output ${quote(output)}`);
  /** The numbers of the nodes that make the inputs of node i. */
  const makersOf = (i: number): number[] =>
    nodes[i].inputs.flatMap((name) => {
      const maker = makers.get(name);
      if (maker === undefined && name !== "" && !given.has(name)) {
        throw new DataError(`${nodeLabel(nodes[i], i)}: its input ${quote(name)} is made by no node`);
      }
      return maker === undefined ? [] : [maker];
    });
  const needed = reachable(makers.get(output), makersOf);
  const order: NumberedNode[] = [];
  const state = new Map<number, "open" | "done">();
  for (const first of nodes.keys()) {
    if (!needed.has(first)) continue;
    // An explicit stack: long chains would overflow a recursive visit.
    const stack = [{ i: first, before: undefined as number[] | undefined }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.before === undefined) {
        if (state.get(top.i) === "done") {
          stack.pop();
          continue;
        }
        if (state.get(top.i) === "open") {
          throw new DataError(`${nodeLabel(nodes[top.i], top.i)}: it needs its own output; the nodes form a cycle`);
        }
        state.set(top.i, "open");
        top.before = makersOf(top.i);
      }
      const next = top.before.pop();
      if (next !== undefined) stack.push({ i: next, before: undefined });
      else {
        state.set(top.i, "done");
        order.push({ node: nodes[top.i], i: top.i });
        stack.pop();
      }
    }
  }
  return order;
}

function reachable(start: number | undefined, next: (i: number) => readonly number[]): Set<number> {
  const found = new Set(start === undefined ? [] : [start]);
  // A set visits what is added while it is walked through.
  for (const i of found) for (const j of next(i)) found.add(j);
  return found;
}

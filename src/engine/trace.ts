/**
 * Tracing: a function that is run once with symbolic inputs becomes a `Graph`. The first step from a model to a program;
 * autodiff, passes and backends follow.
 */
import type { DType } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { addMethods } from "./methods.ts";
import { type InputAttrs, input } from "./ops/constant.ts";
import { formatShape, type Shape, sameShape } from "./shape.ts";
import { Parameter, type Tensor } from "./tensor.ts";

addMethods();

/** A parameter that gets a new value at the end of a run. */
export interface Update {
  readonly target: Parameter<"float32"> | Parameter<"int32">;
  readonly value: Tensor;
}

/** What a program computes: named inputs, named outputs, and parameters updated in place. */
export interface Graph {
  readonly inputs: readonly Tensor[];
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly updates: readonly Update[];
  /**
   * What is carried from run to run beside training: a cache, a hidden state. Parameters that only these change are no
   * weights; everything else may be prepared as if nothing changed.
   */
  readonly state: readonly Update[];
}

/** Everything that a run changes. */
export const writesOf = ({ updates, state }: Pick<Graph, "updates" | "state">): Update[] => [...updates, ...state];

/** Collects inputs, updates and state while a function is traced. */
export class Tracer {
  readonly inputs: Tensor[] = [];
  readonly updates: Update[] = [];
  readonly state: Update[] = [];

  /** Declares an input that is written before each run. Axis 0 of a batched one runs over samples. */
  input(name: string, shape: Shape, dtype: DType = "float32", batched = false): Tensor {
    if (this.inputs.some((other) => (other.attrs as InputAttrs).name === name)) {
      throw new ShapeError(`input: there is an input named "${name}" already`);
    }
    const tensor = input({ name, shape, dtype, batched });
    this.inputs.push(tensor);
    return tensor;
  }

  /** Gives a parameter a new value at the end of each run; everything in the run still reads the old one. */
  update(target: Update["target"], value: Tensor): void {
    requireFit("update", target, value);
    this.updates.push({ target, value });
  }

  /**
   * Carries a value to the next run, in a parameter that is no weight: everything in this run still reads the old one. Where
   * the value is the parameter with rows written into it (`writeRows`), that happens in place, and what reads the value reads
   * them in the same run.
   */
  carry(target: Update["target"], value: Tensor): void {
    requireFit("carry", target, value);
    this.state.push({ target, value });
  }
}

/** @throws ShapeError unless a parameter can take a value */
function requireFit(what: string, target: Update["target"], value: Tensor): void {
  if (sameShape(target.shape, value.shape) && target.dtype === value.dtype) return;
  throw new ShapeError(
    `${what}: a ${target.dtype} parameter ${formatShape(target.shape)} cannot take a ${value.dtype} value ${formatShape(value.shape)}`,
  );
}

/** Runs `build` once and returns what it computes. */
export function trace(build: (tracer: Tracer) => Readonly<Record<string, Tensor>>): Graph {
  const tracer = new Tracer();
  const outputs = build(tracer);
  return { inputs: tracer.inputs, outputs, updates: tracer.updates, state: tracer.state };
}

/**
 * The tensors that a graph's results depend on, each after its inputs.
 * @param before tensors that are known already: neither they nor what they depend on is listed
 */
export function topologicalOrder(roots: readonly Tensor[], before: Iterable<Tensor> = []): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>(before);
  // An explicit stack: deep networks would overflow a recursive visit.
  const stack: { tensor: Tensor; next: number }[] = [];
  const enter = (tensor: Tensor): void => {
    if (seen.has(tensor)) return;
    seen.add(tensor);
    stack.push({ tensor, next: 0 });
  };
  for (const root of roots) {
    enter(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (top.next < top.tensor.inputs.length) enter(top.tensor.inputs[top.next++]);
      else {
        order.push(top.tensor);
        stack.pop();
      }
    }
  }
  return order;
}

/** Number of samples in the batch: the length of axis 0 of the batched inputs, 0 where there are none. */
export function batchSize(tensors: readonly Tensor[]): number {
  const input = tensors.find((tensor) => tensor.op.name === "input" && (tensor.attrs as InputAttrs).batched);
  return input?.shape[0] ?? 0;
}

/** Everything that a graph must compute. */
export function graphRoots(graph: Graph): Tensor[] {
  return [...Object.values(graph.outputs), ...writesOf(graph).map(({ value }) => value)];
}

/** All tensors of a graph, each after its inputs. */
export function graphOrder(graph: Graph): Tensor[] {
  return topologicalOrder(graphRoots(graph));
}

/** The names of the ops that a graph has. */
export const opNames = (graph: Graph): string[] => graphOrder(graph).map(({ op }) => op.name);

/** The parameters that a graph reads or updates. */
export function graphParameters(graph: Graph): Update["target"][] {
  const read = graphOrder(graph).filter((tensor): tensor is Parameter => tensor instanceof Parameter);
  return [...new Set([...read, ...writesOf(graph).map(({ target }) => target)])];
}

/** A graph as text, one op a line: `%3 = conv2d(%0, %2) {stride: [1,1]} : float32 [64, 26, 26, 32]`. */
export function printGraph(graph: Graph): string {
  const names = new Map<Tensor, string>();
  const lines = graphOrder(graph).map((tensor, n) => {
    names.set(tensor, `%${n}`);
    const operands = tensor.inputs.map((operand) => names.get(operand)).join(", ");
    const attrs = Object.entries(tensor.attrs)
      .filter(([key]) => key !== "shape" && key !== "dtype")
      .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
      .join(", ");
    return `%${n} = ${tensor.op.name}(${operands})${attrs && ` {${attrs}}`} : ${tensor.dtype} ${formatShape(tensor.shape)}`;
  });
  for (const [name, tensor] of Object.entries(graph.outputs)) lines.push(`${name} = ${names.get(tensor)}`);
  for (const { target, value } of writesOf(graph)) {
    lines.push(`${names.get(target) ?? `parameter ${formatShape(target.shape)}`} ← ${names.get(value)}`);
  }
  return lines.join("\n");
}

/**
 * The reference backend: runs a graph op by op through the ops' plain loops (loops.ts), in double precision. It is the
 * specification that every other backend is tested against, and the oracle for finite differences.
 */
import { allocate, BYTES, type TypedArray } from "../../dtype.ts";
import type { InputAttrs } from "../../ops/constant.ts";
import { expandComposites } from "../../passes/expand.ts";
import { rewriteGraph } from "../../passes/rewrite.ts";
import { type NdArray, Parameter, type Tensor } from "../../tensor.ts";
import { type Graph, graphOrder, graphParameters, writesOf } from "../../trace.ts";
import type { ImmediateBackend, ImmediateProgram } from "../backend.ts";
import { computePlainly } from "./loops.ts";

/** A slow backend that is right by being obvious. */
export function referenceBackend(): ImmediateBackend {
  return {
    name: "reference",
    description: "reference, plain loops in double precision",
    compile: async (graph) => new ReferenceProgram(graph),
    pull: async () => {},
    push: () => {},
    close: async () => {},
  };
}

class ReferenceProgram implements ImmediateProgram {
  readonly inputs: Record<string, TypedArray> = {};
  readonly outputs: Record<string, TypedArray> = {};
  readonly memory: ImmediateProgram["memory"];
  readonly #graph: Graph;
  readonly #order: readonly Tensor[];
  readonly #values = new Map<Tensor, NdArray>();

  constructor(source: Graph) {
    const graph = rewriteGraph(source, (roots) => expandComposites(roots));
    this.#graph = graph;
    this.#order = graphOrder(graph);
    for (const tensor of this.#order) {
      if (tensor instanceof Parameter) continue;
      const data = tensor.dtype === "float32" ? new Float64Array(tensor.size) : allocate(tensor.dtype, tensor.size);
      this.#values.set(tensor, { shape: tensor.shape, data });
    }
    for (const tensor of graph.inputs) {
      this.inputs[(tensor.attrs as InputAttrs).name] = allocate(tensor.dtype, tensor.size);
    }
    for (const [name, tensor] of Object.entries(graph.outputs))
      this.outputs[name] = allocate(tensor.dtype, tensor.size);
    const bytes = (tensors: Iterable<Tensor>): number =>
      [...tensors].reduce((total, tensor) => total + tensor.size * BYTES[tensor.dtype], 0);
    this.memory = { parameters: bytes(graphParameters(graph)), arena: bytes(this.#values.keys()) };
  }

  run(): void {
    for (const tensor of this.#graph.inputs) {
      this.#values.get(tensor)?.data.set(this.inputs[(tensor.attrs as InputAttrs).name]);
    }
    for (const tensor of this.#order) {
      const output = this.#values.get(tensor);
      if (output === undefined || tensor.op.name === "input") continue;
      output.data.fill(0);
      computePlainly(
        tensor,
        tensor.inputs.map((input) => this.#valueOf(input)),
        output,
      );
    }
    for (const [name, tensor] of Object.entries(this.#graph.outputs))
      this.outputs[name].set(this.#valueOf(tensor).data);
    // Values first, then writes: an update may read another updated parameter.
    const writes = writesOf(this.#graph);
    const values = writes.map(({ value }) => this.#valueOf(value).data.slice());
    writes.forEach(({ target }, i) => {
      target.data.set(values[i]);
    });
  }

  async ready(): Promise<void> {}

  async read(): Promise<Readonly<Record<string, TypedArray>>> {
    return this.outputs;
  }

  dispose(): void {
    this.#values.clear();
  }

  #valueOf(tensor: Tensor): NdArray {
    if (tensor instanceof Parameter) return { shape: tensor.shape, data: tensor.data };
    return this.#values.get(tensor) as NdArray;
  }
}

/**
 * A third backend, as small as one can be: graphs become JavaScript functions, translated by the engine at hand. It shows
 * what a backend takes from engine/lower and what it has to write itself.
 */
import type { ImmediateBackend, ImmediateProgram } from "../../src/engine/backends/backend.ts";
import { computePlainly } from "../../src/engine/backends/reference/loops.ts";
import { allocate, bytesOf, type TypedArray } from "../../src/engine/dtype.ts";
import { groupKey, groupTensors } from "../../src/engine/lower/keys.ts";
import { legalizer } from "../../src/engine/lower/legalize.ts";
import { lowered, withEnds } from "../../src/engine/lower/lower.ts";
import { rides } from "../../src/engine/lower/rides.ts";
import { type ConstantAttrs, fillConstant, type InputAttrs } from "../../src/engine/ops/constant.ts";
import { fuse, type Group } from "../../src/engine/passes/fuse.ts";
import { isElementwise, storageOf } from "../../src/engine/passes/storage.ts";
import { Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { type Graph, graphParameters } from "../../src/engine/trace.ts";
import { ridesOn, scalarsOf, sourceOf } from "./source.ts";

type Kernel = (arrays: readonly TypedArray[], scalars: ReturnType<typeof scalarsOf>) => void;

export function toyBackend(): ImmediateBackend {
  return {
    name: "toy",
    description: "toy, JavaScript",
    compile,
    pull: async () => {},
    push: () => {},
    close: async () => {},
  };
}

async function compile(source: Graph): Promise<ImmediateProgram> {
  const { graph, roots, order, assigned } = withEnds(await lowered(source, legalizer));
  const rules = { ridesOn, isTwin: () => false };
  // New values of parameters are made aside and copied when everything has read the old ones.
  const joins = (first: Tensor, tensor: Tensor): boolean => isElementwise(first) || rides(rules, first, tensor);
  const groups = fuse(order, roots, joins);
  const own = new Map<Tensor, TypedArray>();
  const arrayOf = (tensor: Tensor): TypedArray => {
    const storage = storageOf(tensor);
    if (storage instanceof Parameter) return storage.data;
    const known = own.get(storage) ?? allocate(storage.dtype, storage.size);
    own.set(storage, known);
    return known;
  };
  for (const tensor of order) {
    if (tensor.op.name === "constant") fillConstant(arrayOf(tensor), (tensor.attrs as ConstantAttrs).value);
  }
  const kernels = new Map<string, Kernel>();
  const steps = groups.map((group) => stepOf(group, arrayOf, kernels));
  const outputs = Object.fromEntries(Object.entries(graph.outputs).map(([name, tensor]) => [name, arrayOf(tensor)]));
  const inputs = graph.inputs.map((tensor) => [(tensor.attrs as InputAttrs).name, arrayOf(tensor)] as const);
  const bytes = (tensors: Iterable<Tensor>): number => [...tensors].reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  return {
    inputs: Object.fromEntries(inputs),
    outputs,
    memory: { parameters: bytes(graphParameters(graph)), arena: bytes(own.keys()) },
    run: () => {
      for (const step of steps) step();
      for (const [value, target] of assigned) target.data.set(arrayOf(value));
    },
    ready: async () => {},
    read: async () => outputs,
    dispose: () => own.clear(),
  };
}

/** What computes a group. */
function stepOf(group: Group, arrayOf: (tensor: Tensor) => TypedArray, kernels: Map<string, Kernel>): () => void {
  const source = sourceOf(group);
  if (source === undefined) return plainLoops(group.root as Tensor, arrayOf);
  const key = groupKey(group);
  const kernel = kernels.get(key) ?? (new Function("a", "f", source) as Kernel);
  kernels.set(key, kernel);
  const [tensors, scalars] = [groupTensors(group), scalarsOf(group)];
  return () => kernel(tensors.map(arrayOf), scalars);
}

/** An op by its plain loops, in double precision. */
function plainLoops(root: Tensor, arrayOf: (tensor: Tensor) => TypedArray): () => void {
  const { inputs, shape, dtype, size } = root;
  return () => {
    const data = dtype === "float32" ? new Float64Array(size) : allocate(dtype, size);
    const operands = inputs.map((input) => ({ shape: input.shape, data: arrayOf(input) }));
    computePlainly(root, operands, { shape, data });
    arrayOf(root).set(data);
  };
}

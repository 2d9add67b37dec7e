/**
 * The inference graph as JSON, for the model file: with it a network of a user's own class loads without that class.
 * Shapes in a graph are fixed, so the function is traced at three batch sizes and compared: a number that grows with the
 * batch is stored as `{ "batch": a, "plus": b }`, which stands for a·batch + b. Reading is in graph-module.ts.
 */
import { DuctusError } from "../engine/errors.ts";
import type { Attrs, Tensor } from "../engine/tensor.ts";
import { Parameter } from "../engine/tensor.ts";
import { type Graph, graphOrder, trace } from "../engine/trace.ts";
import { inferenceContext } from "../nn/context.ts";
import type { AnyParameter } from "../nn/module.ts";
import type { Model } from "./model.ts";

/** A number that may depend on the batch size. Infinities, which JSON lacks, are words. */
export type StoredNumber =
  | number
  | { readonly batch: number; readonly plus: number }
  | { readonly float: "Infinity" | "-Infinity" | "NaN" };

export type StoredValue = StoredNumber | string | boolean | readonly StoredNumber[];

/** One application of an op to earlier nodes. */
export interface StoredNode {
  readonly op: string;
  /** Indices of earlier nodes. */
  readonly inputs: readonly number[];
  readonly attrs: Readonly<Record<string, StoredValue>>;
}

/** A function of one batch. Plain JSON. */
export interface GraphJson {
  readonly nodes: readonly StoredNode[];
  /** Index of the node that is the result. */
  readonly output: number;
}

/** Two sizes give a line, the third tells whether it is one; above 1, so that nothing broadcasts by chance. */
const SIZES = [2, 3, 5] as const;

/**
 * Stores a function of one batch.
 * @param traceAt traces it at a batch size: one input, one output, no updates
 * @param names of the parameters that it reads
 * @throws DuctusError where the graph cannot be stored
 */
export function graphToJson(traceAt: (batch: number) => Graph, names: ReadonlyMap<AnyParameter, string>): GraphJson {
  const graphs = SIZES.map(traceAt);
  for (const { inputs, outputs, updates } of graphs) {
    if (inputs.length !== 1 || Object.keys(outputs).length !== 1 || updates.length > 0) {
      throw new DuctusError("graph: only a function of one input with one output and no updates can be stored");
    }
  }
  const orders = graphs.map(graphOrder);
  const indices = orders.map((order) => new Map(order.map((tensor, i) => [tensor, i])));
  if (orders.some((order) => order.length !== orders[0].length)) throw differs("its number of ops");
  const nodes = orders[0].map((tensor, i): StoredNode => {
    const calls = orders.map((order) => order[i]);
    const inputs = calls.map((call, trial) => call.inputs.map((input) => indices[trial].get(input) as number));
    if (calls.some((call) => call.op !== tensor.op) || inputs.some((list) => String(list) !== String(inputs[0]))) {
      throw differs(`op ${i}, ${tensor.op.name},`);
    }
    if (tensor instanceof Parameter) return storeParameter(calls, names);
    if (tensor.op.stored === undefined) {
      throw new DuctusError(`graph: ${tensor.op.name} is an op of training, which no file may hold`);
    }
    return {
      op: tensor.op.name,
      inputs: inputs[0],
      attrs: storeAttrs(
        calls.map((call) => call.attrs),
        tensor,
      ),
    };
  });
  const outputs = graphs.map((graph, trial) => indices[trial].get(Object.values(graph.outputs)[0]) as number);
  if (outputs.some((index) => index !== outputs[0])) throw differs("its output");
  return { nodes, output: outputs[0] };
}

/** Stores all that a model does in use: from raw inputs through the normalisation to logits. */
export function modelToJson(model: Model): GraphJson {
  const names = new Map<AnyParameter, string>();
  for (const [name, parameter] of model.network.namedParameters()) {
    if (!names.has(parameter)) names.set(parameter, name);
  }
  const traceAt = (batch: number): Graph =>
    trace((tracer) => {
      const x = tracer.input("input", [batch, ...model.inputShape], model.inputType, true);
      return { logits: model.logits(x, inferenceContext()) };
    });
  return graphToJson(traceAt, names);
}

function storeParameter(calls: readonly Tensor[], names: ReadonlyMap<AnyParameter, string>): StoredNode {
  const parameter = calls[0] as AnyParameter;
  if (calls.some((call) => call !== parameter)) throw differs("a parameter");
  const name = names.get(parameter);
  if (name === undefined) {
    throw new DuctusError("graph: the network uses a parameter that is not a property of one of its modules");
  }
  return { op: "parameter", inputs: [], attrs: { name, trainable: parameter.requiresGrad } };
}

function storeAttrs(versions: readonly Attrs[], tensor: Tensor): StoredNode["attrs"] {
  return Object.fromEntries(
    Object.keys(versions[0]).map((key) => {
      const values = versions.map((attrs) => (attrs as Readonly<Record<string, unknown>>)[key]);
      return [key, storeValue(values, `${tensor.op.name}'s ${key}`)];
    }),
  );
}

function storeValue(values: readonly unknown[], what: string): StoredValue {
  const [first] = values;
  if (Array.isArray(first)) {
    const lists = values as readonly (readonly number[])[];
    if (lists.some((list) => list.length !== first.length)) throw differs(what);
    return first.map((_, i) =>
      storeNumber(
        lists.map((list) => list[i]),
        what,
      ),
    );
  }
  if (typeof first === "number") return storeNumber(values as readonly number[], what);
  if ((typeof first === "string" || typeof first === "boolean") && values.every((value) => value === first)) {
    return first;
  }
  throw differs(what);
}

function storeNumber(values: readonly number[], what: string): StoredNumber {
  const [first, second] = values;
  if (values.every((value) => Object.is(value, first))) {
    return Number.isFinite(first) ? first : { float: String(first) as "Infinity" };
  }
  const batch = (second - first) / (SIZES[1] - SIZES[0]);
  const plus = first - batch * SIZES[0];
  if (values.every((value, trial) => Number.isInteger(value) && value === batch * SIZES[trial] + plus)) {
    return { batch, plus };
  }
  throw differs(what);
}

function differs(what: string): DuctusError {
  return new DuctusError(`graph: ${what} depends on the batch size in a way that cannot be stored`);
}

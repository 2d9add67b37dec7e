/**
 * The inference graph as JSON, for the model file: with it a network of a user's own class loads without that class.
 * Shapes in a graph are fixed, so the function is traced at several batch sizes, and lengths of other axes that have a name, and
 * compared: a number that grows with the batch is stored as `{ "batch": a, "plus": b }`, which stands for a·batch + b, and one
 * that depends on other axes as a sum of products. Reading is in graph-module.ts.
 */
import { openAxes, shapeAt } from "../data/port.ts";
import { DuctusError } from "../engine/errors.ts";
import type { Attrs, Tensor } from "../engine/tensor.ts";
import { Parameter } from "../engine/tensor.ts";
import { type Graph, graphOrder, trace } from "../engine/trace.ts";
import { inferenceContext } from "../nn/context.ts";
import type { AnyParameter } from "../nn/module.ts";
import type { AnyModel } from "./model.ts";

/** A number that may depend on the batch size. Infinities, which JSON lacks, are words. */
export type StoredNumber =
  | number
  | { readonly batch: number; readonly plus: number }
  | { readonly terms: readonly Term[] }
  /** One over a sum of products: what a mean over an open axis is multiplied by. */
  | { readonly inverse: readonly Term[] }
  | { readonly float: "Infinity" | "-Infinity" | "NaN" };

/** A product: a factor and the names of axes, whose lengths it is multiplied by. */
export type Term = readonly [factor: number, ...axes: readonly string[]];

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

/** Lengths of all named axes, `batch` among them. */
export type AxisLengths = Readonly<Record<string, number>>;

/**
 * Lengths at which a function is traced: two give a line, the third tells whether it is one. Above 1, so that nothing broadcasts by
 * chance; those of other axes than the batch can be halved three times, as strides do.
 */
const BATCHES = [2, 3, 5] as const;
const LENGTHS = [16, 24, 40] as const;
const trialsOf = (axis: string): readonly [low: number, high: number, third: number] =>
  axis === BATCH_AXIS ? BATCHES : LENGTHS;

const BATCH_AXIS = "batch";

/** Where a function is traced: at all combinations of low and high lengths, and at one point besides. */
function pointsOf(axes: readonly string[]): AxisLengths[] {
  const corners = axes.reduce<AxisLengths[]>(
    (points, axis) =>
      trialsOf(axis)
        .slice(0, 2)
        .flatMap((length) => points.map((point) => ({ ...point, [axis]: length }))),
    [{}],
  );
  return [...corners, Object.fromEntries(axes.map((axis) => [axis, trialsOf(axis)[2]]))];
}

/**
 * Stores a function of one batch.
 * @param traceAt traces it at lengths of the axes: no updates; of several outputs the first is the function's, what others need is stored, too
 * @param names of the parameters that it reads
 * @param open names of the axes beside the batch whose lengths may be any
 * @throws DuctusError where the graph cannot be stored
 */
export function graphToJson(
  traceAt: (lengths: AxisLengths) => Graph,
  names: ReadonlyMap<AnyParameter, string>,
  open: readonly string[] = [],
): GraphJson {
  const axes = [BATCH_AXIS, ...open];
  const graphs = pointsOf(axes).map(traceAt);
  for (const { outputs, updates } of graphs) {
    if (Object.keys(outputs).length === 0 || updates.length > 0) {
      throw new DuctusError("graph: only a function with an output and no updates can be stored");
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
    const attrs = storeAttrs(
      calls.map((call) => call.attrs),
      tensor,
      axes,
    );
    return { op: tensor.op.name, inputs: inputs[0], attrs };
  });
  const outputs = graphs.map((graph, trial) => indices[trial].get(Object.values(graph.outputs)[0]) as number);
  if (outputs.some((index) => index !== outputs[0])) throw differs("its output");
  return { nodes, output: outputs[0] };
}

/** Name that the main input has in a stored graph; others go by the names of their ports. */
export const MAIN_INPUT = "input";

/** Stores all that a model does in use: from raw inputs through the normalization to logits. */
export function modelToJson(model: AnyModel): GraphJson {
  const names = new Map<AnyParameter, string>();
  for (const [name, parameter] of model.network.namedParameters()) {
    if (!names.has(parameter)) names.set(parameter, name);
  }
  const { ports } = model.task.input;
  const traceAt = ({ batch, ...sizes }: AxisLengths): Graph =>
    trace((tracer) => {
      const inputs = Object.entries(ports).map(([name, port]) => {
        const shape = [batch, ...shapeAt(port, sizes)];
        return [name, tracer.input(name === "x" ? MAIN_INPUT : name, shape, port.dtype, true)] as const;
      });
      const { logits } = model.outputs(Object.fromEntries(inputs), inferenceContext());
      return { logits };
    });
  return graphToJson(traceAt, names, openAxes(ports));
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

function storeAttrs(versions: readonly Attrs[], tensor: Tensor, axes: readonly string[]): StoredNode["attrs"] {
  return Object.fromEntries(
    Object.keys(versions[0]).map((key) => {
      const values = versions.map((attrs) => (attrs as Readonly<Record<string, unknown>>)[key]);
      return [key, storeValue(values, `${tensor.op.name}'s ${key}`, axes)];
    }),
  );
}

function storeValue(values: readonly unknown[], what: string, axes: readonly string[]): StoredValue {
  const [first] = values;
  if (Array.isArray(first)) {
    const lists = values as readonly (readonly number[])[];
    if (lists.some((list) => list.length !== first.length)) throw differs(what);
    return first.map((_, i) =>
      storeNumber(
        lists.map((list) => list[i]),
        what,
        axes,
      ),
    );
  }
  if (typeof first === "number") return storeNumber(values as readonly number[], what, axes);
  if ((typeof first === "string" || typeof first === "boolean") && values.every((value) => value === first)) {
    return first;
  }
  throw differs(what);
}

function storeNumber(values: readonly number[], what: string, axes: readonly string[]): StoredNumber {
  const [first] = values;
  if (values.every((value) => Object.is(value, first))) {
    return Number.isFinite(first) ? first : { float: String(first) as "Infinity" };
  }
  const points = pointsOf(axes);
  const terms = termsOf(values.slice(0, -1), axes).filter(([factor]) => factor !== 0);
  const isSum = values.every((value, trial) => Number.isInteger(value) && sumOfTerms(terms, points[trial]) === value);
  if (!isSum) return storeInverse(values, what, axes);
  const [plus, batch] = [[], [BATCH_AXIS]].map((wanted) =>
    terms.find(([, ...names]) => names.join() === wanted.join()),
  );
  const isLine = terms.every((term) => (term === plus || term === batch) && Number.isInteger(term[0]));
  return isLine ? { batch: batch?.[0] ?? 0, plus: plus?.[0] ?? 0 } : { terms };
}

/** Numbers that are one over a length; over samples of a batch nothing may be a mean, as an answer is to depend on one alone. */
function storeInverse(values: readonly number[], what: string, axes: readonly string[]): StoredNumber {
  const points = pointsOf(axes);
  const lengths = values.map((value) => Math.round(1 / value));
  const inverse = termsOf(lengths.slice(0, -1), axes).filter(([factor]) => factor !== 0);
  const isRight = values.every((value, trial) => Object.is(1 / sumOfTerms(inverse, points[trial]), value));
  if (!isRight || inverse.some((term) => term.includes(BATCH_AXIS))) throw differs(what);
  return { inverse };
}

/** The sum of products that takes these values at the corners, which stand in the order of {@link pointsOf}. */
function termsOf(values: readonly number[], axes: readonly string[]): Term[] {
  const axis = axes.at(-1);
  if (axis === undefined) return [[values[0]]];
  const [low, high] = trialsOf(axis);
  const half = values.length / 2;
  const slopes = values.slice(half).map((value, i) => (value - values[i]) / (high - low));
  const rest = values.slice(0, half).map((value, i) => value - slopes[i] * low);
  const others = axes.slice(0, -1);
  return [...termsOf(rest, others), ...termsOf(slopes, others).map((term): Term => [...term, axis])];
}

/** A stored number at some lengths. */
export function sumOfTerms(terms: readonly Term[], lengths: AxisLengths): number {
  return terms.reduce(
    (sum, [factor, ...axes]) => sum + axes.reduce((product, axis) => product * lengths[axis], factor),
    0,
  );
}

function differs(what: string): DuctusError {
  return new DuctusError(
    `graph: ${what} depends on the batch size, or on the length of an axis, in a way that cannot be stored`,
  );
}

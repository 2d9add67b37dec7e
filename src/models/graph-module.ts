/**
 * A network rebuilt from a stored graph (graph-json.ts) and named weights: how the model file's own networks and those of
 * users' own modules load without their code. The JSON may come from anywhere, so everything in it is checked before use.
 */
import { openAxes, type Port, type Ports, shapeAt } from "../data/port.ts";
import type { Budget } from "../engine/budget.ts";
import { DataError, DuctusError, ShapeError, unknownName } from "../engine/errors.ts";
import { loaded } from "../engine/on-demand.ts";
import { type InputAttrs, input } from "../engine/ops/constant.ts";
import { opTable } from "../engine/ops/index.ts";
import type { Check, PlainValue } from "../engine/ops/stored.ts";
import { FREE } from "../engine/passes/cost.ts";
import { expandComposites } from "../engine/passes/expand.ts";
import { quote } from "../engine/quote.ts";
import { formatShape, sizeOf } from "../engine/shape.ts";
import { apply, type Op, Parameter, type Tensor } from "../engine/tensor.ts";
import { type AnyParameter, type Context, Module } from "../nn/module.ts";
import {
  type AxisLengths,
  type GraphJson,
  MAIN_INPUT,
  type StoredNode,
  type StoredNumber,
  type StoredValue,
  sumOfTerms,
  type Term,
} from "./graph-json.ts";

/** Values of a tensor, as weight files hold them. */
export interface NamedValues {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

const MAX_NODES = 100_000;
/** Elements of one tensor at a batch of one; a network that needs more is no recognizer of handwriting. */
const MAX_ELEMENTS = 2 ** 28;

/** A network that replays a stored graph at any batch size. Its parameters keep their names, so it saves and trains. */
export class GraphModule extends Module {
  /** Of its main input, without the batch axis. */
  readonly input: Port;
  readonly #json: GraphJson;
  readonly #inputs: readonly StoredInput[];
  readonly #parameters: ReadonlyMap<string, AnyParameter>;
  readonly #ops: OpRecords;

  /**
   * Loads what the ops of a graph mean, and rebuilds the network.
   * @param json what `graphToJson` gave, after a trip through a file
   * @param weights all weights of the network by name; also those that the graph does not use are kept
   * @param budget of the file that they come from
   * @throws DataError naming the first thing that is wrong
   * @throws TooLargeError when the graph has more ops than a file of its size may
   */
  static async read(json: unknown, weights: ReadonlyMap<string, NamedValues>, budget?: Budget): Promise<GraphModule> {
    return new GraphModule(json, weights, await loaded<Op<never>>(opTable, namesIn(json)), budget);
  }

  /**
   * As {@link GraphModule.read}, for who has the ops already.
   * @param ops at least those of the graph, by name
   */
  constructor(json: unknown, weights: ReadonlyMap<string, NamedValues>, ops: OpRecords, budget?: Budget) {
    super();
    this.#ops = ops;
    this.#json = checkStructure(json, ops, budget?.fresh());
    const trainable = new Map(
      this.#json.nodes.flatMap(({ op, attrs }) =>
        op === "parameter" ? [[attrs.name as string, attrs.trainable === true]] : [],
      ),
    );
    // In the order in which the graph reads them, which a file does not keep: the last layer is to come last.
    const used = [...trainable.keys()].filter((name) => weights.has(name));
    const names = new Set([...used, ...weights.keys()]);
    this.#parameters = new Map(
      [...names].map((name) => {
        const { shape, data } = weights.get(name) as NamedValues;
        if (sizeOf(shape) !== data.length || data.length === 0) {
          throw new DataError(`graph: the weight ${quote(name)} does not fill its shape ${formatShape(shape)}`);
        }
        const requiresGrad = trainable.get(name) === true && data instanceof Float32Array;
        // Copied: training must not write into the caller's file.
        return [name, new Parameter(shape, data.slice() as never, requiresGrad) as AnyParameter];
      }),
    );
    this.#inputs = this.#json.nodes.flatMap((node, i) => (node.op === "input" ? [storedInput(node, i, ops)] : []));
    this.input = mainOf(this.#inputs).port;
    // Replayed once, so that a bad graph is found while loading; the bodies of composites check more.
    try {
      const lengths = { batch: 1, ...Object.fromEntries(openAxes(portsOf(this.#inputs)).map((axis) => [axis, SOME])) };
      const given = this.#inputs.map(({ name, port }) => {
        const shape = [1, ...shapeAt(port, lengths)];
        return [name, input({ name, shape, dtype: port.dtype, batched: true })] as const;
      });
      expandComposites([this.#replay(new Map(given), lengths, MAX_ELEMENTS)]);
    } catch (error) {
      if (error instanceof DataError || !(error instanceof DuctusError)) throw error;
      throw new DataError(`graph: ${error.message}`, { cause: error });
    }
  }

  forward(x: Tensor, { inputs: others = {} }: Context): Tensor {
    const main = mainOf(this.#inputs);
    const lengths: Record<string, number> = { batch: x.shape[0] };
    const given = new Map<string, Tensor>();
    for (const stored of this.#inputs) {
      const tensor = stored === main ? x : others[stored.name];
      matchInput(stored, tensor, lengths);
      given.set(stored.name, tensor);
    }
    return this.#replay(given, lengths, Number.POSITIVE_INFINITY);
  }

  override describe(): string {
    return `GraphModule(${this.#json.nodes.length} ops)`;
  }

  override *namedParameters(prefix = ""): IterableIterator<[name: string, parameter: AnyParameter]> {
    for (const [name, parameter] of this.#parameters) yield [prefix + name, parameter];
  }

  /** Applies the stored ops to a batch. */
  #replay(inputs: ReadonlyMap<string, Tensor>, lengths: AxisLengths, maxElements: number): Tensor {
    const tensors: Tensor[] = [];
    for (const [i, node] of this.#json.nodes.entries()) {
      const made = this.#apply(node, i, inputs, lengths, tensors);
      if (made.size > maxElements) throw new DataError(`${label(node, i)} makes ${made.size} numbers: too many`);
      tensors.push(made);
    }
    return tensors[this.#json.output];
  }

  #apply(
    node: StoredNode,
    i: number,
    inputs: ReadonlyMap<string, Tensor>,
    lengths: AxisLengths,
    tensors: readonly Tensor[],
  ): Tensor {
    if (node.op === "input") return inputs.get(node.attrs.name as string) as Tensor;
    if (node.op === "parameter") return this.#parameter(node, i);
    const op = this.#ops.get(node.op) as Op<never>;
    const attrs = checkAttrs(node, i, op, lengths);
    const operands = node.inputs.map((index) => tensors[index]);
    if (node.op === "cast" && operands[0].dtype === (attrs as { dtype?: unknown }).dtype) return operands[0];
    const problem = op.stored?.fits?.(operands, attrs as never);
    if (problem !== undefined) throw new DataError(`${label(node, i)} ${problem}`);
    return apply(op, operands, attrs as never);
  }

  #parameter(node: StoredNode, i: number): AnyParameter {
    const name = node.attrs.name as string;
    const parameter = this.#parameters.get(name);
    if (parameter === undefined) {
      throw new DataError(`${label(node, i)} wants the weight ${quote(name)}, which is missing`);
    }
    return parameter;
  }
}

/** An input as it stands in a graph: axes whose length is that of one axis with a name have that name. */
interface StoredInput {
  readonly name: string;
  readonly port: Port;
}

/** Length of axes with a name while a graph is checked; one at which a graph was traced (graph-json.ts). */
const SOME = 16;

function storedInput(node: StoredNode, i: number, ops: OpRecords): StoredInput {
  const { shape } = node.attrs;
  const dims = Array.isArray(shape) ? shape.map(axisOf) : [];
  const lengths = {
    batch: 1,
    ...Object.fromEntries(dims.flatMap((axis) => (axis === undefined ? [] : [[axis, SOME]]))),
  };
  const attrs = checkAttrs(node, i, ops.get("input") as Op<never>, lengths) as unknown as InputAttrs;
  if (attrs.shape[0] !== 1)
    throw new DataError(`graph: the input's shape ${formatShape(attrs.shape)} has no batch axis`);
  const port = { shape: attrs.shape.slice(1).map((length, k) => dims[k + 1] ?? length), dtype: attrs.dtype };
  return { name: attrs.name, port };
}

/** The axis whose length a stored number is. */
function axisOf(stored: unknown): string | undefined {
  const [term, ...more] = isRecord(stored) && Array.isArray(stored.terms) ? stored.terms : [];
  const isAxis = more.length === 0 && Array.isArray(term) && term.length === 2 && term[0] === 1;
  return isAxis && typeof term[1] === "string" && term[1] !== "batch" ? term[1] : undefined;
}

const portsOf = (inputs: readonly StoredInput[]): Ports =>
  Object.fromEntries(inputs.map(({ name, port }) => [name, port]));

const mainOf = (inputs: readonly StoredInput[]): StoredInput =>
  inputs.find(({ name }) => name === MAIN_INPUT) ?? inputs[0];

/** Notes the lengths of an input's axes. @throws ShapeError when it is not what the graph takes */
function matchInput({ name, port }: StoredInput, tensor: Tensor | undefined, lengths: Record<string, number>): void {
  const { shape, dtype } = port;
  // Bytes may come as float32 numbers 0 … 255 too, as Model.outputs promises.
  const isKnown = tensor?.dtype === dtype || (tensor?.dtype === "float32" && dtype === "uint8");
  const fits =
    isKnown &&
    tensor.rank === shape.length + 1 &&
    tensor.shape[0] === lengths.batch &&
    shape.every((dim, i) => {
      const length = tensor.shape[i + 1];
      return typeof dim === "number" ? dim === length : (lengths[dim] ??= length) === length;
    });
  if (fits) return;
  const wanted = ["batch", ...shape].join(", ");
  const found = tensor === undefined ? "missing" : `${tensor.dtype} ${formatShape(tensor.shape)}`;
  const subject = name === MAIN_INPUT ? "the input" : `the input ${quote(name)}`;
  throw new ShapeError(`graph: ${subject} is ${found} but must be ${dtype} [${wanted}]`);
}

/** A factor and axes that have a length. */
const isTerm = (term: unknown, lengths: AxisLengths): term is Term =>
  Array.isArray(term) &&
  Number.isFinite(term[0]) &&
  term.slice(1).every((axis) => typeof axis === "string" && Object.hasOwn(lengths, axis));

const label = (node: StoredNode, i: number): string => `graph: node ${i} (${node.op})`;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a graph's ops mean, by name. */
type OpRecords = ReadonlyMap<string, Op<never>>;

/** The names of ops in what may be a graph. */
function namesIn(json: unknown): string[] {
  const nodes: readonly unknown[] = isRecord(json) && Array.isArray(json.nodes) ? json.nodes : [];
  return nodes.flatMap((node) => (isRecord(node) && typeof node.op === "string" ? [node.op] : []));
}

/** Checks all that does not depend on the batch size: the form of every node, known ops, inputs that come earlier. */
function checkStructure(json: unknown, ops: OpRecords, budget?: Budget): GraphJson {
  if (!isRecord(json) || !Array.isArray(json.nodes) || json.nodes.length === 0 || json.nodes.length > MAX_NODES) {
    throw new DataError(`graph: it must hold 1 to ${MAX_NODES} nodes`);
  }
  budget?.spend("entries", json.nodes.length, "its graph");
  const nodes = json.nodes.map((node: unknown, i): StoredNode => {
    const checked = checkNode(node, i, ops);
    if (!FREE.has(checked.op)) budget?.spend("operands", 1 + checked.inputs.length, "its graph");
    return checked;
  });
  const inputs = nodes.flatMap(({ op, attrs }) => (op === "input" ? [attrs.name] : []));
  if (inputs.length === 0 || new Set(inputs).size !== inputs.length) {
    throw new DataError("graph: it must have inputs, each with a name of its own");
  }
  const { output } = json;
  if (!Number.isInteger(output) || (output as number) < 0 || (output as number) >= nodes.length) {
    throw new DataError(`graph: its output must be the index of one of its ${nodes.length} nodes`);
  }
  return { nodes, output: output as number };
}

function checkNode(node: unknown, i: number, ops: OpRecords): StoredNode {
  if (!isRecord(node) || typeof node.op !== "string" || !Array.isArray(node.inputs) || !isRecord(node.attrs)) {
    throw new DataError(`graph: node ${i} must have an op, inputs and attrs`);
  }
  const { op, inputs, attrs } = node;
  const record = ops.get(op);
  if (record === undefined) {
    throw new DataError(`graph: node ${i}: ${unknownName("op", op.slice(0, 100), Object.keys(opTable)).message}`);
  }
  const { stored } = record;
  if (stored === undefined) throw new DataError(`graph: node ${i}: ${op} is for training only`);
  const [least, most] = stored.inputs;
  const earlier = inputs.every((index) => Number.isInteger(index) && index >= 0 && index < i);
  if (inputs.length < least || inputs.length > most || !earlier) {
    throw new DataError(
      `graph: node ${i} (${op}) must have ${least === most ? least : `${least} or more`} inputs, each an earlier node`,
    );
  }
  const checked = { op, inputs: inputs as number[], attrs: attrs as StoredNode["attrs"] };
  // Its name is looked up before the graph is replayed, where the others' attributes are checked.
  if (op === "parameter") checkAttrs(checked, i, record, { batch: 1 });
  return checked;
}

/** The attributes of a node at lengths of the axes, all there, none besides, each of its kind. */
function checkAttrs(
  node: StoredNode,
  i: number,
  { stored }: Op<never>,
  lengths: AxisLengths,
): Readonly<Record<string, PlainValue>> {
  const checks: Readonly<Record<string, Check>> = stored?.attrs ?? {};
  const unknown = Object.keys(node.attrs).find((key) => !Object.hasOwn(checks, key));
  if (unknown !== undefined) {
    throw new DataError(`${label(node, i)} has an attribute ${quote(unknown)} that it does not take`);
  }
  return Object.fromEntries(
    Object.entries(checks).map(([key, check]) => {
      if (!Object.hasOwn(node.attrs, key)) throw new DataError(`${label(node, i)} lacks the attribute ${key}`);
      const value = plainValue(node.attrs[key], lengths);
      const problem = value === undefined ? "is no number, list, word or truth value" : check(value);
      if (problem !== undefined) throw new DataError(`${label(node, i)}: ${key} ${problem}`);
      return [key, value as PlainValue];
    }),
  );
}

/** A stored value with the lengths of the axes put in; undefined when it is none. */
function plainValue(value: StoredValue, lengths: AxisLengths): PlainValue | undefined {
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (!Array.isArray(value)) return plainNumber(value as StoredNumber, lengths);
  const numbers = value.map((item) => plainNumber(item, lengths));
  return numbers.every((item) => item !== undefined) ? numbers : undefined;
}

const WORDS: ReadonlyMap<unknown, number> = new Map([
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["NaN", Number.NaN],
]);

function plainNumber(value: unknown, lengths: AxisLengths): number | undefined {
  if (typeof value === "number") return value;
  if (!isRecord(value)) return undefined;
  if (Number.isInteger(value.batch) && Number.isInteger(value.plus)) {
    return (value.batch as number) * lengths.batch + (value.plus as number);
  }
  const isSum = (terms: unknown): terms is readonly Term[] =>
    Array.isArray(terms) && terms.every((term) => isTerm(term, lengths));
  if (isSum(value.terms)) return sumOfTerms(value.terms, lengths);
  if (isSum(value.inverse)) return 1 / sumOfTerms(value.inverse, lengths);
  return WORDS.get(value.float);
}

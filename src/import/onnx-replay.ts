/**
 * An ONNX graph as something that can be traced: replays its nodes in ops of the engine (onnx-ops.ts), for whatever inputs it is
 * given. What the inputs are, and what the output is, is for the networks around it to say (onnx-network.ts, onnx-sequences.ts).
 */
import type { Budget } from "../engine/budget.ts";
import { DataError, DuctusError, TooLargeError } from "../engine/errors.ts";
import { metered } from "../engine/passes/cost.ts";
import { formatShape } from "../engine/shape.ts";
import type { OnnxModel, OnnxNode, OnnxValue } from "../formats/onnx.ts";
import { quote } from "../formats/text.ts";
import type { AnyParameter } from "../nn/module.ts";
import { OnnxAttributes } from "./onnx-attributes.ts";
import type { NodeCall } from "./onnx-call.ts";
import { untied } from "./onnx-layers.ts";
import { ONNX_OPS } from "./onnx-ops.ts";
import { type NumberedNode, nodeLabel, orderedNodes } from "./onnx-order.ts";
import { dimsOf, settled, type Value } from "./onnx-value.ts";
import { type OnnxWeights, onnxWeights } from "./onnx-weights.ts";

/** Elements of one tensor for one sample; a network that needs more is no recognizer of handwriting. */
const MAX_ELEMENTS = 2 ** 28;
const MAX_NODES = 20_000;
/** Axes of a tensor, as in a stored graph. */
const MAX_RANK = 8;

export class OnnxReplay {
  /** Inputs that are no weights. */
  readonly inputs: readonly OnnxValue[];
  readonly #nodes: readonly NumberedNode[];
  readonly #weights: OnnxWeights;
  readonly #output: string;
  readonly #opset: number;
  readonly #budget: Budget | undefined;

  /**
   * @param budget of the file
   * @param output that it gives; default: the only one
   * @throws DataError for several outputs of which none is named, or a graph that is too large, too old, or in no order
   */
  constructor(model: OnnxModel, budget?: Budget, output?: string) {
    this.#budget = budget;
    this.inputs = model.inputs.filter(({ name }) => !model.initializers.has(name));
    const named = model.outputs.find(({ name }) => name === output);
    if (named === undefined) requireOne(model.outputs, "output");
    if (model.nodes.length > MAX_NODES) throw new DataError(`it has ${model.nodes.length} nodes: too many`);
    if (model.opset < 7) throw new DataError(`it is written for opset ${model.opset}; export it for 7 or newer`);
    this.#output = (named ?? model.outputs[0]).name;
    this.#opset = model.opset;
    const ordered = orderedNodes(model, this.#output);
    const graph = untied({ nodes: ordered.map(({ node }) => node), initializers: model.initializers });
    this.#nodes = ordered.map(({ i }, k) => ({ node: graph.nodes[k], i }));
    this.#weights = onnxWeights(graph);
  }

  /** What the user should know of how the weights were read, in sentences. */
  get notes(): readonly string[] {
    return this.#weights.notes;
  }

  get parameters(): ReadonlyMap<string, AnyParameter> {
    return this.#weights.parameters;
  }

  /** How many nodes its output needs. */
  get length(): number {
    return this.#nodes.length;
  }

  /**
   * The output for some inputs.
   * @param inputs by name
   * @param fixedBatch the batch size that constant shapes in the graph were written for
   * @throws DataError naming the operator and its node where one cannot be imported
   */
  run(inputs: ReadonlyMap<string, Value>, batch: number, fixedBatch?: number): Value {
    // Each time anew: what is made may depend on the batch size.
    return metered(this.#budget?.fresh(), "its graph", () => this.#outputs(inputs, batch, fixedBatch));
  }

  #outputs(inputs: ReadonlyMap<string, Value>, batch: number, fixedBatch: number | undefined): Value {
    const values = new Map<string, Value>([...this.#weights.values, ...inputs]);
    /** Values that depend on the samples, so that their first axis is the batch. */
    const samples = new Set(inputs.keys());
    for (const { node, i } of this.#nodes) {
      // Constants are values already.
      if (node.outputs.every((name) => values.has(name))) continue;
      const isOfSamples = node.inputs.map((name) => samples.has(name));
      const made = this.#apply(node, i, values, { batch, fixedBatch, isOfSamples });
      for (const [k, value] of made.entries()) {
        const { size } = value.tensor;
        if (size > MAX_ELEMENTS * batch)
          throw new DataError(`${nodeLabel(node, i)}: it makes ${size} numbers: too many`);
        if (value.order.length > MAX_RANK)
          throw new DataError(
            `${nodeLabel(node, i)}: it makes ${value.order.length} axes; at most ${MAX_RANK} are supported`,
          );
        const name = node.outputs[k];
        if (!name) continue;
        values.set(name, value);
        if (isOfSamples.includes(true) && !isConstant(value)) samples.add(name);
      }
    }
    const output = values.get(this.#output);
    if (output === undefined) throw new DataError(`no node makes its output ${quote(this.#output)}`);
    return output;
  }

  #apply(
    node: OnnxNode,
    i: number,
    values: ReadonlyMap<string, Value>,
    samples: Pick<NodeCall, "batch" | "fixedBatch" | "isOfSamples">,
  ): readonly Value[] {
    const rule = node.domain === "" && Object.hasOwn(ONNX_OPS, node.op) ? ONNX_OPS[node.op] : undefined;
    if (rule === undefined) throw new DataError(`${nodeLabel(node, i)}: this operator cannot be imported`);
    const inputs = node.inputs.map((name) => values.get(name));
    const attrs = new OnnxAttributes(node.attributes);
    try {
      const made = [rule({ inputs, attrs, outputs: node.outputs.length, opset: this.#opset, ...samples })].flat();
      const wrong = made.find(({ tensor }) => !tensor.shape.every((dim) => Number.isInteger(dim) && dim >= 0));
      if (wrong !== undefined) throw new DataError(`its shape would be ${formatShape(dimsOf(wrong))}`);
      return inputs.every((value) => value === undefined || isConstant(value)) ? made.map(settled) : made;
    } catch (error) {
      if (!(error instanceof DuctusError) || error instanceof TooLargeError) throw error;
      throw new DataError(`${nodeLabel(node, i)}: ${error.message}`, { cause: error });
    }
  }
}

/** @throws DataError for several, or none, with what makes one of them */
export function requireOne(values: readonly OnnxValue[], what: "input" | "output"): void {
  if (values.length === 1) return;
  const names = values.map(({ name }) => quote(name));
  const list = names.length > 5 ? `${names.slice(0, 5).join(", ")} …` : names.join(", ");
  const advice = values.length > 1 ? "; cut it down to one with onnx.utils.extract_model" : "";
  throw new DataError(
    `it has ${values.length} ${what}s${list && ` (${list})`} where a classifier of pictures has one${advice}`,
  );
}

const isConstant = ({ tensor }: Value): boolean => tensor.op.name === "constant";

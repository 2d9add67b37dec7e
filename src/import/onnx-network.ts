/**
 * A network made elsewhere, as a module: replays the nodes of an ONNX graph in ops of the engine (onnx-ops.ts) whenever it
 * is traced, and gives the outputs of the graph, whatever they are; onnx-outputs.ts makes logits of them. Saved, it becomes
 * a stored graph like any network of a user's own, and needs no ONNX file any more.
 */
import type { Budget } from "../engine/budget.ts";
import { DataError, DuctusError, TooLargeError } from "../engine/errors.ts";
import { reshape } from "../engine/ops/movement.ts";
import { metered } from "../engine/passes/cost.ts";
import { formatShape, type Shape, sizeOf } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { OnnxModel, OnnxNode, OnnxValue } from "../formats/onnx.ts";
import { quote } from "../formats/text.ts";
import { type AnyParameter, type Context, Module } from "../nn/module.ts";
import { OnnxAttributes } from "./onnx-attributes.ts";
import type { NodeCall } from "./onnx-call.ts";
import { untied } from "./onnx-layers.ts";
import { ONNX_OPS } from "./onnx-ops.ts";
import { type NumberedNode, nodeLabel, orderedNodes } from "./onnx-order.ts";
import { asValue, dimsOf, plain, settled, type Value } from "./onnx-value.ts";
import { type OnnxWeights, onnxWeights } from "./onnx-weights.ts";

/** Which axis of a picture holds its channels. */
export type OnnxLayout = "NCHW" | "NHWC";

/** Elements of one tensor for one sample; a network that needs more is no recognizer of handwriting. */
const MAX_ELEMENTS = 2 ** 28;
const MAX_NODES = 20_000;
/** Axes of a tensor, as in a stored graph. */
const MAX_RANK = 8;

export class OnnxNetwork extends Module {
  /** Shape of one input as Ductus has it: [height, width, channels]. */
  readonly inputShape: Shape;
  /** What the user should know of how the weights were read, in sentences. */
  readonly notes: readonly string[];
  readonly #nodes: readonly NumberedNode[];
  readonly #weights: OnnxWeights;
  readonly #input: OnnxValue;
  readonly #output: string;
  readonly #layout: OnnxLayout;
  readonly #opset: number;
  readonly #budget: Budget | undefined;

  /**
   * @param layout of the input; default: found by where there are 1 or 3 channels, channels first when in doubt
   * @param budget of the file
   * @throws DataError naming the operator and its node where one cannot be imported
   */
  constructor(model: OnnxModel, layout?: OnnxLayout, budget?: Budget) {
    super();
    this.#budget = budget;
    const inputs = model.inputs.filter(({ name }) => !model.initializers.has(name));
    requireOne(inputs, "input");
    requireOne(model.outputs, "output");
    if (model.nodes.length > MAX_NODES) throw new DataError(`it has ${model.nodes.length} nodes: too many`);
    if (model.opset < 7) throw new DataError(`it is written for opset ${model.opset}; export it for 7 or newer`);
    this.#input = inputs[0];
    const dims = pictureDims(this.#input);
    this.#layout = this.#input.shape?.length === 4 ? (layout ?? guessLayout(dims)) : "NHWC";
    const [a, b, c] = dims;
    this.inputShape = this.#layout === "NCHW" ? [b, c, a] : [a, b, c];
    this.#output = model.outputs[0].name;
    this.#opset = model.opset;
    const ordered = orderedNodes(model, this.#output);
    const graph = untied({ nodes: ordered.map(({ node }) => node), initializers: model.initializers });
    this.#nodes = ordered.map(({ i }, k) => ({ node: graph.nodes[k], i }));
    this.#weights = onnxWeights(graph);
    this.notes = this.#weights.notes;
  }

  /** @param x [batch, height, width, channels] → [batch, outputs] */
  forward(x: Tensor, _context: Context): Tensor {
    const first = this.#input.shape?.[0];
    if (typeof first === "number" && first > 0) return this.#replay(x, first);
    try {
      return this.#replay(x, undefined);
    } catch (error) {
      if (!(error instanceof DuctusError) || error instanceof TooLargeError) throw error;
      // The batch axis is open, but shapes inside may still be those of one sample.
      try {
        return this.#replay(x, 1);
      } catch {
        throw error;
      }
    }
  }

  /** @param fixedBatch the batch size that constant shapes in the graph were written for */
  #replay(x: Tensor, fixedBatch: number | undefined): Tensor {
    // Each time anew: what is made may depend on the batch size.
    return metered(this.#budget?.fresh(), "its graph", () => this.#outputs(x, fixedBatch));
  }

  #outputs(x: Tensor, fixedBatch: number | undefined): Tensor {
    const batch = x.shape[0];
    const values = new Map<string, Value>(this.#weights.values);
    values.set(this.#input.name, this.#enter(x, batch));
    /** Values that depend on the pictures, so that their first axis is the batch. */
    const samples = new Set([this.#input.name]);
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
    // One number for each picture may come without an axis of its own.
    const [rows, ...rest] = dimsOf(output);
    if (rows !== batch || sizeOf(rest) !== Math.max(1, ...rest)) {
      throw new DataError(`its output is ${formatShape(dimsOf(output))}; a classifier gives [batch, outputs]`);
    }
    const outputs = plain(output);
    return outputs.rank === 2 ? outputs : reshape(outputs, [batch, sizeOf(rest)]);
  }

  override describe(): string {
    return `OnnxNetwork(${this.#nodes.length} nodes)`;
  }

  override *namedParameters(prefix = ""): IterableIterator<[name: string, parameter: AnyParameter]> {
    for (const [name, parameter] of this.#weights.parameters) yield [prefix + name, parameter];
  }

  /** The input as the graph wants it. Channels first costs nothing here: it is an order of axes. */
  #enter(x: Tensor, batch: number): Value {
    const order = this.#layout === "NCHW" ? [0, 3, 1, 2] : [0, 1, 2, 3];
    const picture: Value = { tensor: x, order };
    const rank = this.#input.shape?.length ?? 4;
    if (rank === 4) return picture;
    const [height, width] = this.inputShape;
    return asValue(reshape(x, rank === 2 ? [batch, height * width] : [batch, height, width]));
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
function requireOne(values: readonly OnnxValue[], what: "input" | "output"): void {
  if (values.length === 1) return;
  const names = values.map(({ name }) => quote(name));
  const list = names.length > 5 ? `${names.slice(0, 5).join(", ")} …` : names.join(", ");
  const advice = values.length > 1 ? "; cut it down to one with onnx.utils.extract_model" : "";
  throw new DataError(
    `it has ${values.length} ${what}s${list && ` (${list})`} where a classifier of pictures has one${advice}`,
  );
}

const isConstant = ({ tensor }: Value): boolean => tensor.op.name === "constant";

function guessLayout([first, , last]: readonly number[]): OnnxLayout {
  const isChannels = (dim: number): boolean => dim === 1 || dim === 3;
  return isChannels(last) && !isChannels(first) ? "NHWC" : "NCHW";
}

/** The three axes behind the batch. A row of n² numbers, or a picture without channels, is a gray picture. */
function pictureDims({ name, shape, dtype }: OnnxValue): readonly [number, number, number] {
  if (shape === undefined || dtype === undefined) throw new DataError(`its input ${quote(name)} has no shape`);
  const dims = shape.slice(1);
  const open = dims.find((dim) => typeof dim !== "number" || dim < 1 || dim > 65535);
  if (open !== undefined) {
    throw new DataError(
      `its input ${quote(name)} is [${shape.join(", ").slice(0, 100)}]; export it for pictures of one size (only the batch may be open)`,
    );
  }
  const sizes = dims as readonly number[];
  if (sizes.length === 3) return [sizes[0], sizes[1], sizes[2]];
  if (sizes.length === 2) return [sizes[0], sizes[1], 1];
  const side = Math.sqrt(sizes[0] ?? 0);
  if (sizes.length === 1 && Number.isInteger(side)) return [side, side, 1];
  throw new DataError(
    `its input ${quote(name)} is ${formatShape([0, ...sizes]).replace("0", "batch")}, which is no picture`,
  );
}

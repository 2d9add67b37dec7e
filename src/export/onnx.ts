/**
 * `--to onnx`: the network as ONNX (opset 17, any batch size) for runtimes that read it. Written from the graph of the model
 * in use by onnx-nodes.ts, then read again by Ductus's own importer and compared with the model.
 */
import { DuctusError, UsageError } from "../engine/errors.ts";
import { formatShape, type Shape } from "../engine/shape.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import { type Graph, graphOrder, trace } from "../engine/trace.ts";
import { encodeOnnx, type OnnxModel } from "../formats/onnx.ts";
import { importOnnx, METADATA } from "../import/onnx.ts";
import {
  type AxisLengths,
  type GraphJson,
  graphToJson,
  type StoredNode,
  type StoredNumber,
} from "../models/graph-json.ts";
import type { Model } from "../models/model.ts";
import { inferenceContext } from "../nn/context.ts";
import type { AnyParameter } from "../nn/module.ts";
import { forwardNamed } from "../nn/observe.ts";
import { VERSION } from "../platform/version.ts";
import { expandUnwritten } from "./bodies.ts";
import { int, OnnxGraph } from "./onnx-graph.ts";
import { NODE_WRITERS } from "./onnx-nodes.ts";
import { checkModel, type Exported } from "./recogniser.ts";

const OPSET = 17;
/** Names in the graph. */
export const INPUT = "input";
export const OUTPUT = "logits";
/** The open dimension. */
const BATCH = "batch";

/** What the graph takes. */
export type OnnxInput = "pixels" | "normalized";

/** How the graph begins: its input, and the logits made of it. */
interface Beginning {
  readonly shape: Shape;
  readonly dtype: "uint8" | "float32";
  readonly logits: (x: Tensor) => Tensor;
}

function beginningOf(model: Model, input: OnnxInput): Beginning {
  const { inputShape, inputType, network, normalization } = model;
  if (input === "pixels") {
    return { shape: inputShape, dtype: inputType, logits: (x) => model.logits(x, inferenceContext()) };
  }
  if (normalization === null && inputType === "uint8") {
    throw new UsageError(
      "this model's graph begins with bytes, its normalisation is part of it; export it with pixels",
    );
  }
  // Pictures as everybody else has them: channels first.
  const isPicture = inputShape.length === 3;
  const [height, width, channels] = inputShape;
  return {
    shape: isPicture ? [channels, height, width] : inputShape,
    dtype: "float32",
    logits: (x) => forwardNamed(network, isPicture ? x.permute([0, 2, 3, 1]) : x, inferenceContext()),
  };
}

/**
 * The file.
 * @param name of the file, without suffix
 * @param input "pixels": the model's own input, bytes [batch, height, width, channels], normalised in the graph;
 *   "normalized": float32 [batch, channels, height, width] that the caller has normalised
 * @throws DuctusError when what is read back does not agree with the model, or an op has no counterpart in ONNX
 */
export async function exportOnnx(model: Model, name: string, input: OnnxInput = "pixels"): Promise<Exported> {
  const bytes = encodeOnnx(toOnnx(model, input));
  const file = `${name}.onnx`;
  const again = await importOnnx(bytes, file, () => Promise.reject(new DuctusError("export: no other files")));
  return { files: new Map([[file, bytes]]), agreement: await checkModel(model, again.model) };
}

/** The graph as plain data. */
export function toOnnx(model: Model, input: OnnxInput): OnnxModel {
  const { shape, dtype, logits } = beginningOf(model, input);
  const traceAt = ({ batch }: AxisLengths): Graph => {
    const graph = trace((tracer) => ({ logits: logits(tracer.input(INPUT, [batch, ...shape], dtype, true)) }));
    return { ...graph, outputs: { logits: expandUnwritten(graph.outputs.logits, NODE_WRITERS) } };
  };
  const names = new Map<AnyParameter, string>();
  for (const [key, parameter] of model.network.namedParameters()) if (!names.has(parameter)) names.set(parameter, key);
  const graph = writeGraph(traceAt({ batch: TRACED }), graphToJson(traceAt, names), names);
  const { classes, inputType, normalization, preprocessing, temperature } = model;
  const described = {
    [METADATA.classes]: classes,
    [METADATA.normalization]: input === "pixels" ? null : normalization,
    [METADATA.inputType]: inputType,
    [METADATA.logits]: OUTPUT,
    [METADATA.layout]: input === "pixels" ? "NHWC" : "NCHW",
    ...(preprocessing && { [METADATA.preprocessing]: preprocessing }),
    ...(temperature !== undefined && { [METADATA.temperature]: temperature }),
  };
  return {
    opset: OPSET,
    producer: "Ductus",
    producerVersion: VERSION,
    metadata: Object.fromEntries(Object.entries(described).map(([key, value]) => [key, JSON.stringify(value)])),
    nodes: graph.nodes,
    initializers: graph.initializers,
    inputs: [{ name: INPUT, dtype: dtype === "uint8" ? "U8" : "F32", shape: [BATCH, ...shape] }],
    outputs: [{ name: OUTPUT, dtype: "F32", shape: [BATCH, classes.length] }],
  };
}

/** The batch size of the trace that is written; above 1, so that nothing broadcasts by chance. */
const TRACED = 2;

function writeGraph(traced: Graph, { nodes }: GraphJson, names: ReadonlyMap<AnyParameter, string>): OnnxGraph {
  const graph = new OnnxGraph(names);
  graph.name(traced.inputs[0], INPUT);
  const order = graphOrder(traced);
  const biases = biasesOf(order);
  for (const [i, tensor] of order.entries()) {
    const writer = NODE_WRITERS[tensor.op.name as keyof typeof NODE_WRITERS];
    if (writer === "value") continue;
    if (writer === undefined) {
      throw new DuctusError(`export: ${tensor.op.name} is for training and has no place in a file`);
    }
    const computed = biases.inverse.get(tensor);
    // Written already, with the bias as an input of its own.
    if (computed !== undefined)
      graph.name(tensor, graph.value(computed, graph.orderOf(computed)), graph.orderOf(computed));
    else {
      const { attrs } = nodes[i];
      const stored = (name: string, k: number): StoredNumber => (attrs[name] as readonly StoredNumber[])[k];
      const batch = (): string => graph.node("Shape", [INPUT], { start: int(0), end: int(1) });
      writer(tensor, { graph, shape: openShape(nodes[i], tensor), stored, batch, bias: biases.of.get(tensor) });
    }
  }
  const output = graph.value(traced.outputs.logits);
  graph.rename(output, OUTPUT);
  return graph;
}

/** The shape of a reshape, with −1 for the one dimension that grows with the batch. */
function openShape({ attrs }: StoredNode, tensor: Tensor): readonly number[] {
  if (tensor.op.name !== "reshape") return [];
  const dims = attrs.shape as readonly (number | object)[];
  if (dims.filter((dim) => typeof dim !== "number").length > 1) {
    throw new DuctusError(`export: a reshape to ${formatShape(tensor.shape)} has more than one open dimension`);
  }
  return dims.map((dim) => (typeof dim === "number" ? dim : -1));
}

/** Additions of a vector to a convolution or product that nobody else reads: `of` gives the vector, `inverse` the sum's operand. */
function biasesOf(order: readonly Tensor[]): { of: Map<Tensor, Tensor>; inverse: Map<Tensor, Tensor> } {
  const uses = new Map<Tensor, number>();
  for (const { inputs } of order) for (const input of inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  const found = { of: new Map<Tensor, Tensor>(), inverse: new Map<Tensor, Tensor>() };
  for (const tensor of order) {
    if (tensor.op.name !== "add") continue;
    const [x, b] = tensor.inputs;
    const isAffine = x.op.name === "conv2d" || (x.op.name === "matmul" && x.rank === 2);
    if (!isAffine || uses.get(x) !== 1 || !(b instanceof Parameter) || b.rank !== 1 || b.size !== x.shape.at(-1))
      continue;
    found.of.set(x, b);
    found.inverse.set(tensor, x);
  }
  return found;
}

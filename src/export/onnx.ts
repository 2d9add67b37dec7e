/**
 * `--to onnx`: the network as ONNX (opset 17, any batch size, any length of texts) for runtimes that read it. Written from the graph
 * of the model in use by onnx-nodes.ts, then read again: by Ductus's own importer, and compared with the model, where that reads
 * such networks; otherwise the weights alone.
 */
import { openAxes, type Ports, shapeAt } from "../data/port.ts";
import { Budget } from "../engine/budget.ts";
import { DuctusError, UsageError } from "../engine/errors.ts";
import type { InputAttrs } from "../engine/ops/constant.ts";
import { ropeOfAnyLength } from "../engine/ops/rope.ts";
import type { Bodies } from "../engine/passes/expand.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import { type Graph, graphOrder, trace } from "../engine/trace.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import { decodeOnnx, encodeOnnx, type OnnxModel, type ReadExternal } from "../formats/onnx.ts";
import { importOnnx, METADATA } from "../import/onnx.ts";
import {
  type AxisLengths,
  type GraphJson,
  graphToJson,
  type StoredNode,
  type StoredNumber,
  type Term,
} from "../models/graph-json.ts";
import type { AnyModel, Model } from "../models/model.ts";
import { inferenceContext } from "../nn/context.ts";
import type { AnyParameter } from "../nn/module.ts";
import { forwardNamed } from "../nn/observe.ts";
import { VERSION } from "../platform/version.ts";
import type { InputKind } from "../task/input.ts";
import type { LineInput } from "../task/line-input.ts";
import type { AnyTask, TaskKind, Tensors } from "../task/task.ts";
import { BLANK } from "../task/transcribe/ctc-frames.ts";
import { expandUnwritten } from "./bodies.ts";
import { OnnxGraph } from "./onnx-graph.ts";
import { NODE_WRITERS } from "./onnx-nodes.ts";
import { type AxisPlace, OnnxSizes } from "./onnx-sizes.ts";
import { type Agreement, checkModel, checkSequences, type Exported } from "./recognizer.ts";

const OPSET = 17;
/** Names in the graph. */
export const INPUT = "input";
export const OUTPUT = "logits";
/** What the graph takes. */
export type OnnxInput = "pixels" | "normalized";

/** How the graph begins: its inputs as ports, the outputs made of them, and what its metadata say. */
interface Beginning {
  readonly ports: Ports;
  /** {@link OUTPUT}, and others that depend on the inputs. */
  readonly outputs: (inputs: Tensors) => Tensors;
  /** Values are written as JSON. */
  readonly metadata: JsonRecord;
}

const BEGINNINGS: Readonly<Record<InputKind, (model: AnyModel, input: OnnxInput) => Beginning>> = {
  numbers: numbersOf,
  sequence: asItIs,
  text: asItIs,
  line: (model) => ({
    ...asItIs(model),
    outputs: (inputs) => {
      const { logits, frames } = model.outputs(inputs, inferenceContext());
      return { [OUTPUT]: logits, ...(frames && { frames }) };
    },
    metadata: { [METADATA.line]: { ...(model.task.input as LineInput).preprocessing } },
  }),
};

/** Several inputs, as the model takes them. */
function asItIs(model: AnyModel): Beginning {
  return {
    ports: model.task.input.ports,
    outputs: (inputs) => ({ [OUTPUT]: model.outputs(inputs, inferenceContext()).logits }),
    metadata: {},
  };
}

/** What the metadata say of outputs, by what the model is for. */
const OUTPUTS_OF: Readonly<Record<TaskKind, (task: AnyTask) => JsonRecord>> = {
  classify: ({ names }) => ({ [METADATA.names]: names }),
  transcribe: ({ names }) => ({ [METADATA.alphabet]: names, [METADATA.blank]: BLANK }),
  generate: ({ names }) => ({ [METADATA.names]: names }),
};

function numbersOf(model: AnyModel, input: OnnxInput): Beginning {
  const { inputShape, inputType, network, normalization, preprocessing, task } = model;
  const described = {
    [METADATA.normalization]: input === "pixels" ? null : normalization,
    [METADATA.inputType]: inputType,
    [METADATA.layout]: input === "pixels" ? "NHWC" : "NCHW",
    ...(preprocessing && { [METADATA.preprocessing]: preprocessing }),
  };
  if (input === "pixels") {
    const ports: Ports = { [INPUT]: task.input.ports.x };
    return {
      ports,
      metadata: described,
      outputs: ({ [INPUT]: x }) => ({ [OUTPUT]: model.outputs({ x }, inferenceContext()).logits }),
    };
  }
  if (normalization === null && inputType !== "float32") {
    const numbers = inputType === "uint8" ? "bytes, its normalization is part of it" : "whole numbers";
    throw new UsageError(`this model's graph begins with ${numbers}; export it with pixels`);
  }
  // Pictures as everybody else has them: channels first.
  const isPicture = inputShape.length === 3;
  const [height, width, channels] = inputShape;
  return {
    ports: { [INPUT]: { shape: isPicture ? [channels, height, width] : inputShape, dtype: "float32" } },
    metadata: described,
    outputs: ({ [INPUT]: x }) => ({
      [OUTPUT]: forwardNamed(network, isPicture ? x.permute([0, 2, 3, 1]) : x, inferenceContext()),
    }),
  };
}

/** Which models Ductus reads back from ONNX, and how these are compared, by the kind of input. */
const READ_BACK: Readonly<
  Record<
    InputKind,
    {
      readonly takes: (model: AnyModel) => boolean;
      readonly check: (model: AnyModel, again: AnyModel) => Promise<Agreement>;
    }
  >
> = {
  numbers: {
    takes: ({ task: { kind }, inputType }) => kind === "classify" && inputType !== "int32",
    check: (model, again) => checkModel(model as Model, again as Model),
  },
  sequence: { takes: () => false, check: atLengths(16, 25) },
  text: { takes: ({ task: { kind } }) => kind === "classify" || kind === "generate", check: atLengths(16, 25) },
  line: { takes: ({ task: { kind } }) => kind === "transcribe", check: atLengths(64, 96) },
};

function atLengths(...lengths: readonly number[]) {
  return (model: AnyModel, again: AnyModel): Promise<Agreement> => checkSequences(model, again, lengths);
}

/**
 * The file.
 * @param name of the file, without suffix
 * @param input "pixels": the model's own input, bytes [batch, height, width, channels], normalized in the graph;
 *   "normalized": float32 [batch, channels, height, width] that the caller has normalized
 * @throws DuctusError when what is read back does not agree with the model, or an op has no counterpart in ONNX
 */
export async function exportOnnx(model: AnyModel, name: string, input: OnnxInput = "pixels"): Promise<Exported> {
  const bytes = encodeOnnx(toOnnx(model, input));
  const file = `${name}.onnx`;
  const files = new Map([[file, bytes]]);
  const alone = (): Promise<never> => Promise.reject(new DuctusError("export: no other files"));
  const { takes, check } = READ_BACK[model.task.input.kind];
  if (!takes(model)) return { files, agreement: await checkWeights(model, bytes, file, alone) };
  const again = await importOnnx<AnyTask>(bytes, file, alone);
  return { files, agreement: await check(model, again.model) };
}

/** Compares the weights in a file with those of the model, bit for bit. @throws DuctusError where one differs */
async function checkWeights(model: AnyModel, bytes: Uint8Array, file: string, alone: ReadExternal): Promise<Agreement> {
  const { initializers } = await decodeOnnx(bytes, file, alone, new Budget(file, bytes.length));
  let samples = 0;
  for (const [name, { data }] of model.network.namedParameters()) {
    // Some layers have their weights in another order in ONNX, and others are not part of the answer.
    const found = initializers.get(name)?.data;
    if (found === undefined) continue;
    if (found.length !== data.length || data.some((value, i) => !Object.is(value, found[i]))) {
      throw new DuctusError(`export: ${name} does not come back from ${file} as it was; nothing was written`);
    }
    samples += data.length;
  }
  return { of: "weights", samples, worst: 0 };
}

/** Composites whose own bodies hold as many numbers as an axis is long. */
const OF_ANY_LENGTH = { rope: ropeOfAnyLength } satisfies Bodies;

/** Lengths of axes at which a graph is written: any will do above 1, at which nothing broadcasts by chance. */
const [TRACED, OTHER] = [
  { batch: 2, length: 16 },
  { batch: 3, length: 24 },
] as const;

/** The graph as plain data. */
export function toOnnx(model: AnyModel, input: OnnxInput = "pixels"): OnnxModel {
  const { task, temperature } = model;
  const { ports, outputs, metadata } = BEGINNINGS[task.input.kind](model, input);
  const open = openAxes(ports);
  const traceAt = ({ batch, ...sizes }: AxisLengths): Graph => {
    const graph = trace((tracer) => {
      const inputs = Object.entries(ports).map(([name, port]) => {
        return [name, tracer.input(name, [batch, ...shapeAt(port, sizes)], port.dtype, true)] as const;
      });
      return outputs(Object.fromEntries(inputs));
    });
    const names = Object.keys(graph.outputs);
    const expanded = expandUnwritten(Object.values(graph.outputs), NODE_WRITERS, OF_ANY_LENGTH);
    return { ...graph, outputs: Object.fromEntries(names.map((name, i) => [name, expanded[i]])) };
  };
  const [traced, other] = [TRACED, OTHER].map(({ batch, length }) =>
    traceAt({ batch, ...Object.fromEntries(open.map((axis) => [axis, length])) }),
  );
  const names = new Map<AnyParameter, string>();
  for (const [key, parameter] of model.network.namedParameters()) if (!names.has(parameter)) names.set(parameter, key);
  const graph = writeGraph([traced, other], ports, graphToJson(traceAt, names, open), names);
  const described = {
    ...metadata,
    [METADATA.task]: task.record(),
    ...OUTPUTS_OF[task.kind](task),
    [METADATA.logits]: OUTPUT,
    ...(temperature !== undefined && { [METADATA.temperature]: temperature }),
  };
  const used = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  // An axis of an output that no input has keeps its name where its length depends on theirs.
  const dimsOf = (name: string): readonly (number | string)[] =>
    task.outputs[name].shape.map((dim, axis) => {
      const [length, elsewhere] = [traced, other].map((graph) => graph.outputs[name].shape[axis + 1]);
      return open.includes(String(dim)) || length !== elsewhere ? dim : length;
    });
  return {
    opset: OPSET,
    producer: "Ductus",
    producerVersion: VERSION,
    metadata: Object.fromEntries(Object.entries(described).map(([key, value]) => [key, JSON.stringify(value)])),
    nodes: graph.nodes,
    initializers: graph.initializers,
    inputs: Object.entries(ports)
      .filter(([name]) => used.has(name))
      .map(([name, port]) => ({ name, dtype: ELEMENTS[port.dtype], shape: [BATCH, ...port.shape] })),
    outputs: Object.entries(traced.outputs).map(([name, { dtype }]) => {
      return { name, dtype: ELEMENTS[dtype], shape: [BATCH, ...dimsOf(name)] };
    }),
  };
}

/** The open dimension that every input has. */
const BATCH = "batch";
const ELEMENTS = { uint8: "U8", int32: "I32", float32: "F32" } as const;

function writeGraph(
  [traced, other]: readonly Graph[],
  ports: Ports,
  { nodes }: GraphJson,
  names: ReadonlyMap<AnyParameter, string>,
): OnnxGraph {
  const graph = new OnnxGraph(names);
  for (const tensor of traced.inputs) graph.name(tensor, (tensor.attrs as InputAttrs).name);
  const axes = new Map<string, AxisPlace>();
  for (const [name, { shape }] of Object.entries(ports)) {
    for (const [place, axis] of [BATCH, ...shape].entries()) {
      if (typeof axis === "string" && !axes.has(axis)) axes.set(axis, { input: name, place });
    }
  }
  const sizes = new OnnxSizes(graph, axes);
  const twins = new Map(graphOrder(traced).map((tensor, i) => [tensor, graphOrder(other)[i]]));
  const isOpen = (tensor: Tensor, axis: number): boolean => twins.get(tensor)?.shape[axis] !== tensor.shape[axis];
  const order = graphOrder(traced);
  const biases = biasesOf(order);
  for (const [i, tensor] of order.entries()) {
    const writer = NODE_WRITERS[tensor.op.name as keyof typeof NODE_WRITERS];
    if (writer === "value") {
      const inverse = inverseOf(nodes[i]);
      if (inverse !== undefined) graph.name(tensor, sizes.inverse(inverse));
      continue;
    }
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
      writer(tensor, { graph, sizes, isOpen, stored, bias: biases.of.get(tensor) });
    }
  }
  for (const [name, tensor] of Object.entries(traced.outputs)) graph.rename(graph.value(tensor), name);
  return graph;
}

/** The length that a constant is one over; undefined where it is the same for all lengths. */
function inverseOf({ attrs: { value } }: StoredNode): readonly Term[] | undefined {
  const isOpen = typeof value === "object" && "inverse" in value;
  return isOpen ? value.inverse : undefined;
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

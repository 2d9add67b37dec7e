/**
 * Operators whose inputs are weights that can be trained, and weights that an exporter has merged: PyTorch's keeps tensors of
 * equal values once, so that two layers of a fresh network would be trained as one. Runs before the weights are named.
 */
import type { OnnxModel, OnnxNode } from "../formats/onnx.ts";
import type { StoredTensor } from "../formats/tensor-data.ts";

export interface Layer {
  /** What such a layer is called. */
  readonly layer: string;
  /** What the inputs of the operator are to it, where they are weights. */
  readonly roles: readonly (string | null)[];
}

export const LAYERS: ReadonlyMap<string, Layer> = new Map([
  ["Conv", { layer: "conv", roles: [null, "weight", "bias"] }],
  ["ConvTranspose", { layer: "upconv", roles: [null, "weight", "bias"] }],
  ["Gemm", { layer: "fc", roles: [null, "weight", "bias"] }],
  ["MatMul", { layer: "fc", roles: [null, "weight"] }],
  ["BatchNormalization", { layer: "norm", roles: [null, "weight", "bias", "running_mean", "running_var"] }],
  ["InstanceNormalization", { layer: "norm", roles: [null, "weight", "bias"] }],
  ["LayerNormalization", { layer: "norm", roles: [null, "weight", "bias"] }],
  ["GroupNormalization", { layer: "norm", roles: [null, "weight", "bias"] }],
  ["LSTM", { layer: "lstm", roles: [null, "weight_ih", "weight_hh", "biases"] }],
  ["GRU", { layer: "gru", roles: [null, "weight_ih", "weight_hh", "biases"] }],
  ["Gather", { layer: "embedding", roles: ["weight"] }],
  ["PRelu", { layer: "prelu", roles: [null, "weight"] }],
]);

/** Operators whose result is shifted by an `Add` behind them where they have no bias of their own. */
export const BIASED = new Set(["MatMul", "Conv", "ConvTranspose", "Gemm"]);

/** Inputs that are no weights but settings, by operator: their numbers must be known when the graph is traced. */
export const SETTINGS: ReadonlyMap<string, readonly number[]> = new Map([
  ["Resize", [1, 2]],
  ["Upsample", [1]],
]);

/** Elements that copies may take in all. */
const MOST_COPIED = 2 ** 24;

/** A tensor of the file that several layers use. */
export interface SharedWeight {
  readonly name: string;
  /** Names of its copies; none where they would take too much. */
  readonly copies: readonly string[];
  /** How many layers use it. */
  readonly layers: number;
}

/** A graph in which layers share no weights, except where copies would take too much. */
export interface UntiedGraph {
  readonly nodes: readonly OnnxNode[];
  /** Weights by name: initializers, constants, and copies. */
  readonly stored: ReadonlyMap<string, StoredTensor>;
  readonly shared: readonly SharedWeight[];
}

/** Gives each layer weights of its own. @param nodes in the order in which they are computed */
export function untied({ nodes, initializers }: Pick<OnnxModel, "nodes" | "initializers">): UntiedGraph {
  const stored = new Map(initializers);
  for (const { op, outputs, attributes } of nodes) {
    const tensor = op === "Constant" ? attributes["value"] : undefined;
    if (tensor?.kind === "tensor") stored.set(outputs[0], tensor.value);
  }
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node.op])));
  const isWeight = (node: OnnxNode, i: number): boolean => {
    const tensor = stored.get(node.inputs[i]);
    if (tensor === undefined || !tensor.dtype.includes("F") || tensor.data.length === 0) return false;
    const isShift = node.op === "Add" && BIASED.has(makers.get(node.inputs[1 - i]) ?? "");
    return LAYERS.get(node.op)?.roles[i] != null || (isShift && tensor.shape.length > 0);
  };
  const shared = new Map<string, { copies: string[]; layers: Set<OnnxNode> }>();
  const seen = new Set<string>();
  let copied = 0;
  const ownInput = (node: OnnxNode, name: string, i: number): string => {
    const isFirst = !seen.has(name);
    seen.add(name);
    if (!isWeight(node, i)) return name;
    const found = shared.get(name) ?? { copies: [], layers: new Set() };
    shared.set(name, found);
    found.layers.add(node);
    const tensor = stored.get(name) as StoredTensor;
    if (isFirst || copied + tensor.data.length > MOST_COPIED) return name;
    copied += tensor.data.length;
    let copy = `${name}/${found.copies.length + 2}`;
    while (stored.has(copy) || makers.has(copy)) copy += "_";
    found.copies.push(copy);
    stored.set(copy, { ...tensor, data: tensor.data.slice() } as StoredTensor);
    return copy;
  };
  return {
    nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map((name, i) => ownInput(node, name, i)) })),
    stored,
    shared: [...shared].flatMap(([name, { copies, layers }]) =>
      layers.size > 1 ? [{ name, copies, layers: layers.size }] : [],
    ),
  };
}

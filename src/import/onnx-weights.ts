/**
 * The weights of an ONNX graph as parameters, under PyTorch's names and in its layouts: `conv1.weight`, `fc2.bias`. Names in
 * the file that say as much stay; those that an exporter made up (`onnx::Conv_20`) are replaced by one for each layer.
 */
import { Parameter, type Tensor } from "../engine/tensor.ts";
import type { OnnxNode } from "../formats/onnx.ts";
import { type StoredTensor, toFloat32 } from "../formats/tensor-data.ts";
import { BIASED, LAYERS, type Layer, SETTINGS, type SharedWeight, type UntiedGraph } from "./onnx-layers.ts";
import { asValue, storedConstant, type Value } from "./onnx-value.ts";

export interface OnnxWeights {
  /** The values of initializers and constants, by ONNX's names. */
  readonly values: ReadonlyMap<string, Value>;
  /** From input to output. */
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** What the user should know, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Finds what each stored tensor is to its node. Weights of layers can be trained; other numbers (a normalization of pixels,
 * a running mean) cannot, and single ones become constants.
 */
export function onnxWeights({ nodes, stored, shared }: UntiedGraph): OnnxWeights {
  const values = new Map<string, Value>();
  const parameters = new Map<string, Parameter>();
  const taken = new Set([...stored.keys()].map(ownerOf));
  /** The layer that made a value, while it lacks a bias. */
  const biasless = new Map<string, string>();
  const uses = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const known = uses.get(input);
      if (known === undefined) uses.set(input, [node]);
      else known.push(node);
    }
  }

  /** The first number that may be free behind each name, so that many of one name take no longer than others. */
  const numbers = new Map<string, number>();
  const add = (name: string, wanted: string, tensor: StoredTensor, trainable: boolean): void => {
    let unique = wanted;
    let number = numbers.get(wanted) ?? 2;
    while (parameters.has(unique)) unique = `${wanted}_${number++}`;
    numbers.set(wanted, number);
    const isTurned = trainable && (uses.get(name) ?? []).every((node) => readsTransposed(node, name));
    const { shape, data } = isTurned && tensor.shape.length === 2 ? transposed(tensor) : floats(tensor);
    const parameter = new Parameter(shape, data, trainable);
    parameters.set(unique, parameter);
    values.set(name, { tensor: parameter, order: isTurned && shape.length === 2 ? [1, 0] : shape.map((_, i) => i) });
  };

  for (const node of nodes) {
    const kind = LAYERS.get(node.op);
    const isLayer = kind?.roles.some((role, i) => role !== null && stored.has(node.inputs[i]));
    const layer = kind && isLayer ? layerName(node, kind, taken, numbers) : undefined;
    for (const [i, name] of node.inputs.entries()) {
      const tensor = stored.get(name);
      if (tensor === undefined || values.has(name)) continue;
      const shifted = node.op === "Add" ? biasless.get(node.inputs[1 - i]) : undefined;
      const role = shifted === undefined ? (kind?.roles[i] ?? null) : "bias";
      if (!tensor.dtype.includes("F") || tensor.data.length === 0) {
        values.set(name, asValue(storedConstant(tensor)));
      } else if (role === null) {
        const isKnown = tensor.data.length === 1 || SETTINGS.get(node.op)?.includes(i);
        if (isKnown) values.set(name, asValue(storedConstant(tensor)));
        else add(name, printable(name), tensor, false);
      } else {
        const owner = shifted ?? layer;
        const [rows, ...rest] = tensor.shape;
        // A row is a vector, as PyTorch has biases.
        const value = role === "bias" && rest.length === 1 && rows === 1 ? { ...tensor, shape: rest } : tensor;
        const isTelling = name.endsWith(`.${role}`) && printable(name) === name;
        add(name, isTelling ? name : `${owner}.${role}`, value, !role.startsWith("running_"));
      }
    }
    if (layer !== undefined && BIASED.has(node.op) && !node.inputs[2]) biasless.set(node.outputs[0], layer);
  }
  const names = new Map([...parameters].map(([name, parameter]) => [parameter as Tensor, name]));
  const nameOf = (value: string): string => names.get(values.get(value)?.tensor as Tensor) ?? printable(value);
  return { values, parameters, notes: notesOn(shared, nameOf) };
}

/** Weights that are told of one by one. */
const MOST_NAMED = 3;

function notesOn(shared: readonly SharedWeight[], nameOf: (value: string) => string): string[] {
  const notes = shared.slice(0, MOST_NAMED).map(({ name, copies, layers }) => {
    const own = copies.slice(0, MOST_NAMED).map(nameOf).join(", ") + (copies.length > MOST_NAMED ? " …" : "");
    const now = copies.length === 0 ? "they are trained as one" : `each has its own now: ${own}`;
    return `${nameOf(name)} is used by ${layers} nodes of the file; ${now}`;
  });
  const rest = shared.length - notes.length;
  return rest > 0 ? [...notes, `so are ${rest} other weights`] : notes;
}

/** What its weights are called after: as they are named in the file, or by kind and the first number that is free. */
function layerName(node: OnnxNode, { layer, roles }: Layer, taken: Set<string>, numbers: Map<string, number>): string {
  const telling = node.inputs.find((name, i) => roles[i] && name.endsWith(`.${roles[i]}`) && printable(name) === name);
  if (telling !== undefined) return ownerOf(telling);
  let number = numbers.get(layer) ?? 1;
  while (taken.has(`${layer}${number}`)) number++;
  numbers.set(layer, number + 1);
  taken.add(`${layer}${number}`);
  return `${layer}${number}`;
}

/** `conv1` of `conv1.weight`. */
const ownerOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf(".")));

const printable = (name: string): string => name.replace(/[^\w.-]+/g, "_").slice(0, 200) || "constant";

/** Whether a node reads a value as a [in, out] matrix, which PyTorch keeps as [out, in]. */
function readsTransposed({ op, inputs, attributes }: OnnxNode, name: string): boolean {
  const transB = attributes["transB"];
  return inputs[1] === name && inputs[0] !== name && (op === "MatMul" || (op === "Gemm" && !transB?.value));
}

function floats(tensor: StoredTensor): { shape: readonly number[]; data: Float32Array } {
  return { shape: tensor.shape, data: toFloat32(tensor) };
}

function transposed(tensor: StoredTensor): { shape: readonly number[]; data: Float32Array } {
  const [rows, columns] = tensor.shape;
  const from = toFloat32(tensor);
  const data = new Float32Array(from.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) data[column * rows + row] = from[row * columns + column];
  }
  return { shape: [columns, rows], data };
}

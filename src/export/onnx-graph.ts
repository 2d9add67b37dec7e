/**
 * The ONNX graph while it is written. Every tensor of the engine can be asked for with its axes in any order: ONNX computes
 * channels first, the engine channels last, and a permutation is only another order to ask for. So a `Transpose` is written
 * where an op needs its axes elsewhere than they are, once, and nowhere else.
 */
import { DuctusError } from "../engine/errors.ts";
import type { ConstantAttrs } from "../engine/ops/constant.ts";
import type { PermuteAttrs } from "../engine/ops/movement.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import type { OnnxAttribute, OnnxNode } from "../formats/onnx.ts";
import type { StoredTensor } from "../formats/tensor-data.ts";
import type { AnyParameter } from "../nn/module.ts";

/** Attributes of a node. */
export const int = (value: number): OnnxAttribute => ({ kind: "int", value });
export const ints = (value: readonly number[]): OnnxAttribute => ({ kind: "ints", value });
export const text = (value: string): OnnxAttribute => ({ kind: "string", value });
export const float = (value: number): OnnxAttribute => ({ kind: "float", value });

/** The axes of a tensor in their own order. */
export const inPlace = ({ rank }: Tensor): number[] => Array.from({ length: rank }, (_, axis) => axis);

/** [N, …, C] as [N, C, …]. */
export const channelsFirst = ({ rank }: Tensor): number[] => [
  0,
  rank - 1,
  ...Array.from({ length: rank - 2 }, (_, i) => i + 1),
];

export class OnnxGraph {
  readonly nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, StoredTensor>();
  /** Names by tensor and order of axes. */
  readonly #names = new Map<Tensor, Map<string, string>>();
  readonly #parameters: ReadonlyMap<AnyParameter, string>;
  readonly #counts = new Map<string, number>();

  /** @param parameters names of the weights */
  constructor(parameters: ReadonlyMap<AnyParameter, string>) {
    this.#parameters = parameters;
  }

  /** Gives the value a name under which a tensor's numbers stand, with axes in the given order. */
  name(tensor: Tensor, name: string, order: readonly number[] = inPlace(tensor)): void {
    const names = this.#names.get(tensor) ?? new Map<string, string>();
    names.set(String(order), name);
    this.#names.set(tensor, names);
  }

  /** The order in which a tensor was written first, undefined while it was not. */
  orderOf(tensor: Tensor): readonly number[] | undefined {
    if (tensor.op.name === "permute") {
      const moved = (tensor.attrs as PermuteAttrs).order;
      return this.orderOf(tensor.inputs[0])?.map((axis) => moved.indexOf(axis));
    }
    const [first] = this.#names.get(tensor)?.keys() ?? [];
    return first?.split(",").filter(Boolean).map(Number);
  }

  /** The name of the value whose axis i is axis `order[i]` of the tensor. */
  value(tensor: Tensor, order: readonly number[] = inPlace(tensor)): string {
    const found = this.#names.get(tensor)?.get(String(order));
    if (found !== undefined) return found;
    if (tensor.op.name === "permute") {
      const moved = (tensor.attrs as PermuteAttrs).order;
      return this.value(
        tensor.inputs[0],
        order.map((axis) => moved[axis]),
      );
    }
    const written = this.orderOf(tensor) ?? this.#store(tensor);
    if (String(written) === String(order)) return this.value(tensor, order);
    const perm = ints(order.map((axis) => written.indexOf(axis)));
    const name = this.node("Transpose", [this.value(tensor, written)], { perm });
    this.name(tensor, name, order);
    return name;
  }

  /**
   * Writes a node of which one output is used.
   * @param place of that output among the node's, if it is not the first
   * @returns the output's name
   */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    output?: string,
    place = 0,
  ): string {
    const name = this.#unique(op.toLowerCase());
    const made = output ?? `${name}.out`;
    const outputs = [...new Array<string>(place).fill(""), made];
    this.nodes.push({ name, op, domain: "", inputs, outputs, attributes });
    return made;
  }

  /** Gives a value another name, wherever it is used. Values that no node makes (a weight) get a node that passes them on. */
  rename(from: string, to: string): void {
    if (!this.nodes.some(({ outputs }) => outputs.includes(from))) {
      this.node("Identity", [from], {}, to);
      return;
    }
    const renamed = (names: readonly string[]): string[] => names.map((name) => (name === from ? to : name));
    for (const [i, node] of this.nodes.entries()) {
      this.nodes[i] = { ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) };
    }
  }

  /** Writes numbers that an op wants as an input. @returns their name */
  constant(tensor: StoredTensor, kind = "constant"): string {
    const name = this.#unique(kind);
    this.initializers.set(name, tensor);
    return name;
  }

  /** Axes, shapes and bounds. */
  int64(values: readonly number[], kind: string): string {
    return this.constant({ dtype: "I64", shape: [values.length], data: BigInt64Array.from(values, BigInt) }, kind);
  }

  float32(value: number, kind: string): string {
    return this.constant({ dtype: "F32", shape: [], data: Float32Array.of(value) }, kind);
  }

  /** Writes weights and constants when they are asked for first. */
  #store(tensor: Tensor): readonly number[] {
    const { shape } = tensor;
    const stored = (data: Float32Array | Int32Array): StoredTensor =>
      data instanceof Int32Array
        ? { dtype: "I32", shape, data }
        : { dtype: "F32", shape, data: new Float32Array(data) };
    const values = stored(this.valuesOf(tensor));
    if (tensor instanceof Parameter) {
      const name = this.#parameters.get(tensor) ?? this.#unique("parameter");
      this.initializers.set(name, values);
      this.name(tensor, name);
    } else this.name(tensor, this.constant(values));
    return inPlace(tensor);
  }

  /** The numbers of a weight or a constant. @throws DuctusError for anything else */
  valuesOf(tensor: Tensor): Float32Array | Int32Array {
    if (tensor instanceof Parameter) return tensor.data;
    if (tensor.op.name !== "constant") {
      throw new DuctusError(
        `export: ${tensor.op.name} is used before it was written, or where only a weight may stand`,
      );
    }
    const { value } = tensor.attrs as ConstantAttrs;
    const data = tensor.dtype === "int32" ? new Int32Array(tensor.size) : new Float32Array(tensor.size);
    if (typeof value === "number") data.fill(value);
    else data.set(value);
    return data;
  }

  #unique(kind: string): string {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return `${kind}_${count}`;
  }
}

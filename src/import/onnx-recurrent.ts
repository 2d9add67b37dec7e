/**
 * ONNX's LSTM and GRU: one or two directions of one layer, time first or batch first, gates in ONNX's order (i o f c, and
 * z r h), which are brought into PyTorch's by slicing the weights. https://onnx.ai/onnx/operators/onnx__LSTM.html
 */
import { DataError } from "../engine/errors.ts";
import { constant } from "../engine/ops/constant.ts";
import { cast } from "../engine/ops/elementwise.ts";
import { concat, reshape, slice } from "../engine/ops/movement.ts";
import {
  type CellName,
  cellSizes,
  gru,
  lstm,
  type RecurrentPart,
  type RecurrentWeights,
} from "../engine/ops/recurrent.ts";
import { formatShape } from "../engine/shape.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type NodeCall, type NodeRule, need } from "./onnx-call.ts";
import { arranged, asValue, dimsOf, plain, type Value } from "./onnx-value.ts";

/** Which of PyTorch's gates stands at each place in ONNX: i f g o as i o f g, r z n as z r n. */
export const ONNX_GATES = { lstm: [0, 3, 1, 2], gru: [1, 0, 2] } as const satisfies Record<CellName, readonly number[]>;

const ACTIVATIONS = { lstm: ["Sigmoid", "Tanh", "Tanh"], gru: ["Sigmoid", "Tanh"] } as const;

/** The directions that a node has, each as whether it is the backward one. */
const DIRECTIONS: ReadonlyMap<string, readonly boolean[]> = new Map([
  ["forward", [false]],
  ["reverse", [true]],
  ["bidirectional", [false, true]],
]);

/** @throws DataError for what the engine's cells do not compute */
function checkSettings({ attrs, inputs }: NodeCall, cell: CellName, directions: number): void {
  const usual = ACTIVATIONS[cell];
  const activations = attrs.texts("activations");
  if (activations?.some((name, i) => name !== usual[i % usual.length]) || activations?.length === 0) {
    throw new DataError(`its activations must be ${usual.join(", ")} for each of ${directions} directions`);
  }
  for (const name of ["clip", "activation_alpha", "activation_beta"]) {
    if (attrs.has(name)) throw new DataError(`its attribute ${name} cannot be imported`);
  }
  if (attrs.int("input_forget", 0) !== 0)
    throw new DataError("its gates are coupled (input_forget), which cannot be imported");
  if (cell === "lstm" && inputs[7] !== undefined) throw new DataError("its peepholes cannot be imported");
  if (cell === "gru" && attrs.int("linear_before_reset", 0) !== 1) {
    throw new DataError(
      "its gate r acts before the product with the hidden state; export it with linear_before_reset = 1",
    );
  }
}

/** The gates of one direction in PyTorch's order, from a weight [directions, gates · hidden, …] with `skipped` gates before them. */
function gatesOf(cell: CellName, H: number, weight: Tensor, direction: number, skipped = 0): Tensor {
  const places: readonly number[] = ONNX_GATES[cell];
  const rows = places.map((_, gate) => {
    const start = (places.indexOf(gate) + skipped) * H;
    return slice(weight, [
      { start: direction, end: direction + 1 },
      { start, end: start + H },
    ]);
  });
  return reshape(concat(rows, 1), [places.length * H, ...weight.shape.slice(2)]);
}

const recurrent =
  (cell: CellName): NodeRule =>
  (call) => {
    const { attrs } = call;
    const { gates: G, states } = cellSizes(cell);
    const name = attrs.text("direction", "forward");
    const directions = DIRECTIONS.get(name);
    if (directions === undefined) throw new DataError(`there is no direction ${name.slice(0, 40)}`);
    const D = directions.length;
    checkSettings(call, cell, D);
    const isBatchFirst = attrs.int("layout", 0) === 1;
    const [x, w, r] = [0, 1, 2].map((i) => need(call, i));
    if (dimsOf(x).length !== 3) throw new DataError(`its input is ${formatShape(dimsOf(x))}; it must have three axes`);
    const sequence = arranged(x, isBatchFirst ? [0, 1, 2] : [1, 0, 2]); // [B, T, I]
    const [B, T, I] = sequence.shape;
    const [weightIh, weightHh] = [plain(w), plain(r)];
    const H = weightHh.shape[2] ?? 0;
    const bias = call.inputs[3] === undefined ? constant(0, "float32", [D, 2 * G * H]) : plain(call.inputs[3]);
    for (const [what, tensor, shape] of [
      ["W", weightIh, [D, G * H, I]],
      ["R", weightHh, [D, G * H, H]],
      ["B", bias, [D, 2 * G * H]],
    ] as const) {
      if (String(tensor.shape) !== String(shape)) {
        throw new DataError(`its ${what} is ${formatShape(tensor.shape)} but must be ${formatShape(shape)}`);
      }
    }
    const lengths = call.inputs[4] && cast(plain(call.inputs[4]), "int32");
    const initial = (input: number, direction: number): Tensor => {
      const given = call.inputs[input];
      if (given === undefined) return constant(0, "float32", [B, H]);
      const state = arranged(given, isBatchFirst ? [0, 1, 2] : [1, 0, 2]); // [B, D, H]
      if (String(state.shape) !== String([B, D, H])) {
        throw new DataError(`its first state is ${formatShape(dimsOf(given))} for ${B} samples and ${H} units`);
      }
      return reshape(slice(state, [{}, { start: direction, end: direction + 1 }]), [B, H]);
    };
    const results = directions.map((reverse, d) => {
      const weights: RecurrentWeights = {
        weightIh: gatesOf(cell, H, weightIh, d),
        weightHh: gatesOf(cell, H, weightHh, d),
        biasIh: gatesOf(cell, H, bias, d),
        biasHh: gatesOf(cell, H, bias, d, G),
      };
      const before = { hidden: initial(5, d), cell: states > 1 ? initial(6, d) : constant(0) };
      const options = { lengths, reverse };
      return cell === "lstm" ? lstm(sequence, weights, before, options) : gru(sequence, weights, before, options);
    });
    const together = (part: RecurrentPart): Tensor => {
      const made = results.map((result) => (result as Record<RecurrentPart, Tensor>)[part]);
      const shape = part === "output" ? [B, T, 1, H] : [B, 1, H];
      const axis = shape.length - 2;
      const rows = made.map((each) => reshape(each, shape));
      return rows.length === 1 ? rows[0] : concat(rows, axis);
    };
    // [T, D, B, H] and [D, B, H] in ONNX, batch first [B, T, D, H] and [B, D, H].
    const value = (part: RecurrentPart): Value => {
      const tensor = together(part);
      if (isBatchFirst) return asValue(tensor);
      return { tensor, order: part === "output" ? [1, 2, 0, 3] : [1, 0, 2] };
    };
    return (["output", "hidden", "cell"] as const).slice(0, 1 + states).map(value);
  };

export const RECURRENT: Readonly<Record<"LSTM" | "GRU", NodeRule>> = {
  LSTM: recurrent("lstm"),
  GRU: recurrent("gru"),
};

/** What a rule of onnx-ops.ts gets of the node that it traces, and how it asks for inputs, settings and axes. */
import { DataError } from "../engine/errors.ts";
import type { OnnxAttributes } from "./onnx-attributes.ts";
import { knownNumbers, type Value } from "./onnx-value.ts";

/** A node while it is traced. */
export interface NodeCall {
  readonly inputs: readonly (Value | undefined)[];
  readonly attrs: OnnxAttributes;
  readonly outputs: number;
  readonly opset: number;
  /** The batch size that is traced, and the one that the graph was fixed to when it was exported, if it was. */
  readonly batch: number;
  readonly fixedBatch: number | undefined;
  /** For each input whether it depends on the pictures. */
  readonly isOfSamples: readonly boolean[];
}

/** The values of a node's outputs; those that no classifier reads may be left out. */
export type NodeRule = (call: NodeCall) => Value | readonly Value[];

/** An input that must be there. */
export function need({ inputs }: NodeCall, i: number): Value {
  const found = inputs[i];
  if (found === undefined) throw new DataError(`its input ${i} is missing`);
  return found;
}

/** All inputs, of which there must be one at least. */
export function needAll(call: NodeCall): readonly Value[] {
  if (call.inputs.length === 0) throw new DataError("it has no inputs");
  return call.inputs.map((_, i) => need(call, i));
}

/** Numbers that are an attribute or, in later versions, an input. */
export function setting(call: NodeCall, name: string, input: number): readonly number[] | undefined {
  const value = call.inputs[input];
  return value === undefined ? call.attrs.ints(name, undefined) : knownNumbers(value, name);
}

export function axisOf(value: Value, axis: number): number {
  const rank = value.order.length;
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= rank) {
    throw new DataError(`there is no axis ${axis} in a value with ${rank} axes`);
  }
  return positive;
}

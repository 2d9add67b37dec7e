/** Which tensors have memory of their own, and which are computed element by element: what fusion and all after it ask. */
import { Parameter, type Tensor } from "../tensor.ts";

/** Whether an op works element by element, so that it can ride on another. */
export const isElementwise = (tensor: Tensor): boolean => "scalar" in tensor.op;

/** Reshapes compute nothing: they are another view of the same memory. */
export function isView(tensor: Tensor): boolean {
  return tensor.op.name === "reshape";
}

/** The tensor whose memory a view looks at. */
export function storageOf(tensor: Tensor): Tensor {
  let storage = tensor;
  while (isView(storage)) storage = storage.inputs[0];
  return storage;
}

/** What is there before anything runs. */
export const isLeaf = (tensor: Tensor): boolean =>
  tensor instanceof Parameter || tensor.op.name === "input" || tensor.op.name === "constant";

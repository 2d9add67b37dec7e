/**
 * The numbers 0, 1, 2, …: places along an axis, for masks and tables of positions. An op rather than a constant, so that a graph
 * can be stored whose axes may have any length.
 */
import { ShapeError } from "../errors.ts";
import type { Shape } from "../shape.ts";
import { apply, type Primitive, type Reference, type Tensor } from "../tensor.ts";
import { list, MOST, whole } from "./stored.ts";

export interface ArangeAttrs {
  /** One axis. */
  readonly shape: Shape;
}

export const arangeOp: Primitive<ArangeAttrs> = {
  name: "arange",
  stored: { inputs: [0, 0], attrs: { shape: list(whole(1, MOST), 1) } },
  infer: (_, { shape }) => ({ shape, dtype: "int32" }),
  batch: () => "whole",
  gradient: null,
};

export const arangeReference: Reference<ArangeAttrs> = (_, { data }) => {
  for (let i = 0; i < data.length; i++) data[i] = i;
};

/** 0, 1, … length − 1, int32 [length]. @throws ShapeError unless length is a whole number of at least 1 */
export function arange(length: number): Tensor {
  if (!Number.isInteger(length) || length < 1 || length > MOST) {
    throw new ShapeError(`arange: ${length} must be a whole number from 1 to ${MOST}`);
  }
  return apply(arangeOp, [], { shape: [length] });
}

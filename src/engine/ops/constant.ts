/** Where values come from: inputs of a program, constants written into it, and counter-based random numbers. */
import type { DType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import { quoteValue, shortened } from "../quote.ts";
import { threefry2x32 } from "../random.ts";
import { formatShape, type Shape, sizeOf } from "../shape.ts";
import { apply, type NdArray, type Primitive, type Reference, type Tensor } from "../tensor.ts";
import { requireType } from "./op-helpers.ts";
import { list, MOST, number, oneOf, shape as shapeCheck, word } from "./stored.ts";

export interface InputAttrs {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Whether axis 0 runs over the samples of a batch. */
  readonly batched: boolean;
}

/** A value that the caller writes before each run. */
export const inputOp: Primitive<InputAttrs> = {
  name: "input",
  stored: {
    inputs: [0, 0],
    attrs: {
      name: word,
      shape: shapeCheck,
      dtype: oneOf("float32", "int32", "uint8"),
      batched: (value) => (value === true ? undefined : "must be true"),
    },
  },
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  batch: (_, { attrs }) => (attrs.batched ? "source" : "whole"),
  gradient: null,
};

export const input = (attrs: InputAttrs): Tensor => apply(inputOp, [], attrs);

export interface ConstantAttrs {
  readonly dtype: "float32" | "int32";
  readonly shape: Shape;
  /** One number for all elements, or the elements in row-major order. */
  readonly value: number | readonly number[];
}

export const constantOp: Primitive<ConstantAttrs> = {
  name: "constant",
  stored: {
    inputs: [0, 0],
    attrs: {
      dtype: oneOf("float32", "int32"),
      shape: shapeCheck,
      value: (value) => (Array.isArray(value) ? list(number, 0, MOST)(value) : number(value)),
    },
  },
  infer: (_, { shape, dtype, value }) => {
    if (typeof value !== "number" && value.length !== sizeOf(shape)) {
      throw new ShapeError(`constant: ${value.length} values do not fill the shape ${formatShape(shape)}`);
    }
    if (dtype === "int32" && !(typeof value === "number" ? [value] : value).every(Number.isInteger)) {
      throw new ShapeError(
        `constant: ${shortened(String(value))} is no int32 number; cast the tensor beside it to float32`,
      );
    }
    return { shape, dtype };
  },
  batch: () => "whole",
  gradient: null,
};

export const constantReference: Reference<ConstantAttrs> = (_, { data }, { value }) => fillConstant(data, value);

/** Writes a constant's value into an array. */
export function fillConstant(data: NdArray["data"], value: number | readonly number[]): void {
  if (typeof value === "number") data.fill(value);
  else data.set(value);
}

/** A number, a list of numbers, or lists of lists: rows of a matrix and so on. */
export type Nested = number | readonly Nested[];

/**
 * A constant, as torch.tensor makes one: a number for a scalar, a list for a vector, lists of lists for more axes.
 * @param shape default: that of `value`. With it, a number fills all elements, and a list holds them in row-major order.
 * @throws ShapeError when lists beside each other differ in length, something is no number, or no whole one for
 * int32, or a shape does not fit
 */
export function constant(value: Nested, dtype: "float32" | "int32" = "float32", shape?: Shape): Tensor {
  if (typeof value === "number") return apply(constantOp, [], { dtype, shape: shape ?? [], value });
  const found = shapeOf(value);
  const elements: number[] = [];
  collect(value, found, elements);
  return apply(constantOp, [], { dtype, shape: shape ?? found, value: elements });
}

/** The length of a list, of its first member, and so on. */
function shapeOf(value: Nested): number[] {
  const shape: number[] = [];
  for (let part: Nested | undefined = value; Array.isArray(part); part = part[0] as Nested | undefined) {
    shape.push(part.length);
  }
  return shape;
}

/** Adds the numbers of `value`, whose shape must be `shape` from axis `axis` on, to `elements`. */
function collect(value: Nested, shape: Shape, elements: number[], axis = 0): void {
  if (axis === shape.length) {
    if (typeof value !== "number") throw new ShapeError(`constant: ${quoteValue(value)} stands where a number should`);
    elements.push(value);
    return;
  }
  if (!Array.isArray(value) || value.length !== shape[axis]) {
    const got = Array.isArray(value) ? `a list of ${value.length}` : String(value);
    throw new ShapeError(`constant: ${got} stands beside a list of ${shape[axis]}; all must have the same length`);
  }
  for (const part of value as readonly Nested[]) collect(part, shape, elements, axis + 1);
}

export interface UniformAttrs {
  readonly shape: Shape;
  /** Separates the draws of one step from each other (one number per dropout layer). */
  readonly stream: number;
  /** Whether axis 0 of the result runs over the samples of a batch. */
  readonly batched: boolean;
}

/**
 * Uniform float32 numbers in [0, 1) from a key of two int32 words: element i is the first word of
 * Threefry-2x32(key, [i, stream]) >> 8, times 2⁻²⁴. The key changes from step to step, so the numbers do too.
 */
export const uniformOp: Primitive<UniformAttrs> = {
  name: "uniform",
  infer: ([key], { shape }) => {
    requireType("uniform", key, "int32", "key");
    if (sizeOf(key.shape) !== 2) {
      throw new ShapeError(`uniform: key has shape ${formatShape(key.shape)} but must hold 2 words`);
    }
    return { shape, dtype: "float32" };
  },
  batch: (_, { attrs }) => (attrs.batched ? "source" : "whole"),
  gradient: null,
};

export const uniformReference: Reference<UniformAttrs> = ([key], output, { stream }) => {
  const words = [0, 0];
  for (let i = 0; i < output.data.length; i++) {
    threefry2x32(key.data[0], key.data[1], i, stream, words);
    output.data[i] = (words[0] >>> 8) * 2 ** -24;
  }
};

export const uniform = (key: Tensor, attrs: UniformAttrs): Tensor => apply(uniformOp, [key], attrs);

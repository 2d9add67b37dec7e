/** Arithmetic on shapes: sizes, strides, axes and broadcasting. Shapes are static, so all of this runs while tracing. */
import { ShapeError } from "./errors.ts";

export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Strides with which a tensor of `shape` is read along the axes of the wider shape `over`: 0 where it is repeated. */
export function broadcastStrides(shape: Shape, over: Shape): number[] {
  const lead = over.length - shape.length;
  const strides = stridesOf(shape);
  return over.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]));
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/**
 * The shape that all of `shapes` broadcast to, by NumPy's rule.
 * @throws ShapeError naming the op, both shapes and the axis
 */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  return shapes.reduce((a, b) => {
    const rank = Math.max(a.length, b.length);
    return Array.from({ length: rank }, (_, axis) => {
      const left = a[axis - rank + a.length] ?? 1;
      const right = b[axis - rank + b.length] ?? 1;
      if (left !== right && left !== 1 && right !== 1) {
        throw new ShapeError(
          `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: axis ${axis - rank} is ${left} against ${right}`,
        );
      }
      return left === 1 ? right : left;
    });
  });
}

/** Turns a possibly negative axis into one of 0 … rank − 1. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank) {
    throw new ShapeError(`${op}: axis ${axis} does not exist in a tensor with ${rank} axes`);
  }
  return positive;
}

/** Sorted, distinct, non-negative axes; all of them when `axes` is undefined. */
export function normalizeAxes(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === "number" ? [axes] : axes;
  const positive = list.map((axis) => normalizeAxis(op, axis, rank)).sort((a, b) => a - b);
  if (new Set(positive).size !== positive.length) {
    throw new ShapeError(`${op}: axes ${formatShape(list)} name the same axis twice`);
  }
  return positive;
}

/** How an operand lines up with the elements of a shape whose last axis is the vector axis. */
export type Alignment = "same" | "vector" | "scalar" | "other";

export function alignment(operand: Shape, over: Shape): Alignment {
  if (sizeOf(operand) === 1) return "scalar";
  if (sameShape(operand, over)) return "same";
  const channels = over[over.length - 1];
  return operand[operand.length - 1] === channels && sizeOf(operand) === channels ? "vector" : "other";
}

/**
 * Orders of axes, for exports to systems whose pictures are [batch, channels, height, width]. A value there keeps whatever
 * order it was made in; `order` says how the engine's axes are found in it: axis i of the engine's tensor is axis
 * `order[i]` of the value. So a permutation is only written down, and done where somebody needs another order.
 */
import type { Shape } from "../engine/shape.ts";

export type Order = readonly number[];

/** The engine's own order. */
export const plainOrder = (rank: number): Order => Array.from({ length: rank }, (_, axis) => axis);
/** The engine's [N, H, W, C] in a value [N, C, H, W]. */
export const PICTURES: Order = [0, 2, 3, 1];
/** The engine's [kH, kW, C / groups, O] in a value [O, C / groups, kH, kW]. */
export const KERNELS: Order = [2, 3, 1, 0];

export const sameOrder = (a: Order, b: Order): boolean => a.length === b.length && a.every((axis, i) => axis === b[i]);

/** The permutation that brings a value from one order to another. */
export function permutation(from: Order, to: Order): Order {
  return plainOrder(from.length).map((axis) => from[to.indexOf(axis)]);
}

/** The shape of a value, from that of the engine's tensor. */
export function shapeIn<T>(order: Order, shape: readonly T[]): T[] {
  return plainOrder(order.length).map((axis) => shape[order.indexOf(axis)]);
}

/** Whether a permutation leaves the elements where they are in memory: it moves axes of length 1 only. */
export function movesNothing(permuted: Order, shapeBefore: Shape): boolean {
  const long = permuted.filter((axis) => shapeBefore[axis] !== 1);
  return long.every((axis, i) => i === 0 || axis > long[i - 1]);
}

/** The order that is left when some of the engine's axes are gone. */
export function withoutAxes(order: Order, gone: readonly number[]): Order {
  const left = order.filter((_, axis) => !gone.includes(axis));
  const sorted = [...left].sort((a, b) => a - b);
  return left.map((axis) => sorted.indexOf(axis));
}

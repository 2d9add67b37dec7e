/** Loops over the elements of tensors, as few as their strides allow: neighboring axes are joined where memory does. */
import { broadcastStrides, type Shape, sizeOf, stridesOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** One loop of an elementwise group. */
export interface Loop {
  readonly length: number;
  /** Elements that each operand moves per step; outputs always move densely. */
  readonly strides: readonly number[];
  readonly dense: number;
}

/** The loops over a shape, neighboring axes joined wherever every operand allows it. */
export function loopsOver(shape: readonly number[], operands: readonly Tensor[], keepFirst: boolean): Loop[] {
  const strides = operands.map((operand) => broadcastStrides(operand.shape, shape));
  const loops: Loop[] = [];
  shape.forEach((length, axis) => {
    if (length === 1 && !(keepFirst && axis === 0)) return;
    const dense = sizeOf(shape.slice(axis + 1));
    const own = strides.map((list) => list[axis]);
    const last = loops.at(-1);
    const joins =
      last !== undefined &&
      !(keepFirst && loops.length === 1) &&
      last.dense === dense * length &&
      last.strides.every((stride, i) => stride === own[i] * length);
    if (joins) loops[loops.length - 1] = { length: last.length * length, strides: own, dense };
    else loops.push({ length, strides: own, dense });
  });
  if (loops.length === 0) loops.push({ length: 1, strides: operands.map(() => 0), dense: 1 });
  return loops;
}

/** One loop of a copy: how far reading and writing move per step, in elements. */
export interface Axis {
  readonly length: number;
  readonly from: number;
  readonly to: number;
}

/** Neighboring axes joined where both sides allow it; the first stays by itself, since it is divided between threads. */
export function joinedAxes(shape: Shape, from: readonly number[], to: readonly number[]): Axis[] {
  const axes: Axis[] = [];
  shape.forEach((length, axis) => {
    if (length === 1 && axis > 0) return;
    const last = axes.at(-1);
    if (last !== undefined && axes.length > 1 && last.from === from[axis] * length && last.to === to[axis] * length) {
      axes[axes.length - 1] = { length: last.length * length, from: from[axis], to: to[axis] };
    } else axes.push({ length, from: from[axis], to: to[axis] });
  });
  return axes.length === 0 ? [{ length: 1, from: 0, to: 0 }] : axes;
}

/** The axis that is contiguous where the copy reads, if it is another than the one that is contiguous where it writes. */
export function transposedAxis(axes: readonly Axis[]): Axis | undefined {
  const last = axes[axes.length - 1];
  if (last.to !== 1 || last.from <= 1) return undefined;
  return axes.find((axis) => axis !== last && axis.from === 1 && axis.length >= 4);
}

/** Of a reduction: one axis, or several neighboring ones that are all kept or all reduced. */
export interface Run {
  readonly length: number;
  readonly stride: number;
  readonly kept: boolean;
}

/** The runs of a reduction over `axes`. @param firstApart whether axis 0 stays by itself */
export function reductionRuns(shape: Shape, axes: readonly number[], firstApart: boolean): Run[] {
  const strides = stridesOf(shape);
  const runs: Run[] = [];
  shape.forEach((length, axis) => {
    const kept = !axes.includes(axis);
    const last = runs.at(-1);
    if (last !== undefined && last.kept === kept && !(firstApart && axis === 1)) {
      runs[runs.length - 1] = { length: last.length * length, stride: strides[axis], kept };
    } else runs.push({ length, stride: strides[axis], kept });
  });
  return runs.length === 0 ? [{ length: 1, stride: 1, kept: true }] : runs;
}

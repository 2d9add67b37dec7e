/** Kernels of ops that only move numbers: permute, expand, slice, place, concat. All are affine copies. */
import { type Axis, joinedAxes, transposedAxis } from "../../../lower/loops.ts";
import { times } from "../../../lower/pieces.ts";
import type { ConcatAttrs, GridAttrs, PermuteAttrs, PlaceAttrs } from "../../../ops/movement.ts";
import { gridStrides } from "../../../ops/movement.ts";
import { broadcastStrides, sizeOf, stridesOf } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  addI,
  andI,
  divU,
  eqI,
  type Func,
  geS,
  type I32,
  i32,
  load,
  load32Splat,
  ltS,
  mulI,
  shuffle,
  splatConst,
  splatConstI,
  subI,
  type V128,
} from "../assembler.ts";
import type { Domain, Kernel } from "./kernel.ts";

/** Vectors per turn of a copy's innermost loop. */
const UNROLL = 4;

/** Copies along the axes; elementwise ops of the group are applied on the way. */
export function copyKernel(
  kernel: Kernel,
  source: Tensor,
  axes: readonly Axis[],
  fromOffset: I32,
  toOffset: number,
  divided = true,
): void {
  const { f, begin, end } = kernel;
  const pointer = kernel.pointer(source);
  const last = axes[axes.length - 1];
  const across = transposedAxis(axes);
  const vector = axes.length > 1 && last.to === 1 && (last.from === 1 || last.from === 0) && last.length >= 4;
  const outer = axes.filter((axis) => axis !== across && (axis !== last || !(vector || across)));
  /** Calls `visit` at every position of an axis or, for the divided one, those at hand, `step` at a time, then one by one. */
  const along = (axis: Axis, step: number, visit: (i: I32, count: number) => void): void => {
    if (divided && axis === axes[0]) {
      const i = f.local("i32", begin);
      if (step > 1) {
        f.for(begin, subI(end, step - 1), step, (at) => {
          visit(at, step);
          f.set(i, addI(at, step));
        });
      }
      f.for(i, end, 1, (at) => visit(at, 1));
    } else {
      const whole = Math.floor(axis.length / step) * step;
      f.for(0, whole, step, (i) => visit(i, step));
      if (whole < axis.length) visit(i32(whole), axis.length - whole);
    }
  };
  const inner = (address: I32, out: I32): void => {
    if (across !== undefined) {
      along(across, 4, (k, rows) => {
        const [row, to] = [f.let(addI(address, mulI(k, 4))), f.let(addI(out, mulI(k, across.to * 4)))];
        along(last, 4, (j, lanes) => {
          const vectors = times(lanes, (n) => n * last.from * 4);
          const at = f.let(addI(row, mulI(j, last.from * 4)));
          const columns = vectors.map((offset) => f.let(load(at, offset)));
          const outAt = f.let(addI(to, mulI(j, 4)));
          transposed(f, columns)
            .slice(0, rows)
            .forEach((value, r) => {
              kernel.finish(f, value, outAt, i32(0), 0, lanes, r * across.to * 4);
            });
        });
      });
    } else if (vector) {
      const value = (at: I32, k: number): V128 => (last.from === 0 ? load32Splat(address) : load(at, k * 16));
      along(last, UNROLL * 4, (i, count) => {
        const at = f.let(addI(address, mulI(i, last.from * 4)));
        const to = f.let(addI(out, mulI(i, 4)));
        for (let k = 0; k * 4 < count; k++)
          kernel.finish(f, value(at, k), to, i32(0), 0, Math.min(4, count - k * 4), k * 16);
      });
    } else kernel.finish(f, load32Splat(address), out, i32(0), 0, 1);
  };
  const enter = (axis: number, from: I32, to: I32): void => {
    if (axis === outer.length) inner(f.let(addI(pointer, mulI(from, 4))), f.let(mulI(to, 4)));
    else {
      along(outer[axis], 1, (i) => {
        enter(axis + 1, f.let(addI(from, mulI(i, outer[axis].from))), f.let(addI(to, mulI(i, outer[axis].to))));
      });
    }
  };
  enter(0, fromOffset, i32(toOffset));
}

/** Four columns of four as rows; columns that are missing leave lanes that do not count. */
export function transposed(f: Func, columns: readonly V128[]): V128[] {
  const [a, b = a, c = a, d = a] = columns;
  const [low, high] = [
    [f.let(shuffle(a, b, [0, 4, 1, 5])), f.let(shuffle(c, d, [0, 4, 1, 5]))],
    [f.let(shuffle(a, b, [2, 6, 3, 7])), f.let(shuffle(c, d, [2, 6, 3, 7]))],
  ];
  return [low, high].flatMap(([left, right]) => [
    shuffle(left, right, [0, 1, 4, 5]),
    shuffle(left, right, [2, 3, 6, 7]),
  ]);
}

export function firstAxisDomain(group: Kernel["group"]): Domain {
  return { size: group.shape[0] ?? 1, unit: 1 };
}

export function permuteKernel(kernel: Kernel): void {
  const { root } = kernel;
  const { order } = root.attrs as PermuteAttrs;
  const strides = stridesOf(root.inputs[0].shape);
  const axes = joinedAxes(
    root.shape,
    order.map((axis) => strides[axis]),
    stridesOf(root.shape),
  );
  copyKernel(kernel, root.inputs[0], axes, i32(0), 0);
}

export function expandKernel(kernel: Kernel): void {
  const { root } = kernel;
  const axes = joinedAxes(root.shape, broadcastStrides(root.inputs[0].shape, root.shape), stridesOf(root.shape));
  copyKernel(kernel, root.inputs[0], axes, i32(0), 0);
}

export function sliceKernel(kernel: Kernel): void {
  const { root } = kernel;
  const [x] = root.inputs;
  const { offset, strides } = gridStrides(x.shape, root.attrs as GridAttrs);
  copyKernel(kernel, x, joinedAxes(root.shape, strides, stridesOf(root.shape)), i32(offset), 0);
}

/** Fills the part of the output that begin … end stand for, then copies what is placed there. */
export function placeKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const [x] = root.inputs;
  const attrs = root.attrs as PlaceAttrs;
  const inner = sizeOf(root.shape.slice(1));
  const [start] = attrs.starts;
  const [step] = attrs.steps;
  const { offset, strides } = gridStrides(root.shape, { ...attrs, shape: x.shape });
  const axes = joinedAxes(x.shape, stridesOf(x.shape), strides);
  const base = offset - start * (strides[0] / step);
  f.for(begin, end, 1, (row) => {
    fillRow(kernel, row, attrs.fill);
    // Which row of x lies here, if any: row = start + i·step.
    const distance = f.let(step > 0 ? subI(row, start) : subI(i32(start), row));
    const stride = Math.abs(step);
    const i = f.let(divU(distance, stride));
    const hit = andI(andI(geS(distance, 0), ltS(i, x.shape[0] ?? 1)), eqI(mulI(i, stride), distance));
    f.if(hit, () => {
      const from = f.let(mulI(i, axes[0].from));
      const to = f.let(addI(mulI(row, inner), base));
      copyRow(kernel, x, axes.slice(1), from, to);
    });
  });
}

/** Fills one row of the output's first axis. */
export function fillRow(kernel: Kernel, row: I32, number: number): void {
  const { f, root } = kernel;
  const fill = root.dtype === "int32" ? splatConstI(number) : splatConst(number);
  const inner = sizeOf(root.shape.slice(1));
  const output = kernel.pointer(root);
  const rowAt = f.let(mulI(row, inner * 4));
  if (number === 0) f.zero(addI(output, rowAt), i32(inner * 4));
  else {
    const whole = Math.floor(inner / 4) * 4;
    f.for(0, whole * 4, 16, (i) => f.store(addI(addI(output, rowAt), i), fill));
    for (let i = whole; i < inner; i++) f.storeLanes(addI(output, rowAt), fill, 1, i * 4);
  }
}

/** Copies one row of the first axis; nothing rides on it. */
export function copyRow(kernel: Kernel, x: Tensor, axes: readonly Axis[], from: I32, to: I32): void {
  const { f } = kernel;
  const [source, output] = [kernel.pointer(x), kernel.pointer(kernel.root)];
  const last = axes.at(-1);
  const vector = last !== undefined && last.from === 1 && last.to === 1;
  const outer = vector ? axes.slice(0, -1) : axes;
  const enter = (axis: number, readAt: I32, writeAt: I32): void => {
    if (axis === outer.length) {
      const read = f.let(addI(source, mulI(readAt, 4)));
      const write = f.let(addI(output, mulI(writeAt, 4)));
      const length = vector ? last.length : 1;
      const whole = Math.floor(length / 4) * 4;
      f.for(0, whole * 4, 16, (i) => f.store(addI(write, i), load(addI(read, i))));
      for (let i = whole; i < length; i++) f.storeLanes(write, load32Splat(read, i * 4), 1, i * 4);
      return;
    }
    const { length, from: step, to: outStep } = outer[axis];
    f.for(0, length, 1, (i) => {
      enter(axis + 1, f.let(addI(readAt, mulI(i, step))), f.let(addI(writeAt, mulI(i, outStep))));
    });
  };
  enter(0, from, to);
}

/** Along axis 0 a concatenation is not divided; else every thread joins its own rows. */
export function concatDomain(group: Kernel["group"]): Domain {
  const { axis } = (group.root as Tensor).attrs as ConcatAttrs;
  return axis === 0 ? { size: 1, unit: 1 } : firstAxisDomain(group);
}

export function concatKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const { axis } = root.attrs as ConcatAttrs;
  const strides = stridesOf(root.shape);
  let start = 0;
  const parts = root.inputs.map((x) => {
    const part = { x, offset: start * strides[axis] };
    start += x.shape[axis];
    return part;
  });
  const copyAll = (): void => {
    for (const { x, offset } of parts)
      copyKernel(kernel, x, joinedAxes(x.shape, stridesOf(x.shape), strides), i32(0), offset, axis !== 0);
  };
  if (axis === 0) f.if(ltS(begin, end), copyAll);
  else copyAll();
}

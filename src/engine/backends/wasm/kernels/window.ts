/** Kernels of windows whose place is an input: the copies of copy.ts from or to an offset that is worked out first. */
import { joinedAxes } from "../../../lower/loops.ts";
import type { PlaceAtAttrs, WindowAttrs } from "../../../ops/window.ts";
import { type Shape, sizeOf, stridesOf } from "../../../shape.ts";
import { addI, type I32, i32, loadI32, ltU, maxS, minS, mulI, subI } from "../assembler.ts";
import { copyKernel, copyRow, fillRow, firstAxisDomain } from "./copy.ts";
import type { Kernel, RootKernel } from "./kernel.ts";

/** Where the window begins along each axis, clamped so that it lies inside. */
function startsOf(kernel: Kernel, within: Shape, window: Shape): I32[] {
  const { f, root } = kernel;
  const { axes } = root.attrs as WindowAttrs;
  return within.map((dim, axis) => {
    const i = axes.indexOf(axis);
    const last = dim - window[axis];
    if (i < 0 || last === 0) return i32(0);
    const start = f.let(loadI32(kernel.pointer(root.inputs[1]), i * 4));
    return f.let(maxS(f.let(minS(start, i32(last))), i32(0)));
  });
}

function sliceAtKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [x] = root.inputs;
  const strides = stridesOf(x.shape);
  const starts = startsOf(kernel, x.shape, root.shape);
  const offset = starts.reduce<I32>((sum, start, axis) => f.let(addI(sum, mulI(start, strides[axis]))), i32(0));
  copyKernel(kernel, x, joinedAxes(root.shape, strides, stridesOf(root.shape)), offset, 0);
}

function placeAtKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const [x] = root.inputs;
  const strides = stridesOf(root.shape);
  const inner = sizeOf(root.shape.slice(1));
  const [first, ...others] = startsOf(kernel, root.shape, x.shape);
  const offset = others.reduce<I32>((sum, start, i) => f.let(addI(sum, mulI(start, strides[i + 1]))), i32(0));
  const [rows, ...axes] = joinedAxes(x.shape, stridesOf(x.shape), strides);
  f.for(begin, end, 1, (row) => {
    fillRow(kernel, row, (root.attrs as PlaceAtAttrs).fill);
    const own = f.let(subI(row, first));
    f.if(ltU(own, rows.length), () => {
      copyRow(kernel, x, axes, f.let(mulI(own, rows.from)), f.let(addI(mulI(row, inner), offset)));
    });
  });
}

export const sliceAtRoot: RootKernel = { domain: firstAxisDomain, emit: sliceAtKernel, rides: "dense" };
export const placeAtRoot: RootKernel = { domain: firstAxisDomain, emit: placeAtKernel, rides: "none" };

/** Pooling kernels: vectors over channels, one window at a time; windows at the edge skip what lies outside. */
import { type AvgPoolAttrs, divisor, type PoolAttrs } from "../../../ops/pool.ts";
import {
  addI,
  andI,
  geS,
  type I32,
  i32,
  load,
  ltS,
  mulI,
  select,
  splatConst,
  splatI,
  subI,
  type V128,
  v,
} from "../assembler.ts";
import type { Kernel } from "./kernel.ts";

interface Window {
  /** Byte address offset of the output element within the output. */
  readonly out: I32;
  /** Top-left input position, possibly outside. */
  readonly h: I32;
  readonly w: I32;
  /** Base of the sample in the input, as a byte offset. */
  readonly sample: I32;
}

/** Loops over samples, channel vectors and windows. */
function overWindows(
  kernel: Kernel,
  input: readonly number[],
  output: readonly number[],
  { stride, padding }: PoolAttrs,
  visit: (window: Window, channel: I32, lanes: number) => void,
): void {
  const { f, begin, end } = kernel;
  const [, H, W, C] = input;
  const [, P, Q] = output;
  const channels = (c: I32, lanes: number): void => {
    f.for(begin, end, 1, (n) => {
      const sample = f.let(addI(mulI(n, H * W * C * 4), c));
      f.for(0, P, 1, (p) => {
        const h = f.let(subI(mulI(p, stride[0]), padding[0]));
        const row = f.let(addI(mulI(addI(mulI(n, P), p), Q * C * 4), c));
        f.for(0, Q, 1, (q) => {
          const w = f.let(subI(mulI(q, stride[1]), padding[1]));
          visit({ out: f.let(addI(row, mulI(q, C * 4))), h, w, sample }, c, lanes);
        });
      });
    });
  };
  const whole = Math.floor(C / 4) * 4;
  f.for(0, whole * 4, 16, (c) => channels(c, 4));
  if (whole < C) channels(i32(whole * 4), C - whole);
}

/** Calls `visit` with the byte offset of each input element under a window. */
function overTaps(
  kernel: Kernel,
  input: readonly number[],
  { kernel: size, padding }: PoolAttrs,
  window: Window,
  visit: (offset: I32) => void,
): void {
  const { f } = kernel;
  const [, H, W, C] = input;
  const padded = padding[0] > 0 || padding[1] > 0;
  const corner = f.let(addI(window.sample, mulI(addI(mulI(window.h, W), window.w), C * 4)));
  for (let r = 0; r < size[0]; r++) {
    for (let s = 0; s < size[1]; s++) {
      const offset = f.let(addI(corner, (r * W + s) * C * 4));
      if (!padded) {
        visit(offset);
        continue;
      }
      const [h, w] = [f.let(addI(window.h, r)), f.let(addI(window.w, s))];
      const inside = andI(andI(geS(h, 0), ltS(h, H)), andI(geS(w, 0), ltS(w, W)));
      f.if(inside, () => visit(offset));
    }
  }
}

export function maxPoolKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [x] = root.inputs;
  const attrs = root.attrs as PoolAttrs;
  overWindows(kernel, x.shape, root.shape, attrs, (window, channel, lanes) => {
    const best = f.local("v128", splatConst(Number.NEGATIVE_INFINITY));
    overTaps(kernel, x.shape, attrs, window, (offset) => {
      f.set(best, v.pmax(best, load(addI(kernel.pointer(x), offset))));
    });
    kernel.finish(best, window.out, channel, 0, lanes);
  });
}

/** dx is zeroed sample by sample; each window then adds its gradient to the first element that equals its maximum. */
export function maxPoolGradKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [x, g] = root.inputs;
  const attrs = root.attrs as PoolAttrs;
  zeroSamples(kernel);
  const output = kernel.pointer(root);
  const overlapping = attrs.kernel.some((size, axis) => size > attrs.stride[axis]);
  overWindows(kernel, x.shape, g.shape, attrs, (window, _, lanes) => {
    const best = f.local("v128", splatConst(Number.NEGATIVE_INFINITY));
    overTaps(kernel, x.shape, attrs, window, (offset) => {
      f.set(best, v.pmax(best, load(addI(kernel.pointer(x), offset))));
    });
    const left = f.let(load(addI(kernel.pointer(g), window.out)));
    overTaps(kernel, x.shape, attrs, window, (offset) => {
      const hit = f.let(v.eq(load(addI(kernel.pointer(x), offset)), best));
      const address = f.let(addI(output, offset));
      const part = v.and(left, hit);
      f.storeLanes(address, overlapping ? v.add(load(address), part) : part, lanes);
      f.set(left, v.andNot(left, hit)); // spent: later ties get nothing
    });
  });
}

function zeroSamples(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const bytes = (root.size / root.shape[0]) * 4;
  f.zero(addI(kernel.pointer(root), mulI(begin, bytes)), mulI(subI(end, begin), bytes));
}

/** 1 / number of elements that a window's mean is taken over. */
function scale(kernel: Kernel, input: readonly number[], attrs: AvgPoolAttrs, window: Window): V128 {
  const { f } = kernel;
  const [, H, W] = input;
  if (attrs.countIncludePad || (attrs.padding[0] === 0 && attrs.padding[1] === 0)) {
    return splatConst(1 / divisor(attrs, attrs.kernel[0] * attrs.kernel[1]));
  }
  const extent = (from: I32, size: number, limit: number): I32 => {
    const to = f.let(addI(from, size));
    const last = select(ltS(to, limit), to, i32(limit));
    return subI(last, select(ltS(from, 0), i32(0), from));
  };
  const count = mulI(extent(window.h, attrs.kernel[0], H), extent(window.w, attrs.kernel[1], W));
  return f.let(v.div(splatConst(1), v.fromI(splatI(count))));
}

export function avgPoolKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [x] = root.inputs;
  const attrs = root.attrs as AvgPoolAttrs;
  overWindows(kernel, x.shape, root.shape, attrs, (window, channel, lanes) => {
    const total = f.local("v128", splatConst(0));
    overTaps(kernel, x.shape, attrs, window, (offset) => {
      f.set(total, v.add(total, load(addI(kernel.pointer(x), offset))));
    });
    kernel.finish(v.mul(total, scale(kernel, x.shape, attrs, window)), window.out, channel, 0, lanes);
  });
}

export function avgPoolGradKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [g] = root.inputs;
  const attrs = root.attrs as AvgPoolAttrs;
  zeroSamples(kernel);
  const output = kernel.pointer(root);
  overWindows(kernel, root.shape, g.shape, attrs, (window, _, lanes) => {
    const part = f.let(v.mul(load(addI(kernel.pointer(g), window.out)), scale(kernel, root.shape, attrs, window)));
    overTaps(kernel, root.shape, attrs, window, (offset) => {
      const address = f.let(addI(output, offset));
      f.storeLanes(address, v.add(load(address), part), lanes);
    });
  });
}

/**
 * Pooling kernels, channels last: window after window, with vectors over its channels innermost, so that memory is walked
 * through from front to back. Where windows tile the input, gradients are finished as they are written, each element once;
 * otherwise they are added up in memory. Windows at the edge skip what lies outside.
 */
import { times } from "../../../lower/pieces.ts";
import type { AvgPoolAttrs, AvgPoolGradAttrs, MaxPoolGradAttrs, PoolAttrs } from "../../../ops/pool.ts";
import { divisor } from "../../../ops/pool.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  addI,
  andI,
  geS,
  type I32,
  i32,
  load,
  ltS,
  maxS,
  mulI,
  select,
  splatConst,
  splatConstI,
  splatI,
  subI,
  type V128,
  v,
  vi,
} from "../assembler.ts";
import { type Kernel, overChannels, overOutputRows } from "./kernel.ts";

interface Window {
  /** Byte offset of its output element, channel 0, in the output. */
  readonly out: I32;
  /** Byte offset of its first element, channel 0, in the input; possibly outside. */
  readonly corner: I32;
  /** Position of its first element, possibly outside. */
  readonly h: I32;
  readonly w: I32;
}

/** An element of a window: its place there, row by row, and how far it lies behind the window's corner, in bytes. */
interface Tap {
  readonly number: number;
  readonly distance: number;
  /** Whether it lies inside the input; undefined where all taps of all windows do. */
  readonly inside: I32 | undefined;
}

/** Calls `visit` for each window of output row p of sample n; returns the byte offset of the input row under them. */
function overWindows(
  { f }: Kernel,
  [, H, W, C]: readonly number[],
  [, P, Q]: readonly number[],
  { stride, padding }: PoolAttrs,
  [n, p]: readonly [n: I32, p: I32],
  visit: (window: Window) => void,
): I32 {
  const pixel = C * 4;
  const h = f.let(subI(mulI(p, stride[0]), padding[0]));
  const row = f.let(mulI(addI(mulI(n, H), h), W * pixel));
  const out = f.let(mulI(addI(mulI(n, P), p), Q * pixel));
  f.for(0, Q, 1, (q) => {
    const w = f.let(subI(mulI(q, stride[1]), padding[1]));
    visit({ out: f.let(addI(out, mulI(q, pixel))), corner: f.let(addI(row, mulI(w, pixel))), h, w });
  });
  return row;
}

const isPadded = ({ padding }: PoolAttrs): boolean => padding[0] > 0 || padding[1] > 0;

function tapsOf({ f }: Kernel, [, H, W, C]: readonly number[], attrs: PoolAttrs, window: Window): Tap[] {
  const { kernel: size } = attrs;
  return times(size[0] * size[1], (number) => {
    const [r, s] = [Math.floor(number / size[1]), number % size[1]];
    const [h, w] = [addI(window.h, r), addI(window.w, s)];
    const inside = (): I32 => f.let(andI(andI(geS(h, 0), ltS(h, H)), andI(geS(w, 0), ltS(w, W))));
    return { number, distance: (r * W + s) * C * 4, inside: isPadded(attrs) ? inside() : undefined };
  });
}

/** Calls `visit` with the address of each tap that lies inside, as a base and a constant. */
function overTaps(
  { f }: Kernel,
  taps: readonly Tap[],
  base: I32,
  visit: (at: I32, offset: number, tap: Tap) => void,
): void {
  for (const tap of taps) {
    if (tap.inside === undefined) visit(base, tap.distance, tap);
    // A base outside may be no address at all, so the distance is added before it is used as one.
    else f.if(tap.inside, () => visit(f.let(addI(base, tap.distance)), 0, tap));
  }
}

/** The first element of a window that lies inside: byte offset and number. */
function firstInside(
  { f }: Kernel,
  [, , W, C]: readonly number[],
  attrs: PoolAttrs,
  window: Window,
): { offset: I32; number: I32 } {
  if (!isPadded(attrs)) return { offset: window.corner, number: i32(0) };
  const [r, s] = [window.h, window.w].map((position) => f.let(maxS(subI(i32(0), position), i32(0))));
  const offset = f.let(addI(window.corner, mulI(addI(mulI(r, W), s), C * 4)));
  return { offset, number: f.let(addI(mulI(r, attrs.kernel[1]), s)) };
}

/** The largest element of each window, and which one it is, whichever of the two the group asks for. */
export function maxPoolKernel(kernel: Kernel): void {
  const { f, root, group } = kernel;
  const [x] = root.inputs;
  const attrs = root.attrs as PoolAttrs;
  const pooled = group.nodes.find(({ op }) => op.name === "maxPool2d");
  const winners = group.nodes.find(({ op }) => op.name === "maxPool2dWinners");
  const visit = (window: Window): void => {
    const taps = tapsOf(kernel, x.shape, attrs, window);
    const corner = f.let(addI(kernel.pointer(x), window.corner));
    const start = firstInside(kernel, x.shape, attrs, window);
    const first = f.let(addI(kernel.pointer(x), start.offset));
    overChannels(kernel, root.shape[3], (c, vectors, lanes) => {
      const from = f.let(addI(first, c));
      const number = f.let(splatI(start.number));
      const channels = times(vectors, (k) => ({
        best: f.let(load(from, k * 16)),
        winner: winners && f.let(number as V128),
      }));
      overTaps(kernel, isPadded(attrs) ? taps : taps.slice(1), f.let(addI(corner, c)), (at, offset, { number }) => {
        for (const [k, { best, winner }] of channels.entries()) {
          const value = f.let(load(at, offset + k * 16));
          if (winner !== undefined) f.set(winner, v.bitselect(splatConstI(number), winner, v.gt(value, best)));
          f.set(best, v.pmax(best, value));
        }
      });
      const results = channels.map(({ best, winner }) => {
        const made = new Map<Tensor, V128>();
        if (pooled !== undefined) made.set(pooled, best);
        if (winners !== undefined && winner !== undefined) made.set(winners, winner);
        return made;
      });
      f.together((held) => kernel.finishAll(held, results, f.let(addI(window.out, c)), c, lanes));
    });
  };
  overOutputRows(kernel, (n, p) => overWindows(kernel, x.shape, root.shape, attrs, [n, p], visit));
}

/** Whether no two windows share an element and none lies between them, so that only the far edges may be uncovered. */
export function coverOnce({ kernel, stride, padding }: PoolAttrs): boolean {
  return kernel.every((size, axis) => size === stride[axis] && padding[axis] === 0);
}

/**
 * Writes the gradient of the input.
 * @param g the gradient of the output
 * @param prepare gives for a window, then for the offset of some channels, then for a vector so many bytes behind it, what
 *   each tap gets
 */
function scatter(
  kernel: Kernel,
  g: Tensor,
  attrs: PoolAttrs,
  prepare: (window: Window) => (c: I32) => (further: number) => (tap: Tap) => V128,
): void {
  const { f, root, begin, end } = kernel;
  const [, H, W, C] = root.shape;
  const [, P, Q] = g.shape;
  const exact = coverOnce(attrs);
  /** Writes zeros to neighboring pixels. */
  const clear = (from: I32, pixels: number): void => {
    f.for(0, pixels, 1, (i) => {
      const at = f.let(addI(from, mulI(i, C * 4)));
      overChannels(kernel, C, (c, vectors, lanes) => {
        const zeros = times(vectors, () => splatConst(0));
        f.together((held) => kernel.finishAll(held, zeros, f.let(addI(at, c)), c, lanes));
      });
    });
  };
  if (!exact) zeroSamples(kernel);
  const visit = (window: Window): void => {
    const taps = tapsOf(kernel, root.shape, attrs, window);
    const shareOf = prepare(window);
    overChannels(kernel, C, (c, vectors, lanes) => {
      const shareAt = shareOf(c);
      const shares = times(vectors, (k) => ({ share: shareAt(k * 16), k, lanes: k < vectors - 1 ? 4 : lanes }));
      const corner = f.let(addI(window.corner, c));
      if (exact) {
        f.together((held) => {
          for (const tap of taps) {
            for (const { share, k, lanes } of shares)
              kernel.finish(held, share(tap), corner, c, k * 16, lanes, tap.distance);
          }
        });
        return;
      }
      overTaps(kernel, taps, f.let(addI(kernel.pointer(root), corner)), (at, offset, tap) => {
        f.together((held) => {
          for (const { share, k, lanes } of shares) {
            held.storeLanes(at, v.add(load(at, offset + k * 16), share(tap)), lanes, offset + k * 16);
          }
        });
      });
    });
  };
  const covered = { rows: P * attrs.stride[0], columns: Q * attrs.stride[1] };
  f.for(begin, end, 1, (n) => {
    f.for(0, P, 1, (p) => {
      const row = overWindows(kernel, root.shape, g.shape, attrs, [n, p], visit);
      if (!exact || covered.columns === W) return;
      for (let r = 0; r < attrs.stride[0]; r++) {
        clear(f.let(addI(row, (r * W + covered.columns) * C * 4)), W - covered.columns);
      }
    });
    if (exact && covered.rows < H) {
      clear(f.let(mulI(addI(mulI(n, H), covered.rows), W * C * 4)), (H - covered.rows) * W);
    }
  });
}

function zeroSamples(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const bytes = (root.size / root.shape[0]) * 4;
  f.zero(addI(kernel.pointer(root), mulI(begin, bytes)), mulI(subI(end, begin), bytes));
}

export function maxPoolGradKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [winners, g] = root.inputs;
  scatter(kernel, g, root.attrs as MaxPoolGradAttrs, (window) => (c) => {
    const [gAt, winnersAt] = [g, winners].map((tensor) => f.let(addI(kernel.pointer(tensor), addI(window.out, c))));
    return (further) => {
      const [gradient, winner] = [f.let(load(gAt, further)), f.let(load(winnersAt, further))];
      return ({ number }) => v.and(gradient, vi.eq(winner, splatConstI(number)));
    };
  });
}

/** 1 / number of elements that a window's mean is taken over. */
function scale({ f }: Kernel, [, H, W]: readonly number[], attrs: AvgPoolAttrs, window: Window): V128 {
  if (attrs.countIncludePad || !isPadded(attrs)) {
    return splatConst(1 / divisor(attrs, attrs.kernel[0] * attrs.kernel[1]));
  }
  const extent = (from: I32, size: number, limit: number): I32 => {
    const to = f.let(addI(from, size));
    const last = select(ltS(to, limit), to, i32(limit));
    return subI(last, maxS(from, i32(0)));
  };
  const count = mulI(extent(window.h, attrs.kernel[0], H), extent(window.w, attrs.kernel[1], W));
  return f.let(v.div(splatConst(1), v.fromI(splatI(count))));
}

export function avgPoolKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [x] = root.inputs;
  const attrs = root.attrs as AvgPoolAttrs;
  const visit = (window: Window): void => {
    const taps = tapsOf(kernel, x.shape, attrs, window);
    const factor = scale(kernel, x.shape, attrs, window);
    const corner = f.let(addI(kernel.pointer(x), window.corner));
    overChannels(kernel, root.shape[3], (c, vectors, lanes) => {
      const totals = kernel.zeros(vectors);
      overTaps(kernel, taps, f.let(addI(corner, c)), (at, offset) => {
        totals.forEach((total, k) => {
          f.set(total, v.add(total, load(at, offset + k * 16)));
        });
      });
      const means = totals.map((total) => v.mul(total, factor));
      f.together((held) => kernel.finishAll(held, means, f.let(addI(window.out, c)), c, lanes));
    });
  };
  overOutputRows(kernel, (n, p) => overWindows(kernel, x.shape, root.shape, attrs, [n, p], visit));
}

export function avgPoolGradKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [g] = root.inputs;
  const attrs = root.attrs as AvgPoolGradAttrs;
  scatter(kernel, g, attrs, (window) => {
    const factor = scale(kernel, root.shape, attrs, window);
    return (c) => {
      const at = f.let(addI(kernel.pointer(g), addI(window.out, c)));
      return (further) => {
        const share = f.let(v.mul(load(at, further), factor));
        return () => share;
      };
    };
  });
}

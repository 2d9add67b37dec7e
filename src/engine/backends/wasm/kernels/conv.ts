/**
 * Direct convolution, channels last: a tile of neighboring pixels × output channels stays in registers while the kernel runs
 * over the taps. Columns of zeros have been put around the input already (legalize.ts); rows outside the picture are skipped.
 * Axis letters as in ops/conv.ts.
 */

import { PANEL, type PanelConvAttrs } from "../../../lower/convolutions.ts";
import { isDepthwise } from "../../../lower/legalize.ts";
import { evenPieces, runsOf, times } from "../../../lower/pieces.ts";
import type { ConvAttrs } from "../../../ops/conv.ts";
import { addI, type I32, i32, type Local, load, load32Splat, mulI, subI } from "../assembler.ts";
import { depthwise } from "./depthwise.ts";
import { channelTiles, type Geometry, geometry, isSingleChannel, kernelRows } from "./geometry.ts";
import { type Kernel, overOutputRows } from "./kernel.ts";

/** conv2d, whose weights are [R, S, C, O]. */
export function convKernel(kernel: Kernel): void {
  const [x, w] = kernel.root.inputs;
  const attrs = kernel.root.attrs as ConvAttrs;
  const g = geometry(x.shape, kernel.root.shape, w.shape, attrs);
  if (isDepthwise(attrs, g.C, g.O)) depthwise(kernel, attrs, g);
  else if (isSingleChannel(attrs, g)) alongRows(kernel, attrs, g);
  else direct(kernel, attrs, g, { from: (channel) => channel * 4, step: g.O * 4, vector: (vector) => vector * 16 });
}

/** conv2dPanels, whose weights are [O / PANEL, R, S, C, PANEL]. */
export function panelConvKernel(kernel: Kernel): void {
  const attrs = kernel.root.attrs as PanelConvAttrs;
  const g = geometry(kernel.root.inputs[0].shape, kernel.root.shape, attrs.kernel, attrs);
  const rows = g.R * g.S * g.depth;
  direct(kernel, attrs, g, {
    from: (channel) => rows * channel * 4,
    step: PANEL * 4,
    vector: (vector) => inPanels(vector, rows),
  });
}

/** How weights lie in memory, in bytes. */
interface WeightLayout {
  /** Where those of an output channel begin. */
  readonly from: (channel: number) => number;
  /** From one tap to the next. */
  readonly step: number;
  /** From the first vector of a tap to another one. */
  readonly vector: (vector: number) => number;
}

/** One channel to one: vectors run along the row, a tile is a strip of them. */
function alongRows(kernel: Kernel, attrs: ConvAttrs, g: Geometry): void {
  const { f, root, isa, target } = kernel;
  const [x, w] = root.inputs;
  const { stride, padding, dilation } = attrs;
  const { H, W, P, Q, S } = g;
  overOutputRows(kernel, (n, p) => {
    const rows = kernelRows(f, attrs, g, p);
    const top = addI(mulI(n, H), subI(mulI(p, stride[0]), padding[0]));
    const row = f.let(addI(kernel.pointer(x), mulI(top, W * 4)));
    const outRow = f.let(mulI(addI(mulI(n, P), p), Q * 4));
    /** A strip of vectors, `q` bytes into the row. */
    const strip = (q: I32, vectors: number, lanes: number): void => {
      const tile = kernel.zeros(vectors);
      f.for(rows.from, rows.to, 1, (r) => {
        const xAt = f.let(addI(addI(row, q), mulI(r, dilation[0] * W * 4)));
        const wAt = f.let(addI(kernel.pointer(w), mulI(r, S * 4)));
        for (let s = 0; s < S; s++) {
          const weight = f.let(load32Splat(wAt, s * 4));
          tile.forEach((total, i) => {
            f.set(total, isa.madd(load(xAt, s * dilation[1] * 4 + i * 16), weight, total));
          });
        }
      });
      const out = f.let(addI(outRow, q));
      f.together((held) => {
        tile.forEach((total, i) => {
          kernel.finish(held, total, out, i32(0), 0, lanes, i * 16);
        });
      });
    };
    const whole = Math.floor(Q / 4);
    for (const run of runsOf(evenPieces(whole, target.scheduling === "late" ? 3 : 8))) {
      const bytes = run.size * 16;
      f.for(run.from * 16, run.from * 16 + run.count * bytes, bytes, (q) => strip(q, run.size, 4));
    }
    if (Q % 4 > 0) strip(i32(whole * 16), 1, Q % 4);
  });
}

function direct(kernel: Kernel, attrs: ConvAttrs, g: Geometry, layout: WeightLayout): void {
  const { f, root, target } = kernel;
  const [x, w] = root.inputs;
  const { stride, padding, dilation, groups } = attrs;
  const { H, W, C, P, Q, O, S, depth, width } = g;
  const pixelBytes = C * 4;
  const weightStep = layout.step;
  overOutputRows(kernel, (n, p) => {
    const rows = kernelRows(f, attrs, g, p);
    const top = addI(mulI(n, H), subI(mulI(p, stride[0]), padding[0]));
    const row = f.let(addI(kernel.pointer(x), mulI(top, W * pixelBytes)));
    const outRow = f.let(mulI(addI(mulI(n, P), p), Q * O * 4));
    for (let group = 0; group < groups; group++) {
      for (const { from, vectors, lanes } of channelTiles(width, 2, target)) {
        const channel = group * width + from;
        const weights = f.let(addI(kernel.pointer(w), i32(layout.from(channel))));
        for (const run of runsOf(evenPieces(Q, Math.floor(target.accumulators / vectors)))) {
          f.for(run.from, run.from + run.count * run.size, run.size, (q) => {
            const tile = kernel.zeros(run.size * vectors);
            const pixel = f.let(addI(row, addI(mulI(q, stride[1] * pixelBytes), i32(group * depth * 4))));
            f.for(rows.from, rows.to, 1, (r) => {
              const xAt = f.let(addI(pixel, mulI(r, dilation[0] * W * pixelBytes)));
              const wAt = f.let(addI(weights, mulI(r, S * depth * weightStep)));
              taps(kernel, tile, vectors, xAt, wAt, {
                pixel: stride[1] * pixelBytes,
                columns: S,
                column: dilation[1] * pixelBytes,
                depth,
                weightStep,
                weight: layout.vector,
              });
            });
            const out = f.let(addI(outRow, addI(mulI(q, O * 4), i32(channel * 4))));
            f.together((held) => {
              for (let i = 0; i < run.size; i++) {
                const pixel = tile.slice(i * vectors, (i + 1) * vectors);
                kernel.finishAll(held, pixel, out, i32(channel * 4), lanes, 0, i * O * 4);
              }
            });
          });
        }
      }
    }
  });
}

export interface Taps {
  /** Bytes from one output pixel's input to the next one's. */
  readonly pixel: number;
  readonly columns: number;
  /** Bytes from one kernel column's input to the next one's. */
  readonly column: number;
  /** Input channels. */
  readonly depth: number;
  /** Bytes from the weights of one tap to the next. */
  readonly weightStep: number;
  /** Bytes from the weights of the first vector to those of another one. */
  readonly weight: (vector: number) => number;
}

/** Byte offset of a vector in panels of so many rows that lie one behind the other. */
export const inPanels = (vector: number, rows: number): number =>
  (Math.floor((vector * 4) / PANEL) * rows * PANEL + ((vector * 4) % PANEL)) * 4;

/** Adds one kernel row's taps (columns × input channels) to a tile of pixels × vectors. */
export function taps(kernel: Kernel, tile: readonly Local<"v128">[], vectors: number, x: I32, w: I32, t: Taps): void {
  const { f, isa, target } = kernel;
  const pixels = tile.length / vectors;
  const tap = (xAt: I32, wAt: I32, n: number): void => {
    const weights = times(vectors, (k) => f.let(load(wAt, n * t.weightStep + t.weight(k))));
    for (let pixel = 0; pixel < pixels; pixel++) {
      const value = f.let(load32Splat(xAt, n * 4 + pixel * t.pixel));
      weights.forEach((weight, k) => {
        const total = tile[pixel * vectors + k];
        f.set(total, isa.madd(value, weight, total));
      });
    }
  };
  /** Taps that lie one after the other, both in the input and in the weights. */
  const run = (length: number, xFrom: I32, wFrom: I32): void => {
    const unroll = Math.min(target.scheduling === "late" ? 1 : 4, length);
    const [xAt, wAt] = [f.let(xFrom), f.let(wFrom)];
    f.for(0, length - (length % unroll), unroll, () => {
      for (let n = 0; n < unroll; n++) tap(xAt, wAt, n);
      f.set(xAt, addI(xAt, unroll * 4));
      f.set(wAt, addI(wAt, unroll * t.weightStep));
    });
    for (let n = 0; n < length % unroll; n++) tap(xAt, wAt, n);
  };
  if (t.column === t.depth * 4) run(t.columns * t.depth, x, w);
  else
    f.for(0, t.columns, 1, (s) => run(t.depth, addI(x, mulI(s, t.column)), addI(w, mulI(s, t.depth * t.weightStep))));
}

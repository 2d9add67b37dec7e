/**
 * Direct convolution, channels last: a tile of neighbouring pixels × output channels stays in registers while the kernel runs
 * over the taps. Columns of zeros have been put around the input already (legalize.ts); rows outside the picture are skipped.
 * Axis letters as in ops/conv.ts.
 */
import type { ConvAttrs } from "../../../ops/conv.ts";
import type { Tensor } from "../../../tensor.ts";
import { addI, geS, type I32, i32, type Local, load, load32Splat, ltS, mulI, splatConst, subI } from "../assembler.ts";
import { PANEL, type PanelConvAttrs, type WinogradConvAttrs } from "../legalize.ts";
import { evenPieces, type Kernel, runsOf } from "./kernel.ts";
import { winogradKernel, winogradScratch } from "./winograd.ts";

export interface Geometry {
  readonly H: number;
  readonly W: number;
  readonly C: number;
  readonly P: number;
  readonly Q: number;
  readonly O: number;
  readonly R: number;
  readonly S: number;
  /** Input channels of one group. */
  readonly depth: number;
  /** Output channels of one group. */
  readonly width: number;
}

export function geometry(
  x: readonly number[],
  y: readonly number[],
  [R, S]: readonly number[],
  { groups }: ConvAttrs,
): Geometry {
  const [, H, W, C] = x;
  const [, P, Q, O] = y;
  return { H, W, C, P, Q, O, R, S, depth: C / groups, width: O / groups };
}

/** Output channels in vectors: [from, vectors, lanes of the last one]. */
export function channelTiles(width: number, vectors: number): { from: number; vectors: number; lanes: number }[] {
  const tiles: { from: number; vectors: number; lanes: number }[] = [];
  let from = 0;
  for (const size of evenPieces(Math.ceil(width / 4), vectors)) {
    tiles.push({ from, vectors: size, lanes: Math.min(4, width - (from + (size - 1) * 4)) });
    from += size * 4;
  }
  return tiles;
}

/** Channels are depthwise when every group has one input and one output channel: vectors then run over the groups. */
export const isDepthwise = ({ groups }: ConvAttrs, C: number, O: number): boolean =>
  groups > 1 && groups === C && C === O;

/** Scratch bytes: only Winograd's method needs any. */
export function convScratch(root: Tensor): number {
  const attrs = root.attrs as ConvAttrs | WinogradConvAttrs;
  return "tiles" in attrs ? winogradScratch(attrs, root.inputs[0].shape[3]) : 0;
}

export function convKernel(kernel: Kernel): void {
  const [x, w] = kernel.root.inputs;
  const attrs = kernel.root.attrs as ConvAttrs | PanelConvAttrs | WinogradConvAttrs;
  if ("tiles" in attrs) {
    winogradKernel(kernel);
    return;
  }
  const g = geometry(x.shape, kernel.root.shape, "panels" in attrs ? attrs.kernel : w.shape, attrs);
  if (isDepthwise(attrs, g.C, g.O)) depthwise(kernel, attrs, g);
  else direct(kernel, attrs, g);
}

/** Calls `visit` for the kernel rows r, and the input rows h under them, that lie inside the picture at output row p. */
function overRows(
  kernel: Kernel,
  { stride, padding, dilation }: ConvAttrs,
  { H, R }: Geometry,
  p: I32,
  visit: (r: I32, h: I32) => void,
): void {
  const { f } = kernel;
  const top = f.let(subI(mulI(p, stride[0]), padding[0]));
  if (padding[0] === 0 && padding[1] <= 0) {
    f.for(0, R, 1, (r) => visit(r, f.let(addI(top, mulI(r, dilation[0])))));
    return;
  }
  f.for(0, R, 1, (r) => {
    const h = f.let(addI(top, mulI(r, dilation[0])));
    f.if(geS(h, 0), () => f.if(ltS(h, H), () => visit(r, h)));
  });
}

function direct(kernel: Kernel, attrs: ConvAttrs | PanelConvAttrs, g: Geometry): void {
  const { f, root, begin, end } = kernel;
  const [x, w] = root.inputs;
  const { stride, dilation, groups } = attrs;
  const { H, W, C, P, Q, O, R, S, depth, width } = g;
  const pixelBytes = C * 4;
  const panels = "panels" in attrs;
  const weightStep = (panels ? PANEL : O) * 4;
  for (let group = 0; group < groups; group++) {
    for (const { from, vectors, lanes } of channelTiles(width, 2)) {
      const channel = group * width + from;
      f.for(begin, end, 1, (n) => {
        const image = f.let(addI(kernel.pointer(x), addI(mulI(n, H * W * pixelBytes), i32(group * depth * 4))));
        const weights = f.let(addI(kernel.pointer(w), i32(panels ? R * S * depth * channel * 4 : channel * 4)));
        f.for(0, P, 1, (p) => {
          const row = f.let(mulI(addI(mulI(n, P), p), Q * O * 4));
          for (const run of runsOf(evenPieces(Q, Math.floor(kernel.target.accumulators / vectors)))) {
            f.for(run.from, run.from + run.count * run.size, run.size, (q) => {
              const tile = Array.from({ length: run.size * vectors }, () => f.local("v128", splatConst(0)));
              overRows(kernel, attrs, g, p, (r, h) => {
                const xAt = f.let(addI(image, mulI(addI(mulI(h, W), mulI(q, stride[1])), pixelBytes)));
                const wAt = f.let(addI(weights, mulI(r, S * depth * weightStep)));
                taps(kernel, tile, vectors, xAt, wAt, {
                  pixel: stride[1] * pixelBytes,
                  columns: S,
                  column: dilation[1] * pixelBytes,
                  depth,
                  weightStep,
                });
              });
              const out = f.let(addI(row, addI(mulI(q, O * 4), i32(channel * 4))));
              tile.forEach((total, t) => {
                const [pixel, vector] = [Math.floor(t / vectors), t % vectors];
                const last = vector === vectors - 1 ? lanes : 4;
                kernel.finish(total, out, i32(channel * 4), vector * 16, last, pixel * O * 4);
              });
            });
          }
        });
      });
    }
  }
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
}

/** Adds one kernel row's taps (columns × input channels) to a tile of pixels × vectors. */
export function taps(kernel: Kernel, tile: readonly Local<"v128">[], vectors: number, x: I32, w: I32, t: Taps): void {
  const { f, isa, target } = kernel;
  const pixels = tile.length / vectors;
  const tap = (xAt: I32, wAt: I32, n: number): void => {
    const weights = Array.from({ length: vectors }, (_, k) => f.let(load(wAt, n * t.weightStep + k * 16)));
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

/** Every channel by itself: vectors over channels, a tile of neighbouring pixels. */
function depthwise(kernel: Kernel, attrs: ConvAttrs, g: Geometry): void {
  const { f, root, begin, end, isa } = kernel;
  const [x, w] = root.inputs;
  const { stride, dilation } = attrs;
  const { H, W, C, P, Q, S } = g;
  for (const { from, lanes } of channelTiles(C, 1)) {
    f.for(begin, end, 1, (n) => {
      const image = f.let(addI(kernel.pointer(x), addI(mulI(n, H * W * C * 4), i32(from * 4))));
      const weights = f.let(addI(kernel.pointer(w), i32(from * 4)));
      f.for(0, P, 1, (p) => {
        const row = f.let(addI(mulI(addI(mulI(n, P), p), Q * C * 4), i32(from * 4)));
        for (const run of runsOf(evenPieces(Q, 8))) {
          f.for(run.from, run.from + run.count * run.size, run.size, (q) => {
            const tile = Array.from({ length: run.size }, () => f.local("v128", splatConst(0)));
            overRows(kernel, attrs, g, p, (r, h) => {
              const xAt = f.let(addI(image, mulI(addI(mulI(h, W), mulI(q, stride[1])), C * 4)));
              const wAt = f.let(addI(weights, mulI(r, S * C * 4)));
              for (let s = 0; s < S; s++) {
                const weight = f.let(load(wAt, s * C * 4));
                tile.forEach((total, pixel) => {
                  f.set(total, isa.madd(load(xAt, (pixel * stride[1] + s * dilation[1]) * C * 4), weight, total));
                });
              }
            });
            const out = f.let(addI(row, mulI(q, C * 4)));
            tile.forEach((total, pixel) => {
              kernel.finish(total, out, i32(from * 4), 0, lanes, pixel * C * 4);
            });
          });
        }
      });
    });
  }
}

/**
 * Direct convolution kernels, channels last. The forward kernel keeps a tile of neighbouring pixels × output channels in
 * registers and runs over the taps; the weight gradient keeps a tile of taps × output channels and runs over the pixels.
 * Columns of zeros have been put around the input already (legalize.ts); rows outside the picture are skipped.
 * Axis letters as in ops/conv.ts.
 */
import type { ConvAttrs, ConvWeightGradAttrs } from "../../../ops/conv.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  addI,
  divU,
  geS,
  type I32,
  i32,
  type Local,
  load,
  load32Splat,
  ltS,
  maxS,
  minS,
  mulI,
  select,
  shuffle,
  splatConst,
  subI,
  type V128,
  v,
} from "../assembler.ts";
import { PANEL, type PanelConvAttrs, type WinogradConvAttrs } from "../legalize.ts";
import { evenPieces, type Kernel, runsOf } from "./kernel.ts";
import { winogradKernel, winogradScratch } from "./winograd.ts";

interface Geometry {
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

function geometry(
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
function channelTiles(width: number, vectors: number): { from: number; vectors: number; lanes: number }[] {
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

/** Rows of the kernel that meet the picture at output row p, as r in [from, to) — for dilation 1 — or a test per row. */
function overRows(
  kernel: Kernel,
  { stride, padding, dilation }: ConvAttrs,
  { H, R }: Geometry,
  p: I32,
  visit: (r: I32, h: I32) => void,
): void {
  const { f } = kernel;
  const top = f.let(subI(mulI(p, stride[0]), padding[0]));
  if (padding[0] === 0 && padding[1] === 0) {
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

/** Output rows p for which kernel row r meets the picture: from … to. */
function rowRange(
  kernel: Kernel,
  { stride, padding, dilation }: ConvAttrs,
  { H, P }: Geometry,
  r: I32,
): { from: I32; to: I32 } {
  const { f } = kernel;
  if (padding[0] === 0 && padding[1] === 0) return { from: i32(0), to: i32(P) };
  const shift = f.let(subI(i32(padding[0]), mulI(r, dilation[0]))); // h = p·stride − shift
  const from = select(ltS(shift, 1), i32(0), divU(addI(shift, stride[0] - 1), stride[0]));
  const last = f.let(addI(shift, H - 1));
  const to = select(ltS(last, 0), i32(0), addI(divU(maxS(last, i32(0)), stride[0]), 1));
  return { from: f.let(from), to: f.let(minS(f.let(to), i32(P))) };
}

/** dw[r, s, c, o] += Σ over samples and pixels of x · g; also where the batch is not split, from zero. */
export function convWeightGradKernel(kernel: Kernel): void {
  const { f, root, begin, end, isa, target, group: planned } = kernel;
  const [x, dy] = root.inputs;
  const attrs = root.attrs as ConvWeightGradAttrs;
  const g = geometry(x.shape, dy.shape, attrs.kernel, attrs);
  const { H, W, C, P, Q, O, R, S, depth, width } = g;
  const { stride, dilation, padding, groups } = attrs;
  const partial = planned.split === "partial";
  const depthwiseCase = isDepthwise(attrs, C, O);
  const output = kernel.pointer(root);
  const samples = partial ? undefined : x.shape[0];

  /** Sums over all samples and pixels: `visit` gets the addresses of an input row (at column 0) and a gradient row. */
  const overPixels = (r: I32, visit: (xRow: I32, gRow: I32) => void): void => {
    const { from, to } = rowRange(kernel, attrs, g, r);
    f.for(partial ? begin : 0, samples ?? end, 1, (n) => {
      f.for(from, to, 1, (p) => {
        const h = subI(addI(mulI(p, stride[0]), mulI(r, dilation[0])), padding[0]);
        const xRow = f.let(addI(kernel.pointer(x), mulI(addI(mulI(n, H), h), W * C * 4)));
        const gRow = f.let(addI(kernel.pointer(dy), mulI(addI(mulI(n, P), p), Q * O * 4)));
        visit(xRow, gRow);
      });
    });
  };
  const accumulate = (address: I32, total: V128, lanes: number, offset: number): void => {
    f.storeLanes(address, partial ? v.add(load(address, offset), total) : total, lanes, offset);
  };
  const rows = partial ? { from: i32(0) as I32, to: i32(R) as I32 } : { from: begin as I32, to: end as I32 };

  f.for(rows.from, rows.to, 1, (r) => {
    if (depthwiseCase) {
      for (const { from, lanes } of channelTiles(C, 1)) {
        const tile = Array.from({ length: S }, () => f.local("v128", splatConst(0)));
        overPixels(r, (xRow, gRow) => {
          f.for(0, Q, 1, (q) => {
            const value = f.let(load(addI(gRow, mulI(q, C * 4)), from * 4));
            const xAt = f.let(addI(xRow, mulI(q, stride[1] * C * 4)));
            tile.forEach((total, s) => {
              f.set(total, isa.madd(load(xAt, (s * dilation[1] * C + from) * 4), value, total));
            });
          });
        });
        const at = f.let(addI(output, mulI(r, S * C * 4)));
        tile.forEach((total, s) => {
          accumulate(at, total, lanes, (s * C + from) * 4);
        });
      }
      return;
    }
    for (let group = 0; group < groups; group++) {
      // Taps of one kernel row, (s, c) in the order of the weights; their inputs lie at fixed distances from the pixel.
      const offsets = Array.from({ length: S * depth }, (_, t) => {
        const [s, c] = [Math.floor(t / depth), t % depth];
        return (s * dilation[1] * C + group * depth + c) * 4;
      });
      for (const { from, vectors, lanes } of channelTiles(width, 2)) {
        const channel = (group * width + from) * 4;
        const size = vectors === 1 ? 8 : target.scheduling === "late" ? 4 : 5;
        let tap = 0;
        // Equal tiles whose taps are equally far apart share one loop over tiles.
        const pieces = depth % size === 0 ? [size] : evenPieces(offsets.length, size);
        const tileOver = (xOffset: (t: number) => number, taps: number, tapAt: I32, xShift: I32): void => {
          const tile = Array.from({ length: taps * vectors }, () => f.local("v128", splatConst(0)));
          overPixels(r, (xRow, gRow) => {
            const xBase = f.let(addI(xRow, xShift));
            const xAt = f.let(xBase);
            const gAt = f.let(addI(gRow, i32(channel)));
            f.for(0, Q, 1, () => {
              const values = Array.from({ length: vectors }, (_, k) => f.let(load(gAt, k * 16)));
              const contiguous = target.scheduling === "late" && taps === 4 && xOffset(3) - xOffset(0) === 12;
              const four = contiguous ? f.let(load(xAt, xOffset(0))) : undefined;
              for (let t = 0; t < taps; t++) {
                const input = f.let(
                  four === undefined ? load32Splat(xAt, xOffset(t)) : shuffle(four, four, [t, t, t, t]),
                );
                for (let k = 0; k < vectors; k++) {
                  const total = tile[t * vectors + k];
                  f.set(total, isa.madd(input, values[k], total));
                }
              }
              f.set(xAt, addI(xAt, stride[1] * C * 4));
              f.set(gAt, addI(gAt, O * 4));
            });
          });
          const at = f.let(addI(addI(output, i32(channel)), mulI(addI(mulI(r, S * depth), tapAt), O * 4)));
          tile.forEach((total, i) => {
            const [t, k] = [Math.floor(i / vectors), i % vectors];
            accumulate(at, total, k === vectors - 1 ? lanes : 4, t * O * 4 + k * 16);
          });
        };
        if (pieces.length === 1 && depth % size === 0) {
          f.for(0, S, 1, (s) => {
            f.for(0, depth, size, (c) => {
              const tapAt = f.let(addI(mulI(s, depth), c));
              const xShift = f.let(addI(mulI(s, dilation[1] * C * 4), addI(mulI(c, 4), i32(group * depth * 4))));
              tileOver((t) => t * 4, size, tapAt, xShift);
            });
          });
        } else {
          for (const piece of pieces) {
            const first = tap;
            tileOver((t) => offsets[first + t], piece, i32(first), i32(0));
            tap += piece;
          }
        }
      }
    }
  });
}

/**
 * The weight gradient of a convolution: dw = Σ over samples and pixels of x · g. A tile of taps × output channels stays in
 * registers while the kernel runs over the pixels. Axis letters as in ops/conv.ts.
 */
import { isDepthwise } from "../../../lower/legalize.ts";
import { evenPieces, times } from "../../../lower/pieces.ts";
import type { ConvAttrs, ConvWeightGradAttrs } from "../../../ops/conv.ts";
import {
  addI,
  type Func,
  type I32,
  i32,
  type Local,
  load,
  load32Splat,
  load32Zero,
  mulI,
  type Stores,
  shuffle,
  subI,
  type V128,
  v,
} from "../assembler.ts";
import { depthwiseWeightGrad } from "./depthwise.ts";
import { channelTiles, type Geometry, geometry, isSingleChannel, positionsInside } from "./geometry.ts";
import { type Kernel, readAhead } from "./kernel.ts";

/** Output rows p for which kernel row r meets the picture: from … to. */
function rowRange(
  kernel: Kernel,
  { stride, padding, dilation }: ConvAttrs,
  { H, P }: Geometry,
  r: I32,
): { from: I32; to: I32 } {
  const { f } = kernel;
  if (padding[0] === 0 && padding[1] <= 0) return { from: i32(0), to: i32(P) };
  return positionsInside(f, P, stride[0], subI(i32(padding[0]), mulI(r, dilation[0])), H);
}

/** dw[r, s, c, o] += Σ over samples and pixels of x · g; also where the batch is not split, from zero. */
export function convWeightGradKernel(kernel: Kernel): void {
  const { f, root, begin, end, isa, target, group: planned } = kernel;
  const [x, dy] = root.inputs;
  const attrs = root.attrs as ConvWeightGradAttrs;
  const g = geometry(x.shape, dy.shape, attrs.kernel, attrs);
  const { H, W, C, P, Q, O, R, S, depth, width } = g;
  if (isDepthwise(attrs, C, O) || (C === 1 && !isSingleChannel(attrs, g))) {
    depthwiseWeightGrad(kernel, attrs, g);
    return;
  }
  const { stride, dilation, padding, groups } = attrs;
  const partial = planned.split === "partial";
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
  const accumulate = (stores: Stores, address: I32, total: V128, lanes: number, offset: number): void => {
    stores.storeLanes(address, partial ? v.add(load(address, offset), total) : total, lanes, offset);
  };
  if (partial) {
    const sampleBytes = H * W * C * 4;
    readAhead(kernel, addI(kernel.pointer(x), mulI(begin, sampleBytes)), f.let(mulI(subI(end, begin), sampleBytes)));
  }
  const rows = partial ? { from: i32(0) as I32, to: i32(R) as I32 } : { from: begin as I32, to: end as I32 };

  f.for(rows.from, rows.to, 1, (r) => {
    if (isSingleChannel(attrs, g)) {
      // Each tap's sum in four parts, of every fourth pixel.
      const tile = kernel.zeros(S);
      overPixels(r, (xRow, gRow) => {
        const step = (q: I32, read: (address: I32, offset?: number) => V128): void => {
          const value = f.let(read(addI(gRow, q)));
          const xAt = f.let(addI(xRow, q));
          tile.forEach((total, s) => {
            f.set(total, isa.madd(read(xAt, s * dilation[1] * 4), value, total));
          });
        };
        const whole = Math.floor(Q / 4) * 16;
        f.for(0, whole, 16, (q) => step(q, load));
        f.for(whole, Q * 4, 4, (q) => step(q, load32Zero));
      });
      const at = f.let(addI(output, mulI(r, S * 4)));
      tile.forEach((total, s) => {
        accumulate(f, at, sumOfLanes(f, total), 1, s * 4);
      });
      return;
    }
    for (let group = 0; group < groups; group++) {
      // Taps of one kernel row, (s, c) in the order of the weights; their inputs lie at fixed distances from the pixel.
      const offsets = times(S * depth, (t) => {
        const [s, c] = [Math.floor(t / depth), t % depth];
        return (s * dilation[1] * C + group * depth + c) * 4;
      });
      for (const { from, vectors, lanes } of channelTiles(width, 2, target)) {
        const channel = (group * width + from) * 4;
        const size = vectors <= target.joined ? 8 : target.scheduling === "late" ? 4 : 6;
        let tap = 0;
        // Equal tiles whose taps are equally far apart share one loop over tiles.
        const pieces = depth % size === 0 ? [size] : evenPieces(offsets.length, size);
        const tileOver = (xOffset: (t: number) => number, taps: number, tapAt: I32, xShift: I32): void => {
          const tile = kernel.zeros(taps * vectors);
          overPixels(r, (xRow, gRow) => {
            outerProducts(kernel, tile, vectors, {
              x: addI(xRow, xShift),
              g: addI(gRow, i32(channel)),
              length: Q,
              xStep: stride[1] * C * 4,
              gStep: O * 4,
              xOffset,
            });
          });
          const at = f.let(addI(addI(output, i32(channel)), mulI(addI(mulI(r, S * depth), tapAt), O * 4)));
          f.together((held) => {
            tile.forEach((total, i) => {
              const [t, k] = [Math.floor(i / vectors), i % vectors];
              accumulate(held, at, total, k === vectors - 1 ? lanes : 4, t * O * 4 + k * 16);
            });
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

/** The sum of four lanes, in the first. */
function sumOfLanes(f: Func, a: V128): V128 {
  const pairs = f.let(v.add(a, shuffle(a, a, [2, 3, 0, 1])));
  return v.add(pairs, shuffle(pairs, pairs, [1, 0, 3, 2]));
}

/** Pixels that {@link outerProducts} runs over. */
export interface Pixels {
  readonly x: I32;
  readonly g: I32;
  readonly length: number | I32;
  /** Bytes from one pixel to the next. */
  readonly xStep: number;
  readonly gStep: number;
  /** Byte distance of each tap's input from the pixel. */
  readonly xOffset: (tap: number) => number;
}

/** Adds x · g of every pixel to a tile of taps × vectors of output channels. */
export function outerProducts(kernel: Kernel, tile: readonly Local<"v128">[], vectors: number, pixels: Pixels): void {
  const { f, isa, target } = kernel;
  const taps = tile.length / vectors;
  const { length, xStep, gStep, xOffset } = pixels;
  const [x, g] = [f.let(pixels.x), f.let(pixels.g)];
  // Four neighboring taps are one load and four shuffles where loads are dear.
  const contiguous = target.scheduling === "late" && taps === 4 && xOffset(3) - xOffset(0) === 12;
  f.for(0, length, 1, () => {
    const values = times(vectors, (k) => f.let(load(g, k * 16)));
    const four = contiguous ? f.let(load(x, xOffset(0))) : undefined;
    for (let t = 0; t < taps; t++) {
      const input = f.let(four === undefined ? load32Splat(x, xOffset(t)) : shuffle(four, four, [t, t, t, t]));
      values.forEach((value, k) => {
        const total = tile[t * vectors + k];
        f.set(total, isa.madd(input, value, total));
      });
    }
    f.set(x, addI(x, xStep));
    f.set(g, addI(g, gStep));
  });
}

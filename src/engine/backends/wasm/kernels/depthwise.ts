/**
 * Depthwise convolution and its weight gradient, channels last: every channel has a kernel of its own, so vectors run over
 * channels. There are only R·S multiplications to a loaded number, so what counts is to load each number rarely: a strip
 * of neighboring pixels shares the input columns under it. Columns beside the picture are known while the code is written
 * and left out. Axis letters as in ops/conv.ts.
 */
import { evenPieces, times } from "../../../lower/pieces.ts";
import type { ConvAttrs } from "../../../ops/conv.ts";
import {
  addI,
  andI,
  type I32,
  i32,
  leS,
  load,
  load32Splat,
  maxS,
  minS,
  mulI,
  subI,
  type V128,
  v,
} from "../assembler.ts";
import { type Geometry, kernelRows } from "./geometry.ts";
import { type Kernel, overChannels, overOutputRows, type Scheduling } from "./kernel.ts";

/** A multiplication of one step: input column, kernel column and output pixel, counted from the step's position. */
interface Tap {
  readonly column: number;
  readonly s: number;
  readonly pixel: number;
}

/** The same taps at `count` positions, `step` apart. */
interface Run {
  readonly from: number;
  readonly step: number;
  readonly count: number;
  readonly taps: readonly Tap[];
}

/** Joins neighboring positions that have the same taps and lie equally far apart. */
function runsOfTaps(positions: readonly { from: number; step: number; taps: readonly Tap[] }[]): Run[] {
  const runs: (Run & { readonly key: string })[] = [];
  for (const { from, step, taps } of positions) {
    const key = JSON.stringify([step, taps]);
    const last = runs.at(-1);
    if (last?.key === key) runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ from, step, count: 1, taps, key });
  }
  return runs;
}

/** Output columns in strips of at most `most`, each with its taps inside the picture. */
function strips({ stride, padding, dilation }: ConvAttrs, { W, Q, S }: Geometry, most: number): Run[] {
  let from = 0;
  return runsOfTaps(
    evenPieces(Q, most).map((size) => {
      const first = from;
      from += size;
      const taps: Tap[] = [];
      for (let pixel = 0; pixel < size; pixel++) {
        for (let s = 0; s < S; s++) {
          const column = pixel * stride[1] + s * dilation[1] - padding[2];
          const w = first * stride[1] + column;
          if (w >= 0 && w < W) taps.push({ column, s, pixel });
        }
      }
      return { from: first, step: size, taps };
    }),
  );
}

const distinct = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

/** Pixels of a strip: as many as keep what one kernel row needs in registers. */
function stripLength({ stride, dilation }: ConvAttrs, { S }: Geometry, scheduling: Scheduling): number {
  if (scheduling !== "late") return 8;
  const registers = (pixels: number): number => {
    const columns = Array.from(
      { length: pixels * S },
      (_, i) => (i % pixels) * stride[1] + Math.floor(i / pixels) * dilation[1],
    );
    return pixels + S + distinct(columns).length;
  };
  let length = 1;
  while (length < 8 && registers(length + 1) <= 15) length++;
  return length;
}

export function depthwise(kernel: Kernel, attrs: ConvAttrs, g: Geometry): void {
  const { f, root, isa, target } = kernel;
  const [x, w] = root.inputs;
  const { stride, padding, dilation } = attrs;
  const { H, W, C, P, Q, S } = g;
  const pixelBytes = C * 4;
  const runs = strips(attrs, g, stripLength(attrs, g, target.scheduling));
  overOutputRows(kernel, (n, p) => {
    const rows = kernelRows(f, attrs, g, p);
    const top = addI(mulI(n, H), subI(mulI(p, stride[0]), padding[0]));
    const row = f.let(addI(kernel.pointer(x), mulI(top, W * pixelBytes)));
    const outRow = f.let(mulI(addI(mulI(n, P), p), Q * pixelBytes));
    overChannels(kernel, C, (channel, vectors, lanes) => {
      const xRow = f.let(addI(row, channel));
      const weights = f.let(addI(kernel.pointer(w), channel));
      const out = f.let(addI(outRow, channel));
      for (const { from, step, count, taps } of runs) {
        const columns = distinct(taps.map((tap) => tap.column));
        const kernelColumns = distinct(taps.map((tap) => tap.s));
        f.for(from, from + count * step, step, (q) => {
          const totals = times(step, () => kernel.zeros(vectors));
          const xAt = f.let(addI(xRow, mulI(addI(mulI(q, stride[1]), i32(columns[0] ?? 0)), pixelBytes)));
          f.for(rows.from, rows.to, 1, (r) => {
            const xTap = f.let(addI(xAt, mulI(r, dilation[0] * W * pixelBytes)));
            const wTap = f.let(addI(weights, mulI(r, S * pixelBytes)));
            const loadAll = (at: I32, offset: number) => times(vectors, (k) => f.let(load(at, offset + k * 16)));
            const kernelRow = new Map(kernelColumns.map((s) => [s, loadAll(wTap, s * pixelBytes)]));
            for (const column of columns) {
              const values = loadAll(xTap, (column - columns[0]) * pixelBytes);
              for (const { s, pixel } of taps.filter((tap) => tap.column === column)) {
                const weight = kernelRow.get(s) as typeof values;
                totals[pixel].forEach((total, k) => {
                  f.set(total, isa.madd(values[k], weight[k], total));
                });
              }
            }
          });
          const at = f.let(addI(out, mulI(q, pixelBytes)));
          f.together((held) => {
            totals.forEach((own, pixel) => {
              kernel.finishAll(held, own, at, channel, lanes, 0, pixel * pixelBytes);
            });
          });
        });
      }
    });
  });
}

/** Kernel rows and columns whose sums are kept in registers together: with what they are made of they fill all 16. */
const TILE = 3;

/**
 * Input columns, counted by the stride, each with its taps: kernel columns whose inputs are a multiple of the stride
 * apart meet the same column at different pixels. `column` and `pixel` of a tap are counted from the position.
 */
function columnsOf(
  { stride, padding, dilation }: ConvAttrs,
  { W, Q }: Geometry,
  kernelColumns: readonly number[],
): Run[] {
  const delay = (s: number): number => Math.floor((s * dilation[1]) / stride[1]);
  const rest = (kernelColumns[0] * dilation[1]) % stride[1];
  const length = Q + delay(kernelColumns[kernelColumns.length - 1]);
  const column = rest - padding[2];
  const positions = Array.from({ length }, (_, from) => {
    const w = from * stride[1] + column;
    const meets = (s: number): boolean => w >= 0 && w < W && from >= delay(s) && from - delay(s) < Q;
    const taps = kernelColumns.filter(meets).map((s) => ({ column, s, pixel: -delay(s) }));
    return { from, step: 1, taps };
  });
  return runsOfTaps(positions).filter(({ taps }) => taps.length > 0);
}

/** Kernel columns in tiles of those that read the same input columns. */
function columnTiles({ stride, dilation }: ConvAttrs, { S }: Geometry): number[][] {
  const all = times(S, (s) => s);
  return distinct(all.map((s) => (s * dilation[1]) % stride[1])).flatMap((rest) => {
    const alike = all.filter((s) => (s * dilation[1]) % stride[1] === rest);
    let from = 0;
    return evenPieces(alike.length, TILE).map((size) => {
      from += size;
      return alike.slice(from - size, from);
    });
  });
}

/**
 * dw[r, s, c] += Σ over samples and pixels of x · g; also where the batch is not split, from zero. A picture of one channel
 * may have any number of output channels: then its one number takes the place of a vector.
 */
export function depthwiseWeightGrad(kernel: Kernel, attrs: ConvAttrs, g: Geometry): void {
  const { f, root, begin, end, isa, group } = kernel;
  const [x, dy] = root.inputs;
  const { stride, padding, dilation } = attrs;
  const { H, W, C, P, Q, R, S } = g;
  const [pixelBytes, outBytes] = [C * 4, g.O * 4];
  const rowBytes = dilation[0] * W * pixelBytes;
  const partial = group.split === "partial";
  const tiles = columnTiles(attrs, g).map((kernelColumns) => ({
    kernelColumns,
    runs: columnsOf(attrs, g, kernelColumns),
  }));
  if (!partial) {
    const kernelRow = S * outBytes;
    f.zero(addI(kernel.pointer(root), mulI(begin, kernelRow)), mulI(subI(end, begin), kernelRow));
  }
  f.for(partial ? begin : 0, partial ? end : x.shape[0], 1, (n) => {
    f.for(0, P, 1, (p) => {
      const inside = kernelRows(f, attrs, g, p);
      const top = addI(mulI(n, H), subI(mulI(p, stride[0]), padding[0]));
      const row = f.let(addI(kernel.pointer(x), mulI(top, W * pixelBytes)));
      const gradientRow = f.let(addI(kernel.pointer(dy), mulI(addI(mulI(n, P), p), Q * outBytes)));
      overChannels(kernel, g.O, (channel, vectors, lanes) => {
        /** What the channels at hand meet: their own numbers, or one for all. */
        const inputs = (at: I32, offset: number): V128[] => {
          if (C > 1) return times(vectors, (k) => f.let(load(at, offset + k * 16)));
          const one = f.let(load32Splat(at, offset));
          return times(vectors, () => one);
        };
        /** Adds what this output row gives to kernel rows first … first + rows, all of them inside the picture. */
        const add = (first: I32, rows: number): void => {
          const xRow = f.let(addI(C === 1 ? row : addI(row, channel), mulI(first, rowBytes)));
          const gRow = f.let(addI(gradientRow, channel));
          const out = f.let(addI(addI(kernel.pointer(root), channel), mulI(first, S * outBytes)));
          for (const { kernelColumns, runs } of tiles) {
            const totals = kernelColumns.map(() => times(rows, () => kernel.zeros(vectors)));
            for (const { from, count, taps } of runs) {
              const [{ column }] = taps;
              const earliest = Math.min(...taps.map((tap) => tap.pixel));
              const xAt = f.let(addI(xRow, i32((from * stride[1] + column) * pixelBytes)));
              const gAt = f.let(addI(gRow, i32((from + earliest) * outBytes)));
              f.for(0, count, 1, () => {
                const values = times(rows, (r) => inputs(xAt, r * rowBytes));
                for (const { s, pixel } of taps) {
                  const gradients = times(vectors, (k) => f.let(load(gAt, (pixel - earliest) * outBytes + k * 16)));
                  totals[kernelColumns.indexOf(s)].forEach((own, r) => {
                    own.forEach((total, k) => {
                      f.set(total, isa.madd(values[r][k], gradients[k], total));
                    });
                  });
                }
                f.set(xAt, addI(xAt, stride[1] * pixelBytes));
                f.set(gAt, addI(gAt, outBytes));
              });
            }
            f.together((held) => {
              kernelColumns.forEach((s, i) => {
                totals[i].forEach((own, r) => {
                  own.forEach((total, k) => {
                    const offset = (r * S + s) * outBytes + k * 16;
                    held.storeLanes(out, v.add(load(out, offset), total), k === vectors - 1 ? lanes : 4, offset);
                  });
                });
              });
            });
          }
        };
        /** The same for those of kernel rows first … last that lie inside, one by one. */
        const addInside = (first: I32, last: I32): void =>
          f.for(f.let(maxS(first, inside.from)), f.let(minS(last, inside.to)), 1, (r) => add(r, 1));
        if (!partial) {
          addInside(begin, end);
          return;
        }
        let first = 0;
        for (const rows of evenPieces(R, TILE)) {
          const [from, to] = [i32(first), i32(first + rows)];
          const all = andI(leS(inside.from, from), leS(to, inside.to));
          f.if(
            all,
            () => add(from, rows),
            () => addInside(from, to),
          );
          first += rows;
        }
      });
    });
  });
}

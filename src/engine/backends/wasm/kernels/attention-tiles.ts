/**
 * What the kernels of attention and of its gradient share: one thread computes a head of keys and values of a sample, with the query
 * heads that it serves: keys and values are packed into panels once, then blocks of queries meet all keys that they see. A block's
 * scores stay in scratch memory. Letters as in ops/attention.ts.
 */

import { evenPieces, runsOf, times } from "../../../lower/pieces.ts";
import { type AttentionAttrs, type AttentionDims, attentionDims, attentionInputs } from "../../../ops/attention.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  addI,
  divU,
  type I32,
  i32,
  i32x4Const,
  type Local,
  load,
  load32Zero,
  loadI32,
  ltS,
  maxS,
  minS,
  mulI,
  remU,
  shuffle,
  splatConst,
  splatI,
  type V128,
  v,
  vi,
} from "../assembler.ts";
import { transposed } from "./copy.ts";
import type { Domain, Kernel, KernelTarget } from "./kernel.ts";
import { inPieces, sumsOf } from "./matmul.ts";
import { multiplyTile } from "./tile.ts";

/** Queries whose scores are computed together. */
export const BLOCK = 24;

/** Bytes of scratch memory for sums on their way from joined vectors to one number. */
export const SUMS = 128;

/** Columns of a panel: two registers of joined vectors. */
const panelOf = ({ joined }: KernelTarget): number => 8 * joined;
export const MOST_COLUMNS = 16;

export const roundUp = (length: number, unit: number): number => Math.ceil(length / unit) * unit;

/** Queries, keys, values, or gradients of them: head h of sample b at time t lies at start + b·sample + t·row + h·D·4. */
interface Strided {
  readonly start: I32;
  readonly sample: number;
  readonly row: number;
}

/** Rows of a head by columns: where they begin, bytes between rows, and between panels of columns. */
interface Panels {
  readonly start: I32;
  readonly row: number;
  readonly panel: number;
}

/** Bytes of a block of scores' row; some more than they need, so that rows do not meet in one set of the cache. */
export const scoreRow = (S: number): number => (roundUp(S, MOST_COLUMNS) + MOST_COLUMNS) * 4;

/** Bytes of a sample's keys or values of one head in panels, whichever way round. */
export const panelBytes = ({ S, D }: AttentionDims): number =>
  Math.max(roundUp(S, MOST_COLUMNS) * D, roundUp(D, MOST_COLUMNS) * S) * 4;

export const sumsBytes = ({ S, D }: AttentionDims): number => roundUp(S, MOST_COLUMNS) * roundUp(D, MOST_COLUMNS) * 4;

export const dimsOf = (root: Tensor): AttentionDims => attentionDims(root.inputs, root.attrs as AttentionAttrs);

/** Heads of keys and values of all samples. */
export function attentionDomain(group: Kernel["group"]): Domain {
  const { B, G } = dimsOf(group.root as Tensor);
  return { size: B * G, unit: 1 };
}

/** What the kernels of an attention share: sizes, where its arrays lie, and who sees what. */
export class Attention {
  readonly kernel: Kernel;
  readonly attrs: AttentionAttrs;
  readonly dims: AttentionDims;
  readonly q: Strided;
  readonly k: Strided;
  readonly v: Strided;
  /** Bytes of a head, and of a row of [B, T, H, D]. */
  readonly head: number;
  readonly resultRow: number;
  /** Columns of a panel. */
  readonly width: number;
  /** Bytes between rows of scores. */
  readonly stride: number;
  readonly #position: Tensor | undefined;
  readonly #length: Tensor | undefined;

  constructor(kernel: Kernel) {
    const { root } = kernel;
    this.kernel = kernel;
    this.attrs = root.attrs as AttentionAttrs;
    this.dims = dimsOf(root);
    const { T, S, H, G, D } = this.dims;
    const { arrays, position, length } = attentionInputs(root.inputs, this.attrs);
    this.#position = position;
    this.#length = length;
    this.head = D * 4;
    this.resultRow = H * this.head;
    this.width = panelOf(kernel.target);
    this.stride = scoreRow(S);
    const pointers = arrays.map((x) => kernel.pointer(x));
    [this.q, this.k, this.v] = this.attrs.packed
      ? this.#sideBySide(pointers[0])
      : [H, G, G].map((heads, i) => {
          const row = heads * this.head;
          return { start: pointers[i], row, sample: (i === 0 ? T : S) * row };
        });
  }

  #sideBySide(start: I32): Strided[] {
    const { T, H, G } = this.dims;
    const row = (H + 2 * G) * this.head;
    return [0, H, H + G].map((first) => ({ start: addI(start, first * this.head), row, sample: T * row }));
  }

  /** Where the gradients of queries, keys and values go. */
  gradients(start: I32): Strided[] {
    if (this.attrs.packed) return this.#sideBySide(start);
    const { T, S, H, G } = this.dims;
    const sample = (T * H + 2 * S * G) * this.head;
    return [0, T * H, T * H + S * G].map((before, i) => ({
      start: addI(start, before * this.head),
      row: (i === 0 ? H : G) * this.head,
      sample,
    }));
  }

  /** Calls `visit` for the heads of keys and values at hand. */
  overHeads(visit: (b: I32, g: I32) => void): void {
    const { f, begin, end, group } = this.kernel;
    const { G } = this.dims;
    if (group.split === "range") f.for(begin, end, 1, (unit) => visit(f.let(divU(unit, G)), f.let(remU(unit, G))));
    else f.for(begin, end, 1, (b) => f.for(0, G, 1, (g) => visit(b, g)));
  }

  /** Address of a head in the first row of a sample. */
  at({ start, sample }: Strided, b: I32, head: I32): Local<"i32"> {
    return this.kernel.f.let(addI(start, addI(mulI(b, sample), mulI(head, this.head))));
  }

  /** How many keys of a sample are seen at all, and how many by its query 0 (what is behind them only matters if causal). */
  seen(b: I32): { all: Local<"i32">; first: Local<"i32"> } {
    const { f } = this.kernel;
    const { T, S } = this.dims;
    const position = this.#position;
    const first = f.let(
      position === undefined
        ? i32(1)
        : addI(loadI32(addI(this.kernel.pointer(position), position.rank === 0 ? 0 : mulI(b, 4))), 1),
    );
    const length = this.#length;
    const all = f.let(i32(S) as I32);
    if (length !== undefined) {
      const own = f.let(loadI32(addI(this.kernel.pointer(length), mulI(b, 4))));
      f.set(all, minS(all, own));
    }
    if (this.attrs.causal) {
      const last = f.let(addI(first, T - 1));
      f.set(all, minS(all, last));
    }
    f.set(all, maxS(all, i32(0)));
    return { all, first };
  }

  /** How many keys query i sees. */
  seenBy(i: I32, { all, first }: { all: Local<"i32">; first: Local<"i32"> }): Local<"i32"> {
    const { f } = this.kernel;
    if (!this.attrs.causal) return all;
    const own = f.let(addI(first, i));
    return f.let(maxS(f.let(minS(own, all)), i32(0)));
  }

  /** Calls `visit` for blocks of queries. */
  overBlocks(visit: (i: I32, size: number) => void): void {
    const { f } = this.kernel;
    for (const { size, from, count } of runsOf(evenPieces(this.dims.T, BLOCK))) {
      f.for(from, from + count * size, size, (i) => visit(i, size));
    }
  }

  /** Tiles of `rows` rows. */
  tiles(rows: number, visit: (row: I32, count: number) => void): void {
    const most = Math.floor(this.kernel.target.accumulators / (this.width / 4));
    inPieces(this.kernel, { from: i32(0), to: i32(rows), known: rows }, most, visit);
  }

  /** Rows of a head, transposed and multiplied by `scale`, in panels [keys / width, D, width]; those from `count` on do not matter. */
  packTransposed(rows: I32, rowBytes: number, count: I32, to: I32, scale: number): void {
    const { f } = this.kernel;
    const { S, D } = this.dims;
    const { width } = this;
    f.for(0, count, width, (j) => {
      const panel = f.let(addI(to, mulI(j, this.head)));
      for (let c = 0; c < width; c += 4) {
        // Rows behind the last one need not be there.
        const keys = times(4, (n) => {
          const key = addI(j, c + n);
          const inside = S % width === 0 ? key : f.let(minS(f.let(key), i32(S - 1)));
          return f.let(addI(rows, mulI(inside, rowBytes)));
        });
        f.for(0, D * 4, 16, (d) => {
          const columns = keys.map((key) => f.let(load(addI(key, d))));
          const target = f.let(addI(panel, mulI(d, width)));
          const store = (count: number): void =>
            transposed(f, columns)
              .slice(0, count)
              .forEach((value, n) => {
                const scaled = scale === 1 ? value : v.mul(value, splatConst(scale));
                f.store(target, scaled, n * width * 4 + c * 4);
              });
          if (D % 4 === 0) store(4);
          else
            f.if(
              ltS(d, D * 4 - 15),
              () => store(4),
              () => store(D % 4),
            );
        });
      }
    });
  }

  /** Rows of a head, multiplied by `scale`, in panels [D / width, S, width]. */
  pack(rows: I32, rowBytes: number, count: I32, to: I32, scale: number): Panels {
    const { f } = this.kernel;
    const { S, D } = this.dims;
    const { width } = this;
    const panels: Panels = { start: to, row: width * 4, panel: S * width * 4 };
    f.for(0, count, 1, (j) => {
      const row = f.let(addI(rows, mulI(j, rowBytes)));
      const target = f.let(addI(to, mulI(j, width * 4)));
      for (let d = 0; d < D; d += width) {
        f.together((held) => {
          for (let c = 0; c < width; c += 4) {
            const value = load(row, (d + c) * 4);
            held.store(target, scale === 1 ? value : v.mul(value, splatConst(scale)), d * S * 4 + c * 4);
          }
        });
      }
    });
    return panels;
  }

  /** Products of a block's rows with transposed rows in panels: [size, keys], for as many keys as `count` and some more. */
  scores(rows: I32, rowBytes: number, size: number, panels: I32, count: I32, to: I32): void {
    const { f } = this.kernel;
    const { D } = this.dims;
    const { width, stride } = this;
    f.for(0, count, width, (j) => {
      const b = f.let(addI(panels, mulI(j, this.head)));
      this.tiles(size, (m, tileRows) => {
        const totals = multiplyTile(this.kernel, {
          a: addI(rows, mulI(m, rowBytes)),
          aRow: rowBytes,
          aDepth: 4,
          b,
          bDepth: width * 4,
          from: i32(0),
          to: i32(D),
          rows: tileRows,
          vectors: width / 4,
          start: () => splatConst(0),
        });
        this.#store(totals, width / 4, f.let(addI(addI(to, mulI(m, stride)), mulI(j, 4))), stride);
      });
    });
  }

  /** Products of one row with rows as they lie, times `scale`: for as many keys as `count` and some more. */
  scoresOfOne(query: Local<"i32">, rows: I32, rowBytes: number, count: I32, to: I32, scale: number): void {
    const { f, isa } = this.kernel;
    const { S, D } = this.dims;
    const whole = Math.floor(D / 4) * 16;
    f.for(0, count, 4, (j) => {
      // Rows behind the last one need not be there.
      const keys = times(4, (n) => {
        const key = addI(j, n);
        const inside = S % 4 === 0 ? key : f.let(minS(f.let(key), i32(S - 1)));
        return f.let(addI(rows, mulI(inside, rowBytes)));
      });
      const totals = this.kernel.zeros(4);
      const add = (read: typeof load, d: I32, offset: number): void => {
        const left = f.let(read(f.let(addI(query, d)), offset));
        totals.forEach((total, n) => {
          f.set(total, isa.madd(left, read(addI(keys[n], d), offset), total));
        });
      };
      f.for(0, whole, 16, (d) => add(load, d, 0));
      for (let d = whole; d < D * 4; d += 4) add(load32Zero, i32(0), d);
      f.store(addI(to, mulI(j, 4)), v.mul(sumsOf(f, totals), splatConst(scale)));
    });
  }

  /** Products of a block's rows of weights with rows in panels: `finish` gets a tile of [size, D]. */
  weighted(
    weights: I32,
    size: number,
    panels: Panels,
    count: I32,
    finish: (totals: Local<"v128">[], row: I32, tileRows: number, d: number) => void,
  ): void {
    const { f } = this.kernel;
    const { D } = this.dims;
    for (let d = 0; d < D; d += this.width) {
      const b = f.let(addI(panels.start, (d / this.width) * panels.panel));
      this.tiles(size, (m, tileRows) => {
        const totals = multiplyTile(this.kernel, {
          a: addI(weights, mulI(m, this.stride)),
          aRow: this.stride,
          aDepth: 4,
          b,
          bDepth: panels.row,
          from: i32(0),
          to: count,
          rows: tileRows,
          vectors: this.width / 4,
          start: () => splatConst(0),
        });
        finish(totals, m, tileRows, d);
      });
    }
  }

  /** Adds, for each key, a block's rows by their weights: sums [keys, D] += weightsᵀ rows. */
  addWeighted(weights: I32, rows: I32, rowBytes: number, size: number, count: I32, sums: I32): void {
    const { f } = this.kernel;
    const { D } = this.dims;
    const { width } = this;
    const sumRow = roundUp(D, MOST_COLUMNS) * 4;
    f.for(0, count, width, (first) => {
      this.tiles(width, (m, tileRows) => {
        const j = f.let(addI(first, m));
        const into = f.let(addI(sums, mulI(j, sumRow)));
        const a = f.let(addI(weights, mulI(j, 4)));
        for (let d = 0; d < D; d += width) {
          const vectors = width / 4;
          const totals = multiplyTile(this.kernel, {
            a,
            aRow: 4,
            aDepth: this.stride,
            b: addI(rows, d * 4),
            bDepth: rowBytes,
            from: i32(0),
            to: i32(size),
            rows: tileRows,
            vectors,
            start: (t) => load(into, Math.floor(t / vectors) * sumRow + d * 4 + (t % vectors) * 16),
          });
          this.#store(totals, vectors, into, sumRow, d * 4);
        }
      });
    });
  }

  #store(totals: readonly Local<"v128">[], vectors: number, to: Local<"i32">, rowBytes: number, offset = 0): void {
    const { f } = this.kernel;
    f.together((held) => {
      totals.forEach((total, t) => {
        held.store(to, total, Math.floor(t / vectors) * rowBytes + offset + (t % vectors) * 16);
      });
    });
  }

  /** Stores rows of a tile of [T, D] that begins at column d, of which only D count. */
  storeHead(totals: readonly V128[], vectors: number, to: I32, rowBytes: number, d: number): void {
    const { f } = this.kernel;
    const { D } = this.dims;
    f.together((held) => {
      totals.forEach((total, t) => {
        const column = d + (t % vectors) * 4;
        if (column >= D) return;
        held.storeLanes(to, total, Math.min(4, D - column), Math.floor(t / vectors) * rowBytes + column * 4);
      });
    });
  }

  /** One number from the sums of several vectors, in every lane. */
  folded(totals: readonly Local<"v128">[], sums: Local<"i32">, plus: (a: V128, b: V128) => V128): Local<"v128"> {
    const { f } = this.kernel;
    f.together((held) => {
      totals.forEach((total, t) => {
        held.store(sums, total, t * 16);
      });
    });
    const all = f.let(times(totals.length, (t) => load(sums, t * 16)).reduce(plus));
    const pairs = f.let(plus(all, shuffle(all, all, [2, 3, 0, 1])));
    return f.let(plus(pairs, shuffle(pairs, pairs, [1, 0, 3, 2])));
  }
}

/** Four column numbers from j on. */
export const columnsFrom = (j: I32): V128 => vi.add(splatI(j), i32x4Const([0, 1, 2, 3]));

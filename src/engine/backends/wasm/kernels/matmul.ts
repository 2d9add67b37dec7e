/**
 * Matrix products. With b as [K, N] vectors run along its rows and a tile of rows × columns stays in registers; with b
 * transposed both operands are contiguous along K and a tile of dot products does. Letters: L leading axes, rows M,
 * depth K, columns N.
 */
import { evenPieces, runsOf, times } from "../../../lower/pieces.ts";
import { type MatmulAttrs, type MatmulDims, matmulDims } from "../../../ops/matmul.ts";
import { broadcastStrides, type Shape, sizeOf, stridesOf } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  addI,
  type HeldStores,
  type I32,
  i32,
  type Local,
  leS,
  load,
  load32Zero,
  ltS,
  mulI,
  shuffle,
  splatConst,
  subI,
  type V128,
  v,
} from "../assembler.ts";
import { type Domain, type Kernel, type KernelTarget, nest, overChannels } from "./kernel.ts";
import { multiplyTile } from "./tile.ts";

/** Columns of one panel of b: two registers. */
const panelOf = ({ joined }: KernelTarget): number => 8 * joined;

/** Columns that are packed together, two cache lines of a row of b. */
const STEP = 32;

/** From so many rows on a panel is copied together, for the tiles of rows that will use it. */
const MANY_ROWS = 24;

/** Rows that are computed panel by panel before the next ones, so that what is written stays within a few pages. */
const BLOCK = 64;

/** Bytes of the left operand that stay in a core's second-level cache. */
const CACHED = 1024 * 1024;

/** Columns of a block that are finished together, row by row, so that what rides on them walks along cache lines. */
const STRIP = 128;

/** Where a product's operands are and which part of it is meant; the rest is known from the root. */
type Part = Pick<Product, "a" | "b" | "out" | "rows" | "columns" | "pack" | "write"> &
  Partial<Pick<Product, "aRow" | "aDepth">>;

/** A way to go through a product. */
interface Strategy {
  /** Whether it is for this group. The first in the list that says so is taken. */
  readonly suits: (group: Kernel["group"], shape: ProductShape) => boolean;
  /** What is divided between threads, for groups that are divided by range. */
  readonly domain: (shape: ProductShape) => Domain;
  /** Scratch bytes beside packed panels of b. */
  readonly scratch: (shape: ProductShape) => number;
  readonly emit: (kernel: Kernel, shape: ProductShape, product: (part: Part) => void) => void;
}

interface ProductShape extends MatmulAttrs, MatmulDims {
  readonly rank: number;
}

const shapeOf = ({ inputs: [a, b], attrs, rank }: Tensor): ProductShape => ({
  ...(attrs as MatmulAttrs),
  ...matmulDims(a, b, attrs as MatmulAttrs),
  rank,
});

const all = (size: number): Span => ({ from: i32(0), to: i32(size), known: size });

/** Both operands from their beginnings. */
const whole = (kernel: Kernel): Pick<Part, "a" | "b" | "out"> => {
  const [a, b] = kernel.root.inputs;
  return { a: kernel.pointer(a), b: kernel.pointer(b), out: i32(0) };
};

const none = (): number => 0;

/** Whether blocks of rows are divided: b is small, the gradient of a large weight. */
const isTall = ({ M, transposeA }: ProductShape): boolean => transposeA && M >= 2 * BLOCK;

/** Calls `visit` for the blocks of rows at hand, whose columns of a have been copied together: far apart, often in one set of the cache. */
function overBlocks(
  kernel: Kernel,
  { M, K, N }: ProductShape,
  visit: (part: Part, from: I32, size: number) => void,
): void {
  const { f, root, begin, end } = kernel;
  inSteps(kernel, { from: begin, to: end, rest: M % BLOCK }, [BLOCK], (from, size) => {
    const block = f.let(addI(kernel.scratch, K * STEP * 4));
    f.for(0, K, 1, (k) => {
      const source = f.let(addI(addI(kernel.pointer(root.inputs[0]), mulI(k, M * 4)), mulI(from, 4)));
      const target = f.let(addI(block, mulI(k, BLOCK * 4)));
      f.together((held) => {
        for (let i = 0; i < size * 4; i += 16) held.store(target, load(source, i), i);
      });
    });
    const out = f.let(mulI(from, N * 4));
    visit(
      { ...whole(kernel), a: block, aDepth: BLOCK * 4, out, rows: all(size), columns: all(N), pack: true },
      from,
      size,
    );
  });
}

const tall = {
  domain: ({ M }: ProductShape): Domain => ({ size: M, unit: BLOCK }),
  scratch: ({ K }: ProductShape): number => (K * BLOCK + BLOCK * STRIP) * 4,
};

const STRATEGIES = {
  /** Leading axes are looped over; the first is divided. */
  batched: {
    suits: (_, { rank }) => rank > 2,
    domain: ({ L }) => ({ size: L[0], unit: 1 }),
    scratch: none,
    emit: (kernel, { L, M, N }, product) => {
      const { f, root, begin, end } = kernel;
      const [a, b] = root.inputs;
      const strideOf = (shape: Shape): number[] => {
        const matrix = sizeOf(shape.slice(-2));
        return broadcastStrides(shape.slice(0, -2), L).map((stride) => stride * matrix * 4);
      };
      const forOut = stridesOf(L).map((stride) => stride * M * N * 4);
      const [forA, forB] = [strideOf(a.shape), strideOf(b.shape)];
      f.for(begin, end, 1, (first) => {
        nest(f, L.slice(1), (rest) => {
          const offset = (strides: readonly number[]): I32 =>
            [first, ...rest].reduce<I32>((sum, counter, axis) => addI(sum, mulI(counter, strides[axis])), i32(0));
          product({
            a: f.let(addI(kernel.pointer(a), offset(forA))),
            b: f.let(addI(kernel.pointer(b), offset(forB))),
            out: f.let(offset(forOut)),
            rows: all(M),
            columns: all(N),
            pack: false,
          });
        });
      });
    },
  },
  /** A sum over the batch: all of the result, of part of the depth. */
  partial: {
    suits: ({ split }) => split === "partial",
    domain: ({ M }) => ({ size: M, unit: 1 }),
    scratch: none,
    emit: (kernel, { M, N, transposeB }, product) => {
      const pack = kernel.group.rows >= MANY_ROWS && !transposeB;
      product({ ...whole(kernel), rows: all(M), columns: all(N), pack });
    },
  },
  /** The rows of some samples. */
  samples: {
    suits: ({ split }) => split === "samples",
    domain: ({ M }) => ({ size: M, unit: 1 }),
    scratch: none,
    emit: (kernel, { N }, product) => {
      const { group, begin, end } = kernel;
      const rows: Span =
        group.rows === 1 ? { from: begin, to: end, rest: N % STEP } : { from: begin, to: end, unit: group.rows };
      product({ ...whole(kernel), rows, columns: all(N), pack: group.rows >= MANY_ROWS });
    },
  },
  /** Blocks of rows, nothing rides on the results. */
  blocks: {
    ...tall,
    suits: ({ nodes }, shape) => isTall(shape) && nodes.length === 1,
    emit: (kernel, shape, product) => overBlocks(kernel, shape, product),
  },
  /** Blocks of rows, of which a strip of columns is computed aside and finished row by row. */
  strips: {
    ...tall,
    suits: (_, shape) => isTall(shape),
    emit: (kernel, shape, product) => {
      const { f } = kernel;
      const { K, N } = shape;
      overBlocks(kernel, shape, (part, from, size) => {
        const results = f.let(addI(part.a, K * BLOCK * 4));
        const strip = (first: I32, width: number): void => {
          const write: Product["write"] = (held, value, m, n, i, j, lanes) => {
            const at = addI(results, mulI(addI(mulI(m, STRIP), n), 4));
            held.storeLanes(at, value, lanes, i * STRIP * 4 + j * 16);
          };
          product({ ...part, b: f.let(addI(part.b, mulI(first, 4))), columns: all(width), write });
          finishStrip(kernel, results, from, size, first, width);
        };
        const wide = Math.floor(N / STRIP) * STRIP;
        f.for(0, wide, STRIP, (first) => strip(first, STRIP));
        if (wide < N) strip(i32(wide), N - wide);
      });
    },
  },
  /** Columns, so that each part of a large b is read by one thread only. */
  columns: {
    suits: (_, { M, N }) => N >= M || N >= 64,
    domain: ({ N }) => ({ size: N, unit: STEP }),
    scratch: none,
    emit: (kernel, { M, K, N, transposeB }, product) => {
      const { f, begin, end } = kernel;
      const both = whole(kernel);
      // With b transposed a few of its rows meet all of a's, which should wait in the cache for the next ones.
      const atOnce = transposeB ? Math.max(12, 12 * Math.floor(CACHED / (12 * 4 * K))) : M;
      inSteps(kernel, all(M), [Math.min(M, atOnce)], (from, size) => {
        const [first, out] = [addI(both.a, mulI(from, K * 4)), f.let(mulI(from, N * 4))];
        const columns: Span = { from: begin, to: end, rest: N % STEP };
        product({ ...both, a: f.let(first), out, rows: all(size), columns, pack: M >= MANY_ROWS });
      });
    },
  },
  /** A few rows at a time: there are hardly any columns. */
  rows: {
    suits: () => true,
    domain: ({ M }) => ({ size: M, unit: 4 }),
    scratch: none,
    emit: (kernel, { N }, product) => {
      const { begin, end } = kernel;
      product({ ...whole(kernel), rows: { from: begin, to: end, rest: N % STEP }, columns: all(N), pack: false });
    },
  },
} as const satisfies Record<string, Strategy>;

function strategyOf(group: Kernel["group"], shape: ProductShape): Strategy {
  const strategies: readonly Strategy[] = Object.values(STRATEGIES);
  return strategies.find(({ suits }) => suits(group, shape)) as Strategy;
}

export function matmulDomain(group: Kernel["group"]): Domain {
  const shape = shapeOf(group.root as Tensor);
  return strategyOf(group, shape).domain(shape);
}

/** Scratch bytes: packed panels of b, and what the strategy asks for. */
export function matmulScratch(root: Tensor, group: Kernel["group"]): number {
  const shape = shapeOf(root);
  return shape.K * STEP * 4 + strategyOf(group, shape).scratch(shape) + 64;
}

export function matmulKernel(kernel: Kernel): void {
  const { root, begin, end, group } = kernel;
  const shape = shapeOf(root);
  const { M, K, N, transposeA, transposeB } = shape;
  const strides = transposeA ? { aRow: 4, aDepth: M * 4 } : { aRow: K * 4, aDepth: 4 };
  // A sum over the batch runs along part of the depth and adds to what is there.
  const accumulate = group.split === "partial";
  const depth: Span = accumulate ? { from: begin, to: end } : all(K);
  strategyOf(group, shape).emit(kernel, shape, (part) => {
    const p: Product = { kernel, ...strides, ...part, bRow: (transposeB ? K : N) * 4, depth, accumulate, M, K, N };
    if (transposeB && !transposeA) dotProduct(p);
    else panelProduct(p, transposeB);
  });
}

/** Finishes rows `from` … `from + count` of a strip of results, kept with rows of STRIP elements. */
function finishStrip(kernel: Kernel, results: I32, from: I32, count: number, first: I32, width: number): void {
  const { f, root } = kernel;
  const N = root.shape[root.rank - 1];
  const row = f.let(results);
  const out = f.let(mulI(addI(mulI(from, N), first), 4));
  const channel = f.let(mulI(first, 4));
  f.for(0, count, 1, () => {
    overChannels(kernel, width, (c, vectors, lanes) => {
      const [result, to, along] = [row, out, channel].map((base) => f.let(addI(base, c)));
      const results = times(vectors, (k) => load(result, k * 16));
      f.together((held) => kernel.finishAll(held, results, to, along, lanes));
    });
    f.set(row, addI(row, STRIP * 4));
    f.set(out, addI(out, N * 4));
  });
}

export interface Span {
  readonly from: I32;
  readonly to: I32;
  /** Length, where it is known now. */
  readonly known?: number | undefined;
  /** Of columns whose number is not: what the last ones are more than whole strips. */
  readonly rest?: number | undefined;
  /** Of rows whose number is not: how many make a whole, of which there are some. */
  readonly unit?: number | undefined;
}

interface Product {
  readonly kernel: Kernel;
  readonly a: I32;
  readonly b: I32;
  /** Byte offset of the product in the output. */
  readonly out: I32;
  readonly rows: Span;
  readonly columns: Span;
  readonly pack: boolean;
  /** Takes results, instead of {@link Kernel.finish}: at row m + i, column n + 4j. */
  readonly write?:
    | ((held: HeldStores, value: V128, m: I32, n: I32, i: number, j: number, lanes: number) => void)
    | undefined;
  /** Bytes between rows of a, along its depth, and between rows of b as stored. */
  readonly aRow: number;
  readonly aDepth: number;
  readonly bRow: number;
  readonly depth: Span;
  readonly accumulate: boolean;
  readonly M: number;
  readonly K: number;
  readonly N: number;
}

/** Runs `tile(position, size)` over a span in steps of `size`, then the rest in smaller steps; in even ones if it is known. */
export function inPieces(kernel: Kernel, span: Span, size: number, tile: (position: I32, size: number) => void): void {
  const { f } = kernel;
  if (span.known !== undefined) {
    for (const run of runsOf(evenPieces(span.known, size))) {
      f.for(run.from, run.from + run.count * run.size, run.size, (i) => {
        tile(span.from.constant === 0 ? i : f.let(addI(span.from, i)), run.size);
      });
    }
    return;
  }
  if (span.unit !== undefined) {
    const known = span.unit;
    f.for(span.from, span.to, known, (from) => inPieces(kernel, { from, to: addI(from, known), known }, size, tile));
    return;
  }
  const position = f.let(span.from);
  for (let step = size; step >= 1; step = Math.floor(step / 2)) {
    const limit = f.let(subI(span.to, step - 1));
    f.if(ltS(position, limit), () => {
      f.doWhile(
        () => {
          tile(position, step);
          f.set(position, addI(position, step));
        },
        () => ltS(position, limit),
      );
    });
  }
}

/** Runs `visit(position, width)` over a span, in steps of the given widths (each divides the one before), then the rest. */
function inSteps({ f }: Kernel, span: Span, widths: readonly number[], visit: (n: I32, width: number) => void): void {
  const rest = (from: I32, length: number, steps: readonly number[]): void => {
    const [width, ...smaller] = steps;
    if (length === 0) return;
    if (width === undefined) {
      visit(from, length);
      return;
    }
    const whole = Math.floor(length / width) * width;
    if (whole > 0) f.for(0, whole, width, (n) => visit(f.let(addI(from, n)), width));
    rest(whole > 0 ? f.let(addI(from, whole)) : from, length - whole, smaller);
  };
  if (span.known !== undefined) {
    rest(span.from, span.known, widths);
    return;
  }
  const [wide, ...smaller] = widths;
  const position = f.let(span.from);
  const fits = (): I32 => leS(addI(position, wide), span.to);
  f.if(fits(), () => {
    f.doWhile(() => {
      visit(position, wide);
      f.set(position, addI(position, wide));
    }, fits);
  });
  const left = (span.rest as number) % wide;
  if (left > 0) f.if(ltS(position, span.to), () => rest(position, left, smaller));
}

/** Vectors along the rows of b. */
function panelProduct(p: Product, transposeB: boolean): void {
  const { kernel, a, b, out, rows, columns, pack, write, aRow, aDepth, bRow, depth, accumulate, K, N } = p;
  const { f, target, root } = kernel;
  const panelWidth = panelOf(target);
  /** The product with columns n … n + width of b, which lie at bAt. */
  const panel = (n: I32, width: number, bAt: I32, bStep: number): void => {
    const vectors = Math.ceil(width / 4);
    const lanes = width - (vectors - 1) * 4;
    inPieces(kernel, rows, Math.floor(target.accumulators / vectors), (m, count) => {
      const at = f.let(addI(out, addI(mulI(m, N * 4), mulI(n, 4))));
      const before = accumulate ? addI(kernel.pointer(root), at) : at;
      const totals = multiplyTile(kernel, {
        a: addI(a, addI(mulI(m, aRow), mulI(depth.from, aDepth))),
        aRow,
        aDepth,
        b: addI(bAt, mulI(depth.from, bStep)),
        bDepth: bStep,
        from: depth.from,
        to: depth.to,
        rows: count,
        vectors,
        start: (t) => {
          const offset = Math.floor(t / vectors) * N * 4 + (t % vectors) * 16;
          return accumulate ? load(before, offset) : splatConst(0);
        },
      });
      const channel = f.let(mulI(n, 4));
      f.together((held) => {
        totals.forEach((total, t) => {
          const [i, j] = [Math.floor(t / vectors), t % vectors];
          const count = j === vectors - 1 ? lanes : 4;
          if (write !== undefined) write(held, total, m, n, i, j, count);
          else kernel.finish(held, total, at, channel, j * 16, count, i * N * 4);
        });
      });
    });
  };
  /** Copies columns together, panel after panel: rows [K, PANEL]. */
  const packed = (n: I32, width: number): void => {
    const from = f.let(addI(b, mulI(n, transposeB ? bRow : 4)));
    const step = Math.min(width, panelWidth);
    const vectors = Math.ceil(step / 4);
    f.for(0, K, 1, (k) => {
      const to = f.let(addI(kernel.scratch, mulI(k, vectors * 16)));
      const row = f.let(addI(from, mulI(k, transposeB ? 4 : bRow)));
      f.together((held) => {
        for (let c = 0; c < width; c += transposeB ? 1 : 4) {
          const at = (Math.floor(c / panelWidth) * K * panelWidth + (c % panelWidth)) * 4;
          if (transposeB) held.storeLanes(to, load32Zero(row, c * bRow), 1, at);
          else held.store(to, load(row, c * 4), at);
        }
      });
    });
    f.for(0, width, step, (c) => {
      panel(f.let(addI(n, c)), step, f.let(addI(kernel.scratch, mulI(c, K * 4))), vectors * 16);
    });
  };
  /** Copies columns together for the depth at hand: rows [depth, STEP]. */
  const packedDepth = (n: I32, width: number): void => {
    const to = f.let(kernel.scratch as I32);
    const row = f.let(addI(addI(b, mulI(n, 4)), mulI(depth.from, bRow)));
    f.for(depth.from, depth.to, 1, () => {
      f.together((held) => {
        for (let c = 0; c < width; c += 4) held.store(to, load(row, c * 4), c * 4);
      });
      f.set(row, addI(row, bRow));
      f.set(to, addI(to, STEP * 4));
    });
    const step = Math.min(width, panelWidth);
    // Where the first depth of all would lie.
    const start = f.let(subI(kernel.scratch, mulI(depth.from, STEP * 4)));
    f.for(0, width, step, (c) => {
      panel(f.let(addI(n, c)), step, f.let(addI(start, mulI(c, 4))), STEP * 4);
    });
  };
  if (accumulate && pack) inSteps(kernel, columns, [STEP, panelWidth], packedDepth);
  else if (pack || transposeB) inSteps(kernel, columns, [STEP, panelWidth], packed);
  else inSteps(kernel, columns, [panelWidth], (n, width) => panel(n, width, f.let(addI(b, mulI(n, 4))), bRow));
}

/** Sums of the four lanes of each of four vectors, as one vector. */
export function sumsOf(f: Kernel["f"], [a, b, c, d]: readonly V128[]): V128 {
  const ab = f.let(v.add(shuffle(a, b, [0, 4, 1, 5]), shuffle(a, b, [2, 6, 3, 7]))); // a02 b02 a13 b13
  const cd = f.let(v.add(shuffle(c, d, [0, 4, 1, 5]), shuffle(c, d, [2, 6, 3, 7])));
  return v.add(shuffle(ab, cd, [0, 1, 4, 5]), shuffle(ab, cd, [2, 3, 6, 7]));
}

/** Rows and columns (by how many vectors are joined) of a tile of dot products: with more, V8 runs out of registers. */
const DOTS = { rows: 2, columns: { 1: 4, 2: 6 } } as const;

/** Dot products of rows of a with rows of b, vectors along K. */
function dotProduct({ kernel, a, b, out, rows, columns, aRow, bRow, K, N }: Product): void {
  const { f, isa, target, scratch } = kernel;
  /** Neighboring vectors that each sum is made of. */
  const vectors = target.joined;
  const block = (n: I32, width: number): void => {
    const bAt = f.let(addI(b, mulI(n, bRow)));
    inPieces(kernel, rows, DOTS.rows, (m, count) => {
      const aNow = f.let(addI(a, mulI(m, aRow)));
      const bNow = f.let(bAt as I32);
      const dots = count * width;
      let totals: Local<"v128">[] = kernel.zeros(dots * vectors);
      /** From one depth to another, so many vectors, or single lanes, a turn. */
      const loop = (from: number, to: number, by: number, read: (address: I32, offset: number) => V128): void => {
        const neighbors = totals.length / dots;
        const readAll = (address: I32, offset: number): Local<"v128">[] =>
          times(neighbors, (k) => f.let(read(address, offset + k * 16)));
        f.for(from, to, by, () => {
          const left = times(count, (i) => readAll(aNow, i * aRow));
          for (let j = 0; j < width; j++) {
            const right = readAll(bNow, j * bRow);
            left.forEach((values, i) => {
              values.forEach((value, k) => {
                const total = totals[(i * width + j) * neighbors + k];
                f.set(total, isa.madd(value, right[k], total));
              });
            });
          }
          f.set(aNow, addI(aNow, by * 4));
          f.set(bNow, addI(bNow, by * 4));
        });
      };
      const whole = Math.floor(K / (4 * vectors)) * 4 * vectors;
      loop(0, whole, 4 * vectors, load);
      if (vectors === 2) {
        f.together((held) => {
          totals.forEach((total, i) => {
            held.store(scratch, total, i * 16);
          });
        });
        totals = times(dots, (i) => f.let(v.add(load(scratch, i * 32), load(scratch, i * 32 + 16))));
      }
      const wholeVectors = Math.floor(K / 4) * 4;
      loop(whole, wholeVectors, 4, load);
      loop(wholeVectors, K, 1, load32Zero);
      const at = f.let(addI(out, addI(mulI(m, N * 4), mulI(n, 4))));
      const channel = f.let(mulI(n, 4));
      for (let i = 0; i < count; i++) {
        for (let j = 0; j < width; j += 4) {
          const row = totals.slice(i * width + j, (i + 1) * width);
          const four = [0, 1, 2, 3].map((n) => row[n] ?? row[0]);
          kernel.finish(f, sumsOf(f, four), at, channel, j * 4, Math.min(4, width - j), i * N * 4);
        }
      }
    });
  };
  inSteps(kernel, columns, [STEP], (n, known) => {
    inPieces(kernel, { from: n, to: addI(n, known), known }, DOTS.columns[vectors], block);
  });
}

/** Kernels that read or write by index. An index out of range reads 0 and writes nothing. */
import type { GatherAttrs } from "../../../ops/gather.ts";
import { sizeOf } from "../../../shape.ts";
import {
  addI,
  andI,
  divU,
  type I32,
  i32,
  load,
  load32Splat,
  load32Zero,
  loadI32,
  ltU,
  minS,
  mulI,
  neI,
  splatConst,
  subI,
  v,
} from "../assembler.ts";
import { firstAxisDomain } from "./copy.ts";
import { type Domain, type Kernel, nest } from "./kernel.ts";

/** Loops over the index tensor: begin … end over axis 0 unless that is the indexed axis, then over all. */
function overIndex(
  kernel: Kernel,
  indexShape: readonly number[],
  axis: number,
  visit: (at: I32, row: I32, inner: I32) => void,
): void {
  const { f, begin, end } = kernel;
  const inner = sizeOf(indexShape.slice(axis + 1));
  const outer = indexShape.slice(0, axis);
  const length = indexShape[axis];
  const one = (row: I32): void => {
    nest(f, [length, inner], ([i, j]) => {
      const at = f.let(addI(mulI(addI(mulI(row, length), i), inner), j));
      visit(at, row, j);
    });
  };
  if (axis === 0) {
    f.if(ltU(begin, end), () => one(i32(0)));
    return;
  }
  const middle = sizeOf(outer.slice(1));
  f.for(begin, end, 1, (n) => nest(f, [middle], ([m]) => one(f.let(addI(mulI(n, middle), m)))));
}

/** Along axis 0 work is not divided: rows of the result may be hit from anywhere. */
export function gatherDomain(group: Kernel["group"]): Domain {
  const { axis } = (group.root as Kernel["root"]).attrs as GatherAttrs;
  return axis === 0 ? { size: 1, unit: 1 } : firstAxisDomain(group);
}

export function gatherKernel(kernel: Kernel): void {
  const { f, root } = kernel;
  const [x, index] = root.inputs;
  const { axis } = root.attrs as GatherAttrs;
  const inner = sizeOf(x.shape.slice(axis + 1));
  overIndex(kernel, index.shape, axis, (at, row, j) => {
    const i = f.let(loadI32(addI(kernel.pointer(index), mulI(at, 4))));
    const value = f.local("v128", splatConst(0));
    const from = addI(mulI(addI(mulI(row, x.shape[axis]), i), inner), j);
    f.if(ltU(i, x.shape[axis]), () => f.set(value, load32Splat(addI(kernel.pointer(x), mulI(from, 4)))));
    f.storeLanes(addI(kernel.pointer(root), mulI(at, 4)), value, 1);
  });
}

export function scatterAddKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const [index, x] = root.inputs;
  const { axis } = root.attrs as GatherAttrs;
  const inner = sizeOf(root.shape.slice(axis + 1));
  const bytes = axis === 0 ? root.size * 4 : (root.size / root.shape[0]) * 4;
  f.for(begin, end, 1, (n) => f.zero(addI(kernel.pointer(root), mulI(n, bytes)), i32(bytes)));
  overIndex(kernel, index.shape, axis, (at, row, j) => {
    const i = f.let(loadI32(addI(kernel.pointer(index), mulI(at, 4))));
    f.if(ltU(i, root.shape[axis]), () => {
      const to = addI(mulI(addI(mulI(row, root.shape[axis]), i), inner), j);
      const address = f.let(addI(kernel.pointer(root), mulI(to, 4)));
      f.storeLanes(address, v.add(load32Zero(address), load32Zero(addI(kernel.pointer(x), mulI(at, 4)))), 1);
    });
  });
}

/** Copies or adds a row of D numbers. */
function row(kernel: Kernel, to: I32, from: I32, D: number, add: boolean): void {
  const { f } = kernel;
  const whole = Math.floor(D / 4) * 4;
  const step = (offset: I32, lanes: number): void => {
    const [read, write] = [f.let(addI(from, offset)), f.let(addI(to, offset))];
    f.storeLanes(write, add ? v.add(load(write), load(read)) : load(read), lanes);
  };
  f.for(0, whole * 4, 16, (i) => step(i, 4));
  if (whole < D) step(i32(whole * 4), D - whole);
}

export function embeddingKernel(kernel: Kernel): void {
  const { f, root, group, begin, end } = kernel;
  const [weight, index] = root.inputs;
  const [V, D] = weight.shape;
  const perStep = group.split === "range" ? 1 : sizeOf(index.shape.slice(1));
  f.for(begin, end, 1, (n) => {
    nest(f, [perStep], ([j]) => {
      const at = f.let(addI(mulI(n, perStep), j));
      const i = f.let(loadI32(addI(kernel.pointer(index), mulI(at, 4))));
      const to = f.let(addI(kernel.pointer(root), mulI(at, D * 4)));
      f.if(
        ltU(i, V),
        () => row(kernel, to, f.let(addI(kernel.pointer(weight), mulI(i, D * 4))), D, false),
        () => f.zero(to, i32(D * 4)),
      );
    });
  });
}

export function embeddingDomain(group: Kernel["group"]): Domain {
  const [, index] = (group.root as Kernel["root"]).inputs;
  return { size: index.size, unit: 1 };
}

/**
 * How a table is divided between threads: blocks of neighboring rows, long enough that no cache line belongs to two, are dealt
 * out over this many shares. Neighbors may occur equally often (frequent words come first), so no thread gets a range of them.
 */
const SHARES = 64;
const BLOCK = 4;

export const embeddingGradDomain = (): Domain => ({ size: SHARES, unit: 1 });

/**
 * Adds rows to the table in the order of the index. Where the batch is split, a chunk of it adds to a copy of its own. Else every
 * thread goes through the whole index and adds to the rows of its shares.
 */
export function embeddingGradKernel(kernel: Kernel): void {
  const { f, root, begin, end, group } = kernel;
  const [index, g] = root.inputs;
  const [V, D] = root.shape;
  const add = (at: I32, isOwn: (i: I32) => I32): void => {
    const i = f.let(loadI32(addI(kernel.pointer(index), mulI(at, 4))));
    f.if(isOwn(i), () => {
      const to = f.let(addI(kernel.pointer(root), mulI(i, D * 4)));
      row(kernel, to, f.let(addI(kernel.pointer(g), mulI(at, D * 4))), D, true);
    });
  };
  if (group.split === "partial") {
    const perSample = sizeOf(index.shape.slice(1));
    f.for(mulI(begin, perSample), f.let(mulI(end, perSample)), 1, (at) => add(at, (i) => ltU(i, V)));
    return;
  }
  f.for(begin, end, 1, (share) => {
    f.for(f.let(mulI(share, BLOCK)), V, SHARES * BLOCK, (first) => {
      const rows = minS(i32(BLOCK), f.let(subI(i32(V), first)));
      f.zero(addI(kernel.pointer(root), mulI(first, D * 4)), mulI(rows, D * 4));
    });
  });
  const shares = f.let(subI(end, begin));
  const isOwn = (i: I32): I32 => {
    const share = andI(f.let(divU(i, BLOCK)), SHARES - 1);
    return andI(ltU(i, V), ltU(subI(share, begin), shares));
  };
  f.for(0, index.size, 1, (at) => add(at, isOwn));
}

/** Writes rows; beside a tensor that is elsewhere also all others. */
export function writeRowsKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const [x, rows, position] = root.inputs;
  const [, S, ...rest] = x.shape;
  const T = rows.shape[1];
  const bytes = sizeOf(rest) * 4;
  const [from, to] = [kernel.pointer(x), kernel.pointer(root)];
  f.for(begin, end, 1, (b) => {
    const sample = f.let(mulI(b, S * bytes));
    f.if(neI(from, to), () => f.copy(addI(to, sample), addI(from, sample), i32(S * bytes)));
    const start = f.let(loadI32(addI(kernel.pointer(position), position.rank === 0 ? 0 : mulI(b, 4))));
    f.for(0, T, 1, (t) => {
      const row = f.let(addI(start, t));
      f.if(ltU(row, S), () => {
        const source = addI(kernel.pointer(rows), mulI(addI(mulI(b, T), t), bytes));
        f.copy(addI(addI(to, sample), mulI(row, bytes)), source, i32(bytes));
      });
    });
  });
}

/** Kernels of sum, max and argmax: vectors run over the last axis when it stays, and are folded when it is reduced. */
import { type Run, reductionRuns } from "../../../lower/loops.ts";
import { times } from "../../../lower/pieces.ts";
import type { ArgmaxAttrs, ReduceAttrs } from "../../../ops/reduce.ts";
import { sizeOf } from "../../../shape.ts";
import {
  addI,
  type F32,
  gtF,
  type I32,
  i32,
  type Local,
  leS,
  load,
  load32Zero,
  loadF32,
  ltS,
  mulI,
  select,
  shuffle,
  splatConst,
  splatConstI,
  splatI,
  type V128,
  v,
  vi,
} from "../assembler.ts";
import { type Domain, type Kernel, nest } from "./kernel.ts";

/** The loop over samples stays by itself. */
const runsOfAxes = ({ root, group }: Pick<Kernel, "group" | "root">): Run[] =>
  reductionRuns(root.inputs[0].shape, (root.attrs as ReduceAttrs).axes, group.split !== "range");

export function reduceDomain(group: Kernel["group"]): Domain {
  const runs = runsOfAxes({ group, root: group.root as Kernel["root"] });
  const kept = runs.filter((run) => run.kept);
  if (kept.length === 0) return { size: 1, unit: 1 };
  const vector = kept.length === 1 && runs[runs.length - 1].kept;
  return { size: kept[0].length, unit: vector ? 4 : 1 };
}

interface Fold {
  readonly start: (integer: boolean) => V128;
  readonly step: (total: V128, x: V128, integer: boolean) => V128;
}

const FOLDS: Readonly<Record<string, Fold>> = {
  sum: { start: () => splatConst(0), step: (total, x, integer) => (integer ? vi.add(total, x) : v.add(total, x)) },
  max: {
    start: (integer) => (integer ? splatConstI(-(2 ** 31)) : splatConst(Number.NEGATIVE_INFINITY)),
    step: (total, x, integer) => (integer ? vi.max(total, x) : v.max(total, x)),
  },
};

/** Vectors accumulated side by side, so that a pass reads a whole cache line or two. */
const WIDTH = 8;

export function reduceKernel(kernel: Kernel): void {
  const { f, group, root, begin, end } = kernel;
  const runs = runsOfAxes(kernel);
  const fold = FOLDS[root.op.name];
  const [x] = root.inputs;
  const integer = x.dtype === "int32";
  const pointer = kernel.pointer(x);
  const partial = group.split === "partial";
  const vectorRun = runs[runs.length - 1];
  const kept = runs.filter((run) => run.kept);
  const reduced = runs.filter((run) => !run.kept);

  /** Walks the reduced runs, `visit` gets the element offset; the batch axis of a partial runs over begin … end. */
  const overReduced = (list: readonly Run[], base: I32, visit: (offset: I32) => void): void => {
    const [first, ...rest] = list;
    if (first === undefined) visit(base);
    else if (partial && first === runs[0])
      f.for(begin, end, 1, (n) => overReduced(rest, f.let(addI(base, mulI(n, first.stride))), visit));
    else if (first.length === 1) overReduced(rest, base, visit);
    else f.for(0, first.length, 1, (i) => overReduced(rest, f.let(addI(base, mulI(i, first.stride))), visit));
  };

  /** Walks the kept runs (those of `list`); the first kept run is the domain, unless the batch is being summed. */
  const overKept = (list: readonly Run[], base: I32, out: I32, visit: (base: I32, out: I32) => void): void => {
    const [first, ...rest] = list;
    if (first === undefined) {
      visit(base, out);
      return;
    }
    const outStride = sizeOf(kept.slice(kept.indexOf(first) + 1).map((run) => run.length));
    const divided = first === kept[0] && !partial;
    f.for(divided ? begin : 0, divided ? end : first.length, 1, (i) => {
      overKept(rest, f.let(addI(base, mulI(i, first.stride))), f.let(addI(out, mulI(i, outStride))), visit);
    });
  };

  const outputAt = (out: I32): I32 => mulI(out, 4);
  const before = (out: I32, lanes: number): V128 => {
    const address = addI(kernel.pointer(group.outputs[0]), outputAt(out));
    return lanes === 4 ? load(address) : load32Zero(address);
  };

  if (vectorRun.kept) {
    const outer = kept.slice(0, -1);
    const dividesVector = outer.length === 0 && !partial;
    overKept(outer, i32(0), i32(0), (base, out) => {
      const block = (from: I32, vectors: number, lanes: number): void => {
        const totals = times(vectors, (k) =>
          f.let(partial ? before(addI(addI(out, from), k * 4), lanes) : fold.start(integer)),
        );
        overReduced(reduced, f.let(addI(base, from)), (offset) => {
          const address = f.let(addI(pointer, mulI(offset, 4)));
          totals.forEach((total, k) => {
            f.set(total, fold.step(total, lanes === 4 ? load(address, k * 16) : load32Zero(address, k * 16), integer));
          });
        });
        f.together((held) => kernel.finishAll(held, totals, f.let(outputAt(addI(out, from))), i32(0), lanes));
      };
      if (dividesVector) {
        const position = f.let(begin as I32);
        for (const vectors of [WIDTH, 1]) {
          const reach = vectors * 4;
          f.if(leS(addI(position, reach), end), () => {
            f.doWhile(
              () => {
                block(position, vectors, 4);
                f.set(position, addI(position, reach));
              },
              () => leS(addI(position, reach), end),
            );
          });
        }
        f.for(position, end, 1, (i) => block(i, 1, 1));
      } else {
        const { length } = vectorRun;
        const wide = Math.floor(length / (WIDTH * 4)) * WIDTH * 4;
        const whole = Math.floor(length / 4) * 4;
        if (wide > 0) f.for(0, wide, WIDTH * 4, (i) => block(i, WIDTH, 4));
        if (whole > wide) block(i32(wide), (whole - wide) / 4, 4);
        if (length > whole) f.for(whole, length, 1, (i) => block(i, 1, 1));
      }
    });
    return;
  }

  // The last axis is reduced: four running totals, folded at the end, then the rest one by one.
  const outer = kept;
  const visit = (base: I32, out: I32): void => {
    const { length } = vectorRun;
    const whole = Math.floor(length / 4) * 4;
    const total = f.let(fold.start(integer));
    const rest = f.let(partial ? before(out, 1) : fold.start(integer));
    overReduced(
      reduced.filter((run) => run !== vectorRun || (partial && run === runs[0])),
      base,
      (offset) => {
        const address = f.let(addI(pointer, mulI(offset, 4)));
        if (partial && vectorRun === runs[0]) {
          f.set(rest, fold.step(rest, load32Zero(address), integer));
          return;
        }
        if (whole > 0) f.for(0, whole * 4, 16, (i) => f.set(total, fold.step(total, load(addI(address, i)), integer)));
        for (let i = whole; i < length; i++) f.set(rest, fold.step(rest, load32Zero(address, i * 4), integer));
      },
    );
    const pairs = f.let(fold.step(total, shuffle(total, total, [2, 3, 0, 1]), integer));
    const all = f.let(fold.step(pairs, shuffle(pairs, pairs, [1, 0, 3, 2]), integer));
    kernel.finish(f, fold.step(all, rest, integer), f.let(outputAt(out)), i32(0), 0, 1);
  };
  if (outer.length === 0 && !partial) {
    // One number in all: whoever gets the only position of the domain computes it.
    f.if(ltS(begin, end), () => visit(i32(0), i32(0)));
  } else overKept(outer, i32(0), i32(0), visit);
}

export function argmaxDomain(group: Kernel["group"]): Domain {
  const { axis } = (group.root as Kernel["root"]).attrs as ArgmaxAttrs;
  const { shape } = (group.root as Kernel["root"]).inputs[0];
  return axis === 0 ? { size: sizeOf(shape.slice(1)), unit: 1 } : { size: shape[0], unit: 1 };
}

export function argmaxKernel(kernel: Kernel): void {
  const { f, root, begin, end } = kernel;
  const { axis } = root.attrs as ArgmaxAttrs;
  const { shape } = root.inputs[0];
  const pointer = kernel.pointer(root.inputs[0]);
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = shape.slice(0, axis);
  const one = (base: I32, out: I32): void => {
    const address = f.let(addI(pointer, mulI(base, 4)));
    const best = f.local("i32", i32(0));
    const top: Local<"f32"> = f.local("f32", loadF32(address));
    f.for(1, shape[axis], 1, (i) => {
      const candidate: F32 = f.let(loadF32(addI(address, mulI(i, inner * 4))));
      const larger = f.let(gtF(candidate, top));
      f.set(best, select(larger, i, best));
      f.set(top, select(larger, candidate, top));
    });
    kernel.finish(f, splatI(best), f.let(mulI(out, 4)), i32(0), 0, 1);
  };
  if (axis === 0) {
    f.for(begin, end, 1, (i) => one(i, i));
    return;
  }
  const middle = sizeOf(outer.slice(1));
  f.for(begin, end, 1, (n) => {
    nest(f, [middle, inner], ([m, i]) => {
      const row = f.let(addI(mulI(n, middle), m));
      one(f.let(addI(mulI(row, shape[axis] * inner), i)), f.let(addI(mulI(row, inner), i)));
    });
  });
}

/**
 * Kernel of ln Σ eˣ over the last axes: one row after the other, first its largest element, then the sum of what is left
 * when that is taken off. The row is read twice, while it is in the cache, and nothing but the result is stored.
 */
import type { ReduceAttrs } from "../../../ops/reduce.ts";
import { sizeOf } from "../../../shape.ts";
import {
  addI,
  type I32,
  i32,
  type Local,
  load,
  load32Zero,
  mulI,
  shuffle,
  splatConst,
  type V128,
  v,
} from "../assembler.ts";
import { exp, log } from "../math.ts";
import type { Domain, Kernel } from "./kernel.ts";

/** The largest float32: what a row's largest element is held to, so that ∞ − ∞ never comes up. */
const LARGEST = 3.4028234663852886e38;

/** How many rows a root reduces, and the elements of each. */
function rowsOf(root: Kernel["root"]): { readonly rows: number; readonly length: number } {
  const { axes } = root.attrs as ReduceAttrs;
  const [{ shape }] = root.inputs;
  const length = sizeOf(axes.map((axis) => shape[axis]));
  return { rows: sizeOf(shape) / length, length };
}

/** Rows of all samples, so that few samples can be divided, too. */
export const logSumExpDomain = (group: Kernel["group"]): Domain => ({
  size: rowsOf(group.root as Kernel["root"]).rows,
  unit: 1,
});

export function logSumExpKernel(kernel: Kernel): void {
  const { f, isa, root, group, begin, end } = kernel;
  const { rows, length } = rowsOf(root);
  const perStep = group.split === "range" ? 1 : rows / root.shape[0];
  const pointer = kernel.pointer(root.inputs[0]);
  const whole = Math.floor(length / 4) * 4;

  /** Folds a row in the order of the kernel of sums: four running results, and what is left over one by one. Lane 0. */
  const fold = (
    row: I32,
    start: number,
    step: (total: V128, x: V128) => V128,
    join: (a: V128, b: V128) => V128,
  ): V128 => {
    const total: Local<"v128"> = f.let(splatConst(start));
    const rest: Local<"v128"> = f.let(splatConst(start));
    f.for(0, whole * 4, 16, (i) => f.set(total, step(total, f.let(load(addI(row, i))))));
    f.for(whole * 4, length * 4, 4, (i) => f.set(rest, step(rest, f.let(load32Zero(addI(row, i))))));
    const pairs = f.let(join(total, shuffle(total, total, [2, 3, 0, 1])));
    return join(f.let(join(pairs, shuffle(pairs, pairs, [1, 0, 3, 2]))), rest);
  };

  f.for(f.let(mulI(begin, perStep)), f.let(mulI(end, perStep)), 1, (n) => {
    const row = f.let(addI(pointer, mulI(n, length * 4)));
    const top = f.let(fold(row, Number.NEGATIVE_INFINITY, v.max, v.max));
    const held = v.max(v.min(shuffle(top, top, [0, 0, 0, 0]), splatConst(LARGEST)), splatConst(-LARGEST));
    const shift = f.let(held);
    const sum = fold(row, 0, (total, x) => v.add(total, exp(f, isa, f.let(v.sub(x, shift)))), v.add);
    kernel.finish(f, v.add(log(f, isa, f.let(sum)), shift), f.let(mulI(n, 4)), i32(0), 0, 1);
  });
}

/** Kernels of groups without a root: one loop over all elements, four at a time, operands broadcast as they are read. */
import { BYTES } from "../../../dtype.ts";
import { type Loop, loopsOver } from "../../../lower/loops.ts";
import { sizeOf } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import { CHUNKS } from "../../cpu/plan.ts";
import {
  addI,
  type HeldStores,
  type I32,
  i32,
  load,
  load32Splat,
  load32Zero,
  loadU8,
  ltS,
  mulI,
  splatI,
  subI,
  type V128,
  v,
  vi,
} from "../assembler.ts";
import { bytesOfPartial } from "../memory.ts";
import { type Domain, type Kernel, nest } from "./kernel.ts";
import { evaluate, type Lanes, numeric } from "./lanes.ts";

/** The loops of a group: either one over everything, or several, of which the first is what begin … end divide. */
function groupLoops({ shape, inputs, split }: Kernel["group"]): Loop[] {
  const joined = loopsOver(shape, inputs, false);
  return split === "samples" && joined.length > 1 ? loopsOver(shape, inputs, true) : joined;
}

export function elementwiseDomain(group: Kernel["group"]): Domain {
  const loops = groupLoops(group);
  return { size: loops[0].length, unit: loops.length === 1 ? 16 : 1 };
}

/**
 * Vectors per turn of the loop: several where few operands and little arithmetic would leave the counting dominant, else as
 * many as the engine joins.
 */
function unrolling({ group, target }: Kernel, isPartial: (tensor: Tensor) => boolean): number {
  const { inputs, outputs, nodes } = group;
  const streams = inputs.length + outputs.length;
  return streams > 4 || nodes.length > 4 || inputs.some(isPartial) ? target.joined : 4;
}

export function elementwiseKernel(kernel: Kernel, isPartial: (tensor: Tensor) => boolean): void {
  const { f, group, begin, end } = kernel;
  const loops = groupLoops(group);
  const inner = loops.length > 1 ? loops[loops.length - 1] : undefined;

  /**
   * The innermost loop, over elements `from` … `to` at given operand and output element offsets.
   * @param rest how many elements are left beyond whole vectors, if that is known now
   */
  const innermost = (
    loop: Loop,
    from: I32,
    to: I32,
    rest: number | undefined,
    bases: readonly I32[],
    outBase: I32,
  ): void => {
    const starts = group.inputs.map((operand, k) =>
      f.let(addI(kernel.pointer(operand), mulI(bases[k], BYTES[operand.dtype]))),
    );
    const outputs = group.outputs.map((output) => f.let(addI(kernel.pointer(output), mulI(outBase, 4))));
    const step = (position: I32, vectors: number, lanes: number): void => {
      const bytes = f.let(mulI(position, 4));
      /** @param offset a number of elements known now, beyond the position */
      const read = (held: HeldStores, operand: Tensor, offset: number): V128 => {
        const k = group.inputs.indexOf(operand);
        const moving = loop.strides[k] !== 0;
        if (operand.dtype === "uint8") {
          const at = moving ? addI(starts[k], position) : starts[k];
          const skip = moving ? offset : 0;
          return moving && lanes > 1 ? v.widenLow16(v.widenLow8(load32Zero(at, skip))) : splatI(loadU8(at, skip));
        }
        const address = moving ? held.shared(addI(starts[k], bytes)) : starts[k];
        const one = (piece: number): V128 => (moving ? load(address, piece + offset * 4) : load32Splat(address, piece));
        if (!isPartial(operand)) return one(0);
        const plus = operand.dtype === "int32" ? vi.add : v.add;
        let total = one(0);
        for (let chunk = 1; chunk < CHUNKS; chunk++) total = plus(total, one(chunk * bytesOfPartial(operand)));
        return total;
      };
      f.together((held) => {
        for (let vector = 0; vector < vectors; vector++) {
          const values = evaluate(kernel, (operand) => read(held, operand, vector * 4));
          group.outputs.forEach((output, k) => {
            held.storeLanes(addI(outputs[k], bytes), numeric(values.get(output) as Lanes), lanes, vector * 16);
          });
        }
      });
    };
    const i = f.local("i32", from);
    const loopOver = (vectors: number, lanes: number): void => {
      const reach = vectors * lanes;
      const last = f.let(subI(to, reach - 1));
      f.if(ltS(i, last), () => {
        f.doWhile(
          () => {
            step(i, vectors, lanes);
            f.set(i, addI(i, reach));
          },
          () => ltS(i, last),
        );
      });
    };
    const unroll = unrolling(kernel, isPartial);
    if (unroll > 1) loopOver(unroll, 4);
    loopOver(1, 4);
    if (rest === undefined) loopOver(1, 1);
    else if (rest > 0) step(i, 1, rest);
  };

  if (inner === undefined) {
    const perPosition = group.split === "samples" ? sizeOf(group.shape.slice(1)) : 1;
    const [from, to] = [begin, end].map((position) => f.let(mulI(position, perPosition)));
    const bases = group.inputs.map(() => i32(0));
    innermost(loops[0], from, to, undefined, bases, i32(0));
    return;
  }
  f.for(begin, end, 1, (first) => {
    const middle = loops.slice(1, -1);
    nest(
      f,
      middle.map((loop) => loop.length),
      (counters) => {
        const offset = (stride: (loop: Loop) => number): I32 =>
          [first, ...counters].reduce<I32>(
            (sum, counter, axis) => addI(sum, mulI(counter, stride(loops[axis]))),
            i32(0),
          );
        const bases = group.inputs.map((_, k) => f.let(offset((loop) => loop.strides[k])));
        const outBase = f.let(offset((loop) => loop.dense));
        innermost(inner, i32(0), i32(inner.length), inner.length % 4, bases, outBase);
      },
    );
  });
}

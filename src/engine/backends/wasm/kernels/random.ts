/** Uniform random numbers: Threefry-2x32-20 on four counters at a time, the same words as engine/random.ts. */
import { times } from "../../../lower/pieces.ts";
import type { UniformAttrs } from "../../../ops/constant.ts";
import {
  addI,
  type I32,
  i32,
  i32x4Const,
  type Local,
  load32Splat,
  ltS,
  mulI,
  splatConst,
  splatConstI,
  splatI,
  subI,
  v,
  vi,
} from "../assembler.ts";
import type { Domain, Kernel } from "./kernel.ts";

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;

export function uniformDomain(group: Kernel["group"]): Domain {
  const root = group.root as Kernel["root"];
  return (root.attrs as UniformAttrs).batched ? { size: root.shape[0], unit: 1 } : { size: root.size, unit: 4 };
}

export function uniformKernel(kernel: Kernel): void {
  const { f, root, begin, end, target } = kernel;
  const { stream, batched } = root.attrs as UniformAttrs;
  const [key] = root.inputs;
  const perStep = batched ? root.size / root.shape[0] : 1;
  const k0 = f.let(load32Splat(kernel.pointer(key)));
  const k1 = f.let(load32Splat(kernel.pointer(key), 4));
  const keys = [k0, k1, f.let(v.xor(v.xor(k0, k1), splatConstI(0x1bd11bda)))];
  /** The numbers from i on, so many vectors; of the last one so many lanes. */
  const step = (i: I32, vectors: number, lanes: number): void => {
    const first = f.let(splatI(i));
    const out = f.let(mulI(i, 4));
    f.together((held) => {
      const values = times(vectors, (k) => {
        const counters = i32x4Const([0, 1, 2, 3].map((lane) => 4 * k + lane));
        const x0: Local<"v128"> = f.let(vi.add(vi.add(first, counters), keys[0]));
        const x1: Local<"v128"> = f.let(vi.add(splatConstI(stream), keys[1]));
        for (let round = 0; round < 20; round++) {
          f.set(x0, vi.add(x0, x1));
          const r = ROTATIONS[round % 8];
          f.set(x1, v.xor(v.or(vi.shl(x1, r), vi.shrU(x1, 32 - r)), x0));
          if (round % 4 === 3) {
            const s = (round + 1) / 4;
            f.set(x0, vi.add(x0, keys[s % 3]));
            f.set(x1, vi.add(vi.add(x1, keys[(s + 1) % 3]), splatConstI(s)));
          }
        }
        return v.mul(v.fromI(vi.shrU(x0, 8)), splatConst(2 ** -24));
      });
      kernel.finishAll(held, values, out, i32(0), lanes);
    });
  };
  const i = f.let(mulI(begin, perStep));
  const to = f.let(mulI(end, perStep));
  const steps = [
    ...[...new Set([target.joined, 1])].map((vectors) => ({ vectors, lanes: 4 })),
    { vectors: 1, lanes: 1 },
  ];
  for (const { vectors, lanes } of steps) {
    const count = (vectors - 1) * 4 + lanes;
    const limit = f.let(subI(to, count - 1));
    f.if(ltS(i, limit), () => {
      f.doWhile(
        () => {
          step(i, vectors, lanes);
          f.set(i, addI(i, count));
        },
        () => ltS(i, limit),
      );
    });
  }
}

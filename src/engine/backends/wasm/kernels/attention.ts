/** Kernels of attention: the weights of values, by rows of scores, and the result; beside it the logarithm of each row's sum. */

import { times } from "../../../lower/pieces.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  addI,
  divU,
  gtS,
  type I32,
  type Local,
  load,
  load32Splat,
  mulI,
  splatConst,
  splatI,
  v,
  vi,
} from "../assembler.ts";
import { exp, log } from "../math.ts";
import {
  Attention,
  attentionDomain,
  BLOCK,
  columnsFrom,
  dimsOf,
  panelBytes,
  SUMS,
  scoreRow,
} from "./attention-tiles.ts";
import type { Kernel, RootKernel } from "./kernel.ts";

function attentionScratch(root: Tensor): number {
  const dims = dimsOf(root);
  return 2 * panelBytes(dims) + BLOCK * (scoreRow(dims.S) + 4) + SUMS + 64;
}

function attentionKernel(kernel: Kernel): void {
  const { f, isa, group } = kernel;
  const attention = new Attention(kernel);
  const { T, H, G } = attention.dims;
  const { head, width, stride, resultRow, attrs } = attention;
  const vectors = width / 4;
  const stored = (name: string): Tensor | undefined => group.outputs.find(({ op }) => op.name === name);
  const [result, lse] = [stored("attention"), stored("attentionLse")];
  const keys = f.let(kernel.scratch as I32);
  const values = f.let(addI(keys, panelBytes(attention.dims)));
  const scores = f.let(addI(values, panelBytes(attention.dims)));
  const factors = f.let(addI(scores, BLOCK * stride));
  const sums = f.let(addI(factors, BLOCK * 4));

  /** Turns a row of scores into weights whose sum is 1 when multiplied by what `factors` gets. */
  const softmax = (row: Local<"i32">, seen: I32, padded: I32, factor: I32, lseAt: I32 | undefined): void => {
    // What is not seen, up to the end of the panel.
    f.for(f.let(mulI(divU(seen, 4), 4)), padded, 4, (j) => {
      const at = f.let(addI(row, mulI(j, 4)));
      const visible = vi.lt(columnsFrom(j), splatI(seen));
      f.store(at, v.bitselect(load(at), splatConst(Number.NEGATIVE_INFINITY), visible));
    });
    const tops = times(vectors, () => f.local("v128", splatConst(Number.NEGATIVE_INFINITY)));
    f.for(0, padded, width, (j) => {
      const at = f.let(addI(row, mulI(j, 4)));
      tops.forEach((top, k) => {
        f.set(top, v.pmax(top, load(at, k * 16)));
      });
    });
    const top = attention.folded(tops, sums, v.pmax);
    const totals = kernel.zeros(vectors);
    f.for(0, padded, width, (j) => {
      const at = f.let(addI(row, mulI(j, 4)));
      f.together((held) => {
        totals.forEach((total, k) => {
          const weight = f.let(exp(f, isa, v.sub(load(at, k * 16), top)));
          f.set(total, v.add(total, weight));
          held.store(at, weight, k * 16);
        });
      });
    });
    const total = attention.folded(totals, sums, v.add);
    f.storeLanes(factor, v.div(splatConst(1), total), 1);
    if (lseAt !== undefined) f.storeLanes(lseAt, v.add(log(f, isa, total), top), 1);
  };

  attention.overHeads((b, g) => {
    const seen = attention.seen(b);
    const [key, value] = [attention.at(attention.k, b, g), attention.at(attention.v, b, g)];
    // One query reads keys and values where they lie.
    const isOne = T === 1;
    if (!isOne) attention.packTransposed(key, attention.k.row, seen.all, keys, attrs.scale);
    const columns = isOne
      ? { start: value, row: attention.v.row, panel: width * 4 }
      : attention.pack(value, attention.v.row, seen.all, values, 1);
    f.for(0, H / G, 1, (n) => {
      const h = f.let(addI(mulI(g, H / G), n));
      const query = attention.at(attention.q, b, h);
      const base = f.let(addI(mulI(b, T * resultRow), mulI(h, head)));
      attention.overBlocks((i, size) => {
        const most = attention.seenBy(addI(i, size - 1), seen);
        const padded = f.let(mulI(divU(addI(most, width - 1), width), width));
        const rows = f.let(addI(query, mulI(i, attention.q.row)));
        if (isOne) attention.scoresOfOne(rows, key, attention.k.row, most, scores, attrs.scale);
        else attention.scores(rows, attention.q.row, size, keys, most, scores);
        f.for(0, size, 1, (r) => {
          const row = f.let(addI(scores, mulI(r, stride)));
          const time = f.let(addI(i, r));
          const own = attention.seenBy(time, seen);
          const factor = f.let(addI(factors, mulI(r, 4)));
          const number = addI(mulI(addI(mulI(b, T), time), H), h);
          const lseAt = lse === undefined ? undefined : f.let(addI(kernel.pointer(lse), mulI(number, 4)));
          f.if(
            gtS(own, 0),
            () => softmax(row, own, padded, factor, lseAt),
            () => {
              f.for(0, padded, 4, (j) => f.store(addI(row, mulI(j, 4)), splatConst(0)));
              f.storeLanes(factor, splatConst(0), 1);
              if (lseAt !== undefined) f.storeLanes(lseAt, splatConst(0), 1);
            },
          );
        });
        if (result === undefined) return;
        const to = f.let(addI(kernel.pointer(result), addI(base, mulI(i, resultRow))));
        attention.weighted(scores, size, columns, most, (totals, m, tileRows, d) => {
          const factor = f.let(addI(factors, mulI(m, 4)));
          const scaled = times(tileRows, (t) => f.let(load32Splat(factor, t * 4)));
          const out = totals.map((total, t) => v.mul(total, scaled[Math.floor(t / vectors)]));
          attention.storeHead(out, vectors, f.let(addI(to, mulI(m, resultRow))), resultRow, d);
        });
      });
    });
  });
}

const forward = { domain: attentionDomain, emit: attentionKernel, rides: "none", scratch: attentionScratch } as const;

export const attentionRoot: RootKernel = { ...forward, twin: "attentionLse" };
export const attentionLseRoot: RootKernel = { ...forward, twin: "attention" };

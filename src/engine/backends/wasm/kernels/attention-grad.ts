/** The kernel of attention's gradient: computes the scores of a block again, and from them those of queries, keys and values. */

import { times } from "../../../lower/pieces.ts";
import { attentionInputs } from "../../../ops/attention.ts";
import type { Tensor } from "../../../tensor.ts";
import {
  addI,
  divU,
  type I32,
  i32,
  type Local,
  load,
  load32Splat,
  load32Zero,
  mulI,
  splatConst,
  splatI,
  type V128,
  v,
  vi,
} from "../assembler.ts";
import { exp } from "../math.ts";
import {
  Attention,
  attentionDomain,
  BLOCK,
  columnsFrom,
  dimsOf,
  MOST_COLUMNS,
  panelBytes,
  roundUp,
  SUMS,
  scoreRow,
  sumsBytes,
} from "./attention-tiles.ts";
import type { Kernel, RootKernel } from "./kernel.ts";

function attentionGradScratch(root: Tensor): number {
  const dims = dimsOf(root);
  return 3 * panelBytes(dims) + 2 * sumsBytes(dims) + 2 * BLOCK * scoreRow(dims.S) + SUMS + 64;
}

function attentionGradKernel(kernel: Kernel): void {
  const { f, isa, root } = kernel;
  const attention = new Attention(kernel);
  const { T, S, H, G, D } = attention.dims;
  const { head, width, stride, resultRow, attrs } = attention;
  const vectors = width / 4;
  const [lse, y, grad] = attentionInputs(root.inputs, attrs).rest.map((tensor) => kernel.pointer(tensor));
  const [forQ, forK, forV] = attention.gradients(kernel.pointer(root));
  const { dims } = attention;
  const sumRow = roundUp(D, MOST_COLUMNS) * 4;
  let end: I32 = kernel.scratch;
  const reserve = (bytes: number): Local<"i32"> => {
    const start = f.let(end);
    end = addI(start, bytes);
    return start;
  };
  const keysAcross = reserve(panelBytes(dims));
  const valuesAcross = reserve(panelBytes(dims));
  const keys = reserve(panelBytes(dims));
  const keySums = reserve(sumsBytes(dims));
  const valueSums = reserve(sumsBytes(dims));
  const weights = reserve(BLOCK * stride);
  const slopes = reserve(BLOCK * stride);
  const sums = reserve(SUMS);

  /** Σ g ∘ y of a row. */
  const deltaOf = (at: I32): Local<"v128"> => {
    const [one, other] = [f.let(addI(grad, at)), f.let(addI(y, at))];
    const total = f.local("v128", splatConst(0));
    const whole = Math.floor(D / 4) * 16;
    f.for(0, whole, 16, (d) => f.set(total, isa.madd(load(addI(one, d)), load(addI(other, d)), total)));
    for (let d = whole; d < D * 4; d += 4) f.set(total, isa.madd(load32Zero(one, d), load32Zero(other, d), total));
    return attention.folded([total], sums, v.add);
  };

  /** Weights from scores, and slopes of scores from those of weights, of a row. */
  const slope = (r: I32, seen: I32, padded: I32, top: Local<"v128">, delta: Local<"v128">): void => {
    const [weight, slopeAt] = [weights, slopes].map((rows) => f.let(addI(rows, mulI(r, stride))));
    const step = (j: I32, masked: boolean): void => {
      const bytes = f.let(mulI(j, 4));
      const [p, ds] = [f.let(addI(weight, bytes)), f.let(addI(slopeAt, bytes))];
      f.together((held) => {
        for (let k = 0; k < vectors; k++) {
          const value = f.let(exp(f, isa, v.sub(load(p, k * 16), top)));
          const change = f.let(v.mul(value, v.sub(load(ds, k * 16), delta)));
          const kept = (x: V128): V128 => (masked ? v.and(x, vi.lt(columnsFrom(addI(j, k * 4)), splatI(seen))) : x);
          held.store(p, kept(value), k * 16);
          held.store(ds, kept(change), k * 16);
        }
      });
    };
    const whole = f.let(mulI(divU(seen, width), width));
    f.for(0, whole, width, (j) => step(j, false));
    f.for(whole, padded, width, (j) => step(j, true));
  };

  /** Stores what was added up for a head's keys. */
  const storeSums = (from: I32, to: Local<"i32">, rowBytes: number, scale: number): void => {
    f.for(0, S, 1, (j) => {
      const [source, target] = [f.let(addI(from, mulI(j, sumRow))), f.let(addI(to, mulI(j, rowBytes)))];
      for (let d = 0; d < D; d += width) {
        const values = times(vectors, (k) => {
          const value = load(source, (d + k * 4) * 4);
          return scale === 1 ? value : v.mul(value, splatConst(scale));
        });
        attention.storeHead(values, vectors, target, 0, d);
      }
    });
  };

  attention.overHeads((b, g) => {
    const seen = attention.seen(b);
    const [key, value] = [attention.at(attention.k, b, g), attention.at(attention.v, b, g)];
    attention.packTransposed(key, attention.k.row, seen.all, keysAcross, attrs.scale);
    attention.packTransposed(value, attention.v.row, seen.all, valuesAcross, 1);
    const columns = attention.pack(key, attention.k.row, seen.all, keys, attrs.scale);
    f.zero(keySums, i32(sumsBytes(dims)));
    f.zero(valueSums, i32(sumsBytes(dims)));
    f.for(0, H / G, 1, (n) => {
      const h = f.let(addI(mulI(g, H / G), n));
      const query = attention.at(attention.q, b, h);
      const queryGrad = attention.at(forQ, b, h);
      const base = f.let(addI(mulI(b, T * resultRow), mulI(h, head)));
      attention.overBlocks((i, size) => {
        const most = attention.seenBy(addI(i, size - 1), seen);
        const padded = f.let(mulI(divU(addI(most, width - 1), width), width));
        const rows = f.let(addI(query, mulI(i, attention.q.row)));
        const own = f.let(addI(base, mulI(i, resultRow)));
        const gradRows = f.let(addI(grad, own));
        attention.scores(rows, attention.q.row, size, keysAcross, most, weights);
        attention.scores(gradRows, resultRow, size, valuesAcross, most, slopes);
        f.for(0, size, 1, (r) => {
          const time = f.let(addI(i, r));
          const number = addI(mulI(addI(mulI(b, T), time), H), h);
          const top = f.let(load32Splat(addI(lse, mulI(number, 4))));
          slope(r, attention.seenBy(time, seen), padded, top, deltaOf(f.let(addI(own, mulI(r, resultRow)))));
        });
        const to = f.let(addI(queryGrad, mulI(i, forQ.row)));
        attention.weighted(slopes, size, columns, most, (totals, m, _, d) => {
          attention.storeHead(totals, vectors, f.let(addI(to, mulI(m, forQ.row))), forQ.row, d);
        });
        attention.addWeighted(slopes, rows, attention.q.row, size, most, keySums);
        attention.addWeighted(weights, gradRows, resultRow, size, most, valueSums);
      });
    });
    storeSums(keySums, attention.at(forK, b, g), forK.row, attrs.scale);
    storeSums(valueSums, attention.at(forV, b, g), forV.row, 1);
  });
}

export const attentionGradRoot: RootKernel = {
  domain: attentionDomain,
  emit: attentionGradKernel,
  rides: "none",
  scratch: attentionGradScratch,
};

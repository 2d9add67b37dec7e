/**
 * Golden values of every op, forward and backward, from PyTorch (make_golden.py), replayed on every backend. Where the
 * conformance suite asks whether backends agree with the reference loops, this asks whether those mean the right thing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/engine/backends/backend.ts";
import * as act from "../../src/engine/ops/activation.ts";
import { type AttentionOptions, attention, selfAttention } from "../../src/engine/ops/attention.ts";
import { type ConvOptions, conv2d, type Pair } from "../../src/engine/ops/conv.ts";
import { type CtcLossOptions, ctcLoss } from "../../src/engine/ops/ctc.ts";
import * as e from "../../src/engine/ops/elementwise.ts";
import * as g from "../../src/engine/ops/gather.ts";
import * as loss from "../../src/engine/ops/loss.ts";
import { linear, type MatmulAttrs, matmul } from "../../src/engine/ops/matmul.ts";
import * as m from "../../src/engine/ops/movement.ts";
import * as norm from "../../src/engine/ops/norm.ts";
import * as pool from "../../src/engine/ops/pool.ts";
import * as r from "../../src/engine/ops/reduce.ts";
import { type RopeOptions, rope } from "../../src/engine/ops/rope.ts";
import type { Shape } from "../../src/engine/shape.ts";
import { apply, type Tensor } from "../../src/engine/tensor.ts";
import { type CaseInput, caseGraph, define, hasMode } from "../conformance/cases/case.ts";
import { familyBackends } from "../helpers/backends.ts";
import { expectClose, runGraph } from "../helpers/run.ts";

/** One line of a golden file. */
interface GoldenCase {
  readonly op: string;
  readonly attrs: object;
  readonly inputs: readonly CaseInput[];
  readonly shape: Shape;
  /** In row-major order; infinities as strings. */
  readonly y: readonly (number | string)[];
  /** One per input, null where none was asked for; missing where the op has no gradient. */
  readonly grads?: readonly (readonly (number | string)[] | null)[];
  /** How far gradients may be off, as a share of the largest one; where that is closer than the tolerance of all. */
  readonly within?: number;
}

type Build<A = object> = (t: readonly Tensor[], attrs: A) => Tensor;

const unary =
  (f: (x: Tensor) => Tensor): Build =>
  ([x]) =>
    f(x);
const binary =
  (f: (a: Tensor, b: Tensor) => Tensor): Build =>
  ([a, b]) =>
    f(a, b);

interface AxesAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}
const reduction =
  (f: typeof r.sum): Build<AxesAttrs> =>
  ([x], { axes, keepDims }) =>
    f(x, axes, keepDims);

interface MaskAttrs {
  readonly causal?: boolean;
  readonly scale?: number;
  readonly position?: boolean;
  readonly length?: boolean;
}

/** Options of an attention whose masks are inputs behind its arrays. */
function masked(masks: readonly Tensor[], { causal, scale, position, length }: MaskAttrs): AttentionOptions {
  return {
    causal,
    scale,
    position: position === true ? masks[0] : undefined,
    length: length === true ? masks[Number(position ?? false)] : undefined,
  };
}

/** How the name in a golden file is said here. */
const BUILD = {
  neg: unary(e.neg),
  abs: unary(e.abs),
  exp: unary(e.exp),
  log: unary(e.log),
  sqrt: unary(e.sqrt),
  tanh: unary(e.tanh),
  sigmoid: unary(e.sigmoid),
  relu: unary(e.relu),
  erf: unary(e.erf),
  silu: unary(act.silu),
  hardswish: unary(act.hardswish),
  softplus: unary(act.softplus),
  leakyRelu: ([x], a: act.SlopeAttrs) => act.leakyRelu(x, a.negativeSlope),
  elu: ([x], a: act.AlphaAttrs) => act.elu(x, a.alpha),
  gelu: ([x], a: act.GeluAttrs) => act.gelu(x, a.approximate),
  clamp: ([x], a: act.ClampAttrs) => act.clamp(x, a.min, a.max),
  add: binary(e.add),
  sub: binary(e.sub),
  mul: binary(e.mul),
  div: binary(e.div),
  pow: binary(e.pow),
  maximum: binary(e.maximum),
  minimum: binary(e.minimum),
  eq: binary(e.eq),
  ne: binary(e.ne),
  lt: binary(e.lt),
  le: binary(e.le),
  gt: binary(e.gt),
  ge: binary(e.ge),
  where: ([c, a, b]) => e.where(c, a, b),

  sum: reduction(r.sum),
  mean: reduction(r.mean),
  max: reduction(r.max),
  min: reduction(r.min),
  variance: reduction(r.variance),
  logsumexp: reduction(r.logsumexp),
  argmax: ([x], a: r.ArgmaxAttrs) => r.argmax(x, a.axis, a.keepDims),
  softmax: ([x], a: act.AxisAttrs) => act.softmax(x, a.axis),
  logSoftmax: ([x], a: act.AxisAttrs) => act.logSoftmax(x, a.axis),
  logCumsumExp: ([x], a: r.ScanAttrs) => r.logCumsumExp(x, a.axis),
  glu: ([x], a: act.AxisAttrs) => act.glu(x, a.axis),

  reshape: ([x], a: m.ShapeAttrs) => m.reshape(x, a.shape),
  permute: ([x], a: m.PermuteAttrs) => m.permute(x, a.order),
  expand: ([x], a: m.ShapeAttrs) => m.expand(x, a.shape),
  slice: ([x], a: { ranges: [number, number, number][] }) =>
    m.slice(
      x,
      a.ranges.map(([start, end, step]) => ({ start, end, step })),
    ),
  flip: ([x], a: { axes: number[] }) => m.flip(x, a.axes),
  pad: ([x], a: { amounts: [number, number][]; value: number }) => m.pad(x, a.amounts, a.value),
  concat: (t, a: m.ConcatAttrs) => m.concat(t, a.axis),
  gather: ([x, index], a: g.GatherAttrs) => g.gather(x, a.axis, index),
  scatterAdd: ([index, x], a: g.ScatterAttrs) => apply(g.scatterAddOp, [index, x], a),
  embedding: ([table, index]) => g.embedding(index, table),
  attention: (([q, k, v, ...masks], attrs) => attention(q, k, v, masked(masks, attrs))) as Build<MaskAttrs>,
  selfAttention: (([qkv, ...masks], attrs) =>
    selfAttention(qkv, { heads: attrs.heads, ...masked(masks, attrs) })) as Build<MaskAttrs & { heads: number }>,

  matmul: ([a, b], attrs: MatmulAttrs) => matmul(a, b, attrs),
  linear: ([x, weight, bias]) => linear(x, weight, bias),
  conv2d: ([x, weight], a: ConvOptions) => conv2d(x, weight, a),
  maxPool2d: ([x], { kernel, ...options }: pool.PoolOptions & { kernel: number | Pair }) =>
    pool.maxPool2d(x, kernel, options),
  avgPool2d: ([x], { kernel, ...options }: pool.PoolOptions & { kernel: number | Pair; countIncludePad: boolean }) =>
    pool.avgPool2d(x, kernel, options),
  adaptiveAvgPool2d: ([x], a: { size: number | Pair }) => pool.adaptiveAvgPool2d(x, a.size),
  globalAvgPool2d: unary(pool.globalAvgPool2d),

  batchNorm: ([x, mu, variance, weight, bias], a: norm.NormAttrs) =>
    norm.batchNorm(x, mu, variance, weight, bias, a.eps),
  batchNormTraining: ([x, weight, bias], a: norm.NormAttrs) => {
    const { mean, variance } = norm.channelStatistics(x);
    return norm.batchNorm(x, mean, variance, weight, bias, a.eps);
  },
  layerNorm: ([x, weight, bias], a: norm.NormAttrs) => norm.layerNorm(x, weight, bias, a.eps),
  swiglu: binary(act.swiglu),
  rmsNorm: ([x, weight], a: Partial<norm.NormAttrs>) => norm.rmsNorm(x, weight, a.eps),
  rope: ([x, position], a: RopeOptions) => rope(x, { ...a, ...(position && { position }) }),
  groupNorm: ([x, weight, bias], a: norm.GroupNormAttrs) => norm.groupNorm(x, a.groups, weight, bias, a.eps),

  crossEntropy: ([x, target], a: loss.CrossEntropyOptions) => loss.crossEntropy(x, target, a),
  nllLoss: ([x, target], a: loss.CrossEntropyOptions) => loss.nllLoss(x, target, a),
  ctcLoss: ([x, targets, frames, lengths], a: CtcLossOptions) => ctcLoss(x, targets, frames, lengths, a),
  mseLoss: binary(loss.mseLoss),
  bceWithLogits: binary(loss.bceWithLogits),
} satisfies Record<string, Build<never>>;

const FOLDER = new URL("./ops/", import.meta.url);
const families = readdirSync(FOLDER).map((file) => ({
  family: file.replace(".json", ""),
  cases: JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as readonly GoldenCase[],
}));

const numbers = (list: readonly (number | string)[]): Float32Array => Float32Array.from(list, Number);

it("there are golden values for everything that is built here", () => {
  const golden = new Set(families.flatMap(({ cases }) => cases.map(({ op }) => op)));
  expect([...golden].sort()).toEqual(Object.keys(BUILD).sort());
});

describe.each(familyBackends)("$name", ({ make }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend?.close());

  for (const { family, cases } of families) {
    cases.forEach((golden, n) => {
      const { op, attrs, inputs } = golden;
      const what = `${op} ${JSON.stringify(attrs)} of ${inputs.map((input) => `[${input.shape}]`).join(" ")}`;
      it(`${family} ${n}: ${what}`, async () => {
        const build = BUILD[op as keyof typeof BUILD] as Build<never>;
        const c = define(op, inputs, (...t) => build(t, attrs as never));
        const { graph, feeds } = caseGraph(c, hasMode(c, "batched") ? "batched" : "single", golden.grads !== undefined);
        const outputs = await runGraph(backend, graph, feeds);
        expect(graph.outputs["y"].shape).toEqual(golden.shape);
        // Such a loss is near 0 and made of numbers that are not: sums of frames in single precision.
        expectClose(outputs["y"], numbers(golden.y), golden.within === undefined ? 1e-5 : 1e-4, "output");
        golden.grads?.forEach((grad, i) => {
          if (grad === null) return;
          const [found, wanted] = [outputs[`d${i}`], numbers(grad)];
          expectClose(found, wanted, 1e-5, `gradient of input ${i}`);
          const worst = wanted.reduce((most, value, k) => Math.max(most, Math.abs(value - found[k])), 0);
          const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          if (golden.within !== undefined) expect(worst / largest).toBeLessThan(golden.within);
        });
      });
    });
  }
});

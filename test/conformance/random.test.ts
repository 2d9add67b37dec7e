/**
 * The same comparison over random shapes and attributes: what nobody thought of when the list of cases was written. The
 * seed is fixed, so that a failure repeats; fast-check shrinks it to a small one.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { gelu } from "../../src/engine/ops/activation.ts";
import { conv2dOp, convLength } from "../../src/engine/ops/conv.ts";
import * as e from "../../src/engine/ops/elementwise.ts";
import { matmul } from "../../src/engine/ops/matmul.ts";
import * as m from "../../src/engine/ops/movement.ts";
import { avgPool2d, maxPool2d } from "../../src/engine/ops/pool.ts";
import * as r from "../../src/engine/ops/reduce.ts";
import type { Shape } from "../../src/engine/shape.ts";
import { apply, type Tensor } from "../../src/engine/tensor.ts";
import { familyBackends } from "../helpers/backends.ts";
import { type Case, define, hasMode, modes, w, x } from "./cases/case.ts";
import { checkCase } from "./check.ts";

const int = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });
const pairOf = (min: number, max: number): fc.Arbitrary<[number, number]> => fc.tuple(int(min, max), int(min, max));

/** Convolutions with `groups` groups of `depth` input and `width` output channels each. */
const convolution = (groups: fc.Arbitrary<number>, depth: fc.Arbitrary<number>, width: fc.Arbitrary<number>) =>
  fc
    .record({
      batch: int(1, 5),
      size: pairOf(1, 11),
      depth,
      width,
      groups,
      kernel: pairOf(1, 5),
      stride: pairOf(1, 3),
      dilation: pairOf(1, 3),
      padding: fc.tuple(int(0, 3), int(-2, 3), int(0, 3), int(-2, 3)),
    })
    .filter(({ size, kernel, stride, dilation, padding: [top, bottom, left, right] }) =>
      [top + bottom, left + right].every((pad, a) => convLength(size[a], kernel[a], stride[a], pad, dilation[a]) >= 1),
    )
    .map(({ batch, size, depth, width, groups, kernel, ...attrs }) => {
      const input = x([batch, ...size, depth * groups], [-1, 1]);
      const weight = w([...kernel, depth, width * groups], [-1, 1]);
      return define(`conv2d ${JSON.stringify({ groups, ...attrs })}`, [input, weight], (a, k) =>
        apply(conv2dOp, [a, k], { ...attrs, groups }),
      );
    });

const pooling: fc.Arbitrary<Case> = fc
  .record({
    batch: int(1, 4),
    size: pairOf(1, 12),
    channels: int(1, 9),
    kernel: pairOf(1, 4),
    stride: pairOf(1, 4),
    padding: pairOf(0, 2),
    kind: fc.constantFrom("max", "average", "average of what is there"),
    ties: fc.boolean(),
  })
  .filter(
    ({ size, kernel, padding }) =>
      kernel.every((k, a) => 2 * padding[a] <= k) && size.every((length, a) => length + 2 * padding[a] >= kernel[a]),
  )
  .map(({ batch, size, channels, kernel, kind, ties, ...options }) =>
    define(
      `${kind} ${JSON.stringify({ kernel, ...options })}`,
      [x([batch, ...size, channels], ties ? "ties" : "distinct")],
      (a) =>
        kind === "max"
          ? maxPool2d(a, kernel, options)
          : avgPool2d(a, kernel, { ...options, countIncludePad: kind === "average" }),
    ),
  );

/** Two shapes that broadcast: some axes of either side are 1, and one side may lack leading axes. */
const broadcastable = (maxRank: number): fc.Arbitrary<[Shape, Shape]> =>
  fc.tuple(fc.array(fc.tuple(int(1, 6), int(0, 5)), { maxLength: maxRank }), int(-2, 2)).map(([axes, shorter]) => {
    const left = axes.map(([dim, which]) => (which === 0 ? 1 : dim));
    const right = axes.map(([dim, which]) => (which === 1 ? 1 : dim));
    return [left.slice(Math.max(0, shorter)), right.slice(Math.max(0, -shorter))];
  });

/** Axis 0 can be a batch only where both sides have it in full, or one has it alone. */
const operand = (shape: Shape, other: Shape, fill: readonly [number, number] = [-1, 1]): Case["inputs"][number] =>
  (shape.length > other.length || (shape.length === other.length && (shape[0] === other[0] || other[0] === 1)) ? x : w)(
    shape,
    fill,
  );

const product: fc.Arbitrary<Case> = fc
  .record({
    leading: broadcastable(3),
    rows: int(1, 20),
    depth: int(1, 20),
    columns: int(1, 20),
    transposeA: fc.boolean(),
    transposeB: fc.boolean(),
  })
  .map(({ leading: [left, right], rows, depth, columns, ...attrs }) => {
    const a = [...left, ...(attrs.transposeA ? [depth, rows] : [rows, depth])];
    const b = [...right, ...(attrs.transposeB ? [columns, depth] : [depth, columns])];
    const leads = a.length > 2 || b.length > 2;
    const first = leads ? operand(a, b) : x(a);
    const second = leads ? operand(b, a) : w(b);
    return define(`matmul ${JSON.stringify(attrs)}`, [first, second], (p, q) => matmul(p, q, attrs));
  });

const UNARY = [
  e.neg,
  e.tanh,
  e.sigmoid,
  e.relu,
  e.abs,
  (t: Tensor) => e.exp(e.mul(t, -0.5)),
  (t: Tensor) => e.add(t, 0.3),
];
const BINARY = [e.add, e.sub, e.mul, e.maximum, e.minimum, (a: Tensor, b: Tensor) => e.div(a, e.add(e.abs(b), 1))];

const chain: fc.Arbitrary<Case> = fc
  .record({
    shapes: broadcastable(4),
    steps: fc.array(fc.tuple(int(0, 12), int(0, 9), int(0, 9)), { minLength: 1, maxLength: 8 }),
  })
  .map(({ shapes: [left, right], steps }) =>
    define(`chain ${JSON.stringify(steps)}`, [operand(left, right), operand(right, left)], (a, b) => {
      const values = [a, b];
      for (const [op, i, j] of steps) {
        const first = values[i % values.length];
        const second = values[j % values.length];
        values.push(op < UNARY.length ? UNARY[op](first) : BINARY[op - UNARY.length](first, second));
      }
      return values[values.length - 1];
    }),
  );

const REDUCTIONS: Readonly<Record<string, typeof r.sum>> = {
  sum: r.sum,
  mean: r.mean,
  max: r.max,
  min: r.min,
  variance: r.variance,
  logsumexp: r.logsumexp,
};

const reduction: fc.Arbitrary<Case> = fc
  .record({
    shape: fc.array(int(1, 7), { minLength: 1, maxLength: 5 }),
    bits: int(0, 31),
    keep: fc.boolean(),
    kind: fc.constantFrom(...Object.keys(REDUCTIONS)),
  })
  .map(({ shape, bits, keep, kind }) => {
    const axes = shape.flatMap((_, axis) => (bits & (1 << axis) ? [axis] : []));
    const fill = kind === "max" || kind === "min" ? "distinct" : ([-2, 2] as const);
    return define(`${kind} over ${axes}${keep ? ", kept" : ""}`, [x(shape, fill)], (a) =>
      REDUCTIONS[kind](a, axes, keep),
    );
  });

const movement: fc.Arbitrary<Case> = fc
  .record({
    shape: fc.array(int(1, 6), { minLength: 1, maxLength: 4 }),
    steps: fc.array(fc.tuple(int(0, 6), int(0, 23), int(0, 5)), { minLength: 1, maxLength: 5 }),
  })
  .map(({ shape, steps }) =>
    define(`movement ${JSON.stringify(steps)}`, [x(shape)], (a) => steps.reduce(move, a), { tolerance: 0 }),
  );

/** One movement, chosen and shaped by two numbers. */
function move(t: Tensor, [kind, n, k]: readonly [number, number, number]): Tensor {
  const axis = n % t.rank;
  const along = <T>(value: T, other: T): T[] => t.shape.map((_, i) => (i === axis ? value : other));
  const order = t.shape.map((_, i) => i);
  const moves = [
    () => m.permute(t, [...order.slice(axis + 1), ...order.slice(0, axis + 1)]),
    () => m.slice(t, along<m.Range>({ start: k % t.shape[axis], step: 1 + (n % 2) }, {})),
    () => m.flip(t, [axis]),
    () => (t.size > 2000 ? t : m.pad(t, along<[number, number]>([k % 3, n % 2], [0, 0]), k)),
    () => m.reshape(t, n % 2 === 0 || t.rank > 4 ? [t.size] : [...t.shape.slice(0, axis), 1, ...t.shape.slice(axis)]),
    () => (t.size > 2000 ? t : m.concat([t, m.flip(t, [axis])], axis)),
    () => (t.size > 2000 || t.rank > 4 ? t : m.expand(t, [1 + (k % 3), ...t.shape])),
  ];
  return moves[kind]();
}

/** What keeps the shape of a picture: activations, gates by comparison, differences from a mean. */
const LAYERS: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a) => e.relu(e.sub(a, 0.1)),
  (a) => gelu(a),
  (a) => e.tanh(a),
  (a) => e.mul(a, 1),
  (a, b) => e.where(e.gt(a, b), e.mul(a, 0.5), b),
  (a, b) => e.add(a, e.mul(b, 0.01)),
  (a) => e.sub(a, r.mean(a, [3], true)),
  (a) => m.flip(a, [1]),
];
/** And what ends it. */
const ENDS: readonly ((a: Tensor) => Tensor)[] = [
  (a) => a,
  (a) => m.slice(a, [{}, { step: 2 }]),
  (a) => maxPool2d(a, [3, 3], { stride: [3, 1], padding: [1, 0] }),
  (a) => r.mean(a, [1, 2]),
];

/** Layers over layers: which of them a kernel computes together, or again, must never change what comes out. */
const layers: fc.Arbitrary<Case> = fc
  .record({
    steps: fc.array(fc.tuple(int(0, LAYERS.length - 1), int(0, 9), int(0, 9)), { minLength: 2, maxLength: 7 }),
    end: int(0, ENDS.length - 1),
  })
  .map(({ steps, end }) =>
    define(`layers ${JSON.stringify(steps)}, end ${end}`, [x([2, 6, 4, 3], "distinct")], (a) => {
      const values = [e.mul(a, 0.05)];
      for (const [op, i, j] of steps) {
        const [first, second] = [i, j].map((n) => values[Math.max(0, values.length - 1 - n)]);
        values.push(LAYERS[op](first, second));
      }
      return ENDS[end](values[values.length - 1]);
    }),
  );

const properties = {
  convolution: convolution(int(1, 5), int(1, 9), int(1, 9)),
  "depthwise convolution": convolution(int(1, 13), int(1, 1), int(1, 1)),
  "convolution of one channel": convolution(int(1, 1), int(1, 1), int(1, 9)),
  pooling,
  product,
  chain,
  reduction,
  movement,
  layers,
} satisfies Record<string, fc.Arbitrary<Case>>;

describe.each(familyBackends)("$name", ({ make }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend?.close());

  it.each(Object.entries(properties))("%s", async (_, cases) => {
    const property = fc.asyncProperty(cases, async (c) => {
      for (const mode of modes) if (hasMode(c, mode)) await checkCase(backend, c, mode);
    });
    await fc.assert(property, { seed: 20, numRuns: 40 });
  });
});

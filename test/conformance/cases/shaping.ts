/** Cases of sources, reductions, movement and indexing. */
import { arange } from "../../../src/engine/ops/arange.ts";
import * as c from "../../../src/engine/ops/constant.ts";
import * as e from "../../../src/engine/ops/elementwise.ts";
import * as g from "../../../src/engine/ops/gather.ts";
import type { PrimitiveName } from "../../../src/engine/ops/index.ts";
import { linear, matmul } from "../../../src/engine/ops/matmul.ts";
import * as m from "../../../src/engine/ops/movement.ts";
import * as r from "../../../src/engine/ops/reduce.ts";
import * as window from "../../../src/engine/ops/window.ts";
import type { Shape } from "../../../src/engine/shape.ts";
import { apply, type Tensor } from "../../../src/engine/tensor.ts";
import { type Case, type CaseInput, define, type Fill, ints, w, x } from "./case.ts";

const moved = { gradient: "none", tolerance: 0 } as const;

/** Where rows are written: in all samples, or in each. */
const at = (...positions: number[]): CaseInput => ({
  ...ints(positions.length === 1 ? [] : [positions.length], 0, 1),
  fill: { list: positions },
});

/** Where a window begins: the same for all samples. */
const from = (...starts: number[]): CaseInput => ({ ...at(...starts), shape: [starts.length], batched: false });

const exact = { tolerance: 0 } as const;
const kinks = { gradient: "kinks" } as const;

/** Every subset of the axes of a shape, the empty one too. */
const subsets = (shape: Shape): number[][] =>
  Array.from({ length: 2 ** shape.length }, (_, bits) =>
    shape.flatMap((_, axis) => (bits & (1 << axis) ? [axis] : [])),
  );

type Reduction = (x: Tensor, axes?: readonly number[], keepDims?: boolean) => Tensor;

export function reductions(f: Reduction, fill: Fill, options: Parameters<typeof define>[3] = {}): Case[] {
  const all = [[3, 4, 5, 6], [7, 3], [5]].flatMap((shape) =>
    subsets(shape).flatMap((axes) =>
      [false, true].map((keep) =>
        define(
          `[${shape}] over ${axes.join(",") || "nothing"}${keep ? ", kept" : ""}`,
          [x(shape, fill)],
          (a) => f(a, axes, keep),
          options,
        ),
      ),
    ),
  );
  return [
    ...all,
    define("scalar", [w([], fill)], (a) => f(a), options),
    define("axes of length 1", [x([1, 4, 1], fill)], (a) => f(a, [0, 2]), options),
    define("negative axis", [x([2, 3, 5], fill)], (a) => f(a, [-1]), options),
    define("long", [x([9, 1027], fill)], (a) => f(a, [1]), options),
    define("long, all", [x([9, 1027], fill)], (a) => f(a), options),
    define("long batch", [x([257, 5], fill)], (a) => f(a, [0]), options),
    define("channels", [x([6, 7, 5, 12], fill)], (a) => f(a, [0, 1, 2]), options),
  ];
}

const argmaxOver = (shape: Shape, fill: Fill): Case[] =>
  shape.flatMap((_, axis) =>
    [false, true].map((keep) =>
      define(
        `[${shape}] over ${axis}${keep ? ", kept" : ""}, ${fill}`,
        [x(shape, fill)],
        (a) => r.argmax(a, axis, keep),
        exact,
      ),
    ),
  );

const permutations: readonly (readonly [Shape, number[]])[] = [
  [[5], [0]],
  [
    [1, 1],
    [1, 0],
  ],
  [
    [3, 7],
    [1, 0],
  ],
  [
    [16, 33],
    [1, 0],
  ],
  [
    [9, 6],
    [1, 0],
  ],
  [
    [3, 5, 7, 6],
    [0, 3, 1, 2],
  ],
  [
    [2, 6, 3, 3],
    [0, 2, 3, 1],
  ],
  [
    [5, 4, 2, 7],
    [3, 0, 2, 1],
  ],
  [
    [2, 3, 4],
    [0, 2, 1],
  ],
  [
    [2, 3, 4],
    [2, 0, 1],
  ],
  [
    [2, 3, 4],
    [1, 0, 2],
  ],
  [
    [3, 5, 4, 8],
    [0, 3, 1, 2],
  ],
  [
    [3, 8, 5, 4],
    [0, 2, 3, 1],
  ],
  [
    [8, 3, 5, 4],
    [2, 3, 1, 0],
  ],
  [
    [2, 3, 4, 5],
    [3, 2, 1, 0],
  ],
  [
    [2, 3, 4, 5],
    [0, 1, 3, 2],
  ],
  [
    [2, 1, 3, 2, 3],
    [0, 1, 4, 3, 2],
  ],
];

const slices: readonly (readonly [label: string, Shape, m.Range[]])[] = [
  ["whole", [4, 5], []],
  ["start and end", [4, 5], [{ start: 1, end: 3 }, { start: 2 }]],
  ["from the end", [4, 5], [{ start: -2 }, { end: -1 }]],
  ["samples kept", [4, 6, 5, 3], [{}, { start: 1, end: 5 }, { start: 2, end: 4 }]],
  ["channels", [4, 3, 3, 10], [{}, {}, {}, { start: 3, end: 8 }]],
  ["step 2", [3, 9], [{}, { step: 2 }]],
  ["step 3 from 1", [3, 11, 4], [{}, { start: 1, step: 3 }]],
  ["reversed", [3, 7], [{}, { step: -1 }]],
  ["reversed in steps of 2", [3, 8], [{}, { start: 6, end: 0, step: -2 }]],
  ["reversed from beyond the end", [3, 5], [{}, { start: 9, step: -2 }]],
  ["samples reversed", [5, 4], [{ step: -1 }]],
  ["every second sample", [6, 4], [{ step: 2 }]],
  [
    "one element",
    [4, 5],
    [
      { start: 3, end: 4 },
      { start: 0, end: 1 },
    ],
  ],
];

const grid = (starts: number[], steps: number[], shape: number[], fill: number): m.PlaceAttrs => ({
  starts,
  steps,
  shape,
  fill,
});

const places: readonly (readonly [label: string, Shape, m.PlaceAttrs])[] = [
  ["at 0", [3, 4], grid([0, 0], [1, 1], [3, 4], 0)],
  ["border", [3, 4], grid([0, 2], [1, 1], [3, 9], 0)],
  ["border of 1.5", [2, 3, 3, 2], grid([0, 1, 2, 0], [1, 1, 1, 1], [2, 5, 6, 2], 1.5)],
  ["spread", [2, 3, 4, 5], grid([0, 0, 0, 0], [1, 2, 3, 1], [2, 5, 10, 5], 0)],
  ["spread with a border of −1", [2, 3], grid([0, 1], [1, 2], [2, 7], -1)],
  ["reversed", [2, 4], grid([0, 3], [1, -1], [2, 4], 0)],
  ["samples spread", [3, 4], grid([1, 0], [2, 1], [6, 4], 0)],
  ["channels", [2, 2, 2, 3], grid([0, 0, 0, 5], [1, 1, 1, 1], [2, 2, 2, 8], 0)],
];

const concats: readonly (readonly [label: string, Shape[], number])[] = [
  ["one", [[2, 3]], 0],
  [
    "samples",
    [
      [2, 3],
      [4, 3],
    ],
    0,
  ],
  [
    "features",
    [
      [3, 4],
      [3, 1],
      [3, 6],
    ],
    1,
  ],
  [
    "channels of 3",
    [
      [2, 3, 3, 4],
      [2, 3, 3, 5],
      [2, 3, 3, 1],
    ],
    3,
  ],
  [
    "rows",
    [
      [2, 3, 4],
      [2, 1, 4],
      [2, 2, 4],
    ],
    1,
  ],
  [
    "last, negative",
    [
      [2, 8],
      [2, 8],
    ],
    -1,
  ],
  ["vectors", [[3], [1], [4]], 0],
];

const scatter =
  (axis: number, shape: Shape) =>
  (index: Tensor, a: Tensor): Tensor =>
    apply(g.scatterAddOp, [index, a], { axis, shape });
const rows =
  (count: number) =>
  (index: Tensor, grad: Tensor): Tensor =>
    apply(g.embeddingGradOp, [index, grad], { rows: count });

/** As the op has it: the table first. */
const lookUp = (table: Tensor, index: Tensor): Tensor => g.embedding(index, table);

const key = (list: number[]) => ({ ...ints([2], 0, 1, false), fill: { list } });

const expansions: readonly [Shape, Shape][] = [
  [[], [4]],
  [[], [2, 3]],
  [[1], [5]],
  [[3], [4, 3]],
  [
    [4, 1],
    [4, 6],
  ],
  [
    [1, 6],
    [3, 6],
  ],
  [
    [2, 1, 3, 1],
    [2, 5, 3, 4],
  ],
  [
    [2, 1, 1, 8],
    [2, 5, 5, 8],
  ],
  [
    [5, 1],
    [2, 5, 3],
  ],
];

export const shapingCases = {
  input: [
    define("passed through", [x([3, 5])], (a) => a, exact),
    define("int32", [ints([3, 5], -9, 9)], (a) => a, exact),
    define("scalar", [w([])], (a) => a, exact),
    define("used twice", [x([3, 5])], (a) => e.add(a, a), exact),
  ],
  parameter: [
    define("beside a batch", [x([3, 5]), w([5])], (a, b) => e.add(a, b)),
    define("alone", [x([2, 1]), w([4, 3])], (_, b) => b, exact),
  ],
  constant: [
    define("number", [x([3, 5])], (a) => e.add(a, 0.1)),
    define("list", [x([3, 5])], (a) => e.mul(a, c.constant([1, -2, 3, 0.1, 0]))),
    define("filled shape", [x([3, 5])], (a) => e.mul(a, c.constant(0.3, "float32", [3, 1]))),
    define("alone", [], () => c.constant([1, 2, 3, 0.1, -7]), exact),
    define("int32 alone", [], () => c.constant([1, 2, -2147483648], "int32"), exact),
    define("lists of lists", [x([3, 2])], (a) => e.mul(a, c.constant([[1], [-2], [0.1]]))),
    define("list with a shape", [], () => c.constant([1, 2, 3, 4, 5, 6], "float32", [3, 1, 2]), exact),
  ],
  uniform: [
    ...[[1], [7], [4, 33], [2, 5, 5, 3]].flatMap((shape) =>
      [true, false].map((batched) =>
        define(
          `[${shape}]${batched ? ", batched" : ""}`,
          [key([123456789, -987654321])],
          (k) => c.uniform(k, { shape, stream: 5, batched }),
          exact,
        ),
      ),
    ),
    define("key 0", [key([0, 0])], (k) => c.uniform(k, { shape: [64], stream: 0, batched: false }), exact),
    define("key −1", [key([-1, -1])], (k) => c.uniform(k, { shape: [64], stream: 1, batched: true }), exact),
  ],
  sum: [
    ...reductions(r.sum, [-2, 2]),
    define("int32", [ints([4, 5], -9, 9)], (a) => r.sum(a, 1), exact),
    define("int32 over the batch", [ints([40, 5], -9, 9)], (a) => r.sum(a), exact),
  ],
  max: [
    ...reductions(r.max, "distinct", exact),
    ...reductions(r.max, "ties", { gradient: "kinks", tolerance: 1e-6 }).filter((_, i) => i % 3 === 0),
    define("all negative", [x([3, 5], [-9, -8])], (a) => r.max(a, 1), exact),
    define("int32", [ints([4, 5], -9, 9)], (a) => r.max(a, 1), exact),
  ],
  argmax: [
    ...argmaxOver([3, 4, 5, 6], "distinct"),
    ...argmaxOver([7, 10], "ties"),
    ...argmaxOver([5], "distinct"),
    ...argmaxOver([4, 1], "distinct"),
    ...argmaxOver([3, 517], "ties"),
    define("all equal", [x([2, 5], { list: new Array(10).fill(-3) })], (a) => r.argmax(a), exact),
    define("very negative", [x([1, 3], { list: [-3e38, -2e38, -1e38] })], (a) => r.argmax(a), exact),
  ],
  logSumExp: [
    ...(
      [
        [5, 10],
        [3, 4, 7],
        [2, 3, 4, 33],
        [17, 1],
        [2, 1003],
      ] as Shape[]
    ).flatMap((shape) =>
      [false, true].map((keep) =>
        define(`[${shape}]${keep ? ", kept" : ""}`, [x(shape, [-9, 9])], (a) => r.logsumexp(a, -1, keep)),
      ),
    ),
    define("two axes", [x([3, 4, 5])], (a) => r.logsumexp(a, [1, 2])),
    define("all axes", [x([3, 7])], (a) => r.logsumexp(a)),
    define(
      "rows with −∞ and of nothing else",
      [x([3, 5], { list: [-Infinity, 1, 2, -Infinity, 3, ...new Array(5).fill(-Infinity), 4, 5, 6, 7, -Infinity] })],
      (a) => r.logsumexp(a, 1),
      { gradient: "none" },
    ),
    define("∞", [x([1, 5], { list: [0, 1, Infinity, 3, 4] })], (a) => r.logsumexp(a, 1), { gradient: "none" }),
  ],
  reshape: (
    [
      [[6], [2, 3]],
      [
        [4, 3, 5],
        [4, 15],
      ],
      [
        [4, 15],
        [4, 3, 5],
      ],
      [
        [4, 6],
        [-1, 8],
      ],
      [
        [4, 6],
        [6, 4],
      ],
      [[1], []],
      [
        [1, 6],
        [1, 2, 3],
      ],
      [
        [2, 3, 4, 5],
        [2, 3, 20],
      ],
      [[5, 1], [5]],
    ] as [Shape, Shape][]
  ).map(([from, to]) => define(`[${from}] to [${to}]`, [x(from)], (a) => m.reshape(a, to), exact)),
  permute: [
    ...permutations.map(([shape, order]) =>
      define(`[${shape}] by ${order}`, [x(shape)], (a) => m.permute(a, order), exact),
    ),
    define("int32", [ints([3, 5, 2], -9, 9)], (a) => m.permute(a, [0, 2, 1]), exact),
  ],
  expand: [
    ...expansions.map(([from, to]) => define(`[${from}] to [${to}]`, [x(from)], (a) => m.expand(a, to), exact)),
    define("over the batch", [x([6, 4]), w([4])], (a, b) => e.mul(a, m.expand(b, [6, 4]))),
    define("over the batch, and summed", [x([6, 4]), w([1, 4])], (a, b) => r.sum(e.mul(a, m.expand(b, [6, 4])), 0)),
    // As long as the batch by chance: these rows are no samples.
    define("to a matrix beside the batch", [x([6, 6]), w([6])], (a, b) => matmul(a, m.expand(b, [6, 6]))),
    define("to weights beside the batch", [x([6, 4]), w([4])], (a, b) => linear(a, m.expand(b, [6, 4]))),
  ],
  slice: [
    ...slices.map(([label, shape, ranges]) => define(label, [x(shape)], (a) => m.slice(a, ranges), exact)),
    define("int32", [ints([3, 7], -9, 9)], (a) => m.slice(a, [{}, { step: -2 }]), exact),
  ],
  place: [
    ...places.map(([label, shape, attrs]) => define(label, [x(shape)], (a) => m.place(a, attrs), exact)),
    define(
      "int32",
      [ints([3, 4], -9, 9)],
      (a) =>
        m.pad(
          a,
          [
            [0, 0],
            [1, 2],
          ],
          -7,
        ),
      exact,
    ),
  ],
  concat: [
    ...concats.map(([label, shapes, axis]) => {
      const batched = shapes.every((shape) => shape[0] === shapes[0][0]);
      return define(
        label,
        shapes.map((shape) => (batched ? x : w)(shape)),
        (...parts) => m.concat(parts, axis),
        exact,
      );
    }),
    define("weights beside a batch", [x([3, 4]), w([3, 2])], (a, b) => m.concat([a, b], 1), exact),
    define("the same twice", [x([3, 4])], (a) => m.concat([a, a], 1), exact),
    define("int32", [ints([3, 4], -9, 9), ints([3, 2], -9, 9)], (a, b) => m.concat([a, b], 1), exact),
  ],

  arange: [
    define("alone", [], () => arange(37), moved),
    define("one", [], () => arange(1), moved),
    define("before each query", [x([3, 4])], (a) => e.where(e.lt(arange(4), 2), a, 0), exact),
    define("places of tokens", [w([9, 5])], (a) => g.embedding(arange(7), a), exact),
  ],
  sliceAt: [
    define("rows", [x([3, 7, 5]), from(2)], (a, s) => window.sliceAt(a, s, [3], [1]), exact),
    define("a scalar start", [x([3, 7, 5]), at(4)], (a, s) => window.sliceAt(a, s, [1], [-2]), exact),
    define("all axes", [x([4, 6, 9]), from(1, 2, 3)], (a, s) => window.sliceAt(a, s, [2, 3, 4]), exact),
    define("axes in disorder", [x([2, 6, 4, 9]), from(5, 1)], (a, s) => window.sliceAt(a, s, [4, 3], [3, 1]), exact),
    define("samples", [x([6, 5]), from(3)], (a, s) => window.sliceAt(a, s, [2], [0]), exact),
    define("as long as the batch", [x([4, 6]), from(2, 1)], (a, s) => window.sliceAt(a, s, [4, 3]), exact),
    define("all of it", [x([3, 4]), from(1, -1)], (a, s) => window.sliceAt(a, s, [3, 4]), exact),
    define("before", [x([3, 8]), from(-3)], (a, s) => window.sliceAt(a, s, [5], [1]), exact),
    define("behind", [x([3, 8]), from(6)], (a, s) => window.sliceAt(a, s, [5], [1]), exact),
    define("far outside", [w([9, 8]), from(2147483647, -2147483648)], (a, s) => window.sliceAt(a, s, [5, 3]), exact),
    define("vector", [w([40]), from(7)], (a, s) => window.sliceAt(a, s, [21]), exact),
    define("int32", [ints([3, 8], -9, 9), from(2)], (a, s) => window.sliceAt(a, s, [5], [1]), exact),
    define("with ops behind", [x([3, 9, 8]), from(2)], (a, s) => e.mul(window.sliceAt(a, s, [5], [1]), 3), exact),
    define(
      "where a computed number says",
      [x([3, 9]), w([6])],
      (a, b) => window.sliceAt(a, r.argmax(b, 0), [4], [1]),
      exact,
    ),
  ],
  placeAt: [
    define("rows", [x([3, 3, 5]), from(2)], (a, s) => window.placeAt(a, s, [7], [1]), exact),
    define("a scalar start", [x([3, 1, 5]), at(4)], (a, s) => window.placeAt(a, s, [7], [-2]), exact),
    define("all axes", [x([2, 3, 4]), from(1, 2, 3)], (a, s) => window.placeAt(a, s, [4, 6, 9]), exact),
    define("axes in disorder", [x([2, 3, 4, 4]), from(5, 1)], (a, s) => window.placeAt(a, s, [9, 6], [3, 1]), exact),
    define("samples", [x([2, 5]), from(3)], (a, s) => window.placeAt(a, s, [6], [0]), exact),
    define("as long as the batch", [x([4, 3]), from(2, 1)], (a, s) => window.placeAt(a, s, [4, 6]), exact),
    define("before", [x([3, 5]), from(-3)], (a, s) => window.placeAt(a, s, [8], [1]), exact),
    define("behind", [x([3, 5]), from(6)], (a, s) => window.placeAt(a, s, [8], [1]), exact),
    define("far outside", [w([5, 3]), from(2147483647, -2147483648)], (a, s) => window.placeAt(a, s, [9, 8]), exact),
    define("vector", [w([21]), from(7)], (a, s) => window.placeAt(a, s, [40]), exact),
    define("filled", [x([3, 5]), from(2)], (a, s) => window.placeAt(a, s, [11], [1], -1.5), exact),
    define("int32, filled", [ints([3, 5], -9, 9), from(2)], (a, s) => window.placeAt(a, s, [8], [1], 7), exact),
  ],

  gather: [
    define("last axis", [x([5, 7]), ints([5, 3], 0, 7)], (a, i) => g.gather(a, 1, i), exact),
    define("one a row", [x([6, 10]), ints([6, 1], 0, 10)], (a, i) => g.gather(a, -1, i), exact),
    define("first axis", [x([5, 7]), ints([3, 7], 0, 5, false)], (a, i) => g.gather(a, 0, i), exact),
    define("middle axis", [x([2, 6, 5]), ints([2, 4, 5], 0, 6)], (a, i) => g.gather(a, 1, i), exact),
    define("vector", [w([9]), ints([20], 0, 9)], (a, i) => g.gather(a, 0, i), exact),
    define("out of range reads 0", [x([5, 7]), ints([5, 9], -3, 10)], (a, i) => g.gather(a, 1, i), exact),
    define(
      "far out of range",
      [x([2, 3]), { ...ints([2, 2], 0, 1), fill: { list: [2147483647, -2147483648, 1, 3] } }],
      (a, i) => g.gather(a, 1, i),
      exact,
    ),
  ],
  scatterAdd: [
    define("duplicates", [ints([5, 9], 0, 4), x([5, 9])], scatter(1, [5, 4])),
    define("first axis", [ints([6, 3], 0, 5, false), w([6, 3])], scatter(0, [5, 3])),
    define("middle axis", [ints([2, 4, 5], 0, 6), x([2, 4, 5])], scatter(1, [2, 6, 5])),
    define("out of range goes nowhere", [ints([5, 9], -3, 8), x([5, 9])], scatter(1, [5, 5])),
  ],
  embedding: [
    define("sentence", [w([11, 6]), ints([4, 5], 0, 11)], lookUp, exact),
    define("duplicates, one feature", [w([3, 1]), ints([20], 0, 3)], lookUp, exact),
    define("scalar index", [w([3, 5]), ints([], 0, 3)], lookUp, exact),
    define("out of range gives zeros", [w([5, 7]), ints([4, 6], -2, 8)], lookUp, exact),
    define(
      "far out of range",
      [w([5, 2]), { ...ints([3], 0, 1), fill: { list: [2147483647, -2147483648, 4] } }],
      lookUp,
      exact,
    ),
  ],
  writeRows: [
    define("one row", [x([2, 5, 3]), x([2, 1, 3]), at(4)], g.writeRows, moved),
    define("several axes", [x([2, 9, 2, 4]), x([2, 3, 2, 4]), at(2)], g.writeRows, moved),
    define("a position for each sample", [x([3, 6, 5]), x([3, 2, 5]), at(0, 4, 2)], g.writeRows, moved),
    define("outside", [x([2, 4, 3]), x([2, 3, 3]), at(-2, 3)], g.writeRows, moved),
    define("far outside", [x([2, 4, 3]), x([2, 3, 3]), at(2147483647, -2147483648)], g.writeRows, moved),
    define("int32", [ints([2, 4], -9, 9), ints([2, 2], -9, 9), at(1)], g.writeRows, moved),
    define("without samples", [w([1, 7, 4]), w([1, 2, 4]), at(3)], g.writeRows, moved),
  ],
  embeddingGrad: [
    define("duplicates", [ints([4, 5], 0, 3), x([4, 5, 6])], rows(3), { gradient: "none" }),
    define("untouched rows stay 0", [ints([3], 0, 2), x([3, 5])], rows(40), { gradient: "none" }),
    define("out of range", [ints([9], -2, 8), x([9, 3])], rows(5), { gradient: "none" }),
    define("many", [ints([300], 0, 7), x([300, 17])], rows(7), { gradient: "none" }),
    // Too large for a copy per chunk of the batch.
    define("a large table", [ints([6, 5], -1, 9000), x([6, 5, 33])], rows(9000), { gradient: "none" }),
    define("a large table, rows of cache lines", [ints([64], 0, 3), x([64, 64])], rows(5000), { gradient: "none" }),
    define("a large table of short rows", [ints([3, 40], 0, 90), x([3, 40, 3])], rows(90_000), { gradient: "none" }),
  ],
} satisfies Partial<Record<PrimitiveName, readonly Case[]>>;

export const shapingFunctions = {
  mean: reductions(r.mean, [-2, 2]).filter((_, i) => i % 2 === 0),
  min: reductions(r.min, "distinct", exact).filter((_, i) => i % 3 === 0),
  variance: reductions(r.variance, [-2, 2]).filter((_, i) => i % 3 === 1),
  logsumexp: [
    ...reductions(r.logsumexp, [-2, 2]).filter((_, i) => i % 2 === 1),
    define("±100", [x([2, 4], { list: [100, -100, 0, 99, -100, -100, -100, -99] })], (a) => r.logsumexp(a, 1), kinks),
    define("equal", [x([3, 4], { list: new Array(12).fill(50) })], (a) => r.logsumexp(a, 1)),
  ],
  flip: [
    define("picture", [x([2, 3, 4, 5])], (a) => m.flip(a, [1, 2]), exact),
    define("samples", [x([5, 3])], (a) => m.flip(a, [0]), exact),
  ],
  pad: [
    define(
      "picture",
      [x([2, 3, 4, 5])],
      (a) =>
        m.pad(a, [
          [0, 0],
          [1, 2],
          [3, 0],
          [0, 0],
        ]),
      exact,
    ),
    define(
      "by 9",
      [x([2, 3])],
      (a) =>
        m.pad(
          a,
          [
            [0, 1],
            [2, 0],
          ],
          9,
        ),
      exact,
    ),
  ],
  flatten: [
    define("from axis 1", [x([3, 4, 5, 2])], (a) => m.flatten(a, 1), exact),
    define("all", [x([3, 4])], (a) => m.flatten(a, 0), exact),
  ],
  transpose: [define("of three axes", [x([2, 3, 5])], m.transpose, exact)],
} satisfies Record<string, readonly Case[]>;

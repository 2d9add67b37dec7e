/** Cases of the losses. */
import * as act from "../../../src/engine/ops/activation.ts";
import * as e from "../../../src/engine/ops/elementwise.ts";
import type { CompositeName } from "../../../src/engine/ops/index.ts";
import * as loss from "../../../src/engine/ops/loss.ts";
import type { Shape } from "../../../src/engine/shape.ts";
import { type Case, type CaseInput, define, fixed, ints, w, x } from "./case.ts";

const kinks = { gradient: "kinks" } as const;
const none = { gradient: "none" } as const;

const probabilities = (shape: Shape): CaseInput => x(shape, [0, 1]);
const classes = (count: number, k: number): CaseInput => ints([count], 0, k);

const listed = (...list: number[]): CaseInput => ({ ...ints([list.length], 0, 1), fill: { list } });

const CROSS_ENTROPIES: readonly loss.CrossEntropyOptions[] = [
  {},
  { labelSmoothing: 0.1 },
  { reduction: "sum" },
  { reduction: "none" },
  { reduction: "none", labelSmoothing: 0.2 },
];

/** Rows of classes over more axes than the batch, long rows, targets that do not count. */
const crossEntropiesOfRows: Case[] = CROSS_ENTROPIES.flatMap((options) => {
  const label = JSON.stringify(options);
  const weight = Array.from({ length: 7 }, (_, i) => 0.5 + i / 4);
  const many = Array.from({ length: 1100 }, (_, i) => 0.5 + (i % 7) / 4);
  return [
    define(`a sequence ${label}`, [x([3, 5, 7]), ints([3, 5], 0, 7)], (a, t) => loss.crossEntropy(a, t, options)),
    define(`pictures ${label}`, [x([3, 2, 4, 7]), ints([3, 2, 4], 0, 7)], (a, t) =>
      loss.crossEntropy(a, t, { ...options, weight, ignoreIndex: 2 }),
    ),
    define(`soft targets of a sequence ${label}`, [x([3, 4, 7]), probabilities([3, 4, 7])], (a, t) =>
      loss.crossEntropy(a, t, { ...options, weight }),
    ),
    define(`1,100 classes ${label}`, [x([3, 2, 1100]), ints([3, 2], 0, 1100)], (a, t) =>
      loss.crossEntropy(a, t, options),
    ),
    define(`1,100 weighted classes ${label}`, [x([3, 2, 1100]), ints([3, 2], -1, 1100)], (a, t) =>
      loss.crossEntropy(a, t, { ...options, weight: many }),
    ),
    define(`one class ignored ${label}`, [x([6, 7]), listed(1, -100, 3, -100, 0, 6)], (a, t) =>
      loss.crossEntropy(a, t, { ...options, ignoreIndex: -100 }),
    ),
    define(`all ignored ${label}`, [x([4, 7]), listed(3, 3, 3, 3)], (a, t) =>
      loss.crossEntropy(a, t, { ...options, ignoreIndex: 3 }),
    ),
    define(`targets that do not exist ${label}`, [x([5, 7]), listed(0, -1, 7, 2147483647, 6)], (a, t) =>
      loss.crossEntropy(a, t, options),
    ),
  ];
});

export const lossCases = {
  crossEntropy: [
    ...CROSS_ENTROPIES.flatMap((options) => {
      const label = JSON.stringify(options);
      const weight = Array.from({ length: 7 }, (_, i) => 0.5 + i / 4);
      return [
        define(`classes ${label}`, [x([6, 10]), classes(6, 10)], (a, t) => loss.crossEntropy(a, t, options)),
        define(`weighted classes ${label}`, [x([5, 7]), classes(5, 7)], (a, t) =>
          loss.crossEntropy(a, t, { ...options, weight }),
        ),
        define(`soft targets ${label}`, [x([6, 5]), probabilities([6, 5])], (a, t) => loss.crossEntropy(a, t, options)),
        define(`weighted soft targets ${label}`, [x([5, 7]), fixed(probabilities([5, 7]))], (a, t) =>
          loss.crossEntropy(a, t, { ...options, weight }),
        ),
      ];
    }),
    define("weights as a tensor", [x([5, 7]), classes(5, 7), fixed(w([7], [0.5, 2]))], (a, t, weight) =>
      loss.crossEntropy(a, t, { weight }),
    ),
    define("one sample", [x([1, 10]), classes(1, 10)], (a, t) => loss.crossEntropy(a, t)),
    define("batch of 65", [x([65, 10], [-5, 5]), classes(65, 10)], (a, t) => loss.crossEntropy(a, t)),
    define(
      "logits of ±100",
      [x([2, 3], { list: [100, -100, 0, -100, 100, -100] }), { ...ints([2], 0, 1), fill: { list: [1, 1] } }],
      (a, t) => loss.crossEntropy(a, t),
      kinks,
    ),
    ...crossEntropiesOfRows,
    define(
      "classes that are impossible",
      [x([2, 5], { list: [-Infinity, 1, -Infinity, 2, 3, 0, -Infinity, 1, 2, -Infinity] }), listed(3, 0)],
      (a, t) => loss.crossEntropy(a, t),
      kinks,
    ),
    define("over log-softmax", [x([6, 10]), classes(6, 10)], (a, t) => loss.crossEntropy(act.logSoftmax(a), t)),
  ],
  nllLoss: (["mean", "sum", "none"] as const).flatMap((reduction) => [
    define(`${reduction}`, [x([6, 5]), classes(6, 5)], (a, t) => loss.nllLoss(act.logSoftmax(a), t, { reduction })),
    define(`${reduction}, weights`, [x([6, 3]), classes(6, 3)], (a, t) =>
      loss.nllLoss(a, t, { reduction, weight: [0.5, 2, 1] }),
    ),
    define(`${reduction}, a sequence`, [x([3, 4, 5]), ints([3, 4], -1, 5)], (a, t) =>
      loss.nllLoss(a, t, { reduction }),
    ),
    define(`${reduction}, a sequence with weights, one class ignored`, [x([3, 4, 3]), ints([3, 4], 0, 3)], (a, t) =>
      loss.nllLoss(a, t, { reduction, weight: [0.5, 2, 1], ignoreIndex: 1 }),
    ),
    define(`${reduction}, all ignored`, [x([4, 3]), listed(-100, -100, -100, -100)], (a, t) =>
      loss.nllLoss(a, t, { reduction, ignoreIndex: -100 }),
    ),
    define(
      `${reduction}, impossible classes`,
      [x([2, 3], { list: [-200, 0, -200, 0, -200, -200] }), { ...ints([2], 0, 1), fill: { list: [1, 0] } }],
      (a, t) => loss.nllLoss(e.log(e.exp(a)), t, { reduction }),
      none,
    ),
  ]),
  mseLoss: [
    define("matrix", [x([5, 3]), x([5, 3])], loss.mseLoss),
    define("picture", [x([3, 5, 5, 2]), fixed(x([3, 5, 5, 2]))], loss.mseLoss),
    define("scalar", [w([]), w([])], loss.mseLoss),
  ],
  bceWithLogits: [
    define("matrix", [x([5, 3], "distinct"), probabilities([5, 3])], loss.bceWithLogits),
    define("vector", [x([17], "distinct"), fixed(probabilities([17]))], loss.bceWithLogits),
    define(
      "logits of ±100",
      [x([4], { list: [100, -100, 100, -100] }), fixed(x([4], { list: [1, 0, 0, 1] }))],
      loss.bceWithLogits,
      kinks,
    ),
  ],
} satisfies Partial<Record<CompositeName, readonly Case[]>>;

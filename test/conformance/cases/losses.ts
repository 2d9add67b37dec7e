/** Cases of the losses. */
import * as act from "../../../src/engine/ops/activation.ts";
import * as ctc from "../../../src/engine/ops/ctc.ts";
import * as e from "../../../src/engine/ops/elementwise.ts";
import type { OpName } from "../../../src/engine/ops/index.ts";
import * as loss from "../../../src/engine/ops/loss.ts";
import { logsumexp } from "../../../src/engine/ops/reduce.ts";
import type { Shape } from "../../../src/engine/shape.ts";
import { apply } from "../../../src/engine/tensor.ts";
import { type Case, type CaseInput, define, type Fill, fixed, ints, w, x } from "./case.ts";

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

/** Frames, targets and lengths of a batch. */
interface Sequences {
  readonly label: string;
  readonly shape: Shape;
  readonly targets: readonly (readonly number[])[];
  readonly frames: readonly number[];
  readonly lengths: readonly number[];
  readonly blank?: number;
  readonly fill?: Fill;
}

const SEQUENCES: readonly Sequences[] = [
  { label: "one frame, one label", shape: [1, 1, 3], targets: [[2]], frames: [1], lengths: [1] },
  { label: "no label", shape: [1, 5, 4], targets: [[3]], frames: [5], lengths: [0] },
  {
    label: "repeats",
    shape: [2, 7, 5],
    targets: [
      [3, 3, 4],
      [1, 1, 1],
    ],
    frames: [7, 7],
    lengths: [3, 3],
  },
  {
    label: "just enough frames",
    shape: [2, 4, 5],
    targets: [
      [3, 3, 4],
      [1, 2, 3],
    ],
    frames: [4, 3],
    lengths: [3, 3],
  },
  {
    label: "lengths apart",
    shape: [5, 9, 6],
    targets: [
      [1, 2, 3, 4],
      [5, 5, 99, -7],
      [4, 0, 0, 0],
      [0, 0, 0, 0],
      [2, 1, 2, 1],
    ],
    frames: [9, 6, 2, 4, 8],
    lengths: [4, 2, 1, 0, 4],
  },
  {
    label: "blank last",
    shape: [2, 6, 4],
    targets: [
      [0, 1, 1],
      [2, 0, 2],
    ],
    frames: [6, 5],
    lengths: [3, 3],
    blank: 3,
  },
  { label: "blank inside of a target", shape: [1, 6, 4], targets: [[1, 0, 1]], frames: [6], lengths: [3] },
  {
    label: "eleven classes",
    shape: [9, 13, 11],
    targets: digits(9, 7),
    frames: [13, 13, 12, 11, 13, 10, 9, 13, 8],
    lengths: [5, 7, 3, 1, 0, 4, 2, 6, 3],
  },
  {
    label: "sharp",
    shape: [2, 8, 6],
    targets: [
      [5, 1, 5],
      [2, 2, 3],
    ],
    frames: [8, 7],
    lengths: [3, 3],
    fill: [-40, 40],
  },
  { label: "no frames", shape: [3, 4, 3], targets: [[1], [2], [1]], frames: [0, 0, 4], lengths: [0, 0, 1] },
];

/** Digits 1 to 10, some of them next to themselves. */
function digits(count: number, length: number): number[][] {
  return Array.from({ length: count }, (_, n) => Array.from({ length }, (_, j) => 1 + ((n + 3 * (j >> (n % 2))) % 10)));
}

/** Targets that no path gives. */
const IMPOSSIBLE: readonly Sequences[] = [
  {
    label: "one frame too few",
    shape: [3, 3, 5],
    targets: [
      [3, 3, 4],
      [1, 2, 3],
      [1, 1, 0],
    ],
    frames: [3, 3, 2],
    lengths: [3, 3, 2],
  },
  {
    label: "labels but no frames",
    shape: [2, 3, 5],
    targets: [
      [1, 2],
      [1, 2],
    ],
    frames: [0, 3],
    lengths: [1, 2],
  },
  {
    label: "labels that are no class",
    shape: [3, 6, 5],
    targets: [
      [1, 5],
      [-1, 2],
      [1, 4],
    ],
    frames: [6, 5, 6],
    lengths: [2, 2, 2],
  },
];

function sequences({ shape, targets, frames, lengths, fill }: Sequences): CaseInput[] {
  const list = (dims: Shape, numbers: readonly number[]): CaseInput => ({
    ...ints(dims, 0, 1),
    fill: { list: [...numbers] },
  });
  return [
    x(shape, fill ?? [-3, 3]),
    list([targets.length, targets[0].length], targets.flat()),
    list([frames.length], frames),
    list([lengths.length], lengths),
  ];
}

const ctcLosses: Case[] = (["mean", "sum", "none"] as const).flatMap((reduction) => [
  ...SEQUENCES.map(({ blank, ...batch }) =>
    define(`${reduction}, ${batch.label}`, sequences(batch), (a, t, frames, lengths) =>
      ctc.ctcLoss(a, t, frames, lengths, { reduction, blank }),
    ),
  ),
  ...IMPOSSIBLE.flatMap((batch) =>
    [false, true].map((zeroInfinity) =>
      define(
        `${reduction}, ${batch.label}${zeroInfinity ? ", zeroed" : ""}`,
        sequences(batch),
        (a, t, frames, lengths) => ctc.ctcLoss(a, t, frames, lengths, { reduction, zeroInfinity }),
        zeroInfinity ? {} : kinks,
      ),
    ),
  ),
]);

/** The primitives below the loss. */
const ctcRows: Case[] = SEQUENCES.map(({ blank = 0, ...batch }) =>
  define(batch.label, sequences(batch), (a, ...others) =>
    apply(ctc.ctcOp, [a, logsumexp(a, -1, true), ...others], { blank, zeroInfinity: false }),
  ),
);

const ctcGrads: Case[] = SEQUENCES.map(({ blank = 0, ...batch }) =>
  define(
    batch.label,
    [...sequences(batch), x([batch.shape[0]])],
    (a, t, frames, lengths, g) =>
      apply(ctc.ctcGradOp, [a, logsumexp(a, -1, true), t, frames, lengths, g], { blank, zeroInfinity: false }),
    none,
  ),
);

export const lossCases = {
  ctc: ctcRows,
  ctcGrad: ctcGrads,
  ctcLoss: [
    ...ctcLosses,
    define(
      "classes that are impossible",
      [
        x([1, 4, 4], {
          list: [1, 2, -Infinity, 0, 2, -Infinity, -Infinity, 0, 0, 1, -Infinity, -1, 1, 1, -Infinity, 3],
        }),
        ...sequences({ label: "", shape: [1, 4, 4], targets: [[1, 3]], frames: [4], lengths: [2] }).slice(1),
      ],
      (a, t, frames, lengths) => ctc.ctcLoss(a, t, frames, lengths),
      kinks,
    ),
    define("over log-softmax", sequences(SEQUENCES[4]), (a, t, frames, lengths) =>
      ctc.ctcLoss(act.logSoftmax(a), t, frames, lengths),
    ),
    define(
      "300 frames, 60 labels",
      sequences({
        label: "",
        shape: [2, 300, 12],
        targets: digits(2, 60),
        frames: [300, 251],
        lengths: [60, 55],
        fill: [-9, 9],
      }),
      (a, t, frames, lengths) => ctc.ctcLoss(a, t, frames, lengths),
    ),
  ],
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
} satisfies Partial<Record<OpName, readonly Case[]>>;

/** Cases of recurrent layers: sizes that fill panels of weights and that do not, both directions, every part, lengths. */

import { add, mul } from "../../../src/engine/ops/elementwise.ts";
import { embedding } from "../../../src/engine/ops/gather.ts";
import { concat } from "../../../src/engine/ops/movement.ts";
import {
  type CellName,
  cellSizes,
  gru,
  gruOp,
  lstm,
  lstmOp,
  type RecurrenceAttrs,
  type RecurrentAttrs,
  type RecurrentPart,
  recurrenceGradOp,
  recurrenceOp,
} from "../../../src/engine/ops/recurrent.ts";
import { sum } from "../../../src/engine/ops/reduce.ts";
import { apply, type Tensor } from "../../../src/engine/tensor.ts";
import { type Case, type CaseInput, define, ints, w, x } from "./case.ts";

interface Sizes {
  readonly B: number;
  readonly T: number;
  readonly I: number;
  readonly H: number;
}

/** More samples than a tile of rows, or than a block; units in whole panels of 8 and 16, more, fewer; one of everything. */
const SIZES: readonly Sizes[] = [
  { B: 3, T: 4, I: 5, H: 8 },
  { B: 2, T: 3, I: 3, H: 16 },
  { B: 5, T: 2, I: 2, H: 7 },
  { B: 7, T: 3, I: 4, H: 21 },
  { B: 9, T: 5, I: 1, H: 3 },
  { B: 1, T: 1, I: 1, H: 1 },
  { B: 67, T: 2, I: 2, H: 4 },
  { B: 1, T: 6, I: 3, H: 12 },
];

const label = ({ B, T, I, H }: Sizes): string => `${B} samples, ${T} steps, ${I} → ${H}`;

/** Input, weights, both biases, states before the first step. */
function operands(cell: CellName, { B, T, I, H }: Sizes): CaseInput[] {
  const { gates, states } = cellSizes(cell);
  const bound = 2 / Math.sqrt(H);
  const weights = [w([gates * H, I]), w([gates * H, H], [-bound, bound]), w([gates * H]), w([gates * H])];
  return [x([B, T, I]), ...weights, ...Array.from({ length: states }, () => x([B, H]))];
}

/** Lengths of every kind: none, one, some and all steps. */
const lengthsFor = ({ B, T }: Sizes): CaseInput => ({
  ...ints([B], 0, 1),
  fill: { list: Array.from({ length: B }, (_, b) => [T, 0, Math.ceil(T / 2), 1][b % 4]) },
});

function layerCases(cell: CellName, parts: readonly RecurrentPart[]): Case[] {
  const op = cell === "lstm" ? lstmOp : gruOp;
  const build =
    (attrs: RecurrentAttrs) =>
    (...t: Tensor[]): Tensor =>
      apply(op, t, attrs);
  return SIZES.flatMap((sizes, i) => {
    const inputs = operands(cell, sizes);
    const part = parts[i % parts.length];
    const reverse = i % 2 === 1;
    const lengths = lengthsFor(sizes);
    return [
      define(label(sizes), inputs, build({ reverse: false, part: "output" })),
      define(`${label(sizes)}, ${part}${reverse ? ", reverse" : ""}`, inputs, build({ reverse, part })),
      define(`${label(sizes)}, lengths`, [...inputs, lengths], build({ reverse, part: "output" })),
      define(`${label(sizes)}, lengths, ${part}`, [...inputs, lengths], build({ reverse: !reverse, part })),
    ];
  });
}

const FIRST: Sizes = { B: 3, T: 4, I: 0, H: 8 };

/** The loop alone, on what the input gives to the gates. */
function loopCase(cell: CellName, reverse: boolean): Case {
  const { B, T, H } = FIRST;
  const { gates, states } = cellSizes(cell);
  const own = [x([B, T, gates * H]), w([gates * H, H], [-0.7, 0.7]), w([gates * H])];
  const first = Array.from({ length: states }, () => x([B, H]));
  return define(`${cell}${reverse ? ", reverse" : ""}`, [...own, ...first], (...t) =>
    apply<RecurrenceAttrs>(recurrenceOp, t, { cell, reverse, part: "output" }),
  );
}

function wayBackCase(cell: CellName, part: "input" | "recurrent" | "hidden" | "cell", of: RecurrentPart): Case {
  const { B, T, H } = FIRST;
  const { gates, kept } = cellSizes(cell);
  const g = x(of === "output" ? [B, T, H] : [B, H]);
  const inputs = [g, x([B, T, kept * H], [0.1, 0.9]), x([B, T, H]), w([gates * H, H], [-0.7, 0.7])];
  const build = (...t: Tensor[]): Tensor => apply(recurrenceGradOp, t, { cell, reverse: part === "hidden", of, part });
  return define(`${cell}: ${part} of ${of}`, inputs, build, { gradient: "none" });
}

export const recurrentCases = {
  lstm: layerCases("lstm", ["hidden", "cell", "output"]),
  gru: layerCases("gru", ["hidden", "output"]),
  recurrence: (["lstm", "gru"] as const).flatMap((cell) => [loopCase(cell, false), loopCase(cell, true)]),
  recurrenceGrad: [
    wayBackCase("lstm", "input", "output"),
    wayBackCase("lstm", "hidden", "cell"),
    wayBackCase("lstm", "cell", "hidden"),
    wayBackCase("gru", "input", "output"),
    wayBackCase("gru", "recurrent", "hidden"),
    wayBackCase("gru", "hidden", "output"),
  ],
};

const named = ([weightIh, weightHh, biasIh, biasHh]: readonly Tensor[]) => ({ weightIh, weightHh, biasIh, biasHh });

/** Several parts at once, and layers that read each other. */
export const recurrentFunctions: Readonly<Record<string, readonly Case[]>> = {
  recurrent: [
    define("all parts of an LSTM", operands("lstm", SIZES[3]), (input, ...t) => {
      const { output, hidden, cell } = lstm(input, named(t), { hidden: t[4], cell: t[5] });
      return add(sum(output, 1), mul(hidden, cell));
    }),
    define("all parts of a GRU", operands("gru", SIZES[3]), (input, ...t) => {
      const { output, hidden } = gru(input, named(t), { hidden: t[4] });
      return mul(sum(output, 1), hidden);
    }),
    define(
      "rows of a table, which are fewer than the steps, some out of range",
      [ints([3, 4], -1, 6), w([5, 2]), ...operands("lstm", { B: 3, T: 4, I: 2, H: 8 }).slice(1)],
      (index, table, ...t) => lstm(embedding(index, table), named(t), { hidden: t[4], cell: t[5] }).output,
    ),
    define(
      "rows of a table, a GRU",
      [ints([3, 4], -1, 6), w([5, 2]), ...operands("gru", { B: 3, T: 4, I: 2, H: 5 }).slice(1)],
      (index, table, ...t) => gru(embedding(index, table), named(t), { hidden: t[4] }).output,
    ),
    define("both directions", [...operands("lstm", SIZES[0]), lengthsFor(SIZES[0])], (input, ...t) => {
      const states = { hidden: t[4], cell: t[5] };
      const [there, back] = [false, true].map((reverse) => lstm(input, named(t), states, { lengths: t[6], reverse }));
      return concat([there.output, back.output], 2);
    }),
    define(
      "a layer on another, an LSTM on a GRU",
      [...operands("lstm", SIZES[0]), ...operands("gru", { ...SIZES[0], H: 5 }).slice(0, 5), x([3, 5])],
      (...t) => {
        const below = gru(t[7], named(t.slice(8, 12)), { hidden: t[12] });
        return lstm(below.output, named(t.slice(1, 5)), { hidden: t[5], cell: t[6] }).output;
      },
    ),
  ],
};

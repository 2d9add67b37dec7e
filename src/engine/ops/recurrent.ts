/**
 * Recurrent layers over time: LSTM (Hochreiter & Schmidhuber 1997, with forget gates) and GRU (Cho et al., arXiv 1406.1078),
 * with PyTorch's gates, order of gates and both biases. The product with the input is one matrix product over all steps;
 * what is left, the loop over the steps, is the primitive `recurrence`. Its gradient `recurrenceGrad` loops backwards and
 * gives what each step's products get, so that weights get theirs from one product over all steps.
 *
 * Letters: batch B, steps T, input features I, hidden units H, gates of a cell G.
 */
import { ShapeError } from "../errors.ts";
import { formatShape, type Shape, sameShape } from "../shape.ts";
import {
  apply,
  type Composite,
  type NdArray,
  type Primitive,
  type Reference,
  type Spec,
  type Tensor,
} from "../tensor.ts";
import { add, sigmoidOp } from "./elementwise.ts";
import { embedding, embeddingOp } from "./gather.ts";
import { linear, matmul } from "./matmul.ts";
import { reshape } from "./movement.ts";
import { requireRank, requireType } from "./op-helpers.ts";
import { sum } from "./reduce.ts";
import { oneOf, truth } from "./stored.ts";

/** What happens in one step: an LSTM's, with a hidden state and a cell state, or a GRU's, with a hidden state only. */
export type CellName = "lstm" | "gru";

/** Results of a recurrence: the hidden state of every step [B, T, H]; that after the last step, the cell state [B, H]. */
export type RecurrentPart = "output" | "hidden" | "cell";

/**
 * What a recurrence can be asked for. Calls that differ in nothing else are computed by one kernel. For the gradient: `trace`
 * [B, T, kept · H], the numbers that the way back needs, and `previous` [B, T, H], the hidden state before each step.
 */
export type RecurrencePart = RecurrentPart | "trace" | "previous";

export interface RecurrenceAttrs {
  readonly cell: CellName;
  /** Whether steps are taken from the last to the first. */
  readonly reverse: boolean;
  readonly part: RecurrencePart;
}

export interface RecurrenceGradAttrs {
  readonly cell: CellName;
  readonly reverse: boolean;
  /** Whose gradient comes in. */
  readonly of: RecurrentPart;
  /** Whose gradient is asked for: what the input or the hidden state gives to the gates [B, T, G · H], or a first state. */
  readonly part: "input" | "recurrent" | "hidden" | "cell";
}

/** The states of one unit. A GRU has no cell. */
interface States {
  readonly hidden: number;
  readonly cell: number;
}

/** A cell's step for one unit, forwards and backwards: the specification. Gates are in PyTorch's order. */
interface CellRule {
  /** Number of gates. */
  readonly gates: number;
  /** Number of states: the hidden one, and maybe the cell's. */
  readonly states: number;
  /** Numbers of each unit that the way back needs. */
  readonly kept: number;
  /** @param x what the input gives to each gate; @param q what the hidden state gives; @returns also what is kept */
  step(x: readonly number[], q: readonly number[], before: States): { readonly after: States; readonly kept: number[] };
  /**
   * @param d gradients of the states after the step
   * @returns gradients of x, of q, and of the states before it, where these have an influence besides q
   */
  back(
    d: States,
    kept: readonly number[],
    previous: number,
  ): { readonly x: number[]; readonly q: number[]; readonly before: States };
}

const sigmoid = sigmoidOp.scalar({});

const CELL_RULES: Readonly<Record<CellName, CellRule>> = {
  // i, f, o = σ(x + q); g = tanh(x + q); c' = f·c + i·g; h' = o·tanh(c')
  lstm: {
    gates: 4,
    states: 2,
    kept: 5,
    step: (x, q, { cell }) => {
      const [i, f, g, o] = x.map((value, gate) => (gate === 2 ? Math.tanh : sigmoid)(value + q[gate]));
      const next = f * cell + i * g;
      return { after: { hidden: o * Math.tanh(next), cell: next }, kept: [i, f, g, o, cell] };
    },
    back: ({ hidden, cell }, [i, f, g, o, before]) => {
      const t = Math.tanh(f * before + i * g);
      const d = cell + hidden * o * (1 - t * t);
      const x = [d * g * i * (1 - i), d * before * f * (1 - f), d * i * (1 - g * g), hidden * t * o * (1 - o)];
      return { x, q: x, before: { hidden: 0, cell: d * f } };
    },
  },
  // r, z = σ(x + q); n = tanh(x + r·q); h' = (1 − z)·n + z·h
  gru: {
    gates: 3,
    states: 1,
    kept: 4,
    step: (x, q, { hidden }) => {
      const [r, z] = [sigmoid(x[0] + q[0]), sigmoid(x[1] + q[1])];
      const n = Math.tanh(x[2] + r * q[2]);
      return { after: { hidden: (1 - z) * n + z * hidden, cell: 0 }, kept: [r, z, n, q[2]] };
    },
    back: ({ hidden: d }, [r, z, n, q], previous) => {
      const dn = d * (1 - z) * (1 - n * n);
      const x = [dn * q * r * (1 - r), d * (previous - n) * z * (1 - z), dn];
      return { x, q: [x[0], x[1], dn * r], before: { hidden: d * z, cell: 0 } };
    },
  },
};

/** Sizes of a cell, for kernels. */
export const cellSizes = (cell: CellName): Pick<CellRule, "gates" | "states" | "kept"> => CELL_RULES[cell];

/** Whether step t of a sample counts: it lies before the sample's length. */
const isStep = (lengths: NdArray | undefined, b: number, t: number): boolean =>
  lengths === undefined || t < lengths.data[b];

/** Steps in the order in which they are taken. */
const stepsOf = (T: number, reverse: boolean): number[] =>
  Array.from({ length: T }, (_, s) => (reverse ? T - 1 - s : s));

/**
 * The loop over the steps: what the input gives to the gates [B, T, G·H], weight [G·H, H], bias [G·H], the first hidden
 * state [B, H], an LSTM's first cell state [B, H], and maybe int32 lengths [B]. Steps from a sample's length on leave its
 * state as it is and their output is 0, so that the other direction begins at its last step.
 */
export const recurrenceOp: Primitive<RecurrenceAttrs> = {
  name: "recurrence",
  infer: ([x, , , { shape: state }], { cell, part }) => {
    const [B, T] = x.shape;
    const H = state[1];
    const shapes = {
      output: [B, T, H],
      hidden: [B, H],
      cell: [B, H],
      trace: [B, T, CELL_RULES[cell].kept * H],
      previous: [B, T, H],
    } satisfies Record<RecurrencePart, Shape>;
    return { shape: shapes[part], dtype: "float32" };
  },
  batch: ([x, weight, bias]) => (x && !weight && !bias ? "map" : "whole"),
  wholeShare: true,
  gradient: (g, { inputs, attrs: { cell, reverse, part: of } }) => {
    if (of === "trace" || of === "previous") return []; // read by gradients only, and those have none
    const [, weight] = inputs;
    const lengths = inputs.slice(3 + CELL_RULES[cell].states);
    const part = (name: RecurrencePart): Tensor => apply(recurrenceOp, inputs, { cell, reverse, part: name });
    const previous = part("previous");
    const back = (name: RecurrenceGradAttrs["part"]): Tensor =>
      apply(recurrenceGradOp, [g, part("trace"), previous, weight, ...lengths], { cell, reverse, of, part: name });
    const dx = back("input");
    const dq = cell === "gru" ? back("recurrent") : dx; // an LSTM adds both up
    const rows = reshape(dq, [-1, dq.shape[2]]); // [B·T, G·H]
    const dWeight = matmul(rows, reshape(previous, [-1, previous.shape[2]]), { transposeA: true });
    return [dx, dWeight, sum(rows, [0]), back("hidden"), ...(cell === "lstm" ? [back("cell")] : [])];
  },
};

export const recurrenceReference: Reference<RecurrenceAttrs> = (
  [x, weight, bias, ...rest],
  output,
  { cell, reverse, part },
) => {
  const { gates: G, states, kept, step } = CELL_RULES[cell];
  const [B, T] = x.shape;
  const H = rest[0].shape[1];
  const [hidden0, cell0] = rest.slice(0, states);
  const lengths: NdArray | undefined = rest[states];
  for (let b = 0; b < B; b++) {
    let h = Array.from({ length: H }, (_, j) => hidden0.data[b * H + j]);
    let c = Array.from({ length: H }, (_, j) => (states > 1 ? cell0.data[b * H + j] : 0));
    for (const t of stepsOf(T, reverse)) {
      if (!isStep(lengths, b, t)) continue;
      const row = b * T + t;
      const product = Array.from({ length: G * H }, (_, k) =>
        h.reduce((total, value, j) => total + value * weight.data[k * H + j], bias.data[k]),
      );
      const units = h.map((hidden, j) => {
        const gates = Array.from({ length: G }, (_, gate) => gate * H + j);
        return step(
          gates.map((k) => x.data[row * G * H + k]),
          gates.map((k) => product[k]),
          { hidden, cell: c[j] },
        );
      });
      if (part === "previous") output.data.set(h, row * H);
      h = units.map(({ after }) => after.hidden);
      c = units.map(({ after }) => after.cell);
      if (part === "output") output.data.set(h, row * H);
      if (part === "trace") {
        for (const [j, unit] of units.entries()) {
          for (const [k, value] of unit.kept.entries()) output.data[(row * kept + k) * H + j] = value;
        }
      }
    }
    if (part === "hidden") output.data.set(h, b * H);
    if (part === "cell") output.data.set(c, b * H);
  }
};

/**
 * The gradient of a recurrence: the gradient of one of its results, its trace, its hidden states before each step, the
 * weight, and the lengths if it has any.
 */
export const recurrenceGradOp: Primitive<RecurrenceGradAttrs> = {
  name: "recurrenceGrad",
  infer: ([, , { shape: previous }], { cell, part }) => {
    const [B, T, H] = previous;
    const G = CELL_RULES[cell].gates;
    return { shape: part === "input" || part === "recurrent" ? [B, T, G * H] : [B, H], dtype: "float32" };
  },
  batch: ([g, trace, previous, weight]) => (g && trace && previous && !weight ? "map" : "whole"),
  wholeShare: true,
  gradient: null,
};

export const recurrenceGradReference: Reference<RecurrenceGradAttrs> = (
  [g, trace, previous, weight, lengths],
  output,
  { cell, reverse, of, part },
) => {
  const { gates: G, kept, back } = CELL_RULES[cell];
  const [B, T, H] = previous.shape;
  for (let b = 0; b < B; b++) {
    const given = (name: RecurrentPart): number[] =>
      Array.from({ length: H }, (_, j) => (of === name ? g.data[b * H + j] : 0));
    let dh = given("hidden");
    let dc = given("cell");
    for (const t of stepsOf(T, !reverse)) {
      if (!isStep(lengths, b, t)) continue;
      const row = b * T + t;
      const units = dh.map((hidden, j) => {
        const own = of === "output" ? g.data[row * H + j] : 0;
        const numbers = Array.from({ length: kept }, (_, k) => trace.data[(row * kept + k) * H + j]);
        return back({ hidden: hidden + own, cell: dc[j] }, numbers, previous.data[row * H + j]);
      });
      dc = units.map(({ before }) => before.cell);
      dh = units.map(({ before }, j) => {
        let total = before.hidden;
        for (let gate = 0; gate < G; gate++) {
          units.forEach(({ q }, unit) => {
            total += q[gate] * weight.data[(gate * H + unit) * H + j];
          });
        }
        return total;
      });
      if (part !== "input" && part !== "recurrent") continue;
      units.forEach(({ x, q }, j) => {
        (part === "input" ? x : q).forEach((value, gate) => {
          output.data[(row * G + gate) * H + j] = value;
        });
      });
    }
    if (part === "hidden") output.data.set(dh, b * H);
    if (part === "cell") output.data.set(dc, b * H);
  }
};

export interface RecurrentAttrs {
  /** Whether steps are taken from the last to the first. */
  readonly reverse: boolean;
  readonly part: RecurrentPart;
}

/** One layer and direction: input [B, T, I], weight_ih [G·H, I], weight_hh [G·H, H], both biases [G·H], states, lengths. */
function recurrent(cell: CellName, kind: string): Composite<RecurrentAttrs> {
  const { states } = CELL_RULES[cell];
  return {
    name: cell,
    layer: { kind },
    stored: {
      inputs: [5 + states, 6 + states],
      attrs: { reverse: truth, part: oneOf("output", "hidden", ...(states > 1 ? ["cell"] : [])) },
    },
    infer: (inputs, { part }) => {
      const { B, T, H } = checkedSizes(cell, inputs, states);
      if (part === "cell" && states < 2) throw new ShapeError(`${cell}: it has no cell state; ask for the hidden one`);
      return { shape: part === "output" ? [B, T, H] : [B, H], dtype: "float32" };
    },
    body: ([x, weightIh, weightHh, biasIh, biasHh, ...rest], attrs) => {
      const gates = productWithInput(x, weightIh);
      // Where all gates add up what input and hidden state give, both biases are one.
      const [given, bias] = cell === "lstm" ? [gates, add(biasIh, biasHh)] : [add(gates, biasIh), biasHh];
      return apply(recurrenceOp, [given, weightHh, bias, ...rest], { cell, ...attrs });
    },
  };
}

/**
 * What the input gives to the gates of all steps, [B, T, I] × [I, G·H]. Where it is looked up in a table with fewer rows than
 * there are steps, the rows of the table are multiplied instead, and the products are looked up.
 */
function productWithInput(x: Tensor, weight: Tensor): Tensor {
  const [B, T] = x.shape;
  if (x.op.name === embeddingOp.name) {
    const [table, index] = x.inputs;
    if (table.shape[0] < B * T) return embedding(index, matmul(table, weight, { transposeB: true }));
  }
  return linear(x, weight);
}

function checkedSizes(cell: CellName, inputs: readonly Spec[], states: number): { B: number; T: number; H: number } {
  const G = CELL_RULES[cell].gates;
  const [x, weightIh, weightHh, biasIh, biasHh, ...rest] = inputs;
  requireType(cell, x, "float32");
  requireRank(cell, x, 3, "[batch, time, features]");
  const [B, T, I] = x.shape;
  const H = weightHh.shape.at(-1) ?? 0;
  const wanted: readonly (readonly [role: string, spec: Spec, shape: Shape])[] = [
    ["weight_ih", weightIh, [G * H, I]],
    ["weight_hh", weightHh, [G * H, H]],
    ["bias_ih", biasIh, [G * H]],
    ["bias_hh", biasHh, [G * H]],
    ...rest.slice(0, states).map((spec, i) => [["hidden", "cell"][i], spec, [B, H]] as const),
  ];
  for (const [role, spec, shape] of wanted) {
    if (!sameShape(spec.shape, shape) || spec.dtype !== "float32") {
      throw new ShapeError(
        `${cell}: ${role} is ${spec.dtype} ${formatShape(spec.shape)} but must be float32 ${formatShape(shape)} for an input ${formatShape(x.shape)} and ${H} hidden units`,
      );
    }
  }
  const lengths = rest.at(states);
  if (lengths !== undefined && (!sameShape(lengths.shape, [B]) || lengths.dtype !== "int32")) {
    throw new ShapeError(
      `${cell}: lengths are ${lengths.dtype} ${formatShape(lengths.shape)} but must be int32 [${B}], one for each sample`,
    );
  }
  return { B, T, H };
}

export const lstmOp = recurrent("lstm", "LSTM");
export const gruOp = recurrent("gru", "GRU");

/** The weights of one layer and direction, with PyTorch's shapes and order of gates; G is 4 (i f g o) or 3 (r z n). */
export interface RecurrentWeights {
  /** [G · hidden, features]. */
  readonly weightIh: Tensor;
  /** [G · hidden, hidden]. */
  readonly weightHh: Tensor;
  /** [G · hidden]. */
  readonly biasIh: Tensor;
  /** [G · hidden]. */
  readonly biasHh: Tensor;
}

/** How a sequence is gone through. */
export interface RecurrentOptions {
  /** int32 [batch]: steps from a sample's length on count for nothing. Default: all steps count. */
  readonly lengths?: Tensor | undefined;
  /** Steps from the last to the first, as the second direction of a bidirectional layer. Default false. */
  readonly reverse?: boolean | undefined;
}

function parts<P extends RecurrentPart>(
  op: Composite<RecurrentAttrs>,
  x: Tensor,
  { weightIh, weightHh, biasIh, biasHh }: RecurrentWeights,
  states: readonly Tensor[],
  { lengths, reverse = false }: RecurrentOptions,
  names: readonly P[],
): Record<P, Tensor> {
  const inputs = [x, weightIh, weightHh, biasIh, biasHh, ...states, ...(lengths === undefined ? [] : [lengths])];
  return Object.fromEntries(names.map((part) => [part, apply(op, inputs, { reverse, part })])) as Record<P, Tensor>;
}

/**
 * One direction of one LSTM layer, as torch.nn.LSTM with batch_first: input [batch, time, features].
 * @param states before the first step, each [batch, hidden]
 * @returns output [batch, time, hidden], and the states after the last step that counts
 * @throws ShapeError when shapes do not fit
 */
export function lstm(
  x: Tensor,
  weights: RecurrentWeights,
  states: { readonly hidden: Tensor; readonly cell: Tensor },
  options: RecurrentOptions = {},
): Record<RecurrentPart, Tensor> {
  return parts(lstmOp, x, weights, [states.hidden, states.cell], options, ["output", "hidden", "cell"]);
}

/**
 * One direction of one GRU layer, as torch.nn.GRU with batch_first: input [batch, time, features].
 * @param states before the first step: hidden [batch, hidden]
 * @returns output [batch, time, hidden], and the state after the last step that counts
 * @throws ShapeError when shapes do not fit
 */
export function gru(
  x: Tensor,
  weights: RecurrentWeights,
  states: { readonly hidden: Tensor },
  options: RecurrentOptions = {},
): Record<"output" | "hidden", Tensor> {
  return parts(gruOp, x, weights, [states.hidden], options, ["output", "hidden"]);
}

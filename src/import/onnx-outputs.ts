/**
 * From the outputs of a network made elsewhere to logits, which is what Ductus works with: it applies the softmax itself.
 * Networks end in logits, in a softmax, in sigmoids, or in probabilities worked out in another way. Which of these it is
 * is read from the ops that make the outputs; where they do not tell, onnx-classifier.ts looks at numbers.
 */
import { computePlainly } from "../engine/backends/reference/loops.ts";
import { type AxisAttrs, type ClampAttrs, clamp, logSoftmax, softplus } from "../engine/ops/activation.ts";
import { type ConstantAttrs, constant } from "../engine/ops/constant.ts";
import { add, log, maximum, mul, neg, sub } from "../engine/ops/elementwise.ts";
import { type ConcatAttrs, concat, type GridAttrs, slice } from "../engine/ops/movement.ts";
import type { ReduceAttrs } from "../engine/ops/reduce.ts";
import { sameShape } from "../engine/shape.ts";
import { apply, type NdArray, type Tensor } from "../engine/tensor.ts";

/** What the outputs of a network are. */
export interface OutputKind {
  /** What the user should know, one sentence; undefined when there is nothing to say. */
  readonly note: string | undefined;
  /** [batch, outputs] → logits [batch, classes]. */
  logits(outputs: Tensor): Tensor;
}

const logitsOfShares = (outputs: Tensor): Tensor =>
  throughMoves(outputs, (core, axis) => withoutShift(logarithm(core), axis));

export const OUTPUT_KINDS = {
  logits: {
    note: undefined,
    // ln p of a p that underflows is −∞, which cannot be trained on.
    logits: (outputs) => throughMoves(outputs, (core) => (core.op.name === "log" ? logarithm(core.inputs[0]) : core)),
  },
  softmax: { note: "the softmax at the end was left out: Ductus works with logits", logits: logitsOfShares },
  probabilities: {
    note: "its outputs are probabilities, but it ends in no softmax that Ductus knows; their logarithms are its logits",
    logits: logitsOfShares,
  },
  /** Numbers between 0 and 1 of which nothing tells what they are. */
  scores: {
    note: "its outputs lie between 0 and 1 but come from no softmax or sigmoid that Ductus knows; they are taken as logits",
    logits: (outputs) => outputs,
  },
  sigmoids: {
    note: "each class has a sigmoid of its own; its probability is that output divided by the sum of all",
    logits: (outputs) => throughMoves(outputs, (core) => logarithm(core)),
  },
  oneSigmoid: {
    note: "its one output is the probability of the second of two classes",
    logits: (outputs) => twoClasses(throughMoves(outputs, (core) => logOdds(core) ?? core)),
  },
  logOdds: { note: "its one output is taken as the log-odds of the second of two classes", logits: twoClasses },
} as const satisfies Readonly<Record<string, OutputKind>>;

export type OutputKindName = keyof typeof OUTPUT_KINDS;

/** What the ops say about traced outputs [batch, classes]; undefined where they say nothing. */
export function outputKindOf(outputs: Tensor): OutputKindName | undefined {
  const { core, axis } = beforeMoves(outputs);
  if (outputs.shape[1] === 1) return logOdds(core) === undefined ? undefined : "oneSigmoid";
  if (isShares(core, axis)) return "softmax";
  return logOdds(core) === undefined ? undefined : "sigmoids";
}

/** One log-odds z as the logits [0, z] of two classes: softmax gives 1 − σ(z) and σ(z). */
function twoClasses(odds: Tensor): Tensor {
  // Times 0, so that the zeros have a batch axis: [batch, 1] twice → [batch, 2]
  return concat([mul(odds, 0), odds], 1);
}

// Moves ----------------------------------------------------------------------------------------------------------------

const MOVES: ReadonlySet<string> = new Set(["reshape", "permute"]);

interface Core {
  /** What was computed last. */
  readonly core: Tensor;
  /** The axis of it that the classes run along, −1 where there is no such axis. */
  readonly axis: number;
  /** What moves its elements to their places in the outputs, the last move first. */
  readonly moves: readonly Tensor[];
}

/** Looks behind all that only moves elements. */
function beforeMoves(outputs: Tensor): Core {
  const moves: Tensor[] = [];
  let core = outputs;
  while (MOVES.has(core.op.name)) {
    moves.push(core);
    [core] = core.inputs;
  }
  // The number of each element, moved along: for one sample they must run along one axis.
  let numbers: NdArray = { shape: core.shape, data: Float64Array.from({ length: core.size }, (_, i) => i) };
  for (const move of moves.toReversed()) {
    const moved = { shape: move.shape, data: new Float64Array(core.size) };
    computePlainly(move, [numbers], moved);
    numbers = moved;
  }
  const classes = outputs.shape[1];
  const step = classes > 1 ? numbers.data[1] - numbers.data[0] : 0;
  const axis = core.shape.findIndex((dim, a) => dim === classes && strideOf(core, a) === step);
  const runs = numbers.data.every((number, i) => i % classes === 0 || number - numbers.data[i - 1] === step);
  return { core, axis: runs && step > 0 ? axis : -1, moves };
}

const strideOf = ({ shape }: Tensor, axis: number): number =>
  shape.slice(axis + 1).reduce((size, dim) => size * dim, 1);

/** The outputs with something else, of the same shape, where their core was. */
function throughMoves(outputs: Tensor, change: (core: Tensor, axis: number) => Tensor): Tensor {
  const { core, axis, moves } = beforeMoves(outputs);
  return moves.reduceRight((x, { op, attrs }) => apply(op, [x], attrs as never), change(core, axis));
}

// What ops say -----------------------------------------------------------------------------------------------------------

/** How far is looked back; products of products have very many factors. */
const DEPTH = 10;
/** Bounds this close to 0 and 1 keep logarithms finite and are nothing else. */
const MARGIN = 1e-6;

/** The number, where a tensor is one constant. */
function numberOf({ op, size, attrs }: Tensor): number | undefined {
  if (op.name !== "constant" || size !== 1) return undefined;
  const { value } = attrs as ConstantAttrs;
  return typeof value === "number" ? value : value[0];
}

/** The operand beside a constant that `fits`. */
function beside({ inputs: [a, b] }: Tensor, fits: (value: number) => boolean): Tensor | undefined {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (right !== undefined && fits(right)) return a;
  return left !== undefined && fits(left) ? b : undefined;
}

const is = (wanted: number) => (value: number) => Math.abs(value - wanted) < 1e-6;

const isWideClamp = ({ op, attrs }: Tensor): boolean => {
  const { min, max } = attrs as ClampAttrs;
  return op.name === "clamp" && min <= MARGIN && max >= 1 - MARGIN;
};

/** Whether the elements along an axis are shares of a whole: none below 0, and their sum the same for all samples. */
function isShares(x: Tensor, axis: number, depth = DEPTH): boolean {
  if (axis < 0 || depth === 0) return false;
  const [a, b] = x.inputs;
  switch (x.op.name) {
    case "softmax":
      return (x.attrs as AxisAttrs).axis === axis;
    case "exp":
      return a.op.name === "logSoftmax" && (a.attrs as AxisAttrs).axis === axis;
    case "slice":
      return isShares(a, axis, depth - 1);
    case "clamp":
      return isWideClamp(x) && isShares(a, axis, depth - 1);
    case "mul": {
      const other = beside(x, (value) => value > 0);
      if (other !== undefined) return isShares(other, axis, depth - 1);
      return [
        [a, b],
        [b, a],
      ].some(
        ([part, inverse]) =>
          inverse.op.name === "div" &&
          is(1)(numberOf(inverse.inputs[0]) ?? 0) &&
          isPositive(part) &&
          isSumOf(inverse.inputs[1], part, axis),
      );
    }
    case "div": {
      const divisor = numberOf(b);
      if (divisor !== undefined) return divisor > 0 && isShares(a, axis, depth - 1);
      return isPositive(a) && isSumOf(b, a, axis);
    }
    case "concat":
      return (
        (x.attrs as ConcatAttrs).axis === axis &&
        x.inputs.length === 2 &&
        logOdds(a) !== undefined &&
        (complementOf(a) === b || complementOf(b) === a)
      );
    default:
      return false;
  }
}

/** The p of 1 − p. */
function complementOf(x: Tensor): Tensor | undefined {
  const [a, b] = x.inputs;
  if (x.op.name === "reshape") {
    const inner = complementOf(a);
    return inner && sameShape(inner.shape, x.shape) ? inner : undefined;
  }
  if (x.op.name === "sub") return is(1)(numberOf(a) ?? 0) ? b : undefined;
  const negative = x.op.name === "add" ? beside(x, is(1)) : undefined;
  return negative?.op.name === "neg" ? negative.inputs[0] : undefined;
}

/** Whether a tensor is the sum of another along an axis, kept away from 0 or not. */
function isSumOf(sum: Tensor, part: Tensor, axis: number): boolean {
  let found = sum;
  for (let i = 0; i < DEPTH; i++) {
    const { op, inputs, attrs } = found;
    if (op.name === "sum") {
      const { axes } = attrs as ReduceAttrs;
      const [summed] = inputs;
      const isPart = summed === part || (summed.op.name === "abs" && summed.inputs[0] === part);
      return isPart && axes.length === 1 && axes[0] === axis;
    }
    const next =
      op.name === "add" || op.name === "maximum" ? beside(found, (value) => value >= 0 && value < 1e-3) : inputs[0];
    if (next === undefined || !PASSING.has(op.name)) return false;
    found = next;
  }
  return false;
}

const PASSING: ReadonlySet<string> = new Set(["reshape", "permute", "expand", "clamp", "add", "maximum"]);

/** Ops that are never below 0, and those that are not when none of their operands is. */
const POSITIVE: ReadonlySet<string> = new Set(["exp", "sigmoid", "softmax", "softplus", "abs", "relu", "sqrt"]);
const KEEPS_SIGN: ReadonlySet<string> = new Set(
  "reshape permute slice expand concat sum max add mul div maximum minimum".split(" "),
);

function isPositive(x: Tensor, depth = DEPTH): boolean {
  if (depth === 0) return false;
  if (POSITIVE.has(x.op.name) || (numberOf(x) ?? -1) >= 0) return true;
  if (x.op.name === "clamp" && (x.attrs as ClampAttrs).min >= 0) return true;
  if (x.op.name === "mul" && x.inputs[0] === x.inputs[1]) return true;
  if (KEEPS_SIGN.has(x.op.name)) return x.inputs.every((input) => isPositive(input, depth - 1));
  return logOdds(x) !== undefined;
}

// Logarithms -------------------------------------------------------------------------------------------------------------

/** The smallest normal number: what 0 counts as. */
const TINY = 2 ** -126;

/** ln x, worked out where x is made, so that nothing underflows on the way. */
function logarithm(x: Tensor, depth = DEPTH): Tensor {
  const inner = (input: Tensor): Tensor => logarithm(input, depth - 1);
  const [a, b] = x.inputs;
  const odds = depth > 0 ? logOdds(x) : undefined;
  if (odds !== undefined) return neg(softplus(neg(odds))); // ln σ(z) = −ln(1 + e^−z)
  const name = depth > 0 ? x.op.name : "";
  if (name === "exp") return a;
  if (name === "softmax") return logSoftmax(a, (x.attrs as AxisAttrs).axis);
  if (isWideClamp(x)) return inner(a);
  if (name === "constant" && (numberOf(x) ?? 0) > 0) return constant(Math.log(numberOf(x) ?? 1), "float32", x.shape);
  if (name === "mul" && isPositive(a) && isPositive(b)) return add(inner(a), inner(b));
  if (name === "div" && isPositive(a) && isPositive(b)) return sub(inner(a), inner(b));
  if (["reshape", "permute", "slice", "expand", "concat"].includes(name)) {
    return apply(x.op, x.inputs.map(inner), x.attrs as never);
  }
  return log(maximum(x, TINY));
}

/** What a softmax along an axis makes no difference of is left out: numbers added to all classes of a sample alike. */
function withoutShift(x: Tensor, axis: number): Tensor {
  if (axis < 0) return x;
  const isAlike = ({ shape }: Tensor): boolean => (shape[axis - (x.rank - shape.length)] ?? 1) === 1;
  const [a, b] = x.inputs;
  if (x.op.name === "logSoftmax" && (x.attrs as AxisAttrs).axis === axis) return a;
  const isSum = x.op.name === "add" || x.op.name === "sub";
  if (isSum && isAlike(b) && sameShape(a.shape, x.shape)) return withoutShift(a, axis);
  if (x.op.name === "add" && isAlike(a) && sameShape(b.shape, x.shape)) return withoutShift(b, axis);
  return x;
}

/** z where x is σ(z), however it is written; undefined where it is none. */
function logOdds(x: Tensor, depth = DEPTH): Tensor | undefined {
  if (depth === 0) return undefined;
  const [a, b] = x.inputs;
  const opposite = complementOf(x);
  if (opposite !== undefined) {
    const odds = logOdds(opposite, depth - 1);
    return odds && neg(odds);
  }
  switch (x.op.name) {
    case "sigmoid":
      return a;
    case "reshape":
    case "permute":
    case "expand": {
      const odds = logOdds(a, depth - 1);
      return odds && apply(x.op, [odds], x.attrs as never);
    }
    case "slice": {
      const odds = logOdds(a, depth - 1);
      return odds === undefined ? oneOfTwo(x) : apply(x.op, [odds], x.attrs as never);
    }
    case "clamp": {
      const odds = isWideClamp(x) ? logOdds(a, depth - 1) : undefined;
      if (odds !== undefined) return odds;
      const { min, max } = x.attrs as ClampAttrs;
      if (min < 0 || max > 1) return undefined;
      // A line between 0 and 1, held off both
      const p = clamp(x, MARGIN, 1 - MARGIN);
      return sub(log(p), log(sub(1, p)));
    }
    case "div": {
      const whole = halved(x);
      if (whole !== undefined) return logOdds(mul(whole, 0.5), depth - 1);
      // 1 / (1 + e^y), or e^y / (1 + e^y)
      const power = b.op.name === "add" ? beside(b, is(1)) : undefined;
      if (power?.op.name !== "exp") return undefined;
      if (a === power) return power.inputs[0];
      return is(1)(numberOf(a) ?? 0) ? neg(power.inputs[0]) : undefined;
    }
    case "add": {
      // ½ + ½ tanh y = σ(2y)
      const half = beside(x, is(0.5));
      const wave = half && halved(half);
      return wave?.op.name === "tanh" ? mul(wave.inputs[0], 2) : undefined;
    }
    case "mul": {
      // The same as (1 + tanh y) / 2
      const whole = halved(x);
      const wave = whole?.op.name === "add" ? beside(whole, is(1)) : undefined;
      return wave?.op.name === "tanh" ? mul(wave.inputs[0], 2) : undefined;
    }
    default:
      return undefined;
  }
}

/** The y of ½y, multiplied or divided. */
const halved = (x: Tensor): Tensor | undefined => {
  if (x.op.name === "mul") return beside(x, is(0.5));
  return x.op.name === "div" && is(2)(numberOf(x.inputs[1]) ?? 0) ? x.inputs[0] : undefined;
};

/** One class of a softmax over two: p₁ = σ(z₁ − z₀). */
function oneOfTwo(x: Tensor): Tensor | undefined {
  const [p] = x.inputs;
  const { starts, shape } = x.attrs as GridAttrs;
  if (p.op.name !== "softmax") return undefined;
  const { axis } = p.attrs as AxisAttrs;
  const isOneClass = p.shape[axis] === 2 && shape.every((dim, a) => dim === (a === axis ? 1 : p.shape[a]));
  if (!isOneClass) return undefined;
  const [z] = p.inputs;
  const [own, other] = [starts[axis], 1 - starts[axis]].map((start) =>
    slice(
      z,
      z.shape.map((_, a) => (a === axis ? { start, end: start + 1 } : {})),
    ),
  );
  return sub(own, other);
}

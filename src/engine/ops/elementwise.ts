/**
 * Elementwise ops: one number in, one number out, with NumPy broadcasting. A record holds the scalar function (the
 * specification) and the gradient as one line of calculus; broadcasting is undone in autodiff.ts, not here. The wasm
 * backend fuses chains of these into one loop.
 */
import type { DType } from "../dtype.ts";
import { ShapeError } from "../errors.ts";
import { broadcastShapes, broadcastStrides, formatShape } from "../shape.ts";
import { apply, type Call, type LayerRole, type Primitive, type Reference, type Spec, Tensor } from "../tensor.ts";
import { constant } from "./constant.ts";
import { mapAligned, NO_ATTRS, type NoAttrs, walk } from "./op-helpers.ts";
import { oneOf, plain } from "./stored.ts";

/** Gradient of an elementwise op: output gradient g, output y, then the inputs. */
type Rule = (g: Tensor, y: Tensor, ...inputs: Tensor[]) => readonly (Tensor | undefined)[];

interface ElementwiseRecord {
  readonly name: string;
  readonly layer?: LayerRole | undefined;
  readonly scalar: (...x: number[]) => number;
  readonly gradient: Rule | null;
  readonly infer?: ((inputs: readonly Spec[]) => Spec) | undefined;
}

/** An elementwise op also shows its scalar function, for constant folding and the reference loop. */
export interface ElementwiseOp<A extends object = NoAttrs> extends Primitive<A> {
  readonly scalar: (attrs: A) => (...x: number[]) => number;
}

/** The reference loop of an elementwise op: its scalar function for each element, operands broadcast. */
export function elementwiseReference<A extends object>(op: ElementwiseOp<A>): Reference<A> {
  return (inputs, output, attrs) => {
    const scalar = op.scalar(attrs);
    const strides = inputs.map((input) => broadcastStrides(input.shape, output.shape));
    walk(output.shape, strides, (n, at) => {
      output.data[n] = scalar(...inputs.map((input, i) => input.data[at[i]]));
    });
  };
}

function elementwise(record: ElementwiseRecord): ElementwiseOp {
  const { name, scalar, gradient, layer } = record;
  return {
    name,
    layer,
    stored: plain(scalar.length),
    scalar: () => scalar,
    infer: record.infer ?? ((inputs) => sameTypes(name, inputs)),
    batch: mapAligned as ElementwiseOp["batch"],
    gradient: gradient && ((g, { inputs, output }: Call<NoAttrs>) => gradient(g, output, ...inputs)),
  };
}

function sameTypes(name: string, inputs: readonly Spec[]): Spec {
  const [{ dtype }] = inputs;
  for (const input of inputs) {
    if (input.dtype !== dtype || dtype === "uint8") {
      const found = inputs.map((x) => `${x.dtype} ${formatShape(x.shape)}`).join(" and ");
      throw new ShapeError(`${name}: cannot mix or compute with ${found}; cast to float32 first`);
    }
  }
  return {
    shape: broadcastShapes(
      name,
      inputs.map((x) => x.shape),
    ),
    dtype,
  };
}

function floatOnly(name: string, inputs: readonly Spec[]): Spec {
  const spec = sameTypes(name, inputs);
  if (spec.dtype !== "float32") throw new ShapeError(`${name}: input is ${spec.dtype}; cast to float32 first`);
  return spec;
}

const unary = (name: string, kind: string, scalar: (x: number) => number, gradient: Rule | null): ElementwiseOp =>
  elementwise({ name, layer: { kind }, scalar, gradient, infer: (inputs) => floatOnly(name, inputs) });

const comparison = (name: string, scalar: (a: number, b: number) => number): ElementwiseOp =>
  elementwise({
    name,
    scalar,
    gradient: null,
    infer: (inputs) => ({ shape: sameTypes(name, inputs).shape, dtype: "int32" }),
  });

const arithmetic = (kind: string): LayerRole => ({ kind, isArithmetic: true });

// Unary ---------------------------------------------------------------------------------------------------------------

export const negOp = elementwise({
  name: "neg",
  layer: arithmetic("Neg"),
  scalar: (x) => -x,
  gradient: (g) => [neg(g)],
});
// d|x| = sign(x), 0 at 0
export const absOp = elementwise({
  name: "abs",
  layer: { kind: "Abs" },
  scalar: Math.abs,
  gradient: (g, _, x) => [mul(g, sub(cast(gt(x, 0), "float32"), cast(lt(x, 0), "float32")))],
});
// d e^x = e^x
export const expOp = unary("exp", "Exp", Math.exp, (g, y) => [mul(g, y)]);
// d ln x = 1/x
export const logOp = unary("log", "Log", Math.log, (g, _, x) => [div(g, x)]);
// d √x = 1/(2√x)
export const sqrtOp = unary("sqrt", "Sqrt", Math.sqrt, (g, y) => [div(mul(g, 0.5), y)]);
// d tanh x = 1 − tanh²x
export const tanhOp = unary("tanh", "Tanh", Math.tanh, (g, y) => [mul(g, sub(1, mul(y, y)))]);
// d σ = σ(1 − σ)
export const sigmoidOp = unary(
  "sigmoid",
  "Sigmoid",
  (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  (g, y) => [mul(g, mul(y, sub(1, y)))],
);
// d relu = [y > 0]; y is kept anyway, x may be gone
export const reluOp = unary(
  "relu",
  "ReLU",
  (x) => Math.max(x, 0),
  (g, y) => [where(gt(y, 0), g, 0)],
);
// d erf x = 2/√π · e^(−x²)
export const erfOp = unary("erf", "Erf", erfScalar, (g, _, x) => [
  mul(g, mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI))),
]);

/** The same number, but no gradient flows through it. */
export const detachOp = elementwise({ name: "detach", scalar: (x) => x, gradient: null });

// Binary --------------------------------------------------------------------------------------------------------------

export const addOp = elementwise({
  name: "add",
  layer: arithmetic("Add"),
  scalar: (a, b) => a + b,
  gradient: (g) => [g, g],
});
export const subOp = elementwise({
  name: "sub",
  layer: arithmetic("Sub"),
  scalar: (a, b) => a - b,
  gradient: (g) => [g, neg(g)],
});
export const mulOp = elementwise({
  name: "mul",
  layer: arithmetic("Mul"),
  scalar: (a, b) => a * b,
  gradient: (g, _, a, b) => [mul(g, b), mul(g, a)],
});
// d(a/b) = da/b − (a/b)·db/b
export const divOp = elementwise({
  name: "div",
  layer: arithmetic("Div"),
  scalar: (a, b) => a / b,
  gradient: (g, y, _, b) => [div(g, b), neg(div(mul(g, y), b))],
  infer: (inputs) => floatOnly("div", inputs),
});
// d a^b = b·a^(b−1)·da + a^b·ln a·db, and 0 for db where a ≤ 0 (as PyTorch at 0)
export const powOp = elementwise({
  name: "pow",
  layer: { kind: "Pow" },
  scalar: (a, b) => a ** b,
  gradient: (g, y, a, b) => [
    mul(g, where(eq(b, 0), 0, mul(b, pow(a, sub(b, 1))))),
    mul(g, where(gt(a, 0), mul(y, log(where(gt(a, 0), a, 1))), 0)),
  ],
  infer: (inputs) => floatOnly("pow", inputs),
});
// At ties each side gets half, as in PyTorch.
export const maximumOp = elementwise({
  name: "maximum",
  layer: { kind: "Maximum" },
  scalar: Math.max,
  gradient: (g, _, a, b) => [mul(g, preference(a, b)), mul(g, preference(b, a))],
});
export const minimumOp = elementwise({
  name: "minimum",
  layer: { kind: "Minimum" },
  scalar: Math.min,
  gradient: (g, _, a, b) => [mul(g, preference(b, a)), mul(g, preference(a, b))],
});

/** 1 where a > b, ½ where they are equal, 0 elsewhere. */
function preference(a: Tensor, b: Tensor): Tensor {
  return where(gt(a, b), 1, where(eq(a, b), 0.5, 0));
}

// Comparisons give int32 0 or 1 -----------------------------------------------------------------------------------------

export const eqOp = comparison("eq", (a, b) => Number(a === b));
export const neOp = comparison("ne", (a, b) => Number(a !== b));
export const ltOp = comparison("lt", (a, b) => Number(a < b));
export const leOp = comparison("le", (a, b) => Number(a <= b));
export const gtOp = comparison("gt", (a, b) => Number(a > b));
export const geOp = comparison("ge", (a, b) => Number(a >= b));

/** where(condition, a, b): a where the int32 condition is not 0, b elsewhere. */
export const whereOp = elementwise({
  name: "where",
  layer: { kind: "Where" },
  scalar: (condition, a, b) => (condition !== 0 ? a : b),
  gradient: (g, _, condition) => [undefined, where(condition, g, 0), where(condition, 0, g)],
  infer: ([condition, ...branches]) => {
    if (condition.dtype !== "int32") {
      throw new ShapeError(`where: condition is ${condition.dtype} but must be int32, the result of a comparison`);
    }
    const { dtype } = sameTypes("where", branches);
    return { shape: broadcastShapes("where", [condition.shape, ...branches.map((x) => x.shape)]), dtype };
  },
});

/** Conversion between element types; float32 → int32 rounds towards zero. */
export interface CastAttrs {
  readonly dtype: "float32" | "int32";
}

export const castOp: ElementwiseOp<CastAttrs> = {
  name: "cast",
  stored: { inputs: [1, 1], attrs: { dtype: oneOf("float32", "int32") } },
  scalar: ({ dtype }) => (dtype === "int32" ? Math.trunc : (x) => x),
  infer: ([x], { dtype }) => ({ shape: x.shape, dtype }),
  batch: mapAligned as ElementwiseOp<CastAttrs>["batch"],
  gradient: (g, { inputs: [x] }) => [x.dtype === "float32" ? g : undefined],
};

// Functions -----------------------------------------------------------------------------------------------------------

type Operand = Tensor | number;

/** Numbers become constants of the type of the tensors beside them. */
function operands(values: readonly Operand[]): Tensor[] {
  const dtype = values.find((value) => value instanceof Tensor)?.dtype ?? "float32";
  return values.map((value) =>
    value instanceof Tensor ? value : constant(value, dtype === "int32" ? "int32" : "float32"),
  );
}

const call = (op: ElementwiseOp, ...values: Operand[]): Tensor => apply(op, operands(values), NO_ATTRS);

/** −x. */
export const neg = (x: Tensor): Tensor => call(negOp, x);
/** |x|. */
export const abs = (x: Tensor): Tensor => call(absOp, x);
/** eˣ. */
export const exp = (x: Tensor): Tensor => call(expOp, x);
/** The natural logarithm; NaN below 0. */
export const log = (x: Tensor): Tensor => call(logOp, x);
/** The square root; NaN below 0. */
export const sqrt = (x: Tensor): Tensor => call(sqrtOp, x);
/** The hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => call(tanhOp, x);
/** 1 / (1 + e⁻ˣ), without overflow. */
export const sigmoid = (x: Tensor): Tensor => call(sigmoidOp, x);
/** The larger of x and 0. */
export const relu = (x: Tensor): Tensor => call(reluOp, x);
/** The same numbers, through which no gradient flows. */
export const detach = (x: Tensor): Tensor => call(detachOp, x);
export const erf = (x: Tensor): Tensor => call(erfOp, x);
/** a + b, broadcast as in NumPy. */
export const add = (a: Operand, b: Operand): Tensor => call(addOp, a, b);
/** a − b, broadcast as in NumPy. */
export const sub = (a: Operand, b: Operand): Tensor => call(subOp, a, b);
/** a · b, broadcast as in NumPy. */
export const mul = (a: Operand, b: Operand): Tensor => call(mulOp, a, b);
/** a + (b − a) · share: from a towards b, as torch.lerp. */
export const lerp = (a: Operand, b: Operand, share: Operand): Tensor => add(a, mul(sub(b, a), share));
/** a / b, broadcast as in NumPy. */
export const div = (a: Operand, b: Operand): Tensor => call(divOp, a, b);
/** a to the power b, broadcast. */
export const pow = (a: Operand, b: Operand): Tensor => call(powOp, a, b);
/** The larger of a and b, broadcast; NaN where one is NaN. */
export const maximum = (a: Operand, b: Operand): Tensor => call(maximumOp, a, b);
/** The smaller of a and b, broadcast; NaN where one is NaN. */
export const minimum = (a: Operand, b: Operand): Tensor => call(minimumOp, a, b);
/** 1 where a = b, else 0: int32. */
export const eq = (a: Operand, b: Operand): Tensor => call(eqOp, a, b);
/** 1 where a ≠ b, else 0: int32. */
export const ne = (a: Operand, b: Operand): Tensor => call(neOp, a, b);
/** 1 where a < b, else 0: int32. */
export const lt = (a: Operand, b: Operand): Tensor => call(ltOp, a, b);
/** 1 where a ≤ b, else 0: int32. */
export const le = (a: Operand, b: Operand): Tensor => call(leOp, a, b);
/** 1 where a > b, else 0: int32. */
export const gt = (a: Operand, b: Operand): Tensor => call(gtOp, a, b);
/** 1 where a ≥ b, else 0: int32. */
export const ge = (a: Operand, b: Operand): Tensor => call(geOp, a, b);

/** Elementwise choice; numbers among the branches take the type of the other branch. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const branches = operands([a, b]);
  return apply(whereOp, [condition, ...branches], NO_ATTRS);
}

/** Converts to another element type; nothing happens when it has that type already. */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return x;
  if (dtype === "uint8") throw new ShapeError("cast: uint8 is for inputs only; cast to float32 or int32");
  return apply(castOp, [x], { dtype });
}

/** erf to double precision: a Taylor series near 0, the continued fraction of erfc beyond (Abramowitz & Stegun 7.1.5, 7.1.14). */
function erfScalar(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 80 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + fraction) * Math.sqrt(Math.PI)));
}

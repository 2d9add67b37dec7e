/**
 * Folding, for programs whose parameters never change again (exported recognizers): what hangs on parameters alone is
 * computed now, and factors and shifts behind a convolution or a product move into its weights, so that batch
 * normalization disappears. A result that would take more memory than what it is made of (weights in Winograd's domain)
 * is left to the program. Unlike simplify.ts this changes roundings.
 */
import { computePlainly } from "../backends/reference/loops.ts";
import { add, mul, neg } from "../ops/elementwise.ts";
import { type MatmulAttrs, matmulOp } from "../ops/matmul.ts";
import { sizeOf } from "../shape.ts";
import { type NdArray, Parameter, type Tensor } from "../tensor.ts";
import { rewrite, withInputs } from "./rewrite.ts";
import { scalarOf } from "./simplify.ts";

/** Computes ahead what can be; to be run on primitive ops. Parameters are replaced by new ones, never changed. */
export function foldParameters(roots: readonly Tensor[]): Tensor[] {
  return rewrite(roots, (tensor) => evaluated(RULES[tensor.op.name]?.(tensor) ?? tensor));
}

const isKnown = (tensor: Tensor): boolean => tensor instanceof Parameter || tensor.op.name === "constant";

/** Whether a known tensor holds one number for all, or one for each entry of the last axis. */
const isVector = (tensor: Tensor): boolean => isKnown(tensor) && tensor.size === (tensor.shape.at(-1) ?? 1);

/** An op on known tensors becomes a parameter with its result. */
function evaluated(tensor: Tensor): Tensor {
  const { inputs, dtype, shape, size } = tensor;
  if (inputs.length === 0 || dtype === "uint8" || !inputs.every(isKnown)) return tensor;
  if (size > inputs.reduce((total, input) => total + input.size, 0)) return tensor;
  const output: NdArray = { shape, data: dtype === "int32" ? new Int32Array(size) : new Float64Array(size) };
  computePlainly(tensor, inputs.map(numbersOf), output);
  return dtype === "int32"
    ? new Parameter<"int32">(shape, output.data as Int32Array, false)
    : new Parameter(shape, Float32Array.from(output.data), false);
}

function numbersOf(tensor: Tensor): NdArray {
  const { shape } = tensor;
  if (tensor instanceof Parameter) return { shape, data: tensor.data };
  const data = new Float64Array(sizeOf(shape));
  computePlainly(tensor, [], { shape, data });
  return { shape, data };
}

const known = (value: Tensor): Tensor => (isKnown(value) ? value : evaluated(value));

/** Of a sum or product, the operand that is known and the other; undefined unless one is a known vector. */
function split({ op, inputs: [a, b] }: Tensor): { x: Tensor; k: Tensor } | undefined {
  if (op.name !== "add" && op.name !== "mul") return undefined;
  if (isVector(b) && !isKnown(a)) return { x: a, k: b };
  return isVector(a) && !isKnown(b) ? { x: b, k: a } : undefined;
}

/** The sum or product of two known vectors, where that is one again. */
function joined(op: typeof add, a: Tensor, b: Tensor): Tensor | undefined {
  const result = known(op(a, b));
  return isKnown(result) ? result : undefined;
}

const RULES: Readonly<Record<string, (tensor: Tensor) => Tensor>> = {
  // x − k = x + (−k)
  sub: (tensor) => {
    const [x, k] = tensor.inputs;
    if (!isVector(k) || isKnown(x)) return tensor;
    return RULES.add(add(x, known(neg(k))));
  },
  // (x + j) + k = x + (j + k)
  add: (tensor) => {
    const outer = split(tensor);
    const inner = outer?.x.op.name === "add" ? split(outer.x) : undefined;
    if (outer === undefined || inner === undefined) return tensor;
    const sum = joined(add, inner.k, outer.k);
    return sum === undefined ? tensor : add(inner.x, sum);
  },
  // (x + j)·k = x·k + j·k;  (x·j)·k = x·(j·k);  (x ∗ w)·k = x ∗ (w·k)
  mul: (tensor) => {
    const outer = split(tensor);
    if (outer === undefined) return tensor;
    const { x, k } = outer;
    const inner = split(x);
    const product = inner === undefined ? undefined : joined(mul, inner.k, k);
    if (inner !== undefined && product !== undefined && x.op.name === "add") {
      return add(RULES.mul(mul(inner.x, k)), product);
    }
    if (inner !== undefined && product !== undefined && x.op.name === "mul") return RULES.mul(mul(inner.x, product));
    return intoWeights(x, k) ?? tensor;
  },
};

/** A convolution or product whose weights have taken a factor of its outputs in. */
function intoWeights(x: Tensor, k: Tensor): Tensor | undefined {
  const [input, weight] = x.inputs;
  const takes =
    x.op.name === "conv2d" ||
    (x.op.name === matmulOp.name && !(x.attrs as MatmulAttrs).transposeB && weight.rank === 2);
  if (!takes || !isKnown(weight) || scalarOf(weight) !== undefined) return undefined;
  const scaled = joined(mul, weight, k);
  return scaled === undefined || scaled.size !== weight.size ? undefined : withInputs(x, [input, scaled]);
}

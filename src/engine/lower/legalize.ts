/**
 * Rewriting that makes graphs fit kernels, into the lowered ops of convolutions.ts: columns of zeros around a convolution's
 * input become a copy of their own, and its weights are laid out in panels, so that a kernel reads them from front to back.
 */

import { type Later, later, loaded } from "../on-demand.ts";
import { constant } from "../ops/constant.ts";
import {
  type ConvAttrs,
  type ConvInputGradAttrs,
  type ConvWeightGradAttrs,
  conv2dOp,
  conv2dWeightGradOp,
  type Pair,
  turnedConvolution,
} from "../ops/conv.ts";
import type { PrimitiveName } from "../ops/index.ts";
import { type MatmulAttrs, matmul } from "../ops/matmul.ts";
import { type PermuteAttrs, pad, permute, reshape, transpose } from "../ops/movement.ts";
import { rewrite } from "../passes/rewrite.ts";
import type { Shape } from "../shape.ts";
import { apply, Parameter, type Primitive, type Tensor } from "../tensor.ts";
import { batchSize, topologicalOrder } from "../trace.ts";
import {
  conv2dInputGradWinogradOp,
  conv2dPanelsOp,
  conv2dWeightGradWinogradOp,
  conv2dWinogradOp,
  PANEL,
} from "./convolutions.ts";
import { hasFiltering, onBothAxes, outputTiling, weightGradTiling } from "./filtering.ts";

/** Whether Winograd's method applies and pays: enough channels to make up for the transforms. */
function suitsWinograd([R, S, C, O]: Shape, { stride, dilation, groups }: ConvAttrs): boolean {
  const plain = R === S && hasFiltering(R) && [...stride, ...dilation, groups].every((number) => number === 1);
  return plain && C % 4 === 0 && C >= 16 && O % PANEL === 0 && O >= 16;
}

function winograd(tensor: Tensor, attrs: ConvAttrs): Tensor {
  const [x, w] = tensor.inputs;
  const [, P, Q] = tensor.shape;
  const [R, , C, O] = w.shape;
  const { filtering, side, rows, columns, positions } = outputTiling(R, P, Q);
  const [top, , left] = attrs.padding;
  const padded = padTo(x, [top, left], [side * rows + R - 1, side * columns + R - 1]);
  const matrix = constant(onBothAxes(filtering.weight), "float32", [positions, R * R]);
  const transformed = matmul(matrix, reshape(w, [R * R, C * O])); // [positions, C·O]
  const panels = permute(reshape(transformed, [positions, C, O / PANEL, PANEL]), [2, 0, 1, 3]);
  return apply(conv2dWinogradOp, [padded, panels], { size: R, output: [P, Q] });
}

/** Zeros around pictures: so many rows and columns before them, and behind them up to a size, if they are smaller. */
function padTo(x: Tensor, before: Pair, size: Pair): Tensor {
  const [, H, W] = x.shape;
  const [bottom, right] = [size[0] - H - before[0], size[1] - W - before[1]].map((amount) => Math.max(0, amount));
  const amounts = [[0, 0] as const, [before[0], bottom] as const, [before[1], right] as const, [0, 0] as const];
  return amounts.flat().some((amount) => amount > 0) ? pad(x, amounts) : x;
}

/** Winograd's method backwards, where that takes fewer multiplications than the convolution with turned weights. */
function winogradInputGrad(tensor: Tensor, attrs: ConvInputGradAttrs): Tensor | undefined {
  const [g, w] = tensor.inputs;
  const [, P, Q, O] = g.shape;
  const [R, S, C] = w.shape;
  if (!suitsWinograd([R, S, O, C], attrs)) return undefined;
  const { filtering, side, rows, columns, positions } = outputTiling(R, P, Q);
  const turned = outputTiling(R, attrs.input[0], attrs.input[1]);
  if (rows * columns * positions > 0.75 * turned.rows * turned.columns * turned.positions) return undefined;
  const matrix = constant(onBothAxes(filtering.weight), "float32", [positions, R * R]);
  const transformed = matmul(matrix, reshape(w, [R * R, C * O])); // [positions, C·O]
  const panels = permute(reshape(transformed, [positions, C / PANEL, PANEL, O]), [1, 0, 3, 2]);
  const padded = padTo(g, [0, 0], [side * rows, side * columns]);
  const { input, padding } = attrs;
  return apply(conv2dInputGradWinogradOp, [padded, panels], { size: R, input, padding });
}

function winogradWeightGrad(tensor: Tensor, attrs: ConvWeightGradAttrs): Tensor {
  const [x, g] = tensor.inputs;
  const [, P, Q, O] = g.shape;
  const [R, , C] = tensor.shape;
  const { filtering, side, rows, columns, positions } = weightGradTiling(R, P, Q);
  const size: Pair = [side * rows, side * columns];
  const padded = padTo(x, [attrs.padding[0], attrs.padding[2]], [size[0] + R - 1, size[1] + R - 1]);
  const sums = apply(conv2dWeightGradWinogradOp, [padded, padTo(g, [0, 0], size)], { size: R }); // [positions, C, O]
  const matrix = constant(onBothAxes(filtering.output), "float32", [R * R, positions]);
  return reshape(matmul(matrix, reshape(sums, [positions, C * O])), tensor.shape);
}

/** Channels are depthwise when every group has one input and one output channel: vectors then run over the groups. */
export const isDepthwise = ({ groups }: ConvAttrs, C: number, O: number): boolean =>
  groups > 1 && groups === C && C === O;

/** Kernels skip rows outside the picture; depthwise ones columns, too, the others read across its left and right edge. */
function withColumns(x: Tensor, attrs: ConvAttrs, O: number): { x: Tensor; padding: ConvAttrs["padding"] } {
  if (isDepthwise(attrs, x.shape[3], O)) return { x, padding: attrs.padding };
  const [top, bottom, left, right] = attrs.padding;
  const padding: ConvAttrs["padding"] = [top, bottom, 0, Math.min(right, 0)]; // negative: what is cut off
  if (left === 0 && right <= 0) return { x, padding };
  return {
    x: pad(x, [
      [0, 0],
      [0, 0],
      [left, Math.max(right, 0)],
      [0, 0],
    ]),
    padding,
  };
}

/** [R, S, C, O] → [O / PANEL, R, S, C, PANEL]; joined with a permutation before it, so that weights are copied once. */
function inPanels(w: Tensor): Tensor {
  const [source, order] = w.op.name === "permute" ? [w.inputs[0], (w.attrs as PermuteAttrs).order] : [w, [0, 1, 2, 3]];
  const split = order[3]; // the axis of the source that holds the output channels
  const shape = source.shape.flatMap((dim, axis) => (axis === split ? [dim / PANEL, PANEL] : [dim]));
  const moved = (axis: number): number => (axis > split ? axis + 1 : axis);
  return permute(reshape(source, shape), [split, moved(order[0]), moved(order[1]), moved(order[2]), split + 1]);
}

/** A weight that many rows of each sample meet is transposed once, so that vectors can run along its columns. */
function withWeightAcross(tensor: Tensor, batch: number): Tensor {
  const [a, b] = tensor.inputs;
  const { transposeA, transposeB } = tensor.attrs as MatmulAttrs;
  const meetsMany = batch > 0 && tensor.rank === 2 && tensor.shape[0] >= 2 * batch;
  return meetsMany && transposeB && !transposeA && b instanceof Parameter ? matmul(a, transpose(b)) : tensor;
}

/** What becomes of an op whose inputs are lowered, in a graph with a batch of so many samples. */
type LoweringRule = (tensor: Tensor, batch: number) => Tensor;

/** Shapes of a convolution's input, weights and result. */
interface Roles {
  readonly x: Shape;
  readonly w: Shape;
  readonly y: Shape;
}

/**
 * A convolution as kernels do it fastest, where that takes no more than giving its operands other shapes, with their numbers in the
 * same order: kernels compute pixels of a row together, so there should be some.
 */
function reshaped({ x, w, y }: Roles, attrs: ConvAttrs): (Roles & { readonly attrs: ConvAttrs }) | undefined {
  const [N, H, W, C] = x;
  const [R, S, depth, O] = w;
  const { stride, dilation, padding, groups } = attrs;
  if (padding[2] !== 0 || padding[3] !== 0) return undefined;
  if (W === S && W > 1 && groups === 1 && dilation[1] === 1) {
    // A kernel as wide as the picture meets each row once: the pixels of a row may as well be channels of one.
    const narrow = { x: [N, H, 1, W * C], w: [R, 1, W * C, O], y };
    return reshaped(narrow, attrs) ?? { ...narrow, attrs };
  }
  // A picture of one column lies down.
  if (W !== 1 || S !== 1 || H === 1) return undefined;
  const turned = ([first, second]: Pair): Pair => [second, first];
  return {
    x: [N, 1, H, C],
    w: [1, R, depth, O],
    y: [N, 1, y[1], O],
    attrs: { ...attrs, stride: turned(stride), dilation: turned(dilation), padding: [0, 0, padding[0], padding[1]] },
  };
}

type Role = keyof Roles;

/** The rule of a convolution or one of its gradients, whose operands and result have these roles: {@link reshaped}, then lowered. */
function inBestShape([first, second, result]: readonly [Role, Role, Role], lower: LoweringRule): LoweringRule {
  return (tensor, batch) => {
    const { op, inputs, shape, attrs } = tensor;
    const roles = { [first]: inputs[0].shape, [second]: inputs[1].shape, [result]: shape } as unknown as Roles;
    const other = reshaped(roles, attrs as ConvAttrs);
    if (other === undefined) return lower(tensor, batch);
    const { x, w } = other;
    // Those of a gradient say sizes of what it is of.
    const sizes = {
      ...("input" in attrs && { input: [x[1], x[2]] }),
      ...("kernel" in attrs && { kernel: [w[0], w[1]] }),
    };
    const operands = [reshape(inputs[0], other[first]), reshape(inputs[1], other[second])];
    return reshape(lower(apply(op as Primitive<ConvAttrs>, operands, { ...other.attrs, ...sizes }), batch), shape);
  };
}

function lowerConvolution(tensor: Tensor): Tensor {
  const [input, w] = tensor.inputs;
  const attrs = tensor.attrs as ConvAttrs;
  if (suitsWinograd(w.shape, attrs)) return winograd(tensor, attrs);
  const { x, padding } = withColumns(input, attrs, tensor.shape[3]);
  const [R, S, , O] = w.shape;
  if (attrs.groups > 1 || O % PANEL !== 0 || O === PANEL) return apply(conv2dOp, [x, w], { ...attrs, padding });
  return apply(conv2dPanelsOp, [x, inPanels(w)], { ...attrs, padding, kernel: [R, S] });
}

function lowerInputGrad(tensor: Tensor): Tensor {
  const [g, w] = tensor.inputs;
  const attrs = tensor.attrs as ConvInputGradAttrs;
  const filtered = winogradInputGrad(tensor, attrs);
  if (filtered !== undefined) return filtered;
  // Where every output lies in the padding, it is a constant.
  const turned = turnedConvolution(g, w, attrs);
  return turned.op.name === "conv2d" ? lowerConvolution(turned) : turned;
}

function lowerWeightGrad(tensor: Tensor): Tensor {
  const [input, g] = tensor.inputs;
  const attrs = tensor.attrs as ConvWeightGradAttrs;
  if (suitsWinograd(tensor.shape, attrs)) return winogradWeightGrad(tensor, attrs);
  const { x, padding } = withColumns(input, attrs, tensor.shape[3]);
  return apply(conv2dWeightGradOp, [x, g], { ...attrs, padding });
}

const recurrences = () => import("./recurrences.ts");

/** Ops without a rule stay as they are. */
const RULES: Readonly<Partial<Record<PrimitiveName, LoweringRule | Later<LoweringRule>>>> = {
  matmul: withWeightAcross,
  conv2d: inBestShape(["x", "w", "y"], lowerConvolution),
  conv2dInputGrad: inBestShape(["y", "w", "x"], lowerInputGrad),
  conv2dWeightGrad: inBestShape(["x", "y", "w"], lowerWeightGrad),
  recurrence: later(recurrences, "lowerRecurrence"),
  recurrenceGrad: later(recurrences, "lowerRecurrenceGrad"),
};

/** What rewrites everything that `roots` depend on for kernels, in graphs that have no other ops than `names` with rules. */
export async function legalizer(names: Iterable<string>): Promise<(roots: readonly Tensor[]) => Tensor[]> {
  const rules = await loaded<LoweringRule>(RULES, names);
  return (roots) => {
    const batch = batchSize(topologicalOrder(roots));
    return rewrite(roots, (tensor) => rules.get(tensor.op.name)?.(tensor, batch) ?? tensor);
  };
}

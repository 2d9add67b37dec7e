/**
 * Cropping: where pooling drops the last rows and columns of its input, because its windows do not reach them, they are
 * not computed in the first place; nor are the pixels that only they depend on, layer by layer up to the picture. The
 * numbers that are left stay the same. A convolution is cropped by negative padding at the bottom and at the right.
 *
 * It runs before differentiation, so that no gradient is computed for those pixels, and again before planning, so that
 * forward and backward pass meet on the same tensors.
 */
import { type ConvAttrs, conv2dOp } from "../ops/conv.ts";
import { avgPool2dOp, maxPool2dOp, type PoolAttrs } from "../ops/pool.ts";
import { apply, type Op, Tensor } from "../tensor.ts";
import { rewrite } from "./rewrite.ts";

/** Height and width of what is read, counted from the top left. */
type Extent = readonly [height: number, width: number];

const extentOf = ({ shape: [, height, width] }: Tensor): Extent => [height, width];
const same = (a: Extent, b: Extent): boolean => a[0] === b[0] && a[1] === b[1];

/** How an op computes only the top left part of its result; undefined where it cannot. */
type Crop = (tensor: Tensor, extent: Extent) => Tensor | undefined;

/** Windows over the cropped input, if that can be had, read the same pixels. */
const pooling: Crop = (tensor, extent) => {
  const [x] = tensor.inputs;
  const attrs = tensor.attrs as PoolAttrs;
  if (attrs.padding.some((amount) => amount > 0)) return undefined;
  const cropped = crop(x, windowsReach(attrs, extent));
  if (cropped === x && same(extentOf(tensor), extent)) return tensor;
  return cropped && apply(tensor.op as Op<object>, [cropped], attrs);
};

const CROPS: Readonly<Record<string, Crop>> = {
  maxPool2d: pooling,
  avgPool2d: pooling,
  conv2d: (tensor, extent) => {
    const [x, w] = tensor.inputs;
    const attrs = tensor.attrs as ConvAttrs;
    const { stride, dilation, padding } = attrs;
    // Rows of the input that the kernel reaches, and how many there are; what is missing is padding, what is left is cut.
    const reach = [0, 1].map((axis) => (extent[axis] - 1) * stride[axis] + dilation[axis] * (w.shape[axis] - 1) + 1);
    const [height, width] = reach.map((length, axis) => Math.min(length - padding[2 * axis], x.shape[1 + axis]));
    const input = (height >= 1 && width >= 1 && crop(x, [height, width])) || x;
    const ends = extentOf(input).map((length, axis) => reach[axis] - padding[2 * axis] - length);
    return apply(conv2dOp, [input, w], { ...attrs, padding: [padding[0], ends[0], padding[2], ends[1]] });
  },
};

/** What windows read: up to the end of the last one. */
function windowsReach({ kernel, stride }: PoolAttrs, [P, Q]: Extent): Extent {
  return [(P - 1) * stride[0] + kernel[0], (Q - 1) * stride[1] + kernel[1]];
}

/** The top left part of [N, H, W, C]; the tensor itself if it is no larger, undefined where only a copy could do it. */
function crop(tensor: Tensor, extent: Extent): Tensor | undefined {
  if (same(extentOf(tensor), extent)) return tensor;
  if (!("scalar" in tensor.op)) return CROPS[tensor.op.name]?.(tensor, extent);
  const inputs = tensor.inputs.map((input) => {
    if (input.rank < 4 || (input.shape[1] === 1 && input.shape[2] === 1)) return input; // broadcast
    return input.shape[1] === tensor.shape[1] && input.shape[2] === tensor.shape[2] ? crop(input, extent) : undefined;
  });
  if (!inputs.every((input) => input !== undefined)) return undefined;
  const [N, , , C] = tensor.shape;
  return new Tensor(tensor.op, inputs, tensor.attrs, { shape: [N, ...extent, C], dtype: tensor.dtype });
}

const POOLING: ReadonlySet<string> = new Set([maxPool2dOp.name, avgPool2dOp.name]);

/** Rewrites everything that `roots` depend on. */
export function cropUnread(roots: readonly Tensor[]): Tensor[] {
  return rewrite(roots, (tensor) =>
    POOLING.has(tensor.op.name) ? (pooling(tensor, extentOf(tensor)) ?? tensor) : tensor,
  );
}

/**
 * A reader of whole numbers: convolutions over the picture of a line, whose last layers see about two characters, and a linear layer
 * for every second column. No part of it is recurrent: it knows what characters look like, and nothing of which follows which, so it
 * reads numbers that it has never seen (docs/decisions.md).
 *
 * Pictures come column after column, [batch, columns, height, 1]. What follows the columns that count is paper; a frame sees
 * {@link REACH} columns to its right, so a line with as many behind its end is read the same, however long the picture is.
 *
 * While it is used, it looks at a line upright and leaning to either side, and takes the mean of what it makes of the three (docs/records.md).
 */
import { constant } from "../engine/ops/constant.ts";
import { conv2d } from "../engine/ops/conv.ts";
import { add, cast, mul } from "../engine/ops/elementwise.ts";
import { reshape } from "../engine/ops/movement.ts";
import type { Tensor } from "../engine/tensor.ts";
import { ReLU } from "../nn/activation.ts";
import { Conv2d } from "../nn/conv.ts";
import { Dropout } from "../nn/dropout.ts";
import { Linear } from "../nn/linear.ts";
import { type Context, Module } from "../nn/module.ts";
import { BatchNorm2d } from "../nn/norm.ts";
import { MaxPool2d } from "../nn/pool.ts";
import { Sequential } from "../nn/sequential.ts";
import type { NetworkRecord } from "./network.ts";
import { READER_RECIPE } from "./reader-recipe.ts";

/** Columns to the right of its own that a frame sees. */
export const REACH = 21;

/** Columns by which a row is moved for each row that it is above the middle, in each view of a line. */
const SLANTS = [0, 0.12, -0.12];

/** Channels of the layers: after the first convolution, the second and third, the fourth and fifth, and of the frames. */
const CHANNELS = [16, 32, 48, 64] as const;

/** The network: [batch, columns, height, 1] → [batch, columns / 2, outputs]. */
export class Reader extends Module {
  readonly features: Sequential;
  readonly dropout = new Dropout(0.1);
  readonly fc: Linear;

  /** @param outputs one for "nothing", and one for each symbol  @param height of the pictures; a multiple of 4 */
  constructor(outputs: number, height: number) {
    super();
    const [first, second, third, last] = CHANNELS;
    const block = (conv: Conv2d, pool: readonly Module[] = []): Module[] => [
      conv,
      ...pool,
      new BatchNorm2d(conv.outChannels),
      new ReLU(),
    ];
    const conv = (from: number, to: number, kernelSize = 3): Conv2d =>
      new Conv2d(from, to, kernelSize, { padding: (kernelSize - 1) / 2, bias: false });
    this.features = new Sequential(
      ...block(conv(1, first, 5), [new MaxPool2d(2)]),
      ...block(conv(first, second)),
      ...block(conv(second, second), [new MaxPool2d([1, 2])]),
      ...block(conv(second, third)),
      ...block(conv(third, third)),
      ...block(new Conv2d(third, last, [1, height / 4], { bias: false })), // [B, columns / 2, 1, last]
      ...block(new Conv2d(last, last, [5, 1], { padding: [2, 0], bias: false })),
      ...block(new Conv2d(last, last, [5, 1], { padding: [2, 0], bias: false })),
    );
    this.fc = new Linear(last, outputs);
  }

  forward(x: Tensor, context: Context): Tensor {
    // Paper is 0, as is what convolutions see beyond a picture.
    const ink = mul(cast(x, "float32"), 1 / 255);
    if (context.training) return this.#read(ink, context);
    const views = SLANTS.map((slant) => this.#read(leaning(ink, slant), context));
    return mul(views.reduce(add), 1 / views.length);
  }

  /** [B, columns, height, 1] → logits [B, columns / 2, outputs]. */
  #read(ink: Tensor, context: Context): Tensor {
    const features = this.features.forward(ink, context); // [B, columns / 2, 1, channels]
    const [batch, frames, , channels] = features.shape;
    const rows = this.dropout.forward(reshape(features, [batch, frames, channels]), context);
    return this.fc.forward(rows, context);
  }
}

/** A picture whose rows are moved along the line, each by a part of a column more than the one below it: [B, columns, height, 1]. */
function leaning(ink: Tensor, slant: number): Tensor {
  if (slant === 0) return ink;
  const [batch, columns, height] = ink.shape;
  const most = Math.ceil((Math.abs(slant) * (height - 1)) / 2);
  // Interpolated between the two columns that a pixel lies between.
  const weights = Array.from({ length: 2 * most + 1 }, (_, k) =>
    Array.from({ length: height }, (_, y) => Math.max(0, 1 - Math.abs(k - most - slant * (y - (height - 1) / 2)))),
  ).flat();
  const kernel = constant(weights, "float32", [2 * most + 1, 1, 1, height]);
  const rows = reshape(ink, [batch, columns, 1, height]);
  return reshape(conv2d(rows, kernel, { padding: [most, 0], groups: height }), [batch, columns, height, 1]);
}

export const reader: NetworkRecord<"line", never> = {
  name: "reader",
  title: "strings from pictures of lines: eight convolutions, a frame for two columns of pixels, Muon with one cycle",
  task: "transcribe",
  input: "line",
  options: {},
  recipe: READER_RECIPE,
  create: ({ outputs, height }) => new Reader(outputs, height),
};

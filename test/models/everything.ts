/** A network that uses something of everything, for what has to do with whole graphs: storing, exporting. */
import { elu, softmax } from "../../src/engine/ops/activation.ts";
import { add, maximum, mul } from "../../src/engine/ops/elementwise.ts";
import { concat, pad, slice } from "../../src/engine/ops/movement.ts";
import { Parameter, type Tensor } from "../../src/engine/tensor.ts";
import { Model } from "../../src/models/model.ts";
import { GELU, LeakyReLU } from "../../src/nn/activation.ts";
import { Conv2d, DepthwiseSeparableConv2d } from "../../src/nn/conv.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Flatten } from "../../src/nn/flatten.ts";
import { Linear } from "../../src/nn/linear.ts";
import { type Context, Module } from "../../src/nn/module.ts";
import { BatchNorm2d, GroupNorm, LayerNorm } from "../../src/nn/norm.ts";
import { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from "../../src/nn/pool.ts";
import { Sequential } from "../../src/nn/sequential.ts";

/** Something of everything: branches, attention over the picture, reshapes that fold the batch into other axes. */
class Everything extends Module {
  readonly left = new Sequential(new Conv2d(1, 6, 3, { padding: 1, stride: 2 }), new BatchNorm2d(6), new LeakyReLU());
  readonly right = new Sequential(new DepthwiseSeparableConv2d(1, 6, 3, { padding: "same" }), new AvgPool2d(2));
  readonly norm = new GroupNorm(3, 12);
  readonly layerNorm = new LayerNorm(12);
  readonly dense = new Linear(12, 12);
  readonly pools = new Sequential(new MaxPool2d(3, { stride: 1, padding: 1 }), new AdaptiveAvgPool2d(3));
  readonly end = new Sequential(new Dropout(), new Flatten(), new GELU("tanh"), new Linear(108, 3));
  readonly shift = new Parameter(
    [12],
    Float32Array.from({ length: 12 }, (_, i) => i / 12),
  );

  forward(x: Tensor, context: Context): Tensor {
    const B = x.shape[0];
    const both = concat([this.left.forward(x, context), this.right.forward(x, context)], 3); // [B, 4, 4, 12]
    const y = this.norm.forward(both, context);
    const rows = y.reshape([B * 16, 12]); // the batch folded into the rows
    const keys = this.dense.forward(this.layerNorm.forward(rows, context), context).reshape([B, 16, 12]);
    const attention = softmax(keys.matmul(keys.permute([0, 2, 1]))); // [B, 16, 16]
    const mixed = add(attention.matmul(keys), this.shift).reshape([B, 4, 4, 12]);
    const framed = pad(
      slice(elu(mixed), [{}, { start: 1 }]),
      [
        [0, 0],
        [1, 0],
        [0, 0],
        [0, 0],
      ],
      Number.NEGATIVE_INFINITY,
    );
    return this.end.forward(this.pools.forward(maximum(framed, mul(mixed, 0.5)), context), context);
  }
}

/** A model of it, for pictures of 8×8. */
export const everything = (): Model =>
  new Model(new Everything(), { inputShape: [8, 8, 1], classes: 3, normalization: { mean: 0.2, std: 0.7 }, seed: 5 });

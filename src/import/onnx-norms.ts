/** Operators that normalize: by stored statistics, or by those of a sample, of groups of its channels, of neighbors. */
import { DataError } from "../engine/errors.ts";
import { constant } from "../engine/ops/constant.ts";
import { add, div, mul, pow } from "../engine/ops/elementwise.ts";
import { expand, pad, reshape, slice } from "../engine/ops/movement.ts";
import { batchNorm, groupNorm, layerNorm } from "../engine/ops/norm.ts";
import type { Tensor } from "../engine/tensor.ts";
import { axisOf, type NodeCall, need } from "./onnx-call.ts";
import { asValue, channelsLast, dimsOf, fromChannelsLast, plain, type Value } from "./onnx-value.ts";

export function batchNormalization(call: NodeCall): Value {
  if (call.attrs.int("training_mode", 0) !== 0) {
    throw new DataError("it is in training mode, where outputs depend on the batch; export it in inference mode");
  }
  if (call.attrs.int("spatial", 1) === 0)
    throw new DataError("it normalizes each place of a picture, not each channel");
  const [x, weight, bias, mu, variance] = [0, 1, 2, 3, 4].map((i) => need(call, i));
  const eps = call.attrs.float("epsilon", 1e-5);
  return fromChannelsLast(batchNorm(channelsLast(x), plain(mu), plain(variance), plain(weight), plain(bias), eps));
}

export function instanceNormalization(call: NodeCall): Value {
  const [x, weight, bias] = [0, 1, 2].map((i) => need(call, i));
  const channels = dimsOf(x)[1];
  const eps = call.attrs.float("epsilon", 1e-5);
  return fromChannelsLast(groupNorm(channelsLast(x), channels, plain(weight), plain(bias), eps));
}

export function layerNormalization(call: NodeCall): Value {
  const x = need(call, 0);
  const weight = plain(need(call, 1));
  const over = x.order.length - axisOf(x, call.attrs.int("axis", -1));
  if (weight.rank !== over) throw new DataError(`its weight has ${weight.rank} axes where ${over} are normalized`);
  const bias = call.inputs[2] === undefined ? constant(0, "float32", weight.shape) : plain(call.inputs[2]);
  return asValue(layerNorm(plain(x), weight, bias, call.attrs.float("epsilon", 1e-5)));
}

/** x [N, C, …] in groups of neighboring channels; before opset 21 weight and bias have one number for each group. */
export function groupNormalization(call: NodeCall): Value {
  const x = need(call, 0);
  const groups = call.attrs.int("num_groups", 1);
  const channels = dimsOf(x)[1];
  const perChannel = (i: number): Tensor => {
    const vector = plain(need(call, i));
    if (call.opset >= 21 || vector.rank !== 1 || vector.size !== groups || channels % groups !== 0) return vector;
    return reshape(expand(reshape(vector, [groups, 1]), [groups, channels / groups]), [channels]);
  };
  const eps = call.attrs.float("epsilon", 1e-5);
  return fromChannelsLast(groupNorm(channelsLast(x), groups, perChannel(1), perChannel(2), eps));
}

/** LRN: x / (bias + α/size · Σ x²)^β, the sum over `size` neighboring channels; Krizhevsky et al., NeurIPS 2012. */
export function localResponse(call: NodeCall): Value {
  const x = channelsLast(need(call, 0));
  const size = call.attrs.int("size", 0);
  const channels = x.shape[x.rank - 1];
  if (!Number.isInteger(size) || size < 1 || size > 1024)
    throw new DataError(`its size ${size} is no number of channels`);
  const before = Math.floor((size - 1) / 2);
  const around = x.shape.map((_, a): [number, number] => (a === x.rank - 1 ? [before, size - 1 - before] : [0, 0]));
  const squares = pad(mul(x, x), around);
  const neighbors = Array.from({ length: size }, (_, i) =>
    slice(
      squares,
      x.shape.map((_, a) => (a === x.rank - 1 ? { start: i, end: i + channels } : {})),
    ),
  );
  const scale = mul(
    neighbors.reduce((a, b) => add(a, b)),
    call.attrs.float("alpha", 1e-4) / size,
  );
  return fromChannelsLast(div(x, pow(add(scale, call.attrs.float("bias", 1)), call.attrs.float("beta", 0.75))));
}

/** A model in half the room: weights rounded to float16, which a model file then holds them in. Computing stays float32. */
import { floatToHalf, halfToFloat } from "../formats/tensor-data.ts";
import type { Model } from "../models/model.ts";
import type { Classify } from "../task/classify/classify.ts";
import type { AnyTask } from "../task/task.ts";
import { TrainedModel } from "./trained-model.ts";

/** The largest number of float16. */
const LARGEST = 65_504;

/**
 * Rounds the weights of a model, in place, to float16, of which its file then needs two bytes each. Training it again undoes that.
 * Biases and what norms keep stay as they are: these are few, and variances may be larger than float16 goes. So do weights where one is.
 */
export function halved<T extends AnyTask = Classify>(model: Model<T>): TrainedModel<T> {
  for (const [, { data, shape }] of model.network.namedParameters()) {
    if (!(data instanceof Float32Array) || shape.length < 2 || data.some((value) => Math.abs(value) > LARGEST))
      continue;
    for (let i = 0; i < data.length; i++) data[i] = halfToFloat(floatToHalf(data[i]));
  }
  return TrainedModel.of(model, { precision: "float16" });
}

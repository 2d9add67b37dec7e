/** cnn-3x3: two 3×3 convolutions and a hidden layer of 128, trained by Adam. */
import { type ArchitectureRecord, MNIST_SHAPE, UNIT_RANGE } from "./architecture.ts";
import { TwoConvNet } from "./two-conv.ts";

export const cnn3x3: ArchitectureRecord<"cnn-3x3"> = {
  name: "cnn-3x3",
  title: "two 3×3 convolutions, hidden layer of 128, Adam",
  inputShape: MNIST_SHAPE,
  outputs: 10,
  normalization: UNIT_RANGE,
  recipe: { optimizer: "adam", lr: 0.001, batchSize: 64, epochs: 5, loss: "crossEntropy" },
  create: (options) => new TwoConvNet({ name: "cnn-3x3", kernels: [3, 3], padding: 0, hidden: 128 }, options),
};

/** cnn-same: two 3×3 convolutions that keep the picture's size, and a hidden layer of 1,024, trained by Adam. */
import { type ArchitectureRecord, MNIST_SHAPE, UNIT_RANGE } from "./architecture.ts";
import { TwoConvNet } from "./two-conv.ts";

export const cnnSame: ArchitectureRecord<"cnn-same"> = {
  name: "cnn-same",
  title: "two padded 3×3 convolutions, hidden layer of 1024, Adam",
  inputShape: MNIST_SHAPE,
  outputs: 10,
  normalization: UNIT_RANGE,
  // The source fixes optimizer, rate and batch; the five epochs are ours.
  recipe: { optimizer: "adam", lr: 0.001, batchSize: 64, epochs: 5, loss: "crossEntropy" },
  create: (options) => new TwoConvNet({ name: "cnn-same", kernels: [3, 3], padding: 1, hidden: 1024 }, options),
};

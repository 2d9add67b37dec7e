/** cnn-5x5: two 5×5 convolutions and a hidden layer of 1,024, trained by SGD. */
import { type ArchitectureRecord, MNIST_SHAPE, SYMMETRIC_RANGE } from "./architecture.ts";
import { TwoConvNet } from "./two-conv.ts";

export const cnn5x5: ArchitectureRecord<"cnn-5x5"> = {
  name: "cnn-5x5",
  title: "two 5×5 convolutions, hidden layer of 1024, SGD",
  inputShape: MNIST_SHAPE,
  outputs: 10,
  normalization: SYMMETRIC_RANGE,
  recipe: { optimizer: "sgd", lr: 0.001, momentum: 0.9, batchSize: 100, epochs: 2, loss: "crossEntropy" },
  create: (options) => new TwoConvNet({ name: "cnn-5x5", kernels: [5, 5], padding: 0, hidden: 1024 }, options),
};

/** cnn-5x3: a 5×5, then a 3×3 convolution and a hidden layer of 128, trained by SGD. */
import { type ArchitectureRecord, MNIST_NORMALIZATION, MNIST_SHAPE } from "./architecture.ts";
import { TwoConvNet } from "./two-conv.ts";

export const cnn5x3: ArchitectureRecord<"cnn-5x3"> = {
  name: "cnn-5x3",
  title: "a 5×5 and a 3×3 convolution, hidden layer of 128, SGD",
  inputShape: MNIST_SHAPE,
  outputs: 10,
  normalization: MNIST_NORMALIZATION,
  recipe: { optimizer: "sgd", lr: 0.001, momentum: 0.9, batchSize: 64, epochs: 10, loss: "crossEntropy" },
  create: (options) => new TwoConvNet({ name: "cnn-5x3", kernels: [5, 3], padding: 0, hidden: 128 }, options),
};

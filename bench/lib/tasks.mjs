/** What is measured: the three kinds of work, each on a named network. */
import { ARCHITECTURES, findArchitecture } from "../../dist/models/registry.js";

export const NETWORKS = ARCHITECTURES.map(({ name }) => name);

/** The networks of the published tutorials, over which geometric means are taken. */
export const TUTORIAL_NETWORKS = ["cnn-5x5", "cnn-3x3", "cnn-5x3", "separable", "separable-dilated", "cnn-same"];

/** One entry per table. `unit` turns images/s into what is printed. */
export const KINDS = [
  {
    name: "training",
    title: "training (forward, backward, update), images/s",
    batch: ({ batchSize }) => batchSize,
    unit: (rate) => rate,
  },
  { name: "inference", title: "inference in batches of 1,000, images/s", batch: () => 1000, unit: (rate) => rate },
  { name: "one image", title: "inference of one image, µs", batch: () => 1, unit: (rate) => 1e6 / rate },
];

export const findKind = (name) => KINDS.find((kind) => kind.name === name);

/** The work of a kind on a network, as contenders get it; `batch` only where it is not the usual one. */
export function taskOf(kind, network, threads, batch) {
  const { recipe } = findArchitecture(network);
  return { kind: kind.name, network, threads, batch: batch ?? kind.batch(recipe), optimizer: recipe.optimizer };
}

/** What is measured: the three kinds of work, each on a named network. */
import { ARCHITECTURES, findArchitecture } from "../../dist/models/registry.js";

export const NETWORKS = ARCHITECTURES.map(({ name }) => name);

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

/** The work of a kind on a network, as contenders get it. */
export function taskOf(kind, network, threads) {
  const { recipe } = findArchitecture(network);
  return { kind: kind.name, network, threads, batch: kind.batch(recipe), optimizer: recipe.optimizer };
}

/** How the reader of whole numbers is trained: numbers alone, for lists of recipes that need not have the network. */
import type { Recipe } from "./model.ts";

/** Of strings that are other ones in each epoch, 20,000 at a time. */
export const READER_RECIPE: Recipe = {
  optimizer: "muon",
  lr: 0.03,
  betas: [0.9, 0.99],
  weightDecay: 1e-4,
  schedule: { name: "oneCycle" },
  batchSize: 64,
  epochs: 100,
  loss: "ctc",
};

/** How small transformers that go on with texts are trained: the same numbers whatever their blocks are made of. */
import type { Recipe } from "./model.ts";

export const TRANSFORMER_RECIPE: Recipe = {
  optimizer: "adamw",
  lr: 0.002,
  betas: [0.9, 0.99],
  weightDecay: 0.1,
  schedule: { name: "oneCycle" },
  batchSize: 32,
  epochs: 5,
  loss: "nextToken",
};

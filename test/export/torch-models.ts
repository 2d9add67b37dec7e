/** Networks whose PyTorch modules are tested: those of models.ts, and one of all that a graph can hold. */
import { Model } from "../../src/models/model.ts";
import { Everything } from "../models/everything.ts";
import { MODELS } from "./models.ts";

export const TORCH_MODELS = {
  ...MODELS,
  "everything, of a user's own": () =>
    new Model(new Everything(), { inputShape: [8, 8, 1], classes: 3, normalization: { mean: 0.2, std: 0.7 }, seed: 5 }),
} as const satisfies Record<string, () => Model>;

/** Networks whose PyTorch modules are tested: those of models.ts, one with a token, one of recurrent layers, one of attention, and one of all that a graph can hold. */
import type { Model } from "../../src/models/model.ts";
import { everything } from "../models/everything.ts";
import { attentive, cropped, framed, MODELS, positioned, recurrent, tokens } from "./models.ts";

export const TORCH_MODELS = {
  ...MODELS,
  "everything, of a user's own": everything,
  "a class token": tokens,
  "recurrent layers": recurrent,
  attention: attentive,
  "a window whose place is computed": cropped,
  "rows at a computed place": framed,
  "attention from a position on": positioned,
} as const satisfies Record<string, () => Model>;

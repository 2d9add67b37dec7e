/** Flatten: pictures or other samples to rows of features. */
import { flatten } from "../engine/ops/movement.ts";
import type { Tensor } from "../engine/tensor.ts";
import { type Context, Module } from "./module.ts";

/**
 * [batch, …] → [batch, features]. Pictures are put into PyTorch's order [channels, height, width] first, so that the
 * weights of a following Linear mean the same there and here.
 */
export class Flatten extends Module {
  forward(x: Tensor, _context: Context): Tensor {
    const [, H, W, C] = x.shape;
    // With one channel or one pixel both orders are the same.
    const ordered = x.rank === 4 && C > 1 && H * W > 1 ? x.permute([0, 3, 1, 2]) : x; // [B, C, H, W]
    return flatten(ordered, 1);
  }

  override describe(): string {
    return "Flatten()";
  }
}

/** Crop: cuts a margin off pictures, so that convolutions need not run where there is nothing. No parameters. */
import { slice } from "../engine/ops/movement.ts";
import type { Tensor } from "../engine/tensor.ts";
import { describeLayer, requireWhole } from "./describe.ts";
import { type Context, Module } from "./module.ts";

/**
 * Takes `margin` pixels off each side: [batch, H, W, C] → [batch, H − 2·margin, W − 2·margin, C]. As
 * torch.nn.ZeroPad2d(−margin).
 */
export class Crop2d extends Module {
  readonly margin: number;

  constructor(margin: number) {
    super();
    requireWhole("Crop2d", { margin });
    this.margin = margin;
  }

  forward(x: Tensor, _context: Context): Tensor {
    const inner = { start: this.margin, end: -this.margin };
    return slice(x, [{}, inner, inner]);
  }

  override describe(): string {
    return describeLayer("Crop2d", [this.margin]);
  }
}

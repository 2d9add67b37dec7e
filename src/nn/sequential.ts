/** Sequential: modules one after the other. */
import type { Tensor } from "../engine/tensor.ts";
import { type Context, Module } from "./module.ts";

/** Applies modules in order. Their names are "0", "1", …, as in torch.nn.Sequential. */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  constructor(...layers: readonly Module[]) {
    super();
    this.layers = layers;
  }

  forward(x: Tensor, context: Context): Tensor {
    return this.layers.reduce((value, layer) => layer.forward(value, context), x);
  }

  override *children(): IterableIterator<[name: string, child: Module]> {
    for (const [i, layer] of this.layers.entries()) yield [String(i), layer];
  }
}

/** Dropout: zeroes random elements while training (Srivastava et al., JMLR 2014). */
import { UsageError } from "../engine/errors.ts";
import { dropout } from "../engine/ops/activation.ts";
import type { Tensor } from "../engine/tensor.ts";
import { describeLayer } from "./describe.ts";
import { type Context, Module } from "./module.ts";

/** Zeroes each element with probability p while training and scales the rest by 1/(1 − p); else does nothing. */
export class Dropout extends Module {
  /** May be changed between two trainings: at least 0 and less than 1. */
  p: number;

  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p < 1)) throw new UsageError(`Dropout: p is ${p} but must be at least 0 and less than 1`);
    this.p = p;
  }

  forward(x: Tensor, context: Context): Tensor {
    if (!context.training || this.p === 0) return x;
    if (context.key === undefined) {
      throw new UsageError("Dropout: training needs random numbers; give the context a key of two int32 words");
    }
    return dropout(x, context.key, { p: this.p, stream: context.nextStream(), batched: true });
  }

  override describe(): string {
    return describeLayer("Dropout", [this.p]);
  }
}

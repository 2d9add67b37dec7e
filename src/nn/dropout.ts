/** Dropout: zeroes random elements while training (Srivastava et al., JMLR 2014). */
import { UsageError } from "../engine/errors.ts";
import { type DropoutAttrs, dropout } from "../engine/ops/activation.ts";
import type { Tensor } from "../engine/tensor.ts";
import { describeLayer } from "./describe.ts";
import { type Context, Module } from "./module.ts";

/**
 * The random numbers of a layer that drops something: none in use, or where p is 0.
 * @param name of the layer, for the message
 * @throws UsageError when a training step has no key
 */
export function dropoutDraw(
  name: string,
  p: number,
  context: Context,
): { readonly key: Tensor; readonly attrs: DropoutAttrs } | undefined {
  if (!context.training || p === 0) return undefined;
  if (context.key === undefined) {
    throw new UsageError(`${name}: dropout needs random numbers; give the context a key of two int32 words`);
  }
  return { key: context.key, attrs: { p, stream: context.nextStream(), batched: true } };
}

/** @param shares by the names of options @throws UsageError unless so much can be dropped */
export function requireShare(name: string, shares: Readonly<Record<string, number>>): void {
  for (const [option, p] of Object.entries(shares)) {
    if (!(p >= 0 && p < 1)) throw new UsageError(`${name}: ${option} is ${p} but must be at least 0 and less than 1`);
  }
}

/** Zeroes each element with probability p while training and scales the rest by 1/(1 − p); else does nothing. */
export class Dropout extends Module {
  /** May be changed between two trainings: at least 0 and less than 1. */
  p: number;

  constructor(p = 0.5) {
    super();
    requireShare("Dropout", { p });
    this.p = p;
  }

  forward(x: Tensor, context: Context): Tensor {
    const draw = dropoutDraw("Dropout", this.p, context);
    return draw === undefined ? x : dropout(x, draw.key, draw.attrs);
  }

  override describe(): string {
    return describeLayer("Dropout", [this.p]);
  }
}

/** The usual contexts of a forward pass: one for using a network, one for a training step. */
import type { Tensor } from "../engine/tensor.ts";
import type { Tracer } from "../engine/trace.ts";
import type { Context } from "./module.ts";

/** For using a network: nothing is dropped, running statistics are read and not changed. */
export function inferenceContext(): Context {
  return { training: false, nextStream: counter(), update: () => {} };
}

/**
 * For a training step.
 * @param tracer collects the new values of running statistics
 * @param key two int32 words that the caller changes from step to step; only networks that draw random numbers need it
 */
export function trainingContext(tracer: Pick<Tracer, "update">, key?: Tensor): Context {
  return {
    training: true,
    key,
    nextStream: counter(),
    update: (target, value) => tracer.update(target, value),
  };
}

function counter(): () => number {
  let next = 0;
  return () => next++;
}

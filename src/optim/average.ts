/**
 * Exponential moving average of the weights (Polyak & Juditsky, SIAM J. Control Optim. 30, 1992; in this form as
 * tf.train.ExponentialMovingAverage): the average of the weights of many steps is better than those of the last one. It
 * is updated inside the compiled training step; between epochs {@link WeightAverage.swap} puts it in the network's place.
 */
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { lerp } from "../engine/ops/elementwise.ts";
import { Parameter, type Tensor } from "../engine/tensor.ts";
import type { Update } from "../engine/trace.ts";
import type { AnyParameter } from "../nn/module.ts";

export class WeightAverage {
  readonly decay: number;
  readonly #averages = new Map<AnyParameter, Parameter>();
  #isSwapped = false;

  /** @param decay share of the past that a step keeps, 0 < decay < 1 @throws UsageError for another */
  constructor(decay: number) {
    if (!(decay > 0 && decay < 1))
      throw new UsageError((option) => `${option("ema")} is ${decay}; expected a decay between 0 and 1`);
    this.decay = decay;
  }

  /** The average of a parameter; it starts from the values that the parameter has when it is first asked for. */
  of(parameter: Parameter): Parameter {
    const known = this.#averages.get(parameter);
    if (known !== undefined) return known;
    const average = new Parameter(parameter.shape, new Float32Array(parameter.data), false);
    this.#averages.set(parameter, average);
    return average;
  }

  /**
   * Share of the new weights at step `step` (counted from 1). The first step sets the average; after n steps it keeps at
   * most (1 + n) / (10 + n), so that it is not an average of early weights for long.
   */
  share(step: number): number {
    const seen = step - 1;
    return seen === 0 ? 1 : 1 - Math.min(this.decay, (1 + seen) / (10 + seen));
  }

  /** Traces the new average: a ← a + share · (value − a), `value` being what the parameter becomes. */
  update(parameter: Parameter, value: Tensor, share: Tensor): Update {
    const average = this.of(parameter);
    return { target: average, value: lerp(average, value, share) };
  }

  /** Averaged parameters, each with its average, or while {@link isSwapped} with what training works on. */
  entries(): IterableIterator<[parameter: AnyParameter, other: Parameter]> {
    return this.#averages.entries();
  }

  /** Whether the network holds the averages, and this object the weights that training works on. */
  get isSwapped(): boolean {
    return this.#isSwapped;
  }

  /** Exchanges the network's weights and their averages, in place. @param backend that works on them */
  async swap(backend: Backend): Promise<void> {
    const all = [...this.#averages].flat();
    await backend.pull(all);
    for (const [parameter, { data }] of this.#averages) {
      const kept = data.slice();
      data.set(parameter.data);
      parameter.data.set(kept);
    }
    backend.push(all);
    this.#isSwapped = !this.#isSwapped;
  }
}

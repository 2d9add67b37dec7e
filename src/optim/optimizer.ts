/**
 * What an optimizer is to the training step: it owns state parameters, names the numbers that change from step to step,
 * and traces its update into the graph, so that it runs in the same program as the gradients.
 */
import type { Parameter, Tensor } from "../engine/tensor.ts";
import type { AnyParameter } from "../nn/module.ts";

/** How parameters change by their gradients: what it remembers of each, the numbers of a step, and the update in ops. */
export interface Optimizer {
  readonly name: string;
  /** Learning rate that schedules scale. */
  readonly lr: number;
  /** What a run folder records. */
  readonly options: Readonly<Record<string, number | boolean | readonly number[]>>;
  /** State kept between steps (momentum, moments), named after PyTorch: `momentum_buffer`, `exp_avg` …, per parameter. */
  state(parameter: Parameter): Readonly<Record<string, AnyParameter>>;
  /** Numbers of step `step` (counted from 1), worked out in double precision on the host: at least `lr`. */
  scalars(step: number, lr: number): Readonly<Record<string, number>>;
  /**
   * Traces the new value of a parameter and of its state.
   * @param scalar gives the float32 scalar tensor of a name from {@link scalars}
   */
  update(
    parameter: Parameter,
    grad: Tensor,
    scalar: (name: string) => Tensor,
  ): readonly { target: AnyParameter; value: Tensor }[];
}

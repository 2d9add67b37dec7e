/** RMSprop (Hinton, Neural Networks for Machine Learning, lecture 6), as torch.optim.RMSprop. */
import { add, div, lerp, maximum, mul, sqrt, sub } from "../engine/ops/elementwise.ts";
import type { Optimizer } from "./optimizer.ts";
import { requireNonNegative, requireShare, withoutDust, ZeroState } from "./state.ts";

export interface RmspropOptions {
  /** Default 0.01. */
  readonly lr?: number | undefined;
  /** Share of the past in the running mean of the squared gradient; default 0.99. */
  readonly alpha?: number | undefined;
  /** Added to its root; default 1e-8. */
  readonly eps?: number | undefined;
  /** Added to the gradient, times the parameter (L2); default 0. */
  readonly weightDecay?: number | undefined;
  /** Share of the last update that is kept, default 0. */
  readonly momentum?: number | undefined;
  /** Divides by an estimate of the variance instead of the plain square; default false. */
  readonly centered?: boolean | undefined;
}

/**
 * RMSProp (Hinton, lecture 6e of Neural Networks for Machine Learning, 2012).
 * @throws UsageError for options out of range
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const { lr = 0.01, alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false } = options;
  requireNonNegative("rmsprop", { lr, eps, weightDecay });
  requireShare("rmsprop", { alpha, momentum });
  const states = new ZeroState<"square_avg" | "grad_avg" | "momentum_buffer">([
    "square_avg",
    ...(centered ? (["grad_avg"] as const) : []),
    ...(momentum === 0 ? [] : (["momentum_buffer"] as const)),
  ]);
  return {
    name: "rmsprop",
    lr,
    options: { alpha, eps, weightDecay, momentum, centered },
    state: (parameter) => states.of(parameter),
    scalars: (_step, rate) => ({ lr: rate }),
    update(parameter, grad, scalar) {
      const state = states.of(parameter);
      const g = weightDecay === 0 ? grad : add(grad, mul(parameter, weightDecay));
      const square = add(mul(state.square_avg, alpha), mul(mul(g, g), 1 - alpha)); // v ← αv + (1 − α)g²
      const updates = [{ target: state.square_avg, value: square }];
      let spread = square;
      if (centered) {
        const mean = withoutDust(lerp(state.grad_avg, g, 1 - alpha));
        updates.push({ target: state.grad_avg, value: mean });
        // Where the gradient hardly changes, rounding could make the difference negative.
        spread = maximum(sub(square, mul(mean, mean)), 0);
      }
      let direction = div(g, add(sqrt(spread), eps));
      if (momentum !== 0) {
        direction = withoutDust(add(mul(state.momentum_buffer, momentum), direction));
        updates.push({ target: state.momentum_buffer, value: direction });
      }
      return [...updates, { target: parameter, value: sub(parameter, mul(direction, scalar("lr"))) }];
    },
  };
}

/** Stochastic gradient descent with momentum (Sutskever et al., ICML 2013), as torch.optim.SGD. */
import { UsageError } from "../engine/errors.ts";
import { add, mul, sub } from "../engine/ops/elementwise.ts";
import type { Optimizer } from "./optimizer.ts";
import { requireNonNegative, requireShare, withoutDust, ZeroState } from "./state.ts";

export interface SgdOptions {
  /** Default 0.001. */
  readonly lr?: number | undefined;
  /** Share of the last update that is kept, default 0. */
  readonly momentum?: number | undefined;
  /** Looks ahead by the momentum; default false. */
  readonly nesterov?: boolean | undefined;
  /** Added to the gradient, times the parameter (L2); default 0. */
  readonly weightDecay?: number | undefined;
}

/**
 * Stochastic gradient descent, with or without momentum.
 * @throws UsageError for options out of range
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { lr = 0.001, momentum = 0, nesterov = false, weightDecay = 0 } = options;
  requireNonNegative("sgd", { lr, weightDecay });
  requireShare("sgd", { momentum });
  if (nesterov && momentum === 0) throw new UsageError("sgd: nesterov needs a momentum above 0");
  const states = new ZeroState(momentum === 0 ? [] : ["momentum_buffer"]);
  return {
    name: "sgd",
    lr,
    options: { momentum, nesterov, weightDecay },
    state: (parameter) => states.of(parameter),
    scalars: (_step, rate) => ({ lr: rate }),
    update(parameter, grad, scalar) {
      const g = weightDecay === 0 ? grad : add(grad, mul(parameter, weightDecay));
      const descend = (direction: typeof g): { target: typeof parameter; value: typeof g } => ({
        target: parameter,
        value: sub(parameter, mul(direction, scalar("lr"))),
      });
      if (momentum === 0) return [descend(g)];
      const buffer = states.of(parameter).momentum_buffer;
      const moved = withoutDust(add(mul(buffer, momentum), g)); // b ← μb + g
      return [{ target: buffer, value: moved }, descend(nesterov ? add(g, mul(moved, momentum)) : moved)];
    },
  };
}

/**
 * Adam (Kingma & Ba, arXiv 1412.6980) and AdamW (Loshchilov & Hutter, arXiv 1711.05101), as torch.optim. They differ in
 * what weight decay is: a part of the gradient in Adam, a shrinking of the weights beside the update in AdamW.
 */
import { add, div, lerp, mul, sqrt, sub } from "../engine/ops/elementwise.ts";
import { power } from "../engine/power.ts";
import type { Optimizer } from "./optimizer.ts";
import { requireNonNegative, requireShare, withoutDust, ZeroState } from "./state.ts";

export interface AdamOptions {
  /** Default 0.001. */
  readonly lr?: number | undefined;
  /** Share of the past in the running means of the gradient and of its square; default [0.9, 0.999]. */
  readonly betas?: readonly [first: number, second: number] | undefined;
  /** Added to the root of the second moment; default 1e-8. */
  readonly eps?: number | undefined;
  /** Default 0 for Adam, 0.01 for AdamW. */
  readonly weightDecay?: number | undefined;
}

/**
 * Adam (Kingma and Ba, arXiv 1412.6980); weight decay is added to the gradient.
 * @throws UsageError for options out of range
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return build("adam", { ...options, weightDecay: options.weightDecay ?? 0 }, false);
}

/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101): weight decay shrinks the weights beside the update.
 * @throws UsageError for options out of range
 */
export function adamW(options: AdamOptions = {}): Optimizer {
  return build("adamw", { ...options, weightDecay: options.weightDecay ?? 0.01 }, true);
}

function build(name: string, options: AdamOptions & { readonly weightDecay: number }, decoupled: boolean): Optimizer {
  const { lr = 0.001, betas = [0.9, 0.999], eps = 1e-8, weightDecay } = options;
  const [beta1, beta2] = betas;
  requireNonNegative(name, { lr, eps, weightDecay });
  requireShare(name, { "betas[0]": beta1, "betas[1]": beta2 });
  const states = new ZeroState(["exp_avg", "exp_avg_sq"]);
  return {
    name,
    lr,
    options: { betas, eps, weightDecay },
    state: (parameter) => states.of(parameter),
    // Bias corrections change with the step and lose digits in float32, so they are worked out here.
    scalars: (step, rate) => ({
      lr: rate,
      stepSize: rate / (1 - power(beta1, step)),
      rootCorrection: 1 / Math.sqrt(1 - power(beta2, step)),
      keep: 1 - rate * weightDecay,
    }),
    update(parameter, grad, scalar) {
      const state = states.of(parameter);
      const g = weightDecay === 0 || decoupled ? grad : add(grad, mul(parameter, weightDecay));
      const first = withoutDust(lerp(state.exp_avg, g, 1 - beta1)); // m ← m + (1 − β₁)(g − m)
      const second = add(mul(state.exp_avg_sq, beta2), mul(mul(g, g), 1 - beta2)); // v ← β₂v + (1 − β₂)g²
      const root = add(mul(sqrt(second), scalar("rootCorrection")), eps);
      const kept = weightDecay !== 0 && decoupled ? mul(parameter, scalar("keep")) : parameter;
      return [
        { target: state.exp_avg, value: first },
        { target: state.exp_avg_sq, value: second },
        { target: parameter, value: sub(kept, div(mul(first, scalar("stepSize")), root)) },
      ];
    },
  };
}

/**
 * Muon (K. Jordan, https://kellerjordan.github.io/posts/muon/, 2024): the running mean of a matrix's gradient is made
 * orthogonal before it is followed, so that all directions of the matrix learn equally fast. As torch.optim.Muon with
 * `adjust_lr_fn="match_rms_adamw"` (Liu et al., arXiv 2502.16982), but in float32; what is no matrix is left to AdamW, at the same rate.
 */
import { add, div, lerp, maximum, mul, sqrt, sub } from "../engine/ops/elementwise.ts";
import { matmul } from "../engine/ops/matmul.ts";
import { sum } from "../engine/ops/reduce.ts";
import type { Parameter, Tensor } from "../engine/tensor.ts";
import { type AdamOptions, adamW } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { requireShare, withoutDust, ZeroState } from "./state.ts";

export interface MuonOptions extends AdamOptions {
  /** Share of the past in the running mean of a matrix's gradient; default 0.95. */
  readonly momentum?: number | undefined;
  /** Looks ahead by the momentum; default true. */
  readonly nesterov?: boolean | undefined;
}

/** Newton–Schulz's polynomial ax + bx³ + cx⁵ with Jordan's coefficients: steep at 0, and within 0.68 … 1.21 from 0.003 on after five times. */
const [A, B, C] = [3.4445, -4.775, 2.0315];
const TIMES = 5;

/**
 * The rate suits AdamW and Muon alike: an orthogonal update is scaled to the size that AdamW's have.
 * @param options AdamW's, which also say how the other parameters are trained; weight decay is decoupled for both
 * @throws UsageError for options out of range
 */
export function muon(options: MuonOptions = {}): Optimizer {
  const { momentum = 0.95, nesterov = true, ...rest } = options;
  requireShare("muon", { momentum });
  const others = adamW(rest);
  const states = new ZeroState(["momentum_buffer"]);
  return {
    name: "muon",
    lr: others.lr,
    options: { ...others.options, momentum, nesterov },
    state: (parameter) => (isMatrix(parameter) ? states.of(parameter) : others.state(parameter)),
    scalars: others.scalars,
    update(parameter, grad, scalar) {
      if (!isMatrix(parameter)) return others.update(parameter, grad, scalar);
      const buffer = states.of(parameter).momentum_buffer;
      const moved = withoutDust(lerp(buffer, grad, 1 - momentum)); // b ← b + (1 − μ)(g − b)
      const direction = nesterov ? lerp(grad, moved, momentum) : moved;
      const rows = parameter.shape[0];
      const size = 0.2 * Math.sqrt(Math.max(rows, parameter.size / rows));
      const step = mul(orthogonal(direction.reshape([rows, -1])).reshape(parameter.shape), size);
      const kept = others.options.weightDecay === 0 ? parameter : mul(parameter, scalar("keep"));
      return [
        { target: buffer, value: moved },
        { target: parameter, value: sub(kept, mul(step, scalar("lr"))) },
      ];
    },
  };
}

/** Weights that mix several inputs into each output, the first axis: not those of a first or a depthwise convolution, whose rows do not meet. */
function isMatrix({ shape }: Parameter): boolean {
  return shape.length > 1 && shape[1] > 1;
}

/** About UVᵀ of a matrix USVᵀ: its singular values, brought under 1, go through the polynomial {@link TIMES} times. */
function orthogonal(matrix: Tensor): Tensor {
  const [rows, columns] = matrix.shape;
  // The square of the smaller side is the cheaper one.
  const tall = rows > columns;
  let x = div(matrix, maximum(sqrt(sum(mul(matrix, matrix))), 1e-7));
  for (let i = 0; i < TIMES; i++) {
    const square = matmul(x, x, tall ? { transposeA: true } : { transposeB: true });
    const inner = add(mul(square, B), mul(matmul(square, square), C));
    x = add(mul(x, A), tall ? matmul(x, inner) : matmul(inner, x));
  }
  return x;
}

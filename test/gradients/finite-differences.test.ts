/**
 * Gradient rules against the loops that define the ops: the derivative of a random weighted sum of the output along a
 * random direction of each input, by central differences in double precision, for every smooth case of the list.
 */
import { describe, expect, it } from "vitest";
import { gradients } from "../../src/engine/autodiff.ts";
import { loaded } from "../../src/engine/on-demand.ts";
import { softplus } from "../../src/engine/ops/activation.ts";
import { add, mul } from "../../src/engine/ops/elementwise.ts";
import { opTable } from "../../src/engine/ops/index.ts";
import { mseLoss } from "../../src/engine/ops/loss.ts";
import { sum } from "../../src/engine/ops/reduce.ts";
import type { Op } from "../../src/engine/tensor.ts";
import { trace } from "../../src/engine/trace.ts";
import { type Case, caseGraph, hasGradient } from "../conformance/cases/case.ts";
import { allCases, opCases } from "../conformance/cases.ts";
import { evaluate, type Numbers } from "../helpers/evaluate.ts";
import { uniformNoise } from "../helpers/noise.ts";

/** Truncation grows with its square, rounding with its inverse: both stay near 1e-10. */
const STEP = 1e-5;

const isSmooth = (c: Case): boolean => c.gradient === "smooth" && hasGradient(c);

/** Weighted sum of y, with the weights that the gradient graph used (0.75 for a scalar). */
function loss(y: Numbers, weights: Numbers | undefined): number {
  let total = 0;
  for (let i = 0; i < y.length; i++) total += y[i] * (weights?.[i] ?? 0.75);
  return total;
}

function checkGradients(c: Case): void {
  const whole = caseGraph(c, "single", true);
  const forward = caseGraph(c, "single", false);
  const analytic = evaluate(whole.graph, whole.feeds);
  c.inputs.forEach((input, i) => {
    if (!input.wanted) return;
    const center = Float64Array.from(whole.feeds[`x${i}`]);
    const direction = uniformNoise(500 + i, center.length);
    const at = (t: number): number => {
      const moved = center.map((value, k) => value + t * direction[k]);
      return loss(evaluate(forward.graph, { ...forward.feeds, [`x${i}`]: moved })["y"], whole.feeds["v"]);
    };
    const numeric = (at(STEP) - at(-STEP)) / (2 * STEP);
    let slope = 0;
    let scale = 1e-2;
    direction.forEach((step, k) => {
      const part = analytic[`d${i}`][k] * step;
      slope += part;
      scale += Math.abs(part);
    });
    expect(Math.abs(slope - numeric), `input ${i}: rule ${slope}, differences ${numeric}`).toBeLessThan(2e-7 * scale);
  });
}

for (const [name, cases] of Object.entries(allCases)) {
  const smooth = cases.filter(isSmooth);
  if (smooth.length === 0) continue;
  describe(name, () => {
    it.each(smooth)("$label", checkGradients);
  });
}

it("every op with a gradient rule is checked", async () => {
  const ops = await loaded<Op<never>>(opTable, Object.keys(opTable));
  const unchecked = [...ops].flatMap(([name, op]) => {
    const cases: readonly Case[] = opCases[name as keyof typeof opCases];
    return op.gradient !== null && !cases.some(isSmooth) ? [name] : [];
  });
  // A cast changes to or from integers, and nothing flows through those.
  expect(unchecked).toEqual(["cast"]);
});

describe("autodiff", () => {
  const values = { a: Float64Array.of(0.5, -1, 2) };

  it("adds up the paths of a tensor that is used several times", () => {
    const graph = trace((t) => {
      const a = t.input("a", [3]);
      const [da] = gradients(sum(add(mul(a, a), mul(a, 3))), [a]);
      return { da };
    });
    expect([...evaluate(graph, values)["da"]]).toEqual([4, 1, 7]); // 2a + 3
  });

  it("gives zeros where the loss does not depend on a tensor", () => {
    const graph = trace((t) => {
      const a = t.input("a", [3]);
      const b = t.input("b", [2, 2]);
      const [db] = gradients(sum(a), [b]);
      return { db };
    });
    expect([...evaluate(graph, { ...values, b: new Float64Array(4) })["db"]]).toEqual([0, 0, 0, 0]);
  });

  it("reaches a tensor in the middle of the graph, behind or inside a named call", () => {
    const graph = trace((t) => {
      const a = t.input("a", [3]);
      const hidden = mseLoss(a, mul(a, 2)); // Σ a² / 3
      const soft = softplus(hidden);
      const [dHidden, dSoft] = gradients(mul(soft, soft), [hidden, soft]);
      return { hidden, soft, dHidden, dSoft };
    });
    const { hidden, soft, dHidden, dSoft } = evaluate(graph, values);
    expect(dSoft[0]).toBeCloseTo(2 * soft[0], 12);
    expect(dHidden[0]).toBeCloseTo((2 * soft[0]) / (1 + Math.exp(-hidden[0])), 12);
  });

  it("refuses a loss that is no scalar, with its shape", () => {
    expect(() => trace((t) => ({ d: gradients(t.input("a", [3]), [])[0] }))).toThrow(/gradients: .*\[3\].*mean/);
  });
});

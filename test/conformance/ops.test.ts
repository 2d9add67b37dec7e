/** Every case of every op on the backends, forward and with gradients, plain and batched, against the oracle. */
import { expect, it } from "vitest";
import { loaded } from "../../src/engine/on-demand.ts";
import { type OpName, opTable, trainingPrimitives } from "../../src/engine/ops/index.ts";
import type { Check, StoredForm } from "../../src/engine/ops/stored.ts";
import type { Op } from "../../src/engine/tensor.ts";
import { graphOrder } from "../../src/engine/trace.ts";
import { type Case, caseGraph } from "./cases/case.ts";
import { opCases } from "./cases.ts";
import { checkAll } from "./check.ts";

it("every op of the table has cases, and they use it", () => {
  for (const name of Object.keys(opTable)) {
    const cases: readonly Case[] = opCases[name as keyof typeof opCases] ?? [];
    expect(cases.length, `cases of ${name}`).toBeGreaterThan(0);
    for (const c of cases) {
      const used = graphOrder(caseGraph(c, name === "parameter" ? "batched" : "single", false).graph);
      expect(
        used.map((tensor) => tensor.op.name),
        `${name}: ${c.label}`,
      ).toContain(name);
    }
  }
});

it("what an op says of stored graphs is true of its cases; only ops of training say nothing", async () => {
  const silent = new Set<string>();
  for (const [name, op] of await loaded<Op<never>>(opTable, Object.keys(opTable))) {
    if (op.stored === undefined) {
      silent.add(name);
      continue;
    }
    if (name === "parameter") continue; // its attributes are in files only
    const { inputs: counts, attrs: checks, fits } = op.stored as StoredForm<never>;
    const calls = opCases[name as OpName].flatMap((c) =>
      graphOrder(caseGraph(c, "batched", false).graph).filter((tensor) => tensor.op === op),
    );
    // What a program may have is more than what a file may: a convolution's gradient with negative padding, for one.
    const problems = calls.map(({ inputs, attrs }) => {
      expect(Object.keys(attrs).sort(), name).toEqual(Object.keys(checks).sort());
      expect(inputs.length, name).toBeGreaterThanOrEqual(counts[0]);
      expect(inputs.length, name).toBeLessThanOrEqual(counts[1]);
      const found = Object.entries(attrs).map(([key, value]) => (checks as Record<string, Check>)[key](value));
      return [...found, fits?.(inputs, attrs as never)].filter((problem) => problem !== undefined).join();
    });
    expect(problems, name).toContain("");
  }
  const losses = ["crossEntropy", "nllLoss", "mseLoss", "bceWithLogits", "ctcLoss"];
  expect([...silent].sort()).toEqual([...Object.keys(trainingPrimitives), "dropout", ...losses].sort());
});

checkAll(opCases);

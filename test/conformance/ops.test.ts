/** Every case of every op on the backends, forward and with gradients, plain and batched, against the oracle. */
import { expect, it } from "vitest";
import { opTable } from "../../src/engine/ops/index.ts";
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

checkAll(opCases);

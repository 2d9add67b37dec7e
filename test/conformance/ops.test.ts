/** Every case of the list on every backend, forward and with gradients, plain and batched, against the oracle. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { opTable } from "../../src/engine/ops/index.ts";
import { graphOrder } from "../../src/engine/trace.ts";
import { backends } from "../helpers/backends.ts";
import { type Case, caseGraph, hasMode, modes } from "./cases/case.ts";
import { allCases, opCases } from "./cases.ts";
import { checkCase } from "./check.ts";

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

describe.each(backends)("$name", ({ make }) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend?.close());

  for (const [name, cases] of Object.entries(allCases)) {
    for (const c of cases) {
      for (const mode of modes.filter((candidate) => hasMode(c, candidate))) {
        it(`${name}: ${c.label}${mode === "batched" ? " (batched)" : ""}`, () => checkCase(backend, c, mode));
      }
    }
  }
});

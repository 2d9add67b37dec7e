/** Legalized graphs, by the plain loops of the lowered ops: they mean what the graphs meant before. */
import { describe, expect, it } from "vitest";
import { legalizer } from "../../src/engine/lower/legalize.ts";
import { loweredPrimitives } from "../../src/engine/lower/lowered-ops.ts";
import { expandComposites } from "../../src/engine/passes/expand.ts";
import { rewriteGraph } from "../../src/engine/passes/rewrite.ts";
import { sizeOf } from "../../src/engine/shape.ts";
import { type Graph, graphOrder, opNames } from "../../src/engine/trace.ts";
import { caseGraph } from "../conformance/cases/case.ts";
import { opCases } from "../conformance/cases.ts";
import { evaluate } from "../helpers/evaluate.ts";
import { expectClose } from "../helpers/run.ts";

async function legal(graph: Graph): Promise<Graph> {
  const expanded = rewriteGraph(graph, expandComposites);
  return rewriteGraph(expanded, await legalizer(opNames(expanded)));
}

/** Elements of an input: the largest cases are for compiled kernels, and would take these loops too long. */
const MOST = 60_000;

describe("a legalized graph is the same function", () => {
  const seen = new Set<string>();
  const cases = [...opCases.conv2d, ...opCases.lstm, ...opCases.gru];
  for (const c of cases.filter(({ inputs }) => inputs.every(({ shape }) => sizeOf(shape) < MOST))) {
    it(c.label, async () => {
      const { graph, feeds } = caseGraph(c, "batched", true);
      const lowered = await legal(graph);
      for (const tensor of graphOrder(lowered)) if (tensor.op.name in loweredPrimitives) seen.add(tensor.op.name);
      const wanted = evaluate(graph, feeds);
      for (const [name, values] of Object.entries(evaluate(lowered, feeds))) {
        expectClose(Float32Array.from(values), wanted[name], 1e-5, name);
      }
    });
  }

  it("and between them the cases have every lowered op", () => {
    expect([...seen].sort()).toEqual(Object.keys(loweredPrimitives).sort());
  });
});

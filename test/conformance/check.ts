/** Runs cases on backends and compares them with the oracle. */
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Backend } from "../../src/engine/backends/backend.ts";
import { caseBackends } from "../helpers/backends.ts";
import { evaluate, type Numbers } from "../helpers/evaluate.ts";
import { expectClose, runGraph } from "../helpers/run.ts";
import { type Case, type CaseGraph, caseGraph, hasGradient, hasMode, type Mode, modes } from "./cases/case.ts";

interface Expected extends CaseGraph {
  readonly outputs: Readonly<Record<string, Numbers>>;
}

/** Oracle values, so that several backends share the slow part. */
const expectations = new WeakMap<Case, Map<string, Expected>>();

function expected(c: Case, mode: Mode, withGradients: boolean): Expected {
  const known = expectations.get(c) ?? new Map<string, Expected>();
  expectations.set(c, known);
  const key = `${mode} ${withGradients}`;
  let entry = known.get(key);
  if (entry === undefined) {
    const traced = caseGraph(c, mode, withGradients);
    entry = { ...traced, outputs: evaluate(traced.graph, traced.feeds) };
    known.set(key, entry);
  }
  return entry;
}

/**
 * Forward alone, and forward with gradients: that is another program, because less can be fused where values are kept
 * for the way back. Programs run twice: the second run must not depend on what the first left in memory.
 */
export async function checkCase(backend: Backend, c: Case, mode: Mode): Promise<void> {
  // Without a batch axis, forward alone is left to the cases that cannot have one.
  const alone = mode === "batched" || !hasMode(c, "batched");
  for (const withGradients of !hasGradient(c) ? [false] : alone ? [false, true] : [true]) {
    const { graph, feeds, outputs } = expected(c, mode, withGradients);
    const got = await runGraph(backend, graph, feeds, { runs: 2 });
    for (const [output, want] of Object.entries(outputs)) {
      const what =
        output === "y" ? `output${withGradients ? " beside gradients" : ""}` : `gradient of input ${output.slice(1)}`;
      const exact = graph.outputs[output].dtype !== "float32" || (output === "y" && c.tolerance === 0);
      expectClose(got[output], want, exact ? 0 : Math.max(c.tolerance, 1e-6), what);
    }
  }
}

/** One test per case and mode on each backend. */
export function checkAll(cases: Readonly<Record<string, readonly Case[]>>): void {
  describe.each(caseBackends)("$name", ({ make }) => {
    let backend: Backend;
    beforeAll(async () => {
      backend = await make();
    });
    afterAll(() => backend?.close());

    for (const [name, list] of Object.entries(cases)) {
      for (const c of list) {
        for (const mode of modes.filter((candidate) => hasMode(c, candidate))) {
          it(`${name}: ${c.label}${mode === "batched" ? " (batched)" : ""}`, () => checkCase(backend, c, mode));
        }
      }
    }
  });
}

/**
 * Single ops give the same bits for any number of threads, forward and backward: those whose work is divided in ways of their
 * own. Whole training steps are in determinism.test.ts.
 */
import { expect, it } from "vitest";
import { backends } from "../helpers/backends.ts";
import { runGraph } from "../helpers/run.ts";
import { type Case, caseGraph, hasGradient, hasMode, modes } from "./cases/case.ts";
import { opCases } from "./cases.ts";

const DIVIDED = [
  "attention",
  "attentionLse",
  "attentionGrad",
  "writeRows",
  "sliceAt",
  "placeAt",
  "embedding",
  "embeddingGrad",
  "logSumExp",
  "crossEntropy",
  "nllLoss",
  "ctcLoss",
  "lstm",
  "gru",
] as const satisfies readonly (keyof typeof opCases)[];

/** The bytes of everything that a case gives on a backend. */
async function bytesOn(entry: (typeof backends)[number], cases: readonly Case[]): Promise<Record<string, string>> {
  const backend = await entry.make();
  const bytes: Record<string, string> = {};
  for (const c of cases) {
    for (const mode of modes.filter((each) => hasMode(c, each))) {
      const { graph, feeds } = caseGraph(c, mode, hasGradient(c));
      for (const [name, values] of Object.entries(await runGraph(backend, graph, feeds))) {
        const { buffer, byteOffset, byteLength } = values;
        bytes[`${c.label}, ${mode}, ${name}`] = Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString(
          "hex",
        );
      }
    }
  }
  await backend.close();
  return bytes;
}

for (const family of ["wasm", "wasm in pairs", "wasm strict"] as const) {
  const [first, ...others] = backends.filter((entry) => entry.family === family);
  it.each(DIVIDED)(`${family}: %s`, async (name) => {
    const bytes = await bytesOn(first, opCases[name]);
    for (const entry of others) expect(await bytesOn(entry, opCases[name]), entry.name).toEqual(bytes);
  });
}

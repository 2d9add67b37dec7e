/**
 * The one list of cases. The conformance suite runs it on every backend, the gradient suite by finite differences. The
 * first part is total over the table of ops: an op without cases is a type error.
 */
import type { OpName } from "../../src/engine/ops/index.ts";
import { attentionCases, attentionFunctions } from "./cases/attention.ts";
import type { Case } from "./cases/case.ts";
import { activationCases, elementwiseCases } from "./cases/elementwise.ts";
import { lossCases } from "./cases/losses.ts";
import { compositeCases, networkCases, networkFunctions } from "./cases/network.ts";
import { recurrentCases, recurrentFunctions } from "./cases/recurrent.ts";
import { shapingCases, shapingFunctions } from "./cases/shaping.ts";

/** Cases of each op. */
export const opCases = {
  ...elementwiseCases,
  ...activationCases,
  ...shapingCases,
  ...networkCases,
  ...attentionCases,
  ...compositeCases,
  ...lossCases,
  ...recurrentCases,
} satisfies Record<OpName, readonly Case[]>;

/** Cases of functions made of ops, and of chains that backends may fuse. */
export const functionCases: Readonly<Record<string, readonly Case[]>> = {
  ...shapingFunctions,
  ...networkFunctions,
  ...attentionFunctions,
  ...recurrentFunctions,
};

export const allCases: Readonly<Record<string, readonly Case[]>> = { ...opCases, ...functionCases };

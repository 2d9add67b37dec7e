/** What a test says of a model beside its figures, by what the model is for. */
import type { ComponentChildren } from "preact";
import type { Measured, ModelCard, TaskKind } from "../engine/protocol.ts";
import { ClassifyResult } from "./classify/result.tsx";
import { taskOf } from "./kinds.ts";

interface ResultProps {
  readonly measured: Measured;
}

/** The page tests classifiers alone: of the others there are no more than figures. */
const RESULTS: Readonly<Record<TaskKind, (props: ResultProps) => ComponentChildren>> = {
  classify: ClassifyResult,
  transcribe: () => null,
  generate: () => null,
};

export function TestResult({ card, measured }: ResultProps & { readonly card: ModelCard }) {
  const Result = RESULTS[taskOf(card)];
  return <Result measured={measured} />;
}

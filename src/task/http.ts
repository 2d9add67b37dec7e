/**
 * What servers say of a task: its answers as JSON, its outputs for protocols that speak of tensors, which addresses make sense
 * for it. The table of all kinds is http-views.ts.
 */

import type { Dim } from "../data/port.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import type { Candidate } from "./classify/ranking.ts";
import type { AnyTask } from "./task.ts";

/** An output that is worked out from an answer, beside those of the network. */
export interface AnswerOutput<Answer> {
  /** As the Open Inference Protocol calls it: float32 numbers, or a text. */
  readonly datatype: "FP32" | "BYTES";
  /** Of one sample. */
  readonly shape: (task: AnyTask) => readonly Dim[];
  readonly of: (answer: Answer) => readonly number[] | string;
}

/** How sure a model is, and of what, where there are few things that it can be sure of. */
export interface Verdict {
  /** 0 … 1 */
  readonly probability: number;
  readonly label?: string | undefined;
}

/** How an answer is wanted. */
export interface AnswerWishes {
  /** How many candidates at most. */
  readonly top: number;
  /** Whether it is less likely than the least probability that was asked for: what it says is held back. */
  readonly isRefused: boolean;
  /** How many characters the picture shows; undefined where there was none to look at. */
  readonly characters?: number | undefined;
}

/** A JSON schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface HttpView<Answer> {
  /** What is found out, for descriptions: "the class of a picture or text". */
  readonly title: string;
  /** Beside the outputs of the network. */
  readonly outputs: Readonly<Record<string, AnswerOutput<Answer>>>;
  /** Outputs that protocols of tensors give unless others are asked for. */
  readonly usual: readonly string[];
  readonly verdict: (answer: Answer) => Verdict;
  /** The fields of an answer. */
  readonly shown: (answer: Answer, wishes: AnswerWishes) => JsonRecord;
  /** Schemas of the fields that {@link shown} gives. */
  readonly fields: Readonly<Record<string, JsonSchema>>;
  /** Probabilities by label in the order of the outputs, of a classifier. */
  readonly scores?: ((answer: Answer) => readonly (readonly [label: string, probability: number])[]) | undefined;
  /** What may come after a text, where the task writes. */
  readonly next?: ((answer: Answer) => readonly Candidate[]) | undefined;
}

/** Of a task of any kind. */
// biome-ignore lint/suspicious/noExplicitAny: an answer of any type
export type AnyHttpView = HttpView<any>;

const RANKED: JsonSchema = {
  type: "object",
  properties: { label: { type: "string" }, probability: { type: "number" } },
  required: ["label", "probability"],
};

/** Schemas of fields that several tasks have. */
export const FIELDS = {
  probability: { type: "number", description: "of the likeliest, refused or not" },
  ranking: { type: "array", items: RANKED, description: "the likeliest first" },
  refused: { type: "boolean", description: "whether it is less likely than the minimum; only where one is set" },
} as const satisfies Readonly<Record<string, JsonSchema>>;

/** Candidates as all answers have them. */
export function shownRanking(candidates: readonly Candidate[], top: number): readonly JsonRecord[] {
  return candidates.slice(0, top).map(({ name, probability }) => ({ label: name, probability }));
}

/** The probabilities of all candidates by their index. */
export function probabilitiesByIndex(candidates: readonly Candidate[]): number[] {
  const probabilities = new Array<number>(candidates.length);
  for (const { index, probability } of candidates) probabilities[index] = probability;
  return probabilities;
}

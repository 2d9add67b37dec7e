/**
 * What is needed of a task now and then: measuring a model on a data set. Apart from the task itself, and loaded when it is asked
 * for, so that a page that only reads does not load it.
 */
import type { Dataset } from "../data/dataset.ts";
import type { Arrays, Sizes } from "../data/port.ts";
import type { AnyEvaluation, EvaluationFields } from "./evaluation.ts";
import type { AnyTask, TaskKind } from "./task.ts";

/** A batch that was run: what went in, and what came out. The arrays are reused for the next one. */
export interface MeasuredBatch {
  readonly count: number;
  readonly sizes: Sizes;
  /** Inputs and targets by the names of their ports. */
  readonly inputs: Arrays;
  readonly outputs: Arrays;
  /** Mean over the batch. */
  readonly loss: number;
}

/** One pass over a data set. */
export interface Measuring {
  /** Takes the next batch, in the order of the data set. */
  add(batch: MeasuredBatch): void;
  finish(fields: EvaluationFields): AnyEvaluation;
}

/** What a measurement needs to know of a model. */
export interface Measurable {
  readonly task: AnyTask;
  readonly temperature: number | undefined;
}

export interface TaskViews {
  readonly measure: (model: Measurable, dataset: Dataset) => Measuring;
}

export const VIEWS: Readonly<Record<TaskKind, () => Promise<TaskViews>>> = {
  classify: async () => (await import("./classify/views.ts")).views,
  transcribe: async () => (await import("./transcribe/views.ts")).views,
  generate: async () => (await import("./generate/views.ts")).views,
};

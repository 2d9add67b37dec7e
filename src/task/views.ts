/**
 * What is needed of a task, or of an input, now and then: measuring a model on a data set, and what it says of itself and of its
 * answers to people. Apart from the task itself, and loaded when it is asked for, so that a page that only reads does not load it.
 */
import type { Dataset } from "../data/dataset.ts";
import type { Arrays, Sizes } from "../data/port.ts";
import type { AnyEvaluation, EvaluationFields } from "./evaluation.ts";
import type { InputCodec, InputKind } from "./input.ts";
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

/** Something that a model may answer. */
export interface Likely {
  /** As it is. */
  readonly label: string;
  /** As people read it. */
  readonly name: string;
  readonly probability: number;
}

/** What is needed of a task now and then. */
export interface TaskViews {
  measure(model: Measurable, dataset: Dataset): Measuring | Promise<Measuring>;
  /** What its answers consist of: a name in the plural, and how many there are with the first of them. */
  facts(task: AnyTask): readonly [name: string, value: string];
  /** The same as plain data. */
  plain(task: AnyTask): Readonly<Record<string, unknown>>;
  /** What an answer of the task says, the likeliest first. */
  ranking(answer: unknown): readonly Likely[];
}

/** What an input says of itself. */
export interface InputViews {
  /** In one line. */
  facts(input: InputCodec): string;
  plain(input: InputCodec): Readonly<Record<string, unknown>>;
}

/** By the kind of a model's task; each is loaded when it is asked for. */
export const VIEWS: Readonly<Record<TaskKind, () => Promise<TaskViews>>> = {
  classify: async () => (await import("./classify/views.ts")).views,
  transcribe: async () => (await import("./transcribe/views.ts")).views,
  generate: async () => (await import("./generate/views.ts")).views,
};

/** By the kind of what a model reads. */
export const INPUT_VIEWS: Readonly<Record<InputKind, () => Promise<InputViews>>> = {
  numbers: async () => (await import("./input-views.ts")).numbers,
  sequence: async () => (await import("./input-views.ts")).sequence,
  text: async () => (await import("./input-views.ts")).text,
  line: async () => (await import("./input-views.ts")).line,
};

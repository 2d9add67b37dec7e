/**
 * What a model is for. A `Task` owns everything that depends on it: which arrays go in and come out, how far an output is from a
 * target, what is counted while training, and what an output means. Training, measuring, model files and servers ask the task
 * and know no kind of it. The kinds stand in one table, tasks.ts; what only some need, such as reports, in views.ts.
 */
import type { Dataset, SampleSpec } from "../data/dataset.ts";
import type { Arrays, BatchArrays, Ports, Sizes } from "../data/port.ts";
import type { Tensor } from "../engine/tensor.ts";
import type { JsonRecord } from "../formats/model-file.ts";
import type { InputCodec } from "./input.ts";
import type { LossFunction } from "./losses.ts";

/** The kinds of tasks, as model files name them. */
export type TaskKind = "classify" | "transcribe" | "generate";

/** Symbolic arrays of a batch, by the names of their ports. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** Numbers by name: `accuracy`, `perplexity`. */
export type Measures = Readonly<Record<string, number>>;

/**
 * A measure, and which way it gets better. By a task's primary one an epoch is better than another; where it is equal, or not
 * known, the lower loss is.
 */
export interface Primary {
  readonly name: string;
  readonly better: "higher" | "lower";
}

/** What a program gave for a batch: the arrays of all outputs, and the lengths of the axes that have a name. */
export interface BatchOutputs {
  readonly outputs: Arrays;
  readonly sizes: Sizes;
  /** Samples in the batch. */
  readonly count: number;
}

/**
 * What a model is for: its inputs and outputs, its loss, what is counted, and what an output means.
 * @typeParam Answer what `predict` gives
 * @typeParam Measured what `evaluate` gives
 */
export interface Task<Answer = unknown, Measured = unknown> {
  readonly kind: TaskKind;
  /** Has no value: it carries the type of what `evaluate` gives. */
  readonly evaluation?: Measured | undefined;
  /** How a picture, a text or numbers become the arrays that the network reads. */
  readonly input: InputCodec;
  /** What comes out, by name, without the batch axis. `logits` is among them. */
  readonly outputs: Ports;
  /** What is learned. `y` is among them. */
  readonly targets: Ports;
  /** What its outputs tell apart, such as symbols or tokens. */
  readonly names: readonly string[];
  /** Name of the loss that is usual for it: one of its own, or of task/losses.ts. */
  readonly loss: string;
  /** Losses that are for this task only, by name. */
  readonly losses?: Readonly<Record<string, LossFunction>> | undefined;
  /** Those of them that can spread a share of the target over all outputs (label smoothing), by name. */
  readonly smoothed?: Readonly<Record<string, (share: number) => LossFunction>> | undefined;
  readonly primary: Primary;
  /** Whether it matters where something stands in a picture, so that nothing is moved to its middle; default: it does not. */
  readonly isPlaced?: boolean | undefined;
  /** All that is measured of it beside the loss, `primary` among them. */
  readonly measures: readonly Primary[];
  /**
   * The named outputs, of what the network gives for a batch.
   * @throws ShapeError when that does not fit the task
   */
  finish(result: Tensor, inputs: Tensors): Tensors;
  /**
   * What a part of a batch counts beside its other parts: how many numbers the usual loss is the mean of. Default: its samples.
   */
  weigh?(batch: BatchArrays): number;
  /** Sums over the batch that are counted while training, by name; none where the samples do not allow it. */
  tally(outputs: Tensors, targets: Tensors, samples: SampleSpec): Tensors;
  /** Measures of the sums of {@link tally}. */
  rates(sums: Measures, samples: number): Measures;
  /** What the usual loss is before anything is learned; 1 where that is not known. */
  untrainedLoss(samples: SampleSpec): number;
  /** @throws DataError when samples are not what the task is about. @param name of the model, for the message */
  check(dataset: Dataset, name: string): void;
  /** @throws DataError when nothing can be learned from these samples */
  refuse?(dataset: Dataset): void;
  /**
   * Why the usual loss of sample `index` of a batch is infinite whatever the logits are, as a part of a sentence that begins with
   * the sample; undefined where it is not. Default: it never is.
   */
  impossible?(batch: BatchOutputs, targets: Arrays, index: number): string | undefined;
  /** What will spoil training on these samples, a sentence each; default: nothing. */
  warn?(train: Dataset): readonly string[];
  /** The same task with what a data set says about it, such as names of what it has; default: as it is. */
  adopt?(dataset: Dataset): Task<Answer, Measured>;
  /** The same task for what another codec reads. */
  reading(input: InputCodec): Task<Answer, Measured>;
  /** Turns the outputs for sample `index` of a batch into an answer. @throws DuctusError where outputs are not finite */
  decode(batch: BatchOutputs, index: number, temperature: number | undefined): Answer;
  /** All that a model file keeps of it; `TASKS[kind]` reads it. */
  record(): JsonRecord;
}

/** A task of any kind. */
// biome-ignore lint/suspicious/noExplicitAny: an answer of any type
export type AnyTask = Task<any, any>;

/** What `predict` gives for a task. */
export type AnswerOf<T> = T extends Task<infer Answer, infer _> ? Answer : never;

/** What `evaluate` gives for a task. */
export type MeasuredOf<T> = T extends Task<infer _, infer Measured> ? Measured : never;

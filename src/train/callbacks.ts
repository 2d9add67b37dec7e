/**
 * What a user may hook into a training run. A callback is a plain object with any of these functions; it is called in
 * order of the list, awaited between epochs, and may ask the run to stop. One that remembers something from epoch to epoch
 * says what, under a name, so that a resumed run goes on as if it had never stopped.
 */
import type { Dataset } from "../data/dataset.ts";
import type { BatchArrays } from "../data/port.ts";
import type { AnyModel } from "../models/model.ts";
import type { AnyEvaluation } from "../task/evaluation.ts";
import type { AnyTask } from "../task/task.ts";
import type { TrainingState } from "./checkpoint.ts";
import type { Run } from "./fit.ts";
import type { EpochResult } from "./results.ts";
import type { WatchableMeasures } from "./watch.ts";

/** Seconds that a run has taken, over all its processes. */
export interface RunTimes {
  /** From its start, with validation and all else. */
  readonly run: number;
  /** Of training in the epoch that is under way. */
  readonly epoch: number;
}

/** What every hook gets. */
export interface TrainingControl {
  readonly model: AnyModel;
  /** Ends the run after the current step, as if it were over; `reason` is kept in the {@link Run}. */
  stop(reason?: string): void;
}

/** What is known before the first step. */
export interface StartInfo extends TrainingControl {
  readonly epochs: number;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  /** Steps of the whole run, and those that were done before a resume. */
  readonly totalSteps: number;
  readonly doneSteps: number;
  /** Time that was taken before a resume. */
  readonly times: RunTimes;
  /** Results of the epochs before a resume. */
  readonly history: readonly EpochResult[];
  /** Whether an earlier run is being resumed. */
  readonly isResumed: boolean;
  /** What is trained on, and what was put aside for validation. */
  readonly train: Dataset;
  readonly validation: Dataset | undefined;
  /** How many samples these have. */
  readonly samples: number;
  readonly validationSamples: number;
  /** What its epochs are measured by. */
  readonly measures: WatchableMeasures;
  readonly seed: number;
  /** What the run computes on, in words. */
  readonly backend: string;
  /** Bytes that a training step needs: weights and optimizer state, and everything on the way. */
  readonly memory: { readonly parameters: number; readonly arena: number };
}

/** One object, rewritten at each step: read it in the hook, do not keep it. */
export interface StepInfo extends TrainingControl {
  /** Counted from 1. */
  readonly epoch: number;
  /** Counted from 1 over the whole run. */
  readonly step: number;
  /** Counted from 1 within the epoch. */
  readonly batch: number;
  /** Samples in this step. */
  readonly count: number;
  readonly loss: number;
  /** Learning rate of this step. */
  readonly lr: number;
  /** The samples of the step's last batch, as the network got them, by the names of their ports. */
  readonly inputs: BatchArrays;
}

/** What is known after an epoch. */
export interface EpochInfo extends TrainingControl, EpochResult {
  /** All that was measured on the validation samples. */
  readonly validation?: AnyEvaluation | undefined;
  /** Whether no epoch before was better on the validation samples (always, without any). */
  readonly isBest: boolean;
}

/** A point from which a run can go on. */
export interface CheckpointInfo extends TrainingControl {
  /** With the model, all it takes to go on. */
  readonly state: TrainingState;
  /** Not in the state, which does not depend on the clock. */
  readonly times: RunTimes;
}

/** What a run calls on its way; all functions are optional. */
export interface Callback {
  /** Under which {@link memory} is kept in checkpoints; callbacks with one need names that differ. */
  readonly name?: string | undefined;
  /** What the callback remembers: finite numbers by name. */
  memory?(): Readonly<Record<string, number>>;
  /** Takes back what {@link memory} gave; called after `onStart` when a run is resumed. */
  remember?(memory: Readonly<Record<string, number>>): void;
  onStart?(info: StartInfo): void | Promise<void>;
  /** Called after every step, in the hot loop: be quick, allocate nothing. */
  onStep?(info: StepInfo): void;
  onEpoch?(info: EpochInfo): void | Promise<void>;
  /** Called when a checkpoint is due, after all `onEpoch` of an epoch, and at the end where something is not yet saved. */
  onCheckpoint?(info: CheckpointInfo): void | Promise<void>;
  /** Called once at the end, also after a stop or an abort, before `keep` puts the best weights back; not after an error. */
  onEnd?(run: Run<AnyTask>, control: TrainingControl): void | Promise<void>;
  /** Called when an error ends the run, which `fit` throws then; what goes wrong in here is not told. */
  onError?(error: unknown): void | Promise<void>;
}

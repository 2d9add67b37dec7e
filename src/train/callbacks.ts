/**
 * What a user may hook into a training run. A callback is a plain object with any of four functions; it is called in
 * order of the list, awaited between epochs, and may ask the run to stop.
 */
import type { Model } from "../models/model.ts";
import type { AnyParameter } from "../nn/module.ts";
import type { Evaluation } from "./evaluation.ts";
import type { Run } from "./fit.ts";

/** What every hook gets. */
export interface TrainingControl {
  readonly model: Model;
  /** Ends the run after the current step, as if it were over; `reason` is kept in the {@link Run}. */
  stop(reason?: string): void;
  /** What the optimiser keeps between steps, by name: with the weights and the step count, all it takes to go on. */
  optimizerState(): ReadonlyMap<string, AnyParameter>;
}

export interface StartInfo extends TrainingControl {
  readonly epochs: number;
  readonly batchSize: number;
  readonly stepsPerEpoch: number;
  /** Samples that are trained on, and those put aside for validation. */
  readonly samples: number;
  readonly validationSamples: number;
  readonly seed: number;
  /** What the run computes on, in words. */
  readonly backend: string;
  /** Bytes that a training step needs: weights and optimiser state, and everything on the way. */
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
  /** Samples in this batch. */
  readonly count: number;
  readonly loss: number;
  /** Learning rate of this step. */
  readonly lr: number;
}

/** Results of an epoch. */
export interface EpochResult {
  /** Counted from 1. */
  readonly epoch: number;
  /** Steps so far. */
  readonly step: number;
  /** Mean loss over the samples trained on, while the weights were changing. */
  readonly trainingLoss: number;
  /** Share of the TRAINING samples recognised while training on them; says little about new ones. */
  readonly trainingAccuracy?: number;
  readonly validation?: Evaluation;
  /** Learning rate of the last step. */
  readonly lr: number;
  /** Seconds of training, without validation. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

export interface EpochInfo extends TrainingControl, EpochResult {
  /** Whether no epoch before was better on the validation samples (always, without any). */
  readonly isBest: boolean;
}

export interface Callback {
  onStart?(info: StartInfo): void | Promise<void>;
  /** Called after every step, in the hot loop: be quick, allocate nothing. */
  onStep?(info: StepInfo): void;
  onEpoch?(info: EpochInfo): void | Promise<void>;
  /** Called once at the end, also after a stop or an abort, before `keep` puts the best weights back; not after an error. */
  onEnd?(run: Run, control: TrainingControl): void | Promise<void>;
}

/** Stops when the validation loss has not fallen for `patience` epochs. */
export function earlyStopping(patience = 3): Callback {
  let best = Number.POSITIVE_INFINITY;
  let since = 0;
  return {
    onStart: () => {
      best = Number.POSITIVE_INFINITY;
      since = 0;
    },
    onEpoch: ({ validation, trainingLoss, stop }) => {
      const loss = validation?.loss ?? trainingLoss;
      since = loss < best ? 0 : since + 1;
      best = Math.min(best, loss);
      if (since >= patience) stop(`the loss has not fallen for ${patience} epochs`);
    },
  };
}

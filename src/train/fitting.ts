/**
 * One run on its way: epochs of training and validation, callbacks, checkpoints, and going on from one. Where it stands is
 * known after every step and is all in {@link Fitting}'s fields, the trainer's counters and parameters, so a checkpoint can
 * be taken after any step, and a run that goes on from one ends with the same bytes.
 */
import type { Dataset } from "../data/dataset.ts";
import type { Backend } from "../engine/backends/backend.ts";
import { DataError } from "../engine/errors.ts";
import type { Schedule } from "../optim/schedules.ts";
import type { AnyEvaluation } from "../task/evaluation.ts";
import type { AnyTask } from "../task/task.ts";
import type { Evaluator } from "../use/evaluate.ts";
import type { TrainedModel } from "../use/trained-model.ts";
import type { Callback, EpochInfo, RunTimes, StepInfo, TrainingControl } from "./callbacks.ts";
import { type Checkpoint, checkSame, type Identity, type Progress } from "./checkpoint.ts";
import type { Run } from "./fit.ts";
import { planRun, type RunPlan } from "./plan.ts";
import { type EpochResult, fromPlain, isBetter, timeless } from "./results.ts";
import type { RunTensors } from "./run-tensors.ts";
import type { FitOptions, Settings } from "./settings.ts";
import { measuredSteps, plannedSteps } from "./span.ts";
import type { StepDefinition } from "./step.ts";
import { DivergedError, ImpossibleSampleError, meanLoss, NO_SUMS, Snapshot, type Trainer } from "./trainer.ts";
import type { TransferPlan } from "./transfer/freeze.ts";
import { type WatchableMeasures, watchedValue } from "./watch.ts";

/** What one run is made of. */
export interface FittingParts<T extends AnyTask> {
  readonly model: TrainedModel<T>;
  readonly options: FitOptions;
  readonly settings: Settings;
  readonly schedule: Schedule;
  /** What its epochs are measured by. */
  readonly measures: WatchableMeasures;
  readonly train: Dataset;
  readonly validation: Dataset | undefined;
  readonly backend: Backend;
  readonly trainer: Trainer;
  readonly evaluator: Evaluator<T>;
  /** All that its steps change. */
  readonly tensors: RunTensors;
  readonly transfer: TransferPlan | undefined;
  readonly identity: Identity;
  /** When `fit` was called, in milliseconds of `performance.now()`. */
  readonly started: number;
}

export class Fitting<T extends AnyTask> {
  readonly #parts: FittingParts<T>;
  readonly #callbacks: readonly Callback[];
  readonly #control: TrainingControl;
  #plan: RunPlan;
  /** Weights of the last complete epoch, for when the loss explodes. */
  readonly #good: Snapshot;
  /** Weights of the best epoch, where the run is to end with them. */
  readonly #best: Snapshot | undefined;
  readonly #history: EpochResult[] = [];
  #bestResult: EpochResult | undefined;
  #savedStep = -1;
  #stopReason: string | undefined;
  #isStopped = false;
  #isTimeUp = false;

  constructor(parts: FittingParts<T>) {
    const { model, options, validation, settings, trainer, backend, tensors } = parts;
    this.#parts = parts;
    this.#callbacks = options.callbacks ?? [];
    this.#control = {
      model,
      stop: (reason) => {
        this.#isStopped = true;
        this.#stopReason = reason;
      },
    };
    this.#plan = this.#planOf(plannedSteps(settings, trainer.stepsPerEpoch));
    this.#good = new Snapshot(backend, tensors.parameters);
    this.#best =
      options.keep === "best" && validation !== undefined ? new Snapshot(backend, tensors.parameters) : undefined;
  }

  async run(): Promise<Run<T>> {
    try {
      return await this.#run();
    } catch (error) {
      await this.#tellError(error);
      throw error;
    }
  }

  async #run(): Promise<Run<T>> {
    const { model, trainer, options, tensors } = this.#parts;
    const { resume } = options;
    if (resume !== undefined) checkSame(resume, this.#parts.identity);
    const first = (resume?.progress.epoch ?? 0) + 1;
    // Weights may have been written since the backend saw them last.
    this.#parts.backend.push(tensors.parameters);
    const memory = await trainer.compile(this.#trainedAt(first));
    this.#follow(resume?.progress.totalSteps ?? (await this.#plannedSteps()));
    if (resume !== undefined) await this.#goOnFrom(resume);
    await this.#tellStart(memory, resume !== undefined);
    // Not before: a look for duplicates, which callbacks take at the start, leaves the hashes that this needs.
    await this.#keepTrainedOn();
    if (resume !== undefined) this.#remind(resume.progress);
    await this.#good.update();

    const afterStep = this.#stepHook();
    const { batch, sums } = resume?.progress ?? {};
    for (let epoch = first; !this.#isOver; epoch++) {
      if (epoch > first) await this.#retrain(epoch);
      await tensors.useAverages(false);
      if (epoch === first) trainer.start(epoch, batch, sums, batch === 0 ? 0 : resume?.times?.epoch);
      else trainer.start(epoch);
      await this.#epoch(afterStep);
      await tensors.useAverages(true);
      if (!this.#isEpochComplete) {
        if (!(await this.#good.isFinite())) this.#good.restore();
        break;
      }
      await this.#closeEpoch(epoch);
    }
    await tensors.useAverages(true);
    // Ended within an epoch: what it did so far is worth keeping too.
    if (this.#savedStep !== trainer.state.step) await this.#checkpoint();

    const ended = options.signal?.aborted ? "aborted" : this.#isStopped ? "stopped" : "finished";
    const run: Run<T> = {
      model,
      history: this.#history,
      best: this.#bestResult,
      steps: trainer.state.step,
      ended,
      reason: this.#stopReason ?? (this.#isTimeUp ? TIME_IS_UP : undefined),
      seconds: this.#times.run,
    };
    for (const callback of this.#callbacks) await callback.onEnd?.(run, this.#control);
    if (this.#bestResult !== undefined && this.#best !== undefined && ended !== "aborted") {
      this.#best.restore();
      this.#describe(this.#bestResult);
    }
    return run;
  }

  /** Time taken so far, with that of earlier processes as far as it is known. */
  get #times(): RunTimes {
    const { options, started, trainer } = this.#parts;
    const before = options.resume?.times?.run ?? sumOf(options.resume?.progress.history ?? []);
    return { run: before + (performance.now() - started) / 1000, epoch: trainer.seconds };
  }

  /** Whether nothing is left to do, or the run was told to stop. */
  get #isOver(): boolean {
    const { trainer, options } = this.#parts;
    return (
      trainer.state.step >= this.#plan.totalSteps ||
      this.#isTimeUp ||
      this.#isStopped ||
      options.signal?.aborted === true
    );
  }

  /** Whether the epoch is over, by its samples or because the whole run is, as planned. */
  get #isEpochComplete(): boolean {
    const { trainer, options } = this.#parts;
    if (this.#isStopped || options.signal?.aborted === true) return false;
    return trainer.isEpochOver || this.#isTimeUp || trainer.state.step >= this.#plan.totalSteps;
  }

  /** Beside what the model comes with: it was trained on that too. */
  async #keepTrainedOn(): Promise<void> {
    const { model, train } = this.#parts;
    const { recordOf, mergeRecords } = await import("../data/trained-samples.ts");
    const record = mergeRecords([...model.trainedOn, ...recordOf(train)]);
    model.trainedOn = record === undefined ? [] : [record];
  }

  #planOf(totalSteps: number): RunPlan {
    const { settings, schedule, trainer } = this.#parts;
    return planRun({ ...settings, schedule }, trainer.stepsPerEpoch, totalSteps);
  }

  #follow(totalSteps: number): void {
    this.#plan = this.#planOf(totalSteps);
    this.#parts.trainer.follow(this.#plan);
  }

  /** How many steps there will be; measured where the time is limited. */
  async #plannedSteps(): Promise<number> {
    const { settings, trainer, validation, evaluator, started, backend, tensors } = this.#parts;
    const planned = plannedSteps(settings, trainer.stepsPerEpoch);
    if (settings.minutes === undefined) return planned;
    const everything = new Snapshot(backend, tensors.everything);
    // The rate does not matter for the speed, and the steps are undone.
    this.#follow(planned);
    const validate = async (): Promise<unknown> => validation && evaluator.run(validation);
    return Math.min(planned, await measuredSteps(settings.minutes, trainer, everything, validate, started));
  }

  async #tellStart(memory: { readonly parameters: number; readonly arena: number }, isResumed: boolean): Promise<void> {
    const { options, settings, train, validation, measures, trainer, backend } = this.#parts;
    for (const callback of this.#callbacks) {
      await callback.onStart?.({
        ...this.#control,
        epochs: this.#plan.epochs,
        batchSize: settings.batchSize * settings.accumulate,
        stepsPerEpoch: trainer.stepsPerEpoch,
        totalSteps: this.#plan.totalSteps,
        doneSteps: trainer.state.step,
        times: options.resume?.times ?? { run: sumOf(this.#history), epoch: 0 },
        history: this.#history,
        isResumed,
        train,
        validation,
        samples: train.length,
        validationSamples: validation?.length ?? 0,
        measures,
        seed: settings.seed,
        backend: backend.description,
        memory,
      });
    }
  }

  /** What ended the run is what should be told, and to all. */
  async #tellError(error: unknown): Promise<void> {
    for (const callback of this.#callbacks) {
      try {
        await callback.onError?.(error);
      } catch {
        // See above.
      }
    }
  }

  /** Trains until the epoch or the run is over, with checkpoints on the way. */
  async #epoch(afterStep: () => boolean): Promise<void> {
    const { trainer, tensors } = this.#parts;
    // It belongs to the weights of the epoch before.
    this.#parts.model.temperature = undefined;
    try {
      while (!trainer.isEpochOver && !this.#isOver) {
        await trainer.run(afterStep);
        const isMidway = !trainer.isEpochOver && trainer.state.step < this.#plan.totalSteps;
        if (isMidway && this.#isCheckpointDue()) {
          await tensors.useAverages(true);
          // Harm that the loss does not show yet must not replace a good checkpoint.
          if (await this.#good.isFinite()) await this.#checkpoint();
          await tensors.useAverages(false);
        }
      }
    } catch (error) {
      if (error instanceof DivergedError || error instanceof ImpossibleSampleError) this.#restoreGood();
      throw error;
    }
  }

  /** Says in the model what was measured of the weights that it has. */
  #describe(result: EpochResult): void {
    const { model } = this.#parts;
    const { temperature, ...metrics } = timeless(result);
    model.metrics = metrics;
    model.temperature = temperature;
  }

  /** After a disaster: the best weights so far where the run was to end with those, else the last good ones. */
  #restoreGood(): void {
    const isBestKnown = this.#best !== undefined && this.#bestResult !== undefined;
    (isBestKnown ? (this.#best as Snapshot) : this.#good).restore();
    if (this.#bestResult !== undefined && isBestKnown) this.#describe(this.#bestResult);
  }

  /** Validation and all that follows an epoch. */
  async #closeEpoch(epoch: number): Promise<void> {
    const { trainer, validation, evaluator, schedule } = this.#parts;
    const results: AnyEvaluation | undefined = validation && (await evaluator.run(validation));
    // The last step's harm would otherwise show in the next epoch only, after the checkpoint is written.
    if (!(await this.#good.isFinite()) || (results !== undefined && !Number.isFinite(results.loss))) {
      this.#restoreGood();
      const spoiled = results?.impossible;
      if (spoiled !== undefined) {
        const { saidOf } = await import("./impossible.ts");
        throw new ImpossibleSampleError(saidOf(validation as Dataset, spoiled.index, spoiled.why));
      }
      throw new DivergedError("weights ceased to be finite numbers", trainer.state.step, epoch);
    }
    const result = epochResult(epoch, trainer, results);
    const isBest = this.#bestResult === undefined || isBetter(result, this.#bestResult, this.#parts.model.task.primary);
    this.#history.push(result);
    if (isBest) this.#bestResult = result;
    this.#describe(result);
    const { feedback } = schedule;
    feedback?.observe(watchedValue(result, feedback.metric ?? "loss"), watchedValue(result, "loss"));
    await this.#good.update();
    if (isBest) await this.#best?.update();
    const info: EpochInfo = { ...this.#control, ...result, validation: results, isBest };
    for (const callback of this.#callbacks) await callback.onEpoch?.(info);
    await this.#checkpoint();
  }

  /** After each step: tells the callbacks, looks at the clock, and says whether to go on without a break. */
  #stepHook(): () => boolean {
    const { trainer, settings, options } = this.#parts;
    const hooks = this.#callbacks.filter((callback) => callback.onStep !== undefined);
    // The trainer rewrites this object at each step; the callbacks see it through the control's functions.
    const info: StepInfo = Object.assign(trainer.state, this.#control);
    const end = this.#deadline(settings.minutes);
    return () => {
      for (let i = 0; i < hooks.length; i++) hooks[i].onStep?.(info);
      if (performance.now() >= end) this.#isTimeUp = true;
      return (
        !this.#isStopped &&
        !this.#isTimeUp &&
        trainer.state.step < this.#plan.totalSteps &&
        options.signal?.aborted !== true &&
        !this.#isCheckpointDue()
      );
    };
  }

  /** When the minutes are over, those of earlier processes included. */
  #deadline(minutes: number | undefined): number {
    if (minutes === undefined) return Number.POSITIVE_INFINITY;
    const before = this.#parts.options.resume?.times?.run ?? sumOf(this.#history);
    return this.#parts.started + 1000 * (60 * minutes - before);
  }

  #isCheckpointDue(): boolean {
    const { checkpointSteps } = this.#parts.options;
    const { step } = this.#parts.trainer.state;
    return checkpointSteps !== undefined && step % checkpointSteps === 0 && step !== this.#savedStep;
  }

  /** Other programs from this epoch on, where it trains other weights than the one before. */
  async #retrain(epoch: number): Promise<void> {
    const { transfer, trainer, tensors } = this.#parts;
    if (transfer === undefined || transfer.count(epoch) === transfer.count(epoch - 1)) return;
    await tensors.useAverages(false);
    await trainer.compile(this.#trainedAt(epoch));
  }

  #trainedAt(epoch: number): Partial<StepDefinition> {
    return this.#parts.transfer?.at(epoch, this.#parts.trainer.stepsPerEpoch) ?? {};
  }

  /** Tells the callbacks that this is a point to go on from. The network holds what is to be used: averages, where on. */
  async #checkpoint(): Promise<void> {
    const { trainer, tensors: all } = this.#parts;
    this.#savedStep = trainer.state.step;
    const hooks = this.#callbacks.filter((callback) => callback.onCheckpoint !== undefined);
    if (hooks.length === 0) return;
    const bestIsPast = this.#best !== undefined && this.#bestResult !== undefined && !this.#isBestNow;
    const tensors = await all.copies(bestIsPast ? (this.#best as Snapshot).data : []);
    const state = { progress: this.#progress(), tensors };
    for (const callback of hooks) await callback.onCheckpoint?.({ ...this.#control, state, times: this.#times });
  }

  /** Whether the weights of the best epoch are those that the network has. */
  get #isBestNow(): boolean {
    return this.#bestResult?.step === this.#parts.trainer.state.step;
  }

  #progress(): Progress {
    const { trainer, schedule, identity } = this.#parts;
    const epoch = this.#history.length;
    const isMidway = trainer.state.step > (this.#history.at(-1)?.step ?? 0);
    const memories = this.#callbacks.flatMap(({ name, memory }) => (name && memory ? [[name, memory()]] : []));
    return {
      epoch,
      batch: isMidway ? trainer.state.batch : 0,
      step: trainer.state.step,
      totalSteps: this.#plan.totalSteps,
      sums: isMidway ? { ...trainer.sums } : { ...NO_SUMS },
      history: this.#history.map(timeless),
      best: this.#bestResult?.epoch ?? 0,
      schedule: schedule.feedback?.state() ?? null,
      callbacks: Object.fromEntries(memories),
      stopped: this.#isStopped ? (this.#stopReason ?? "") : this.#isTimeUp ? TIME_IS_UP : null,
      identity,
    };
  }

  /** Becomes the run that a checkpoint was taken of. */
  async #goOnFrom(checkpoint: Checkpoint): Promise<void> {
    const { model, trainer, schedule, tensors } = this.#parts;
    const { progress } = checkpoint;
    // A checkpoint has the averages in the network's place.
    await tensors.useAverages(true);
    model.network.load(checkpoint.weights);
    if (checkpoint.trainedOn !== undefined) model.trainedOn = [checkpoint.trainedOn];
    tensors.restore(checkpoint);
    trainer.state.step = this.#savedStep = progress.step;
    this.#history.push(...progress.history.map(fromPlain));
    this.#bestResult = this.#history.find(({ epoch }) => epoch === progress.best);
    if (progress.best > 0 && this.#bestResult === undefined) {
      throw new DataError(`${checkpoint.name}: its best epoch, ${progress.best}, is not in its history`);
    }
    const { sums } = progress;
    const began = this.#history[0]?.trainingLoss ?? (sums.samples > 0 ? meanLoss(sums) : undefined);
    if (began !== undefined) trainer.watch.beganWith(began);
    const last = this.#history.at(-1);
    if (last !== undefined) this.#describe(last);
    if (this.#best !== undefined && this.#bestResult !== undefined) {
      await this.#best.update();
      if (!this.#isBestNow) tensors.restoreBest(checkpoint, this.#best.data);
    }
    if (progress.schedule !== null) schedule.feedback?.restore(progress.schedule);
  }

  /** Gives callbacks back what they knew, and the run that it was over. */
  #remind({ callbacks, stopped }: Progress): void {
    for (const { name, remember } of this.#callbacks) {
      if (name !== undefined && Object.hasOwn(callbacks, name)) remember?.(callbacks[name]);
    }
    if (stopped === TIME_IS_UP) this.#isTimeUp = true;
    else if (stopped !== null) this.#control.stop(stopped === "" ? undefined : stopped);
  }
}

const TIME_IS_UP = "the time is up";

/** Seconds of training of some epochs. */
function sumOf(history: readonly { readonly seconds?: number | undefined }[]): number {
  return history.reduce((sum, { seconds = 0 }) => sum + seconds, 0);
}

function epochResult(epoch: number, trainer: Trainer, validation: AnyEvaluation | undefined): EpochResult {
  const { sums, state, seconds, imagesPerSecond } = trainer;
  return {
    epoch,
    step: state.step,
    trainingLoss: meanLoss(sums),
    trainingAccuracy: trainer.rates.accuracy,
    validation,
    temperature: validation?.fitTemperature(),
    lr: state.lr,
    seconds,
    imagesPerSecond,
  };
}

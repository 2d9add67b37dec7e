/**
 * `fit`: trains a model on a data set. Works out what the options and the model's recipe say, then runs epochs: training
 * steps (trainer.ts), validation (evaluate.ts), callbacks.
 */
import type { Dataset } from "../data/dataset.ts";
import { stratifiedSplit } from "../data/split.ts";
import type { Backend } from "../engine/backends/backend.ts";
import type { Model } from "../models/model.ts";
import type { AnyParameter } from "../nn/module.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedules.ts";
import { platform } from "../platform/platform.ts";
import type { Callback, EpochInfo, EpochResult, StepInfo, TrainingControl } from "./callbacks.ts";
import { describeTraining } from "./describe-training.ts";
import { checkSamples, Evaluator } from "./evaluate.ts";
import { refuseTestSplit } from "./leakage.ts";
import { plainResult } from "./run-folder.ts";
import { type FitOptions, resolveSettings, type Settings } from "./settings.ts";
import type { TrainedModel } from "./trained-model.ts";
import { DivergedError, type EpochSums, Snapshot, Trainer } from "./trainer.ts";

/** A run that is over. */
export interface Run {
  /** The network that was given, trained, with what is now known about it. */
  readonly model: TrainedModel;
  readonly history: readonly EpochResult[];
  /** The best epoch on the validation samples, or the last one without any; undefined when none was completed. */
  readonly best: EpochResult | undefined;
  readonly steps: number;
  readonly ended: "finished" | "stopped" | "aborted";
  /** Why a callback stopped it. */
  readonly reason: string | undefined;
  readonly seconds: number;
}

/**
 * Trains a model.
 * @throws UsageError when an option is out of range, or a test split is to be trained on or chosen by
 * @throws DataError when the samples do not fit the model
 * @throws DivergedError when the loss is no finite number any more; the model then has its last good weights
 */
export async function fit(untrained: Model, dataset: Dataset, options: FitOptions = {}): Promise<Run> {
  checkSamples(untrained, dataset);
  refuseTestSplit(dataset, typeof options.validation === "object" ? options.validation : undefined);
  const model = await describeTraining(untrained, dataset, options.preprocessing);
  const settings = resolveSettings(model.recipe, options);
  const { train, validation } = split(dataset, options.validation, settings.seed);
  const backend = options.backend ?? (await platform().createBackend(options));
  const totalSteps = settings.epochs * Math.ceil(train.length / settings.batchSize);
  const trainer = new Trainer({ model, ...settings }, backend, train, {
    ...settings,
    lr: (step) => settings.lr * settings.schedule.factor(step - 1, totalSteps),
  });
  const evaluator = new Evaluator(model, backend, { loss: settings.measuredLoss, metrics: options.metrics });
  try {
    return await new Fitting({ model, options, settings, train, validation, backend, trainer, evaluator }).run();
  } finally {
    evaluator.dispose();
    trainer.dispose();
    if (options.backend === undefined) await backend.close();
  }
}

function split(
  dataset: Dataset,
  validation: number | Dataset | undefined,
  seed: number,
): { train: Dataset; validation: Dataset | undefined } {
  if (validation === undefined || validation === 0) return { train: dataset, validation: undefined };
  return typeof validation === "number" ? stratifiedSplit(dataset, validation, seed) : { train: dataset, validation };
}

/** What one run is made of. */
interface Parts {
  readonly model: TrainedModel;
  readonly options: FitOptions;
  readonly settings: Settings;
  readonly train: Dataset;
  readonly validation: Dataset | undefined;
  readonly backend: Backend;
  readonly trainer: Trainer;
  readonly evaluator: Evaluator;
}

/** One run on its way. */
class Fitting {
  readonly #parts: Parts;
  readonly #callbacks: readonly Callback[];
  readonly #control: TrainingControl;
  readonly #history: EpochResult[] = [];
  #best: EpochResult | undefined;
  #stopReason: string | undefined;
  #isStopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#callbacks = parts.options.callbacks ?? [];
    this.#control = {
      model: parts.model,
      stop: (reason) => {
        this.#isStopped = true;
        this.#stopReason = reason;
      },
      optimizerState: () => optimizerState(parts.model, parts.settings.optimizer),
    };
  }

  async run(): Promise<Run> {
    const { model, options, settings, train, validation, trainer, evaluator, backend } = this.#parts;
    const { signal } = options;
    const started = performance.now();
    const memory = await trainer.compile();
    for (const callback of this.#callbacks) {
      await callback.onStart?.({
        ...this.#control,
        epochs: settings.epochs,
        batchSize: settings.batchSize,
        stepsPerEpoch: trainer.stepsPerEpoch,
        samples: train.length,
        validationSamples: validation?.length ?? 0,
        seed: settings.seed,
        backend: backend.description,
        memory,
      });
    }

    const parameters = [...model.network.namedParameters()].map(([, parameter]) => parameter);
    const good = new Snapshot(parameters);
    const best = options.keep === "best" && validation !== undefined ? new Snapshot(parameters) : undefined;
    const goOn = this.#stepHook(signal);
    for (let epoch = 1; epoch <= settings.epochs && goOn.isOn(); epoch++) {
      const sums = await this.#epoch(epoch, goOn.afterStep, good);
      if (!goOn.isOn()) {
        if (!good.isFinite()) good.restore();
        break;
      }
      const results = validation && (await evaluator.run(validation));
      // The last step's harm would otherwise show in the next epoch only, after the checkpoint is written.
      if (!good.isFinite() || (results !== undefined && !Number.isFinite(results.loss))) {
        good.restore();
        throw new DivergedError("weights ceased to be finite numbers", trainer.state.step, epoch);
      }
      const isBest = this.#record(epochResult(epoch, sums, trainer, results));
      model.metrics = plainResult(this.#history[this.#history.length - 1]);
      observe(settings.schedule, this.#history[this.#history.length - 1]);
      good.update();
      if (isBest) best?.update();
      await this.#tellEpoch(isBest);
    }
    const ended = signal?.aborted ? "aborted" : this.#isStopped ? "stopped" : "finished";
    const run: Run = {
      model,
      history: this.#history,
      best: this.#best,
      steps: trainer.state.step,
      ended,
      reason: this.#stopReason,
      seconds: (performance.now() - started) / 1000,
    };
    for (const callback of this.#callbacks) await callback.onEnd?.(run, this.#control);
    if (this.#best !== undefined && best !== undefined && ended !== "aborted") {
      best.restore();
      model.metrics = plainResult(this.#best);
    }
    return run;
  }

  /** Trains for one epoch; after a disaster the model gets the weights of the last complete epoch back. */
  async #epoch(epoch: number, afterStep: () => boolean, good: Snapshot): Promise<EpochSums> {
    try {
      return await this.#parts.trainer.epoch(epoch, afterStep);
    } catch (error) {
      if (error instanceof DivergedError) good.restore();
      throw error;
    }
  }

  /** Whether the run goes on, and the hook that tells callbacks of each step. */
  #stepHook(signal: AbortSignal | undefined): { isOn: () => boolean; afterStep: () => boolean } {
    const hooks = this.#callbacks.filter((callback) => callback.onStep !== undefined);
    // The trainer rewrites this object at each step; the callbacks see it through the control's functions.
    const info: StepInfo = Object.assign(this.#parts.trainer.state, this.#control);
    const isOn = (): boolean => !this.#isStopped && signal?.aborted !== true;
    const afterStep = (): boolean => {
      for (const callback of hooks) callback.onStep?.(info);
      return isOn();
    };
    return { isOn, afterStep };
  }

  /** @returns whether it is the best epoch so far */
  #record(result: EpochResult): boolean {
    this.#history.push(result);
    const isBest = result.validation === undefined || this.#best === undefined || isBetter(result, this.#best);
    if (isBest) this.#best = result;
    return isBest;
  }

  async #tellEpoch(isBest: boolean): Promise<void> {
    const result = this.#history[this.#history.length - 1];
    const info: EpochInfo = { ...this.#control, ...result, isBest };
    for (const callback of this.#callbacks) await callback.onEpoch?.(info);
  }
}

/** Schedules that listen hear the validation loss or, when they wait for something to rise, the accuracy. */
function observe({ spec, feedback }: Schedule, { validation, trainingLoss }: EpochResult): void {
  const wantsAccuracy = spec.name === "plateau" && spec.mode === "max";
  feedback?.observe((wantsAccuracy ? validation?.accuracy : validation?.loss) ?? trainingLoss);
}

function epochResult(
  epoch: number,
  sums: EpochSums,
  trainer: Trainer,
  validation: EpochResult["validation"],
): EpochResult {
  return {
    epoch,
    step: trainer.state.step,
    trainingLoss: sums.loss / sums.samples,
    trainingAccuracy: trainer.countsCorrect ? sums.correct / sums.samples : undefined,
    validation,
    lr: trainer.state.lr,
    seconds: sums.seconds,
    imagesPerSecond: sums.samples / sums.seconds,
  };
}

/** Higher accuracy wins, and lower loss where it is equal or there is none. */
function isBetter(a: EpochResult, b: EpochResult): boolean {
  const [left, right] = [a.validation, b.validation];
  if (left === undefined || right === undefined) return true;
  const gain = (left.accuracy ?? 0) - (right.accuracy ?? 0);
  return gain > 0 || (gain === 0 && left.loss < right.loss);
}

/** State of the optimiser by name: `conv1.weight.exp_avg`. */
export function optimizerState(model: Model, optimizer: Optimizer): Map<string, AnyParameter> {
  const named = new Map<string, AnyParameter>();
  const trainable = new Set<AnyParameter>(model.network.trainable());
  for (const [name, parameter] of model.network.namedParameters()) {
    if (!trainable.has(parameter)) continue;
    for (const [key, state] of Object.entries(optimizer.state(parameter as never))) named.set(`${name}.${key}`, state);
  }
  return named;
}

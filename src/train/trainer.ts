/**
 * Runs compiled training steps: keeps one program per batch shape, feeds it batches in the order of the epoch, and adds up
 * what comes out. The loop of {@link Trainer.epoch} allocates nothing but the optimiser's few numbers.
 */
import type { AugmentationList } from "../data/augment/records.ts";
import type { Dataset, InputArray, TargetArray } from "../data/dataset.ts";
import { Loader } from "../data/loader.ts";
import type { Backend, Program } from "../engine/backends/backend.ts";
import { DuctusError } from "../engine/errors.ts";
import type { Parameter } from "../engine/tensor.ts";
import type { AnyParameter } from "../nn/module.ts";
import { platform } from "../platform/platform.ts";
import { BREATH } from "./evaluate.ts";
import { hasClasses, type StepDefinition, traceTrainingStep, writeStepKey } from "./step.ts";

/** The loss or the weights are no finite numbers any more. */
export class DivergedError extends DuctusError {
  readonly step: number;
  readonly epoch: number;

  /** @param what for the message: `loss became NaN` */
  constructor(what: string, step: number, epoch: number) {
    super(
      `the ${what} at step ${step} (epoch ${epoch}); the last good weights are kept; try a lower learning rate or clipNorm`,
    );
    this.step = step;
    this.epoch = epoch;
  }
}

export interface TrainerOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly augment?: AugmentationList;
  /** Learning rate of step `step` (counted from 1). */
  readonly lr: (step: number) => number;
}

/** Numbers of the step just done; one object, rewritten. */
export interface StepState {
  epoch: number;
  step: number;
  batch: number;
  count: number;
  loss: number;
  lr: number;
}

/** Sums over the steps of an epoch. */
export interface EpochSums {
  /** Samples trained on: fewer than the data set has when the epoch was cut short. */
  samples: number;
  loss: number;
  correct: number;
  readonly seconds: number;
}

export class Trainer {
  readonly state: StepState = { epoch: 0, step: 0, batch: 0, count: 0, loss: 0, lr: 0 };
  readonly stepsPerEpoch: number;
  readonly #definition: StepDefinition;
  readonly #backend: Backend;
  readonly #dataset: Dataset;
  readonly #options: TrainerOptions;
  readonly #loader: Loader;
  readonly #programs = new Map<number, Program>();

  constructor(definition: StepDefinition, backend: Backend, dataset: Dataset, options: TrainerOptions) {
    this.#definition = definition;
    this.#backend = backend;
    this.#dataset = dataset;
    this.#options = options;
    const { batchSize, seed, augment } = options;
    this.#loader = new Loader(dataset, { batchSize, seed, augment, classes: definition.model.classes.length });
    this.stepsPerEpoch = this.#loader.batches;
  }

  /** Compiles the steps for full batches and for the last, smaller one. @returns the memory that the larger needs */
  async compile(): Promise<Program["memory"]> {
    const { batchSize } = this.#options;
    const { length } = this.#dataset;
    const sizes =
      length < batchSize ? [length] : length % batchSize === 0 ? [batchSize] : [batchSize, length % batchSize];
    for (const size of sizes) {
      const graph = traceTrainingStep(this.#definition, this.#loader.samples, size);
      this.#programs.set(size, await this.#backend.compile(graph));
    }
    return (this.#programs.get(sizes[0]) as Program).memory;
  }

  /**
   * Trains on every sample once.
   * @param goOn asked after every step; false ends the epoch early
   * @throws DivergedError when the loss is not a finite number
   */
  async epoch(epoch: number, goOn: (state: StepState) => boolean): Promise<EpochSums> {
    const { state } = this;
    const { batchSize } = this.#options;
    const started = performance.now();
    let breath = started;
    let samples = 0;
    let loss = 0;
    let correct = 0;
    this.#loader.start(epoch);
    state.epoch = epoch;
    for (let batch = 1; batch <= this.stepsPerEpoch; batch++) {
      const count = Math.min(batchSize, this.#dataset.length - (batch - 1) * batchSize);
      const program = this.#programs.get(count) as Program;
      state.batch = batch;
      state.count = count;
      this.#runStep(program, ++state.step);
      if (!Number.isFinite(state.loss)) throw new DivergedError(`loss became ${state.loss}`, state.step, epoch);
      samples += count;
      loss += state.loss * count;
      correct += program.outputs.correct?.[0] ?? 0;
      if (!goOn(state)) break;
      const now = performance.now();
      if (now - breath > BREATH) {
        await platform().breathe();
        breath = performance.now();
      }
    }
    return { samples, loss, correct, seconds: (performance.now() - started) / 1000 };
  }

  /** Whether {@link EpochSums.correct} means anything. */
  get countsCorrect(): boolean {
    return hasClasses(this.#loader.samples);
  }

  dispose(): void {
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
  }

  #runStep(program: Program, step: number): void {
    const { state } = this;
    const { inputs } = program;
    this.#loader.next(inputs.x as InputArray, inputs.y as TargetArray);
    writeStepKey(this.#options.seed, step, inputs.key as Int32Array);
    state.lr = this.#options.lr(step);
    const scalars = this.#definition.optimizer.scalars(step, state.lr);
    for (const name in scalars) {
      // An optimiser may work out more numbers than its update reads.
      if (name in inputs) inputs[name][0] = scalars[name];
    }
    program.run();
    state.loss = program.outputs.loss[0];
  }
}

/** A copy of values that a later disaster can be undone with. */
export class Snapshot {
  readonly #values: readonly { readonly parameter: AnyParameter; readonly data: Float32Array | Int32Array }[];

  constructor(parameters: Iterable<AnyParameter>) {
    this.#values = [...parameters].map((parameter) => ({ parameter, data: parameter.data.slice() }));
  }

  /** Takes the present values. */
  update(): void {
    for (const { parameter, data } of this.#values) data.set(parameter.data);
  }

  /** Whether the present values are all finite numbers. */
  isFinite(): boolean {
    return this.#values.every(({ parameter }) => parameter.data.every(Number.isFinite));
  }

  restore(): void {
    for (const { parameter, data } of this.#values) (parameter as Parameter).data.set(data);
  }
}

/**
 * Runs compiled training steps: keeps one program per batch shape, feeds it batches in the order of the epoch, and adds up
 * what comes out. It can stop after any step and go on from there, in this process or after a resume. The loop of
 * {@link Trainer.run} allocates nothing but the optimizer's few numbers.
 */
import type { Augment } from "../augment/batch-augmenter.ts";
import type { Dataset } from "../data/dataset.ts";
import { type EpochOrder, Loader } from "../data/loader.ts";
import { arraysFor, type BatchArrays, INDEX } from "../data/port.ts";
import type { Backend, Program } from "../engine/backends/backend.ts";
import { DataError, DuctusError } from "../engine/errors.ts";
import { type BatchShape, Programs } from "../engine/programs.ts";
import type { Parameter } from "../engine/tensor.ts";
import type { AnyParameter } from "../nn/module.ts";
import { ZeroState } from "../optim/state.ts";
import { BREATH, platform } from "../platform/platform.ts";
import { LOSS_OUTPUT } from "../task/batch.ts";
import { findLoss } from "../task/losses.ts";
import type { Measures } from "../task/task.ts";
import { DivergenceWatch } from "./divergence.ts";
import {
  groupsOf,
  type ParameterGroup,
  STEP_INPUTS,
  type StepDefinition,
  scalarName,
  traceAccumulation,
  traceTrainingStep,
  writeStepKey,
} from "./step.ts";

/** The loss or the weights are no finite numbers any more, or the loss is absurd. */
export class DivergedError extends DuctusError {
  override name = "DivergedError";
  readonly step: number;
  readonly epoch: number;

  /** @param what for the message: `loss became NaN` */
  constructor(what: string, step: number, epoch: number) {
    super(
      (option) =>
        `the ${what} at step ${step} (epoch ${epoch}); the last good weights are kept; try a lower learning rate (${option("lr")}) or ${option("clipNorm")}`,
    );
    this.step = step;
    this.epoch = epoch;
  }
}

/** A sample cannot be learned, whatever the learning rate is. */
export class ImpossibleSampleError extends DataError {
  override name = "ImpossibleSampleError";
}

/** What steps are like. */
export interface Course {
  /** Learning rate of step `step` (counted from 1). */
  readonly lr: (step: number) => number;
  /** Epochs in which nothing is done to the samples; default none. */
  readonly isPlain?: ((epoch: number) => boolean) | undefined;
}

export interface TrainerOptions extends Course {
  /** Samples that go through the network at a time. */
  readonly batchSize: number;
  /** Batches whose gradients are added before the weights change; default 1. */
  readonly accumulate?: number | undefined;
  readonly seed: number;
  readonly augment?: Augment | undefined;
  /** Instead of the shuffle by `seed`. */
  readonly order?: EpochOrder | undefined;
}

/** Numbers of the step just done; one object, rewritten. */
export interface StepState {
  epoch: number;
  step: number;
  /** Steps of this epoch. */
  batch: number;
  count: number;
  loss: number;
  lr: number;
  /** Of the last batch, in the memory of its program, by the names of their ports. */
  inputs: BatchArrays;
}

/** Sums over the steps of an epoch. */
export interface EpochSums {
  /** Samples trained on: fewer than the data set has when the epoch was cut short. */
  samples: number;
  /** What the losses are means of: samples, or what the task weighs a batch by, such as tokens. */
  weight: number;
  /** Of losses times weights. */
  loss: number;
  /** What the task counts, by name: `correct`. */
  [tally: string]: number;
}

export const NO_SUMS: EpochSums = { samples: 0, weight: 0, loss: 0 };

/** The mean loss of the steps so far. */
export const meanLoss = ({ loss, weight }: EpochSums): number => loss / Math.max(1, weight);

/** Where the optimizer's numbers go, which change from step to step. */
type Scalars = readonly { readonly name: string; readonly group: number; readonly place: Float32Array }[];

export class Trainer {
  readonly state: StepState = {
    epoch: 0,
    step: 0,
    batch: 0,
    count: 0,
    loss: 0,
    lr: 0,
    inputs: arraysFor({ x: INDEX, y: INDEX }, 0),
  };
  /** Counters stay at 0 where nothing is counted. */
  sums: EpochSums = { ...NO_SUMS };
  readonly stepsPerEpoch: number;
  /** Seconds of training in this epoch. */
  seconds = 0;
  /** Samples in that time. */
  #counted = 0;
  readonly #given: StepDefinition;
  /** What is trained now. */
  #definition: StepDefinition;
  readonly #backend: Backend;
  readonly #dataset: Dataset;
  readonly #options: TrainerOptions;
  #course: Course;
  readonly #loader: Loader;
  readonly #accumulate: number;
  readonly #sums: ZeroState<"gradient"> | undefined;
  #groups: readonly ParameterGroup[];
  #isEmployed = false;
  /** Asked after every step whether training is lost. */
  readonly watch: DivergenceWatch;
  /** Of whole batches, or the last parts of some. */
  readonly #steps: Programs;
  /** Of all other parts. */
  readonly #parts: Programs;
  readonly #scalars = new WeakMap<Program, Scalars>();
  /** Names of what the task counts. */
  #tallies: readonly string[] = [];

  constructor(definition: StepDefinition, backend: Backend, dataset: Dataset, options: TrainerOptions) {
    const { batchSize, accumulate = 1, seed, order, augment } = options;
    this.#course = options;
    const { task } = definition.model;
    // Another loss is the mean over samples, as far as one knows.
    const isWeighed = task.weigh !== undefined && definition.loss === findLoss(task.loss, task);
    this.#backend = backend;
    this.#dataset = dataset;
    this.#options = options;
    this.#accumulate = accumulate;
    const [width] = task.outputs.logits.shape;
    const outputs = typeof width === "number" ? width : undefined;
    const isPlain = (epoch: number): boolean => this.#course.isPlain?.(epoch) ?? false;
    this.#loader = new Loader(dataset, { batchSize, seed, order, augment, isPlain, classes: outputs });
    const sums = accumulate > 1 ? new ZeroState<"gradient">(["gradient"]) : undefined;
    this.#sums = sums;
    this.#given = this.#definition = { ...definition, sums, isWeighed };
    this.#groups = groupsOf(definition);
    this.watch = new DivergenceWatch(task.untrainedLoss(this.#loader.samples));
    const { samples } = this.#loader;
    this.#steps = new Programs(backend, (shape) => {
      const graph = traceTrainingStep(this.#definition, samples, shape);
      this.#tallies = Object.keys(graph.outputs).filter((name) => name !== LOSS_OUTPUT);
      return graph;
    });
    this.#parts = new Programs(backend, (shape) =>
      traceAccumulation({ ...this.#definition, sums: sums as ZeroState<"gradient"> }, samples, shape),
    );
    this.stepsPerEpoch = Math.ceil(this.#loader.batches / accumulate);
  }

  /** From here on steps are as this says. */
  follow(course: Course): void {
    this.#course = course;
  }

  /**
   * Compiles the steps for full batches and for the last, smaller one.
   * @param changes what is trained from now on, where it differs from the definition
   * @returns the memory that the larger needs
   */
  async compile(changes: Partial<StepDefinition> = {}): Promise<Program["memory"]> {
    this.#steps.dispose();
    this.#parts.dispose();
    const { crew } = this.#backend;
    if (crew !== undefined && !this.#isEmployed) await this.#loader.employ(crew);
    this.#isEmployed = true;
    this.#definition = { ...this.#given, ...changes };
    this.#groups = groupsOf(this.#definition);
    const { largest } = this.#loader;
    for (const shape of largest) await this.#steps.get(shape);
    if (this.#sums !== undefined && this.#dataset.length > this.#options.batchSize) await this.#parts.get(largest[0]);
    return this.#steps.memory;
  }

  /**
   * Begins an epoch (counted from 1), or goes on with one after so many of its steps, with the sums that it had then.
   * @param seconds that these steps took; 0 where it is not known
   */
  start(epoch: number, batch = 0, sums: EpochSums = NO_SUMS, seconds = 0): void {
    this.#loader.start(epoch, batch * this.#accumulate);
    this.state.epoch = epoch;
    this.state.batch = batch;
    this.seconds = seconds;
    this.#counted = seconds > 0 ? sums.samples : 0;
    this.sums = { ...Object.fromEntries(this.#tallies.map((name) => [name, 0])), ...sums };
  }

  /**
   * Trains until the epoch is over.
   * @param goOn asked after every step; false leaves the epoch, which the next call goes on with
   * @throws ImpossibleSampleError when the loss is not a finite number because a sample cannot be learned
   * @throws DivergedError when it is not for another reason, or absurd (divergence.ts)
   */
  async run(goOn: (state: StepState) => boolean): Promise<void> {
    const { state, sums } = this;
    const started = performance.now();
    let breath = started;
    while (state.batch < this.stepsPerEpoch) {
      state.batch++;
      const weight = await this.#runStep(++state.step);
      const problem = this.watch.problem(state.loss);
      if (problem !== undefined) throw new DivergedError(problem, state.step, state.epoch);
      sums.samples += state.count;
      this.#counted += state.count;
      sums.weight += weight;
      sums.loss += state.loss * weight;
      if (!goOn(state)) break;
      const now = performance.now();
      if (now - breath > BREATH) {
        await platform().breathe();
        breath = performance.now();
      }
    }
    this.seconds += (performance.now() - started) / 1000;
  }

  get imagesPerSecond(): number {
    return this.seconds > 0 ? this.#counted / this.seconds : 0;
  }

  /** Whether all samples of the epoch were trained on. */
  get isEpochOver(): boolean {
    return this.state.batch >= this.stepsPerEpoch;
  }

  /** What the task has counted in this epoch, as it measures it; nothing where samples do not allow it. */
  get rates(): Measures {
    const counted = Object.fromEntries(this.#tallies.map((name) => [name, this.sums[name] ?? 0]));
    return this.#definition.model.task.rates(counted, this.sums.samples);
  }

  dispose(): void {
    this.#steps.dispose();
    this.#parts.dispose();
    this.#loader.dispose();
  }

  /** One change of the weights, by one batch or several. @returns what its loss is the mean of */
  async #runStep(step: number): Promise<number> {
    const { state, sums } = this;
    const most = this.#accumulate * this.#options.batchSize;
    const total = Math.min(most, this.#dataset.length - (state.batch - 1) * most);
    state.count = total;
    state.lr = this.#course.lr(step);
    let loss = 0;
    let weight = 0;
    let part = 0;
    for (let left = total; left > 0; part++) {
      const shape = this.#loader.ahead();
      const count = shape.batch;
      left -= count;
      const program = await (left > 0 ? this.#parts : this.#steps).get(shape);
      if (left === 0) this.#writeScalars(program, step);
      const own = this.#feed(program, shape, step, part);
      weight += own;
      if (this.#sums !== undefined) {
        const { [STEP_INPUTS.part]: share, [STEP_INPUTS.whole]: whole } = program.inputs;
        share[0] = own / total;
        if (whole !== undefined) whole[0] = total / Math.max(1, weight);
      }
      program.run();
      const results = await program.read();
      if (!Number.isFinite(results[LOSS_OUTPUT][0])) await this.#refuseImpossible(shape);
      loss += results[LOSS_OUTPUT][0] * (this.#sums === undefined ? 1 : own / total);
      for (const name of this.#tallies) sums[name] += results[name][0];
    }
    const isMean = this.#sums === undefined || weight === total;
    state.loss = isMean ? loss : loss * (total / Math.max(1, weight));
    return weight;
  }

  /** @throws ImpossibleSampleError where the loss of the batch just done is no finite number because of a sample */
  async #refuseImpossible(shape: BatchShape): Promise<void> {
    const { findImpossible, saidOf } = await import("./impossible.ts");
    const batch = { samples: this.#loader.samples, shape, arrays: this.state.inputs };
    const found = await findImpossible(this.#definition.model, this.#backend, batch);
    if (found === undefined) return;
    const { order, position } = this.#loader;
    const index = order[position - shape.batch + found.place];
    throw new ImpossibleSampleError(saidOf(this.#dataset, index, found.why));
  }

  /** Writes this step's numbers to the program that changes the weights. */
  #writeScalars(program: Program, step: number): void {
    const { optimizer, average } = this.#definition;
    const scalars = this.#scalars.get(program) ?? scalarsOf(program, this.#definition, this.#groups);
    this.#scalars.set(program, scalars);
    for (let g = 0; g < this.#groups.length; g++) {
      const { lrFactor, startStep } = this.#groups[g];
      const numbers = optimizer.scalars(step - startStep, this.state.lr * lrFactor);
      for (const { name, group, place } of scalars) if (group === g) place[0] = numbers[name];
    }
    if (average !== undefined) program.inputs[STEP_INPUTS.averageShare][0] = average.share(step);
  }

  /** Reads the next batch into a program. @returns what it counts beside other batches */
  #feed({ inputs }: Program, shape: BatchShape, step: number, part: number): number {
    this.state.inputs = inputs as BatchArrays;
    this.#loader.next(this.state.inputs, shape);
    writeStepKey(this.#options.seed, step, inputs[STEP_INPUTS.key] as Int32Array, part);
    const { model, isWeighed } = this.#definition;
    return (isWeighed ? model.task.weigh?.(this.state.inputs) : undefined) ?? shape.batch;
  }
}

/** Where the optimizer's numbers go; it may work out more than its update reads. */
function scalarsOf(program: Program, { optimizer }: StepDefinition, groups: readonly ParameterGroup[]): Scalars {
  return groups.flatMap((_, group) =>
    Object.keys(optimizer.scalars(1, optimizer.lr)).flatMap((name) => {
      const place = program.inputs[scalarName(name, group)];
      return place === undefined ? [] : [{ name, group, place: place as Float32Array }];
    }),
  );
}

/** A copy of values that a later disaster can be undone with. */
export class Snapshot {
  readonly #backend: Backend;
  readonly #values: readonly { readonly parameter: AnyParameter; readonly data: Float32Array | Int32Array }[];

  /**
   * Takes the values that the parameters' arrays have now.
   * @param backend that works on them
   */
  constructor(backend: Backend, parameters: Iterable<AnyParameter>) {
    this.#backend = backend;
    this.#values = [...parameters].map((parameter) => ({ parameter, data: parameter.data.slice() }));
  }

  /** Takes the present values. */
  async update(): Promise<void> {
    await this.#pull();
    for (const { parameter, data } of this.#values) data.set(parameter.data);
  }

  /** Whether the present values are all finite numbers. */
  async isFinite(): Promise<boolean> {
    await this.#pull();
    return this.#values.every(({ parameter }) => parameter.data.every(Number.isFinite));
  }

  restore(): void {
    for (const { parameter, data } of this.#values) (parameter as Parameter).data.set(data);
    this.#backend.push(this.#parameters);
  }

  /** The values kept, in the order of the parameters. */
  get data(): readonly (Float32Array | Int32Array)[] {
    return this.#values.map(({ data }) => data);
  }

  get #parameters(): AnyParameter[] {
    return this.#values.map(({ parameter }) => parameter);
  }

  #pull(): Promise<void> {
    return this.#backend.pull(this.#parameters);
  }
}

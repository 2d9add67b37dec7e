/** Measures a model on a data set: one compiled program per batch shape, everything else counted on the host. */
import type { Dataset, InputArray, TargetArray } from "../data/dataset.ts";
import type { Overlap } from "../data/duplicates.ts";
import { fingerprintIfKnown } from "../data/fingerprint.ts";
import { Loader } from "../data/loader.ts";
import type { FoundSamples } from "../data/trained-samples.ts";
import type { Backend, Program } from "../engine/backends/backend.ts";
import { DataError } from "../engine/errors.ts";
import { formatShape, sameShape, sizeOf } from "../engine/shape.ts";
import type { Metric, MetricBatch } from "../metrics/metric.ts";
import type { Model } from "../models/model.ts";
import { type BackendOptions, platform } from "../platform/platform.ts";
import { Evaluation } from "../task/classify/evaluation.ts";
import { Predictions } from "../task/classify/predictions.ts";
import { findLoss, type LossFunction, type LossName } from "../train/losses.ts";
import { hasClasses, traceEvaluationStep } from "../train/step.ts";

/** Work between two breaths, in milliseconds: long enough to cost nothing, short enough that Ctrl-C is prompt. */
export const BREATH = 50;

export interface EvaluateOptions extends BackendOptions {
  /** Samples per batch; default 200. Changes speed, not results. */
  readonly batchSize?: number | undefined;
  /** By name, or a user's own; default: the one in the model's recipe. */
  readonly loss?: LossName | LossFunction | undefined;
  /** Measured beside loss and accuracy. */
  readonly metrics?: readonly Metric[] | undefined;
  /** The samples that the model was trained on, or what they share with these: what occurs in both is reported. */
  readonly trainedOn?: Dataset | Overlap | undefined;
  /** Run on this backend and leave it open; default: a new one. */
  readonly backend?: Backend | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Stops with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const BATCH_SIZE = 200;

/**
 * Measures a model on every sample of a data set. Data with class indices give accuracy, precision, recall, F1, a
 * confusion matrix and all that metrics/ works out; any data the mean loss and the user's metrics.
 * @throws DataError when the samples do not fit the model
 */
export async function evaluate(model: Model, dataset: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  const backend = options.backend ?? (await platform().createBackend(options));
  // Weights may have been written since the backend saw them last.
  backend.push(model.network.parameters());
  const evaluator = new Evaluator(model, backend, options);
  try {
    return await evaluator.run(dataset, {
      isTrainingData: await isWholeTrainingSet(model, dataset),
      ...(await knownSamples(model, dataset, options.trainedOn)),
    });
  } finally {
    evaluator.dispose();
    if (options.backend === undefined) await backend.close();
  }
}

async function overlapWith(trainedOn: EvaluateOptions["trainedOn"], dataset: Dataset): Promise<Overlap | undefined> {
  if (trainedOn === undefined || "duplicates" in trainedOn) return trainedOn;
  const { findDuplicates } = await import("../data/duplicates.ts");
  return findDuplicates([
    { name: "training", dataset: trainedOn },
    { name: "these", dataset },
  ])[0];
}

/** What the samples share with those that the model was trained on, by what its file keeps and by what the caller knows. */
async function knownSamples(
  model: Model,
  dataset: Dataset,
  given: EvaluateOptions["trainedOn"],
): Promise<Pick<KnownBefore, "overlap" | "trainedOn">> {
  const overlap = await overlapWith(given, dataset);
  if (model.trainedOn.length === 0 && overlap === undefined) return {};
  const { countMarks, lookUp } = await import("../data/trained-samples.ts");
  const kept = lookUp(model.trainedOn, dataset);
  if (overlap === undefined) return { trainedOn: kept };
  // The caller has all samples that were trained on: nothing is left open.
  const marks = Int8Array.from({ length: dataset.length }, (_, i) => (kept?.marks[i] === 1 ? 1 : 0));
  for (const { index, kind } of overlap.duplicates) if (kind === "exact") marks[index] = 1;
  return { overlap, trainedOn: countMarks(marks) };
}

/** Whether these are the samples, all of them, that the model was trained on. */
async function isWholeTrainingSet(model: Model, dataset: Dataset): Promise<boolean> {
  // Whatever it is called: the same pixels and labels are the same samples.
  const known = model.dataset?.fingerprint;
  return known !== undefined && known === (await fingerprintIfKnown(dataset));
}

/** What a model goes by in messages and file names. */
export function modelName(model: Model): string {
  return model.architecture?.name ?? model.network.constructor.name;
}

/** @throws DataError when a data set's samples are not what the model takes */
export function checkSamples(model: Model, dataset: Dataset): void {
  if (!sameShape(model.inputShape, dataset.inputShape)) {
    throw new DataError(
      `${dataset.name} has samples ${formatShape(dataset.inputShape)} but ${modelName(model)} takes ${formatShape(model.inputShape)}; resize the data or create the model for this shape`,
    );
  }
  if (dataset.classes !== undefined && hasClasses(dataset) && dataset.classes.length > model.classes.length) {
    throw new DataError(
      `${dataset.name} has ${dataset.classes.length} classes but ${modelName(model)} tells ${model.classes.length} apart; create the model with classes: ${dataset.classes.length}`,
    );
  }
}

/**
 * @throws DataError when all samples have the same class: whatever a network says of them is right, and "100 %" of them
 */
export function refuseOneClass(dataset: Dataset): void {
  const only = hasClasses(dataset) ? onlyLabel(dataset) : undefined;
  if (only === undefined) return;
  const name = dataset.classes?.[only] ?? only;
  throw new DataError(
    `${dataset.name}: all ${dataset.length} samples are of one class, "${name}"; there is nothing to tell apart. Add samples of another`,
  );
}

/** The label that all samples have; undefined where they have several, or none. */
export function onlyLabel(dataset: Dataset): number | undefined {
  if (dataset.label === undefined || dataset.length === 0) return undefined;
  const first = dataset.label(0);
  for (let i = 1; i < dataset.length; i++) if (dataset.label(i) !== first) return undefined;
  return first;
}

/** What is known of the samples before they are measured. */
interface KnownBefore {
  readonly isTrainingData?: boolean | undefined;
  readonly overlap?: Overlap | undefined;
  readonly trainedOn?: FoundSamples | undefined;
}

/** Keeps the compiled programs between passes, as `fit` needs for its validation. */
export class Evaluator {
  readonly #model: Model;
  readonly #backend: Backend;
  readonly #options: EvaluateOptions;
  readonly #loss: LossFunction;
  readonly #programs = new Map<number, Program>();

  constructor(model: Model, backend: Backend, options: EvaluateOptions) {
    this.#model = model;
    this.#backend = backend;
    this.#options = options;
    this.#loss = findLoss(options.loss ?? model.recipe.loss);
  }

  async run(dataset: Dataset, { isTrainingData = false, overlap, trainedOn }: KnownBefore = {}): Promise<Evaluation> {
    checkSamples(this.#model, dataset);
    const { batchSize = BATCH_SIZE, metrics = [], onProgress, signal } = this.#options;
    const started = performance.now();
    const loader = new Loader(dataset, { batchSize });
    const names = hasClasses(dataset) ? dataset.classes : undefined;
    const outputs = names && new Float32Array(dataset.length * this.#model.classes.length);
    const labels = names && new Int32Array(dataset.length);
    const accumulators = metrics.map((metric) => metric.start());
    let lossSum = 0;
    let breath = started;
    loader.start(0);
    for (let done = 0; done < dataset.length; ) {
      const count = Math.min(batchSize, dataset.length - done);
      const program = await this.#program(dataset, count);
      const targets = program.inputs.y as TargetArray;
      loader.next(program.inputs.x as InputArray, targets);
      program.run();
      const { loss, logits } = await program.read("loss", "logits");
      lossSum += loss[0] * count;
      const batch = metricBatch(logits as Float32Array, targets, count, sizeOf(dataset.targetShape));
      outputs?.set(batch.logits, done * batch.width);
      labels?.set(targets, done);
      for (const accumulator of accumulators) accumulator.add(batch);
      done += count;
      if (performance.now() - breath > BREATH) {
        onProgress?.(done, dataset.length);
        await platform().breathe();
        signal?.throwIfAborted();
        breath = performance.now();
      }
    }
    return new Evaluation({
      dataset: dataset.name,
      count: dataset.length,
      loss: lossSum / dataset.length,
      metrics: Object.fromEntries(metrics.map(({ name }, i) => [name, accumulators[i].value()])),
      predictions: outputs && labels && new Predictions(this.#model, outputs, labels),
      isTrainingData,
      overlap,
      trainedOn,
      seconds: (performance.now() - started) / 1000,
    });
  }

  dispose(): void {
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
  }

  async #program(dataset: Dataset, count: number): Promise<Program> {
    const known = this.#programs.get(count);
    if (known !== undefined) return known;
    const graph = traceEvaluationStep(this.#model, this.#loss, dataset, count);
    const program = await this.#backend.compile(graph);
    this.#programs.set(count, program);
    return program;
  }
}

function metricBatch(logits: Float32Array, targets: TargetArray, count: number, targetWidth: number): MetricBatch {
  return { count, logits, width: logits.length / count, targets, targetWidth };
}

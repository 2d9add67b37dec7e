/** Measures a model on a data set: one compiled program per batch shape, everything else counted on the host. */
import { asDataset, type Dataset, type PairDataset, type SampleSpec } from "../data/dataset.ts";
import type { Overlap } from "../data/duplicates.ts";
import { fingerprintIfKnown } from "../data/fingerprint.ts";
import { Loader } from "../data/loader.ts";
import { type BatchArrays, sameNames, samePort } from "../data/port.ts";
import type { FoundSamples } from "../data/trained-samples.ts";
import type { Backend } from "../engine/backends/backend.ts";
import type { TypedArray } from "../engine/dtype.ts";
import { DataError } from "../engine/errors.ts";
import { type BatchShape, Programs } from "../engine/programs.ts";
import { type Graph, trace } from "../engine/trace.ts";
import type { Metric, MetricBatch } from "../metrics/metric.ts";
import { type AnyModel, type Model, modelName } from "../models/model.ts";
import { inferenceContext } from "../nn/context.ts";
import { type BackendOptions, BREATH, platform } from "../platform/platform.ts";
import { batchInputs, LOSS_OUTPUT } from "../task/batch.ts";
import type { Classify } from "../task/classify/classify.ts";
import { findLoss, type LossFunction, type LossName } from "../task/losses.ts";
import type { AnyTask, MeasuredOf } from "../task/task.ts";
import { VIEWS } from "../task/views.ts";

/** How {@link evaluate} measures. */
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
export async function evaluate<T extends AnyTask = Classify>(
  model: Model<T>,
  given: Dataset | PairDataset,
  options: EvaluateOptions = {},
): Promise<MeasuredOf<T>> {
  const dataset = asDataset(given);
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
  model: AnyModel,
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
async function isWholeTrainingSet(model: AnyModel, dataset: Dataset): Promise<boolean> {
  // Whatever it is called: the same pixels and labels are the same samples.
  const known = model.dataset?.fingerprint;
  return known !== undefined && known === (await fingerprintIfKnown(dataset));
}

/** @throws DataError when a data set's samples are not what the model takes */
export function checkSamples(model: AnyModel, dataset: Dataset): void {
  for (const [name, wanted] of Object.entries(model.task.input.ports)) {
    const found = dataset.inputs[name];
    // Bytes and numbers 0 … 255 are the same to a network.
    if (found !== undefined && samePort({ ...wanted, dtype: found.dtype }, found)) continue;
    const [has, takes] = [found, wanted].map((port) => (port === undefined ? "none" : `[${port.shape.join(", ")}]`));
    const what = name === "x" ? "samples" : `samples with "${name}"`;
    throw new DataError(
      `${dataset.name} has ${what} ${has} but ${modelName(model)} takes ${takes}; resize the data or create the model for this shape`,
    );
  }
  model.task.check(dataset, modelName(model));
  const { tokens } = model.task.input;
  if (tokens !== undefined && dataset.tokens !== undefined && !sameNames(dataset.tokens, tokens)) {
    throw new DataError(
      `${dataset.name} has the token numbers of another tokenizer than ${modelName(model)} reads; make it with the model's own`,
    );
  }
}

/** What is known of the samples before they are measured. */
interface KnownBefore {
  readonly isTrainingData?: boolean | undefined;
  readonly overlap?: Overlap | undefined;
  readonly trainedOn?: FoundSamples | undefined;
}

/** Keeps the compiled programs between passes, as `fit` needs for its validation. */
export class Evaluator<T extends AnyTask> {
  readonly #model: Model<T>;
  readonly #backend: Backend;
  readonly #options: EvaluateOptions;
  readonly #loss: LossFunction;
  /** By the samples that they are for. */
  readonly #programs = new Map<string, Programs>();

  constructor(model: Model<T>, backend: Backend, options: EvaluateOptions) {
    this.#model = model;
    this.#backend = backend;
    this.#options = options;
    this.#loss = findLoss(options.loss ?? model.recipe.loss, model.task);
  }

  async run(
    dataset: Dataset,
    { isTrainingData = false, overlap, trainedOn }: KnownBefore = {},
  ): Promise<MeasuredOf<T>> {
    checkSamples(this.#model, dataset);
    const { batchSize = BATCH_SIZE, metrics = [], onProgress, signal } = this.#options;
    const started = performance.now();
    const loader = new Loader(dataset, { batchSize });
    const { measure } = await VIEWS[this.#model.task.kind]();
    const measuring = await measure(this.#model, dataset);
    const accumulators = metrics.map((metric) => metric.start());
    const programs = this.#programsFor(dataset);
    let lossSum = 0;
    let done = 0;
    let breath = started;
    loader.start(0);
    for (let shape = loader.ahead(); shape.batch > 0; shape = loader.ahead()) {
      const count = shape.batch;
      const program = await programs.get(shape);
      const inputs = program.inputs as BatchArrays;
      loader.next(inputs, shape);
      program.run();
      const outputs = await program.read();
      const loss = outputs[LOSS_OUTPUT][0];
      lossSum += loss * count;
      measuring.add({ count, sizes: shape.sizes ?? {}, inputs, outputs, loss });
      for (const accumulator of accumulators) accumulator.add(metricBatch(inputs.y, outputs.logits, count));
      done += count;
      if (performance.now() - breath > BREATH) {
        onProgress?.(done, dataset.length);
        await platform().breathe();
        signal?.throwIfAborted();
        breath = performance.now();
      }
    }
    return measuring.finish({
      dataset: dataset.name,
      count: dataset.length,
      loss: lossSum / dataset.length,
      metrics: Object.fromEntries(metrics.map(({ name }, i) => [name, accumulators[i].value()])),
      isTrainingData,
      overlap,
      trainedOn,
      seconds: (performance.now() - started) / 1000,
    }) as MeasuredOf<T>;
  }

  dispose(): void {
    for (const programs of this.#programs.values()) programs.dispose();
    this.#programs.clear();
  }

  /** Data sets of the same ports share theirs. */
  #programsFor({ inputs, targets, classes }: Dataset): Programs {
    const key = JSON.stringify([inputs, targets]);
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const samples = { inputs, targets, classes };
    const programs = new Programs(this.#backend, (shape) =>
      traceEvaluationStep(this.#model, this.#loss, samples, shape),
    );
    this.#programs.set(key, programs);
    return programs;
  }
}

function metricBatch(targets: TypedArray, logits: TypedArray, count: number): MetricBatch {
  const [width, targetWidth] = [logits.length / count, targets.length / count];
  return { count, logits: logits as Float32Array, width, targets, targetWidth };
}

/** The graph of one evaluation step: inputs are the batch, outputs those of the task and `loss` (mean over the batch). */
export function traceEvaluationStep(model: AnyModel, loss: LossFunction, spec: SampleSpec, shape: BatchShape): Graph {
  return trace((tracer) => {
    const { inputs, targets } = batchInputs(tracer, spec, shape);
    const outputs = model.outputs(inputs, inferenceContext());
    return { ...outputs, [LOSS_OUTPUT]: loss(outputs.logits, targets.y, { inputs, outputs, targets }) };
  });
}

/**
 * A model that can be written to a model file and read back from one (formats/model-file.ts): what `fit` returns and
 * `load` gives. The file holds weights, architecture, the traced graph, preprocessing, class names and an example that
 * proves, wherever the file is loaded, that it computes what it did here.
 */

import type { Backend } from "../engine/backends/backend.ts";
import { Budget } from "../engine/budget.ts";
import { DataError, DuctusError, TooLargeError } from "../engine/errors.ts";
import { filled, type Optional } from "../engine/options.ts";
import { spendGraph } from "../engine/passes/cost.ts";
import { Random } from "../engine/random.ts";
import {
  check,
  dictionary,
  either,
  list,
  Mismatch,
  number,
  oneOf,
  record,
  refined,
  type Schema,
  text,
  whole,
} from "../engine/schema.ts";
import { type Graph, trace } from "../engine/trace.ts";
import {
  encodeModelFile,
  type JsonRecord,
  type ModelFile,
  openModelFile,
  verifyGolden,
} from "../formats/model-file.ts";
import type { NamedTensor } from "../formats/tensor-data.ts";
import { modelToJson } from "../models/graph-json.ts";
import { GraphModule } from "../models/graph-module.ts";
import { DEFAULT_RECIPE, Model, type ModelOptions, type Normalization, type Recipe } from "../models/model.ts";
import { ARCHITECTURES, create } from "../models/registry.ts";
import { inferenceContext } from "../nn/context.ts";
import { limited } from "../nn/init.ts";
import { preprocessingSchema } from "../picture/preprocessing-schema.ts";
import { platform } from "../platform/platform.ts";
import type { TrainingState } from "../train/checkpoint.ts";
import { VERSION } from "../version.ts";
import { locate } from "./locate.ts";

/** Name in the file of an architecture that is a user's own class; such a model is rebuilt from its graph. */
const OWN_ARCHITECTURE = "custom";
/** A file without a data set, or with one that has no fingerprint. */
const NONE = "none";

const numbers = either(number(), list(number()));
const normalizationSchema: Schema<Normalization> = record({ mean: numbers, std: numbers }, {}, "ignored");
/** More than nothing. */
const positive = number(Number.MIN_VALUE);
const scheduleSchema = refined(dictionary(either(text, number())), ({ name }) =>
  typeof name === "string" ? undefined : "must have a name",
) as Schema<NonNullable<Recipe["schedule"]>>;
const recipeSchema: Schema<Recipe> = record(
  { optimizer: text, lr: positive, batchSize: whole(1), epochs: whole(1), loss: oneOf("crossEntropy") },
  {
    betas: list(number(), 2, 2) as Schema<readonly [number, number]>,
    momentum: number(),
    weightDecay: number(),
    schedule: scheduleSchema,
    labelSmoothing: number(),
    augment: text,
    plainEpochs: whole(0),
  },
  "ignored",
);

/** A {@link Model} that can be saved. */
export class TrainedModel extends Model {
  /** The same network, not a copy of it, with `changes` to what is known about it. */
  static of(model: Model, changes: Optional<ModelOptions> = {}): TrainedModel {
    const { network, inputShape, inputType, normalization, classes, architecture, recipe } = model;
    const { preprocessing, metrics, dataset, trainedOn, temperature } = model;
    const known = { inputShape, inputType, normalization, classes, architecture, recipe };
    const learned = { preprocessing, metrics, dataset, trainedOn, temperature };
    return new TrainedModel(network, filled<ModelOptions>({ ...known, ...learned }, changes));
  }

  /**
   * Writes the model file; the file is there whole or not at all.
   * @throws DuctusError in one line when it cannot be written
   */
  async save(path: string): Promise<void> {
    await platform().writeFile(path, await encodeModel(this));
  }
}

/** How {@link load} and its kind run a model to check it. */
export interface LoadOptions {
  /** Default: a new one, closed afterwards. */
  readonly backend?: Backend | undefined;
  /** Starts every message; default: the path, or "model". */
  readonly name?: string | undefined;
}

/** The inference graph of a batch: raw inputs `x` → `logits`. */
export function inferenceGraph(model: Model, batch: number): Graph {
  return trace((tracer) => {
    const x = tracer.input("x", [batch, ...model.inputShape], model.inputType, true);
    return { logits: model.logits(x, inferenceContext()) };
  });
}

/** The bytes of a model file. @param training for checkpoints */
export async function encodeModel(model: Model, training?: TrainingState, backend?: Backend): Promise<Uint8Array> {
  const { architecture, inputShape, inputType, normalization } = model;
  await backend?.pull(model.network.parameters());
  const graph = inferenceGraph(model, 1);
  const input = goldenInput(model);
  // Strict arithmetic unless training has its own: equal models give equal files, on every machine.
  const output = await runOnce(graph, input, backend, true);
  const { trainedOn } = model;
  return encodeModelFile({
    version: VERSION,
    architecture: {
      name: architecture?.name ?? OWN_ARCHITECTURE,
      options: { ...architecture?.options, normalization },
    },
    graph: modelToJson(model),
    preprocessing: model.preprocessing ?? {},
    classNames: model.classes,
    input: { shape: inputShape, dtype: inputType },
    recipe: { ...model.recipe },
    dataset: model.dataset ?? { name: NONE, fingerprint: NONE },
    metrics: model.metrics,
    temperature: model.temperature,
    trainedOn:
      trainedOn.length > 1 ? (await import("../data/trained-samples.ts")).mergeRecords(trainedOn) : trainedOn[0],
    golden: {
      input: { shape: [1, ...inputShape], data: input },
      output: { shape: [1, model.classes.length], data: output },
    },
    weights: new Map(
      [...model.network.namedParameters()].map(([name, { shape, data }]) => [name, copied(shape, data)]),
    ),
    training: training && { progress: { ...training.progress }, tensors: training.tensors },
  });
}

/**
 * Reads a model file and makes sure that it computes what it did where it was saved.
 * @param source the path of a file or of a run's folder, or the bytes of the file
 * @throws DataError when the file is damaged, is something else, or the check fails; TooLargeError, which is one, when its network
 *   would cost more than a file of its size may
 */
export async function load(source: string | Uint8Array, options: LoadOptions = {}): Promise<TrainedModel> {
  if (typeof source === "string") {
    const { path } = await locate(source, "model");
    return load(await platform().readFile(path), { name: path, ...options });
  }
  const { name = "model" } = options;
  const file = await openModelFile(source, name);
  const budget = new Budget(name, source.length);
  const model = build(file, name, budget);
  const graph = inferenceGraph(model, 1);
  spendGraph(budget, Object.values(graph.outputs), "its network");
  await verifyGolden(file, (input) => runOnce(graph, input, options.backend), name);
  return model;
}

function build(file: ModelFile, name: string, budget: Budget): TrainedModel {
  const { normalization: stored = null } = file.architecture.options;
  const normalization = stored === null ? undefined : check(normalizationSchema, stored);
  if (normalization instanceof Mismatch) throw new DataError(`${name}: the options of its architecture are damaged`);
  const inputType = file.input.dtype;
  if (inputType === "int32") throw new DataError(`${name} takes whole numbers as inputs, which no model here does`);
  const isNamed = ARCHITECTURES.some((architecture) => architecture.name === file.architecture.name);
  const recipe = check(recipeSchema, file.recipe);
  const known: ModelOptions = {
    inputShape: file.input.shape,
    inputType,
    classes: file.classNames,
    recipe: recipe instanceof Mismatch ? DEFAULT_RECIPE : recipe,
    preprocessing: checkPreprocessing(file.preprocessing, name),
    metrics: file.metrics,
    temperature: file.temperature,
    dataset: file.dataset,
    trainedOn: file.trainedOn && [file.trainedOn],
  };
  try {
    if (!isNamed) {
      // The graph holds the normalisation already.
      return new TrainedModel(new GraphModule(file.graph, file.weights, budget), { ...known, normalization: null });
    }
    const { shape: inputShape } = file.input;
    const stored = [...file.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
    const options = { inputShape, classes: file.classNames, normalization, seed: null };
    const fresh = limited(stored, () => create(file.architecture.name, options));
    fresh.network.load(file.weights);
    return TrainedModel.of(fresh, known);
  } catch (error) {
    if (error instanceof TooLargeError) throw new TooLargeError(located(error.message, name), { cause: error });
    if (error instanceof DuctusError) throw new DataError(`${name}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** A budget's own refusals begin with the file already. */
const located = (message: string, name: string): string =>
  message.startsWith(`${name}: `) ? message : `${name}: ${message}`;

function checkPreprocessing(stored: JsonRecord, name: string): ModelOptions["preprocessing"] {
  if (Object.keys(stored).length === 0) return undefined;
  const checked = check(preprocessingSchema, stored);
  if (!(checked instanceof Mismatch)) return { ...checked };
  throw new DataError(`${name}: its preprocessing is unknown; update ductus or train it again`);
}

/** Numbers that look like no picture and give nothing away of the data: the same for every model of this input. */
function goldenInput(model: Model): Float32Array {
  const random = new Random(0, "user");
  const size = model.inputShape.reduce((product, dim) => product * dim, 1);
  const isBytes = model.inputType === "uint8";
  return Float32Array.from({ length: size }, () => (isBytes ? random.integer(256) : random.normal()));
}

/** @param strict arithmetic where no backend is given */
async function runOnce(graph: Graph, input: Float32Array, given?: Backend, strict = false): Promise<Float32Array> {
  const backend = given ?? (await platform().createBackend({ threads: 1, strict }));
  try {
    const program = await backend.compile(graph);
    program.inputs.x.set(input);
    program.run();
    const output = Float32Array.from((await program.read("logits")).logits);
    program.dispose();
    return output;
  } finally {
    if (given === undefined) await backend.close();
  }
}

/** A copy in memory of its own: parameters may live in memory that threads share, which files are not written from. */
function copied(shape: readonly number[], data: Float32Array | Int32Array): NamedTensor {
  return data instanceof Float32Array ? { shape, data: new Float32Array(data) } : { shape, data: new Int32Array(data) };
}

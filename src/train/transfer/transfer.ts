/**
 * Starting from a trained network: a new head where the classes are others, the rest as it was; and the way back, to see
 * what the old task has lost. What is then trained, and when, is freeze.ts's business.
 */
import { DataError } from "../../engine/errors.ts";
import { Random } from "../../engine/random.ts";
import { sizeOf } from "../../engine/shape.ts";
import { Parameter } from "../../engine/tensor.ts";
import { graphOrder } from "../../engine/trace.ts";
import { blueprintOf } from "../../models/blueprint.ts";
import { modelToJson } from "../../models/graph-json.ts";
import { GraphModule } from "../../models/graph-module.ts";
import type { AnyModel, Model } from "../../models/model.ts";
import { ARCHITECTURES, create } from "../../models/registry.ts";
import { kaimingUniform } from "../../nn/init.ts";
import { Classify } from "../../task/classify/classify.ts";
import { unprepared } from "../../task/input.ts";
import type { AnyTask } from "../../task/task.ts";
import { BLANK } from "../../task/transcribe/ctc-frames.ts";
import { Transcribe } from "../../task/transcribe/transcribe.ts";
import { inferenceGraph } from "../../use/inference.ts";
import { TrainedModel } from "../../use/trained-model.ts";
import { plannedSizes } from "../plan-memory.ts";
import { layersOf } from "./layers.ts";

/** Weights by name. */
type Weights = Map<string, { readonly shape: readonly number[]; readonly data: Float32Array | Int32Array }>;

/** A model for other classes. */
export interface Adapted<T extends AnyTask = Classify> {
  readonly model: TrainedModel<T>;
  /** Classes, or symbols, whose rows of the head were kept, by name. */
  readonly kept: readonly string[];
  /** Names of the weights of the head. */
  readonly head: readonly string[];
}

/**
 * A copy of a model for other classes: every weight is kept but those of the head (the last layer), which keeps the rows of
 * classes that stay, found by name, and gets fresh ones for new classes.
 * @param seed of the fresh rows
 * @throws DataError when the last layer does not have one row per class
 */
export function adapt(base: Model, classes: readonly string[], seed: number): Adapted {
  return withHead(base, { from: placesOf(classes, base), task: new Classify(base.task.input, classes), seed });
}

/**
 * A copy of a model that reads strings, for another alphabet: as {@link adapt}, with the row for "nothing" kept in any case.
 * @throws DataError when the last layer does not have one row per symbol and one for "nothing"
 */
export function adaptAlphabet(base: Model<Transcribe>, alphabet: readonly string[], seed: number): Adapted<Transcribe> {
  const from = [BLANK, ...placesOf(alphabet, base).map((place) => (place < 0 ? place : place + 1))];
  return withHead(base, { from, task: new Transcribe(base.task.input, alphabet), seed });
}

/** Places of names among those of a model; −1 where it lacks one. */
const placesOf = (names: readonly string[], { task }: AnyModel): number[] =>
  names.map((name) => task.names.indexOf(name));

interface NewHead<T extends AnyTask> {
  /** The old row of each new one; −1 where it is to be fresh. */
  readonly from: readonly number[];
  readonly task: T;
  readonly seed: number;
}

function withHead<T extends AnyTask>(base: Model<T>, { from, task, seed }: NewHead<T>): Adapted<T> {
  const head = headOf(base);
  const weights = copyWeights(base);
  const isSame = from.length === outputsOf(base) && from.every((row, i) => row === i);
  if (!isSame) {
    for (const name of head) {
      const old = weights.get(name) as { shape: readonly number[]; data: Float32Array };
      weights.set(name, withRows(old, from, new Random(seed, "init", weights.size)));
    }
  }
  const model = rebuild(base, weights, task);
  if (isSame) model.temperature = base.temperature;
  return { model, kept: task.names.filter((name) => base.task.names.includes(name)), head };
}

/** Outputs of a model's last layer. */
const outputsOf = ({ task }: Pick<AnyModel, "task">): number => task.outputs.logits.shape.at(-1) as number;

/** A copy of a model of any task that can be trained: nothing is replaced. */
export function copyOf<T extends AnyTask>(base: Model<T>): TrainedModel<T> {
  const model = rebuild(base, copyWeights(base), base.task);
  model.temperature = base.temperature;
  return model;
}

/** The old model with everything but the head of the new one: what the old task has left of the network. */
export function withOldHead<T extends AnyTask>(base: Model<T>, student: AnyModel): TrainedModel<T> {
  const head = new Set(headOf(base));
  const weights = copyWeights(student);
  for (const [name, value] of copyWeights(base)) if (head.has(name)) weights.set(name, value);
  return rebuild(base, weights, base.task);
}

/** The same network for `task` with fresh weights, for what it is worth without the base; undefined for a user's own class. */
export function fresh<T extends AnyTask>(base: AnyModel, task: T, seed: number): TrainedModel<T> | undefined {
  const made = created(base, task, seed);
  return made && TrainedModel.of(made, { task });
}

/** The weights of the last layer. @throws DataError unless each has one row per output */
function headOf(base: AnyModel): readonly string[] {
  const named = new Map(base.network.namedParameters());
  const head = layersOf(base.network).at(-1) ?? [];
  const hasRows = head.every((name) => named.get(name)?.shape[0] === outputsOf(base));
  if (head.length > 0 && hasRows) return head;
  throw new DataError(
    `the last layer of this model (${head.join(", ")}) does not have one row for each of its ${outputsOf(base)} ${base.task.kind === "classify" ? "classes" : "outputs"}; its head cannot be replaced`,
  );
}

function copyWeights(model: AnyModel): Weights {
  return new Map(
    [...model.network.namedParameters()].map(([name, { shape, data }]) => [
      name,
      { shape, data: data instanceof Float32Array ? new Float32Array(data) : new Int32Array(data) },
    ]),
  );
}

/** Rows of `old` in the order of `from`; where that is −1 a fresh one, small enough not to drown the others. */
function withRows(
  { shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array },
  from: readonly number[],
  random: Random,
): { shape: readonly number[]; data: Float32Array } {
  const row = sizeOf(shape.slice(1));
  const made = new Parameter([from.length, ...shape.slice(1)], new Float32Array(from.length * row));
  // A bias starts from 0, as a vector has no inputs to scale by.
  if (shape.length > 1) kaimingUniform(made, random);
  for (const [i, source] of from.entries()) {
    if (source >= 0) made.data.set(data.subarray(source * row, (source + 1) * row), i * row);
  }
  return { shape: made.shape, data: made.data };
}

/** What of a stored graph is read here: ops and what they are computed from, by their places. */
interface StoredNodes {
  readonly nodes: readonly {
    readonly op: string;
    readonly inputs: readonly number[];
    readonly attrs: { readonly name?: string; readonly shape?: unknown[] };
  }[];
}

/** Gives what follows from the head of a stored graph its new width: a layer on sequences brings its rows back into their shape. */
function widen({ nodes }: StoredNodes, base: AnyModel, width: number): void {
  const head = new Set(headOf(base));
  const follows = new Set<number>();
  for (const [i, { op, inputs, attrs }] of nodes.entries()) {
    const isHead = op === "parameter" && attrs.name !== undefined && head.has(attrs.name);
    if (!isHead && !inputs.some((input) => follows.has(input))) continue;
    follows.add(i);
    if (op !== "reshape" || attrs.shape?.at(-1) !== outputsOf(base)) continue;
    attrs.shape.splice(-1, 1, width);
  }
}

function rebuild<T extends AnyTask>(base: AnyModel, weights: Weights, task: T): TrainedModel<T> {
  const { recipe, trainedOn } = base;
  const made = created(base, task, 0);
  if (made !== undefined) {
    made.network.load(weights);
    return TrainedModel.of(made, { recipe, trainedOn, task });
  }
  const json = JSON.parse(JSON.stringify(modelToJson(base))) as StoredNodes;
  if (outputsOf(base) !== outputsOf({ task })) widen(json, base, outputsOf({ task }));
  // The ops that the base has are at hand: nothing needs to be loaded.
  const graph = inferenceGraph(base, 1, plannedSizes(base.task));
  const network = new GraphModule(json, weights, new Map(graphOrder(graph).map(({ op }) => [op.name, op])));
  const model = new TrainedModel<T>(network, { recipe, trainedOn, task: unprepared(task) });
  if (model.summary().outputShape.at(-1) !== task.outputs.logits.shape.at(-1)) {
    throw new DataError("the head of this model cannot be replaced: its number of classes is fixed in its graph");
  }
  return model;
}

/** The named network of a model anew, for a task; undefined where it has no name. */
function created<T extends AnyTask>(base: AnyModel, task: T, seed: number): Model<T> | undefined {
  const { network, architecture, recipe } = base;
  const blueprint = blueprintOf(network);
  if (blueprint !== undefined) return blueprint.again(task, { recipe, seed });
  if (!ARCHITECTURES.some(({ name }) => name === architecture?.name)) return undefined;
  const { inputShape, normalization } = base;
  const { names: classes } = task;
  const options = { inputShape, recipe, classes, seed, normalization: normalization ?? undefined };
  return create(architecture?.name ?? "", options) as AnyModel as Model<T>;
}

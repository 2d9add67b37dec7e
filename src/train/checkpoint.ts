/**
 * Checkpoints: all that a run needs to go on as if it had never stopped. A checkpoint is a model file, so it can also be
 * used as it is; beside the model it holds the optimizer's state, what the averages stand for, the best weights so far, and
 * how far the run is. As everything random is keyed by seed, step and sample, nothing else is needed.
 */
import type { Backend } from "../engine/backends/backend.ts";
import { DataError, DuctusError, type NamingMessage, UsageError } from "../engine/errors.ts";
import { printed, quote } from "../engine/quote.ts";
import {
  check,
  dictionary,
  either,
  list,
  Mismatch,
  number,
  record,
  refined,
  type Schema,
  text,
  truth,
  whole,
} from "../engine/schema.ts";
import { sameShape } from "../engine/shape.ts";
import { decodeModelFile } from "../formats/model-file.ts";
import type { NamedTensor } from "../formats/tensor-data.ts";
import type { AnyModel } from "../models/model.ts";
import type { AnyParameter } from "../nn/module.ts";
import { platform } from "../platform/platform.ts";
import { encodeModel } from "../use/trained-model.ts";
import type { RunTimes } from "./callbacks.ts";
import type { PlainResult } from "./results.ts";
import type { EpochSums } from "./trainer.ts";

/** How far a run is; plain data, without anything that depends on the clock. */
export interface Progress {
  /** Complete epochs, and steps into the next one. */
  readonly epoch: number;
  readonly batch: number;
  /** Steps in all. */
  readonly step: number;
  /** Steps that the run, and its schedule, were planned for. */
  readonly totalSteps: number;
  /** Of the epoch that is under way. */
  readonly sums: EpochSums;
  /** Results of the complete epochs, without times. */
  readonly history: readonly PlainResult[];
  /** Epoch of the best result, 0 before the first. */
  readonly best: number;
  /** Memory of a schedule that listens, and of callbacks by name. */
  readonly schedule: Readonly<Record<string, number>> | null;
  readonly callbacks: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Why the run is over before its planned end, if it is. */
  readonly stopped: string | null;
  /** What the run was asked to do; see {@link checkSame}. */
  readonly identity: Identity;
}

/** What must be the same in a run that goes on: data under `data`, everything else by the names of options. */
export type Identity = Readonly<Record<string, string | number | boolean | null>>;

/** What a checkpoint holds beside the model. */
export interface TrainingState {
  readonly progress: Progress;
  /** By kind and name: `optimizer.conv1.weight.exp_avg`, `raw.conv1.weight`, `best.conv1.weight`. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
}

/** A checkpoint that was read. */
export interface Checkpoint extends TrainingState {
  readonly weights: ReadonlyMap<string, NamedTensor>;
  /** Time that the run had taken, where its folder says so. */
  readonly times?: RunTimes | undefined;
  /** Samples that the network was trained on, see `Model.trainedOn`. */
  readonly trainedOn?: Int32Array | undefined;
  /** The file that it comes from. */
  readonly name: string;
}

/** The bytes of a checkpoint. */
export async function encodeCheckpoint(model: AnyModel, state: TrainingState, backend?: Backend): Promise<Uint8Array> {
  return encodeModel(model, { progress: { ...state.progress }, tensors: state.tensors }, backend);
}

/**
 * Reads a checkpoint from bytes, as a page has them.
 * @param name starts every message
 * @throws DataError when a file is damaged, or no checkpoint
 */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  const { weights, training, trainedOn } = decodeModelFile(bytes, name);
  if (training === undefined) {
    throw new DataError(`${name} is a model, not a checkpoint of a run; start from it with --init`);
  }
  const { progress, tensors } = training;
  const checked = check(progressSchema, progress);
  if (checked instanceof Mismatch) {
    throw new DataError(
      `${name}: what it says of the run's progress is damaged: ${quote(checked.path)} ${checked.message}`,
    );
  }
  // Checkpoints of before knew of nothing but samples that losses are means of.
  const sums = { ...checked.sums, weight: checked.sums.weight ?? checked.sums.samples };
  return { progress: { ...checked, sums }, tensors, weights, trainedOn, name };
}

/** Reads a checkpoint. @throws DuctusError in one line */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  return decodeCheckpoint(await platform().readFile(path), path);
}

const count = whole(0);
const nothing: Schema<null> = (value, path) => {
  if (value !== null) throw new Mismatch(path, "must be null");
  return value;
};
const numbers = dictionary(number());
const resultSchema: Schema<PlainResult> = record(
  { epoch: count, step: count, trainingLoss: number(), lr: number() },
  {
    trainingAccuracy: number(),
    validation: numbers as Schema<NonNullable<PlainResult["validation"]>>,
    temperature: number(),
    seconds: number(),
    imagesPerSecond: number(),
  },
  "ignored",
);
const progressSchema: Schema<Progress> = record(
  {
    epoch: count,
    batch: count,
    step: count,
    totalSteps: count,
    sums: refined(numbers, ({ samples, loss }) =>
      samples === undefined || loss === undefined ? "must have samples and loss" : undefined,
    ) as Schema<EpochSums>,
    history: list(resultSchema),
    best: count,
    schedule: either(nothing, numbers),
    callbacks: dictionary(numbers),
    stopped: either(nothing, text),
    identity: dictionary(either(either(text, number()), either(truth, nothing))),
  },
  {},
  "ignored",
);

/** Copies of parameters, under names of one kind. */
export function copies(
  kind: string,
  named: Iterable<readonly [name: string, values: Values]>,
): [string, NamedTensor][] {
  return [...named].map(([name, { shape, data }]) => {
    const copy = data instanceof Float32Array ? new Float32Array(data) : new Int32Array(data);
    return [`${kind}.${name}`, { shape, data: copy } as NamedTensor];
  });
}

type Values = Pick<AnyParameter, "shape" | "data">;

/** Writes the tensors of one kind back. @throws DataError when one is missing or of another shape */
export function restore(
  checkpoint: Checkpoint,
  kind: string,
  named: Iterable<readonly [name: string, parameter: Values]>,
): void {
  for (const [name, { shape, data }] of named) {
    const saved = checkpoint.tensors.get(`${kind}.${name}`);
    if (saved === undefined || !sameShape(saved.shape, shape)) {
      throw new DataError(`${checkpoint.name} lacks ${kind}.${name}; it is not a checkpoint of this run`);
    }
    data.set(saved.data);
  }
}

/**
 * @throws UsageError naming every argument in which a run would go on otherwise than it began
 * @throws DataError when it is the data that differ
 */
export function checkSame(checkpoint: Checkpoint, now: Identity): void {
  const then = checkpoint.progress.identity;
  const differing = [...new Set([...Object.keys(then), ...Object.keys(now)])].filter(
    (name) => (then[name] ?? null) !== (now[name] ?? null),
  );
  if (differing.length === 0) return;
  const message: NamingMessage = (option) => {
    const list = differing
      .map((name) => `${option(name)} is ${shown(now[name])} and was ${shown(then[name])}`)
      .join(", ");
    return `cannot go on with ${checkpoint.name}: ${list}; make it the same, or start a new run`;
  };
  throw differing.some((name) => name.startsWith("data")) ? new DataError(message) : new UsageError(message);
}

function shown(value: Identity[string] | undefined): string {
  if (value === undefined || value === null) return "not set";
  // A fingerprint differs in its first digits too.
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : printed(String(value), 100);
}

/** A checkpoint, and what had to be passed over to find it. */
export interface Found {
  readonly checkpoint: Checkpoint | undefined;
  /** Files that could not be used, with the reason, in words. */
  readonly problems: readonly string[];
}

/**
 * The newest checkpoint that can be used, of some in order of age; none when no file is there.
 * @throws DataError when there are files but all are damaged
 */
export async function findCheckpoint(
  paths: readonly string[],
  exists: (path: string) => Promise<boolean>,
): Promise<Found> {
  const problems: string[] = [];
  for (const path of paths) {
    if (!(await exists(path))) continue;
    try {
      return { checkpoint: await loadCheckpoint(path), problems };
    } catch (error) {
      if (!(error instanceof DuctusError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new DataError(`no checkpoint can be used: ${problems.join("; ")}`);
  return { checkpoint: undefined, problems };
}

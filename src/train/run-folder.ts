/**
 * The run folder, as a callback of `fit`: what was asked for, on which machine, a line of results per epoch, and
 * checkpoints. `best.safetensors` is a model file to use; `last.safetensors` is a checkpoint to go on from, and
 * `previous.safetensors` the one before it. Every file is replaced as a whole, and in such an order that a process that is
 * killed at any moment leaves a folder to go on from.
 */
import type { Backend } from "../engine/backends/backend.ts";
import { UsageError } from "../engine/errors.ts";
import { platform } from "../platform/platform.ts";
import { encodeModel } from "../use/trained-model.ts";
import type { Callback, RunTimes } from "./callbacks.ts";
import { type Checkpoint, encodeCheckpoint, findCheckpoint } from "./checkpoint.ts";
import { type PlainResult, plainResult } from "./results.ts";
import { DivergedError } from "./trainer.ts";

/** What a run folder holds beside its results. */
export interface RunFolderOptions {
  /** An existing folder. */
  readonly path: string;
  /** Written to `args.json`. */
  readonly args: object;
  /** Written to `environment.json`. */
  readonly environment: object;
  /** Runs the example that each model file holds; default: a new one each time. */
  readonly backend?: Backend | undefined;
  /** Whether the folder has a checkpoint already, as in a run that goes on. */
  readonly hasLast?: boolean | undefined;
  /** Who says in `status.json` how the run ended: this callback when `fit` ends (default), or the caller, for whom more belongs to a run. */
  readonly endedBy?: "fit" | "caller" | undefined;
}

/** How a run ended, as `status.json` keeps it. */
export type RunEnd = "done" | "interrupted" | "diverged" | "failed";

type RunFile =
  | "args"
  | "environment"
  | "metrics"
  | "csv"
  | "best"
  | "last"
  | "previous"
  | "results"
  | "predictions"
  | "report"
  | "status";

/** Paths inside a run folder. */
export function runFiles(path: string): Readonly<Record<RunFile, string>> {
  const folder = path.replace(/[\\/]+$/, "");
  return {
    args: `${folder}/args.json`,
    environment: `${folder}/environment.json`,
    metrics: `${folder}/metrics.jsonl`,
    csv: `${folder}/results.csv`,
    best: `${folder}/best.safetensors`,
    last: `${folder}/last.safetensors`,
    previous: `${folder}/previous.safetensors`,
    results: `${folder}/results.json`,
    predictions: `${folder}/test-predictions.safetensors`,
    report: `${folder}/report.html`,
    status: `${folder}/status.json`,
  };
}

/** How a run ended that an error ended. */
export function endBy(error: unknown): RunEnd {
  const isDivergence =
    error instanceof DivergedError || (error instanceof Error && error.cause instanceof DivergedError);
  return isDivergence ? "diverged" : "failed";
}

/**
 * Keeps a run folder while training, and leaves in it how that ended: "done" also where a callback stopped it, "interrupted"
 * where a signal did, "diverged" or "failed" after an error.
 * @throws UsageError when what is given is not an object with a path
 */
export function runFolder(options: RunFolderOptions): Callback {
  if (typeof options?.path !== "string") {
    throw new UsageError(
      "runFolder takes an object: runFolder({ path, args, environment }), where path is an existing folder",
    );
  }
  const { path, args, environment, backend, hasLast = false, endedBy = "fit" } = options;
  const files = runFiles(path);
  const { writeFile, moveFile } = platform();
  let lines: string[] = [];
  let isThere = hasLast;
  let times: StepTimes[] = [];
  const writeStatus = (end?: RunEnd, reason?: string): Promise<void> =>
    writeFile(files.status, statusText({ end, reason, times }));
  let hasBegun = false;
  const ending: Callback = {
    onStart: async () => {
      // One that is killed before its first checkpoint must not seem to have ended as a run before it.
      await writeStatus();
      hasBegun = true;
    },
    onEnd: ({ ended }) => writeStatus(ended === "aborted" ? "interrupted" : "done"),
    onError: (error) => {
      // Of a run that did not begin, the folder says nothing new.
      if (hasBegun) return writeStatus(endBy(error), error instanceof Error ? error.message : String(error));
    },
  };
  const keeping: Callback = {
    onStart: async (info) => {
      const { epochs, batchSize, seed, samples, validationSamples, totalSteps, memory } = info;
      // A run that goes on has both already; lines of epochs that it will repeat go away.
      lines = info.history.map(metricsLine);
      times = [{ step: info.doneSteps, ...info.times }];
      if (info.isResumed) return writeFile(files.metrics, lines.join(""));
      const { kind, primary } = info.model.task;
      const task = { kind, primary };
      const run = { epochs, steps: totalSteps, batchSize, seed, samples, validationSamples };
      await writeFile(files.environment, json({ ...environment, backend: info.backend, memory }));
      await writeFile(files.args, json({ ...args, task, run }));
    },
    onEpoch: async (info) => {
      // Before the checkpoint: what that counts as done must be in these files.
      lines.push(metricsLine(info));
      await writeFile(files.metrics, lines.join(""));
      if (info.isBest) await writeFile(files.best, await encodeModel(info.model, undefined, backend));
    },
    onCheckpoint: async (info) => {
      const { model, state } = info;
      const bytes = await encodeCheckpoint(model, state, backend);
      // Before the checkpoint, too; and of the one before it, which is gone back to where this one is damaged.
      times = [...times.slice(-1), { step: state.progress.step, ...info.times }];
      await writeStatus();
      if (isThere) await moveFile(files.last, files.previous);
      try {
        await writeFile(files.last, bytes);
      } catch (error) {
        if (isThere) await moveFile(files.previous, files.last).catch(() => {});
        throw error;
      }
      isThere = true;
    },
  };
  if (endedBy === "caller") return keeping;
  return {
    ...keeping,
    ...ending,
    onStart: async (info) => {
      await keeping.onStart?.(info);
      await ending.onStart?.(info);
    },
  };
}

/** How long a run had taken when it had done so many steps: `status.json` has them of its last two checkpoints. */
interface StepTimes extends RunTimes {
  readonly step: number;
}

/** What a run folder has to go on from. */
export interface RunState {
  /** Undefined when the run was killed before its first checkpoint: then it starts over. */
  readonly checkpoint: Checkpoint | undefined;
  /** Files that could not be used, with the reason, in words. */
  readonly problems: readonly string[];
  readonly hasLast: boolean;
  /** How it ended before; undefined where it was killed. */
  readonly end: RunEnd | undefined;
}

/**
 * Reads the newest checkpoint of a run folder that can be used, with the times that its `metrics.jsonl` has.
 * @throws DataError when there are checkpoints but all are damaged
 */
export async function readRun(path: string, exists: (path: string) => Promise<boolean>): Promise<RunState> {
  const { last, previous, metrics, status } = runFiles(path);
  const { checkpoint, problems } = await findCheckpoint([last, previous], exists);
  const hasLast = checkpoint?.name === last;
  if (checkpoint === undefined) return { checkpoint, problems, hasLast, end: undefined };
  const { times: kept, end } = parseStatus((await exists(status)) ? await platform().readFile(status) : undefined);
  const times = (await exists(metrics)) ? parseLines(await platform().readFile(metrics)) : [];
  const history = checkpoint.progress.history.map((result) => ({
    ...result,
    seconds: times.find(({ epoch }) => epoch === result.epoch)?.seconds,
    imagesPerSecond: times.find(({ epoch }) => epoch === result.epoch)?.imagesPerSecond,
  }));
  const progress = { ...checkpoint.progress, history };
  const elapsed = kept.find(({ step }) => step === progress.step);
  return { checkpoint: { ...checkpoint, progress, times: elapsed }, problems, hasLast, end };
}

/** What `status.json` says; nothing where there is none, or it is damaged. */
export interface RunStatus {
  /** How the run ended; undefined for one that is on its way, or was killed. */
  readonly end: RunEnd | undefined;
  /** Why, where it went wrong. */
  readonly reason: string | undefined;
  readonly times: readonly StepTimes[];
}

const ENDS: readonly unknown[] = ["done", "interrupted", "diverged", "failed"] satisfies readonly RunEnd[];

/** @param bytes of `status.json`, where there is one */
export function parseStatus(bytes: Uint8Array | undefined): RunStatus {
  const value = bytes === undefined ? undefined : parseJson(new TextDecoder().decode(bytes));
  const { end, reason, times } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  return {
    end: ENDS.includes(end) ? (end as RunEnd) : undefined,
    reason: typeof reason === "string" ? reason : undefined,
    times: Array.isArray(times) ? times.filter(isStepTimes) : [],
  };
}

/** The text of `status.json`. */
export function statusText(status: Partial<RunStatus>): string {
  return json(status);
}

function isStepTimes(value: unknown): value is StepTimes {
  const { step, run, epoch } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  return [step, run, epoch].every((number) => typeof number === "number" && number >= 0);
}

/** Lines of results; one that is none (somebody edited it) is left out, as only its times are wanted. */
function parseLines(bytes: Uint8Array): Partial<PlainResult>[] {
  return new TextDecoder()
    .decode(bytes)
    .split("\n")
    .map(parseJson)
    .filter((value) => typeof value === "object" && value !== null);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function metricsLine(result: Parameters<typeof plainResult>[0]): string {
  return `${JSON.stringify(plainResult(result))}\n`;
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

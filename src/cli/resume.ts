/** What `--resume RUN` goes on with: the arguments of that run, and its newest checkpoint that can be used. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import type { LoadedData } from "../data/sources.ts";
import { DataError, UsageError } from "../engine/errors.ts";
import { fileError, readFileChecked } from "../platform/node/atomic.ts";
import { pathKind } from "../platform/node/files.ts";
import { measureText, measureTitle } from "../task/measures.ts";
import { grouped } from "../task/text.ts";
import type { Callback } from "../train/callbacks.ts";
import { type RunState, readRun, runFiles } from "../train/run-folder.ts";
import { RunClaim } from "./run-claim.ts";
import { readSavedRun } from "./saved-runs.ts";
import { shellWord } from "./shown.ts";
import type { Terminal } from "./terminal.ts";

/** Options that say nothing about what a run computes. */
const NEVER_RECORDED = ["resume", "json", "out", "threads", "mlflow"];

/** The options of a command as `args.json` keeps them for a resume. */
export function recordedOptions(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !NEVER_RECORDED.includes(name)));
}

/** A run to go on with. */
export interface OpenedRun<Options> extends RunState {
  /** Its folder, which nobody else works in. */
  readonly claim: RunClaim;
  /** Whether nothing is left to do. */
  readonly isFinished: boolean;
  /** Whether something was typed that may not be what the run had; whether it is shows when the run goes on. */
  readonly isTyped: boolean;
  /** Of both splits of its data. */
  readonly fingerprint: string | undefined;
  /** Those of the run; what was typed now comes on top, and whether it may differ shows when the run goes on. */
  readonly options: Options;
}

/**
 * Opens the folder of a run of `verb`.
 * @throws UsageError when it is none, or options exclude each other @throws DataError when all its checkpoints are damaged
 */
export async function openRun<Options extends object>(
  folder: string,
  verb: string,
  typed: Options,
  command: Command,
  terminal: Terminal,
): Promise<OpenedRun<Options>> {
  if ("out" in typed) throw new UsageError("--resume goes on in the folder of its run; leave --out out");
  const { options, dataset } = await readArgs<Options>(folder, verb);
  const now = Object.entries(typed).filter(([name]) => command.getOptionValueSource(name) === "cli");
  const claim = RunClaim.take(folder, "--resume", undefined);
  await removeLeftovers(folder);
  const state = await readRun(folder, isFile);
  for (const problem of state.problems) terminal.note(problem);
  const { checkpoint } = state;
  if (checkpoint === undefined) terminal.note(`${folder} has no checkpoint yet; starting over`);
  else if (state.problems.length > 0 || !state.hasLast) {
    terminal.note(`falling back to ${checkpoint.name}, step ${checkpoint.progress.step}`);
  }
  const { fingerprint } = dataset ?? {};
  const isFinished = state.hasLast && state.problems.length === 0 && (await isDone(folder, state));
  const isTyped = now.some(([name]) => !NEVER_RECORDED.includes(name));
  const all = { ...options, ...(Object.fromEntries(now) as Partial<Options>) };
  return { ...state, claim, isFinished, isTyped, fingerprint, options: all };
}

/** Runs of older versions left no word of how they ended; their last file is the report. */
async function isDone(folder: string, { end }: RunState): Promise<boolean> {
  const { status, results, report } = runFiles(folder);
  if (await isFile(status)) return end === "done";
  return (await isFile(results)) && (await isFile(report));
}

const isFile = async (path: string): Promise<boolean> => (await pathKind(path)) === "file";

/** Says of a run that is finished that it is, and what it reached. Nothing is written to its folder. */
export async function sayFinished({ claim }: Pick<OpenedRun<object>, "claim">, terminal: Terminal): Promise<void> {
  const { folder } = claim;
  const { best, report } = runFiles(folder);
  const { test, primary, steps, seconds, history } = await readSavedRun(folder);
  const { name } = primary;
  const value = test?.measures[name];
  const reached = value === undefined ? "" : `; test ${measureTitle(name)} ${measureText(name, value)}`;
  const model = (await isFile(best)) ? best : undefined;
  const page = (await isFile(report)) ? report : undefined;
  terminal.print(`${folder} is finished: ${grouped(history.length)} epochs${reached}. Nothing is left to go on with.`);
  if (model !== undefined) terminal.print(terminal.style.dim(`train on from it:  --init ${shellWord(model)}`));
  terminal.emit({ run: folder, ended: "finished", isFinished: true, steps, seconds, model, report: page, test });
}

/** What a command does with a run, unless it turns out that nothing is left to do. */
export async function unlessFinished(
  run: Pick<OpenedRun<object>, "claim"> | undefined,
  terminal: Terminal,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof RunIsFinished && run !== undefined)) throw error;
    await sayFinished(run, terminal);
  }
}

/** Ends a finished run before it writes anything, once its options are known to be the same. */
export class RunIsFinished extends Error {
  override name = "RunIsFinished";
  static readonly callback: Callback = {
    onStart: () => {
      throw new RunIsFinished();
    },
  };
}

/**
 * The test split too must be that of the run, which training itself never sees.
 * @throws DataError when the data are others than those of the run
 */
export function checkData(run: OpenedRun<object> | undefined, { fingerprint }: Pick<LoadedData, "fingerprint">): void {
  const was = run?.fingerprint;
  if (was === undefined || was === fingerprint) return;
  const digits = [fingerprint, was].map((text) => text.slice(0, 12));
  throw new DataError(
    `cannot go on with ${run?.claim.folder}: data is ${digits[0]} and was ${digits[1]}; make it the same, or start a new run`,
  );
}

interface Args<Options> {
  readonly options: Options;
  readonly dataset?: { readonly fingerprint?: string | undefined } | undefined;
}

async function readArgs<Options>(folder: string, verb: string): Promise<Args<Options>> {
  const path = runFiles(folder).args;
  if ((await pathKind(folder)) !== "folder") throw new UsageError(`--resume ${folder}: there is no such folder`);
  if ((await pathKind(path)) !== "file") {
    throw new UsageError(`--resume ${folder}: it has no args.json, so no run began there; start one with --out`);
  }
  try {
    const args: unknown = JSON.parse(new TextDecoder().decode(await readFileChecked(path)));
    const { verb: ofRun, options } = args as { verb?: unknown; options?: unknown };
    if (ofRun === verb && typeof options === "object" && options !== null) return args as Args<Options>;
    if (typeof ofRun === "string" && ofRun !== verb) {
      throw new UsageError(`--resume ${folder}: it is a run of ductus ${ofRun}, not of ductus ${verb}`);
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new DataError(`${path} is damaged; the run cannot be resumed from it`);
}

/** Temporary files of a process that was killed while it wrote. */
async function removeLeftovers(folder: string): Promise<void> {
  try {
    for (const name of await readdir(folder)) {
      if (/^\.ductus-.*\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
    }
  } catch (error) {
    throw fileError(error, "write", folder);
  }
}

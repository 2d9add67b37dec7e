/** Runs as they stand in their folders: what was asked for, the results of the epochs, and the test. For `runs` and `compare`. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../engine/errors.ts";
import { fileError, readFileChecked } from "../platform/node/atomic.ts";
import { pathKind } from "../platform/node/files.ts";
import { lockHolder } from "../platform/node/folder-lock.ts";
import type { Primary } from "../task/task.ts";
import type { PlainResult } from "../train/results.ts";
import { parseStatus, type RunEnd, runFiles } from "../train/run-folder.ts";

/** What is known of a run; a run on its way, or one that was stopped, has no test. */
export interface SavedRun {
  readonly path: string;
  readonly data: string | undefined;
  /** Of the data set, to see whether two runs were tested on the same. */
  readonly fingerprint: string | undefined;
  readonly model: string | undefined;
  readonly args: Readonly<Record<string, unknown>>;
  /** The measure by which it is judged. */
  readonly primary: Primary;
  readonly history: readonly PlainResult[];
  readonly test: SavedTest | undefined;
  readonly ended: string | undefined;
  /** What is known of how it stands, and why where it went wrong. */
  readonly status: "running" | RunEnd;
  readonly reason: string | undefined;
  readonly steps: number | undefined;
  readonly seconds: number | undefined;
}

export interface SavedTest {
  readonly count: number;
  readonly loss: number;
  readonly accuracy?: number | undefined;
  /** All numbers that were measured, by name. */
  readonly measures: Readonly<Partial<Record<string, number>>>;
  readonly interval?: { readonly low: number; readonly high: number } | undefined;
  readonly calibration?: { readonly expectedError: number } | undefined;
}

type JsonRecord = Readonly<Record<string, unknown>>;

/** @throws UsageError when the folder is no run */
export async function readSavedRun(path: string): Promise<SavedRun> {
  const files = runFiles(path);
  const kind = await pathKind(path);
  if (kind === "file") {
    throw new UsageError(`${path} is a file, not a run folder; models are compared so: ductus evaluate A --against B`);
  }
  if (kind === "nothing") throw new UsageError(`${path}: there is no such folder; ductus runs lists those there are`);
  if ((await pathKind(files.args)) !== "file") {
    throw new UsageError(`${path} is no run folder: it has no args.json; ductus runs lists those there are`);
  }
  const args = await readJson(files.args);
  const results = await readJson(files.results);
  const dataset = record(args.dataset);
  return {
    path,
    data: text(dataset.name) ?? text(args.data),
    fingerprint: text(dataset.fingerprint),
    model: text(args.model),
    args,
    primary: primaryOf(record(record(args.task).primary)),
    history: await readLines(files.metrics),
    test: testOf(record(results.test)),
    ended: text(results.ended),
    ...(await statusOf(path, typeof results.ended === "string")),
    steps: typeof results.steps === "number" ? results.steps : undefined,
    seconds: typeof results.seconds === "number" ? results.seconds : undefined,
  };
}

/**
 * A run whose folder is locked by a living process is running; one that left no word of how it ended was killed. Versions
 * that left none at all left results.
 */
async function statusOf(path: string, hasResults: boolean): Promise<Pick<SavedRun, "status" | "reason">> {
  if (lockHolder(path) !== undefined) return { status: "running", reason: undefined };
  const { status } = runFiles(path);
  const isThere = (await pathKind(status)) === "file";
  const { end, reason } = parseStatus(isThere ? await readFileChecked(status) : undefined);
  return { status: end ?? (hasResults && !isThere ? "done" : "interrupted"), reason };
}

/** All runs in a folder of runs, in the order of their names (numbers by value). @throws DuctusError when it cannot be read */
export async function listSavedRuns(folder: string): Promise<SavedRun[]> {
  if ((await pathKind(folder)) === "nothing") return [];
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    throw fileError(error, "read", folder);
  }
  names.sort(new Intl.Collator("en", { numeric: true }).compare);
  const paths = names.map((name) => join(folder, name));
  const isRun = await Promise.all(paths.map(async (path) => (await pathKind(runFiles(path).args)) === "file"));
  return Promise.all(paths.filter((_, i) => isRun[i]).map(readSavedRun));
}

/** The record in a file; an empty one where there is none, or it was never finished. */
async function readJson(path: string): Promise<JsonRecord> {
  if ((await pathKind(path)) !== "file") return {};
  return record(parse(new TextDecoder().decode(await readFileChecked(path))));
}

async function readLines(path: string): Promise<PlainResult[]> {
  if ((await pathKind(path)) !== "file") return [];
  const lines = new TextDecoder().decode(await readFileChecked(path)).split("\n");
  return lines
    .map((line) => record(parse(line)))
    .filter(({ epoch }) => typeof epoch === "number")
    .map((line) => ({
      ...(numbersOf(line) as unknown as PlainResult),
      validation: line.validation === undefined ? undefined : (numbersOf(line.validation) as PlainResult["validation"]),
    }));
}

/** Runs of older versions were all of classifiers. */
function primaryOf({ name, better }: JsonRecord): Primary {
  return { name: text(name) ?? "accuracy", better: better === "lower" ? "lower" : "higher" };
}

/** What a test found; undefined where that is not all there. */
function testOf(stored: JsonRecord): SavedTest | undefined {
  const measures = numbersOf(stored);
  const { count, loss, accuracy } = measures;
  const { low, high } = numbersOf(stored.interval);
  const { expectedError } = numbersOf(stored.calibration);
  if (count === undefined || loss === undefined) return undefined;
  return {
    count,
    loss,
    accuracy,
    measures,
    interval: low === undefined || high === undefined ? undefined : { low, high },
    calibration: expectedError === undefined ? undefined : { expectedError },
  };
}

/** The fields of a record that are numbers: a file may have been edited. */
function numbersOf(value: unknown): Readonly<Partial<Record<string, number>>> {
  return Object.fromEntries(
    Object.entries(record(value)).filter((field): field is [string, number] => typeof field[1] === "number"),
  );
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function record(value: unknown): JsonRecord {
  return typeof value === "object" && value !== null ? (value as JsonRecord) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** `ductus runs`: the runs in a folder, with what they reached. */
import { Command } from "commander";
import { UsageError } from "../engine/errors.ts";
import { pathKind } from "../platform/node/files.ts";
import { measureText, measureTitle } from "../task/measures.ts";
import type { Primary } from "../task/task.ts";
import { columns, duration, grouped, percentInterval, round } from "../task/text.ts";
import { type CommonOptions, jsonOption } from "./options.ts";
import { listSavedRuns, type SavedRun } from "./saved-runs.ts";
import { openTerminal } from "./terminal.ts";

interface RunsOptions extends CommonOptions {
  readonly best?: boolean | undefined;
}

const DEFAULT_FOLDER = "runs";

const EXAMPLES = `
Examples:
  $ ductus runs
  $ ductus runs experiments/ --best
  $ ductus runs --json`;

export function command(): Command {
  return new Command()
    .description("Lists runs: how they stand, data, network, epochs, and what the test gave.")
    .argument("[folder]", "where the run folders are", DEFAULT_FOLDER)
    .option("--best", "the best on the test first")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(folder: string, { json = false, best = false }: RunsOptions): Promise<void> {
  const terminal = openTerminal(json);
  // The usual one is made by the first run.
  if (folder !== DEFAULT_FOLDER && (await pathKind(folder)) !== "folder") {
    throw new UsageError(`${folder}: there is no such folder`);
  }
  const runs = await listSavedRuns(folder);
  if (best) runs.sort((a, b) => a.primary.name.localeCompare(b.primary.name) || worthOf(b) - worthOf(a));
  if (runs.length === 0) terminal.print(`no runs in ${folder}; ductus train makes one`);
  else {
    const [head, ...lines] = runsTable(runs);
    terminal.print(terminal.style.dim(head));
    for (const line of lines) terminal.print(line);
  }
  terminal.emit({ folder, runs: runs.map(summarizeRun) });
}

/** What a run reached on the test: more is better. */
function worthOf({ primary: { name, better }, test }: SavedRun): number {
  const value = test?.measures[name];
  if (value === undefined) return Number.NEGATIVE_INFINITY;
  return better === "higher" ? value : -value;
}

/** A line for each run, and the head above; a measure that not all have stands in the cells by its name. */
export function runsTable(runs: readonly SavedRun[]): string[] {
  const optional = <T>(value: T | undefined, show: (value: T) => string): string =>
    value === undefined ? "–" : show(value);
  const [measure, ...others] = new Set(runs.map(({ primary }) => primary.name));
  const shared = others.length === 0 ? `test ${measureTitle(measure)}` : "test";
  const cell = ({ name }: Primary, value: number | undefined): string =>
    optional(value, (known) => `${others.length === 0 ? "" : `${measureTitle(name)} `}${measureText(name, known)}`);
  return columns(
    ["run", "status", "data", "network", "epochs", "validation", shared, "95 % interval", "test loss", "time"],
    runs.map(({ path, status = "–", data = "–", model = "–", primary, history, test, seconds }) => [
      path,
      status,
      data,
      model,
      grouped(history.length),
      cell(primary, bestValidation(primary, history)),
      cell(primary, test?.measures[primary.name]),
      optional(test?.interval, percentInterval),
      optional(test?.loss, round),
      optional(seconds, duration),
    ]),
  );
}

/** What scripts want to know of a run. */
export function summarizeRun(run: SavedRun): object {
  const { path, status, reason, data, fingerprint, model, primary, history, test, ended, seconds } = run;
  const { count, loss, interval, calibration, measures } = test ?? {};
  const measured = test && {
    ...{ count, loss, accuracy: test.accuracy, [primary.name]: measures?.[primary.name] },
    ...{ interval, expectedCalibrationError: calibration?.expectedError },
  };
  const validation = bestValidation(primary, history);
  const about = { run: path, status, reason, data, fingerprint, model, epochs: history.length };
  return { ...about, measure: primary.name, validation, test: measured, ended, seconds };
}

/** The best that a run measured on its validation samples. */
function bestValidation({ name, better }: Primary, history: SavedRun["history"]): number | undefined {
  const measured = history.flatMap(({ validation }) => validation?.[name] ?? []);
  if (measured.length === 0) return undefined;
  return better === "higher" ? Math.max(...measured) : Math.min(...measured);
}

/** `ductus runs`: the runs in a folder, with what they reached. */
import { Command } from "commander";
import { UsageError } from "../engine/errors.ts";
import { pathKind } from "../platform/node/files.ts";
import { columns, duration, grouped, percent, percentInterval, round } from "../task/text.ts";
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
    .option("--best", "the best test accuracy first")
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
  if (best) runs.sort((a, b) => (b.test?.accuracy ?? -1) - (a.test?.accuracy ?? -1));
  if (runs.length === 0) terminal.print(`no runs in ${folder}; ductus train makes one`);
  else {
    const [head, ...lines] = runsTable(runs);
    terminal.print(terminal.style.dim(head));
    for (const line of lines) terminal.print(line);
  }
  terminal.emit({ folder, runs: runs.map(summarizeRun) });
}

/** A line for each run, and the head above. */
export function runsTable(runs: readonly SavedRun[]): string[] {
  const optional = <T>(value: T | undefined, show: (value: T) => string): string =>
    value === undefined ? "–" : show(value);
  return columns(
    ["run", "status", "data", "network", "epochs", "validation", "test accuracy", "95 % interval", "test loss", "time"],
    runs.map(({ path, status = "–", data = "–", model = "–", history, test, seconds }) => [
      path,
      status,
      data,
      model,
      grouped(history.length),
      optional(bestValidation(history), percent),
      optional(test?.accuracy, percent),
      optional(test?.interval, percentInterval),
      optional(test?.loss, round),
      optional(seconds, duration),
    ]),
  );
}

/** What scripts want to know of a run. */
export function summarizeRun(run: SavedRun): object {
  const { path, status, reason, data, fingerprint, model, history, test, ended, seconds } = run;
  const { count, loss, accuracy, interval, calibration } = test ?? {};
  const measured = test && { count, loss, accuracy, interval, expectedCalibrationError: calibration?.expectedError };
  const validation = bestValidation(history);
  const about = { run: path, status, reason, data, fingerprint, model, epochs: history.length };
  return { ...about, validation, test: measured, ended, seconds };
}

/** The best validation accuracy of a run. */
function bestValidation(history: SavedRun["history"]): number | undefined {
  const measured = history
    .map(({ validation }) => validation?.accuracy)
    .filter((accuracy) => typeof accuracy === "number");
  return measured.reduce<number | undefined>(
    (most, each) => (most === undefined || each > most ? each : most),
    undefined,
  );
}

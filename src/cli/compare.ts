/** `ductus compare`: what differs between runs, in their settings and their results, and whether the difference means anything. */
import { Command } from "commander";
import { UsageError } from "../engine/errors.ts";
import { readFileChecked } from "../platform/node/atomic.ts";
import { pathKind } from "../platform/node/files.ts";
import { comparePaired, type PairedComparison } from "../task/classify/mcnemar.ts";
import type { Predictions } from "../task/classify/predictions.ts";
import { decodePredictions } from "../task/classify/saved-predictions.ts";
import { formatComparison } from "../task/classify/text.ts";
import { columns } from "../task/text.ts";
import { runFiles } from "../train/run-folder.ts";
import { type CommonOptions, jsonOption } from "./options.ts";
import { runsTable, summarizeRun } from "./runs.ts";
import { readSavedRun, type SavedRun } from "./saved-runs.ts";
import { openTerminal } from "./terminal.ts";

const EXAMPLES = `
Runs that were tested on the same samples are compared by McNemar's test, each with the first.

Examples:
  $ ductus compare runs/mnist-cnn-3x3-1 runs/mnist-cnn-same-1
  $ ductus compare runs/* --json`;

/** Arguments that say where, not what, or say again what another says. */
const NOT_SETTINGS = new Set([
  "out",
  "json",
  "threads",
  "mlflow",
  "options",
  "run.steps",
  "run.seed",
  "dataset.origin",
  "task.primary.name",
  "task.primary.better",
]);

export function command(): Command {
  return new Command()
    .description("Compares runs: settings that differ, results, and McNemar's test on the same test samples.")
    .argument("<run...>", "run folders, two or more")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(paths: readonly string[], { json = false }: CommonOptions): Promise<void> {
  if (paths.length < 2) throw new UsageError("compare needs two runs or more: ductus compare RUN RUN");
  const terminal = openTerminal(json);
  const { bold, dim } = terminal.style;
  const runs = await Promise.all(paths.map(readSavedRun));
  const [head, ...lines] = runsTable(runs);
  terminal.print(dim(head));
  for (const line of lines) terminal.print(line);

  const differences = differentSettings(runs);
  terminal.print();
  if (Object.keys(differences).length === 0) terminal.print("All settings are the same.");
  else {
    const names = runs.map(({ path }) => path);
    const rows = Object.entries(differences).map(([name, values]) => [name, ...values]);
    const [top, ...settings] = columns(["setting", ...names], rows);
    for (const line of [dim(top), ...settings]) terminal.print(line);
  }

  const paired = await comparisons(runs);
  for (const { first, second, comparison, problem } of paired) {
    terminal.print();
    terminal.print(bold(`${first} and ${second}`));
    terminal.print(comparison ? formatComparison([first, second], comparison, terminal.style) : problem);
  }
  terminal.emit({ runs: runs.map(summarizeRun), differences, comparisons: paired });
}

/** Settings that are not the same in all runs, by dotted name, as text. */
function differentSettings(runs: readonly SavedRun[]): Record<string, string[]> {
  const settings = runs.map(({ args }) => flat(args));
  const names = new Set(settings.flatMap((map) => [...map.keys()]));
  const rows = [...names].map((name): [string, string[]] => [name, settings.map((map) => map.get(name) ?? "–")]);
  return Object.fromEntries(rows.filter(([, values]) => values.some((value) => value !== values[0])));
}

function flat(args: object, prefix = ""): Map<string, string> {
  return new Map(
    Object.entries(args).flatMap(([key, value]: [string, unknown]): [string, string][] => {
      const name = prefix + key;
      if (NOT_SETTINGS.has(name) || value === undefined || value === null) return [];
      if (typeof value === "object" && !Array.isArray(value)) return [...flat(value, `${name}.`)];
      return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
    }),
  );
}

interface Pair {
  readonly first: string;
  readonly second: string;
  readonly comparison?: PairedComparison | undefined;
  /** Why there is none. */
  readonly problem?: string | undefined;
}

/** The first run with each of the others. */
async function comparisons([base, ...others]: readonly SavedRun[]): Promise<Pair[]> {
  const own = await predictionsOf(base);
  return Promise.all(
    others.map(async (other) => {
      const names = { first: base.path, second: other.path };
      const theirs = await predictionsOf(other);
      const missing = own === undefined ? base.path : theirs === undefined ? other.path : undefined;
      if (own === undefined || theirs === undefined) {
        return {
          ...names,
          problem: `${missing} has no test predictions; it was not finished, or it is no classifier, which McNemar's test is for`,
        };
      }
      try {
        return { ...names, comparison: comparePaired(own, theirs) };
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        return { ...names, problem: `they were tested on different data: ${error.message}` };
      }
    }),
  );
}

async function predictionsOf({ path }: SavedRun): Promise<Predictions | undefined> {
  const file = runFiles(path).predictions;
  if ((await pathKind(file)) !== "file") return undefined;
  return decodePredictions(await readFileChecked(file), file).predictions;
}

/** `results.csv`: a line per epoch for spreadsheets, as a callback of `fit`. The columns are those of `metrics.jsonl`. */
import { csvText } from "../formats/csv-text.ts";
import { platform } from "../platform/platform.ts";
import type { Callback } from "../train/callbacks.ts";
import { type EpochResult, plainResult } from "../train/results.ts";

/** Keeps the file whole after every epoch; epochs before a resume are in it too. */
export function csvWriter(path: string): Callback {
  let rows: Record<string, number | undefined>[] = [];
  return {
    onStart: ({ history }) => {
      rows = history.map(flatResult);
    },
    onEpoch: async (info) => {
      rows.push(flatResult(info));
      await platform().writeFile(path, toCsv(rows));
    },
  };
}

/** The numbers of an epoch by name, those of the validation with its name in front. */
export function flatResult(result: EpochResult): Record<string, number | undefined> {
  const { validation = {}, ...rest } = plainResult(result);
  const { samples: _, ...measured } = validation as Record<string, number | undefined>;
  const named = Object.entries(measured).map(([name, value]) => [`validation_${name.replaceAll(" ", "_")}`, value]);
  return { ...rest, ...Object.fromEntries(named) };
}

function toCsv(rows: readonly Record<string, number | undefined>[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return csvText([columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))]);
}

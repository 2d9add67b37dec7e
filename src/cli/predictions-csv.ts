/** The answers of `ductus predict` as a CSV file, for spreadsheets, pandas and competitions. */
import { UsageError } from "../engine/errors.ts";
import { csvText } from "../formats/csv-text.ts";
import type { Inputs } from "./predict-inputs.ts";

/** One line of the file. */
export interface Answer {
  readonly file: string;
  readonly row?: string | undefined;
  /** Undefined where there is no answer. */
  readonly label?: string | undefined;
  readonly probability?: number | undefined;
  /** Why it is none of the classes. */
  readonly reason?: string | undefined;
}

const DIGITS = 6;

/**
 * The text of a file with the columns file, row, label and probability, and where the model says so of any the reason why it is none of
 * the classes, instead of a label; own names of columns are for programs that want a label in each line, and get one. `file` is left out where all comes from one table,
 * `row` where nothing comes from tables.
 * @param names other names for the columns; with one less, the probability is left out
 * @throws UsageError when there are not as many names as columns
 */
export function csvOf(answers: readonly Answer[], inputs: Pick<Inputs, "files" | "tables">, names?: string): string {
  const all = columnsOf(inputs);
  const isRefusing = names === undefined && answers.some(({ reason }) => reason !== undefined);
  const columns = isRefusing ? [...all, "reason" as const] : all;
  const header = names === undefined ? columns : named(names, all);
  const lines = answers.map((answer) => {
    const { probability } = answer;
    const texts = {
      ...answer,
      label: isRefusing && answer.reason !== undefined ? "" : answer.label,
      probability: probability === undefined ? "" : String(Number(probability.toFixed(DIGITS))),
    };
    return columns.slice(0, header.length).map((column) => texts[column] ?? "");
  });
  return csvText([header, ...lines]);
}

function columnsOf({ files, tables }: Pick<Inputs, "files" | "tables">): readonly (keyof Answer)[] {
  const isOneTable = files === 1 && tables === 1;
  return [...(isOneTable ? [] : ["file" as const]), ...(tables > 0 ? ["row" as const] : []), "label", "probability"];
}

function named(names: string, columns: readonly string[]): readonly string[] {
  const given = names.split(",").map((name) => name.trim());
  if (given.length === columns.length || given.length === columns.length - 1) return given;
  throw new UsageError(
    `--columns: ${given.length} names, but the columns are ${columns.join(", ")} (the last may be left out)`,
  );
}

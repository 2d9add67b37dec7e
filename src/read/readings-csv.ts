/**
 * What was read on pages, as CSV files: for spreadsheets a line for each place of each page, with what a person said of it; to learn from,
 * the pictures of lines with their texts.
 */
import { csvText } from "../formats/csv-text.ts";
import { boxAround, type NumberAnswer, placeOf } from "./answers.ts";

/** What a person says stands at a place. */
export interface Correction {
  /** Empty where there is no number. */
  readonly text: string;
}

/** A page for the table. */
export interface PageRows {
  /** Of the picture. */
  readonly name: string;
  readonly numbers: readonly Pick<NumberAnswer, "name" | "place" | "quad" | "text" | "probability" | "refused">[];
  /** By index of the number; default: nobody has looked at them. */
  readonly corrections?: ReadonlyMap<number, Correction> | undefined;
}

const COLUMNS = ["file", "place", "text", "probability", "refused", "left", "top", "width", "height"];
/** The last column, where a person has looked at the pages. */
const CORRECTED = "corrected";
const DIGITS = 6;

/**
 * The table, with boxes in pixels of the picture. Where pages have corrections, their texts stand in it, without probability and
 * refusal, and one more column says which they are: `confirmed` or `changed`.
 */
export function readingsCsv(pages: readonly PageRows[]): string {
  const isCorrected = pages.some(({ corrections }) => corrections !== undefined);
  const rows = pages.flatMap(({ name, numbers, corrections }) =>
    numbers.map((number, i) => {
      const corrected = corrections?.get(i);
      const box = boxAround(number.quad).map(String);
      return [
        name,
        placeOf(number, i),
        ...(corrected === undefined
          ? [number.text, String(Number(number.probability.toFixed(DIGITS))), number.refused ?? ""]
          : [corrected.text, "", ""]),
        ...box,
        ...(isCorrected
          ? [corrected === undefined ? "" : corrected.text === number.text ? "confirmed" : "changed"]
          : []),
      ];
    }),
  );
  return csvText([isCorrected ? [...COLUMNS, CORRECTED] : COLUMNS, ...rows]);
}

/** Pictures of lines with what stands in them, as `ductus finetune --data` takes them. @param lines name of the file, text */
export const linesCsv = (lines: readonly (readonly [file: string, text: string])[]): string =>
  csvText([["file", "text"], ...lines]);

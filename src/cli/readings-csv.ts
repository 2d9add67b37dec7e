/** What `ductus read` found, as a CSV file for spreadsheets: a line for each place of each page. */
import { csvText } from "../formats/csv-text.ts";
import { boxAround } from "../read/answers.ts";
import { placeOf, type ReadPage } from "../report/page-reading.ts";

const COLUMNS = ["file", "place", "text", "probability", "refused", "left", "top", "width", "height"];
const DIGITS = 6;

/** Boxes are in pixels of the picture. */
export function readingsCsv(pages: readonly ReadPage[]): string {
  const rows = pages.flatMap(({ name, answer }) =>
    answer.numbers.map((number, i) => [
      name,
      placeOf(number, i),
      number.text,
      String(Number(number.probability.toFixed(DIGITS))),
      number.refused ?? "",
      ...boxAround(number.quad).map(String),
    ]),
  );
  return csvText([COLUMNS, ...rows]);
}

/** How many samples each part of the data has. */
import type { DataPart } from "../data/duplicates.ts";
import { grouped } from "../task/text.ts";
import { figure, htmlTable, type Markup } from "./html.ts";

/** @param what the samples are called */
export function partsTable(parts: readonly DataPart[], what: string): Markup {
  const rows = parts.map(({ name, dataset }) => [name, grouped(dataset.length)]);
  return figure(`How many ${what}`, htmlTable(["", what], rows));
}

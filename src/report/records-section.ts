/** What a result rests on: the data and what its parts share, the recipe, the environment. */

import { countOverlap } from "../data/overlap.ts";
import { grouped } from "../task/text.ts";
import { figure, html, htmlTable, type Markup } from "./html.ts";
import type { ReportInput } from "./input.ts";
import type { ReportView } from "./views.ts";

export function dataSection({ parts, overlaps, model }: ReportInput, view: ReportView): Markup | undefined {
  if (parts.length === 0) return undefined;
  return html`<section><h2>Data</h2><div class="grid wide">${view.counts(parts, model)}${overlapTable(overlaps)}</div></section>`;
}

function overlapTable(overlaps: ReportInput["overlaps"]): Markup | undefined {
  if (overlaps.length === 0) return undefined;
  const rows = overlaps.map((overlap) => {
    const { exact, near, otherLabel } = countOverlap(overlap);
    return [
      `${overlap.to} in ${overlap.from}`,
      grouped(exact),
      grouped(near),
      grouped(otherLabel),
      grouped(overlap.count),
    ];
  });
  return figure(
    "Samples in two parts",
    htmlTable(["", "exact", "near", "other label", "of"], rows),
    "Exact: the same pixels. Near: the same but for a shift of up to two pixels, brightness, contrast and a little noise.",
  );
}

/** Everything else that was recorded, folded away. */
export function recordsSection({ records }: ReportInput): Markup | undefined {
  if (records.length === 0) return undefined;
  const folded = records.map(
    ([name, value]) => html`<details><summary>${name}</summary><dl class="record">${entries(value)}</dl></details>`,
  );
  return html`<section><h2>Recipe and environment</h2><div class="card">${folded}</div></section>`;
}

/** Nested records become dotted names. */
function entries(value: object, prefix = ""): Markup[] {
  return Object.entries(value).flatMap(([key, entry]: [string, unknown]) => {
    if (entry === undefined || entry === null) return [];
    if (typeof entry === "object" && !Array.isArray(entry)) return entries(entry, `${prefix}${key}.`);
    const text = Array.isArray(entry) ? JSON.stringify(entry) : String(entry);
    return [html`<dt>${prefix}${key}</dt><dd>${text}</dd>`];
  });
}

/**
 * One self-contained page about a run or an evaluation: curves, results, errors as pictures, data, recipe, environment. It
 * holds no script and asks for nothing from the network, so it can be mailed and kept. Drawings are charts.ts, its look style.ts.
 */
import { describeOverlap } from "../data/overlap.ts";
import { figure, html, htmlTable, type Markup } from "./html.ts";
import type { ComparisonTable, ReportInput } from "./input.ts";
import { renderPage } from "./page.ts";
import { dataSection, recordsSection } from "./records-section.ts";
import { trainingSection } from "./training-section.ts";
import { REPORT_VIEWS } from "./views.ts";

/** The text of `report.html`. */
export async function renderReport(input: ReportInput): Promise<string> {
  const { title, subtitle, created, facts, model, measured, comparison, overlaps } = input;
  const view = await REPORT_VIEWS[model.task.kind]();
  const leaks = overlaps.filter(({ duplicates }) => duplicates.length > 0);
  const content = html`<div class="hero">${measured && view.score(measured)}<dl class="facts">${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl></div>
${leaks.length > 0 ? html`<div class="warning">${leaks.map((overlap) => html`<div>${describeOverlap(overlap)}.</div>`)}</div>` : undefined}
${comparison && comparisonSection(comparison)}
${measured && (await view.results(measured, model))}
${await trainingSection(input)}
${dataSection(input, view)}
${recordsSection(input)}`;
  return renderPage({ title, subtitle, content, created });
}

/** What the run stands beside. */
function comparisonSection({ title, head, rows, caption }: ComparisonTable): Markup {
  return html`<section><h2>${title}</h2>${figure(head[0], htmlTable(["", ...head.slice(1)], rows), caption)}</section>`;
}

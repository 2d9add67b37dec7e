/**
 * One self-contained page about a run or an evaluation: curves, results, errors as pictures, data, recipe, environment. It
 * holds no script and asks for nothing from the network, so it can be mailed and kept. Drawings are charts.ts, its look style.ts.
 */
import { describeOverlap } from "../data/leakage.ts";
import { html } from "./html.ts";
import type { ReportInput } from "./input.ts";
import { renderPage } from "./page.ts";
import { dataSection, recordsSection } from "./records-section.ts";
import { comparisonSection, resultsSection, score } from "./results-section.ts";
import { trainingSection } from "./training-section.ts";

/** The text of `report.html`. */
export async function renderReport(input: ReportInput): Promise<string> {
  const { title, subtitle, created, facts, measured, comparison, overlaps } = input;
  const leaks = overlaps.filter(({ duplicates }) => duplicates.length > 0);
  const content = html`<div class="hero">${measured && score(measured)}<dl class="facts">${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl></div>
${leaks.length > 0 ? html`<div class="warning">${leaks.map((overlap) => html`<div>${describeOverlap(overlap)}.</div>`)}</div>` : undefined}
${comparison && comparisonSection(comparison)}
${measured && (await resultsSection(measured))}
${await trainingSection(input)}
${dataSection(input)}
${recordsSection(input)}`;
  return renderPage({ title, subtitle, content, created });
}

/**
 * One self-contained page about a run or an evaluation: curves, results, errors as pictures, data, recipe, environment. It
 * holds no script and asks for nothing from the network, so it can be mailed and kept. Drawings are charts.ts, its look style.ts.
 */
import { describeOverlap } from "../train/leakage.ts";
import { VERSION } from "../version.ts";
import { html, type Markup, Markup as Text } from "./html.ts";
import type { ReportInput } from "./input.ts";
import { dataSection, recordsSection } from "./records-section.ts";
import { comparisonSection, resultsSection, score } from "./results-section.ts";
import { STYLE } from "./style.ts";
import { trainingSection } from "./training-section.ts";

/** The text of `report.html`. */
export async function renderReport(input: ReportInput): Promise<string> {
  const { title, subtitle, created, facts, measured, comparison, overlaps } = input;
  const leaks = overlaps.filter(({ duplicates }) => duplicates.length > 0);
  const page: Markup = html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>${title}</title><style>${new Text(STYLE)}</style></head>
<body><main><header><h1>${title}</h1><p>${subtitle}</p></header>
<div class="hero">${measured && score(measured)}<dl class="facts">${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl></div>
${leaks.length > 0 ? html`<div class="warning">${leaks.map((overlap) => html`<div>${describeOverlap(overlap)}.</div>`)}</div>` : undefined}
${comparison && comparisonSection(comparison)}
${measured && (await resultsSection(measured))}
${await trainingSection(input)}
${dataSection(input)}
${recordsSection(input)}
<footer>Written by ductus ${VERSION}, ${created}.</footer></main></body></html>
`;
  return page.text;
}

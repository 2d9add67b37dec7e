/** One self-contained page about a learning rate range test (train/lr-find.ts): its curve, and what it suggests. */

import { formatRate } from "../task/text.ts";
import type { LrCurve } from "../train/lr-curve.ts";
import { lrFindChart } from "./charts.ts";
import { figure, html } from "./html.ts";
import { renderPage } from "./page.ts";

export interface LrCurveInput {
  readonly curve: LrCurve;
  /** The architecture. */
  readonly model: string;
  /** Name of the data. */
  readonly data: string;
  /** Optimizer and batch size, as a line of text. */
  readonly how: string;
  /** When, as ISO 8601. */
  readonly created: string;
}

/** The text of the page. */
export function renderLrCurve({ curve, model, data, how, created }: LrCurveInput): string {
  const { points, suggestion, tenthOfLeast, exploded } = curve;
  const last = points[points.length - 1].lr;
  const rest = `The loss ${exploded ? "exploded at" : "did not explode up to"} ${formatRate(last)}.`;
  const score =
    suggestion === undefined || tenthOfLeast === undefined
      ? html`<p>The loss never fell: no learning rate to suggest.</p>`
      : html`<div class="hero"><div class="score"><b>${formatRate(suggestion)}</b><small>learning rate, where the loss falls fastest</small></div>
<p>A tenth of where it is least: ${formatRate(tenthOfLeast)}. ${rest}</p></div>`;
  return renderPage({
    title: `Learning rate of ${model}`,
    heading: "Learning rate",
    subtitle: `${model} on ${data}, ${how}: ${points.length} steps while the rate grows.`,
    content: html`${score}
<section>${figure("Loss by learning rate", lrFindChart(curve))}</section>`,
    created,
  });
}
